//! What streams hear when the server ends.

use futures_util::future::join_all;
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::{
    Credentials, Ear, Heard, Listener, Person, Server, StreamRequest, Transport, WsClient, eventually, seconds, within,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_shutdown_a_thousand_streams_hear_bye_and_nothing_is_lost() {
    const PEOPLE: usize = 10;
    const STREAMS_EACH: usize = 100;
    let mut server = Server::options().set("--max-streams-per-address", "2000").start().await;
    let names: Vec<String> = (0..PEOPLE).map(|number| format!("person{number}")).collect();
    let people = join_all(names.iter().map(|name| Person::register(&server, name))).await;
    let group = people[0].group("everybody", &people.iter().skip(1).collect::<Vec<_>>()).await;
    let mut streams = JoinSet::new();
    let mut opened = JoinSet::new();
    for person in &people {
        let person = person.clone();
        opened.spawn(async move {
            let mut listeners = Vec::new();
            for number in 0..STREAMS_EACH {
                let transport = if number % 2 == 0 { Transport::Sse } else { Transport::WebSocket };
                let mut listener = Listener::open(transport, &person, &person.stream()).await.expect("a stream opens");
                listener.until_control("ready").await;
                listeners.push(listener);
            }
            listeners
        });
    }
    for mut listener in within(seconds(60), "the streams to open", opened.join_all()).await.into_iter().flatten() {
        streams.spawn(async move { listener.until_end(seconds(30)).await });
    }

    let mut writers = JoinSet::new();
    for person in &people[..4] {
        let person = person.clone();
        writers.spawn(async move {
            let mut acknowledged = Vec::new();
            loop {
                let body = json!({"conversation_id": group, "text": "to the last"});
                match person.try_call(http::Method::POST, "/api/v1/messages", Some(&body)).await {
                    Ok(answer) if answer.status == 201 => acknowledged.push(answer.json()["id"].as_u64().unwrap()),
                    Ok(answer) => {
                        assert_eq!(answer.status, 503, "{}", answer.describe());
                        return acknowledged;
                    }
                    Err(_) => return acknowledged,
                }
            }
        });
    }
    let head = people[0].head().await;
    eventually(seconds(20), "messages to flow", async || (people[0].head().await > head + 20).then_some(())).await;
    let status = server.terminate(seconds(15)).await;
    assert!(status.success(), "{status}");

    let mut retries = Vec::new();
    for (heard, code) in within(seconds(30), "the streams to end", streams.join_all()).await {
        let Some(Heard::Control(bye)) = heard.last() else { panic!("the last words are bye: {:?}", heard.last()) };
        assert_eq!(bye.kind, "bye");
        retries.push(bye.number("retry"));
        assert!(matches!(code, None | Some(1001)), "{code:?}");
    }
    assert_eq!(retries.len(), PEOPLE * STREAMS_EACH);
    retries.sort_unstable();
    let spread = retries[retries.len() - 1] - retries[0];
    assert!((1000..=30_000).contains(&spread), "they do not all come back at once: spread over {spread} ms");
    retries.dedup();
    assert!(retries.len() > 100, "nor in a few waves");

    let acknowledged = within(seconds(10), "the writers to give up", writers.join_all()).await.concat();
    let log = server.events_on_disk().await;
    log.assert_dense();
    let kept: Vec<u64> = log.messages().map(|event| event.data["id"].as_u64().unwrap()).collect();
    assert!(acknowledged.iter().all(|id| kept.contains(id)), "every acknowledged message is on disk");
    server.restart().await;
    let last = *acknowledged.iter().max().unwrap();
    assert_eq!(people[0].get(&format!("/api/v1/messages/{last}")).await.expect(200)["text"], "to the last");
}

#[tokio::test]
async fn at_shutdown_a_websocket_that_has_not_said_who_it_is_hears_bye_too() {
    let mut server = Server::start().await;
    let mut waiting = WsClient::open(server.address, &StreamRequest::new(Credentials::None)).await.unwrap();
    let status = server.terminate(seconds(15)).await;
    assert!(status.success(), "{status}");
    let (heard, code) = waiting.until_end(seconds(5)).await;
    let Some(Heard::Control(bye)) = heard.last() else { panic!("the last words are bye: {heard:?}") };
    assert_eq!((bye.kind.as_str(), code), ("bye", Some(1001)));
}
