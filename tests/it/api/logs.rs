//! What the log tells an operator: who did what from where, under names that stay, and what failed for which request.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::cli::operator::Operator;
use crate::support::{Ear, Person, Server, WsClient, lacks, seconds};

const SOMEWHERE: &str = "203.0.113.7";

/// The lines of a log for machines.
fn lines(log: &str) -> Vec<Value> {
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().filter(|line| line.starts_with('{')).map(line).collect()
}

/// The lines of an event, each without what no test can know, with the address that its request came from.
fn told(lines: &[Value], name: &str) -> Vec<Value> {
    let of_it = lines.iter().filter(|line| line["event.name"] == name);
    of_it
        .map(|line| {
            assert_eq!(line["level"], "INFO", "{line}");
            assert_eq!(line["span"]["request.id"].as_str().map(str::len), Some(16), "{line}");
            let mut fields = line.as_object().unwrap().clone();
            fields.retain(|field, _| field.contains(".id") || field == "user.name");
            fields.insert("from".to_owned(), line["span"]["client.address"].clone());
            Value::Object(fields)
        })
        .collect()
}

/// Two people who do all of it, over both languages. What was typed and said must not be told.
async fn a_day(server: &Server) -> (Person, Person, u64, Vec<u64>) {
    let [ann, ben] = Person::register_all(server, ["ann", "ben"]).await;
    let stranger = server.stranger().with_header("x-forwarded-for", SOMEWHERE);
    let log_in = async |who: Value, password: &str| {
        let mut body = who;
        body["password"] = json!(password);
        stranger.post("/api/v1/sessions", &body).await
    };
    let login = log_in(json!({"username": "ANN"}), &ann.password).await.expect(201);
    let ann = Person::from_login(&stranger, &ann.password, &login);
    log_in(json!({"username": "Ann"}), "marked-guess").await.refused(401, "invalid_credentials");
    log_in(json!({"username": "marked-no-name"}), "marked-guess").await.refused(401, "invalid_credentials");
    log_in(json!({"email": "marked@example.org"}), "marked-guess").await.refused(401, "invalid_credentials");
    let direct = ann.direct(&[&ben]).await;
    let mut sent = vec![ann.say(direct, "marked-text by post").await["id"].as_u64().unwrap()];
    let here = ann.stream().header("x-forwarded-for", SOMEWHERE);
    let mut socket = WsClient::open(server.address, &here).await.unwrap();
    socket.until_control("ready").await;
    let mut say = json!({"op": "send", "ref": 1, "to": ["ben"], "text": "marked-text by socket", "client_id": "one"});
    for _ in 0..2 {
        // Said again under the same name it is no other message, and no other line.
        let reply = socket.ask(&say, &mut Vec::new()).await;
        sent.push(reply["result"]["id"].as_u64().unwrap_or_else(|| panic!("{reply}")));
    }
    sent.dedup();
    ben.block(&ann).await;
    ann.post("/api/v1/messages", &json!({"to": ["ben"], "text": "marked-text"})).await.refused(403, "blocked");
    say["client_id"] = json!("two");
    assert_eq!(socket.ask(&say, &mut Vec::new()).await["error"]["code"], "blocked");
    ben.delete("/api/v1/blocks/ann").await.expect(204);
    let key = ann.post("/api/v1/keys", &json!({"name": "marked-name", "scopes": ["read"]})).await.expect(201);
    ann.delete(&format!("/api/v1/keys/{}", key["id"])).await.expect(204);
    (ann, ben, direct, sent)
}

#[tokio::test]
async fn logins_messages_and_blocks_are_told_with_who_and_from_where_and_without_what() {
    let options = Server::options().set("--log-format", "json").set("--trusted-proxies", "127.0.0.1");
    let mut server = options.start().await;
    let (ann, ben, direct, sent) = a_day(&server).await;
    server.terminate(seconds(10)).await;
    let log = server.log();
    let all = lines(&log);
    let session: u64 = ann.session.parse().unwrap();
    let login = json!({"user.id": ann.id, "session.id": session, "from": SOMEWHERE});
    assert_eq!(told(&all, "login"), [login], "{log}");
    let nobody = json!({"from": SOMEWHERE});
    let known = json!({"user.id": ann.id, "user.name": "ann", "from": SOMEWHERE});
    assert_eq!(told(&all, "login_refused"), [known, nobody.clone(), nobody], "{log}");
    let message = |id: &u64| json!({"user.id": ann.id, "message.id": id, "conversation.id": direct, "from": SOMEWHERE});
    assert_eq!(told(&all, "message"), sent.iter().map(message).collect::<Vec<_>>(), "{log}");
    assert_eq!(sent.len(), 2);
    let refused = json!({"user.id": ann.id, "blocked_by.id": ben.id, "from": SOMEWHERE});
    assert_eq!(told(&all, "refused_by_block"), [refused.clone(), refused], "{log}");
    let block = json!({"user.id": ben.id, "blocked.id": ann.id, "from": "127.0.0.1"});
    assert_eq!(told(&all, "block"), std::slice::from_ref(&block), "{log}");
    assert_eq!(told(&all, "unblock"), [block], "{log}");
    let made = told(&all, "key_made");
    assert_eq!((made.len(), &made[0]["user.id"], &made[0]["from"]), (1, &json!(ann.id), &json!(SOMEWHERE)), "{log}");
    assert_eq!(told(&all, "key_revoked"), made, "of the same key: {log}");
    for secret in ["marked", &ann.password, &ann.access_token, &ann.refresh_token] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn people_who_read_the_log_find_the_same_names() {
    let mut server = Server::options().set("--trusted-proxies", "127.0.0.1").start().await;
    let (ann, ben, ..) = a_day(&server).await;
    server.terminate(seconds(10)).await;
    let log = server.log();
    for (name, who, from, count) in [
        ("login", Some(&ann), SOMEWHERE, 1),
        ("login_refused", None, SOMEWHERE, 3),
        ("message", Some(&ann), SOMEWHERE, 2),
        ("refused_by_block", Some(&ann), SOMEWHERE, 2),
        ("block", Some(&ben), "127.0.0.1", 1),
        ("unblock", Some(&ben), "127.0.0.1", 1),
        ("key_made", Some(&ann), SOMEWHERE, 1),
        ("key_revoked", Some(&ann), SOMEWHERE, 1),
    ] {
        let name = format!("event.name=\"{name}\"");
        let found: Vec<&str> = log.lines().filter(|line| line.contains(&name)).collect();
        assert_eq!(found.len(), count, "{name}: {log}");
        for line in found {
            assert!(line.contains(&format!("client.address={from}")), "{line}");
            assert!(who.is_none_or(|who| line.contains(&format!("user.id={}", who.id))), "{line}");
        }
    }
    assert!(!log.contains("marked"), "{log}");
}

#[tokio::test]
async fn what_becomes_of_accounts_is_told_with_who_did_it() {
    let mut server = Server::options().set("--log-format", "json").start().await;
    let root = Person::administrator(&server, "root").await;
    let ann = Person::register(&server, "ann").await;
    let made = root.post("/api/v1/invitations", &json!({})).await.expect(201);
    for _ in 0..2 {
        // Once more it changes nothing, and is not told.
        root.post("/api/v1/admin/users/ann/suspend", &json!({})).await.expect(204);
    }
    root.post("/api/v1/admin/users/ann/unsuspend", &json!({})).await.expect(204);
    let operator = Operator::beside(&server);
    for _ in 0..2 {
        operator.types(&["user", "role", "ann", "admin"]).await.line();
    }
    operator.types(&["user", "suspend", "ann"]).await.line();
    operator.types(&["user", "delete", "ann"]).await.line();
    server.terminate(seconds(10)).await;
    let log = server.log();
    let all = lines(&log);
    let told = |name: &str| {
        let of_it = all.iter().filter(|line| line["event.name"] == name).cloned();
        let known = ["user.id", "by.id", "invitation.id", "pending", "admin", "open", "via", "suspended"];
        let kept = |line: Value| {
            let mut fields = line.as_object().unwrap().clone();
            fields.retain(|field, _| known.contains(&field.as_str()));
            Value::Object(fields)
        };
        of_it.map(kept).collect::<Vec<Value>>()
    };
    let account = |id: u64, admin: bool| json!({"user.id": id, "pending": false, "admin": admin, "open": false});
    assert_eq!(told("account_made"), [account(root.id, true), account(ann.id, false)], "{log}");
    assert_eq!(told("invitation_made"), [json!({"invitation.id": made["id"], "by.id": root.id})], "{log}");
    assert_eq!(told("role"), [json!({"user.id": ann.id, "admin": true})], "{log}");
    let by_root = |suspended: bool| json!({"user.id": ann.id, "by.id": root.id, "suspended": suspended});
    let by_operator = json!({"user.id": ann.id, "suspended": true});
    assert_eq!(told("suspension"), [by_root(true), by_root(false), by_operator], "{log}");
    assert_eq!(told("account_deleted"), [json!({"user.id": ann.id})], "{log}");
}

#[tokio::test]
async fn messages_can_be_left_out_of_the_log_by_themselves() {
    let filter = "info,goldcrest::service::messages=warn";
    let mut server = Server::options().set("--log-level", filter).set("--trusted-proxies", "127.0.0.1").start().await;
    a_day(&server).await;
    server.terminate(seconds(10)).await;
    let log = server.log();
    assert!(!log.contains("event.name=\"message\""), "{log}");
    assert!(log.contains("event.name=\"refused_by_block\"") && log.contains("event.name=\"login\""), "{log}");
}

#[tokio::test]
async fn what_fails_inside_is_told_once_under_the_number_that_the_client_gets() {
    let mut server = Server::options().set("--log-format", "json").start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let mut socket = WsClient::open(server.address, &ann.stream()).await.unwrap();
    socket.until_control("ready").await;
    server.sql("ALTER TABLE blocks RENAME TO gone").await;
    let mut numbers = Vec::new();
    let to_ben = json!({"conversation_id": direct, "text": "marked-text"});
    for (answer, status, code) in [
        (ann.get("/api/v1/blocks").await, 503, "unavailable"),
        (ann.put("/api/v1/blocks/ben", &json!({})).await, 500, "internal"),
        (ann.post("/api/v1/messages", &to_ben).await, 500, "internal"),
    ] {
        let told = answer.refused(status, code).to_string();
        assert!(!told.contains("blocks"), "{told}");
        numbers.push(answer.header("x-request-id").expect("a number").to_owned());
    }
    for reference in 1..=2 {
        let mut send = to_ben.clone();
        (send["op"], send["ref"]) = (json!("send"), json!(reference));
        let reply = socket.ask(&send, &mut Vec::new()).await;
        assert_eq!(reply["error"]["code"], "internal", "{reply}");
        numbers.push(reply["request_id"].as_str().expect("a number").to_owned());
    }
    let reply = socket.ask(&json!({"op": "dance", "ref": 3}), &mut Vec::new()).await;
    assert!(reply["request_id"].is_null(), "what is wrong with an operation is in no log: {reply}");
    server.terminate(seconds(10)).await;
    let log = server.log();
    // Whoever opened a socket is there, and telling so is nobody's request: it fails as well, by itself.
    let asked = |line: &Value| line["level"] == "ERROR" && !line["span"].is_null();
    let errors: Vec<Value> = lines(&log).into_iter().filter(asked).collect();
    let told: Vec<&str> = errors.iter().map(|line| line["span"]["request.id"].as_str().unwrap_or("none")).collect();
    assert_eq!(told, numbers, "each once, and nothing else: {log}");
    for line in &errors {
        assert!(line["error"].as_str().is_some_and(|error| lacks(error, "blocks")), "{line}");
    }
    assert!(!log.contains("marked"), "{log}");
}

#[tokio::test]
async fn who_is_gone_before_he_is_answered_is_told_of_all_the_same() {
    let mut server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let body = json!({"name": "unseen", "scopes": ["read"]}).to_string();
    let request = format!(
        "POST /api/v1/keys HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.address,
        ann.access_token,
        body.len()
    );
    for after in 0..40 {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        // At another moment of it each time.
        tokio::time::sleep(Duration::from_micros(after * 100)).await;
    }
    ann.say(ann.direct(&[&ann]).await, "the last").await;
    server.terminate(seconds(20)).await;
    // Those that came before it, and were handled after it, included.
    let keys = usize::try_from(server.count("sessions", "kind = 'key'").await).unwrap();
    let log = server.log();
    assert!(keys > 0, "some are made: {log}");
    assert_eq!(log.matches("event.name=\"key_made\"").count(), keys, "{log}");
}
