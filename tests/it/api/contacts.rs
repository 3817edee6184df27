//! Contacts: asking, answering, changing one's mind, what both lists say, and who hears of it.

use serde_json::{Value, json};

use crate::support::{Ear, Person, Server, SseClient, WsClient};

const RECEIVED: &str = "/api/v1/contacts?direction=received";
const SENT: &str = "/api/v1/contacts?direction=sent";

/// Names and states of a list.
async fn list(person: &Person, path: &str) -> Vec<(String, String)> {
    let list = person.get(path).await.expect(200);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("a text in {list}")).to_owned();
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["user"]["username"]), text(&item["state"]))).collect()
}

fn entry(name: &str, state: &str) -> (String, String) {
    (name.to_owned(), state.to_owned())
}

/// What was said in the direct conversation of two, with the authors.
async fn said(person: &Person, other: &Person) -> Vec<(Value, String)> {
    let conversation = person.direct(&[other]).await;
    let messages = person.get(&format!("/api/v1/conversations/{conversation}/messages")).await.expect(200);
    let messages = messages["items"].as_array().unwrap().iter().rev();
    messages.map(|message| (message["author"].clone(), message["text"].as_str().unwrap().to_owned())).collect()
}

#[tokio::test]
async fn a_request_is_answered_and_both_lists_and_both_people_hear_of_it() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let mut ann_hears = SseClient::open(server.address, &ann.stream()).await.unwrap();
    ann_hears.until_control("ready").await;
    let mut ben_hears = WsClient::open(server.address, &ben.stream()).await.unwrap();
    ben_hears.until_control("ready").await;

    let asked = ben.ask(&ann).await.expect(201);
    assert_eq!((&asked["user"]["username"], &asked["state"]), (&json!("ann"), &json!("pending")));
    assert!(asked["requested_at"].is_string() && asked["answered_at"].is_null(), "{asked}");
    assert_eq!(list(&ann, RECEIVED).await, [entry("ben", "pending")]);
    assert_eq!(list(&ben, SENT).await, [entry("ann", "pending")]);
    assert_eq!(list(&ben, RECEIVED).await, [entry("ann", "approved")], "who asks approves the one he asks");
    assert_eq!(list(&ann, SENT).await, [entry("ben", "approved")]);
    assert_eq!(ben.get(SENT).await.expect(200)["items"][0], asked, "the answer is what the list has");

    let answered = ann.answer(&ben, "approved").await;
    assert_eq!((&answered["user"]["username"], &answered["state"]), (&json!("ben"), &json!("approved")));
    assert!(answered["requested_at"] == asked["requested_at"] && answered["answered_at"].is_string(), "{answered}");
    assert_eq!(list(&ann, "/api/v1/contacts").await, [entry("ben", "approved")], "one's own list comes unasked");
    assert_eq!(list(&ben, SENT).await, [entry("ann", "approved")]);
    let text = "Your request to be added to ann's contacts was approved.".to_owned();
    assert_eq!(said(&ben, &ann).await, [(Value::Null, text.clone())]);

    let head = ann.head().await;
    let short = |seen: crate::support::Seen| {
        let data = seen.data();
        let of = |field: &str| data[field].as_str().unwrap_or("").to_owned();
        format!("{} {} {} {}", seen.kind, of("direction"), data["user"]["username"].as_str().unwrap_or(""), of("state"))
    };
    let ann_heard: Vec<String> = ann_hears.until_text(&text).await.into_iter().map(short).collect();
    assert_eq!(
        ann_heard,
        [
            "contact.requested received ben pending",
            "contact.updated sent ben approved",
            "contact.updated received ben approved",
            "conversation.created   ",
            "message.created   ",
        ]
    );
    let ben_heard: Vec<String> = ben_hears.until_seq(head).await.into_iter().map(short).collect();
    assert_eq!(
        ben_heard,
        [
            "contact.requested sent ann pending",
            "contact.updated received ann approved",
            "contact.updated sent ann approved",
            "conversation.created   ",
            "message.created   ",
        ]
    );
}

#[tokio::test]
async fn nobody_asks_twice_and_a_mind_may_change() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    ben.ask(&ann).await.expect(201);
    for state in ["pending", "rejected", "approved", "rejected"] {
        if state != "pending" {
            ann.answer(&ben, state).await;
        }
        let head = ann.head().await;
        assert_eq!(ben.ask(&ann).await.refused(409, "already_requested")["state"], state);
        assert_eq!(ann.head().await, head, "a refusal leaves no event");
        assert_eq!(list(&ben, SENT).await, [entry("ann", state)]);
    }
    let head = ann.head().await;
    let again = ann.answer(&ben, "rejected").await;
    assert_eq!((again["state"].as_str(), ann.head().await), (Some("rejected"), head), "the same again is no news");
    let texts: Vec<String> = said(&ben, &ann).await.into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["Your request to be added to ann's contacts was rejected."], "only the first answer is told so");
    // What was answered is not taken back: otherwise asking anew would undo it.
    ben.delete("/api/v1/contacts/ann").await.expect(204);
    assert_eq!(list(&ben, RECEIVED).await, []);
    ben.delete("/api/v1/contacts/ann").await.refused(404, "not_found");
    assert_eq!(ben.ask(&ann).await.refused(409, "already_requested")["state"], "rejected");
}

#[tokio::test]
async fn two_who_ask_each_other_approve_each_other() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    ben.ask(&ann).await.expect(201);
    let head = ann.head().await;
    assert_eq!(ann.ask(&ben).await.expect(201)["state"], "approved", "he approved her by asking");
    for (person, other) in [(&ann, "ben"), (&ben, "ann")] {
        assert_eq!(list(person, RECEIVED).await, [entry(other, "approved")]);
        assert_eq!(list(person, SENT).await, [entry(other, "approved")]);
        let kinds: Vec<String> = person.events_after(head).await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["contact.updated", "contact.updated", "conversation.created", "message.created"]);
    }
    let text = "Your request to be added to ann's contacts was approved.".to_owned();
    assert_eq!(said(&ben, &ann).await, [(Value::Null, text)]);
    for (person, other) in [(&ann, &ben), (&ben, &ann)] {
        assert_eq!(person.ask(other).await.refused(409, "already_requested")["state"], "approved");
    }
}

#[tokio::test]
async fn two_who_ask_each_other_at_once_are_both_served() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let (one, other) = tokio::join!(ann.ask(&ben), ben.ask(&ann));
    let states = [one.expect(201), other.expect(201)].map(|asked| asked["state"].as_str().unwrap().to_owned());
    assert!(states.contains(&"pending".to_owned()) && states.contains(&"approved".to_owned()), "{states:?}");
    assert_eq!(list(&ann, SENT).await, [entry("ben", "approved")]);
    assert_eq!(list(&ben, SENT).await, [entry("ann", "approved")]);
}

#[tokio::test]
async fn a_request_that_waits_is_taken_back_and_an_entry_is_forgotten() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    ben.ask(&ann).await.expect(201);
    let head = ann.head().await;
    ben.delete("/api/v1/contacts/ann").await.expect(204);
    for (person, other, directions) in [(&ann, "ben", ["sent", "received"]), (&ben, "ann", ["received", "sent"])] {
        assert_eq!((list(person, RECEIVED).await, list(person, SENT).await), (vec![], vec![]));
        let heard = person.events_after(head).await;
        let heard: Vec<_> =
            heard.iter().map(|(kind, data)| (kind.as_str(), data["direction"].as_str().unwrap())).collect();
        assert_eq!(heard, directions.map(|direction| ("contact.deleted", direction)), "{other}");
    }
    // Who forgets a request lets it be asked anew.
    ben.ask(&ann).await.expect(201);
    ann.delete("/api/v1/contacts/ben").await.expect(204);
    assert_eq!(list(&ben, SENT).await, []);
    assert_eq!(list(&ben, RECEIVED).await, [entry("ann", "approved")], "what he said to her is his");
    assert_eq!(ben.ask(&ann).await.expect(201)["state"], "pending");
}

#[tokio::test]
async fn what_is_said_unasked_stands_and_is_not_told_in_words() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    let approved = ann.answer(&ben, "approved").await;
    assert!(approved["requested_at"].is_null() && approved["answered_at"].is_string(), "{approved}");
    ann.answer(&tom, "rejected").await;
    assert_eq!(list(&ann, RECEIVED).await, [entry("tom", "rejected"), entry("ben", "approved")]);
    assert_eq!((list(&ann, SENT).await, list(&ben, SENT).await), (vec![], vec![entry("ann", "approved")]));
    assert_eq!(ben.ask(&ann).await.expect(201)["state"], "approved");
    assert_eq!(tom.ask(&ann).await.expect(201)["state"], "rejected");
    for person in [&ben, &tom] {
        assert_eq!(person.get("/api/v1/conversations").await.expect(200)["items"], json!([]));
    }
}

#[tokio::test]
async fn who_is_blocked_answers_only_what_he_was_asked() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    ann.ask(&ben).await.expect(201);
    ann.block(&ben).await;
    ann.block(&tom).await;
    let head = ann.head().await;
    let say = async |person: &Person, state: &str| person.put("/api/v1/contacts/ann", &json!({"state": state})).await;
    say(&tom, "approved").await.refused(403, "blocked");
    say(&tom, "rejected").await.refused(403, "blocked");
    assert_eq!((list(&tom, RECEIVED).await, ann.events_after(head).await.len()), (vec![], 0));
    say(&ben, "approved").await.expect(200);
    let head = ann.head().await;
    say(&ben, "approved").await.expect(200);
    say(&ben, "rejected").await.refused(403, "blocked");
    assert_eq!(ann.events_after(head).await.len(), 0, "nothing changed, and she is not told what she did not ask");
    assert_eq!(list(&ann, SENT).await, [entry("ben", "approved")]);
}

#[tokio::test]
async fn a_closed_inbox_opens_with_the_answer_and_shuts_with_another() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    ann.close_inbox().await;
    let to_ann = json!({"to": ["ann"], "text": "hello"});
    let write = async || ben.post("/api/v1/messages", &to_ann).await;
    let refused = write().await.refused(403, "not_a_contact");
    assert_eq!((&refused["username"], &refused["state"]), (&json!("ann"), &json!("none")));
    ben.ask(&ann).await.expect(201);
    assert_eq!(write().await.refused(403, "not_a_contact")["state"], "pending");
    ann.post("/api/v1/messages", &json!({"to": ["ben"], "text": "who are you?"})).await.expect(201);
    assert_eq!(write().await.refused(403, "not_a_contact")["state"], "pending", "her writing says nothing");
    ann.answer(&ben, "approved").await;
    write().await.expect(201);
    ann.answer(&ben, "rejected").await;
    assert_eq!(write().await.refused(403, "not_a_contact")["state"], "rejected");
    ann.patch("/api/v1/me", &json!({"inbox": "everyone"})).await.expect(200);
    write().await.expect(201);
    ann.patch("/api/v1/me", &json!({"inbox": "nobody"})).await.refused_field("invalid", "inbox");
}

#[tokio::test]
async fn lists_come_in_parts_the_newest_first_and_by_state() {
    let server = Server::start().await;
    let [ann, bea, cat, dan, eve] = Person::register_all(&server, ["ann", "bea", "cat", "dan", "eve"]).await;
    for person in [&bea, &cat, &dan, &eve] {
        person.ask(&ann).await.expect(201);
    }
    ann.answer(&cat, "approved").await;
    ann.answer(&eve, "rejected").await;
    let all = list(&ann, RECEIVED).await;
    assert_eq!(
        all,
        [("eve", "rejected"), ("dan", "pending"), ("cat", "approved"), ("bea", "pending")].map(|(a, b)| entry(a, b))
    );
    let mut parts = Vec::new();
    let mut path = format!("{RECEIVED}&limit=3");
    loop {
        let part = ann.get(&path).await.expect(200);
        let names = part["items"].as_array().unwrap().iter();
        parts.extend(names.map(|item| item["user"]["username"].as_str().unwrap().to_owned()));
        assert!(part["head"].is_u64(), "{part}");
        let Some(next) = part["next"].as_str() else { break };
        path = format!("{RECEIVED}&limit=3&cursor={next}");
    }
    assert_eq!(parts, ["eve", "dan", "cat", "bea"]);
    assert_eq!(
        list(&ann, &format!("{RECEIVED}&state=pending")).await,
        [entry("dan", "pending"), entry("bea", "pending")]
    );
    assert_eq!(list(&eve, &format!("{SENT}&state=rejected")).await, [entry("ann", "rejected")]);
    assert_eq!(list(&eve, &format!("{SENT}&state=approved")).await, []);
    for wrong in ["cursor=x", "cursor=1", "cursor=a-b"] {
        let refused = ann.get(&format!("{RECEIVED}&{wrong}")).await.refused(400, "malformed_request");
        assert_eq!(refused["field"], "cursor");
    }
    for wrong in ["direction=up", "state=maybe", "limit=0", "limit=201", "page=2"] {
        ann.get(&format!("/api/v1/contacts?{wrong}")).await.refused(400, "malformed_request");
    }
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    ann.ask(&ann).await.refused_field("invalid", "username");
    ann.put("/api/v1/contacts/ann", &json!({"state": "approved"})).await.refused_field("invalid", "username");
    ann.post("/api/v1/contacts", &json!({"username": "nobody"})).await.refused(404, "not_found");
    ann.post("/api/v1/contacts", &json!({})).await.refused_field("invalid", "username");
    ann.post("/api/v1/contacts", &json!({"username": "ben", "text": "hi"}))
        .await
        .refused_field("unknown_field", "text");
    ann.put("/api/v1/contacts/nobody", &json!({"state": "approved"})).await.refused(404, "not_found");
    ann.put("/api/v1/contacts/ben", &json!({"state": "pending"})).await.refused_field("invalid", "state");
    ann.delete("/api/v1/contacts/nobody").await.refused(404, "not_found");
    ann.delete("/api/v1/contacts/ben").await.refused(404, "not_found");
    let key = ann.post("/api/v1/keys", &json!({"name": "", "scopes": ["read", "send"]})).await.expect(201);
    let robot = server.stranger().with_bearer(key["key"].as_str().unwrap());
    robot.get("/api/v1/contacts").await.refused(403, "insufficient_scope");
    robot.post("/api/v1/contacts", &json!({"username": ben.name})).await.refused(403, "insufficient_scope");
    robot.put("/api/v1/contacts/ben", &json!({"state": "approved"})).await.refused(403, "insufficient_scope");
    robot.delete("/api/v1/contacts/ben").await.refused(403, "insufficient_scope");
}

#[tokio::test]
async fn contacts_blocks_and_positions_outlive_a_power_cut() {
    let mut server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    ben.ask(&ann).await.expect(201);
    ann.answer(&ben, "approved").await;
    ann.close_inbox().await;
    ann.block(&tom).await;
    let (direct, shut) = (ben.direct(&[&ann]).await, ann.direct(&[&tom]).await);
    let read = ben.say(direct, "one").await;
    ben.say(direct, "two").await;
    ann.read(direct, &read).await.expect(200);
    server.kill().await;
    server.restart().await;
    assert_eq!(list(&ann, RECEIVED).await, [entry("ben", "approved")]);
    assert_eq!(ann.unread(direct).await, (1, read["id"].as_u64()));
    ben.say(direct, "three").await;
    tom.post("/api/v1/messages", &json!({"to": ["ann"], "text": "hello"})).await.refused(403, "blocked");
    tom.post("/api/v1/messages", &json!({"conversation_id": shut, "text": "hello"})).await.refused(403, "blocked");
    ann.delete("/api/v1/blocks/tom").await.expect(204);
    tom.post("/api/v1/messages", &json!({"to": ["ann"], "text": "hello"})).await.refused(403, "not_a_contact");
    assert_eq!(ann.unread(direct).await, (2, read["id"].as_u64()));
}

/// What a client does that keeps a list by its events.
fn apply(list: &mut Vec<Value>, direction: &str, (kind, data): &(String, Value)) {
    if !kind.starts_with("contact.") || data["direction"] != direction {
        return;
    }
    list.retain(|item| item["user"]["id"] != data["user"]["id"]);
    if kind != "contact.deleted" {
        let mut item = data.clone();
        item.as_object_mut().unwrap().remove("direction");
        list.push(item);
    }
}

#[tokio::test]
async fn a_list_and_its_events_make_the_next_list() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    let people = [&ann, &ben, &tom];
    let read = async |person: &Person, direction: &str| {
        let list = person.get(&format!("/api/v1/contacts?direction={direction}")).await.expect(200);
        (list["items"].as_array().unwrap().clone(), list["head"].as_u64().unwrap())
    };
    let mut chance = crate::support::Chance::for_test("contacts");
    for _ in 0..12 {
        let mut before = Vec::new();
        for person in people {
            before.push((read(person, "received").await, read(person, "sent").await));
        }
        for _ in 0..4 {
            let (one, other) = (chance.between(0, 2), chance.between(1, 2));
            let (one, other) = (people[one], people[(one + other) % 3]);
            let path = format!("/api/v1/contacts/{}", other.name);
            match chance.between(0, 4) {
                0 | 1 => drop(one.ask(other).await),
                2 => drop(one.answer(other, "approved").await),
                3 => drop(one.answer(other, "rejected").await),
                _ => drop(one.delete(&path).await),
            }
        }
        for (person, (received, sent)) in people.into_iter().zip(before) {
            for (direction, (mut items, head)) in [("received", received), ("sent", sent)] {
                for event in person.events_after(head).await {
                    apply(&mut items, direction, &event);
                }
                let by_user = |item: &Value| item["user"]["id"].as_u64();
                items.sort_by_key(by_user);
                let mut after = read(person, direction).await.0;
                after.sort_by_key(by_user);
                assert_eq!(items, after, "{} of {}", direction, person.name);
            }
        }
    }
}

#[tokio::test]
async fn who_has_blocked_somebody_hears_what_changes_in_his_own_lists_and_no_more() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    ben.answer(&ann, "approved").await;
    tom.ask(&ann).await.expect(201);
    for person in [&ben, &tom] {
        ann.block(person).await;
    }
    let names = async |direction: &str| {
        let list = ann.get(&format!("/api/v1/contacts?direction={direction}")).await.expect(200);
        let names = list["items"].as_array().unwrap().iter().map(|item| item["user"]["username"].clone());
        (names.collect::<Vec<_>>(), list["head"].as_u64().unwrap())
    };
    let (sent, head) = names("sent").await;
    assert_eq!(sent, ["tom", "ben"], "what they say to her");
    ben.delete("/api/v1/contacts/ann").await.expect(204);
    let gone = json!({"direction": "sent", "user": {"id": ben.id, "username": "ben"}});
    assert_eq!(ann.events_after(head).await, [("contact.deleted".to_owned(), gone)]);
    let (sent, head) = names("sent").await;
    assert_eq!(sent, ["tom"]);
    // There is nothing more to take away, and nothing can be put there again.
    ben.delete("/api/v1/contacts/ann").await.refused(404, "not_found");
    ben.put("/api/v1/contacts/ann", &json!({"state": "approved"})).await.refused(403, "blocked");
    ben.ask(&ann).await.refused(403, "blocked");
    assert_eq!(ann.events_after(head).await, []);
    tom.delete("/api/v1/contacts/ann").await.expect(204);
    assert_eq!((names("received").await.0, names("sent").await.0), (vec![], vec![]));
    let directions: Vec<Value> =
        ann.events_after(head).await.into_iter().map(|(_, mut data)| data["direction"].take()).collect();
    assert_eq!(directions, ["sent", "received"]);
}
