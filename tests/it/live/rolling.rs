//! Three nodes that are restarted one after the other while everybody goes on: nothing is lost, and nobody is away for longer
//! than he was told to be.
//!
//! This test starts a `PostgreSQL` and a NATS of its own, whatever the others run on.

use crate::support::{Caller, DatabaseServer, Ear, Heard, Listener, Nats, Person, Server, Transport, seconds, within};
use futures_util::future::join_all;
use http::Method;
use serde_json::json;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

const NODES: usize = 3;
/// What opening a stream may take, on a machine that does other work beside and has a node starting.
const OPENING: Duration = seconds(15);
/// A message of each writer, about.
const PACE: Duration = Duration::from_millis(50);

/// A listener who comes back when he was told to, to the next node, as a proxy would send him.
struct Wanderer {
    /// Himself, at each of the nodes.
    nodes: Vec<Caller>,
    transport: Transport,
    at: usize,
    cursor: u64,
    heard: Vec<u64>,
    /// For how long he was told to stay away, and was.
    away: Vec<(Duration, Duration)>,
}

impl Wanderer {
    /// Listens until he has come as far as is said in the end.
    async fn listens(mut self, mut end: watch::Receiver<Option<u64>>) -> Self {
        let mut left: Option<(Instant, Duration)> = None;
        loop {
            let caller = &self.nodes[self.at];
            let request = caller.stream().after(self.cursor);
            let Ok(mut ear) = Listener::open(self.transport, caller, &request).await else {
                self.at = (self.at + 1) % NODES;
                continue;
            };
            loop {
                if end.borrow().is_some_and(|end| self.cursor >= end) {
                    return self;
                }
                let heard = tokio::select! {
                    heard = ear.next() => heard,
                    _ = end.changed() => continue,
                };
                match heard {
                    Heard::Event(seen) => {
                        self.heard.push(seen.seq);
                        self.cursor = seen.seq;
                    }
                    Heard::Heartbeat(position) => self.cursor = self.cursor.max(position),
                    Heard::Control(control) if control.kind == "ready" => {
                        if let Some((since, told)) = left.take() {
                            self.away.push((told, since.elapsed()));
                        }
                    }
                    Heard::Control(control) => {
                        assert_eq!(control.kind, "bye", "{}", control.raw);
                        left = Some((Instant::now(), Duration::from_millis(control.number("retry"))));
                    }
                    Heard::End(_) => break,
                    Heard::Passing(_) | Heard::Reply(_) => {}
                }
            }
            let (since, told) = left.expect("no stream ends without a word");
            sleep_until(since + told).await;
            self.at = (self.at + 1) % NODES;
        }
    }
}

/// Says things, each until some node has acknowledged it. Returns how many.
async fn writes(name: usize, nodes: Vec<Caller>, conversation: u64, stop: watch::Receiver<bool>) -> usize {
    let (mut said, mut at) = (0, name);
    while !*stop.borrow() {
        let text = format!("{name}-{said}");
        let body = json!({"conversation_id": conversation, "text": text, "client_id": text});
        loop {
            let answer = nodes[at % NODES].try_call(Method::POST, "/api/v1/messages", Some(&body)).await;
            match answer.map(|answer| answer.status) {
                Ok(200 | 201) => break,
                Ok(503) | Err(_) => at += 1,
                Ok(status) => panic!("{status}"),
            }
        }
        said += 1;
        sleep(PACE).await;
    }
    said
}

#[tokio::test]
async fn nodes_are_restarted_one_after_the_other_and_nothing_is_lost() {
    let nats = Nats::start().await;
    let database_server = DatabaseServer::start("postgres").await;
    let options = || Server::options().set("--nats-url", &nats.url()).set("--heartbeat", "1s");
    let mut servers = vec![options().start_on(database_server.database().await).await];
    while servers.len() < NODES {
        servers.push(options().start_on(servers[0].database().shared()).await);
    }
    let people = Person::register_all(&servers[0], ["alice", "bob", "carol", "dave"]).await;
    let [alice, others @ ..] = &people;
    let group = alice.group("team", &others.iter().collect::<Vec<_>>()).await;
    let start = alice.head().await;
    let everywhere = |person: &Person| -> Vec<Caller> {
        let token = person.bearer().expect("a token");
        servers.iter().map(|server| server.fresh_stranger().with_bearer(&token)).collect()
    };
    let (end_is, end) = watch::channel(None);
    let (stop, stopped) = watch::channel(false);
    let wanderers = people.iter().flat_map(|person| {
        [Transport::Sse, Transport::WebSocket].into_iter().cycle().take(NODES * 2).enumerate().map(
            |(number, transport)| {
                let nodes = everywhere(person);
                Wanderer { nodes, transport, at: number % NODES, cursor: start, heard: Vec::new(), away: Vec::new() }
            },
        )
    });
    let listening: Vec<_> = wanderers.map(|wanderer| tokio::spawn(wanderer.listens(end.clone()))).collect();
    let writing = people.iter().enumerate();
    let writing: Vec<_> =
        writing.map(|(name, person)| tokio::spawn(writes(name, everywhere(person), group, stopped.clone()))).collect();

    for server in &mut servers {
        server.ask_to_stop();
        assert!(server.wait(seconds(20)).await.success());
        server.restart().await;
        server.until_ready(OPENING).await;
    }
    stop.send_replace(true);
    let said: usize = join_all(writing).await.into_iter().map(|said| said.expect("a writer")).sum();
    let log = servers[0].events_on_disk().await;
    log.assert_dense();
    assert_eq!(log.messages().count(), said, "each once");
    end_is.send_replace(Some(log.head()));
    let wanderers = within(seconds(60), "all to have heard everything", join_all(listening)).await;
    let mut away = Vec::new();
    for (wanderer, person) in wanderers.into_iter().zip(people.iter().flat_map(|person| vec![person; NODES * 2])) {
        let wanderer = wanderer.expect("a listener");
        assert_eq!(wanderer.heard, log.visible(person.id, &[], start), "each once, in order");
        away.extend(wanderer.away);
    }
    // Each was sent away at least once, since each node was restarted once, and found another at once.
    assert!(away.len() >= people.len() * NODES * 2, "{away:?}");
    for (told, was) in &away {
        assert!(*was <= *told + OPENING, "told to stay away for {told:?}, and was for {was:?}");
    }
    println!("{said} messages, {} times away, {:?} at most", away.len(), away.iter().map(|(_, was)| was).max());
}
