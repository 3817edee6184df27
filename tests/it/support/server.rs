//! A server of one's own: the built binary on port 0 in a directory that goes away with it.

use parking_lot::Mutex;
use sea_orm::DatabaseTransaction;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::deadline::PATIENCE;
use super::options::Options;
use super::signal::{Signal, signal};
use super::{Answer, Caller, Database, Log, eventually, within};

pub struct Server {
    pub address: SocketAddr,
    /// The addresses of older systems' interfaces at the root, by name.
    pub own_addresses: HashMap<String, SocketAddr>,
    options: Options,
    http: reqwest::Client,
    process: Option<Running>,
    log: Arc<Mutex<String>>,
    /// Goes last: the process uses it.
    database: Database,
}

struct Running {
    child: Child,
    id: u32,
    output: JoinHandle<()>,
    errors: JoinHandle<()>,
}

impl Server {
    /// A server as an operator would have it, but without rate limits: tests are many people at one address.
    pub async fn start() -> Self {
        Self::options().start().await
    }

    pub fn options() -> Options {
        Options::new().set("--rate-limits", "off")
    }

    pub(super) async fn start_in(database: Database, options: Options) -> Self {
        let http = http_client().redirect(reqwest::redirect::Policy::none()).build().expect("an HTTP client");
        let address = options.listen();
        let mut server = Self {
            address,
            own_addresses: HashMap::new(),
            options,
            http,
            process: None,
            log: Arc::default(),
            database,
        };
        server.spawn().await;
        server
    }

    async fn spawn(&mut self) {
        let mut child =
            self.options.command(&self.database, &self.address.to_string()).spawn().expect("the binary starts");
        let id = child.id().expect("a process has an id");
        let errors = tokio::spawn(collect(child.stderr.take().unwrap(), Arc::clone(&self.log)));
        let mut output = BufReader::new(child.stdout.take().unwrap());
        self.own_addresses.clear();
        loop {
            let mut line = String::new();
            within(PATIENCE, "the line that names the address", output.read_line(&mut line))
                .await
                .expect("stdout can be read");
            let (what, address) = line
                .split_once(" is listening on http://")
                .and_then(|(what, address)| Some((what, address.trim_end().parse().ok()?)))
                .unwrap_or_else(|| panic!("the server did not start: {line:?}\n{}", self.log()));
            if what == "goldcrest" {
                self.address = address;
                break;
            }
            self.own_addresses.insert(what.to_owned(), address);
        }
        let output = tokio::spawn(async move {
            let mut rest = String::new();
            output.read_to_string(&mut rest).await.expect("stdout is text");
            assert_eq!(rest, "", "stdout ends with that line");
        });
        self.process = Some(Running { child, id, output, errors });
    }

    pub fn data_dir(&self) -> PathBuf {
        self.database.data_dir()
    }

    pub fn process_id(&self) -> u32 {
        self.running().id
    }

    fn running(&self) -> &Running {
        self.process.as_ref().expect("the server runs")
    }

    /// Ends it as a power cut would, as far as a process can tell.
    pub async fn kill(&mut self) {
        let mut running = self.process.take().expect("the server runs");
        running.child.kill().await.expect("the process can be killed");
        running.output.await.expect("stdout has one line");
        running.errors.await.expect("the log can be read");
    }

    /// Asks it to stop and waits until it has.
    pub async fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.ask_to_stop();
        self.wait(limit).await
    }

    /// Sends SIGTERM and does not wait.
    pub fn ask_to_stop(&self) {
        signal(Signal::TERM, self.process_id());
    }

    pub async fn wait(&mut self, limit: Duration) -> ExitStatus {
        let mut running = self.process.take().expect("the server runs");
        let status =
            within(limit, "the process to end", running.child.wait()).await.expect("the process can be waited for");
        running.output.await.expect("stdout has one line");
        running.errors.await.expect("the log can be read");
        status
    }

    /// Starts it anew on the same files and the same port.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "kill or terminate it first");
        self.spawn().await;
    }

    /// Like `restart`, with other options.
    pub async fn restart_with(&mut self, options: Options) {
        self.options = options;
        self.restart().await;
    }

    /// What it is started with from now on.
    pub fn options_are(&mut self, options: Options) {
        self.options = options;
    }

    /// Tries to start it, which it must refuse; the log says why.
    pub async fn fails_to_start(&mut self) -> ExitStatus {
        let mut child =
            self.options.command(&self.database, &self.address.to_string()).spawn().expect("the binary starts");
        let errors = tokio::spawn(collect(child.stderr.take().unwrap(), Arc::clone(&self.log)));
        let status =
            within(PATIENCE, "the process to give up", child.wait()).await.expect("the process can be waited for");
        errors.await.expect("the log can be read");
        assert!(!status.success(), "it started");
        status
    }

    /// Somebody without a token.
    pub fn stranger(&self) -> Caller {
        Caller::new(self.address, self.http.clone())
    }

    /// A stranger who shares no connection with anybody.
    pub fn fresh_stranger(&self) -> Caller {
        Caller::new(self.address, http_client().build().expect("an HTTP client"))
    }

    /// Everything that it wrote to stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().clone()
    }

    /// What it keeps everything in.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The events and stays that are on disk now.
    pub async fn events_on_disk(&self) -> Log {
        self.database.log().await
    }

    /// Changes its database behind its back.
    pub async fn sql(&self, statement: &str) {
        self.database.sql(statement).await;
    }

    /// How many rows of a table a condition holds for.
    pub async fn count(&self, table: &str, condition: &str) -> i64 {
        self.database.count(table, condition).await
    }

    /// The tables and columns that hold a text somewhere.
    pub async fn places_with(&self, text: &str) -> Vec<String> {
        self.database.places_with(text).await
    }

    /// Holds the clock, so that it cannot write, until this is dropped.
    pub async fn hold_the_clock(&self) -> DatabaseTransaction {
        self.database.hold_the_clock().await
    }

    /// Waits until somebody waits for it.
    pub async fn until_the_clock_is_waited_for(&self) {
        self.database.until_somebody_waits().await;
    }

    /// Anonymous resident memory in bytes: what the process took for itself, without the files it has mapped.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process_id()))
            .expect("Linux tells the memory of a process");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("the kernel tells RssAnon");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("kilobytes") * 1024
    }

    /// The time that it has had on the machine's processors.
    pub fn processor_time(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process_id()))
            .expect("Linux tells what a process has used");
        // The name of the program stands in parentheses and may hold anything; `utime` and `stime` are fields 14 and 15.
        let (_, fields) = stat.rsplit_once(')').expect("the name is in parentheses");
        let ticks = fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks"));
        // Linux counts a hundred a second for its users on every machine.
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// How many files and sockets it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.process_id()))
            .expect("Linux lists the descriptors of a process")
            .count()
    }

    /// How many sockets it has open, but for those to a database server, which come and go by themselves, as files do: the
    /// database opens another when it is busy.
    pub fn sockets(&self) -> usize {
        let of_process = std::fs::read_dir(format!("/proc/{}/fd", self.process_id()));
        let links = of_process.expect("Linux lists the descriptors of a process").filter_map(|entry| {
            // One that is closed meanwhile leads nowhere.
            std::fs::read_link(entry.ok()?.path()).ok()
        });
        let sockets = links.filter(|to| to.to_string_lossy().starts_with("socket:")).collect::<Vec<_>>();
        let Some(port) = self.database.port() else { return sockets.len() };
        // Behind its head line, each has the address of the other end in the third place, and its inode in the tenth.
        let table =
            std::fs::read_to_string(format!("/proc/{}/net/tcp", self.process_id())).expect("Linux lists sockets");
        let to_database = table.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let ends_there = fields.get(2)?.ends_with(&format!(":{port:04X}"));
            ends_there.then(|| format!("socket:[{}]", fields[9]))
        });
        let to_database: Vec<String> = to_database.collect();
        sockets.iter().filter(|to| !to_database.iter().any(|known| *known == to.to_string_lossy())).count()
    }

    /// Whether it answers at all, be it that it is still starting.
    pub async fn is_alive(&self) -> bool {
        matches!(
            self.fresh_stranger().try_call(http::Method::GET, "/healthz", None).await,
            Ok(Answer { status: 200, .. })
        )
    }

    /// Waits until it says that it is ready for requests.
    pub async fn until_ready(&self, limit: Duration) {
        let ready = async || self.readiness().await.filter(|answer| answer.status == 200);
        eventually(limit, "the server to be ready", ready).await;
    }

    /// Waits until it says that it is not, so that whoever passes requests on asks another; gives the answer, which says why.
    pub async fn until_not_ready(&self, limit: Duration) -> Answer {
        let not_ready = async || self.readiness().await.filter(|answer| answer.status == 503);
        eventually(limit, "the server not to be ready", not_ready).await
    }

    /// What it answers to whoever asks whether it is ready; none, if it takes no connection.
    async fn readiness(&self) -> Option<Answer> {
        self.stranger().try_call(http::Method::GET, "/readyz", None).await.ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let mut tail = String::new();
            for line in log.lines().rev().take(40).collect::<Vec<_>>().into_iter().rev() {
                writeln!(tail, "  {line}").unwrap();
            }
            eprintln!("the end of the server's log:\n{tail}");
        }
    }
}

/// A client that goes where it is told, to be built.
pub fn http_client() -> reqwest::ClientBuilder {
    static CRYPTOGRAPHY: Once = Once::new();
    // The client library asks for a provider even where no TLS is spoken.
    CRYPTOGRAPHY.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().no_proxy()
}

async fn collect(mut from: impl AsyncRead + Unpin, into: Arc<Mutex<String>>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        into.lock().push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}
