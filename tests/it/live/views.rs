//! Whatever a list can show has an event that changes it: what somebody knows from the lists that he read once and the events that he
//! heard since is what the lists say now, after whatever people have done.

mod deeds;
mod view;

use std::sync::Arc;

use deeds::{Doer, Places};
use view::View;

use crate::support::listener::TRANSPORTS;
use crate::support::{Chance, Ear, Heard, Listener, Options, Person, Server, eventually, seconds, within};

/// How often everybody stops, so that what he knows can be compared.
const ROUNDS: usize = 4;
const DEEDS: usize = 40;

/// Somebody who keeps a view up to date.
struct Viewer {
    person: Person,
    view: View,
    cursor: u64,
}

impl Viewer {
    async fn begin(person: &Person) -> Self {
        let (view, cursor) = View::read(person).await;
        Self { person: person.clone(), view, cursor }
    }

    /// Hears everything up to a place, over one transport after the other.
    async fn hear(&mut self, chance: &mut Chance, goal: u64) {
        while self.cursor < goal {
            let request = self.person.stream().after(self.cursor);
            let mut listener = Listener::open(*chance.pick(&TRANSPORTS), &self.person, &request).await.unwrap();
            let mut left = chance.between(1, 40);
            while left > 0 && self.cursor < goal {
                match listener.next().await {
                    Heard::Event(event) => {
                        self.view.apply(&self.person, &event.json()).await;
                        left -= 1;
                    }
                    Heard::Control(control) => assert_eq!(control.kind, "ready", "{}", control.raw),
                    Heard::End(code) => panic!("the stream of {} ended: {code:?}", self.person.name),
                    _ => {}
                }
                self.cursor = listener.cursor().unwrap_or(self.cursor);
            }
        }
    }
}

/// Where messages are kept only so long, they are kept while what people know is compared.
async fn rounds(server: &mut Server, kept: Option<&str>, chance: &mut Chance, people: &[Person], ghost: &Person) {
    let places = Arc::new(Places::default());
    let everybody: Vec<&Person> = people.iter().chain([ghost]).collect();
    let names: Arc<Vec<String>> = Arc::new(everybody.iter().map(|person| person.name.clone()).collect());
    let mut viewers: Vec<Viewer> = Vec::new();
    for round in 0..=ROUNDS {
        let mut doers = tokio::task::JoinSet::new();
        for person in &everybody {
            // Who is gone does nothing any more.
            if round == ROUNDS && person.id == ghost.id {
                continue;
            }
            let doer = Doer::new(server, person, Arc::clone(&names), Arc::clone(&places));
            doers.spawn(doer.act(chance.split(), DEEDS));
        }
        // The first lists are read while everybody is busy.
        if round == 0 {
            for person in people {
                viewers.push(Viewer::begin(person).await);
            }
        }
        if round == ROUNDS - 1 {
            let body = serde_json::json!({"password": ghost.password, "messages": chance.pick(&["keep", "delete"])});
            let gone = ghost.call(http::Method::DELETE, "/api/v1/me", Some(&body)).await;
            assert!([202, 204].contains(&gone.status), "{}", gone.describe());
        }
        while let Some(done) = doers.join_next().await {
            done.unwrap();
        }
        // Who is deleted goes in parts.
        let all_gone = async || (server.count("departures", "1 = 1").await == 0).then_some(());
        eventually(seconds(20), "whoever is gone to be gone from everywhere", all_gone).await;
        if kept.is_some() {
            server.kill().await;
            server.restart_with(options(None)).await;
        }
        let goal = people[0].head().await;
        for viewer in &mut viewers {
            viewer.hear(chance, goal).await;
            let (fresh, head) = View::read(&viewer.person).await;
            assert_eq!(head, goal, "nobody does anything now");
            viewer.view.assert_shows_the_same_as(&fresh, &viewer.person.name, round);
        }
        if kept.is_some() {
            server.kill().await;
            server.restart_with(options(kept)).await;
        }
    }
}

fn options(kept: Option<&str>) -> Options {
    // Where one has heard everything, but not lately, the next heartbeat says so.
    let options = Server::options().set("--heartbeat", "20ms");
    match kept {
        Some(time) => options.set("--message-retention", time),
        None => options,
    }
}

async fn all_rounds(test: &str, kept: Option<&str>) -> Server {
    let mut chance = Chance::for_test(test);
    let mut server = options(kept).start().await;
    let people = Person::register_all(&server, ["ann", "bob", "cid", "dot"]).await;
    let ghost = Person::register(&server, "ghost").await;
    let rounds = Box::pin(rounds(&mut server, kept, &mut chance, &people, &ghost));
    within(seconds(300), "all rounds", rounds).await;
    server
}

#[tokio::test]
async fn lists_read_once_and_the_events_since_are_the_lists_of_now() {
    all_rounds("lists_read_once_and_the_events_since_are_the_lists_of_now", None).await;
}

#[tokio::test]
async fn so_they_are_where_messages_run_out() {
    let server = all_rounds("so_they_are_where_messages_run_out", Some("1s")).await;
    assert!(server.count("events", "kind = 'messages.expired'").await > 0, "some have run out");
}
