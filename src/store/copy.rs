//! Copies of the embedded database: made while it is in use, and looked at before one is trusted.

use super::Store;
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use std::collections::HashSet;
use std::io;
use std::path::Path;
use tokio::io::AsyncReadExt;

/// How a file of `SQLite` begins.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Why there is no copy, or none to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The data is not in a file.
    #[error(
        "the data is in a database server, whose own tools copy it (pg_dump, mariadb-dump); after restoring such a copy \
         run `goldcrest restore --renumber`"
    )]
    NotEmbedded,
    /// It is not the one that the server knows.
    #[error("the database was replaced while the server ran; stop the server first")]
    Replaced,
    /// A path that cannot be said to `SQLite`.
    #[error("{0} is no path in UTF-8")]
    Path(String),
    /// The file cannot be read or written.
    #[error("{0}: {1}")]
    File(String, io::Error),
    /// The database says no.
    #[error("{0}: {1}")]
    Database(String, DbErr),
    /// The pages of a file do not fit together.
    #[error("{0} is damaged: {1}")]
    Damaged(String, String),
    /// It is something else.
    #[error("{0} is not a database of Goldcrest")]
    Foreign(String),
    /// It was written by a later version.
    #[error("{0} is from a newer Goldcrest (it has {1}): use that version or a later one")]
    Newer(String, String),
}

impl CopyError {
    /// The same of the file that this one was copied from: whoever named that one knows no other.
    #[must_use]
    pub fn of(mut self, original: &Path) -> Self {
        match &mut self {
            Self::NotEmbedded | Self::Replaced => {}
            Self::Path(file)
            | Self::File(file, _)
            | Self::Database(file, _)
            | Self::Damaged(file, _)
            | Self::Foreign(file)
            | Self::Newer(file, _) => *file = original.display().to_string(),
        }
        self
    }
}

impl Store {
    /// Copies the embedded database as it is at one moment into a file that is not there yet or empty, and checks the
    /// copy. Writers go on meanwhile. It is on disk when this returns.
    pub async fn copy_to(&self, to: &Path) -> Result<(), CopyError> {
        copy(self.file().ok_or(CopyError::NotEmbedded)?, to).await
    }
}

/// Like [`Store::copy_to`], of a database that nobody has open; it is not brought up to date for that.
pub async fn copy(from: &Path, to: &Path) -> Result<(), CopyError> {
    // A connection of its own, so that neither the writer nor a reader waits for it; it writes to the copy alone. A
    // transaction that reads is all it holds of the database, and that holds nobody up.
    let source = connect(from, "rw").await?;
    let of_source = |error| failed(from, error);
    let copied = source
        .execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO ?", [text(to)?.into()]))
        .await;
    source.close().await.map_err(of_source)?;
    copied.map_err(of_source)?;
    // `VACUUM INTO` leaves it to its caller that the copy survives a power cut.
    let synced = async { tokio::fs::File::open(to).await?.sync_all().await };
    synced.await.map_err(|error| CopyError::File(to.display().to_string(), error))?;
    let copy = connect(to, "ro").await?;
    let checked = check(&copy, to).await;
    copy.close().await.map_err(|error| failed(to, error))?;
    checked
}

/// Looks whether a file is a whole database of Goldcrest, of this version or an earlier one. Brings in what its
/// write-ahead log holds, and changes nothing else.
pub async fn examine(file: &Path) -> Result<(), CopyError> {
    let name = || file.display().to_string();
    let mut beginning = [0; MAGIC.len()];
    let read = async { tokio::fs::File::open(file).await?.read_exact(&mut beginning).await };
    match read.await {
        Ok(_) if &beginning == MAGIC => {}
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => return Err(CopyError::File(name(), error)),
        _ => return Err(CopyError::Foreign(name())),
    }
    let database = connect(file, "rw").await?;
    let examined = examine_open(&database, file).await;
    database.close().await.map_err(|error| failed(file, error))?;
    examined
}

async fn examine_open(database: &DatabaseConnection, file: &Path) -> Result<(), CopyError> {
    let name = || file.display().to_string();
    let failed = |error| failed(file, error);
    check(database, file).await?;
    let ours = "SELECT name FROM sqlite_master WHERE name IN ('clock', 'seaql_migrations')";
    if texts(database, ours).await.map_err(failed)?.len() < 2 {
        return Err(CopyError::Foreign(name()));
    }
    let known: HashSet<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let steps = texts(database, "SELECT version FROM seaql_migrations ORDER BY version").await.map_err(failed)?;
    match steps.into_iter().find(|step| !known.contains(step)) {
        Some(step) => Err(CopyError::Newer(name(), step)),
        None => Ok(()),
    }
}

async fn check(database: &DatabaseConnection, file: &Path) -> Result<(), CopyError> {
    let found = texts(database, "PRAGMA integrity_check(1)").await.map_err(|error| failed(file, error))?;
    match found.as_slice() {
        [word] if word == "ok" => Ok(()),
        // A heading, which says that it is of the one database there is, and then what it is.
        other => {
            let said = other.join("; ").replace("*** in database main ***", "").replace('\n', " ");
            Err(CopyError::Damaged(file.display().to_string(), said.trim().to_owned()))
        }
    }
}

async fn texts(database: &DatabaseConnection, query: &str) -> Result<Vec<String>, DbErr> {
    let rows = database.query_all_raw(Statement::from_string(DbBackend::Sqlite, query)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

async fn connect(file: &Path, mode: &str) -> Result<DatabaseConnection, CopyError> {
    let url = super::open::url_of(text(file)?, mode);
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    sea_orm::Database::connect(options).await.map_err(|error| failed(file, error))
}

/// What an error of the database says of a file: one that is damaged badly cannot even be asked how it is.
fn failed(file: &Path, error: DbErr) -> CopyError {
    let (name, said) = (file.display().to_string(), error.to_string());
    let damaged = ["is malformed", "is not a database"].iter().any(|words| said.contains(words));
    if damaged { CopyError::Damaged(name, said) } else { CopyError::Database(name, error) }
}

fn text(path: &Path) -> Result<&str, CopyError> {
    path.to_str().ok_or_else(|| CopyError::Path(path.display().to_string()))
}
