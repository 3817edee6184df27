//! A database server of a test's own, to be stopped, frozen and started again.

use super::deadline::PATIENCE;
use super::signal::{Signal, signal};
use super::{Database, within};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// How it is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// As an operator would.
    Restart,
    /// As a failing machine would, as far as processes can tell.
    Crash,
}

/// It runs as long as this is kept.
pub struct DatabaseServer {
    pub url: String,
    /// `scripts/databases`, which starts it again whenever it ends, unless it is told not to, and ends it when its input ends: also if this
    /// process is killed.
    script: Child,
}

impl DatabaseServer {
    /// One of this kind: `postgres` or `mariadb`.
    pub async fn start(kind: &str) -> Self {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/databases"));
        let tell = "echo \"$GOLDCREST_TEST_DATABASE_URL\"; exec cat";
        command.args([kind, "sh", "-c", tell]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().expect("the script starts");
        let mut line = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        within(PATIENCE * 2, "the database server to start", output.read_line(&mut line)).await.expect("a line");
        assert!(line.contains("://"), "it did not start: {line:?}");
        Self { url: line.trim().to_owned(), script }
    }

    pub async fn database(&self) -> Database {
        Database::on(&self.url).await
    }

    /// Ends it, as an operator would; nothing starts it again before [`Self::comes_back`].
    pub fn goes(&self) {
        signal(Signal::USR1, self.script_id());
        self.blow(Blow::Restart)();
    }

    pub fn comes_back(&self) {
        signal(Signal::USR2, self.script_id());
    }

    /// How to send it a signal later, from wherever that is: what ends it, which then is started again at once.
    ///
    /// `INT` is a fast stop of `PostgreSQL`, `TERM` a proper one of `MariaDB`; `QUIT` and `KILL` are crashes.
    pub fn blow(&self, how: Blow) -> impl FnOnce() + Send + use<> {
        let server = self.server().expect("the database server runs");
        let sent = match (how, self.url.starts_with("postgres")) {
            (Blow::Restart, true) => Signal::INT,
            (Blow::Restart, false) => Signal::TERM,
            (Blow::Crash, true) => Signal::QUIT,
            (Blow::Crash, false) => Signal::KILL,
        };
        move || signal(sent, server)
    }

    /// All of it stands still: connections stay open, and nothing is answered.
    pub fn freezes(&self) {
        let server = self.server().expect("the database server runs");
        // First the server, so that no process for a new connection comes to those that are seen.
        signal(Signal::STOP, server);
        for process in children(server) {
            signal(Signal::STOP, process);
        }
    }

    pub fn thaws(&self) {
        for process in self.server().into_iter().flat_map(|server| children(server).into_iter().chain([server])) {
            signal(Signal::CONT, process);
        }
    }

    fn script_id(&self) -> u32 {
        self.script.id().expect("the script runs")
    }

    fn server(&self) -> Option<u32> {
        let name = |process: &u32| std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        let mut started = children(self.script_id()).into_iter();
        started.find(|process| ["postgres", "mariadbd"].contains(&name(process).trim()))
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        self.thaws();
        // Its input ends with this, and so does all of it.
        drop(self.script.stdin.take());
    }
}

fn children(process: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    children.split_whitespace().map(|id| id.parse().expect("a process")).collect()
}

/// The same on each kind of database server, which takes `scripts/databases` and that server.
macro_rules! on_each_kind {
    (@ $kind:ident: $($test:ident by $plot:ident,)+) => {
        mod $kind {
            use $crate::support::DatabaseServer;

            $(
                #[tokio::test]
                async fn $test() {
                    super::$plot(&DatabaseServer::start(stringify!($kind)).await).await;
                }
            )+
        }
    };
    ($($tests:tt)+) => {
        $crate::support::database_server::on_each_kind!(@ postgres: $($tests)+);
        $crate::support::database_server::on_each_kind!(@ mariadb: $($tests)+);
    };
}

pub(crate) use on_each_kind;
