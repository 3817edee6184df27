//! Those who listen: over all transports, at all nodes, with their cursor in hand.

use super::nodes::ANSWER;
use super::proxy::breaking_after;
use super::run::{Run, Somebody};
use crate::support::listener::TRANSPORTS;
use crate::support::{Chance, Ear, Heard, Listener, Seen, StreamRequest, Transport};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// How soon somebody tries again who found nobody.
const PAUSE: Duration = Duration::from_millis(50);

/// How a listener is.
#[derive(Debug, Clone, Copy)]
pub enum Habit {
    /// Changes nodes and transports all the time.
    Roams,
    /// Keeps what he has until it ends by itself.
    Stays(Transport),
}

pub struct Hearer {
    pub somebody: Somebody,
    pub habit: Habit,
    /// A channel that he follows, by id and name.
    pub follows: Option<(u64, String)>,
    /// Where he starts; without, from now on.
    pub after: Option<u64>,
    /// Where he is from before the beginning to the end, or follows.
    pub always_in: Vec<u64>,
}

/// All that one listener heard.
pub struct Record {
    pub name: String,
    pub user: u64,
    pub followed: Vec<u64>,
    pub start: u64,
    pub always_in: Vec<u64>,
    /// What he heard, and over which connection.
    pub seen: Vec<(Seen, usize)>,
    pub connections: Vec<String>,
    /// What he should not have been told, such as `reset`.
    pub strange: Vec<String>,
    pub cursor: Option<u64>,
}

impl Hearer {
    pub async fn listen(self, run: Arc<Run>, mut chance: Chance) -> Record {
        let mut record = Record {
            name: format!("{} ({:?})", self.somebody.name, self.habit),
            user: self.somebody.id,
            followed: self.follows.iter().map(|(id, _)| *id).collect(),
            start: self.after.unwrap_or(0),
            always_in: self.always_in.clone(),
            seen: Vec::new(),
            connections: Vec::new(),
            strange: Vec::new(),
            cursor: self.after,
        };
        let goal = run.goal.subscribe();
        let has_all = |record: &Record| goal.borrow().is_some_and(|goal| record.cursor >= Some(goal));
        let mut pauses = tokio::time::interval(PAUSE);
        while run.failure().is_none() && !has_all(&record) {
            pauses.tick().await;
            let node = run.node(&mut chance);
            let transport = match self.habit {
                Habit::Roams => *chance.pick(&TRANSPORTS),
                Habit::Stays(transport) => transport,
            };
            let mut caller = self.somebody.at(&node);
            let mut breaks = String::new();
            if matches!(self.habit, Habit::Roams) && chance.percent(40) {
                let bytes = chance.between(1, 20_000);
                if let Ok(address) = breaking_after(bytes, caller.address).await {
                    caller.address = address;
                    breaks = format!(", breaks after {bytes} bytes");
                }
            }
            let request = self.request(caller.stream(), transport, record.cursor);
            let opening = timeout(ANSWER, Listener::open(transport, &caller, &request)).await;
            let Ok(Ok(mut listener)) = opening else { continue };
            let at = run.elapsed().as_secs_f64();
            record
                .connections
                .push(format!("{transport:?} at {} at {at:.2} s after {:?}{breaks}", node.name, record.cursor));
            let leaves = match self.habit {
                Habit::Roams => Instant::now() + Duration::from_millis(chance.between(50, 4000) as u64),
                Habit::Stays(_) => Instant::now() + Duration::from_hours(24),
            };
            let mut left = if chance.percent(50) { chance.between(1, 60) } else { usize::MAX };
            if matches!(self.habit, Habit::Stays(_)) {
                left = usize::MAX;
            }
            while left > 0 && !has_all(&record) && run.failure().is_none() {
                // One who listens for long looks up now and then whether all is over, but not before a poll has its answer.
                let look_up = leaves.min(Instant::now() + ANSWER);
                let Ok(heard) = timeout_at(look_up, listener.next()).await else {
                    if look_up == leaves {
                        break;
                    }
                    continue;
                };
                if matches!(heard, Heard::End(_)) {
                    break;
                }
                left -= 1;
                record.note(&run, heard, listener.cursor());
            }
        }
        record
    }

    fn request(&self, mut request: StreamRequest, transport: Transport, cursor: Option<u64>) -> StreamRequest {
        if let Some((_, name)) = &self.follows {
            request = request.channel(name);
        }
        transport.resuming(request, self.after, cursor)
    }
}

impl Record {
    fn note(&mut self, run: &Run, heard: Heard, cursor: Option<u64>) {
        if self.cursor.is_none()
            && let Some(cursor) = cursor
        {
            // The first answer to a poll may hold events already; it began before the first of them.
            self.start = if let Heard::Event(seen) = &heard { seen.seq - 1 } else { cursor };
        }
        self.cursor = cursor.or(self.cursor);
        let over = self.connections.last().cloned().unwrap_or_default();
        run.positions.lock().insert(self.name.clone(), (self.cursor, over.clone()));
        match heard {
            Heard::Event(seen) => {
                run.heard.fetch_add(1, Ordering::Relaxed);
                self.seen.push((seen, self.connections.len() - 1));
            }
            Heard::Control(control) if !["ready", "bye"].contains(&&*control.kind) => {
                self.strange.push(format!("{} over {over}", control.raw));
            }
            _ => {}
        }
    }
}
