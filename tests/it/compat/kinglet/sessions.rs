//! Logging in and out, passwords, and how a call shows who makes it.

use http::Method;
use serde_json::json;

use super::{BASE, Bird, debug, log_in, not_authenticated, not_logged_in, wrong};
use crate::support::deadline::PATIENCE;
use crate::support::{Ear, Person, Server, SseClient, eventually};

#[tokio::test]
async fn whatever_is_wrong_with_a_login_gets_the_same_answer() {
    let server = debug().await;
    let ann = Bird::hatch(&server, "ann").await;
    Bird::hatch(&server, "eve").await;
    server.command(&["user", "suspend", "eve"]).await;
    for (email, password) in [
        (ann.email.as_str(), "wrong"),
        ("nobody@example.org", "wrong"),
        ("ann", ann.password.as_str()),
        ("", ""),
        ("a\0b", "c\0d"),
        ("eve@example.org", "wrong"),
    ] {
        let answer = log_in(&server, email, password).await;
        wrong(&answer, 404, "Invalid login.", "Username or password was not found in database.");
    }
    let second = log_in(&server, &ann.email, &ann.password).await.expect(200);
    assert_ne!(second["session_id"], ann.session.as_str(), "one may be logged in often");
    ann.get("/messages").await.expect(200);
}

#[tokio::test]
async fn who_calls_may_stand_in_the_query_the_form_or_the_data() {
    let server = debug().await;
    let ann = Bird::hatch(&server, "Ann").await;
    let get = async |path: &str| ann.caller.get(&format!("{BASE}{path}")).await;
    get(&format!("/messages?{}", ann.query())).await.expect(200);
    get(&format!("/messages/?{}", ann.query())).await.expect(200);
    get(&format!("/messages/?user_name=aNN&user_id=1&session_id={}", ann.session)).await.expect(200);
    ann.post("/messages", &json!({"message_text": "@Ann by a form"})).await.expect(201);
    let (path, text) = (format!("{BASE}/messages"), "message_text");
    let with_query = format!("{path}?{}", ann.query());
    ann.caller.post(&with_query, &json!({text: "@Ann by JSON and a query"})).await.expect(201);
    let whole = json!({text: "@Ann by JSON alone", "user_name": "Ann", "user_id": 1, "session_id": ann.session});
    ann.caller.post(&path, &whole).await.expect(201);
    // As `curl -d` sends it, and without any word on what it is.
    for kind in ["application/x-www-form-urlencoded", "text/plain"] {
        ann.caller.send_body(Method::POST, &path, kind, format!(" {whole}")).await.expect(201);
    }
    let plain = format!("{}&message_text=%40Ann+by+fields", ann.query());
    ann.caller.send_body(Method::POST, &path, "application/x-www-form-urlencoded", plain).await.expect(201);
    let part =
        |name: &str, value: &str| format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    let mut parts: String = ann.credentials().iter().map(|(name, value)| part(name, value)).collect();
    parts += &part("json", &json!({text: "@Ann by parts"}).to_string());
    ann.caller.send_body(Method::POST, &path, "multipart/form-data; boundary=x", parts + "--x--\r\n").await.expect(201);
    assert_eq!(ann.rows("/messages").await.len(), 7);
    // A text has no place in an address, nor has a password.
    let in_query = format!("{with_query}&message_text=%40Ann+x");
    let refused = ann.caller.post(&in_query, &json!({})).await.expect(400);
    assert!(refused["user_message"].as_str().unwrap().starts_with("You must enter text."), "{refused}");
}

#[tokio::test]
async fn name_number_and_session_must_be_one_users() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "ann").await, Bird::hatch(&server, "bob").await);
    let get = async |query: String| ann.caller.get(&format!("{BASE}/messages/?{query}")).await;
    not_logged_in(&get(String::new()).await);
    for id in ["0", "-1", "", "x", "99999999999999999999"] {
        not_logged_in(&get(format!("user_name=ann&user_id={id}&session_id={}", ann.session)).await);
    }
    for (name, id, session) in [
        ("ann", "2", ann.session.as_str()),
        ("bob", "1", &ann.session),
        ("ann", "1", &bob.session),
        ("bob", "2", &ann.session),
        ("ann", "1", ""),
        ("", "1", &ann.session),
        ("ann", "1", "nonsense"),
        ("a%00n", "1", &ann.session),
    ] {
        not_authenticated(&get(format!("user_name={name}&user_id={id}&session_id={session}")).await);
    }
    // Another interface's credentials are none here, nor are these there.
    let native = ann.native(&server).await;
    not_authenticated(&ann.with_session(&native.access_token).get("/messages").await);
    assert_eq!(server.stranger().with_bearer(&ann.session).get("/api/v1/me").await.status, 401);
}

#[tokio::test]
async fn a_session_ends_with_the_logout_and_with_its_time() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "ann").await, Bird::hatch(&server, "bob").await);
    let second = log_in(&server, &ann.email, &ann.password).await.expect(200);
    let second = ann.with_session(second["session_id"].as_str().unwrap());
    let others = ann.get("/users/bob/logout").await;
    wrong(&others, 400, "Logout - Error (3) logging out account", "Only your own account can be logged out.");
    bob.get("/messages").await.expect(200);
    ann.get("/users/ANN/logout").await.expect(200);
    not_authenticated(&ann.get("/messages").await);
    second.get("/messages").await.expect(200);
    let options = Server::options().set("--compat", "kinglet=debug").set("--compat-session-lifetime", "1s");
    let server = options.start().await;
    let short = Bird::hatch(&server, "short").await;
    eventually(PATIENCE, "the end of the session", async || (short.get("/messages").await.status == 403).then_some(()))
        .await;
}

#[tokio::test]
async fn whoever_is_shut_out_is_out_here_too() {
    let server = debug().await;
    let ann = Bird::hatch(&server, "ann").await;
    server.command(&["user", "suspend", "ann"]).await;
    not_authenticated(&ann.get("/messages").await);
    let answer = log_in(&server, &ann.email, &ann.password).await;
    wrong(&answer, 404, "Invalid login.", "Username or password was not found in database.");
    server.command(&["user", "unsuspend", "ann"]).await;
    log_in(&server, &ann.email, &ann.password).await.expect(200);
}

#[tokio::test]
async fn a_changed_password_gives_a_new_session_and_ends_all_others_but_the_one_that_asked() {
    let server = debug().await;
    let ann = Bird::hatch(&server, "ann").await;
    let other = log_in(&server, &ann.email, &ann.password).await.expect(200);
    let other = ann.with_session(other["session_id"].as_str().unwrap());
    let native = ann.native(&server).await;
    let mut stream = SseClient::open(server.address, &native.stream()).await.unwrap();
    stream.until_control("ready").await;
    let wish =
        |old: &str, new: &str, again: &str| json!({"old_password": old, "new_password": new, "verify_password": again});
    for (wish, says) in [
        (json!({}), "Missing old password. Missing new password. Missing verify password. "),
        (wish(&ann.password, "abcd12!@", "other"), "New password and verify password do not match. "),
        (wish("wrong", "abcd12!@", "abcd12!@"), "Old password is incorrect."),
        (wish(&ann.password, "abc", "abc"), "A password has at least 8 characters. "),
    ] {
        wrong(&ann.put("/users/password", &wish).await, 400, "Invalid data.", says);
    }
    wrong(
        &ann.with_session("nonsense").put("/users/password", &wish(&ann.password, "abcd12!@", "abcd12!@")).await,
        400,
        "Not found",
        "Invalid request",
    );
    let changed = ann.put("/users/password", &wish(&ann.password, "abcd12!@", "abcd12!@")).await.expect(200);
    ann.get("/messages").await.expect(200);
    ann.with_session(changed["session_id"].as_str().unwrap()).get("/messages").await.expect(200);
    not_authenticated(&other.get("/messages").await);
    let (heard, _) = stream.until_end(PATIENCE).await;
    assert!(heard.iter().any(|heard| heard.is_control("expired")), "{heard:?}");
    assert_eq!(log_in(&server, &ann.email, &ann.password).await.status, 404);
    log_in(&server, &ann.email, "abcd12!@").await.expect(200);
}

#[tokio::test]
async fn somebody_of_another_interface_logs_in_here_with_his_address() {
    let server = debug().await;
    let body = "correct horse";
    let arguments = ["user", "add", "zoe", "--email", "zoe@example.org", "--password-stdin"];
    server.command_with_input(&arguments, body).await;
    let login = log_in(&server, "zoe@example.org", body).await.expect(200);
    assert_eq!(login["user_name"], "zoe");
    let zoe = Person::from_login(
        &server.stranger(),
        body,
        &server.stranger().post("/api/v1/sessions", &json!({"username": "zoe", "password": body})).await.expect(201),
    );
    let sessions = zoe.get("/api/v1/sessions").await.expect(200);
    let names: Vec<&str> = sessions["items"].as_array().unwrap().iter().filter_map(|it| it["name"].as_str()).collect();
    assert!(names.contains(&"Kinglet"), "{sessions}");
}

#[tokio::test]
async fn what_neighbours_guess_keeps_nobody_from_his_own_account() {
    let server = Server::options().set("--compat", "kinglet=debug").set("--rate-limits", "on").start().await;
    let ann = Bird::hatch(&server, "ann").await;
    for name in ["ann", "a mailed link"] {
        let guess = json!({"username": name, "password": "a guess"});
        while server.stranger().post("/api/v1/sessions", &guess).await.status != 429 {}
    }
    let change = json!({"old_password": ann.password, "new_password": "another one", "verify_password": "another one"});
    ann.put("/users/password", &change).await.expect(200);
    let unknown = server.stranger().get(&format!("{BASE}/users/activate/unknown")).await;
    wrong(&unknown, 400, "ActivateAccount - Error activating account", "Invalid data given or account does not exist.");
}
