//! Registering, logging in and out, sessions, one's own profile and password, and accounts made at the machine.

use serde_json::{Value, json};

use crate::support::person::id_text;
use crate::support::{Credentials, Ear, Person, Server, SseClient, StreamRequest, seconds};

#[tokio::test]
async fn registering_gives_a_user_and_a_session() {
    let server = Server::start().await;
    let body = json!({"username": "Zoë", "password": "long enough", "email": "zoe@example.org", "bio": "hello"});
    let answer = server.stranger().post("/api/v1/users", &body).await.expect(201);
    assert_eq!((answer["token_type"].as_str(), answer["expires_in"].as_u64()), (Some("Bearer"), Some(15 * 60)));
    assert_eq!(answer["user"]["username"], "Zoë");
    let zoe = Person::from_login(&server.stranger(), "long enough", &answer);
    let me = zoe.get("/api/v1/me").await.expect(200);
    assert_eq!(
        (me["username"].as_str(), me["email"].as_str(), me["bio"].as_str(), me["admin"].as_bool()),
        (Some("Zoë"), Some("zoe@example.org"), Some("hello"), Some(false))
    );
    let [bob] = Person::register_all(&server, ["bob"]).await;
    let seen = bob.get("/api/v1/users/Zo%C3%AB").await.expect(200);
    assert_eq!((seen["bio"].as_str(), seen.get("email")), (Some("hello"), None), "an address is private: {seen}");
    assert_eq!(
        bob.get("/api/v1/users/ZO%C3%8B").await.expect(200)["id"],
        zoe.id,
        "a name is found without regard to case"
    );
}

#[tokio::test]
async fn a_session_has_a_name_of_one_line_however_it_was_opened() {
    let server = Server::start().await;
    let stranger = server.stranger();
    let body = |name: &str| json!({"username": "alice", "password": "long enough", "name": name});
    for bad in ["two\nlines", "\u{4}", &"x".repeat(101)] {
        stranger.post("/api/v1/users", &body(bad)).await.refused_field("invalid", "name");
    }
    stranger.post("/api/v1/users", &body("telephone 📱")).await.expect(201);
    for bad in ["two\nlines", "\u{4}", &"x".repeat(101)] {
        stranger.post("/api/v1/sessions", &body(bad)).await.refused_field("invalid", "name");
    }
}

#[tokio::test]
async fn a_name_is_taken_in_any_case_and_composition() {
    let server = Server::start().await;
    let stranger = server.stranger();
    let register =
        async |name: &str| stranger.post("/api/v1/users", &json!({"username": name, "password": "long enough"})).await;
    register("Zoë").await.expect(201);
    for same in ["Zoë", "zoë", "ZOË", "zoe\u{308}"] {
        register(same).await.refused(409, "username_taken");
    }
    for fine in ["a", "bob.smith-jones_1+tag@example.org", "用户", "Ünïcödé", "мир", &"x".repeat(64), &"é".repeat(64)]
    {
        register(fine).await.expect(201);
    }
    for bad in ["", " ", "a b", "a/b", "a:b", "<script>", "a\u{200b}b", "😀", "a\nb", &"x".repeat(65)] {
        register(bad).await.refused_field("invalid", "username");
    }
    let (one, other) = tokio::join!(register("race"), register("Race"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409]);
}

#[tokio::test]
async fn a_password_has_eight_characters_or_what_the_operator_wants() {
    let server = Server::start().await;
    let stranger = server.stranger();
    for short in ["", "x", "1234567", "ééééééé"] {
        stranger
            .post("/api/v1/users", &json!({"username": "a", "password": short}))
            .await
            .refused_field("invalid", "password");
    }
    stranger.post("/api/v1/users", &json!({"username": "a", "password": "éééééééé"})).await.expect(201);
    let strict = Server::options().set("--password-min-length", "12").start().await;
    strict
        .stranger()
        .post("/api/v1/users", &json!({"username": "a", "password": "12345678901"}))
        .await
        .refused_field("invalid", "password");
    strict.stranger().post("/api/v1/users", &json!({"username": "a", "password": "123456789012"})).await.expect(201);
}

#[tokio::test]
async fn logging_in_wants_the_right_name_or_address_and_password() {
    let server = Server::start().await;
    let stranger = server.stranger();
    let alice = Person::register(&server, "alice").await;
    let login = async |body: Value| stranger.post("/api/v1/sessions", &body).await;
    login(json!({"username": "ALICE", "password": alice.password})).await.expect(201);
    let wrong = login(json!({"username": "alice", "password": "wrong password"})).await;
    let unknown = login(json!({"username": "nobody", "password": "wrong password"})).await;
    wrong.refused(401, "invalid_credentials");
    assert_eq!(wrong.body, unknown.body, "nobody learns who has an account");
    assert_eq!(login(json!({"password": alice.password})).await.status, 422);
    assert_eq!(login(json!({"username": "alice"})).await.status, 422);
    assert_eq!(login(json!({"username": "alice", "email": "a@b.c", "password": alice.password})).await.status, 422);
}

#[tokio::test]
async fn sessions_are_listed_and_revoked_per_device() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let login = json!({"username": "alice", "password": alice.password, "name": "telephone 📱"});
    let telephone = Person::from_login(
        &server.stranger(),
        &alice.password,
        &server.stranger().post("/api/v1/sessions", &login).await.expect(201),
    );
    let list = alice.get("/api/v1/sessions").await.expect(200);
    assert!(list["head"].as_u64().unwrap() > 0 && list["next"].is_null());
    let items = list["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    let other = items.iter().find(|session| session["name"] == "telephone 📱").expect("the telephone is listed");
    assert_eq!((other["current"].as_bool(), other["kind"].as_str()), (Some(false), Some("token")));
    assert_eq!(id_text(&other["id"]), telephone.session);
    assert_eq!(items.iter().filter(|session| session["current"] == true).count(), 1);
    alice.delete(&format!("/api/v1/sessions/{}", telephone.session)).await.expect(204);
    telephone.get("/api/v1/me").await.refused(401, "unauthorized");
    alice.delete(&format!("/api/v1/sessions/{}", telephone.session)).await.refused(404, "not_found");
    assert_eq!(alice.get("/api/v1/sessions").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cookie_session_is_for_the_browser() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let login = json!({"username": "alice", "password": alice.password, "cookie": true});
    let answer = server.stranger().post("/api/v1/sessions", &login).await;
    let body = answer.expect(201);
    assert!(body.get("access_token").is_none() && body.get("refresh_token").is_none(), "{body}");
    let set_cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    assert!(set_cookie.starts_with("goldcrest_session="), "{set_cookie}");
    assert!(
        set_cookie.contains("HttpOnly") && set_cookie.contains("SameSite=Lax") && !set_cookie.contains("Secure"),
        "{set_cookie}"
    );
    assert!(!set_cookie.split(';').next().unwrap().contains('.'), "it is no JWT");
    let cookie = set_cookie.split(';').next().unwrap();
    let browser = server.stranger().with_header("cookie", &format!("other=1; {cookie}"));
    assert_eq!(browser.get("/api/v1/me").await.expect(200)["username"], "alice");
    let mut stream =
        SseClient::open(server.address, &StreamRequest::new(Credentials::Cookie(cookie.to_owned()))).await.unwrap();
    stream.until_control("ready").await;
    let logout = browser.delete("/api/v1/sessions/current").await;
    logout.expect(204);
    assert!(
        logout.header("set-cookie").is_some_and(|cookie| cookie.contains("Max-Age=0") || cookie.contains("1970")),
        "logging out takes the cookie back: {:?}",
        logout.headers
    );
    stream.until_end(seconds(10)).await;
    browser.get("/api/v1/me").await.refused(401, "unauthorized");

    let behind_tls = Server::options().set("--public-url", "https://chat.example.org").start().await;
    let alice = Person::register(&behind_tls, "alice").await;
    let answer = behind_tls
        .stranger()
        .post("/api/v1/sessions", &json!({"username": "alice", "password": alice.password, "cookie": true}))
        .await;
    let set_cookie = answer.header("set-cookie").expect("a cookie");
    assert!(
        set_cookie.starts_with("__Host-goldcrest_session=")
            && set_cookie.contains("Secure")
            && set_cookie.contains("Path=/"),
        "{set_cookie}"
    );
}

#[tokio::test]
async fn ones_bio_can_be_changed_and_is_heard_of() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
    stream.until_control("ready").await;
    assert_eq!(alice.patch("/api/v1/me", &json!({"bio": "new"})).await.expect(200)["bio"], "new");
    assert_eq!(alice.get("/api/v1/me").await.expect(200)["bio"], "new");
    let heard = stream.until_seq(alice.head().await).await;
    assert!(heard.iter().any(|seen| seen.kind == "user.updated" && seen.data()["bio"] == "new"), "{heard:?}");
}

#[tokio::test]
async fn a_new_password_counts_at_once() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let change = |current: &str, new: &str| json!({"current_password": current, "new_password": new});
    let wrong = alice.put("/api/v1/me/password", &change("wrong password", "another password")).await;
    assert!(matches!(wrong.status, 401 | 403 | 422), "{}", wrong.describe());
    alice.put("/api/v1/me/password", &change(&alice.password, "short")).await.refused_field("invalid", "new_password");
    alice.put("/api/v1/me/password", &change(&alice.password, "another password")).await.expect(204);
    let login = async |password: &str| {
        server.stranger().post("/api/v1/sessions", &json!({"username": "alice", "password": password})).await
    };
    login(&alice.password).await.refused(401, "invalid_credentials");
    login("another password").await.expect(201);
}

#[tokio::test]
async fn accounts_are_made_and_listed_at_the_machine_with_and_without_a_server() {
    let mut server = Server::options().set("--registration", "closed").start().await;
    server.command_with_input(&["user", "add", "root", "--admin", "--password-stdin"], "long enough\n").await;
    let login = json!({"username": "root", "password": "long enough"});
    let root = Person::from_login(
        &server.stranger(),
        "long enough",
        &server.stranger().post("/api/v1/sessions", &login).await.expect(201),
    );
    assert_eq!(root.get("/api/v1/me").await.expect(200)["admin"], true);
    server.terminate(seconds(20)).await;
    server.command_with_input(&["user", "add", "later", "--password-stdin"], "long enough\n").await;
    server.command_with_input(&["user", "passwd", "root", "--password-stdin"], "quite another\n").await;
    let list = server.command(&["user", "list"]).await;
    assert!(list.contains("root") && list.contains("later"), "{list}");
    server.restart().await;
    root.get("/api/v1/me").await.refused(401, "unauthorized");
    server.stranger().post("/api/v1/sessions", &login).await.refused(401, "invalid_credentials");
    server
        .stranger()
        .post("/api/v1/sessions", &json!({"username": "root", "password": "quite another"}))
        .await
        .expect(201);
    let token = server.command(&["token", "later"]).await;
    assert_eq!(server.stranger().with_bearer(token.trim()).get("/api/v1/me").await.expect(200)["username"], "later");
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let message = alice.say(direct, "remember").await;
    server.kill().await;
    server.restart().await;
    assert_eq!(bob.get(&format!("/api/v1/messages/{}", message["id"])).await.expect(200)["text"], message["text"]);
    assert_eq!(alice.say(direct, "go on").await["id"], message["id"].as_u64().unwrap() + 1);
}

#[tokio::test]
async fn guessing_the_current_password_is_slowed_down_for_that_account_alone() {
    let server = Server::options().set("--rate-limits", "on").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let change = async |person: &Person, current: &str| {
        let body = json!({"current_password": current, "new_password": "another password"});
        person.put("/api/v1/me/password", &body).await
    };
    let mut guesses = 0;
    let slowed_down = loop {
        let answer = change(&alice, &format!("guess {guesses}")).await;
        if answer.status == 429 {
            break answer;
        }
        answer.refused(401, "invalid_credentials");
        guesses += 1;
        assert!(guesses < 50, "so many guesses were let through");
    };
    slowed_down.refused(429, "too_many_requests");
    assert!(slowed_down.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
    assert!(guesses >= 5, "who mistypes a few times may go on: {guesses}");
    change(&alice, &alice.password).await.refused(429, "too_many_requests");
    change(&bob, &bob.password).await.expect(204);
}
