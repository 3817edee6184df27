//! How far people have read: what counts as unread, what moves the position, and who is told.

use serde_json::{Value, json};

use crate::support::{Ear, Heard, Person, Server, SseClient, WsClient};

fn id(message: &Value) -> Option<u64> {
    message["id"].as_u64()
}

#[tokio::test]
async fn what_others_said_is_unread_until_it_is_read() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let group = ann.group("group", &[&ben]).await;
    assert_eq!(ann.unread(group).await, (0, None));
    let mut said = Vec::new();
    for text in ["one", "two", "three"] {
        said.push(ben.say(group, text).await);
        ann.say(group, "mine").await;
    }
    assert_eq!(ann.unread(group).await, (3, None), "one's own do not count, and sending reads nothing");
    assert_eq!(ben.unread(group).await, (3, None));
    let read = ann.read(group, &said[1]).await.expect(200);
    assert_eq!(read, json!({"conversation_id": group, "message_id": said[1]["id"], "unread": 1}));
    assert_eq!(ann.unread(group).await, (1, id(&said[1])));
    let head = ann.head().await;
    let back = ann.read(group, &said[0]).await.expect(200);
    assert_eq!(back, read, "it only moves forward");
    assert_eq!(ann.read(group, &said[1]).await.expect(200), read);
    assert_eq!(ann.head().await, head, "what moved nothing is no news");
    assert_eq!(ben.unread(group).await, (3, None), "everybody reads for himself");
    assert_eq!(ann.read(group, &said[2]).await.expect(200)["unread"], 0);
}

#[tokio::test]
async fn the_list_of_conversations_tells_what_is_unread_in_each() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    let places = [ann.direct(&[&ben]).await, ann.group("group", &[&ben, &tom]).await, ann.direct(&[]).await];
    let channel = ben.channel("news").await;
    ben.say(channel, "before she came").await;
    ann.join(channel).await;
    ben.say(channel, "while she is there").await;
    ben.say(places[0], "hello").await;
    let last = ben.say(places[1], "hello all").await;
    tom.say(places[1], "hello too").await;
    ann.say(places[2], "a note").await;
    ann.read(places[1], &last).await.expect(200);
    let list = ann.get("/api/v1/conversations").await.expect(200);
    let told = |conversation: u64| {
        let items = list["items"].as_array().unwrap();
        let item = items.iter().find(|item| item["id"] == conversation).unwrap();
        (item["unread"].as_u64().unwrap(), item["last_read_id"].as_u64())
    };
    assert_eq!(told(places[0]), (1, None));
    assert_eq!(told(places[1]), (1, id(&last)));
    assert_eq!(told(places[2]), (0, None), "notes to oneself are one's own");
    assert_eq!(told(channel), (1, None), "what was said before one came is not unread");
    assert_eq!(tom.unread(channel).await, (0, None), "nor is a channel that one only looks at");
}

#[tokio::test]
async fn system_messages_count_for_both() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    ben.ask(&ann).await.expect(201);
    ann.answer(&ben, "approved").await;
    let direct = ann.direct(&[&ben]).await;
    for person in [&ann, &ben] {
        assert_eq!(person.unread(direct).await, (1, None));
    }
}

#[tokio::test]
async fn only_what_was_said_while_one_was_there_is_unread() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let group = ann.group("group", &[]).await;
    ann.say(group, "before").await;
    ann.add(group, &ben).await;
    let during = ann.say(group, "during").await;
    ann.remove(group, &ben).await;
    let away = ann.say(group, "away").await;
    ann.add(group, &ben).await;
    let back = ann.say(group, "back").await;
    assert_eq!(ben.unread(group).await, (2, None));
    ben.read(group, &away).await.refused(404, "not_found");
    assert_eq!(ben.read(group, &during).await.expect(200)["unread"], 1);
    assert_eq!(ben.read(group, &back).await.expect(200)["unread"], 0);
}

#[tokio::test]
async fn deleted_and_hidden_messages_are_not_unread() {
    let mut server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let group = ann.group("group", &[&ben]).await;
    let mut said = Vec::new();
    for text in ["one", "two", "three", "four"] {
        said.push(ben.say(group, text).await);
    }
    server.kill().await;
    let (deleted, hidden) = (&said[0]["id"], &said[2]["id"]);
    server.sql(&format!("UPDATE messages SET deleted_at = 1 WHERE id = {deleted}")).await;
    server.sql(&format!("INSERT INTO hidden (user_id, message_id) VALUES ({}, {hidden})", ann.id)).await;
    server.restart().await;
    assert_eq!(ann.unread(group).await, (2, None));
    let taken = ann.post("/api/v1/messages/take", &json!({})).await.expect(200);
    let taken: Vec<_> = taken["items"].as_array().unwrap().iter().map(id).collect();
    assert_eq!(taken, [id(&said[1]), id(&said[3])]);
}

#[tokio::test]
async fn in_small_circles_everybody_hears_who_has_read_and_elsewhere_only_he_himself() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    let channel = ann.channel("news").await;
    ben.join(channel).await;
    let small = [ann.direct(&[&ben]).await, ann.group("group", &[&ben]).await];
    for (conversation, shared) in [(small[0], true), (small[1], true), (channel, false)] {
        let message = ann.say(conversation, "hello").await;
        let head = ann.head().await;
        ben.read(conversation, &message).await.expect(200);
        let receipt = json!({
            "user": {"id": ben.id, "username": "ben"}, "conversation_id": conversation, "message_id": message["id"],
        });
        let heard = [("receipt.updated".to_owned(), receipt)];
        assert_eq!(ben.events_after(head).await, heard, "the reader hears it once");
        assert_eq!(ann.events_after(head).await, if shared { &heard[..] } else { &[] });
        assert_eq!(tom.events_after(head).await, []);
        let follows = format!("/api/v1/events?after={head}&channel=news");
        assert_eq!(tom.get(&follows).await.expect(200)["events"], json!([]), "nor do followers");
        let list = ann.get(&format!("/api/v1/conversations/{conversation}/receipts")).await.expect(200);
        assert_eq!(list["items"].as_array().unwrap().len(), usize::from(shared), "{list}");
        let own = ben.get(&format!("/api/v1/conversations/{conversation}/receipts")).await.expect(200);
        let item = &own["items"][0];
        assert_eq!((&item["user"]["username"], &item["message_id"]), (&json!("ben"), &message["id"]));
        assert!(item["read_at"].is_string() && own["head"].is_u64() && own["next"].is_null(), "{own}");
    }
}

#[tokio::test]
async fn a_circle_that_grows_too_large_stops_telling() {
    let server = Server::start().await;
    let names: Vec<String> = (0..33).map(|number| format!("person{number}")).collect();
    let people = futures_util::future::join_all(names.iter().map(|name| Person::register(&server, name))).await;
    let (ann, ben, last) = (&people[0], &people[1], &people[32]);
    let group = ann.group("group", &people[1..32].iter().collect::<Vec<_>>()).await;
    let path = format!("/api/v1/conversations/{group}/receipts");
    let read = async |shared: bool| {
        let message = ann.say(group, "hello").await;
        let head = ann.head().await;
        ben.read(group, &message).await.expect(200);
        assert_eq!((ben.events_after(head).await.len(), ann.events_after(head).await.len()), (1, usize::from(shared)));
        let listed = ann.get(&path).await.expect(200);
        assert_eq!(listed["items"].as_array().unwrap().len(), usize::from(shared), "{listed}");
    };
    read(true).await;
    ann.add(group, last).await;
    read(false).await;
    last.leave(group).await;
    read(true).await;
    // Who has left is told of no more.
    ben.leave(group).await;
    assert_eq!(ann.get(&path).await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn what_was_told_to_oneself_alone_stays_so_when_the_circle_shrinks() {
    let server = Server::start().await;
    let names: Vec<String> = (0..33).map(|number| format!("person{number}")).collect();
    let people = futures_util::future::join_all(names.iter().map(|name| Person::register(&server, name))).await;
    let (ann, ben, last) = (&people[0], &people[1], &people[32]);
    let group = ann.group("group", &people[1..].iter().collect::<Vec<_>>()).await;
    let path = format!("/api/v1/conversations/{group}/receipts");
    let message = ann.say(group, "hello").await;
    ben.read(group, &message).await.expect(200);
    last.leave(group).await;
    assert_eq!(ann.get(&path).await.expect(200)["items"], json!([]), "she heard no such event");
    assert_eq!(ben.get(&path).await.expect(200)["items"][0]["message_id"], message["id"]);
    let next = ann.say(group, "and now?").await;
    ben.read(group, &next).await.expect(200);
    assert_eq!(ann.get(&path).await.expect(200)["items"][0]["message_id"], next["id"]);
}

#[tokio::test]
async fn a_socket_reads_as_the_route_does() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let one = ben.say(direct, "one").await;
    ben.say(direct, "two").await;
    let mut ben_hears = SseClient::open(server.address, &ben.stream()).await.unwrap();
    ben_hears.until_control("ready").await;
    let mut socket = WsClient::open(server.address, &ann.stream()).await.unwrap();
    socket.until_control("ready").await;
    let read = json!({"op": "read", "ref": "r", "conversation_id": direct, "message_id": one["id"]});
    let mut aside = Vec::new();
    let reply = socket.ask(&read, &mut aside).await;
    assert_eq!(reply["result"], json!({"conversation_id": direct, "message_id": one["id"], "unread": 1}));
    let heard = |heard: &Heard| matches!(heard, Heard::Event(seen) if seen.kind == "receipt.updated");
    ben_hears.until("the receipt", heard).await;
    if !aside.iter().any(heard) {
        socket.until("the receipt", heard).await;
    }
    let wrong = json!({"op": "read", "ref": 2, "conversation_id": direct});
    let reply = socket.ask(&wrong, &mut aside).await;
    assert_eq!((&reply["error"]["code"], &reply["error"]["field"]), (&json!("invalid"), &json!("message_id")));
    let request = ann.stream_by_ticket().await;
    let mut listening = WsClient::open(server.address, &request).await.unwrap();
    listening.until_control("ready").await;
    let reply = listening.ask(&read, &mut aside).await;
    assert_eq!(reply["error"]["code"], "insufficient_scope", "a ticket only listens");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let group = ann.group("group", &[&ben]).await;
    let message = ben.say(direct, "hello").await;
    ben.say(group, "hello").await;
    let path = format!("/api/v1/conversations/{direct}/read");
    ann.put(&path, &json!({"message_id": 999})).await.refused(404, "not_found");
    ann.put(&path, &json!({"message_id": 0})).await.refused(404, "not_found");
    ann.put(&path, &json!({"message_id": "one"})).await.refused_field("invalid", "message_id");
    ann.put(&path, &json!({})).await.refused_field("invalid", "message_id");
    ann.read(group, &message).await.refused(404, "not_found");
    ann.read(999, &message).await.refused(404, "not_found");
    let key = async |scopes: Value, conversation: Option<u64>| {
        let body = json!({"name": "", "scopes": scopes, "conversation_id": conversation});
        let key = ann.post("/api/v1/keys", &body).await.expect(201);
        server.stranger().with_bearer(key["key"].as_str().unwrap())
    };
    let read = json!({"message_id": message["id"]});
    let sender = key(json!(["send"]), None).await;
    let receipts = format!("/api/v1/conversations/{direct}/receipts");
    sender.put(&path, &read).await.refused(403, "insufficient_scope");
    sender.get(&receipts).await.refused(403, "insufficient_scope");
    sender.post("/api/v1/messages/take", &json!({})).await.refused(403, "insufficient_scope");
    let elsewhere = key(json!(["read"]), Some(group)).await;
    elsewhere.put(&path, &read).await.refused(403, "insufficient_scope");
    elsewhere.get(&receipts).await.refused(403, "insufficient_scope");
    let here = json!({"conversation_id": direct});
    elsewhere.post("/api/v1/messages/take", &here).await.refused(403, "insufficient_scope");
    let taken = elsewhere.post("/api/v1/messages/take", &json!({})).await.expect(200);
    assert_eq!(taken["items"].as_array().unwrap().len(), 1, "a key for one conversation takes from there");
    assert_eq!(ann.unread(direct).await, (1, None));
    key(json!(["read"]), Some(direct)).await.put(&path, &read).await.expect(200);
}

#[tokio::test]
async fn who_asks_and_reads_too_much_is_slowed_down() {
    let server = Server::options().set("--rate-limits", "on").start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let message = ben.say(direct, "hello").await;
    let mut socket = WsClient::open(server.address, &ann.stream()).await.unwrap();
    socket.until_control("ready").await;
    let read = json!({"op": "read", "ref": 1, "conversation_id": direct, "message_id": message["id"]});
    let mut times = 0;
    while socket.ask(&read, &mut Vec::new()).await["error"]["code"] != "too_many_requests" {
        times += 1;
        assert!(times < 1_000, "so much reading was let through");
    }
    assert!(times >= 300, "who reads fast may: {times}");
    // On a busy machine there is room for another one again by the time of the next request.
    let mut again = 0;
    while ann.read(direct, &message).await.status != 429 {
        again += 1;
        assert!(again < 100, "the routes let through what the socket does not");
    }
    while ann.post("/api/v1/messages/take", &json!({})).await.status != 429 {
        again += 1;
        assert!(again < 200, "taking is reading too");
    }
    let mut times = 0;
    while ann.ask(&ben).await.status != 429 {
        times += 1;
        assert!(times < 200, "so many requests were let through");
    }
}
