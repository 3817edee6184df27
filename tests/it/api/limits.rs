//! How much anybody may ask for, what is said of it, and who is counted with whom.

use futures_util::future::join_all;
use http::Method;
use serde_json::json;

use crate::support::raw::exchange;
use crate::support::{Answer, Caller, Ear, Options, Person, Server, SseClient, WsClient, eventually, seconds};

fn limited(requests: u32) -> Options {
    Server::options().set("--rate-limits", "on").set("--requests-per-minute", &requests.to_string())
}

/// What is left in the bucket of this name, and in how many seconds it is full.
fn left(answer: &Answer, bucket: &str) -> (u64, u64) {
    let field = answer.header("ratelimit").unwrap_or_else(|| panic!("RateLimit: {:?}", answer.headers));
    let item = field.split(", ").find(|item| item.starts_with(&format!("\"{bucket}\";")));
    let item = item.unwrap_or_else(|| panic!("{bucket} in {field}"));
    let number = |name: &str| item.split(';').find_map(|part| part.strip_prefix(name)).unwrap().parse().unwrap();
    (number("r="), number("t="))
}

/// Asks until nothing is left.
async fn exhaust(caller: &Caller) -> Answer {
    for _ in 0..20 {
        let answer = caller.get("/api/v1/me").await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("twenty requests were let through");
}

#[tokio::test]
async fn answers_say_what_is_left_and_when_to_come_back() {
    let server = limited(6).start().await;
    let stranger = server.stranger();
    for expected in (0..6).rev() {
        let answer = stranger.get("/docs/style.css").await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"everything\";q=6;w=60"));
        let (left, full_in) = left(&answer, "everything");
        assert_eq!(left, expected);
        assert!((1..=60).contains(&full_in), "{full_in}");
        assert_eq!(answer.header("retry-after"), None);
    }
    let refused = stranger.get("/docs/style.css").await;
    refused.refused(429, "too_many_requests");
    assert_eq!(refused.json()["limit"], "everything");
    assert_eq!(left(&refused, "everything").0, 0);
    assert_eq!(refused.header("ratelimit-policy"), Some("\"everything\";q=6;w=60"));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "one comes back every ten seconds: {wait}");
    assert_eq!(stranger.get("/healthz").await.status, 200, "a supervisor is not counted");
    assert_eq!(stranger.get("/healthz").await.header("ratelimit"), None);
}

#[tokio::test]
async fn a_household_gets_through_whatever_one_of_it_does() {
    let server = limited(6).start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let refused = exhaust(&server.stranger().with_bearer("rubbish")).await;
    refused.refused(429, "too_many_requests");
    server.stranger().post("/api/v1/sessions", &json!({})).await.refused(429, "too_many_requests");
    exhaust(&alice).await;
    let answer = bob.get("/api/v1/me").await;
    answer.expect(200);
    assert_eq!(left(&answer, "everything").0, 5, "bob is counted by himself");
    let key = bob.post("/api/v1/keys", &json!({"name": "script", "scopes": ["read"]})).await.expect(201);
    let answer = server.stranger().with_bearer(key["key"].as_str().unwrap()).get("/api/v1/conversations").await;
    answer.expect(200);
    assert_eq!(left(&answer, "everything").0, 3, "his keys are counted with him");
}

#[tokio::test]
async fn addresses_are_counted_apart() {
    let server = limited(3).set("--trusted-proxies", "127.0.0.1/32").start().await;
    let from = |address: &str| server.stranger().with_header("x-forwarded-for", address);
    exhaust(&from("203.0.113.1")).await;
    from("203.0.113.2").get("/api/v1/me").await.refused(401, "unauthorized");
    exhaust(&from("2001:db8::1")).await;
    from("2001:db8::2").get("/api/v1/me").await.refused(429, "too_many_requests");
    from("2001:db8:0:1::2").get("/api/v1/me").await.refused(401, "unauthorized");
}

#[tokio::test]
async fn what_costs_more_has_a_bucket_of_its_own() {
    let server = limited(300).start().await;
    let alice = Person::register(&server, "alice").await;
    let guess = json!({"username": "alice", "password": "a wrong guess"});
    let answer = server.stranger().post("/api/v1/sessions", &guess).await;
    answer.refused(401, "invalid_credentials");
    assert_eq!(
        answer.header("ratelimit-policy"),
        Some("\"everything\";q=300;w=60, \"logins\";q=30;w=60, \"guesses\";q=10;w=100")
    );
    assert_eq!((left(&answer, "logins").0, left(&answer, "guesses").0), (29, 9));
    let direct = alice.direct(&[&alice]).await;
    let path = format!("/api/v1/conversations/{direct}/messages");
    let answer = alice.post(&path, &json!({"text": "hello"})).await;
    answer.expect(201);
    assert_eq!(left(&answer, "sends").0, 119);
    let body = json!({"text": "hello"});
    for answer in join_all((0..200).map(|_| alice.post(&path, &body))).await {
        if answer.status == 429 {
            assert_eq!(left(&answer, "sends").0, 0);
            let said = answer.json();
            assert_eq!(said["limit"], "sends");
            assert!(said["detail"].as_str().unwrap().starts_with("Too many messages."), "{said}");
            assert!(left(&answer, "everything").0 > 0, "the rest goes on");
            assert_eq!(answer.header("retry-after"), Some("1"));
            alice.get("/api/v1/me").await.expect(200);
            return;
        }
    }
    panic!("two hundred messages were let through");
}

#[tokio::test]
async fn a_class_comes_in_from_one_address_where_that_takes_an_invitation() {
    for (registration, size, seconds) in [("open", 10, 120), ("invite", 100, 12)] {
        let server = limited(300).set("--registration", registration).start().await;
        let nobody = json!({"username": "ann", "password": "long enough", "invitation": "AAAAAAAAAAAAAAAAAAAAAA"});
        let answer = server.stranger().post("/api/v1/users", &nobody).await;
        assert_eq!(left(&answer, "registrations"), (size - 1, seconds), "{}", answer.describe());
    }
}

#[tokio::test]
async fn without_limits_nothing_is_said_of_them() {
    let server = Server::start().await;
    let answer = server.stranger().get("/openapi.json").await;
    answer.expect(200);
    assert_eq!((answer.header("ratelimit"), answer.header("ratelimit-policy")), (None, None));
}

/// Whether a stream's answer is a farewell.
fn is_farewell(answer: &Answer) -> bool {
    answer.status == 200 && String::from_utf8_lossy(&answer.body).contains("too_many_streams")
}

#[tokio::test]
async fn opening_streams_is_counted_before_the_credentials_are_looked_at() {
    let server = limited(300).start().await;
    let made_up = server.stranger().with_bearer("gck_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    made_up.get("/stream").await.refused(401, "unauthorized");
    let mut looked_for = 0;
    loop {
        let answer = made_up.get("/stream").await;
        if is_farewell(&answer) {
            break;
        }
        answer.refused(401, "unauthorized");
        looked_for += 1;
        assert!(looked_for < 400, "four hundred made-up keys were looked for");
    }
    // A handshake is counted before them too; browsers hear of it by its close code. Now and then one more is let through.
    for _ in 0..100 {
        match WsClient::open(server.address, &made_up.stream()).await {
            Ok(mut socket) => {
                assert_eq!(socket.until_end(seconds(10)).await.1, Some(4429));
                return;
            }
            Err(refused) => drop(refused.answer().refused(401, "unauthorized")),
        }
    }
    panic!("a hundred made-up keys more were looked for");
}

#[tokio::test]
async fn asking_for_the_head_of_a_stream_is_counted_like_opening_it() {
    let server = limited(300).start().await;
    let alice = Person::register(&server, "alice").await;
    let ticket = alice.ticket().await;
    for _ in 0..200 {
        let answer = server.stranger().call(Method::HEAD, &format!("/stream?ticket={ticket}"), None).await;
        assert_eq!(answer.status, 200);
    }
    for _ in 0..20 {
        if is_farewell(&server.stranger().with_bearer("gck_made-up").get("/stream").await) {
            return;
        }
    }
    panic!("two hundred heads were not counted");
}

#[tokio::test]
async fn what_a_websocket_asks_the_database_for_is_counted_with_its_user() {
    let server = limited(9).start().await;
    let people = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let operations = [
        json!({"op": "follow", "ref": 1, "channel": "nowhere"}),
        json!({"op": "unfollow", "ref": 1, "channel": "nowhere"}),
        json!({"op": "auth", "ref": 1, "token": "gck_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
    ];
    for (person, operation) in people.iter().zip(operations) {
        let mut socket = WsClient::open(server.address, &person.stream()).await.unwrap();
        let mut refused = 0;
        for _ in 0..30 {
            let reply = socket.ask(&operation, &mut Vec::new()).await;
            assert_eq!(reply["ok"], false, "{reply}");
            refused += u32::from(reply["error"]["code"] == "too_many_requests");
        }
        assert!((10..30).contains(&refused), "{operation}: {refused}");
        person.get("/api/v1/me").await.refused(429, "too_many_requests");
        socket.ask(&json!({"op": "ping", "ref": 2}), &mut Vec::new()).await;
    }
}

#[tokio::test]
async fn what_a_proxy_passes_on_beside_the_address_does_not_hide_it() {
    let server = limited(3).set("--trusted-proxies", "127.0.0.1/32").start().await;
    let from = async |named: &[u8]| {
        let head =
            [b"GET /api/v1/me HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-forwarded-for: ", named, b"\r\n\r\n"];
        exchange(server.address, head.concat()).await.unwrap().status
    };
    while from(b"203.0.113.9").await == 401 {}
    for same in [&b"\xff, 203.0.113.9"[..], b"203.0.113.9:4711", b"198.51.100.1, 203.0.113.9:80", b"\xff,203.0.113.9"] {
        assert_eq!(from(same).await, 429, "{}", String::from_utf8_lossy(same));
    }
    while from(b"2001:db8::1").await == 401 {}
    for same in [&b"[2001:db8::1]:4711"[..], b"[2001:db8::1]"] {
        assert_eq!(from(same).await, 429, "{}", String::from_utf8_lossy(same));
    }
    // Who sends nonsense through the proxy is counted as the proxy, and not as somebody else.
    assert_eq!(from(b"203.0.113.9, nonsense").await, 401);
}

#[tokio::test]
async fn a_name_that_looks_like_a_number_is_not_somebody_elses_account() {
    let server = limited(300).start().await;
    let alice = Person::register(&server, "alice").await;
    let guess = json!({"username": alice.id.to_string(), "password": "a wrong guess"});
    while server.stranger().post("/api/v1/sessions", &guess).await.status == 401 {}
    let change = json!({"current_password": alice.password, "new_password": "another password"});
    alice.put("/api/v1/me/password", &change).await.expect(204);
}

#[tokio::test]
async fn whatever_counts_as_sending_tells_how_that_bucket_stands() {
    let server = limited(300).start().await;
    let [alice, _bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&alice]).await;
    let message = alice.say(direct, "x").await;
    let id = &message["id"];
    for (method, path, body) in [
        (Method::DELETE, format!("/api/v1/messages/{id}"), None),
        (Method::POST, "/api/v1/messages/delete".to_owned(), Some(json!({"ids": [id]}))),
        (Method::PUT, "/api/v1/contacts/bob".to_owned(), Some(json!({"state": "approved"}))),
        (Method::DELETE, "/api/v1/contacts/bob".to_owned(), None),
        (Method::PUT, "/api/v1/blocks/bob".to_owned(), None),
        (Method::DELETE, "/api/v1/blocks/bob".to_owned(), None),
    ] {
        let answer = alice.call(method, &path, body.as_ref()).await;
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.describe());
        assert!(left(&answer, "sends").0 < 120, "{path}");
    }
}

#[tokio::test]
async fn the_operator_says_how_much_may_be_sent() {
    let server = limited(300).set("--sends-per-minute", "5").start().await;
    let alice = Person::register(&server, "alice").await;
    let direct = alice.direct(&[&alice]).await;
    let path = format!("/api/v1/conversations/{direct}/messages");
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(alice.post(&path, &json!({"text": "x"})).await);
    }
    // Half of them at once, and one in twelve seconds from then on.
    assert!(answers[..3].iter().all(|answer| answer.status == 201), "{}", answers[2].describe());
    answers[3].refused(429, "too_many_requests");
    assert_eq!(answers[3].json()["limit"], "sends");
    assert!(answers[3].header("ratelimit-policy").is_some_and(|policy| policy.contains("\"sends\";q=3;w=36")));
}

#[tokio::test]
async fn streams_are_bounded_per_user_and_per_address() {
    let server =
        Server::options().set("--max-streams-per-user", "3").set("--max-streams-per-address", "5").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
        stream.until_control("ready").await;
        streams.push(stream);
    }
    // An EventSource must not be told with a status, or it gives up for good.
    let mut too_many = SseClient::open(server.address, &alice.stream()).await.unwrap();
    let bye = too_many.until_control("bye").await;
    assert_eq!(bye.json()["reason"], "too_many_streams", "{}", bye.raw);
    assert!(bye.number("retry") > 0);
    too_many.until_end(seconds(5)).await;
    match WsClient::open(server.address, &alice.stream()).await {
        Ok(mut websocket) => assert_eq!(websocket.until_end(seconds(5)).await.1, Some(4429)),
        Err(refused) => drop(refused.answer().refused(429, "too_many_streams")),
    }
    for _ in 0..2 {
        let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
        stream.until_control("ready").await;
        streams.push(stream);
    }
    SseClient::open(server.address, &bob.stream()).await.unwrap().until_control("bye").await;
    drop(streams);
    eventually(seconds(10), "a place to be free again", async || {
        let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
        stream.next().await.is_control("ready").then_some(())
    })
    .await;
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let server = Server::options().set("--rate-limits", "on").start().await;
    Person::register(&server, "alice").await;
    let guess = json!({"username": "alice", "password": "a wrong guess"});
    for _ in 0..200 {
        let answer = server.stranger().post("/api/v1/sessions", &guess).await;
        if answer.status == 429 {
            answer.refused(429, "too_many_requests");
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() > 0);
            return;
        }
        answer.refused(401, "invalid_credentials");
    }
    panic!("two hundred guesses were let through");
}

#[tokio::test]
async fn whose_address_it_is_counts_only_when_a_trusted_proxy_says_so() {
    for trusted in [false, true] {
        let options = Server::options().set("--max-streams-per-address", "1");
        let options = if trusted { options.set("--trusted-proxies", "127.0.0.1/32,10.0.0.0/8") } else { options };
        let server = options.start().await;
        let alice = Person::register(&server, "alice").await;
        let from = |address: &str| alice.stream().header("x-forwarded-for", address);
        let mut first = SseClient::open(server.address, &from("203.0.113.1")).await.unwrap();
        first.until_control("ready").await;
        for (address, own_place) in [
            ("203.0.113.2", trusted),
            ("203.0.113.1", false),
            ("198.51.100.9, 203.0.113.1", false),
            ("203.0.113.1, 198.51.100.9, 10.1.2.3", trusted),
        ] {
            let mut other = SseClient::open(server.address, &from(address)).await.unwrap();
            let expected = if own_place { "ready" } else { "bye" };
            let heard = other.next().await;
            assert!(heard.is_control(expected), "{address}, trusted: {trusted}: {heard:?}");
        }
    }
}
