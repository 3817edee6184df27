//! Replies, the threads that they make, and who is named in what.

use serde_json::{Value, json};

use crate::support::{Ear, Person, Server, SseClient};

async fn reply(person: &Person, root: &Value, text: &str) -> Value {
    let body = json!({"conversation_id": root["conversation_id"], "thread_id": root["id"], "text": text});
    person.post("/api/v1/messages", &body).await.expect(201)
}

async fn items(person: &Person, path: &str) -> Vec<Value> {
    person.get(path).await.expect(200)["items"].as_array().unwrap().clone()
}

fn texts(items: &[Value]) -> Vec<&str> {
    items.iter().map(|message| message["text"].as_str().unwrap()).collect()
}

/// The texts of the roots of one's threads, the one with the newest reply first.
async fn threads(person: &Person, query: &str) -> Vec<String> {
    let items = items(person, &format!("/api/v1/threads{query}")).await;
    items.iter().map(|thread| thread["root"]["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn replies_are_read_oldest_first_and_counted() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let group = alice.group("group", &[&bob]).await;
    let root = alice.say(group, "question").await;
    for number in 0..5 {
        reply(if number % 2 == 0 { &bob } else { &alice }, &root, &format!("answer {number}")).await;
    }
    let path = format!("/api/v1/messages/{}", root["id"]);
    let all = items(&bob, &format!("{path}/replies")).await;
    assert_eq!(texts(&all), ["answer 0", "answer 1", "answer 2", "answer 3", "answer 4"]);
    assert!(all.iter().all(|reply| reply["thread_id"] == root["id"] && reply.get("reply_count").is_none()));
    let first = bob.get(&format!("{path}/replies?limit=3")).await.expect(200);
    assert_eq!(first["items"].as_array().unwrap().len(), 3);
    let rest = items(&bob, &format!("{path}/replies?limit=3&after={}", first["next"].as_str().unwrap())).await;
    assert_eq!(texts(&rest), ["answer 3", "answer 4"]);
    assert_eq!(texts(&items(&bob, &format!("{path}/replies?before={}", all[1]["id"])).await), ["answer 0"]);
    assert_eq!(
        texts(&items(&bob, &format!("/api/v1/messages?thread_id={}&box=sent", root["id"])).await),
        ["answer 4", "answer 2", "answer 0"]
    );
    assert_eq!(bob.get(&path).await.expect(200)["reply_count"], 5);
    let listed = items(&bob, &format!("/api/v1/conversations/{group}/messages?after=0&limit=1")).await;
    assert_eq!(listed[0]["reply_count"], 5);
    carol.get(&format!("{path}/replies")).await.refused(404, "not_found");
    carol.get(&format!("/api/v1/messages?thread_id={}", root["id"])).await.refused(404, "not_found");
    bob.get("/api/v1/messages/999/replies").await.refused(404, "not_found");

    bob.delete(&format!("/api/v1/messages/{}?for=me", all[1]["id"])).await.expect(204);
    assert_eq!(bob.get(&path).await.expect(200)["reply_count"], 4, "what he hid he does not count");
    alice.delete(&path).await.expect(204);
    assert_eq!(items(&alice, &format!("{path}/replies")).await.len(), 5, "a deleted root keeps its replies");
}

#[tokio::test]
async fn who_came_late_sees_no_thread_that_began_before() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("group", &[]).await;
    let root = alice.say(group, "before bob").await;
    alice.add(group, &bob).await;
    reply(&alice, &root, "after bob").await;
    let body = json!({"conversation_id": group, "thread_id": root["id"], "text": "x"});
    bob.post("/api/v1/messages", &body).await.refused(404, "not_found");
    bob.get(&format!("/api/v1/messages/{}/replies", root["id"])).await.refused(404, "not_found");
}

#[tokio::test]
async fn my_threads_are_those_that_i_take_part_in_by_last_activity() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let group = alice.group("group", &[&bob, &carol]).await;
    let direct = alice.direct(&[&bob]).await;
    let (one, two, three) =
        (alice.say(group, "one").await, bob.say(group, "two").await, alice.say(direct, "three").await);
    let named = alice.say(group, "four @carol").await;
    assert_eq!(threads(&alice, "").await, [""; 0], "a message without a reply is no thread");
    reply(&bob, &one, "to one").await;
    reply(&bob, &two, "to two").await;
    reply(&bob, &three, "to three").await;
    reply(&alice, &named, "to four").await;
    assert_eq!(threads(&alice, "").await, ["four @carol", "three", "one"]);
    assert_eq!(threads(&bob, "").await, ["three", "two", "one"]);
    assert_eq!(threads(&carol, "").await, ["four @carol"]);
    reply(&carol, &one, "also to one").await;
    reply(&alice, &two, "@carol knows").await;
    assert_eq!(threads(&carol, "").await, ["two", "one", "four @carol"]);
    assert_eq!(threads(&alice, "").await, ["two", "one", "four @carol", "three"]);
    assert_eq!(threads(&alice, &format!("?conversation_id={direct}")).await, ["three"]);

    let page = alice.get("/api/v1/threads?limit=3").await.expect(200);
    let first = &page["items"][0];
    assert_eq!((&first["reply_count"], &first["last_reply"]["text"]), (&json!(2), &json!("@carol knows")));
    assert_eq!(first["last_activity_at"], first["last_reply"]["created_at"]);
    assert!(page["head"].is_u64());
    let rest = threads(&alice, &format!("?limit=3&cursor={}", page["next"].as_str().unwrap())).await;
    assert_eq!(rest, ["three"]);
    alice.get("/api/v1/threads?cursor=x").await.refused(400, "malformed_request");

    carol.leave(group).await;
    reply(&alice, &one, "without carol").await;
    let seen = items(&carol, "/api/v1/threads").await;
    let seen: Vec<_> =
        seen.iter().map(|it| (it["root"]["text"].as_str().unwrap(), it["reply_count"].as_u64().unwrap())).collect();
    assert_eq!(seen, [("two", 2), ("one", 2), ("four @carol", 1)], "as far as she was there");
}

#[tokio::test]
async fn a_thread_in_a_channel_is_mine_also_when_it_began_before_me() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let channel = alice.channel("channel").await;
    let root = alice.say(channel, "before bob").await;
    bob.join(channel).await;
    reply(&bob, &root, "bob's").await;
    assert_eq!(threads(&bob, "").await, ["before bob"]);
    assert_eq!(threads(&bob, &format!("?conversation_id={channel}")).await, ["before bob"]);
}

#[tokio::test]
async fn whoever_is_named_finds_it_among_his_mentions() {
    let server = Server::start().await;
    let [alice, bob, carol, dave] = Person::register_all(&server, ["alice", "Bob", "carol", "dave"]).await;
    let group = alice.group("group", &[&bob, &carol]).await;
    let said = alice.say(group, "@carol and @BOB, not @dave nor x@bob, ask @bob.").await;
    let mut expected = [json!({"id": bob.id, "username": "Bob"}), json!({"id": carol.id, "username": "carol"})];
    expected.sort_by_key(|user| user["id"].as_u64());
    assert_eq!(said["mentions"], json!(expected), "by number");
    let mut read = bob.get(&format!("/api/v1/messages/{}", said["id"])).await.expect(200);
    read.as_object_mut().unwrap().remove("reply_count");
    assert_eq!(read, said);
    let mut stream = SseClient::open(server.address, &bob.stream().after(0)).await.unwrap();
    let heard = stream.until_seq(bob.head().await).await.pop().unwrap();
    assert_eq!(heard.data(), said);
    assert_eq!(items(&dave, "/api/v1/mentions").await.len(), 0, "who is not there is not named");
    let second = alice.post("/api/v1/messages", &json!({"to": ["bob"], "text": "hi @bob"})).await.expect(201);
    assert_eq!(second["mentions"][0]["id"], bob.id, "also in a direct conversation that this makes");
    assert_eq!(texts(&items(&bob, "/api/v1/mentions").await), ["hi @bob", said["text"].as_str().unwrap()]);
    let page = bob.get("/api/v1/mentions?limit=1").await.expect(200);
    let rest = items(&bob, &format!("/api/v1/mentions?before={}", page["next"].as_str().unwrap())).await;
    assert_eq!(texts(&rest), [said["text"].as_str().unwrap()]);

    let count = async |person: &Person| {
        let list = items(person, "/api/v1/conversations").await;
        list.iter().find(|item| item["id"] == group).unwrap()["mention_count"].clone()
    };
    assert_eq!((count(&bob).await, count(&carol).await, count(&alice).await), (json!(1), json!(1), json!(0)));
    let path = format!("/api/v1/messages/{}", said["id"]);
    let edited = alice.patch(&path, &json!({"text": "only @alice and @carol"})).await.expect(200);
    assert_eq!(edited["mentions"].as_array().unwrap().len(), 2);
    assert_eq!(texts(&items(&bob, "/api/v1/mentions").await), ["hi @bob"]);
    assert_eq!((count(&bob).await, count(&carol).await), (json!(0), json!(1)));
    assert_eq!(count(&alice).await, 0, "what one says oneself is not unread");
    carol.delete(&path).await.expect(204);
    assert_eq!(
        (count(&carol).await, items(&carol, "/api/v1/mentions").await.len()),
        (json!(0), 0),
        "nor what is hidden"
    );
}

#[tokio::test]
async fn an_edit_names_only_those_who_could_see_the_message() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let group = alice.group("group", &[&bob]).await;
    let said = alice.say(group, "plain").await;
    alice.add(group, &carol).await;
    let path = format!("/api/v1/messages/{}", said["id"]);
    let edited = alice.patch(&path, &json!({"text": "@bob @carol"})).await.expect(200);
    assert_eq!(edited["mentions"], json!([{"id": bob.id, "username": "bob"}]));
    assert_eq!(items(&carol, "/api/v1/mentions").await.len(), 0);
    let new = alice.say(group, "@bob @carol").await;
    assert_eq!(new["mentions"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_name_that_somebody_takes_later_is_known_at_once() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let group = alice.group("group", &[]).await;
    assert_eq!(alice.say(group, "@bob").await["mentions"], json!([]));
    let bob = Person::register(&server, "bob").await;
    assert_eq!(alice.say(group, "@bob").await["mentions"], json!([]), "he is not there");
    alice.add(group, &bob).await;
    assert_eq!(alice.say(group, "@bob").await["mentions"][0]["id"], bob.id);
    bob.leave(group).await;
    assert_eq!(alice.say(group, "@bob").await["mentions"], json!([]));
}
