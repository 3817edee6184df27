//! How a database is, as plain facts: looked at through a connection of its own, and nothing changed.

use super::given_back::GivenUp;
use super::open::{Database, OpenError, READERS, Use, WRITERS, embedded, options, place, url_of};
use super::patience::Patient;
use super::{Store, StoreError};
use crate::domain::{Seq, Timestamp};
use migration::{Migrator, MigratorTrait};
use sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use tokio::time::Instant;

/// Connections that each server takes of a database server at most: those for what writes, and those that read.
pub const CONNECTIONS: u32 = READERS + WRITERS;

/// Settings of `PostgreSQL` and `MariaDB` that the promise, or the size of what is written, depends on.
const SETTINGS: [(DbBackend, &str); 2] = [
    (
        DbBackend::Postgres,
        "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', \
         'idle_in_transaction_session_timeout', 'max_connections', 'superuser_reserved_connections', 'server_encoding')",
    ),
    (
        DbBackend::MySql,
        "SHOW VARIABLES WHERE variable_name IN ('innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin', \
         'binlog_format', 'max_allowed_packet', 'tx_isolation', 'transaction_isolation', 'max_connections', \
         'innodb_doublewrite', 'character_set_database', 'collation_database')",
    ),
];
/// What decides whether a commit of `SQLite` is on disk.
const PRAGMAS: [&str; 4] = ["journal_mode", "synchronous", "foreign_keys", "secure_delete"];

/// The clock row, set aside by a copy ([`super::clock::SET_ASIDE`]).
const HALF_COPIED: &str = "SELECT head FROM clock WHERE id = 0";

/// What is found in a database.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Which program keeps it.
    pub kind: Kind,
    /// Its version, in its own words.
    pub version: String,
    /// How far its schema is.
    pub steps: Steps,
    /// Settings by the names that the database has for them, as a connection of the server's would find them.
    pub settings: BTreeMap<String, String>,
    /// Tables of `MariaDB` that another collation than ours has come to.
    pub other_collations: Vec<String>,
    /// What stands in its clock and in its log; nothing where there is no clock yet.
    pub line: Option<Line>,
    /// Whether a copy into it is not whole: it was broken off, or goes on.
    pub half_copied: bool,
    /// Connections that a database server has taken already, this one included.
    pub connections: Option<u64>,
}

/// Which program keeps a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The embedded one.
    Sqlite,
    /// `PostgreSQL`.
    Postgres,
    /// `MariaDB`, or `MySQL`.
    MariaDb,
}

/// How far a schema is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Steps {
    /// How many steps have been taken; none of an empty database.
    pub taken: usize,
    /// Steps of this program that are yet to be taken.
    pub pending: Vec<String>,
    /// Steps that were taken and this program does not know: a newer one took them.
    pub unknown: Vec<String>,
}

/// The clock, and the ends of the log, at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The last event, as the clock has it.
    pub head: Seq,
    /// The first event that is kept, as the clock has it.
    pub beginning: Seq,
    /// When the last event happened, as the clock has it.
    pub last_at: Timestamp,
    /// The first and the last event in the log, and when that happened; none if none is kept.
    pub log: Option<(Seq, Seq, Timestamp)>,
}

/// What a look at the pages of an embedded database has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pages {
    /// They fit together.
    Whole,
    /// They do as far as there was time to look: so many tables of so many.
    Partly(usize, usize),
    /// They do not.
    Damaged(String),
}

/// The database file of a data directory, for somebody who changes nothing there: neither it nor its owner has to be asked,
/// and no file is left beside it.
pub fn embedded_for_reading(data_dir: &Path) -> Database {
    let (file, log) = (embedded(data_dir), data_dir.join("goldcrest.db-wal"));
    let url = url_of(&file.to_string_lossy(), "ro");
    // Without a write-ahead log nobody has it open, and opening it would leave one.
    let url = if log.exists() { url } else { format!("{url}&immutable=true") };
    Database { url }
}

/// Whether a database file keeps a write-ahead log: its header says so (the file format, section 1.3.3).
pub fn keeps_log(data_dir: &Path) -> std::io::Result<bool> {
    let mut header = [0; 20];
    std::fs::File::open(embedded(data_dir))?.read_exact(&mut header)?;
    Ok(header[18] == 2)
}

/// Looks at a database as it is.
pub async fn inspect(database: &Database) -> Result<Inspection, OpenError> {
    let db = connect(database).await?;
    let inspected = look(&db).await;
    drop(db.close().await);
    match inspected {
        Ok(inspected) => Ok(inspected),
        Err(error) => Err(OpenError::because(database, &error).await),
    }
}

/// Looks whether the pages of an embedded database fit together, table by table, for as long as there is time, and tells
/// before each table which it is and how many are done.
pub async fn look_at_pages(
    database: &Database,
    until: Instant,
    mut tell: impl FnMut(&str, usize, usize),
) -> Result<Pages, OpenError> {
    let failed = |error: &DbErr| OpenError::Connect { place: place(&database.url), why: error.to_string() };
    let db = connect(database).await?;
    let tables = texts(&db, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").await;
    let tables = match tables {
        Ok(tables) => tables,
        Err(error) => return damaged(&error).map(Pages::Damaged).ok_or_else(|| failed(&error)),
    };
    for (done, table) in tables.iter().enumerate() {
        tell(table, done, tables.len());
        let check = format!("PRAGMA quick_check(\"{}\")", table.replace('"', "\"\""));
        // A check that is left alone ends with the process; it only reads.
        let Ok(found) = tokio::time::timeout_at(until, texts(&db, &check)).await else {
            return Ok(Pages::Partly(done, tables.len()));
        };
        match found {
            Ok(found) if found == ["ok"] => {}
            Ok(found) => return Ok(Pages::Damaged(found.into_iter().take(3).collect::<Vec<_>>().join("; "))),
            Err(error) => return damaged(&error).map(Pages::Damaged).ok_or_else(|| failed(&error)),
        }
    }
    drop(db.close().await);
    Ok(Pages::Whole)
}

impl Store {
    /// Settings of the connection that writes, by the names that the database has for them.
    pub async fn writer_settings(&self) -> Result<BTreeMap<String, String>, StoreError> {
        Ok(settings(&self.write).await?)
    }
}

async fn look(db: &impl ConnectionTrait) -> Result<Inspection, DbErr> {
    let backend = db.get_database_backend();
    let version = match backend {
        DbBackend::Sqlite => "SELECT sqlite_version()",
        DbBackend::Postgres => "SELECT current_setting('server_version')",
        _ => "SELECT version()",
    };
    let version = texts(db, version).await?.concat();
    let taken = taken(db).await?;
    let line = if taken.is_empty() { None } else { line(db).await? };
    let half_copied = !taken.is_empty() && line.is_none() && number(db, HALF_COPIED).await?.is_some();
    let known: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let steps = Steps {
        taken: taken.len(),
        pending: known.iter().filter(|step| !taken.contains(step)).cloned().collect(),
        unknown: taken.iter().filter(|step| !known.contains(step)).cloned().collect(),
    };
    let used = match backend {
        DbBackend::Sqlite => None,
        DbBackend::Postgres => Some("SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"),
        _ => Some(
            "SELECT CAST(variable_value AS SIGNED) FROM information_schema.global_status \
             WHERE variable_name = 'THREADS_CONNECTED'",
        ),
    };
    let connections = match used {
        // Who may not look at that is told nothing of it.
        Some(query) => number(db, query).await.ok().flatten().and_then(|count| u64::try_from(count).ok()),
        None => None,
    };
    let kind = match backend {
        DbBackend::Sqlite => Kind::Sqlite,
        DbBackend::Postgres => Kind::Postgres,
        _ => Kind::MariaDb,
    };
    let other_collations = match kind {
        Kind::MariaDb => {
            let query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() \
                         AND table_name <> 'seaql_migrations' AND table_collation <> 'utf8mb4_nopad_bin' ORDER BY table_name";
            texts(db, query).await?
        }
        Kind::Sqlite | Kind::Postgres => Vec::new(),
    };
    let settings = settings(db).await?;
    Ok(Inspection { kind, version, steps, settings, other_collations, line, half_copied, connections })
}

/// The steps that were taken, of a database that may be empty.
async fn taken(db: &impl ConnectionTrait) -> Result<Vec<String>, DbErr> {
    let is_there = match db.get_database_backend() {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE name = 'seaql_migrations'",
        DbBackend::Postgres => {
            "SELECT CAST(table_name AS TEXT) FROM information_schema.tables \
             WHERE table_name = 'seaql_migrations' AND table_schema = current_schema()"
        }
        _ => {
            "SELECT table_name FROM information_schema.tables \
             WHERE table_name = 'seaql_migrations' AND table_schema = DATABASE()"
        }
    };
    if texts(db, is_there).await?.is_empty() {
        return Ok(Vec::new());
    }
    texts(db, "SELECT version FROM seaql_migrations ORDER BY version").await
}

/// One statement, so that all of it is of one moment whoever writes meanwhile.
async fn line(db: &impl ConnectionTrait) -> Result<Option<Line>, DbErr> {
    let query = "SELECT head, beginning, last_at, (SELECT MIN(seq) FROM events), (SELECT MAX(seq) FROM events), \
                 (SELECT at FROM events ORDER BY seq DESC LIMIT 1) FROM clock WHERE id = 1";
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), query)).await?;
    let Some(row) = row else { return Ok(None) };
    let ends = (row.try_get_by_index(3)?, row.try_get_by_index(4)?, row.try_get_by_index(5)?);
    let log = match ends {
        (Some(first), Some(last), Some(at)) => Some((Seq(first), Seq(last), Timestamp(at))),
        _ => None,
    };
    let (head, beginning) = (Seq(row.try_get_by_index(0)?), Seq(row.try_get_by_index(1)?));
    Ok(Some(Line { head, beginning, last_at: Timestamp(row.try_get_by_index(2)?), log }))
}

async fn settings(db: &impl ConnectionTrait) -> Result<BTreeMap<String, String>, DbErr> {
    let backend = db.get_database_backend();
    let mut settings = BTreeMap::new();
    if backend == DbBackend::Sqlite {
        for pragma in PRAGMAS {
            let query = Statement::from_string(backend, format!("PRAGMA {pragma}"));
            let Some(row) = db.query_one_raw(query).await? else { continue };
            let number = row.try_get_by_index::<i64>(0).map(|number| number.to_string());
            settings.insert(pragma.to_owned(), number.or_else(|_| row.try_get_by_index(0))?);
        }
    }
    for (_, query) in SETTINGS.into_iter().filter(|(of, _)| *of == backend) {
        for row in db.query_all_raw(Statement::from_string(backend, query)).await? {
            settings.insert(row.try_get_by_index::<String>(0)?.to_lowercase(), row.try_get_by_index(1)?);
        }
    }
    Ok(settings)
}

async fn texts(db: &impl ConnectionTrait, query: &str) -> Result<Vec<String>, DbErr> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), query)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

pub(super) async fn number(db: &impl ConnectionTrait, query: &str) -> Result<Option<i64>, DbErr> {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), query)).await?;
    row.map(|row| row.try_get_by_index(0)).transpose()
}

/// The words of an error that says that a file is no whole database.
fn damaged(error: &DbErr) -> Option<String> {
    let said = error.to_string();
    ["is malformed", "is not a database"].iter().any(|words| said.contains(words)).then_some(said)
}

pub(super) async fn connect(database: &Database) -> Result<Patient<DatabaseConnection>, OpenError> {
    let given_up = GivenUp::default();
    let mut options = if database.url.starts_with("sqlite") {
        ConnectOptions::new(&database.url)
    } else {
        options(database, Use::Writing, &given_up)
    };
    options.max_connections(1).sqlx_logging(false);
    match sea_orm::Database::connect(options).await {
        Ok(connected) => Ok(Patient::new(connected, given_up)),
        Err(error) => Err(OpenError::because(database, &error).await),
    }
}
