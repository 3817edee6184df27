//! `GET /api/message`, `/sent` and `/received`: what they see, filters and pages.

use serde_json::{Value, json};

use super::{API, Client, options, refused};
use crate::support::{Person, Server};

#[tokio::test]
async fn each_list_has_its_side_oldest_first() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let bob = Client::register(&server, "bob").await;
    let carol = Client::register(&server, "carol").await;
    alice.send("bob", "1").await;
    bob.send("alice", "2").await;
    alice.send("alice", "3").await;
    carol.send("alice", "4").await;
    carol.send("bob", "5").await;
    for (path, contents) in [
        ("/message", &["1", "2", "3", "4"][..]),
        ("/message/sent", &["1", "3"]),
        ("/message/received", &["2", "3", "4"]),
        ("/message/sent?receiver=bob", &["1"]),
        ("/message/sent?receiver=alice", &["3"]),
        ("/message/sent?receiver=carol", &[]),
        ("/message/received?sender=carol", &["4"]),
        ("/message/received?sender=alice", &["3"]),
        ("/message/received?receiver=bob", &["2", "3", "4"]),
        ("/message?receiver=bob&date=never", &["1", "2", "3", "4"]),
    ] {
        assert_eq!(alice.contents(path).await, contents, "{path}");
    }
}

#[tokio::test]
async fn a_date_is_a_day_in_utc_and_holds_with_the_name() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    Client::register(&server, "rcvr").await;
    Client::register(&server, "bob").await;
    for (number, receiver) in ["bob", "rcvr", "rcvr", "bob", "rcvr"].iter().enumerate() {
        alice.send(receiver, &number.to_string()).await;
    }
    // The last moment of the 29th of March 2020, the first and the last of the 30th, and the first of the 31st.
    let first = 1_585_526_400_000i64;
    for (id, at) in
        [(1, first - 1), (2, first), (3, first + 86_399_999), (4, first + 86_399_999), (5, first + 86_400_000)]
    {
        server.sql(&format!("UPDATE messages SET created_at = {at} WHERE id = {id}")).await;
    }
    // As its README writes it.
    let list = alice.get("/message/sent?receiver=rcvr&date=2020-03-30&page=1").await.expect(200);
    assert_eq!((&list["count"], &list["results"][0]["created"]), (&json!(2), &json!("2020-03-30T00:00:00.000000Z")));
    for (query, contents) in [
        ("date=2020-03-30", &["1", "2", "3"][..]),
        ("date=2020-3-30", &["1", "2", "3"]),
        ("date=2020-03-30&receiver=bob", &["3"]),
        ("date=2020-03-29", &["0"]),
        ("date=2020-03-31", &["4"]),
        ("date=2020-04-01", &[]),
        ("date=9999-12-31", &[]),
    ] {
        assert_eq!(alice.contents(&format!("/message/sent?{query}")).await, contents, "{query}");
    }
    assert_eq!(alice.contents("/message/received?date=2020-03-30").await, [""; 0]);
}

#[tokio::test]
async fn a_filter_that_cannot_be_is_refused() {
    let server = options().start().await;
    let alice = Client::register(&server, "alice").await;
    let date = "url date parameter must be in YYYY-MM-DD format";
    for (path, said) in [
        ("/message/sent?receiver=nobody", "Receiver does not exist."),
        ("/message/sent?receiver=", "Receiver does not exist."),
        ("/message/sent?receiver=no%00body", "Receiver does not exist."),
        ("/message/received?sender=nobody", "Sender does not exist."),
        ("/message/received?sender=", "Sender does not exist."),
        ("/message/sent?date=2020-1-0", date),
        ("/message/received?date=2020-1-0", date),
        ("/message/sent?date=", date),
        ("/message/received?date=30.03.2020", date),
    ] {
        refused(&alice.get(path).await, 400, &json!({"detail": said}));
    }
}

async fn many(server: &Server, count: usize) -> Client {
    let alice = Client::register(server, "alice").await;
    Client::register(server, "bob").await;
    for number in 0..count {
        alice.send("bob", &number.to_string()).await;
    }
    alice
}

#[tokio::test]
async fn pages_hold_twenty_and_lead_to_each_other() {
    let server = options().start().await;
    let alice = many(&server, 45).await;
    let base = format!("http://{}{API}/message/sent", server.address);
    let link = |query: &str| json!(format!("{base}{query}"));
    for (query, numbers, next, previous) in [
        ("", 0..20, link("?page=2"), Value::Null),
        ("?receiver=bob", 0..20, link("?page=2&receiver=bob"), Value::Null),
        ("?receiver=bob&page=2", 20..40, link("?page=3&receiver=bob"), link("?receiver=bob")),
        ("?page=2&page_size=5", 20..40, link("?page=3&page_size=5"), link("?page_size=5")),
        ("?page=2", 20..40, link("?page=3"), link("")),
        ("?page=3", 40..45, Value::Null, link("?page=2")),
        ("?page=last", 40..45, Value::Null, link("?page=2")),
    ] {
        let page = alice.get(&format!("/message/sent{query}")).await.expect(200);
        assert_eq!((&page["count"], &page["next"], &page["previous"]), (&json!(45), &next, &previous), "{query}");
        let contents: Vec<_> = page["results"].as_array().unwrap().iter().map(|it| it["content"].clone()).collect();
        assert_eq!(contents, numbers.map(|number| json!(number.to_string())).collect::<Vec<_>>(), "{query}");
    }
    for query in ["0", "4", "-1", "abc", "", "1.5", "99999999999999999999", "%00"] {
        for list in ["/message", "/message/sent", "/message/received", "/block"] {
            refused(&alice.get(&format!("{list}?page={query}")).await, 404, &json!({"detail": "Invalid page."}));
        }
    }
    // An empty list has one page.
    for query in ["", "?page=1", "?page=last"] {
        let page = alice.get(&format!("/message/received{query}")).await.expect(200);
        assert_eq!(page, json!({"count": 0, "next": null, "previous": null, "results": []}));
    }
}

#[tokio::test]
async fn links_begin_where_the_operator_says_the_server_is() {
    let server = options().set("--public-url", "https://chat.example.org").start().await;
    let alice = many(&server, 21).await;
    let page = alice.get("/message").await.expect(200);
    assert_eq!(page["next"], "https://chat.example.org/compat/oms/api/message?page=2");
}

#[tokio::test]
async fn it_sees_what_two_or_one_alone_have_said_and_nothing_else() {
    let server = options().start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let notes = alice.direct(&[]).await;
    let pair = alice.direct(&[&bob]).await;
    let three = alice.direct(&[&bob, &carol]).await;
    let group = alice.group("team", &[&bob]).await;
    let channel = alice.channel("news").await;
    for (place, text) in [(notes, "notes"), (pair, "pair"), (three, "three"), (group, "group"), (channel, "channel")] {
        alice.say(place, text).await;
    }
    let gone = alice.say(pair, "gone").await;
    alice.delete(&format!("/api/v1/messages/{}", gone["id"])).await.expect(204);
    let edited = bob.say(pair, "before").await;
    bob.patch(&format!("/api/v1/messages/{}", edited["id"]), &json!({"text": "after"})).await.expect(200);
    // The answer to a request arrives as a message of the system, whom no sender can name.
    alice.ask(&bob).await.expect(201);
    bob.answer(&alice, "approved").await;
    assert_eq!(
        alice.get(&format!("/api/v1/conversations/{pair}/messages")).await.expect(200)["items"][0]["author"],
        json!(null)
    );
    let client = Client::login(&server, "alice", &alice.password).await;
    assert_eq!(client.contents("/message").await, ["notes", "pair", "after"]);
    let list = client.get("/message").await.expect(200);
    let ends: Vec<_> =
        list["results"].as_array().unwrap().iter().map(|it| (it["sender"].clone(), it["receiver"].clone())).collect();
    let ends: Vec<(&str, &str)> =
        ends.iter().map(|(from, to)| (from.as_str().unwrap(), to.as_str().unwrap())).collect();
    assert_eq!(ends, [("alice", "alice"), ("alice", "bob"), ("bob", "alice")]);
    assert_eq!(list["count"], 3);
}
