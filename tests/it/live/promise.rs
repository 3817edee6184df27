//! The promise: nothing lost, nothing twice, one order, however often listeners lose their connection and the server its life.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::crowd::{Acknowledged, Record, Wanderer, Wayward, Writer, assert_all_heard, assert_all_kept};
use crate::support::listener::TRANSPORTS;
use crate::support::{Chance, Options, Person, Server, Transport, eventually, seconds, within};

const WRITERS: usize = 8;
const WANDERERS: usize = 3;

/// Queue and ring so small that live delivery, the ring and the log all have their part.
fn cramped() -> Options {
    Server::options().set("--heartbeat", "5ms").set("--stream-queue", "4").set("--ring-bytes", "16384")
}

/// The people and places of both tests, and the tasks that are under way.
struct Scene {
    host: Person,
    writers: JoinSet<Vec<Acknowledged>>,
    wanderers: JoinSet<usize>,
    listeners: JoinSet<Record>,
    acknowledged: Arc<AtomicUsize>,
    enough_written: watch::Sender<bool>,
    enough_wandered: watch::Sender<bool>,
    goal: watch::Sender<Option<u64>>,
}

impl Scene {
    async fn begin(server: &Server, chance: &mut Chance, at_least: usize, server_may_end: bool) -> Self {
        let host = Person::register(server, "host").await;
        let follower = Person::register(server, "follower").await;
        let writers = Person::register_all(server, ["w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8"]).await;
        let wanderers = Person::register_all(server, ["x1", "x2", "x3"]).await;
        let everybody: Vec<&Person> = writers.iter().chain(&wanderers).collect();
        let group = host.group("the group", &everybody).await;
        let channel = host.channel("the-channel").await;
        for person in &everybody {
            person.join(channel).await;
        }

        let mut scene = Self {
            host: host.clone(),
            writers: JoinSet::new(),
            wanderers: JoinSet::new(),
            listeners: JoinSet::new(),
            acknowledged: Arc::default(),
            enough_written: watch::Sender::new(!server_may_end),
            enough_wandered: watch::Sender::new(false),
            goal: watch::Sender::new(None),
        };
        for listener in listeners([&host, &follower], &writers, &wanderers, channel, server_may_end) {
            scene.listeners.spawn(listener.listen(chance.split(), scene.goal.subscribe()));
        }
        for person in writers {
            let writer = Writer {
                person,
                rooms: vec![group, channel],
                friend: (*chance.pick(&["host", "x1", "x2", "x3", "follower"])).to_owned(),
                at_least,
                stop: scene.enough_written.subscribe(),
                count: Arc::clone(&scene.acknowledged),
            };
            scene.writers.spawn(writer.write(chance.split()));
        }
        for person in wanderers {
            let wanderer =
                Wanderer { person, host: host.clone(), group, channel, stop: scene.enough_wandered.subscribe() };
            scene.wanderers.spawn(wanderer.wander(chance.split()));
        }
        scene
    }

    /// Lets the writers finish, then the wanderers, then the listeners hear the rest.
    async fn end(self, server: &Server) {
        let Self { host, writers, wanderers, listeners, enough_written, enough_wandered, goal, .. } = self;
        enough_written.send_replace(true);
        let acknowledged = within(seconds(120), "the writers to finish", writers.join_all()).await.concat();
        enough_wandered.send_replace(true);
        let journeys = within(seconds(20), "the wanderers to come home", wanderers.join_all()).await;
        goal.send_replace(Some(host.head().await));
        let records = within(seconds(60), "the listeners to hear the rest", listeners.join_all()).await;

        let connections: usize = records.iter().map(|record| record.connections).sum();
        println!("{} messages acknowledged, {journeys:?} journeys, {connections} connections", acknowledged.len());
        let log = server.events_on_disk().await;
        log.assert_dense();
        assert_eq!(log.head(), host.head().await, "the head is the last event of the log");
        assert_all_kept(&log, &acknowledged);
        assert_all_heard(&log, &records);
        assert!(journeys.iter().all(|count| *count > 0) && connections > 10 * records.len(), "the crowd was lively");
    }
}

/// Twelve listeners over all transports: members, wanderers, and somebody who only follows the channel.
fn listeners(
    [host, follower]: [&Person; 2],
    writers: &[Person; WRITERS],
    wanderers: &[Person; WANDERERS],
    channel: u64,
    server_may_end: bool,
) -> Vec<Wayward> {
    let plain = |person: &Person, transports: &[Transport]| Wayward {
        person: person.clone(),
        transports: transports.to_vec(),
        follows: Vec::new(),
        after: Some(0),
        by_ticket: false,
        single_events: 0,
        server_may_end,
    };
    let follows = vec![(channel, "the-channel".to_owned())];
    let [x1, x2, x3] = wanderers;
    vec![
        plain(host, &[Transport::Sse]),
        Wayward { single_events: 200, ..plain(host, &[Transport::WebSocket]) },
        plain(&writers[0], &[Transport::Polling]),
        Wayward { after: None, ..plain(&writers[1], &TRANSPORTS) },
        Wayward { single_events: 200, ..plain(x1, &[Transport::Sse]) },
        plain(x1, &[Transport::WebSocket]),
        plain(x1, &TRANSPORTS),
        plain(x2, &[Transport::Polling]),
        Wayward { by_ticket: true, ..plain(x2, &TRANSPORTS) },
        Wayward { follows: follows.clone(), ..plain(x3, &[Transport::Sse]) },
        Wayward { follows: follows.clone(), after: None, ..plain(follower, &[Transport::WebSocket]) },
        Wayward { follows, by_ticket: true, ..plain(follower, &TRANSPORTS) },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_nothing_comes_twice_and_all_hear_one_order() {
    let mut chance = Chance::for_test("promise");
    let server = cramped().start().await;
    let scene = Scene::begin(&server, &mut chance, 150, false).await;
    scene.end(&server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_while_the_server_is_killed_ten_times() {
    let mut chance = Chance::for_test("promise under SIGKILL");
    let mut server = cramped().start().await;
    let scene = Scene::begin(&server, &mut chance, 0, true).await;
    for round in 0..10 {
        let enough = scene.acknowledged.load(Ordering::Relaxed) + chance.between(1, 80);
        eventually(seconds(60), "some messages to be acknowledged", async || {
            (scene.acknowledged.load(Ordering::Relaxed) >= enough).then_some(())
        })
        .await;
        // Somewhere inside a batch, at best.
        tokio::time::sleep(Duration::from_micros(chance.between(0, 9000) as u64)).await;
        println!("killing it for the {round}. time");
        server.kill().await;
        server.restart().await;
    }
    scene.end(&server).await;
}
