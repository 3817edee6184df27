//! `/api/auth`: registering, logging in and out, and what a token is good for.

use http::Method;
use serde_json::json;

use super::{API, Client, options, post, refused};
use crate::support::deadline::PATIENCE;
use crate::support::{Person, Server, eventually};

const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn registering_gives_the_account_and_its_first_token() {
    let server = options().start().await;
    let stranger = server.stranger();
    let alice = json!({"username": "alice", "password": "pass", "email": "alice@test.com"});
    let welcome = post(&stranger, "/auth/register", &alice).await.expect(201);
    assert_eq!(welcome["user"], json!({"id": 1, "username": "alice", "email": "alice@test.com"}));
    assert_eq!(welcome.as_object().unwrap().len(), 2, "{welcome}");
    Client::with(&server, &welcome).get("/message").await.expect(200);
    let path = format!("{API}/auth/register");
    // The same as a form, and in parts; the address is optional.
    let form = stranger.send_body(Method::POST, &path, FORM, "username=bob&password=pass");
    assert_eq!(form.await.expect(201)["user"], json!({"id": 2, "username": "bob", "email": ""}));
    let parts = "--x\r\ncontent-disposition: form-data; name=\"username\"\r\n\r\ncarol\r\n\
                 --x\r\ncontent-disposition: form-data; name=\"password\"\r\n\r\npass\r\n--x--\r\n";
    let parts = stranger.send_body(Method::POST, &path, "multipart/form-data; boundary=x", parts);
    assert_eq!(parts.await.expect(201)["user"]["id"], 3);
}

#[tokio::test]
async fn what_is_wrong_with_a_registration_is_told_by_field() {
    const REQUIRED: &str = "This field is required.";
    const NAME: &str =
        "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters.";
    let server = options().start().await;
    let stranger = server.stranger();
    Client::register(&server, "alice").await;
    let long = "x".repeat(65);
    for (body, wrong) in [
        (json!({}), json!({"username": [REQUIRED], "password": [REQUIRED]})),
        (json!({"username": "bob"}), json!({"password": [REQUIRED]})),
        (json!({"password": "pass"}), json!({"username": [REQUIRED]})),
        (json!({"username": null, "password": "pass"}), json!({"username": ["This field may not be null."]})),
        (
            json!({"username": " ", "password": ""}),
            json!({
                "username": ["This field may not be blank."], "password": ["This field may not be blank."],
            }),
        ),
        (json!({"username": ["bob"], "password": "pass"}), json!({"username": ["Not a valid string."]})),
        (json!({"username": "bob", "password": true}), json!({"password": ["Not a valid string."]})),
        (json!({"username": "bob", "password": "pa\0ss"}), json!({"password": ["Null characters are not allowed."]})),
        (json!({"username": "bob", "password": "abc"}), json!({"password": ["A password has at least 4 characters."]})),
        (
            json!({"username": "b b", "password": "pass", "email": "x"}),
            json!({
                "username": [NAME], "email": ["Enter a valid email address."],
            }),
        ),
        (
            json!({"username": "bob", "password": "pass", "email": null}),
            json!({"email": ["This field may not be null."]}),
        ),
        (
            json!({"username": long, "password": "pass"}),
            json!({
                "username": ["Ensure this field has no more than 64 characters."],
            }),
        ),
        (
            json!({"username": "alice", "password": "pass"}),
            json!({
                "username": ["A user with that username already exists."],
            }),
        ),
        (
            json!({"username": "ALICE", "password": "pass"}),
            json!({
                "username": ["A user with that username already exists."],
            }),
        ),
        (json!([1]), json!({"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]})),
    ] {
        refused(&post(&stranger, "/auth/register", &body).await, 400, &wrong);
    }
    // A number is its digits, and the longest name is one.
    for name in [json!(123), json!("y".repeat(64))] {
        post(&stranger, "/auth/register", &json!({"username": name, "password": 1234})).await.expect(201);
    }
}

#[tokio::test]
async fn where_an_address_is_required_its_field_says_so() {
    let server = options().set("--email", "required").start().await;
    let body = json!({"username": "alice", "password": "pass"});
    let wrong = json!({"email": ["This field is required."]});
    refused(&post(&server.stranger(), "/auth/register", &body).await, 400, &wrong);
}

#[tokio::test]
async fn every_login_gives_a_token_more() {
    let server = options().start().await;
    let stranger = server.stranger();
    let first = Client::register(&server, "alice").await;
    let welcome = post(&stranger, "/auth/login", &json!({"username": "alice", "password": "pass"})).await.expect(200);
    assert_eq!(welcome["user"], json!({"id": 1, "username": "alice", "email": ""}));
    let second = Client::with(&server, &welcome);
    assert_ne!(first.token, second.token);
    for client in [&first, &second] {
        client.get("/message").await.expect(200);
    }
}

#[tokio::test]
async fn who_cannot_be_logged_in_is_told_so() {
    let server = options().start().await;
    let stranger = server.stranger();
    Client::register(&server, "alice").await;
    let required = "This field is required.";
    for (body, wrong) in [
        (json!({"username": "alice", "password": "wrong"}), json!({"non_field_errors": ["Incorrect credentials"]})),
        (json!({"username": "nobody", "password": "pass"}), json!({"non_field_errors": ["Incorrect credentials"]})),
        (json!({"username": "alice"}), json!({"password": [required]})),
        (json!({}), json!({"username": [required], "password": [required]})),
        (json!([]), json!({"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]})),
    ] {
        refused(&post(&stranger, "/auth/login", &body).await, 400, &wrong);
    }
}

#[tokio::test]
async fn logging_out_ends_this_token_and_no_other() {
    let server = options().start().await;
    let gone = Client::register(&server, "alice").await;
    let stays = Client::login(&server, "alice", "pass").await;
    refused(&gone.get("/auth/logout").await, 405, &json!({"detail": "Method \"GET\" not allowed."}));
    // With an empty body, as its README says.
    let answer = gone.caller.call(Method::POST, &format!("{API}/auth/logout"), None).await;
    assert_eq!((answer.status, answer.body.len()), (204, 0));
    let again = gone.caller.call(Method::POST, &format!("{API}/auth/logout"), None).await;
    refused(&again, 401, &json!({"detail": "Invalid token."}));
    refused(&gone.get("/message").await, 401, &json!({"detail": "Invalid token."}));
    stays.get("/message").await.expect(200);
}

#[tokio::test]
async fn without_a_good_token_there_is_nothing_to_see() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let none = "Authentication credentials were not provided.";
    for (shown, said) in [
        (None, none),
        (Some(format!("Bearer {}", alice.token)), none),
        (Some("Basic YWxpY2U6cGFzcw==".to_owned()), none),
        (Some("Token".to_owned()), "Invalid token header. No credentials provided."),
        (Some("Token a b".to_owned()), "Invalid token header. Token string should not contain spaces."),
        (Some("Token abc".to_owned()), "Invalid token."),
        (Some(format!("Token {}x", alice.token)), "Invalid token."),
    ] {
        let caller = server.stranger();
        let caller = shown.as_deref().map_or(caller.clone(), |shown| caller.with_header("authorization", shown));
        for path in ["/message", "/message/sent", "/message/received", "/block", "/auth/logout"] {
            let answer = caller.get(&format!("{API}{path}")).await;
            refused(&answer, 401, &json!({"detail": said}));
            assert_eq!(answer.header("www-authenticate"), Some("Token"), "{path} {shown:?}");
        }
    }
    let spelt_otherwise = server.stranger().with_header("authorization", &format!("tOKEN {}", alice.token));
    spelt_otherwise.get(&format!("{API}/message")).await.expect(200);
}

#[tokio::test]
async fn a_token_is_good_for_this_interface_alone() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let bob = Person::register(&server, "bob").await;
    server.stranger().with_bearer(&alice.token).get("/api/v1/me").await.refused(401, "unauthorized");
    alice.caller.get("/api/v1/me").await.refused(401, "unauthorized");
    let native = server.stranger().with_header("authorization", &format!("Token {}", bob.access_token));
    refused(&native.get(&format!("{API}/message")).await, 401, &json!({"detail": "Invalid token."}));
}

#[tokio::test]
async fn a_token_lasts_ten_hours_unless_the_operator_says_otherwise() {
    let server = options().start().await;
    Client::register(&server, "alice").await;
    assert_eq!(server.count("sessions", "expires_at - created_at = 36000000").await, 1);
    let brief = options().set("--compat-session-lifetime", "1s").start().await;
    let alice = Client::register(&brief, "alice").await;
    let over = async || (alice.get("/message").await.status == 401).then_some(());
    eventually(PATIENCE, "the end of the token", over).await;
}

#[tokio::test]
async fn accounts_are_the_same_everywhere() {
    let server = options().start().await;
    let native = Person::register(&server, "bob").await;
    let client = Client::login(&server, "bob", &native.password).await;
    assert_eq!(client.send("bob", "note").await["sender"], "bob");
    // Its password is too short for a registration elsewhere, and as good as any for logging in there.
    Client::register(&server, "alice").await;
    server.stranger().post("/api/v1/sessions", &json!({"username": "alice", "password": "pass"})).await.expect(201);
}

#[tokio::test]
async fn a_suspended_user_is_shut_out() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    alice.get("/message").await.expect(200);
    server.command(&["user", "suspend", "alice"]).await;
    refused(&alice.get("/message").await, 401, &json!({"detail": "Invalid token."}));
    let login = post(&server.stranger(), "/auth/login", &json!({"username": "alice", "password": "pass"})).await;
    assert!(login.expect(400)["non_field_errors"][0].as_str().unwrap().contains("suspended"), "{}", login.describe());
}

#[tokio::test]
async fn where_nobody_may_register_this_is_no_way_round() {
    let server = options().set("--registration", "closed").start().await;
    let answer = post(&server.stranger(), "/auth/register", &json!({"username": "a", "password": "pass"})).await;
    assert!(answer.expect(403)["detail"].as_str().unwrap().contains("closed"), "{}", answer.describe());
}

#[tokio::test]
async fn guessing_is_throttled() {
    let server = Server::options().set("--rate-limits", "on").set("--compat", "oms").start().await;
    let guess = json!({"username": "alice", "password": "wrong"});
    let throttled = loop {
        let answer = post(&server.stranger(), "/auth/login", &guess).await;
        if answer.status != 400 {
            break answer;
        }
    };
    let seconds: u32 = throttled.header("retry-after").expect("when to come again").parse().unwrap();
    let said = throttled.expect(429);
    let unit = if seconds == 1 { "second" } else { "seconds" };
    assert_eq!(said["detail"], format!("Request was throttled. Expected available in {seconds} {unit}."));
}
