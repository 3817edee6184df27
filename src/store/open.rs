//! Opens the database: the embedded default with the settings that the promise needs, or a server's.

#[cfg(test)]
mod tests;

use super::events::PAGE_ROWS;
use super::given_back::{GivenUp, is_settled, is_settled_mariadb, is_settled_postgres, still_answers};
use super::patience::Patient;
use super::replaced::Opened;
use super::unreachable;
use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{AssertSqlSafe, Executor};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// How long a statement waits for a connection before the database counts as lost.
pub(super) const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connecting may take before whoever waits is told what for.
const SILENT: Duration = Duration::from_millis(500);
/// How long a statement of `SQLite` waits for what another process has locked.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How many prepared statements a connection keeps at hand.
const STATEMENTS: usize = 100;
/// How many readers run side by side.
pub(super) const READERS: u32 = 8;
/// Connections to a database server that write, of which one does: the other is there while that one is given back, and
/// should it never answer again.
pub(super) const WRITERS: u32 = 2;

/// An open database: a connection that writes, used by the sequencer alone, and several that read.
#[derive(Debug, Clone)]
pub struct Store {
    pub(super) write: Patient<DatabaseConnection>,
    pub(super) read: Patient<DatabaseConnection>,
    pub(super) opened: Arc<Opened>,
}

/// Which database.
#[derive(Debug, Clone)]
pub struct Database {
    /// `sqlite:`, `postgres:` or `mysql:` and so on.
    pub url: String,
}

/// What connections are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// What is done before anything is served and takes as long as it takes: migrations, the jump after a restore.
    Preparing,
    /// A copy into a database server.
    Copying,
    /// The sequencer's transactions, and whoever has to see what they see.
    Writing,
    /// All else.
    Reading,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be reached, or not with these credentials.
    #[error("cannot open the database at {place}: {why}")]
    Connect {
        /// Where it is.
        place: String,
        /// What stands in the way.
        why: String,
    },
    /// Its file is none of a database, or damaged.
    #[error(
        "cannot open the database at {place}: {why}. Keep a copy of that directory, and put the last backup back: goldcrest \
         restore"
    )]
    Spoilt {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// It does not close.
    #[error("cannot close the database: {0}")]
    Close(DbErr),
    /// Its schema cannot be brought up to date.
    #[error("cannot migrate the database: {0}")]
    Migrate(DbErr),
    /// Its numbers cannot be moved forward.
    #[error("cannot write to the database: {0}")]
    Renumber(DbErr),
}

impl OpenError {
    /// The database cannot be reached, for what is behind this error.
    pub(super) async fn because(database: &Database, error: &DbErr) -> Self {
        let (place, why) = (place(&database.url), unreachable::why(database, error).await);
        let spoilt = ["is not a database", "is malformed"].iter().any(|words| why.contains(words));
        if spoilt && database.url.starts_with("sqlite") {
            Self::Spoilt { place, why }
        } else {
            Self::Connect { place, why }
        }
    }
}

/// The URL of the embedded default in a data directory.
pub fn database_url(data_dir: &Path) -> String {
    url_of(&embedded(data_dir).to_string_lossy(), "rwc")
}

/// The file of the embedded default.
pub(super) fn embedded(data_dir: &Path) -> PathBuf {
    data_dir.join("goldcrest.db")
}

/// The URL of a file, to be opened in one of `SQLite`'s modes.
pub(super) fn url_of(path: &str, mode: &str) -> String {
    // `?` and `#` would end the path of the URL, `%` would start an escape.
    let escaped = path.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{escaped}?mode={mode}")
}

impl Store {
    /// Connects and brings the schema up to date.
    pub async fn open(database: &Database) -> Result<Self, OpenError> {
        Self::migrate(database).await?;
        let write = connect_patiently(database, Use::Writing).await?;
        let read = connect_patiently(database, Use::Reading).await?;
        let opened = match Opened::by(&write).await {
            Ok(opened) => opened,
            Err(error) => return Err(OpenError::because(database, &error).await),
        };
        Ok(Self { write, read, opened: Arc::new(opened) })
    }

    /// Closes all connections, the writing one last, which on `SQLite` folds the write-ahead log back in.
    pub async fn close(self) {
        for connection in [self.read, self.write] {
            if let Err(error) = connection.close().await {
                tracing::warn!(%error, "the database did not close cleanly");
            }
        }
    }

    /// Writes what the write-ahead log of `SQLite` holds into the database and empties the log, in which the pages stand
    /// as they were before something was deleted. Returns whether it is empty: whoever reads right now may still need it,
    /// and is not waited for, since nothing is written meanwhile.
    pub(super) async fn empty_log(&self) -> Result<bool, DbErr> {
        if self.backend() != DbBackend::Sqlite {
            return Ok(true);
        }
        self.write.execute_unprepared("PRAGMA busy_timeout = 0").await?;
        let checkpoint = Statement::from_string(DbBackend::Sqlite, "PRAGMA wal_checkpoint(TRUNCATE)");
        let done = self.write.query_one_raw(checkpoint).await;
        let patience = BUSY_TIMEOUT.as_millis();
        self.write.execute_unprepared(&format!("PRAGMA busy_timeout = {patience}")).await?;
        let busy: Option<i32> = done?.map(|row| row.try_get_by_index(0)).transpose()?;
        Ok(busy == Some(0))
    }

    /// How many connections for reading are open, and how many of these nobody uses.
    pub fn readers(&self) -> (u32, usize) {
        self.read.connections()
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.write.get_database_backend()
    }
}

async fn connect_patiently(database: &Database, purpose: Use) -> Result<Patient<DatabaseConnection>, OpenError> {
    let given_up = GivenUp::default();
    Ok(Patient::new(connect_with(database, options(database, purpose, &given_up)).await?, given_up))
}

/// Connects for what one asks alone, one after the other, and waits for.
pub(super) async fn connect(database: &Database, purpose: Use) -> Result<DatabaseConnection, OpenError> {
    connect_with(database, options(database, purpose, &GivenUp::default())).await
}

async fn connect_with(database: &Database, options: ConnectOptions) -> Result<DatabaseConnection, OpenError> {
    let mut connecting = std::pin::pin!(sea_orm::Database::connect(options));
    let connected = if let Ok(connected) = tokio::time::timeout(SILENT, &mut connecting).await {
        connected
    } else {
        let patience = ACQUIRE_TIMEOUT.as_secs();
        let place = place(&database.url);
        tracing::warn!("the database at {place} does not answer yet; waiting for it for up to {patience} s");
        connecting.await
    };
    match connected {
        Ok(connected) => Ok(connected),
        Err(error) => Err(OpenError::because(database, &error).await),
    }
}

/// Where a database is, without the name and the password in its URL.
pub(super) fn place(url: &str) -> String {
    if let Some(file) = url.strip_prefix("sqlite://") {
        return file.split('?').next().unwrap_or_default().to_owned();
    }
    let Ok(url) = Url::parse(url) else { return "an unreadable URL".to_owned() };
    let port = unreachable::port(&url).map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or("localhost"))
}

/// How connections are made, used and kept; they are asked more when they come back after something was given up.
pub(super) fn options(database: &Database, purpose: Use, given_up: &GivenUp) -> ConnectOptions {
    let is_embedded = database.url.starts_with("sqlite");
    let connections = match purpose {
        Use::Preparing | Use::Copying => 1,
        Use::Writing if is_embedded => 1,
        Use::Writing => WRITERS,
        Use::Reading => READERS,
    };
    let mut options = ConnectOptions::new(&database.url);
    options
        .max_connections(connections)
        .min_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_timeout(ACQUIRE_TIMEOUT)
        // The pool's count of idle connections is below nothing for a moment when one is taken while it is given back. Its
        // housekeeping goes through that many connections, and at such a moment never comes to an end. Without time limits
        // it has nothing to do.
        .idle_timeout(None)
        .max_lifetime(None)
        // An embedded database is there or not, and a server is asked below, with a limit.
        .test_before_acquire(false)
        .sqlx_logging(false);
    options.map_sqlx_sqlite_opts(move |sqlite| {
        // FULL: in WAL mode NORMAL loses the last commits in a power cut, and they were acknowledged.
        let sqlite = sqlite
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            // What was deleted is overwritten, rather than left in pages that nobody reads any more.
            .pragma("secure_delete", "ON")
            // So far its thread may be ahead of whoever takes the rows. Each time it has to wait, two threads are woken up.
            .row_buffer_size(PAGE_ROWS);
        if purpose == Use::Reading { sqlite.pragma("query_only", "ON") } else { sqlite }
    });
    options.map_sqlx_mysql_opts(|mysql| mysql.statement_cache_capacity(STATEMENTS));
    options.map_sqlx_postgres_opts(move |postgres| {
        let postgres = postgres.statement_cache_capacity(STATEMENTS);
        // A frozen node must not keep the clock: the server ends its transaction, and nobody waits for it for ever.
        let postgres = postgres.options([
            ("idle_in_transaction_session_timeout", "5000"),
            ("lock_timeout", "10000"),
            ("tcp_keepalives_idle", "5"),
            ("tcp_keepalives_interval", "2"),
            ("tcp_keepalives_count", "3"),
            // After waiting for the clock a transaction must see what was committed meanwhile, whatever the operator's default.
            ("default_transaction_isolation", "read committed"),
        ]);
        postgres.options([("statement_timeout", (statement_limit(purpose) * 1000).to_string())])
    });
    options.map_sqlx_postgres_before_acquire(|connection, known| Box::pin(still_answers(connection, known)));
    options.map_sqlx_sqlite_pool_opts(|pool| pool.after_release(|connection, _| Box::pin(is_settled(connection))));
    let doubt = given_up.clone();
    options.map_sqlx_postgres_pool_opts(move |pool| {
        let doubt = doubt.clone();
        pool.after_release(move |connection, _| Box::pin(is_settled_postgres(connection, doubt.clone())))
    });
    options.map_sqlx_mysql_before_acquire(|connection, known| Box::pin(still_answers(connection, known)));
    let doubt = given_up.clone();
    options.map_sqlx_mysql_pool_opts(move |pool| {
        let doubt = doubt.clone();
        let pool = pool.after_release(move |connection, _| Box::pin(is_settled_mariadb(connection, doubt.clone())));
        pool.after_connect(move |connection, _| {
            Box::pin(async move {
                // READ COMMITTED: after waiting for the clock a transaction must see what was committed meanwhile.
                let isolation = if purpose == Use::Reading { "REPEATABLE READ" } else { "READ COMMITTED" };
                let session = format!("SET SESSION TRANSACTION ISOLATION LEVEL {isolation}");
                connection.execute(AssertSqlSafe(session)).await?;
                let limits = format!(
                    "SET SESSION idle_transaction_timeout = 5, innodb_lock_wait_timeout = 10, max_statement_time = {}",
                    statement_limit(purpose)
                );
                connection.execute(AssertSqlSafe(limits)).await?;
                Ok(())
            })
        })
    });
    options
}

/// After how many seconds a database server gives up a statement; 0 is never. It goes on with one that nobody waits for any
/// more, and a writer's holds the clock for as long: so it gives up before we do ([`super::patience`]), and after the wait for
/// a lock.
fn statement_limit(purpose: Use) -> u32 {
    match purpose {
        Use::Preparing => 0,
        Use::Copying => 29,
        Use::Writing | Use::Reading => 11,
    }
}
