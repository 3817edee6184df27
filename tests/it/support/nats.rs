//! A real NATS, by which nodes hear of each other.

use super::deadline::PATIENCE;
use super::signal::{Signal, signal};
use super::{FreeAddress, eventually};
use std::net::SocketAddr;
use std::process::Stdio;
use tempfile::NamedTempFile;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

pub struct Nats {
    pub address: SocketAddr,
    /// Also while it is away.
    _its_own: FreeAddress,
    process: Option<Child>,
    /// What its user may do, if that is said.
    settings: Option<NamedTempFile>,
}

impl Nats {
    /// One that asks for a password.
    pub async fn start() -> Self {
        let mut nats = Self::not_yet();
        nats.comes_back().await;
        nats
    }

    /// One that is not there yet.
    pub fn not_yet() -> Self {
        let its_own = FreeAddress::take();
        Self { address: its_own.address, _its_own: its_own, process: None, settings: None }
    }

    /// One whose user may publish, and listen to nothing.
    pub async fn deaf() -> Self {
        let settings = NamedTempFile::new().expect("a file");
        let mut nats = Self { settings: Some(settings), ..Self::not_yet() };
        nats.lets("_INBOX.>");
        nats.comes_back().await;
        nats
    }

    /// Lets its user listen to these subjects, from now on.
    pub fn lets(&self, subjects: &str) {
        let permissions = format!(r#"permissions: {{publish: ">", subscribe: "{subjects}"}}"#);
        let text = format!(r#"authorization {{users: [{{user: node, password: "p@ss", {permissions}}}]}}"#);
        std::fs::write(self.settings.as_ref().expect("it has settings"), text).expect("the file can be written");
        if let Some(process) = self.process.as_ref().and_then(Child::id) {
            signal(Signal::HUP, process);
        }
    }

    /// What a node is told of it.
    pub fn url(&self) -> String {
        format!("nats://node:p%40ss@{}", self.address)
    }

    /// Ends it as a power cut would.
    pub async fn goes(&mut self) {
        self.process.take().expect("it runs").kill().await.expect("it can be killed");
    }

    /// Starts it at the address that it always had.
    pub async fn comes_back(&mut self) {
        let mut command = Command::new("sh");
        // Debian has it where only root looks.
        command.args(["-c", "PATH=$PATH:/usr/sbin exec nats-server \"$@\"", "sh"]);
        match &self.settings {
            Some(settings) => command.arg("-c").arg(settings.path()),
            None => command.args(["--user", "node", "--pass", "p@ss"]),
        };
        command.args(["-a", &self.address.ip().to_string(), "-p", &self.address.port().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let process = self.process.insert(command.spawn().expect("a shell starts"));
        eventually(PATIENCE, "NATS to listen", async || {
            if let Some(status) = process.try_wait().expect("it can be asked") {
                panic!("NATS ended with {status}; is it installed? apt-get install nats-server");
            }
            let mut greeting = String::new();
            BufReader::new(TcpStream::connect(self.address).await.ok()?).read_line(&mut greeting).await.ok()?;
            assert!(greeting.starts_with("INFO "), "somebody else listens at {}: {greeting:?}", self.address);
            Some(())
        })
        .await;
    }

    /// It stands still: connections stay open, and nothing is answered.
    pub fn freezes(&self) {
        signal(Signal::STOP, self.process.as_ref().and_then(Child::id).expect("it runs"));
    }

    pub fn thaws(&self) {
        signal(Signal::CONT, self.process.as_ref().and_then(Child::id).expect("it runs"));
    }
}
