//! Who hears that somebody is there, comes and goes; and in `visibility` who may know.

mod visibility;

use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

use crate::support::listener::TRANSPORTS;
use crate::support::{
    Ear, Heard, Listener, Passing, Person, Poller, Server, SseClient, Transport, WsClient, eventually, seconds, within,
};
use crate::watched::Metrics;

/// For how long nobody is told of somebody whose last socket has closed.
const GRACE: Duration = Duration::from_millis(500);
/// How soon somebody is told to be gone whose last socket has closed, on a machine that does other work beside.
const SOON: Duration = seconds(5);

async fn sse(person: &Person) -> SseClient {
    let mut ear = SseClient::open(person.address, &person.stream()).await.unwrap();
    ear.until_control("ready").await;
    ear
}

/// What is heard of anybody's presence until somebody says so.
async fn presence_until(ear: &mut impl Ear, speaker: &Person, conversation: u64) -> Vec<Passing> {
    let text = format!("until here {}", speaker.head().await);
    speaker.say(conversation, &text).await;
    let heard = ear
        .until(&text, |heard| matches!(heard, Heard::Event(seen) if seen.kind == "message.created" && seen.data()["text"] == text))
        .await;
    heard.into_iter().filter_map(Heard::passing).filter(|passing| passing.kind == "presence.changed").collect()
}

/// Whether somebody is there, as another sees it: online, and when last.
async fn sees(viewer: &Person, name: &str) -> (bool, Option<String>) {
    let list = viewer.get(&format!("/api/v1/presence?user={name}")).await.expect(200);
    let item = &list["items"][0];
    assert_eq!(item["user"]["username"], name);
    (item["online"].as_bool().unwrap(), item["last_seen_at"].as_str().map(str::to_owned))
}

/// The next word that somebody is there, or is not.
async fn until_says(ear: &mut impl Ear, name: &str, online: bool) -> Value {
    let what = format!("a word that {name} is there: {online}");
    let said = |heard: &Heard| matches!(heard, Heard::Passing(passing) if passing.says(name, online));
    match ear.until(&what, said).await.pop() {
        Some(Heard::Passing(passing)) => passing.json()["data"].take(),
        _ => unreachable!("it was waited for"),
    }
}

/// Waits until somebody looks so to another.
async fn looks(viewer: &Person, name: &str, online: bool) {
    let what = format!("{name} to look {}", if online { "online" } else { "offline" });
    eventually(SOON, &what, async || (sees(viewer, name).await.0 == online).then_some(())).await;
}

/// What passes before a poll waits is not heard by it.
async fn until_it_waits(server: &Server) {
    eventually(SOON, "the poll to wait", async || {
        (Metrics::of(server).await.value(r#"goldcrest_streams{transport="long_poll"}"#) == Some(1.0)).then_some(())
    })
    .await;
}

async fn hide(person: &Person, hidden: bool) {
    let own = person.patch("/api/v1/me", &json!({"show_presence": !hidden})).await.expect(200);
    assert_eq!(own["show_presence"], !hidden);
}

#[tokio::test]
async fn coming_and_going_is_heard_over_all_transports() {
    let server = Server::options().set("--metrics-listen", "127.0.0.1:0").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    alice.direct(&[&bob]).await;
    for transport in TRANSPORTS {
        let head = alice.head().await;
        let mut ear = Listener::open(transport, &alice, &alice.stream().after(head)).await.unwrap();
        match &mut ear {
            Listener::Polling(poller) => poller.wait = 20,
            _ => drop(ear.until_control("ready").await),
        }
        let comes_and_goes = async {
            if transport == Transport::Polling {
                until_it_waits(&server).await;
            }
            sse(&bob).await
        };
        let (here, stream) = tokio::join!(ear.until_presence("bob"), comes_and_goes);
        assert_eq!(here, json!({"user": {"id": bob.id, "username": "bob"}, "online": true, "last_seen_at": null}));
        assert_eq!(sees(&alice, "bob").await, (true, None));
        let gone = async {
            if transport == Transport::Polling {
                until_it_waits(&server).await;
            }
            let closed = Instant::now();
            drop(stream);
            closed
        };
        let (gone, closed) = tokio::join!(ear.until_presence("bob"), gone);
        let after = closed.elapsed();
        println!("{transport:?}: told {after:?} after the last socket closed");
        assert_eq!((&gone["online"], gone["last_seen_at"].is_string()), (&json!(false), true), "{transport:?}: {gone}");
        assert!(after >= Duration::from_millis(400), "a page that is loaded again has a moment: {after:?}");
        eventually(SOON, "it to be written", async || {
            (sees(&alice, "bob").await.1.as_deref() == gone["last_seen_at"].as_str()).then_some(())
        })
        .await;
    }
}

/// Alice and bob, what alice hears, and the stream by which carol is there too, as alice has heard.
async fn a_team_of_which_carol_is_there(server: &Server) -> ([Person; 2], SseClient, SseClient) {
    let [alice, bob, carol] = Person::register_all(server, ["alice", "bob", "carol"]).await;
    alice.group("team", &[&bob, &carol]).await;
    let mut ear = sse(&alice).await;
    let by_carol = sse(&carol).await;
    until_says(&mut ear, "carol", true).await;
    ([alice, bob], ear, by_carol)
}

#[tokio::test]
async fn a_page_that_is_loaded_again_and_a_second_device_are_not_told() {
    // On a machine that has much else to do a page may be away for longer than that, and then it is told.
    for _ in 0..10 {
        if is_not_told().await {
            return;
        }
    }
    panic!("a stream takes too long to open");
}

/// Whether all came back so soon that nobody is to be told, who then was not.
async fn is_not_told() -> bool {
    let server = Server::start().await;
    let ([alice, bob], mut ear, by_carol) = a_team_of_which_carol_is_there(&server).await;
    let mut stream = sse(&bob).await;
    until_says(&mut ear, "bob", true).await;
    for _ in 0..5 {
        let left = Instant::now();
        drop(stream);
        stream = sse(&bob).await;
        if left.elapsed() > GRACE / 2 {
            return false;
        }
    }
    let second = WsClient::open(server.address, &bob.stream()).await.unwrap();
    drop(stream);
    // Who goes now is told to be gone when the moment of grace is over for both.
    drop(by_carol);
    let heard =
        ear.until("that carol has gone", |heard| matches!(heard, Heard::Passing(word) if word.says("carol", false)));
    let words: Vec<Passing> = heard.await.into_iter().filter_map(Heard::passing).collect();
    assert!(words.iter().all(|word| word.says("carol", false)), "{words:?}");
    assert!(sees(&alice, "bob").await.0);
    drop(second);
    until_says(&mut ear, "bob", false).await;
    true
}

#[tokio::test]
async fn who_polls_is_there_between_his_polls_until_his_session_ends() {
    let server = Server::start().await;
    let ([alice, bob], mut ear, by_carol) = a_team_of_which_carol_is_there(&server).await;
    bob.get("/api/v1/events?after=0").await.expect(200);
    until_says(&mut ear, "bob", true).await;
    // Who goes is gone after a moment; who polls is not.
    drop(by_carol);
    until_says(&mut ear, "carol", false).await;
    assert!(sees(&alice, "bob").await.0);
    bob.logout().await;
    until_says(&mut ear, "bob", false).await;
}

#[tokio::test]
async fn whoever_is_shut_out_or_logged_out_is_gone_at_once() {
    let server = Server::start().await;
    let [alice, bob, carol, dave] = Person::register_all(&server, ["alice", "bob", "carol", "dave"]).await;
    alice.group("team", &[&bob, &carol, &dave]).await;
    let mut ear = sse(&alice).await;
    // None of them closes his side: it is the server that ends them.
    let (_bobs, _carols, _daves) =
        (sse(&bob).await, WsClient::open(server.address, &carol.stream()).await, sse(&dave).await);
    for name in ["bob", "carol", "dave"] {
        looks(&alice, name, true).await;
    }
    bob.logout().await;
    let told =
        |name: &'static str| move |heard: &Heard| matches!(heard, Heard::Passing(passing) if passing.says(name, false));
    within(SOON, "bob to be gone", ear.until("bob", told("bob"))).await;
    server.command(&["user", "suspend", "carol"]).await;
    let shut_out = within(SOON, "carol to be gone", ear.until("carol", told("carol"))).await.pop().unwrap();
    assert_eq!(
        shut_out.passing().unwrap().json()["data"]["last_seen_at"],
        json!(null),
        "of whom is shut out nothing is told"
    );
    assert_eq!(sees(&alice, "carol").await, (false, None));
    let answer = dave.call(http::Method::DELETE, "/api/v1/me", Some(&json!({"password": dave.password}))).await;
    answer.expect(204);
    let left = |heard: &Heard| matches!(heard, Heard::Passing(passing) if passing.json()["data"]["user"]["id"] == dave.id && passing.json()["data"]["online"] == false);
    within(SOON, "dave to be gone", ear.until("dave", left)).await;
    eventually(SOON, "nothing to be left", async || {
        (server.count("users", "last_seen_at IS NOT NULL AND status = 'deleted'").await == 0).then_some(())
    })
    .await;
    assert_eq!(server.count("users", "status = 'deleted'").await, 1);
}

#[tokio::test]
async fn when_somebody_was_last_there_outlasts_the_server() {
    let mut server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    alice.group("team", &[&bob, &carol]).await;
    let bobs = sse(&bob).await;
    let mut ear = sse(&alice).await;
    looks(&alice, "bob", true).await;
    drop(bobs);
    let gone = ear.until("bob", |heard| matches!(heard, Heard::Passing(passing) if passing.says("bob", false))).await;
    let gone = gone.into_iter().last().and_then(Heard::passing).unwrap().json()["data"]["last_seen_at"].clone();
    let _carols = sse(&carol).await;
    looks(&alice, "carol", true).await;
    assert!(server.terminate(seconds(20)).await.success());
    server.restart().await;
    assert_eq!(json!(sees(&alice, "bob").await.1), gone);
    let carol_left = sees(&alice, "carol").await.1.expect("whoever was there when it stopped was there last then");
    assert!(json!(carol_left) != gone);
    // After a crash what was written last is known.
    server.kill().await;
    server.restart().await;
    assert_eq!(sees(&alice, "carol").await, (false, Some(carol_left)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_many_who_come_and_go_leaves_nothing() {
    const CROWD: usize = 200;
    let server = Server::options().set("--max-streams-per-address", "2000").start().await;
    let watcher = Person::register(&server, "watcher").await;
    let names: Vec<String> = (0..CROWD).map(|number| format!("p{number}")).collect();
    let mut people = Vec::new();
    for name in &names {
        people.push(Person::register(&server, name).await);
    }
    let refs: Vec<&Person> = people.iter().collect();
    watcher.group("crowd", &refs).await;
    let _ear = sse(&watcher).await;
    for round in 0..2 {
        let streams = join_all(people.iter().map(sse)).await;
        eventually(seconds(20), "all to be there", async || {
            let list = watcher.get("/api/v1/presence?limit=200").await.expect(200);
            (list["items"].as_array().unwrap().len() == CROWD).then_some(())
        })
        .await;
        drop(streams);
        eventually(seconds(20), "all to be gone", async || {
            let list = watcher.get("/api/v1/presence?limit=200").await.expect(200);
            list["items"].as_array().unwrap().is_empty().then_some(())
        })
        .await;
        println!("round {round} is over");
    }
}

#[tokio::test]
async fn a_socket_that_answers_no_ping_is_nobody_and_stays_open() {
    let server = Server::options().set("--heartbeat", "300ms").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    let mut ear = sse(&alice).await;
    let mut socket = WsClient::open(server.address, &bob.stream()).await.unwrap();
    socket.until_control("ready").await;
    until_says(&mut ear, "bob", true).await;
    // Nobody reads, so nobody answers: the machine is there, but the program is not.
    let asleep = Instant::now();
    until_says(&mut ear, "bob", false).await;
    println!("told {:?} after it fell asleep", asleep.elapsed());
    alice.say(group, "good morning").await;
    assert!(socket.until_text("good morning").await.iter().any(|seen| seen.kind == "message.created"));
    let there = tokio::select! {
        there = ear.until_presence("bob") => there,
        () = async { loop { socket.next().await; } } => unreachable!("it reads for ever"),
    };
    assert_eq!(there["online"], true);
}

#[tokio::test]
async fn a_poll_that_waits_is_answered_by_what_passes() {
    // A poll that waits is answered by what passes, with a cursor that stays where it is.
    let server = Server::options().set("--metrics-listen", "127.0.0.1:0").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    alice.direct(&[&bob]).await;
    let head = alice.head().await;
    let mut poller = Poller::new(&alice, &alice.stream().after(head));
    poller.wait = 30;
    let come = async {
        until_it_waits(&server).await;
        sse(&bob).await
    };
    let (answer, _stream) = tokio::join!(poller.poll(), come);
    let answer = answer.unwrap().expect(200);
    assert_eq!((answer["next"].as_u64(), answer["head"].as_u64()), (Some(head), Some(head)));
    let events = answer["events"].as_array().unwrap();
    assert_eq!((events.len(), &events[0]["type"]), (1, &json!("presence.changed")), "{answer}");
}
