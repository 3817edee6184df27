//! A bare loop: the rows of so many messages and of their events in a transaction, one transaction after the other.
//!
//! `goldcrest-bench-bare URL BATCH SECONDS` makes its own two tables, with the columns and indexes that the server's have, and
//! prints how many messages it has committed and how many nanoseconds that took. It opens the database as the server does.

use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement, TransactionTrait, Value,
};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const TABLES: &[&str] = &[
    "CREATE TABLE bare_messages (id bigint NOT NULL PRIMARY KEY, seq bigint NOT NULL, conversation_id bigint NOT NULL, \
     author_id bigint, text text NOT NULL, thread_id bigint, client_id varchar(64), body_hash bigint NOT NULL, \
     created_at bigint NOT NULL, edited_at bigint, deleted_at bigint, edited_seq bigint)",
    "CREATE INDEX bare_by_conversation ON bare_messages (conversation_id, id)",
    "CREATE UNIQUE INDEX bare_by_client_id ON bare_messages (client_id, author_id)",
    "CREATE INDEX bare_by_thread ON bare_messages (thread_id, id)",
    "CREATE INDEX bare_by_author ON bare_messages (author_id, id)",
    "CREATE INDEX bare_by_time ON bare_messages (created_at)",
    "CREATE TABLE bare_events (seq bigint NOT NULL PRIMARY KEY, topic bigint NOT NULL, kind varchar(64) NOT NULL, \
     at bigint NOT NULL, data text NOT NULL, batch bigint NOT NULL, message_id bigint)",
    "CREATE INDEX bare_by_topic ON bare_events (topic, seq)",
    "CREATE INDEX bare_by_message ON bare_events (message_id)",
];
const MESSAGE: &str =
    "INSERT INTO bare_messages (id, seq, conversation_id, author_id, text, body_hash, created_at) VALUES ";
const EVENT: &str = "INSERT INTO bare_events (seq, topic, kind, at, data, batch, message_id) VALUES ";
/// Columns that each of these fills.
const COLUMNS: usize = 7;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, batch, seconds] = arguments.as_slice() else { return usage() };
    let (Ok(batch), Ok(seconds)) = (batch.parse(), seconds.parse()) else { return usage() };
    match run(url, batch, Duration::from_secs(seconds)).await {
        Ok((messages, took)) => {
            println!("{messages} {}", took.as_nanos());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("goldcrest-bench-bare: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: goldcrest-bench-bare URL BATCH SECONDS");
    ExitCode::FAILURE
}

async fn run(url: &str, batch: i64, span: Duration) -> Result<(i64, Duration), DbErr> {
    let database = open(url).await?;
    let backend = database.get_database_backend();
    for table in TABLES {
        // SQLite has the rows of a table in the order of a key only if that is called so: another would be one index more.
        let table = if backend == DbBackend::Sqlite { table.replace("bigint", "integer") } else { (*table).to_owned() };
        database.execute_unprepared(&table).await?;
    }
    let (messages, events) = (rows(MESSAGE, batch, backend), rows(EVENT, batch, backend));
    let begun = Instant::now();
    let mut written = 0;
    while begun.elapsed() < span {
        let (first, last) = (written + 1, written + batch);
        let transaction = database.begin().await?;
        let values = (first..=last).flat_map(message);
        transaction.execute_raw(Statement::from_sql_and_values(backend, &messages, values)).await?;
        let values = (first..=last).flat_map(|number| event(number, first));
        transaction.execute_raw(Statement::from_sql_and_values(backend, &events, values)).await?;
        transaction.commit().await?;
        written = last;
    }
    Ok((written, begun.elapsed()))
}

/// One connection, whose commits are on disk when they are answered.
async fn open(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false).test_before_acquire(false);
    options.map_sqlx_sqlite_opts(|sqlite| {
        let sqlite = sqlite.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        sqlite.pragma("secure_delete", "ON")
    });
    Database::connect(options).await
}

/// A statement that inserts so many rows.
fn rows(into: &str, count: i64, backend: DbBackend) -> String {
    let mut number = 0;
    let mut row = || {
        let place = || {
            number += 1;
            if backend == DbBackend::Postgres { format!("${number}") } else { "?".to_owned() }
        };
        let places: Vec<String> = std::iter::repeat_with(place).take(COLUMNS).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..count).map(|_| row()).collect();
    format!("{into}{}", rows.join(", "))
}

fn message(number: i64) -> [Value; COLUMNS] {
    let text = format!("{number:x<100}");
    [number.into(), number.into(), 1_i64.into(), 1_i64.into(), text.into(), (number * 31).into(), number.into()]
}

fn event(number: i64, batch: i64) -> [Value; COLUMNS] {
    // As long as the envelope that the server keeps.
    let data = format!("{number:x<330}");
    [number.into(), 1_i64.into(), "message.created".into(), number.into(), data.into(), batch.into(), number.into()]
}
