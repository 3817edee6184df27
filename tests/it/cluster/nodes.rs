//! Nodes that share a database: each a process of its own, which reaches what it needs through proxies of its own.

use super::proxy::{Gate, Proxy};
use crate::support::options::without_settings;
use crate::support::server::http_client;
use crate::support::signal::{Signal, signal};
use crate::support::{Caller, Database, DatabaseServer, Nats, eventually, seconds};
use parking_lot::Mutex;
use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

const NODES: usize = 3;
/// How long a node may take to start, on a machine that does other work beside and with a database that comes and goes.
const START: Duration = seconds(60);
/// How long a caller waits for an answer before he asks somebody else.
pub const ANSWER: Duration = seconds(4);
/// Queue and ring so small that live delivery, the ring and the log all have their part.
const OPTIONS: [&str; 16] = [
    "--listen",
    "127.0.0.1:0",
    "--metrics-listen",
    "127.0.0.1:0",
    "--rate-limits",
    "off",
    "--heartbeat",
    "200ms",
    "--stream-queue",
    "8",
    "--ring-bytes",
    "32768",
    "--access-token-lifetime",
    "24h",
    "--compat",
    "babbel",
];

/// All nodes, and the database server that they share.
pub struct Cluster {
    pub nodes: Vec<Arc<Node>>,
    /// Reached without any proxy. It is dropped while its server still runs.
    pub database: Database,
    pub database_server: DatabaseServer,
    pub nats: tokio::sync::Mutex<Nats>,
    http: reqwest::Client,
    logs: Mutex<Option<TempDir>>,
}

pub struct Node {
    pub name: String,
    /// Between it and the database.
    pub to_database: Proxy,
    /// Between it and NATS, which leads to the other nodes.
    pub to_nats: Proxy,
    nats_url: String,
    /// One who does something to it at a time.
    pub turn: tokio::sync::Mutex<()>,
    /// How much is in its way, and since when that is as it is.
    troubles: Mutex<(usize, Instant)>,
    address: Mutex<SocketAddr>,
    metrics_address: Mutex<SocketAddr>,
    http: reqwest::Client,
    process: Mutex<Option<Child>>,
    log: PathBuf,
    /// Goes last: the process uses it.
    database: Database,
}

impl Cluster {
    pub async fn start(kind: &str) -> Self {
        let database_server = DatabaseServer::start(kind).await;
        let database = database_server.database().await;
        let nats = Nats::start().await;
        let http = http_client().timeout(ANSWER).connect_timeout(seconds(1)).build().expect("an HTTP client");
        let logs = TempDir::with_prefix("goldcrest-history-").expect("a directory for the logs");
        let mut nodes = Vec::new();
        for number in 1..=NODES {
            let port = database.port().expect("the database has a port");
            let to_database = Proxy::before(SocketAddr::from(([127, 0, 0, 1], port))).await;
            let to_nats = Proxy::before(nats.address).await;
            let node = Node {
                name: format!("node {number}"),
                turn: tokio::sync::Mutex::default(),
                troubles: Mutex::new((0, Instant::now())),
                address: Mutex::new(to_database.address),
                metrics_address: Mutex::new(to_database.address),
                http: http.clone(),
                process: Mutex::new(None),
                log: logs.path().join(format!("node{number}.log")),
                database: database.shared_at(to_database.address.port()),
                to_database,
                nats_url: nats.url().replace(&nats.address.to_string(), &to_nats.address.to_string()),
                to_nats,
            };
            // One after the other: the first makes the tables.
            node.start().await;
            nodes.push(Arc::new(node));
        }
        Self {
            nodes,
            database_server,
            database,
            nats: tokio::sync::Mutex::new(nats),
            http,
            logs: Mutex::new(Some(logs)),
        }
    }

    pub fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// Everything that does not stand in a node's log unless it went wrong.
    pub fn complaints(&self) -> Vec<String> {
        let bad = ["panicked", "was replaced under", "the log has a gap", "missing in the log"];
        let of_node = |node: &Arc<Node>| {
            let log = std::fs::read_to_string(&node.log).unwrap_or_default();
            let complaints = log.lines().filter(|line| bad.iter().any(|words| line.contains(words)));
            complaints.map(|line| format!("{}: {line}", node.name)).collect::<Vec<_>>()
        };
        self.nodes.iter().flat_map(of_node).collect()
    }

    /// Nothing is in anybody's way any more.
    pub async fn heal(&self) {
        self.database_server.thaws();
        for node in &self.nodes {
            let _turn = node.turn.lock().await;
            node.to_database.disarm();
            node.to_database.set(Gate::Open);
            node.to_nats.set(Gate::Open);
            node.thaw();
            if !node.runs() {
                node.start().await;
            }
        }
    }

    /// Keeps the logs, and says where.
    pub fn keep_logs(&self) -> String {
        self.logs.lock().take().map_or_else(String::new, |logs| logs.keep().display().to_string())
    }
}

impl Node {
    pub fn address(&self) -> SocketAddr {
        *self.address.lock()
    }

    /// Somebody who calls it, by a token.
    pub fn caller(&self, http: &reqwest::Client, token: &str) -> Caller {
        Caller::new(self.address(), http.clone()).with_bearer(token)
    }

    /// What it has counted, as Prometheus reads it.
    pub async fn metrics(&self) -> reqwest::Result<String> {
        let address = *self.metrics_address.lock();
        self.http.get(format!("http://{address}/metrics")).send().await?.text().await
    }

    /// Starts it until it serves, as a service manager does.
    pub async fn start(&self) {
        let what = format!("{} to start", self.name);
        eventually(START, &what, async || self.try_to_start().await).await;
    }

    async fn try_to_start(&self) -> Option<()> {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).expect("a log");
        let mut command = Command::new(env!("CARGO_BIN_EXE_goldcrest"));
        without_settings(&mut command);
        command
            .args(OPTIONS)
            .args(["--nats-url", &self.nats_url])
            .envs(self.database.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.stderr(log).kill_on_drop(true).spawn().expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        // It says where it gives out its metrics, and then where it serves; or nothing, if it gave up: the database may be away.
        for address in [&self.metrics_address, &self.address] {
            let line = lines.next_line().await.expect("stdout can be read")?;
            let (_, there) = line.rsplit_once("http://").unwrap_or_else(|| panic!("{line}"));
            *address.lock() = there.parse().expect("an address");
        }
        *self.process.lock() = Some(child);
        Some(())
    }

    fn runs(&self) -> bool {
        self.process.lock().as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    pub fn process_id(&self) -> u32 {
        self.process.lock().as_ref().and_then(Child::id).expect("it runs")
    }

    /// Ends it as a power cut would, as far as a process can tell.
    pub fn kill(&self) {
        signal(Signal::KILL, self.process_id());
    }

    /// Waits for the end that is on its way.
    pub async fn ends(&self) {
        let child = self.process.lock().take();
        let status = child.expect("it ran").wait().await;
        writeln(&self.log, &format!("--- it ended: {status:?}"));
    }

    /// Asks it to stop, and waits until it has.
    pub async fn terminate(&self) {
        signal(Signal::TERM, self.process_id());
        self.ends().await;
    }

    pub fn freeze(&self) {
        signal(Signal::STOP, self.process_id());
    }

    pub fn thaw(&self) {
        if let Some(id) = self.process.lock().as_ref().and_then(Child::id) {
            signal(Signal::CONT, id);
        }
    }

    /// Something is in its way from now on.
    pub fn is_troubled(&self) {
        let mut troubles = self.troubles.lock();
        *troubles = (troubles.0 + 1, Instant::now());
    }

    /// It no longer is.
    pub fn is_relieved(&self) {
        let mut troubles = self.troubles.lock();
        *troubles = (troubles.0 - 1, Instant::now());
    }

    /// Whether nothing has been in its way for so long.
    pub fn has_been_well_for(&self, time: Duration) -> bool {
        let (troubles, since) = *self.troubles.lock();
        troubles == 0 && since.elapsed() >= time
    }
}

fn writeln(log: &PathBuf, line: &str) {
    use std::io::Write as _;
    let file = OpenOptions::new().append(true).open(log);
    drop(file.and_then(|mut file: File| writeln!(file, "{line}")));
}
