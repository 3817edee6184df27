//! A peer that vanishes without a word, as a machine does whose cable is cut: nothing closes its sockets.
//!
//! It takes a network of one's own, with a machine in it that can be cut off. Linux gives that to anybody whom it lets make
//! namespaces; where it does not, the test says so and ends.

use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::support::alone::{Own, is_alone};
use crate::support::{Ear, Person, Server, SseClient, seconds, within};

const HERE: &str = "10.213.0.1";
const THERE: &str = "10.213.0.2";
const HEARTBEAT: Duration = seconds(1);

fn run(command: &str) {
    let status = Command::new("sh").args(["-ec", command]).status().expect("a shell runs");
    assert!(status.success(), "{command}");
}

/// Another machine on this network: a process whose network is another, and the cable between.
struct Machine(Running);

impl Machine {
    fn start() -> Self {
        let mut holder = Command::new("unshare");
        holder.args(["--net", "sh", "-c", "echo there; exec sleep 600"]).stdout(Stdio::piped());
        let mut holder = holder.spawn().expect("unshare runs");
        let mut word = [0; 5];
        std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut word).expect("it is there");
        let machine = Self(Running(holder));
        run(&format!("ip link add near type veth peer name far netns {}", machine.0.0.id()));
        run(&format!("ip address add {HERE}/24 dev near && ip link set near up"));
        run(&machine.there(&format!("ip address add {THERE}/24 dev far && ip link set far up")));
        machine
    }

    /// A command as it is run there.
    fn there(&self, command: &str) -> String {
        format!("nsenter --target {} --net sh -ec '{command}'", self.0.0.id())
    }

    /// Its packets go nowhere from here on, and none is answered.
    fn vanish(&self) {
        run(&self.there("ip address flush dev far"));
    }
}

/// A process that ends with its test, however that ends.
struct Running(std::process::Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A client on another machine that says what it wants, and listens for ever. Each time that it hears something it says `word`,
/// and writes what it heard to its output.
fn client(machine: &Machine, server: &Server, person: &Person, path: &str, handshake: &str, word: &str) -> Running {
    let port = server.address.port();
    let script = format!(
        "import os, socket; s = socket.create_connection((\"{HERE}\", {port})); \
         s.sendall(b\"GET {path} HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer {}\\r\\n{handshake}\\r\\n\"); \
         [(os.write(1, heard), s.sendall(b\"{word}\")) for heard in iter(lambda: s.recv(4096), b\"\")]",
        person.access_token
    );
    let mut client = Command::new("nsenter");
    client.args(["--target", &machine.0.0.id().to_string(), "--net", "python3", "-c", &script]);
    Running(client.stdout(Stdio::piped()).spawn().expect("nsenter runs"))
}

async fn vanishes(path: &str, handshake: &str, word: &str, busy: bool) {
    let machine = Machine::start();
    let server = Server::options().listening("0.0.0.0:0").set("--heartbeat", "1s").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    let mut ear = SseClient::open(server.address, &alice.stream()).await.unwrap();
    ear.until_control("ready").await;
    let _client = client(&machine, &server, &bob, path, handshake, word);
    assert_eq!(ear.until_presence("bob").await["online"], true);
    // It stays as long as it answers.
    for count in 0..3 {
        alice.say(group, &format!("still there {count}")).await;
        ear.until("a heartbeat", |heard| matches!(heard, crate::support::Heard::Heartbeat(_))).await;
    }
    let streams = server.sockets();
    machine.vanish();
    let cut = Instant::now();
    let speaking = async {
        let mut every = tokio::time::interval(Duration::from_millis(200));
        loop {
            every.tick().await;
            if busy {
                alice.say(group, "is anybody there?").await;
            }
        }
    };
    let gone = tokio::select! {
        gone = within(seconds(20), "the ghost to be gone", ear.until_presence("bob")) => gone,
        () = speaking => unreachable!("it goes on for ever"),
    };
    let took = cut.elapsed();
    println!(
        "{path}, busy: {busy}: told to be gone {took:?} after the cable was cut, with a heartbeat of {HEARTBEAT:?}"
    );
    assert_eq!(gone["online"], false);
    assert!(took < HEARTBEAT * 2 + seconds(5), "{took:?}");
    crate::support::eventually(seconds(5), "its socket to be closed", async || {
        (server.sockets() < streams).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_ghost_over_sse_is_gone_within_two_heartbeats() {
    if is_alone("live::vanishing::a_ghost_over_sse_is_gone_within_two_heartbeats", Own::Network) {
        vanishes("/stream", "", "", false).await;
    }
}

#[tokio::test]
async fn a_ghost_that_is_spoken_to_is_gone_as_soon() {
    if is_alone("live::vanishing::a_ghost_that_is_spoken_to_is_gone_as_soon", Own::Network) {
        vanishes("/stream", "", "", true).await;
    }
}

#[tokio::test]
async fn a_ghost_over_a_websocket_is_gone_within_two_heartbeats() {
    if is_alone("live::vanishing::a_ghost_over_a_websocket_is_gone_within_two_heartbeats", Own::Network) {
        let handshake = "Connection: upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\\r\\n";
        // An empty pong in a mask of zeros.
        vanishes("/ws", handshake, "\\x8a\\x80\\0\\0\\0\\0", false).await;
    }
}

#[tokio::test]
async fn whoever_is_sent_something_after_a_silence_has_a_heartbeats_time_to_acknowledge_it() {
    if !is_alone(
        "live::vanishing::whoever_is_sent_something_after_a_silence_has_a_heartbeats_time_to_acknowledge_it",
        Own::Network,
    ) {
        return;
    }
    // Time enough to speak before the next.
    let heartbeat = seconds(4);
    let machine = Machine::start();
    let server = Server::options().listening("0.0.0.0:0").set("--heartbeat", "4s").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    let mut client = client(&machine, &server, &bob, "/stream", "", "");
    let heard = client.0.stdout.take().unwrap();
    let beat = tokio::task::spawn_blocking(move || {
        // It is an event of nothing but an `id`.
        let mut lines = std::io::BufRead::lines(std::io::BufReader::new(heard)).map(Result::unwrap);
        let mut before = [String::new(), String::new()];
        let beat = lines.find(|line| {
            let [first, second] = &before;
            let found = first.is_empty() && second.starts_with("id: ") && line.is_empty();
            before = [before[1].clone(), line.clone()];
            found
        });
        assert!(beat.is_some(), "its stream ended");
    });
    within(seconds(20), "a heartbeat", beat).await.unwrap();
    machine.vanish();
    // The last that it acknowledged is half of its time ago, and what it is sent now is not.
    tokio::time::sleep(heartbeat / 2).await;
    let streams = server.sockets();
    let said = Instant::now();
    alice.say(group, "one moment").await;
    crate::support::eventually(seconds(20), "its socket to be closed", async || {
        (server.sockets() < streams).then_some(())
    })
    .await;
    let took = said.elapsed();
    println!("given up {took:?} after it was spoken to, with a heartbeat of {heartbeat:?}");
    assert!(took >= heartbeat && took < heartbeat * 2 + seconds(2), "{took:?}");
}

#[tokio::test]
async fn a_client_that_is_killed_is_gone_at_once() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    alice.direct(&[&bob]).await;
    let mut ear = SseClient::open(server.address, &alice.stream()).await.unwrap();
    ear.until_control("ready").await;
    let url = format!("http://{}", server.address);
    let mut tail = Command::new(env!("CARGO_BIN_EXE_goldcrest"));
    tail.args(["tail", "--server", &url]).env("GOLDCREST_TOKEN", &bob.access_token);
    let mut tail = tail.stdout(Stdio::null()).spawn().expect("the binary starts");
    assert_eq!(ear.until_presence("bob").await["online"], true);
    // SIGKILL: the kernel closes for it.
    tail.kill().expect("it can be killed");
    let killed = Instant::now();
    assert_eq!(ear.until_presence("bob").await["online"], false);
    println!("told to be gone {:?} after it was killed", killed.elapsed());
    drop(tail.wait());
}
