//! Nothing that is secret gets into the log, however talkative the log is.

use http::Method;
use serde_json::json;

use crate::support::person::id_text;
use crate::support::{Credentials, Ear, Person, Server, SseClient, StreamRequest, WsClient, seconds};

/// Things that must not be in the log, each with its name.
#[derive(Default)]
struct Marks(Vec<(String, String)>);

impl Marks {
    fn add(&mut self, name: &str, secret: &str) -> String {
        assert!(secret.len() >= 8, "{name} is long enough to be found by accident never");
        self.0.push((name.to_owned(), secret.to_owned()));
        secret.to_owned()
    }

    fn none_in(&self, log: &str) {
        for (name, secret) in &self.0 {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert_eq!(line, None, "{name} is in the log");
        }
    }
}

#[tokio::test]
async fn no_flow_leaves_a_secret_in_the_log() {
    for level in ["debug", "trace"] {
        for format in ["text", "json"] {
            let mut server = Server::options().set("--log-level", level).set("--log-format", format).start().await;
            let mut marks = Marks::default();
            every_flow(&server, &mut marks).await;
            let key = std::fs::read(server.data_dir().join("jwt.key")).unwrap();
            if let Ok(key) = String::from_utf8(key) {
                marks.add("the signing key", key.trim());
            }
            server.terminate(seconds(10)).await;
            let log = server.log();
            assert!(log.lines().count() > 20, "the log is talkative: {log}");
            marks.none_in(&log);
        }
    }
}

#[expect(clippy::too_many_lines, reason = "a catalogue of flows, one after the other")]
async fn every_flow(server: &Server, marks: &mut Marks) {
    let stranger = server.stranger();
    let bob = Person::register(server, "bob").await;
    let password = marks.add("password", "marked-password-5a1e");
    let email = marks.add("email", "marked-email-77aa@example.org");
    let registration = stranger.post("/api/v1/users", &json!({"username": "alice", "password": password, "email": email, "bio": marks.add("bio", "marked-bio-19c2")})).await;
    let alice = Person::from_login(&stranger, &password, &registration.expect(201));
    let session_tokens = |marks: &mut Marks, person: &Person| {
        marks.add("access token", &person.access_token);
        marks.add("signature", person.access_token.rsplit_once('.').unwrap().1);
        marks.add("refresh token", &person.refresh_token);
    };
    session_tokens(marks, &alice);
    let again = alice.login(server).await;
    session_tokens(marks, &again);
    let wrong = marks.add("wrong password", "marked-wrong-password-90bb");
    stranger
        .post("/api/v1/sessions", &json!({"username": "alice", "password": wrong}))
        .await
        .refused(401, "invalid_credentials");
    stranger
        .post(
            "/api/v1/sessions",
            &json!({"username": marks.add("password typed as a name", "marked-hunter2-44fe"), "password": wrong}),
        )
        .await
        .refused(401, "invalid_credentials");
    let refreshed =
        stranger.post("/api/v1/sessions/refresh", &json!({"refresh_token": again.refresh_token})).await.expect(200);
    marks.add("rotated access token", refreshed["access_token"].as_str().unwrap());
    marks.add("rotated refresh token", refreshed["refresh_token"].as_str().unwrap());
    stranger
        .post(
            "/api/v1/sessions/refresh",
            &json!({"refresh_token": marks.add("forged refresh token", "marked-refresh-8d8d")}),
        )
        .await
        .refused(401, "unauthorized");

    let login =
        stranger.post("/api/v1/sessions", &json!({"username": "alice", "password": password, "cookie": true})).await;
    let cookie = login.header("set-cookie").expect("a cookie").split(';').next().unwrap().to_owned();
    marks.add("cookie", cookie.split_once('=').unwrap().1);
    let by_cookie = StreamRequest::new(Credentials::Cookie(cookie.clone()));
    SseClient::open(server.address, &by_cookie).await.unwrap().until_control("ready").await;
    stranger.with_header("cookie", &cookie).get("/api/v1/me").await.expect(200);

    // Messages, on all ways in and out, and refused ones.
    let direct = alice.direct(&[&bob]).await;
    let text = marks.add("message", "marked-message-e0e1");
    alice.say(direct, &text).await;
    let over_websocket = marks.add("message over WebSocket", "marked-message-4b4b");
    let ticket = id_text(&alice.post("/api/v1/stream-tickets", &json!({})).await.expect(201)["ticket"]);
    marks.add("ticket", &ticket);
    let by_ticket = StreamRequest::new(Credentials::Ticket(ticket));
    let mut stream = SseClient::open(server.address, &by_ticket.clone().after(0)).await.unwrap();
    let mut websocket = WsClient::open(server.address, &by_ticket).await.unwrap();
    websocket.ask(&json!({"op": "auth", "ref": 1, "token": alice.access_token}), &mut Vec::new()).await;
    let reply = websocket
        .ask(&json!({"op": "send", "ref": 2, "conversation_id": direct, "text": over_websocket}), &mut Vec::new())
        .await;
    assert_eq!(reply["ok"], true, "{reply}");
    stream.until_text(&over_websocket).await;
    bob.get("/api/v1/events?after=0").await.expect(200);
    bob.get(&format!("/api/v1/messages?conversation_id={direct}")).await.expect(200);
    let refused = marks.add("refused message", "marked-refused-77ef");
    alice
        .post("/api/v1/messages", &json!({"conversation_id": 999_999, "text": refused}))
        .await
        .refused(404, "not_found");
    alice
        .post("/api/v1/messages", &json!({"conversation_id": direct, "text": [refused]}))
        .await
        .refused(422, "invalid");
    alice
        .send_body(Method::POST, "/api/v1/messages", "application/json", format!("{{\"text\": \"{refused}\""))
        .await
        .refused(400, "malformed_json");
    alice.get(&format!("/api/v1/messages?box={refused}")).await.refused(400, "malformed_request");
    stranger.get(&format!("/nowhere/{refused}?x={refused}")).await.refused(404, "not_found");

    // Keys, tokens in the wrong place, a new password.
    let key = alice.post("/api/v1/keys", &json!({"name": "key", "scopes": ["send"]})).await.expect(201);
    let secret = marks.add("key", key["key"].as_str().unwrap());
    stranger
        .with_bearer(&secret)
        .send_body(
            Method::POST,
            &format!("/api/v1/conversations/{direct}/messages"),
            "text/plain",
            marks.add("message by key", "marked-bykey-1f1f"),
        )
        .await
        .expect(201);
    stranger
        .with_bearer(&marks.add("forged key", "gck_marked-forged-2c2c"))
        .get("/api/v1/me")
        .await
        .refused(401, "unauthorized");
    stranger.get(&format!("/stream?access_token={}", alice.access_token)).await.refused(400, "token_in_url");
    let new_password = marks.add("new password", "marked-new-password-3d3d");
    alice
        .put("/api/v1/me/password", &json!({"current_password": password, "new_password": new_password}))
        .await
        .expect(204);

    // At the machine.
    let typed = marks.add("password at the machine", "marked-typed-6a6a");
    server.command_with_input(&["user", "add", "carol", "--password-stdin"], &format!("{typed}\n")).await;
    let token = server.command(&["token", "carol"]).await;
    marks.add("token at the machine", token.trim());
    server.stranger().with_bearer(token.trim()).get("/api/v1/me").await.expect(200);
    alice.logout().await;
}
