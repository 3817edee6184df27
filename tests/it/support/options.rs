//! The command line of a server, and what its process is given besides.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::{Database, Server};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_goldcrest");

/// The command line of a server, before it starts.
#[derive(Debug, Clone)]
pub struct Options {
    arguments: Vec<(String, Option<String>)>,
    descriptors: Option<u32>,
    listen: Option<SocketAddr>,
}

impl Options {
    pub(super) fn new() -> Self {
        Self { arguments: Vec::new(), descriptors: None, listen: None }
    }

    /// Sets a flag, instead of what it was.
    #[must_use]
    pub fn set(mut self, flag: &str, value: &str) -> Self {
        self.arguments.retain(|(known, _)| known != flag);
        self.arguments.push((flag.to_owned(), Some(value.to_owned())));
        self
    }

    #[must_use]
    pub fn switch(mut self, flag: &str) -> Self {
        self.arguments.push((flag.to_owned(), None));
        self
    }

    /// Where it listens, instead of on the loopback address.
    #[must_use]
    pub fn listening(mut self, address: &str) -> Self {
        self.listen = Some(address.parse().expect("an address"));
        self
    }

    /// Lets the process have only so many file descriptors.
    #[must_use]
    pub fn descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    pub async fn start(self) -> Server {
        self.start_on(Database::make().await).await
    }

    pub async fn start_on(self, database: Database) -> Server {
        Server::start_in(database, self).await
    }

    /// Starts it where starts before were cut short by SIGKILL, each after so long.
    pub async fn start_after_kills(self, kills: impl IntoIterator<Item = Duration>) -> Server {
        let database = Database::make().await;
        for moment in kills {
            let mut command = self.command(&database, "127.0.0.1:0");
            let mut child = command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().expect("the binary starts");
            if let Ok(status) = tokio::time::timeout(moment, child.wait()).await {
                panic!("it gave up by itself before it was killed: {status:?}");
            }
            child.kill().await.expect("the process can be killed");
        }
        Server::start_in(database, self).await
    }

    /// The address that it is to listen on at first.
    pub(super) fn listen(&self) -> SocketAddr {
        self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    pub(super) fn command(&self, database: &Database, listen: &str) -> Command {
        let mut command = if let Some(count) = self.descriptors {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("ulimit -n {count}; exec \"$0\" \"$@\""), PROGRAM]);
            shell
        } else {
            Command::new(PROGRAM)
        };
        command.args(["--listen", listen]);
        for (flag, value) in &self.arguments {
            command.arg(flag).args(value);
        }
        without_settings(&mut command);
        command.envs(database.environment());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }
}

/// No test depends on what the environment of its runner sets.
pub(crate) fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GOLDCREST_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
}
