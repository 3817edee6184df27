//! A server of one's own: the built binary on port 0 in a directory that goes away with it.

use parking_lot::Mutex;
use sea_orm::DatabaseTransaction;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Once};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::deadline::PATIENCE;
use super::{Answer, Caller, Database, Log, within};

const BINARY: &str = env!("CARGO_BIN_EXE_goldcrest");

/// The command line of a server, before it starts.
#[derive(Debug, Clone)]
pub struct Options {
    arguments: Vec<(String, Option<String>)>,
    descriptors: Option<u32>,
    listen: Option<SocketAddr>,
}

impl Options {
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

    fn command(&self, database: &Database, listen: &str) -> Command {
        let mut command = if let Some(count) = self.descriptors {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("ulimit -n {count}; exec \"$0\" \"$@\""), BINARY]);
            shell
        } else {
            Command::new(BINARY)
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
fn without_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GOLDCREST_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
}

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
        Options { arguments: Vec::new(), descriptors: None, listen: None }.set("--rate-limits", "off")
    }

    async fn start_in(database: Database, options: Options) -> Self {
        let http = http_client().redirect(reqwest::redirect::Policy::none()).build().expect("an HTTP client");
        let address = options.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0)));
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
        let sent = std::process::Command::new("kill").args(["-TERM", &self.process_id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
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
        Caller::new(self.address, reqwest::Client::builder().no_proxy().build().expect("an HTTP client"))
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

    /// Puts what `goldcrest backup` made in the place of its data, which must not be in use.
    pub async fn restores(&self, backup: &Path, options: &[&str]) -> String {
        let from = backup.to_str().expect("a path in UTF-8");
        self.command(&[&["restore", from, "--force"], options].concat()).await
    }

    /// What another command, run at the machine, printed; it must succeed.
    pub async fn command(&self, arguments: &[&str]) -> String {
        self.command_with_input(arguments, "").await
    }

    pub async fn command_with_input(&self, arguments: &[&str], input: &str) -> String {
        use tokio::io::AsyncWriteExt as _;
        let mut command = Command::new(BINARY);
        without_settings(&mut command);
        command.args(arguments).envs(self.database.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        // A command that does not read its input may be gone before it is written.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()).await);
        let output = within(PATIENCE, "the command to end", child.wait_with_output())
            .await
            .expect("the command can be waited for");
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "goldcrest {arguments:?}: {out}{errors}");
        out.into_owned()
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

    pub async fn is_ready(&self) -> bool {
        matches!(
            self.fresh_stranger().try_call(http::Method::GET, "/healthz", None).await,
            Ok(Answer { status: 200, .. })
        )
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
