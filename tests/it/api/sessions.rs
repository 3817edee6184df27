//! Sessions over time: how they last, what their list shows, and what ends with a shorter lifetime. Where a day or more
//! would have to pass, the rows are made older in the database file.

use http::Method;
use serde_json::{Value, json};
use std::time::UNIX_EPOCH;

use super::tokens::{parts, sign, signing_key};
use crate::support::{
    Answer, Caller, Credentials, Ear, Heard, Person, Server, SseClient, StreamRequest, eventually, seconds,
};

const DAY: i64 = 24 * 60 * 60;
const MONTH: i64 = 30 * DAY;

/// A browser that has logged in, and what its cookie says.
async fn browser(server: &Server, person: &Person) -> (Caller, String) {
    with_cookie(server, person, true).await
}

async fn with_cookie(server: &Server, person: &Person, remember: bool) -> (Caller, String) {
    let login = json!({"username": person.name, "password": person.password, "cookie": true, "remember": remember});
    let answer = server.stranger().post("/api/v1/sessions", &login).await;
    let set_cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    (server.stranger().with_header("cookie", set_cookie.split(';').next().unwrap()), set_cookie)
}

async fn make_older(server: &Server, kind: &str, seconds: i64) {
    let older = format!(
        "UPDATE sessions SET created_at = created_at - {seconds}000, refreshed_at = refreshed_at - {seconds}000, \
         expires_at = expires_at - {seconds}000 WHERE kind = '{kind}'"
    );
    server.sql(&older).await;
}

async fn listed(person: &Caller, kind: &str) -> Value {
    let list = person.get("/api/v1/sessions").await.expect(200);
    list["items"].as_array().unwrap().iter().find(|session| session["kind"] == kind).expect("it is listed").clone()
}

fn cookies(answer: &Answer) -> Vec<&str> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect()
}

#[tokio::test]
async fn a_cookie_that_is_used_lasts_on() {
    // With limits credentials are checked before the handler is reached.
    let server = Server::options().set("--rate-limits", "on").start().await;
    let alice = Person::register(&server, "alice").await;
    let (browser, set_cookie) = browser(&server, &alice).await;
    assert!(set_cookie.contains(&format!("Max-Age={MONTH}")), "{set_cookie}");
    assert_eq!(cookies(&browser.get("/api/v1/me").await), [""; 0], "not on the day of the login");
    let mut server = server;
    server.kill().await;
    // A day and more since the login, and an hour before the end.
    make_older(&server, "cookie", MONTH - 3600).await;
    server.restart().await;
    let before = listed(&alice, "cookie").await;
    assert!(before["last_used_at"].is_null(), "{before}");
    let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
    stream.until_control("ready").await;

    let used = browser.get("/api/v1/me").await;
    used.expect(200);
    assert_eq!(cookies(&used), [set_cookie.as_str()], "the browser keeps it as long as after the login");
    let heard = stream.until("the session to change", |heard| matches!(heard, Heard::Event(_))).await;
    let seen = heard.into_iter().filter_map(Heard::event).next_back().unwrap();
    assert_eq!(seen.kind, "session.updated");
    let after = listed(&alice, "cookie").await;
    for field in ["id", "name", "kind", "created_at", "last_used_at", "expires_at"] {
        assert_eq!(seen.data()[field], after[field], "{field}");
    }
    assert!(after["expires_at"].as_str() > before["expires_at"].as_str(), "{before} {after}");
    assert!(after["last_used_at"].is_string(), "{after}");

    // Once a day at most, also for a server that has just started.
    assert_eq!(cookies(&browser.get("/api/v1/me").await), [""; 0]);
    server.kill().await;
    make_older(&server, "cookie", DAY - 600).await;
    server.restart().await;
    assert_eq!(cookies(&browser.get("/api/v1/me").await), [""; 0]);
    server.kill().await;
    make_older(&server, "cookie", 700).await;
    server.restart().await;
    let request = StreamRequest::new(Credentials::Cookie(set_cookie.split(';').next().unwrap().to_owned()));
    let opened = SseClient::open(server.address, &request).await.unwrap();
    assert!(opened.headers.contains_key("set-cookie"), "opening a stream is a use: {:?}", opened.headers);
}

#[tokio::test]
async fn a_cookie_that_is_not_to_be_remembered_ends_with_the_browser() {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let (browser, set_cookie) = with_cookie(&server, &alice, false).await;
    assert!(!set_cookie.contains("Max-Age") && !set_cookie.contains("Expires"), "{set_cookie}");
    assert!(set_cookie.contains("HttpOnly"), "{set_cookie}");
    assert_eq!(browser.get("/api/v1/me").await.expect(200)["username"], "alice");
    server.kill().await;
    make_older(&server, "cookie", MONTH - 3600).await;
    server.restart().await;
    // Its session lasts on by use, as any other; what the browser keeps does not.
    assert_eq!(cookies(&browser.get("/api/v1/me").await), [""; 0]);
    let list = browser.get("/api/v1/sessions").await.expect(200);
    assert!(list["items"].as_array().unwrap().iter().any(|session| session["current"] == true), "{list}");
    let logout = browser.delete("/api/v1/sessions/current").await;
    assert!(cookies(&logout)[0].contains("Max-Age=0"), "{:?}", cookies(&logout));
}

#[tokio::test]
async fn a_page_that_begins_learns_who_is_logged_in() {
    let server = Server::start().await;
    let nobody = json!({"user": null, "session_id": null});
    assert_eq!(server.stranger().get("/api/v1/sessions/current").await.expect(200), nobody);
    let alice = Person::register(&server, "alice").await;
    let (browser, _) = browser(&server, &alice).await;
    let current = browser.get("/api/v1/sessions/current").await.expect(200);
    assert_eq!(current["user"], browser.get("/api/v1/me").await.expect(200));
    assert_eq!(current["session_id"], listed(&alice, "cookie").await["id"]);
    browser.delete("/api/v1/sessions/current").await.expect(204);
    assert_eq!(browser.get("/api/v1/sessions/current").await.expect(200), nobody, "a cookie that is good no more");
    let key = alice.post("/api/v1/keys", &json!({"name": "robot", "scopes": ["read"]})).await.expect(201);
    let bearer = |token: &str| server.stranger().with_header("authorization", &format!("Bearer {token}"));
    bearer(key["key"].as_str().unwrap()).get("/api/v1/sessions/current").await.refused(403, "insufficient_scope");
    bearer("not.a.token").get("/api/v1/sessions/current").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_page_learns_whether_it_was_opened_where_it_belongs() {
    let about = async |server: &Server, query: &str| {
        let about = server.stranger().get(&format!("/api/v1/server{query}")).await.expect(200);
        (about["public_url"].clone(), about["foreign"].as_bool().unwrap())
    };
    let named = Server::options()
        .set("--public-url", "https://chat.example.org")
        .set("--allow-origins", "https://app.example.org")
        .start()
        .await;
    let url = json!("https://chat.example.org/");
    assert_eq!(about(&named, "").await, (url.clone(), false));
    for (origin, foreign) in [
        ("https://chat.example.org", false),
        ("https://app.example.org", false),
        ("http://chat.example.org", true),
        ("https://chat.example.org.evil.example", true),
        ("", true),
    ] {
        assert_eq!(about(&named, &format!("?origin={origin}")).await, (url.clone(), foreign), "{origin}");
    }
    let unnamed = Server::start().await;
    assert_eq!(about(&unnamed, &format!("?origin=http://{}", unnamed.address)).await, (Value::Null, false));
    assert_eq!(about(&unnamed, "?origin=http://10.0.0.1").await, (Value::Null, true));
}

#[tokio::test]
async fn logging_out_takes_the_cookie_back_for_good() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let (browser, _) = browser(&server, &alice).await;
    make_older(&server, "cookie", 2 * DAY).await;
    let logout = browser.delete("/api/v1/sessions/current").await;
    assert_eq!(logout.status, 204, "{}", logout.describe());
    let set = cookies(&logout);
    assert!(set.len() == 1 && set[0].contains("Max-Age=0"), "{set:?}");
    browser.get("/api/v1/me").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_cookie_of_short_sessions_lasts_while_it_is_used() {
    let server = Server::options().set("--session-lifetime", "8s").start().await;
    let alice = Person::register(&server, "alice").await;
    let (browser, _) = browser(&server, &alice).await;
    let first_end = listed(&alice, "cookie").await["expires_at"].as_str().unwrap().to_owned();
    eventually(seconds(40), "a session that nobody uses to end", async || {
        let list = browser.get("/api/v1/sessions").await.expect(200);
        let others = list["items"].as_array().unwrap().iter().filter(|session| session["current"] == false);
        (others.count() == 0).then_some(())
    })
    .await;
    assert!(listed(&browser, "cookie").await["expires_at"].as_str().unwrap() > first_end.as_str());
    eventually(seconds(40), "the cookie to end once it rests", async || {
        let list = alice.login(&server).await.get("/api/v1/sessions").await.expect(200);
        list["items"].as_array().unwrap().iter().all(|session| session["kind"] != "cookie").then_some(())
    })
    .await;
    browser.get("/api/v1/me").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn what_the_list_showed_and_the_events_since_are_what_it_shows() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let (browser, _) = browser(&server, &alice).await;
    make_older(&server, "cookie", 2 * DAY).await;
    let list = alice.get("/api/v1/sessions").await.expect(200);
    let mut shown = list["items"].as_array().unwrap().clone();

    let [second, third] = [alice.login(&server).await, alice.login(&server).await];
    let refresh = async |token: &str| {
        server.stranger().post("/api/v1/sessions/refresh", &json!({"refresh_token": token})).await.expect(200)
    };
    refresh(&alice.refresh_token).await;
    let renewed = refresh(&second.refresh_token).await;
    refresh(renewed["refresh_token"].as_str().unwrap()).await;
    browser.get("/api/v1/me").await.expect(200);
    third.logout().await;

    let answer = alice.get(&format!("/api/v1/events?after={}", list["head"])).await.expect(200);
    for event in answer["events"].as_array().unwrap() {
        let data = &event["data"];
        let place = shown.iter().position(|session| session["id"] == data["id"]);
        match event["type"].as_str().unwrap() {
            "session.created" => {
                let mut created = data.clone();
                created["current"] = json!(false);
                shown.push(created);
            }
            "session.updated" => {
                let session = shown[place.expect("a session that there is")].as_object_mut().unwrap();
                session.extend(data.as_object().unwrap().clone());
            }
            "session.revoked" => drop(shown.remove(place.expect("a session that there is"))),
            other => panic!("{other}"),
        }
    }
    let now = alice.get("/api/v1/sessions").await.expect(200);
    assert_eq!(now["head"], answer["head"]);
    assert_eq!(&shown, now["items"].as_array().unwrap());
}

#[tokio::test]
async fn a_shorter_lifetime_counts_for_tokens_that_are_out() {
    let mut server = Server::options().set("--access-token-lifetime", "1h").start().await;
    let alice = Person::register(&server, "alice").await;
    let gone = alice.login(&server).await;
    gone.logout().await;
    server.terminate(seconds(20)).await;
    // Eleven minutes pass: the token was made before the session ended, which is no longer in any memory.
    server.sql("UPDATE sessions SET revoked_at = revoked_at - 660000").await;
    let (header, mut claims) = parts(&gone.access_token);
    for claim in ["iat", "exp"] {
        claims[claim] = json!(claims[claim].as_i64().unwrap() - 660);
    }
    let key = signing_key(&std::fs::read_to_string(server.data_dir().join("jwt.key")).unwrap());
    let kid = header["kid"].as_str();
    let token = sign(jsonwebtoken::Algorithm::HS256, kid, &claims, &key);
    server.restart_with(Server::options().set("--access-token-lifetime", "3s")).await;
    server.stranger().with_bearer(&token).get("/api/v1/me").await.refused(401, "token_expired");
    eventually(seconds(10), "a token of before to end", async || {
        let answer = alice.call(Method::GET, "/api/v1/me", None).await;
        (answer.status != 200).then_some(answer)
    })
    .await
    .refused(401, "token_expired");
    let refreshed = json!({"refresh_token": alice.refresh_token});
    server.stranger().post("/api/v1/sessions/refresh", &refreshed).await.expect(200);
}

#[tokio::test]
async fn a_secret_is_good_for_its_own_kind_alone_also_when_it_was_just_used() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let (browser, set_cookie) = browser(&server, &alice).await;
    let (name, value) = set_cookie.split(';').next().unwrap().split_once('=').unwrap();
    let key = alice.post("/api/v1/keys", &json!({"name": "script", "scopes": ["read"]})).await.expect(201);
    let key = key["key"].as_str().unwrap();
    let script = server.stranger().with_bearer(key);
    browser.get("/api/v1/me").await.expect(200);
    script.get("/api/v1/conversations").await.expect(200);
    let as_key = format!("gck_{}", value.strip_prefix("gcc_").unwrap());
    server.stranger().with_bearer(&as_key).get("/api/v1/me").await.refused(401, "unauthorized");
    let as_cookie = format!("{name}=gcc_{}", key.strip_prefix("gck_").unwrap());
    server.stranger().with_header("cookie", &as_cookie).get("/api/v1/conversations").await.refused(401, "unauthorized");
}

/// Gives somebody so many sessions more.
async fn pile_up(server: &Server, person: &Person, count: u32) {
    let from = person.id * 1_000_000;
    let sessions = format!(
        "INSERT INTO sessions (id, user_id, kind, name, scopes, refresh_generation, created_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) \
         SELECT {from} + i, {}, 'token', '', '', 0, 0 FROM n",
        person.id
    );
    server.sql(&sessions).await;
}

#[tokio::test]
async fn who_has_sessions_without_end_can_be_shut_out_and_change_his_password() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    for person in [&alice, &bob, &carol] {
        pile_up(&server, person, 33_000).await;
    }
    server.command(&["user", "suspend", "alice"]).await;
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
    let change = json!({"current_password": bob.password, "new_password": "another password"});
    bob.put("/api/v1/me/password", &change).await.expect(204);
    let body = json!({"password": carol.password});
    carol.call(Method::DELETE, "/api/v1/me", Some(&body)).await.expect(204);
    let live = format!("user_id IN ({}, {}) AND revoked_at IS NULL", alice.id, carol.id);
    assert_eq!(server.count("sessions", &live).await, 0);
    assert_eq!(server.count("sessions", &format!("user_id = {} AND revoked_at IS NULL", bob.id)).await, 1);
}

#[tokio::test]
async fn the_oldest_sessions_end_when_there_are_too_many() {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let key = alice.post("/api/v1/keys", &json!({"name": "script", "scopes": ["read"]})).await.expect(201);
    server.kill().await;
    pile_up(&server, &alice, 250).await;
    server.sql("UPDATE clock SET last_session = 9000000").await;
    server.restart().await;
    let again = alice.login(&server).await;
    let sessions = again.get("/api/v1/sessions").await.expect(200);
    let sessions = sessions["items"].as_array().unwrap();
    assert_eq!(sessions.len(), 200);
    let ids: Vec<_> = sessions.iter().map(|session| session["id"].as_u64().unwrap()).collect();
    assert_eq!((ids[0], ids[198], ids[199]), (1_000_052, 1_000_250, 9_000_001), "the youngest stay");
    alice.get("/api/v1/me").await.refused(401, "unauthorized");
    server.stranger().with_bearer(key["key"].as_str().unwrap()).get("/api/v1/conversations").await.expect(200);
    let head = again.head().await;
    alice.login(&server).await;
    let heard = again.events_after(head).await;
    let kinds: Vec<&str> = heard.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["session.revoked", "session.created"], "each is heard of");
}

#[tokio::test]
async fn all_that_ran_out_are_ended_at_once_however_many_they_are() {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    server.kill().await;
    let many = format!(
        "INSERT INTO sessions (id, user_id, kind, name, scopes, refresh_generation, created_at, expires_at) \
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
         SELECT 1000 + i, {}, 'token', 'old', '', 0, 1, {} FROM n",
        alice.id,
        UNIX_EPOCH.elapsed().unwrap().as_millis() - 1_000
    );
    server.sql(&many).await;
    server.sql("UPDATE clock SET last_session = 9999").await;
    server.restart().await;
    let ended = async || (server.count("sessions", "name = 'old' AND revoked_at IS NULL").await == 0).then_some(());
    eventually(seconds(10), "all to be ended", ended).await;
    assert_eq!(server.count("events", "kind = 'session.revoked'").await, 2500, "each with its event");
}
