//! The database of a server: the embedded one in its directory, or one of its own on the database server of the test run.
//!
//! Which it is `GOLDCREST_TEST_DATABASE` says (`postgres` or `mariadb`; nothing: the embedded one), and where that server is
//! `GOLDCREST_TEST_DATABASE_URL`, both of which `scripts/databases` sets. The tests in modules named `embedded` are about the
//! file of the embedded database, and are not run then (`.config/nextest.toml`).

use super::{Log, eventually, seconds};
use sea_orm::{
    ConnectOptions, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, QueryResult, Statement,
    TransactionTrait,
};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A database for one server. It goes away with this.
pub struct Database {
    home: TempDir,
    /// Its URL, if it is on a database server, and that of the database in which it was made, unless somebody else did.
    server: Option<(String, Option<String>)>,
}

impl Database {
    /// A new one.
    pub async fn make() -> Self {
        let home = tempfile::tempdir().expect("a directory for the server");
        let server = match of_the_run() {
            None => None,
            Some(admin) => Some(make_on(admin).await),
        };
        Self::prepared(home, server)
    }

    /// The same one for another node, which has a directory of its own, and the same key.
    pub fn shared(&self) -> Self {
        let (url, _) = self.server.as_ref().expect("it is on a database server");
        let home = tempfile::tempdir().expect("a directory for the server");
        let database = Self { home, server: Some((url.clone(), None)) };
        DirBuilder::new().mode(0o700).create(database.data_dir()).expect("a data directory");
        std::fs::copy(self.key(), database.key()).expect("a key");
        database
    }

    /// A new one on the database server at this URL, in which one may make databases.
    pub async fn on(admin: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory for the server");
        Self::prepared(home, Some(make_on(admin.to_owned()).await))
    }

    fn prepared(home: TempDir, server: Option<(String, Option<String>)>) -> Self {
        let database = Self { home, server };
        if database.server.is_some() {
            // Who shares a database has to be given the key; it is where the server would have made one.
            DirBuilder::new().mode(0o700).create(database.data_dir()).expect("a data directory");
            database.make_key();
        }
        database
    }

    /// The same as [`Self::shared`], reached at another port.
    pub fn shared_at(&self, port: u16) -> Self {
        let mut shared = self.shared();
        let own = format!(":{}/", self.port().expect("its URL has a port"));
        let (url, _) = shared.server.as_mut().expect("it is on a database server");
        *url = url.replace(&own, &format!(":{port}/"));
        shared
    }

    fn make_key(&self) {
        let key: [u8; 32] = rand::random();
        let digits = key.iter().fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.key());
        file.and_then(|mut file| writeln!(file, "{digits}")).expect("a key");
    }

    /// Takes the key away; the next start makes another, or is given one.
    pub fn lose_key(&self) {
        std::fs::remove_file(self.key()).expect("there is a key");
        if self.server.is_some() {
            self.make_key();
        }
    }

    /// The port of the database server.
    pub fn port(&self) -> Option<u16> {
        let (url, _) = self.server.as_ref()?;
        url.rsplit_once('/')?.0.rsplit_once(':')?.1.parse().ok()
    }

    pub fn data_dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    fn key(&self) -> PathBuf {
        self.data_dir().join("jwt.key")
    }

    /// What the program has to find in its environment to use it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let mut environment = vec![("GOLDCREST_DATA_DIR".to_owned(), path(&self.data_dir()))];
        if let Some((url, _)) = &self.server {
            environment.push(("GOLDCREST_DATABASE_URL".to_owned(), url.clone()));
            environment.push(("GOLDCREST_JWT_KEY_FILE".to_owned(), path(&self.key())));
        }
        environment
    }

    pub async fn connect(&self) -> DatabaseConnection {
        connect(match &self.server {
            Some((url, _)) => url.clone(),
            None => of_file(&self.data_dir().join("goldcrest.db")),
        })
        .await
    }

    /// All bytes of its file, if it is the embedded one.
    pub fn file(&self) -> Option<Vec<u8>> {
        let file = self.server.is_none().then(|| self.data_dir().join("goldcrest.db"))?;
        Some(std::fs::read(file).expect("the database file can be read"))
    }

    /// Changes it behind the server's back.
    pub async fn sql(&self, statement: &str) {
        let database = self.connect().await;
        database.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
        database.close().await.expect("the database can be closed");
    }

    /// Says something to it, if it is there.
    pub async fn try_sql(&self, statement: &str) -> Result<(), DbErr> {
        let (url, _) = self.server.as_ref().expect("a database server");
        let database = sea_orm::Database::connect(one(url.clone())).await?;
        database.execute_unprepared(statement).await?;
        database.close().await
    }

    /// How many rows of a table a condition holds for.
    pub async fn count(&self, table: &str, condition: &str) -> i64 {
        let database = self.connect().await;
        let count = rows(&database, &format!("SELECT COUNT(*) AS n FROM \"{table}\" WHERE {condition}")).await[0]
            .try_get("", "n")
            .unwrap();
        database.close().await.expect("the database can be closed");
        count
    }

    /// The events and stays that are on disk now.
    pub async fn log(&self) -> Log {
        let database = self.connect().await;
        let log = Log::of(&database).await;
        database.close().await.expect("the database can be closed");
        log
    }

    /// Holds the clock, so that nobody else writes, until this is dropped.
    pub async fn hold_the_clock(&self) -> DatabaseTransaction {
        let held = self.connect().await.begin().await.expect("a transaction");
        // What changes nothing takes no lock everywhere.
        held.execute_unprepared("UPDATE clock SET last_at = last_at + 1").await.expect("nobody else holds the clock");
        held
    }

    /// Waits until somebody here waits for what another holds. The embedded one tells that nobody.
    pub async fn until_somebody_waits(&self) {
        let database = self.connect().await;
        let waiting = match database.get_database_backend() {
            DbBackend::Postgres => {
                "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            }
            DbBackend::MySql => {
                "SELECT COUNT(*) AS n FROM information_schema.innodb_trx JOIN information_schema.processlist ON \
                 id = trx_mysql_thread_id WHERE db = DATABASE() AND trx_state = 'LOCK WAIT'"
            }
            _ => return,
        };
        eventually(seconds(20), "somebody to wait", async || {
            let count: i64 = rows(&database, waiting).await[0].try_get("", "n").unwrap();
            (count > 0).then_some(())
        })
        .await;
        database.close().await.expect("the database can be closed");
    }

    /// The tables and columns that hold a text somewhere.
    pub async fn places_with(&self, text: &str) -> Vec<String> {
        let database = self.connect().await;
        let mut places = Vec::new();
        for (table, columns) in tables(&database).await {
            for column in columns {
                let condition = match database.get_database_backend() {
                    DbBackend::Postgres => format!("strpos(\"{column}\"::text, '{text}') > 0"),
                    DbBackend::MySql => format!("instr(CAST(\"{column}\" AS BINARY), '{text}') > 0"),
                    _ => format!("instr(CAST(\"{column}\" AS BLOB), CAST('{text}' AS BLOB)) > 0"),
                };
                let found = rows(&database, &format!("SELECT count(*) AS n FROM \"{table}\" WHERE {condition}")).await;
                if found[0].try_get::<i64>("", "n").unwrap() > 0 {
                    places.push(format!("{table}.{column}"));
                }
            }
        }
        database.close().await.expect("the database can be closed");
        places
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((url, Some(admin))) = self.server.take() else { return };
        let name = url.rsplit('/').next().unwrap_or_default().to_owned();
        // A runtime of its own: the test's may be at its end.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let Ok(database) = sea_orm::Database::connect(one(admin)).await else { return };
                // A test that failed may have left a transaction open, or a standby to be waited for.
                let (at_once, force) = match database.get_database_backend() {
                    DbBackend::Postgres => ("SET synchronous_commit = local", " WITH (FORCE)"),
                    _ => ("SET SESSION lock_wait_timeout = 5", ""),
                };
                drop(database.execute_unprepared(at_once).await);
                if let Err(error) = database.execute_unprepared(&format!("DROP DATABASE {name}{force}")).await {
                    eprintln!("{name} was not dropped: {error}");
                }
                drop(database.close().await);
            });
        });
        drop(dropped.join());
    }
}

/// Where the database server of the test run is, if there is one.
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no options, and its runner says where the database server is"
)]
fn of_the_run() -> Option<String> {
    let which = std::env::var("GOLDCREST_TEST_DATABASE").unwrap_or_default();
    if which.is_empty() || which == "sqlite" {
        return None;
    }
    let url = std::env::var("GOLDCREST_TEST_DATABASE_URL");
    Some(url.unwrap_or_else(|_| panic!("{which}: GOLDCREST_TEST_DATABASE_URL says where; scripts/databases sets it")))
}

async fn make_on(admin: String) -> (String, Option<String>) {
    let name = format!("goldcrest_{:016x}", rand::random::<u64>());
    let database = connect(admin.clone()).await;
    database.execute_unprepared(&format!("CREATE DATABASE {name}")).await.expect("a database can be made");
    database.close().await.expect("the database can be closed");
    let (server, _) = admin.rsplit_once('/').expect("a URL names a database");
    (format!("{server}/{name}"), Some(admin))
}

fn path(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn of_file(file: &Path) -> String {
    format!("sqlite://{}?mode=rw", file.display())
}

fn one(url: String) -> ConnectOptions {
    let mut options = ConnectOptions::new(url);
    options.max_connections(1).sqlx_logging(false);
    options
}

async fn connect(url: String) -> DatabaseConnection {
    let database = sea_orm::Database::connect(one(url)).await;
    let database = database.unwrap_or_else(|error| panic!("the database can be opened: {error}"));
    if database.get_database_backend() == DbBackend::MySql {
        // It makes an end of counting without a word, and takes what stands in quotes for a text.
        let settings = "SET max_recursive_iterations = 1000000, sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')";
        database.execute_unprepared(settings).await.expect("a connection has settings");
    }
    database
}

/// Whether the words of any of the databases say that there is no such table.
pub fn lacks(said: &str, table: &str) -> bool {
    let words = [
        format!("no such table: {table}"),
        format!("relation \"{table}\" does not exist"),
        format!(".{table}' doesn't exist"),
    ];
    words.iter().any(|words| said.contains(words))
}

/// The database in a file.
pub async fn open_file(file: &Path) -> DatabaseConnection {
    connect(of_file(file)).await
}

/// Changes a database file behind the back of a server, which must not run.
pub async fn change_file(file: &Path, statement: &str) {
    let database = open_file(file).await;
    database.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    database.close().await.expect("the database file can be closed");
}

/// All tables with their columns.
async fn tables(database: &DatabaseConnection) -> Vec<(String, Vec<String>)> {
    let query = match database.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT table_name::text AS t, column_name::text AS c FROM information_schema.columns \
             WHERE table_schema = 'public'"
        }
        DbBackend::MySql => {
            "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema = DATABASE()"
        }
        _ => {
            "SELECT s.name AS t, p.name AS c FROM sqlite_master s JOIN pragma_table_info(s.name) p WHERE s.type = 'table'"
        }
    };
    let mut tables = std::collections::BTreeMap::<String, Vec<String>>::new();
    for row in rows(database, query).await {
        tables.entry(row.try_get("", "t").unwrap()).or_default().push(row.try_get("", "c").unwrap());
    }
    assert!(tables.len() > 10, "all tables are looked through");
    tables.into_iter().collect()
}

pub async fn rows(database: &DatabaseConnection, query: &str) -> Vec<QueryResult> {
    let statement = Statement::from_string(database.get_database_backend(), query);
    database.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{query}: {error}"))
}
