//! Sending, sending again, reading and listing messages.

use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Chance, Ear, Person, Server, SseClient, WsClient};

#[tokio::test]
async fn a_message_comes_back_as_it_was_sent() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let sent =
        alice.post("/api/v1/messages", &json!({"to": ["bob"], "text": "hello", "client_id": "c1"})).await.expect(201);
    assert_eq!((sent["text"].as_str(), sent["client_id"].as_str()), (Some("hello"), Some("c1")));
    assert_eq!(sent["author"], json!({"id": alice.id, "username": "alice"}));
    assert!(sent["thread_id"].is_null() && sent["edited_at"].is_null() && sent["created_at"].is_string(), "{sent}");
    assert_eq!(sent["id"], 1, "ids are dense from 1");
    for person in [&alice, &bob] {
        let mut read = person.get("/api/v1/messages/1").await.expect(200);
        assert_eq!(read.as_object_mut().unwrap().remove("reply_count"), Some(json!(0)), "{read}");
        assert_eq!(read, sent);
    }
    let mut stream = SseClient::open(server.address, &bob.stream().after(0)).await.unwrap();
    let heard = stream.until_text("hello").await;
    assert_eq!(heard.last().unwrap().data(), sent, "the event holds what the call returned");
    assert_eq!(heard.last().unwrap().json()["conversation_id"], sent["conversation_id"]);
}

#[tokio::test]
async fn fifty_texts_of_any_characters_come_back_on_every_way() {
    let mut chance = Chance::for_test("messages");
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let start = bob.head().await;
    let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    let mut texts = Vec::new();
    for round in 0..50 {
        let length = chance.between(1, 300);
        let text = chance.text(length);
        if round % 2 == 0 {
            alice.say(direct, &text).await;
        } else {
            let reply = websocket
                .ask(&json!({"op": "send", "ref": round, "conversation_id": direct, "text": text}), &mut Vec::new())
                .await;
            assert_eq!(reply["result"]["text"], text, "{reply}");
        }
        texts.push(text);
    }
    let mut stream = SseClient::open(server.address, &bob.stream().after(start)).await.unwrap();
    let heard: Vec<String> = stream
        .until_seq(bob.head().await)
        .await
        .iter()
        .map(|seen| seen.data()["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(heard, texts);
    let listed = bob.get(&format!("/api/v1/conversations/{direct}/messages?limit=200")).await.expect(200);
    let listed: Vec<&str> =
        listed["items"].as_array().unwrap().iter().rev().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(listed, texts);
}

#[tokio::test]
async fn sending_again_gives_the_first_message_and_another_body_is_a_conflict() {
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let body = json!({"conversation_id": direct, "text": "once", "client_id": "c1"});
    let first = alice.post("/api/v1/messages", &body).await.expect(201);
    assert_eq!(alice.post("/api/v1/messages", &body).await.expect(200), first);
    assert_eq!(
        alice
            .post(&format!("/api/v1/conversations/{direct}/messages"), &json!({"text": "once", "client_id": "c1"}))
            .await
            .expect(200),
        first
    );
    let keyed = alice.with_header("idempotency-key", "c1");
    assert_eq!(
        keyed.post("/api/v1/messages", &json!({"conversation_id": direct, "text": "once"})).await.expect(200),
        first
    );
    let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    let operation = json!({"op": "send", "ref": 1, "conversation_id": direct, "text": "once", "client_id": "c1"});
    assert_eq!(websocket.ask(&operation, &mut Vec::new()).await["result"], first);

    alice
        .post("/api/v1/messages", &json!({"conversation_id": direct, "text": "twice", "client_id": "c1"}))
        .await
        .refused(409, "idempotency_conflict");
    alice
        .post("/api/v1/messages", &json!({"to": ["alice"], "text": "once", "client_id": "c1"}))
        .await
        .refused(409, "idempotency_conflict");
    let of_bob = bob.post("/api/v1/messages", &body).await.expect(201);
    assert_ne!(of_bob["id"], first["id"], "a client_id belongs to its author");

    server.kill().await;
    server.restart().await;
    assert_eq!(alice.post("/api/v1/messages", &body).await.expect(200), first, "also after a restart");
    let log = server.events_on_disk().await;
    assert_eq!(log.messages().count(), 2);
    log.assert_dense();
}

#[tokio::test]
async fn one_message_sent_by_many_at_once_is_one_message() {
    let server = Server::start().await;
    let [alice, _bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let body = json!({"to": ["bob"], "text": "once", "client_id": "c1"});
    let answers = futures_util::future::join_all((0..20).map(|_| alice.post("/api/v1/messages", &body))).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    let first = answers[0].json();
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201) && answer.json() == first));
}

#[tokio::test]
async fn a_retry_is_recognised_when_the_author_is_no_longer_there() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("group", &[&bob]).await;
    let body = json!({"conversation_id": group, "text": "last words", "client_id": "c1"});
    let first = bob.post("/api/v1/messages", &body).await.expect(201);
    bob.leave(group).await;
    assert_eq!(
        bob.post("/api/v1/messages", &body).await.expect(200)["id"],
        first["id"],
        "what was acknowledged stays acknowledged"
    );
}

#[tokio::test]
async fn a_reply_names_its_thread() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("group", &[&bob]).await;
    let elsewhere = alice.group("elsewhere", &[&bob]).await;
    let root = alice.say(group, "question").await["id"].clone();
    let reply = bob
        .post("/api/v1/messages", &json!({"conversation_id": group, "text": "answer", "thread_id": root}))
        .await
        .expect(201);
    assert_eq!(reply["thread_id"], root);
    for wrong in [json!(999_999), alice.say(elsewhere, "x").await["id"].clone()] {
        let body = json!({"conversation_id": group, "text": "answer", "thread_id": wrong});
        bob.post("/api/v1/messages", &body).await.refused(404, "not_found");
    }
    bob.post("/api/v1/messages", &json!({"conversation_id": group, "text": "x", "thread_id": reply["id"]}))
        .await
        .refused_field("invalid", "thread_id");
}

#[tokio::test]
async fn text_may_be_sent_as_it_is() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    let path = format!("/api/v1/conversations/{notes}/messages");
    for text in ["backup done", "two\nlines\n", "{\"not\": \"json\"}"] {
        assert_eq!(alice.send_body(Method::POST, &path, "text/plain", text).await.expect(201)["text"], text);
    }
    let keyed = alice.with_header("idempotency-key", "k1");
    let first = keyed.send_body(Method::POST, &path, "text/plain", "once").await.expect(201);
    assert_eq!(keyed.send_body(Method::POST, &path, "text/plain", "once").await.expect(200), first);
}

/// The ids of all pages, from the first on, as `next` leads.
async fn page_through(person: &Person, path: &str, parameter: &str, limit: usize) -> Vec<u64> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        // The first page may be asked for from a place of its own, which `next` then replaces.
        let path = if cursor.is_empty() { path } else { &path[..=path.find('?').unwrap()] };
        let page = person.get(&format!("{path}limit={limit}{cursor}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit && page["head"].is_u64(), "{page}");
        ids.extend(items.iter().map(|message| message["id"].as_u64().unwrap()));
        if page["next"].is_null() {
            return ids;
        }
        cursor = format!("&{parameter}={}", crate::support::person::id_text(&page["next"]));
        assert!(ids.len() < 1000, "paging comes to an end");
    }
}

#[tokio::test]
async fn history_is_paged_both_ways() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let other = alice.group("other", &[&bob]).await;
    let mut ids = Vec::new();
    for number in 0..25 {
        ids.push(alice.say(direct, &format!("message {number}")).await["id"].as_u64().unwrap());
        alice.say(other, "something else").await;
    }
    let path = format!("/api/v1/conversations/{direct}/messages");
    for limit in [1, 7, 25, 200] {
        assert_eq!(page_through(&bob, &format!("{path}?after=0&"), "after", limit).await, ids, "oldest first");
        let newest_first = page_through(&bob, &format!("{path}?"), "before", limit).await;
        assert_eq!(newest_first, ids.iter().rev().copied().collect::<Vec<_>>());
    }
    let middle = bob.get(&format!("{path}?before={}&limit=3", ids[10])).await.expect(200);
    assert_eq!(id_list(&middle), [ids[9], ids[8], ids[7]]);
    let middle = bob.get(&format!("{path}?after={}&limit=3", ids[10])).await.expect(200);
    assert_eq!(id_list(&middle), [ids[11], ids[12], ids[13]]);
    assert_eq!(bob.get(&format!("{path}?before=1")).await.expect(200)["items"], json!([]));
    let plain = bob.get(&path).await.expect(200);
    assert_eq!(plain["items"].as_array().unwrap().len(), 25, "fifty by default");
}

fn id_list(list: &Value) -> Vec<u64> {
    list["items"].as_array().unwrap().iter().map(|message| message["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn boxes_hold_what_came_and_what_went() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let direct = alice.direct(&[&bob]).await;
    let group = alice.group("group", &[&bob, &carol]).await;
    let private = bob.direct(&[&carol]).await;
    let id = async |person: &Person, conversation: u64| person.say(conversation, "text").await["id"].as_u64().unwrap();
    let (one, two, three, four) =
        (id(&alice, direct).await, id(&bob, direct).await, id(&carol, group).await, id(&bob, private).await);
    let list = async |person: &Person, query: &str| {
        id_list(&person.get(&format!("/api/v1/messages?{query}")).await.expect(200))
    };
    assert_eq!(list(&alice, "box=all").await, [three, two, one]);
    assert_eq!(list(&alice, "").await, [three, two, one]);
    assert_eq!(list(&alice, "box=inbox").await, [three, two]);
    assert_eq!(list(&alice, "box=sent").await, [one]);
    assert_eq!(list(&bob, "box=all&limit=2").await, [four, three]);
    assert_eq!(list(&bob, &format!("conversation_id={direct}")).await, [two, one]);
    assert_eq!(list(&bob, &format!("after={one}")).await, [two, three, four]);
    assert_eq!(list(&bob, &format!("before={three}")).await, [two, one]);
}

#[tokio::test]
async fn a_list_and_the_stream_from_its_head_miss_and_double_nothing() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let writer = tokio::spawn({
        let alice = alice.clone();
        async move {
            for number in 0..100 {
                alice.say(direct, &format!("message {number}")).await;
            }
            alice.say(direct, "the last").await;
        }
    });
    for _ in 0..20 {
        let list = bob.get(&format!("/api/v1/conversations/{direct}/messages?limit=200")).await.expect(200);
        let mut ids = id_list(&list);
        if list["items"][0]["text"] == "the last" {
            break;
        }
        ids.reverse();
        let mut stream =
            SseClient::open(server.address, &bob.stream().after(list["head"].as_u64().unwrap())).await.unwrap();
        ids.extend(stream.until_text("the last").await.iter().map(|seen| seen.data()["id"].as_u64().unwrap()));
        assert_eq!(ids, (1..=101).collect::<Vec<_>>());
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn what_one_socket_sends_comes_in_the_order_that_it_was_sent() {
    const MANY: usize = 200;
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    // By name takes a look into the database that by number does not.
    let operations = (0..MANY).map(|number| match number % 3 {
        0 => json!({"op": "send", "ref": number, "to": ["bob"], "text": number.to_string()}),
        _ => json!({"op": "send", "ref": number, "conversation_id": direct, "text": number.to_string()}),
    });
    websocket.send_all(operations).await;
    let heard = websocket.until_text(&(MANY - 1).to_string()).await;
    let mut texts: Vec<String> = heard.iter().map(|seen| seen.data()["text"].as_str().unwrap().to_owned()).collect();
    // The last may have overtaken others.
    let last = heard.last().unwrap().seq;
    let mut stream = SseClient::open(server.address, &bob.stream().after(last)).await.unwrap();
    alice.say(direct, "the end").await;
    texts
        .extend(stream.until_text("the end").await.iter().map(|seen| seen.data()["text"].as_str().unwrap().to_owned()));
    let expected: Vec<String> = (0..MANY).map(|number| number.to_string()).chain(["the end".to_owned()]).collect();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn names_that_nobody_has_are_told() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let check = |answer: &Answer, field: &str, unknown: &[&str]| {
        let problem = answer.refused(404, "not_found");
        assert_eq!((&problem["field"], &problem["unknown"]), (&json!(field), &json!(unknown)), "{}", answer.describe());
        for name in unknown {
            assert!(problem["detail"].as_str().unwrap().contains(name), "{}", answer.describe());
        }
    };
    let to = json!(["zed", "alice", "Nobody", "zed"]);
    check(&alice.post("/api/v1/messages", &json!({"to": to, "text": "x"})).await, "to", &["zed", "Nobody"]);
    let group = json!({"kind": "group", "name": "g", "members": ["alice", "zed"]});
    check(&alice.post("/api/v1/conversations", &group).await, "members", &["zed"]);
    let group = alice.group("group", &[]).await;
    let members = format!("/api/v1/conversations/{group}/members");
    check(&alice.post(&members, &json!({"username": "zed"})).await, "username", &["zed"]);
    // What stands in the path is no field.
    let answer = alice.delete(&format!("{members}/zed")).await.refused(404, "not_found");
    assert!(answer.get("field").is_none() && answer.get("unknown").is_none(), "{answer}");

    let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    let send = json!({"op": "send", "ref": 1, "to": ["zed"], "text": "x"});
    let reply = websocket.ask(&send, &mut Vec::new()).await;
    assert_eq!((&reply["error"]["field"], &reply["error"]["unknown"]), (&json!("to"), &json!(["zed"])), "{reply}");
}
