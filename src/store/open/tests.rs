//! What a connection of ours is set to, and whether the schema goes up and down, on whichever database the tests run.

use super::super::tests::{database, open};
use super::*;
use migration::{Migrator, MigratorTrait};
use std::collections::BTreeSet;

/// What a query says, all of it as text.
async fn said(db: &impl ConnectionTrait, query: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), query)).await;
    let rows = rows.unwrap_or_else(|error| panic!("{query}: {error}"));
    rows.iter().map(|row| row.try_get_by_index::<String>(0).expect("a text")).collect()
}

#[tokio::test]
async fn the_writer_and_the_readers_have_the_settings_that_the_promise_needs() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).await;
    let store = if store.backend() == DbBackend::Postgres {
        // Whatever the operator has as a default, for whatever else he runs.
        let stricter = "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = %L', \
                        current_database(), 'repeatable read'); END$$";
        store.write.execute_unprepared(stricter).await.expect("a default");
        store.close().await;
        open(home.path()).await
    } else {
        store
    };
    let settings: &[(&str, &str, &str)] = match store.backend() {
        DbBackend::Postgres => &[
            ("SHOW transaction_isolation", "read committed", "read committed"),
            ("SHOW idle_in_transaction_session_timeout", "5s", "5s"),
            ("SHOW lock_timeout", "10s", "10s"),
            ("SHOW statement_timeout", "11s", "11s"),
            ("SHOW tcp_keepalives_idle", "5", "5"),
            ("SHOW tcp_keepalives_interval", "2", "2"),
            ("SHOW tcp_keepalives_count", "3", "3"),
        ],
        DbBackend::MySql => &[
            ("SELECT @@SESSION.tx_isolation", "READ-COMMITTED", "REPEATABLE-READ"),
            ("SELECT CAST(@@SESSION.idle_transaction_timeout AS CHAR)", "5", "5"),
            ("SELECT CAST(@@SESSION.innodb_lock_wait_timeout AS CHAR)", "10", "10"),
            ("SELECT CAST(@@SESSION.max_statement_time AS CHAR)", "11.000000", "11.000000"),
            ("SELECT @@SESSION.character_set_client", "utf8mb4", "utf8mb4"),
        ],
        _ => &[
            ("SELECT journal_mode FROM pragma_journal_mode", "wal", "wal"),
            ("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous", "2", "2"),
            ("SELECT CAST(query_only AS TEXT) FROM pragma_query_only", "0", "1"),
            ("SELECT CAST(secure_delete AS TEXT) FROM pragma_secure_delete", "1", "1"),
        ],
    };
    for (query, writing, reading) in settings {
        assert_eq!(said(&store.write, query).await, [*writing], "{query}, writing");
        assert_eq!(said(&store.read, query).await, [*reading], "{query}, reading");
    }
    // All of a long history goes in one statement after a restore, which a server takes longer for than we wait for any other.
    let preparing = connect(&database(home.path()).await, Use::Preparing).await.expect("a connection");
    let limit = match store.backend() {
        DbBackend::Postgres => Some(("SHOW statement_timeout", "0")),
        DbBackend::MySql => Some(("SELECT CAST(@@SESSION.max_statement_time AS CHAR)", "0.000000")),
        _ => None,
    };
    if let Some((query, none)) = limit {
        assert_eq!(said(&preparing, query).await, [none], "{query}, preparing");
    }
    preparing.close().await.expect("it closes");
    // More is never taken of a database server than these, whatever is asked at once.
    let crowd = (0..40).map(|_| async { store.clock().await.map(drop) });
    for read in futures_util::future::join_all(crowd).await {
        read.expect("the clock is read");
    }
    let taken = match store.backend() {
        DbBackend::Postgres => {
            "SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
        }
        DbBackend::MySql => "SELECT CAST(count(*) AS CHAR) FROM information_schema.processlist WHERE db = DATABASE()",
        _ => return,
    };
    let taken: u32 = said(&store.write, taken).await[0].parse().unwrap();
    assert!((2..=READERS + WRITERS).contains(&taken), "{taken} connections");
}

/// Tables with their columns, and indexes, as the database describes them.
async fn schema(db: &impl ConnectionTrait) -> BTreeSet<String> {
    let queries: &[&str] = match db.get_database_backend() {
        DbBackend::Postgres => &[
            "SELECT concat_ws(' ', table_name, column_name, data_type, character_maximum_length, is_nullable, column_default) \
             FROM information_schema.columns WHERE table_schema = 'public'",
            "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
        ],
        DbBackend::MySql => &[
            "SELECT CONCAT_WS(' ', table_name, column_name, column_type, is_nullable, column_default, collation_name) \
             FROM information_schema.columns WHERE table_schema = DATABASE()",
            "SELECT CONCAT_WS(' ', table_name, index_name, seq_in_index, column_name, non_unique, index_type) \
             FROM information_schema.statistics WHERE table_schema = DATABASE()",
        ],
        _ => &[
            "SELECT s.name || ' ' || p.name || ' ' || p.type || ' ' || p.\"notnull\" || ' ' || coalesce(p.dflt_value, '') \
             FROM sqlite_master s JOIN pragma_table_info(s.name) p WHERE s.type = 'table'",
            "SELECT name || ' ' || coalesce(sql, '') FROM sqlite_master WHERE type IN ('index', 'trigger')",
        ],
    };
    let mut found = BTreeSet::new();
    for query in queries {
        found.extend(said(db, query).await);
    }
    found
}

/// How many prepared statements this connection has had the database server forget: one that is not answered, and behind which
/// `MariaDB`'s next one waits.
async fn closed_statements(db: &impl ConnectionTrait) -> Vec<String> {
    if db.get_database_backend() != DbBackend::MySql {
        return Vec::new();
    }
    let asked = "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Com_stmt_close'";
    said(db, asked).await
}

#[tokio::test]
async fn nodes_that_start_at_once_bring_the_schema_up_to_date_one_after_the_other() {
    let home = tempfile::tempdir().unwrap();
    let database = database(home.path()).await;
    if database.url.starts_with("sqlite") {
        // It has one at a time, by the lock of its directory.
        return;
    }
    let done = futures_util::future::join_all((0..6).map(|_| Store::migrate(&database))).await;
    let steps: Vec<usize> = done.into_iter().map(|steps| steps.expect("it goes up").len()).collect();
    assert_eq!(steps.iter().filter(|steps| **steps > 0).count(), 1, "{steps:?}");
}

#[tokio::test]
async fn the_schema_goes_up_and_down_and_up_again() {
    let home = tempfile::tempdir().unwrap();
    let database = database(home.path()).await;
    let steps = Store::migrate(&database).await.expect("it goes up");
    assert!(steps.len() > 5, "{steps:?}");
    assert!(Store::migrate(&database).await.expect("it stays up").is_empty());
    let db = connect(&database, Use::Preparing).await.expect("a connection");
    let up = schema(&db).await;
    let closed = closed_statements(&db).await;
    // Step by step, so that each is undone, and done again, beside those before it.
    for undone in 1..=u32::try_from(steps.len()).unwrap() {
        Migrator::down(&db, Some(undone)).await.unwrap_or_else(|error| panic!("down by {undone}: {error}"));
        Migrator::up(&db, None).await.unwrap_or_else(|error| panic!("up again by {undone}: {error}"));
        assert_eq!(schema(&db).await, up, "down by {undone} and up again");
    }
    assert_eq!(closed_statements(&db).await, closed, "each of them kept the next waiting for 40 ms");
    Migrator::down(&db, None).await.expect("it goes down");
    let left = schema(&db).await;
    assert!(left.iter().all(|line| line.contains("seaql_migrations")), "{left:#?}");
    db.close().await.expect("the connection closes");
    let store = Store::open(&database).await.expect("it goes up again");
    assert_eq!(store.clock().await.expect("a clock").head.0, 0);
    assert_eq!(schema(&store.read).await, up);
}

/// Reads with each of the connections at once, and says what each of them is to the server, if there is one.
async fn connections(store: &Store) -> Vec<String> {
    let own = match store.backend() {
        DbBackend::Postgres => "SELECT CAST(pg_backend_pid() AS TEXT)",
        DbBackend::MySql => "SELECT CAST(CONNECTION_ID() AS CHAR)",
        _ => "SELECT ''",
    };
    let mut reading = Vec::new();
    for _ in 0..READERS {
        let db = store.read.begin_reading(None).await.expect("a connection that is not within a transaction");
        reading.push((said(&db, own).await, db));
    }
    let mut found = Vec::new();
    for (own, db) in reading {
        found.extend(own);
        db.rollback().await.expect("it ends");
    }
    found
}

#[tokio::test]
async fn a_connection_is_used_again_and_never_within_what_another_began() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).await;
    let mut known = BTreeSet::new();
    for _ in 0..5 {
        known.extend(connections(&store).await);
    }
    assert!(known.len() <= READERS as usize, "they are kept: {known:?}");
    let began = match store.backend() {
        DbBackend::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        DbBackend::MySql => "START TRANSACTION WITH CONSISTENT SNAPSHOT",
        // Its own thread keeps count there.
        _ => return,
    };
    // Nobody has counted these, as if whoever began them had given them up.
    store.read.given_up().note();
    for _ in 0..READERS {
        store.read.execute_unprepared(began).await.expect("it begins");
    }
    store.write.execute_unprepared("UPDATE clock SET head = head + 1").await.expect("it is written");
    for _ in 0..READERS {
        assert_eq!(store.clock().await.expect("a clock").head.0, 1);
    }
    connections(&store).await;
}
