//! A database server of a test's own, to be stopped, frozen and started again: of the kind that the test run is on.

use super::deadline::PATIENCE;
use super::{Database, within};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// It runs as long as this is kept.
pub struct DatabaseServer {
    pub url: String,
    /// `scripts/databases`, which starts it again whenever it ends, and ends it when its input ends.
    script: Child,
    process: u32,
}

impl DatabaseServer {
    pub async fn start() -> Self {
        let which = std::env::var("GOLDCREST_TEST_DATABASE").expect("this test runs beside scripts/databases");
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/databases"));
        let tell = "echo \"$GOLDCREST_TEST_DATABASE_PROCESS $GOLDCREST_TEST_DATABASE_URL\"; exec cat";
        command.args([&which, "sh", "-c", tell]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = command.spawn().expect("the script starts");
        let mut line = String::new();
        let mut output = BufReader::new(script.stdout.take().unwrap());
        within(PATIENCE * 2, "the database server to start", output.read_line(&mut line)).await.expect("a line");
        let (process, url) = line.trim().split_once(' ').unwrap_or_else(|| panic!("it did not start: {line:?}"));
        Self { url: url.to_owned(), script, process: process.parse().expect("a process") }
    }

    pub async fn database(&self) -> Database {
        Database::on(&self.url).await
    }

    /// Ends it, as an operator would; nothing starts it again before [`Self::comes_back`].
    pub fn goes(&self) {
        signal("STOP", self.script_id());
        signal(if self.url.starts_with("postgres") { "INT" } else { "TERM" }, self.process);
    }

    pub fn comes_back(&self) {
        signal("CONT", self.script_id());
    }

    /// All of it stands still: connections stay open, and nothing is answered.
    pub fn freezes(&self) {
        for process in self.processes() {
            signal("STOP", process);
        }
    }

    pub fn thaws(&self) {
        for process in self.processes() {
            signal("CONT", process);
        }
    }

    fn script_id(&self) -> u32 {
        self.script.id().expect("the script runs")
    }

    /// The server and, on `PostgreSQL`, its process for each connection.
    fn processes(&self) -> Vec<u32> {
        let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.process)).unwrap_or_default();
        let children = children.split_whitespace().map(|id| id.parse().expect("a process"));
        std::iter::once(self.process).chain(children).collect()
    }
}

impl Drop for DatabaseServer {
    fn drop(&mut self) {
        self.thaws();
        self.comes_back();
        // Its input ends with this, and so does all of it.
        drop(self.script.stdin.take());
    }
}

/// Sends it, if the process is still there.
fn signal(name: &str, process: u32) {
    let sent = std::process::Command::new("kill").args([&format!("-{name}"), &process.to_string()]).output();
    assert!(sent.is_ok(), "kill runs");
}
