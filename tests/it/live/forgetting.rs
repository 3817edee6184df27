//! History is cut off while readers are in the middle of it: each is told so in its stream, and nothing is missing silently.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::support::listener::TRANSPORTS;
use crate::support::{Chance, Ear, Heard, Listener, Person, Server, Transport, eventually, seconds, within};

/// What one reader was told in all.
#[derive(Debug, Default)]
struct Told {
    events: usize,
    /// Resets after events on the same connection, and those with which one began.
    in_mid_stream: usize,
    at_the_beginning: usize,
    connections: usize,
}

/// More events than sockets and a stream's queue keep for a reader.
const ON_THEIR_WAY: u64 = 60;

/// Somebody who reads now quickly, now slowly, and comes back from where he was.
struct Reader {
    server: Arc<Server>,
    person: Person,
    transport: Transport,
    chance: Chance,
    goal: watch::Receiver<Option<u64>>,
    /// How often history was cut off in front of anybody in mid-stream, by transport.
    overtaken: Arc<[AtomicUsize; 3]>,
}

impl Reader {
    /// Reads nothing until history is cut off in front of him, however slowly others write.
    async fn lag_behind(&self, position: u64) {
        let far = format!("beginning > {}", position + ON_THEIR_WAY);
        let cut_off = async {
            while self.goal.borrow().is_none() && self.server.count("clock", &far).await == 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        within(seconds(60), "history to be cut off", Box::pin(cut_off)).await;
    }

    async fn read(mut self, start: u64) -> Told {
        let mut told = Told::default();
        // All events from the start on are his to hear, so that the next is always the one after.
        let mut position = start;
        loop {
            let request = self.person.stream().after(position).narrow();
            let mut listener = Listener::open(self.transport, &self.person, &request).await.expect("a stream opens");
            told.connections += 1;
            let patience = self.chance.between(5, 400);
            let mut heard = 0;
            while heard < patience {
                let goal = *self.goal.borrow();
                if goal.is_some_and(|goal| position >= goal) {
                    return told;
                }
                if let Listener::Polling(poller) = &mut listener {
                    (poller.limit, poller.wait) = (self.chance.between(1, 20), 0);
                }
                if goal.is_none() && self.chance.percent(4) {
                    tokio::time::sleep(Duration::from_millis(self.chance.between(1, 900) as u64)).await;
                } else if goal.is_none() && self.chance.percent(1) {
                    Box::pin(self.lag_behind(position)).await;
                }
                match within(seconds(30), "something to be heard", listener.next()).await {
                    Heard::Event(seen) => {
                        assert_eq!(seen.seq, position + 1, "{:?} misses something silently", self.transport);
                        position = seen.seq;
                        heard += 1;
                        told.events += 1;
                    }
                    Heard::Control(control) if control.kind == "reset" => {
                        assert_eq!(control.json()["reason"], "history_expired", "{}", control.raw);
                        let to = control.number("position");
                        assert!(to >= position, "{:?} is sent back from {position}: {}", self.transport, control.raw);
                        position = to;
                        if heard > 0 {
                            told.in_mid_stream += 1;
                            self.overtaken[self.transport as usize].fetch_add(1, Ordering::Relaxed);
                        } else {
                            told.at_the_beginning += 1;
                        }
                    }
                    Heard::Heartbeat(to) => {
                        assert!(to == position || self.transport == Transport::Polling, "{to} is not {position}");
                        tokio::task::yield_now().await;
                    }
                    Heard::Control(_) => {}
                    other => panic!("{:?}: {other:?}", self.transport),
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reader_misses_silently_what_is_forgotten_in_front_of_him() {
    let mut chance = Chance::for_test("forgetting");
    // So small that the queue, the ring and the log all have their part.
    let server = Server::options()
        .set("--event-retention", "1s")
        .set("--stream-queue", "4")
        .set("--ring-bytes", "32768")
        .set("--heartbeat", "100ms")
        .start()
        .await;
    let server = Arc::new(server);
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let start = bob.head().await;
    let (goal, overtaken, enough) =
        (watch::Sender::new(None), Arc::<[AtomicUsize; 3]>::default(), Arc::<AtomicBool>::default());
    let mut readers = JoinSet::new();
    for transport in TRANSPORTS.iter().cycle().take(9) {
        let (person, goal, overtaken) = (bob.clone(), goal.subscribe(), Arc::clone(&overtaken));
        let server = Arc::clone(&server);
        let reader = Reader { server, person, transport: *transport, chance: chance.split(), goal, overtaken };
        let transport = *transport;
        readers.spawn(async move { (transport, reader.read(start).await) });
    }
    let writer = tokio::spawn({
        let (alice, enough) = (alice.clone(), Arc::clone(&enough));
        async move {
            let text = "x".repeat(6_000);
            while !enough.load(Ordering::Relaxed) {
                alice.say(direct, &text).await;
            }
        }
    });
    eventually(seconds(90), "readers over each transport to be overtaken", async || {
        overtaken.iter().all(|count| count.load(Ordering::Relaxed) >= 3).then_some(())
    })
    .await;
    enough.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    goal.send_replace(Some(bob.head().await));
    let told = within(seconds(60), "the readers to hear the rest", readers.join_all()).await;
    for (transport, told) in &told {
        println!("{transport:?}: {told:?}");
        assert!(told.events > 0 && told.connections > 0);
    }
    for transport in TRANSPORTS {
        let resets: usize = told.iter().filter(|(it, _)| *it == transport).map(|(_, told)| told.in_mid_stream).sum();
        println!("{transport:?}: {resets} resets in mid-stream");
    }
    let log = server.events_on_disk().await;
    assert!(log.events.first().is_some_and(|first| first.seq > start), "history was cut off");
}
