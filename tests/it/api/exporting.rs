//! Taking along all that an account holds: what is in it, that it can be told whole from cut off, and what bounds it.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};

use crate::support::raw::{Connection, Framing};
use crate::support::{Answer, Caller, Person, Server, eventually, seconds, within};

const EXPORT: &str = "/api/v1/me/export";

async fn export(person: &Person) -> Answer {
    person.post(EXPORT, &json!({"password": person.password})).await
}

/// The `data` of the lines of one kind.
fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).map(|line| &line["data"]).collect()
}

/// Compares the last line with the lines before it.
fn assert_whole(lines: &[Value]) {
    let (end, rest) = lines.split_last().expect("there is a last line");
    assert_eq!(end["kind"], "end", "{end}");
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for line in rest {
        *counts.entry(line["kind"].as_str().unwrap()).or_default() += 1;
    }
    for (kind, count) in end["data"]["counts"].as_object().unwrap() {
        assert_eq!(counts.remove(kind.as_str()).unwrap_or(0), count.as_u64().unwrap(), "{kind}");
    }
    assert!(counts.is_empty(), "{counts:?} are not counted");
}

#[tokio::test]
async fn all_that_an_account_holds_is_there_line_by_line() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    alice.patch("/api/v1/me", &json!({"bio": "a bird", "bio_visible": "contacts"})).await.expect(200);
    let key = json!({"name": "script", "scopes": ["read"]});
    let key = alice.post("/api/v1/keys", &key).await.expect(201);
    bob.ask(&alice).await.expect(201);
    alice.ask(&carol).await.expect(201);
    alice.block(&carol).await;
    let (direct, group) = (alice.direct(&[&bob]).await, bob.group("the group", &[&alice, &carol]).await);
    let channel = bob.channel("the-channel").await;
    bob.say(channel, "public, and before she came").await;
    alice.join(channel).await;
    let heard = bob.say(group, "@alice sees this").await;
    let hidden = bob.say(group, "alice hides this").await;
    alice.delete(&format!("/api/v1/messages/{}?for=me", hidden["id"])).await.expect(204);
    let deleted = alice.say(group, "alice deletes this").await;
    alice.delete(&format!("/api/v1/messages/{}", deleted["id"])).await.expect(204);
    alice.leave(group).await;
    bob.patch(&format!("/api/v1/conversations/{group}"), &json!({"name": "what she does not know"})).await.expect(200);
    bob.say(group, "alice was gone").await;
    bob.say(bob.direct(&[&carol]).await, "none of her business").await;
    let read = bob.say(direct, "hello").await;
    alice.read(direct, &read).await.expect(200);
    let own = alice.say(channel, "in public").await;

    let before = alice.head().await;
    let answer = export(&alice).await;
    assert_eq!(answer.status, 200, "{}", answer.describe());
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let name = answer.header("content-disposition").unwrap();
    assert!(name.starts_with("attachment; filename=\"goldcrest-alice-20") && name.ends_with(".jsonl\""), "{name}");
    let lines = answer.lines();
    assert_whole(&lines);
    assert_eq!(lines.last().unwrap()["data"]["head"], json!({"first": before, "last": before}));

    let user = alice.get("/api/v1/me").await.expect(200);
    assert_eq!(of_kind(&lines, "user"), [&user]);
    assert_eq!(of_kind(&lines, "session")[0]["current"], true);
    let keys = of_kind(&lines, "key");
    assert!(keys.len() == 1 && keys[0]["id"] == key["id"] && keys[0]["key"].is_null(), "{keys:?}");
    let contacts: Vec<[&Value; 3]> =
        of_kind(&lines, "contact").iter().map(|it| [&it["direction"], &it["user"]["username"], &it["state"]]).collect();
    assert_eq!(
        json!(contacts),
        json!([
            ["sent", "carol", "pending"],
            ["sent", "bob", "approved"],
            ["received", "carol", "approved"],
            ["received", "bob", "pending"]
        ])
    );
    assert_eq!(of_kind(&lines, "block")[0]["user"]["username"], "carol");
    let conversations = of_kind(&lines, "conversation");
    let told: Vec<(u64, &Value, &Value)> =
        conversations.iter().map(|it| (it["id"].as_u64().unwrap(), &it["name"], &it["role"])).collect();
    let mut expected = [
        (direct, &Value::Null, &json!("member")),
        (group, &Value::Null, &Value::Null),
        (channel, &json!("the-channel"), &json!("member")),
    ];
    expected.sort_by_key(|(id, ..)| *id);
    assert_eq!(told, expected, "of the group that she has left its new name is not told");
    let of_direct = conversations.iter().find(|it| it["id"] == direct).unwrap();
    assert_eq!((&of_direct["last_read_id"], of_direct["people"].as_array().map(Vec::len)), (&read["id"], Some(2)));
    let left = &conversations.iter().find(|it| it["id"] == group).unwrap()["stays"];
    assert!(left.as_array().unwrap().len() == 1 && left[0]["left"].is_u64(), "{left}");
    assert_eq!(of_kind(&lines, "hidden"), [&json!({"message_id": hidden["id"]})]);
    let messages = of_kind(&lines, "message");
    let ids: Vec<&Value> = messages.iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&heard["id"], &deleted["id"], &read["id"], &own["id"]]);
    assert_eq!(messages[0]["mentions"][0]["username"], "alice");
    assert!(messages[1]["text"] == "" && messages[1]["deleted_at"].is_string());
    let text = String::from_utf8(answer.body).unwrap();
    for secret in [
        "alice hides this",
        "what she does not know",
        "alice was gone",
        "none of her business",
        key["key"].as_str().unwrap(),
    ] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn only_its_owner_takes_an_account_along_and_only_with_the_password() {
    let server = Server::options().set("--compat", "kinglet=debug").start().await;
    let alice = Person::register(&server, "alice").await;
    alice.post(EXPORT, &json!({"password": "another password"})).await.refused(401, "invalid_credentials");
    alice.post(EXPORT, &json!({})).await.refused_field("invalid", "password");
    let key = alice.post("/api/v1/keys", &json!({"name": "script", "scopes": ["read", "send"]})).await.expect(201);
    let by_key = alice.with_bearer(key["key"].as_str().unwrap());
    by_key.post(EXPORT, &json!({"password": alice.password})).await.refused(403, "insufficient_scope");
    let ticket = alice.ticket().await;
    let by_ticket = server.stranger().with_bearer(&ticket);
    by_ticket.post(EXPORT, &json!({"password": alice.password})).await.refused(401, "unauthorized");

    let login = json!({"username": "alice", "password": alice.password, "cookie": true});
    let login = server.stranger().post("/api/v1/sessions", &login).await;
    let cookie = login.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let by_cookie = server.stranger().with_header("cookie", &cookie);
    assert_whole(&by_cookie.post(EXPORT, &json!({"password": alice.password})).await.lines());
    assert!(server.log().contains("event.name=\"export\""), "the log tells of it");
}

#[tokio::test]
async fn passwords_are_not_guessed_by_it_and_it_is_not_asked_for_all_the_time() {
    let server = Server::options().set("--rate-limits", "on").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(alice.post(EXPORT, &json!({"password": "a guess"})).await);
    }
    assert!(answers.first().unwrap().status == 401 && answers.last().unwrap().status == 429);
    let mut statuses = Vec::new();
    for _ in 0..7 {
        let answer = export(&bob).await;
        statuses.push(answer.status);
        if answer.status == 429 {
            answer.refused(429, "too_many_requests");
            assert!(answer.header("retry-after").is_some());
        }
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 429]);
}

/// An export whose reader takes nothing but its head.
async fn begin_slowly(server: &Server, person: &Person) -> (Connection, Framing) {
    let body = json!({"password": person.password}).to_string();
    let mut connection = Connection::open_narrow(server.address).await.unwrap();
    let head = format!(
        "POST {EXPORT} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.address,
        person.access_token,
        body.len()
    );
    connection.send(head).await.unwrap();
    let (status, headers) = within(seconds(30), "an export to begin", connection.head()).await.unwrap();
    assert_eq!(status, 200);
    (connection, Framing::of(status, &headers))
}

/// Puts messages of a length behind all there are, as if somebody had said them; far more than anybody can say in a test.
async fn much_was_said(server: &Server, conversation: u64, by: &Person, count: usize, length: usize) {
    let text = format!("{:0<length$}", "xylophone ");
    server
        .sql(&format!(
            "INSERT INTO messages (id, seq, conversation_id, author_id, text, body_hash, created_at) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
             SELECT last_message + i, head, {conversation}, {}, '{text}', 0, last_at FROM n, clock; \
             UPDATE clock SET last_message = last_message + {count}",
            by.id
        ))
        .await;
}

#[tokio::test]
async fn it_is_one_at_a_time_and_who_is_slow_keeps_nobody_else_away() {
    let server = Server::start().await;
    let everybody = Person::register_all(&server, ["a", "b", "c", "d", "e"]).await;
    let group = everybody[0].group("all", &everybody[1..].iter().collect::<Vec<_>>()).await;
    // More than sockets hold.
    much_was_said(&server, group, &everybody[0], 2_000, 10_000).await;
    let mut held = Vec::new();
    for person in &everybody[..4] {
        held.push(begin_slowly(&server, person).await);
        let again = export(person).await;
        again.refused(429, "too_many_requests");
        assert!(again.header("retry-after").is_some());
    }
    // As many as may read at a time are under way, and each waits for its reader.
    assert_whole(&export(&everybody[4]).await.lines());
    drop(held);
    let answer = eventually(seconds(20), "his own place to be free", async || {
        let answer = export(&everybody[0]).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_eq!(of_kind(&answer.lines(), "message").len(), 2_000);
}

#[tokio::test]
async fn a_session_that_is_revoked_in_mid_export_ends_it_and_the_file_is_not_whole() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[]).await;
    much_was_said(&server, notes, &alice, 2_000, 10_000).await;
    let (mut connection, mut framing) = begin_slowly(&server, &alice).await;
    let mut body = Vec::new();
    within(seconds(30), "the first messages", async {
        while !String::from_utf8_lossy(&body).contains("xylophone") {
            assert!(connection.read_more().await.unwrap(), "it goes on");
            framing.decode(&mut connection.unread, &mut body);
        }
    })
    .await;
    let other = alice.login(&server).await;
    other.delete(&format!("/api/v1/sessions/{}", alice.session)).await.expect(204);
    let whole = within(seconds(60), "the export to end", async {
        loop {
            framing.decode(&mut connection.unread, &mut body);
            if framing.is_over() {
                return true;
            }
            if !connection.read_more().await.unwrap_or(false) {
                return false;
            }
        }
    })
    .await;
    assert!(!whole, "it is broken off, also for clients that look at nothing but HTTP");
    assert!(!String::from_utf8_lossy(&body).contains("{\"kind\":\"end\""));
    println!("{} bytes had gone out", body.len());
    eventually(seconds(20), "the log to say so", async || server.log().contains("an export broke off").then_some(()))
        .await;
    assert_whole(&export(&other).await.lines());
}

#[tokio::test]
async fn a_reader_who_takes_nothing_is_given_up() {
    let server = Server::options().set("--stall-timeout", "8s").start().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[]).await;
    much_was_said(&server, notes, &alice, 2_000, 10_000).await;
    let _held = begin_slowly(&server, &alice).await;
    export(&alice).await.refused(429, "too_many_requests");
    let answer = eventually(seconds(60), "the place to be free", async || {
        let answer = export(&alice).await;
        (answer.status == 200).then_some(answer)
    })
    .await;
    assert_whole(&answer.lines());
}

#[tokio::test]
async fn much_is_exported_with_little_memory_while_others_write() {
    const MANY: usize = 20_000;
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    much_was_said(&server, direct, &bob, MANY, 2_000).await;
    assert_whole(&export(&bob).await.lines());
    let before = server.memory();
    let body = json!({"password": alice.password});
    let caller: Caller = (*alice).clone();
    let exporting = tokio::spawn(async move { caller.call(Method::POST, EXPORT, Some(&body)).await });
    let (mut most, mut said) = (before, 0);
    while !exporting.is_finished() {
        bob.say(direct, "meanwhile").await;
        said += 1;
        most = most.max(server.memory());
    }
    let answer = exporting.await.unwrap();
    let lines = answer.lines();
    assert_whole(&lines);
    let messages = of_kind(&lines, "message").len();
    assert!((MANY..=MANY + said).contains(&messages), "{messages} of {MANY} and {said}");
    let heads = &lines.last().unwrap()["data"]["head"];
    assert!(heads["first"].as_u64() <= heads["last"].as_u64());
    println!("{} bytes, {said} messages meanwhile, {} KiB of memory", answer.body.len(), (most - before) / 1024);
    // All of it at once would be twice that: it is what connections to the database keep, and a part or two.
    assert!(most - before < 40 * 1024 * 1024, "{} bytes more of memory", most - before);
}
