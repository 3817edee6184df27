//! Reading: the stream, its pages, threads, what is new, and how texts come out.

use serde_json::{Value, json};

use super::{BASE, Bird, debug, not_logged_in, wrong};
use crate::support::deadline::PATIENCE;
use crate::support::{Person, eventually};

fn ids(rows: &[Value]) -> Vec<u64> {
    rows.iter().map(|row| row["message_id"].as_str().unwrap().parse().unwrap()).collect()
}

#[tokio::test]
async fn the_stream_has_pages_of_twenty_the_newest_first() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    let before = ann.rows("/messages").await.len() as u64;
    for number in before..44 {
        if number % 2 == 0 {
            ann.say("@bob x").await
        } else {
            bob.say("@ann x").await
        };
    }
    let root = ann.say("@ann mine").await;
    ann.reply(&root, "and a reply").await.expect(201);
    for (page, expected, more) in
        [("", 27..=46, 1), ("/page/1", 27..=46, 1), ("/page/2", 7..=26, 1), ("/page/3", 1..=6, 0)]
    {
        let found = ann.get(&format!("/messages{page}")).await.expect(200);
        assert_eq!(found["next_link_bool"], more, "{page}");
        assert_eq!(ids(found["messages"].as_array().unwrap()), expected.rev().collect::<Vec<u64>>(), "{page}");
    }
    assert_eq!(ann.get("/messages/page/4").await.expect(200)["messages"], json!([]));
    let rows = ann.rows("/messages").await;
    assert_eq!((&rows[0]["parent_id"], &rows[1]["reply_count"]), (&json!(root), &json!("1")));
    for page in ["abc", "-1", "1x", "%20"] {
        not_logged_in(&ann.get(&format!("/messages/page/{page}")).await);
        not_logged_in(&ann.get(&format!("/messages/threads/{page}")).await);
    }
    for page in ["0", "100001", "99999999999999999999999"] {
        let says = "Pages are numbered from 1 to 100000.";
        wrong(&ann.get(&format!("/messages/page/{page}")).await, 400, "Invalid data.", says);
        wrong(&ann.get(&format!("/messages/threads/{page}")).await, 400, "Invalid data.", says);
    }
    for id in ["abc", "-1", "1.0", "99999999999999999999999"] {
        wrong(&ann.get(&format!("/messages/{id}")).await, 400, "Invalid data.", "ID is not numeric.");
        wrong(&ann.get(&format!("/messages/{id}/replies")).await, 400, "Invalid data.", "ID is not numeric.");
    }
}

#[tokio::test]
async fn threads_come_by_what_was_said_last() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    let system = ann.rows("/messages").await.len();
    let old = ann.say("@bob old").await;
    let new = bob.say("@ann new").await;
    let reply = bob.reply(&old, "not so old").await.expect(201)["message_id"].clone();
    let threads = async |page: &str| ann.get(&format!("/messages/threads{page}")).await.expect(200)["threads"].clone();
    let found = threads("").await;
    assert_eq!(ids(found.as_array().unwrap())[..2], [old.parse::<u64>().unwrap(), new.parse().unwrap()]);
    let first = &found[0];
    assert_eq!((&first["last_message_id"], &first["last_message_author_name"]), (&reply, &json!("bob")));
    assert_eq!((&first["reply_count"], &first["author_name"]), (&json!("1"), &json!("ann")));
    let second = &found[1];
    assert_eq!((&second["last_message_id"], &second["reply_count"]), (&json!("0"), &json!("0")));
    for _ in 0..20 {
        bob.say("@ann more").await;
    }
    assert_eq!(threads("").await.as_array().unwrap().len(), 20);
    let rest = threads("/2").await;
    assert_eq!(rest.as_array().unwrap().len(), 2 + system);
    assert_eq!(rest[0]["message_id"], old);
    // Who is not in it sees none of it.
    let eve = Bird::hatch(&server, "eve").await;
    assert_eq!(eve.get("/messages/threads").await.expect(200)["threads"], json!([]));
    // Nor is there anything of what one has hidden from oneself.
    let native = ann.native(&server).await;
    native.delete(&format!("/api/v1/messages/{new}?for=me")).await.expect(204);
    let left = threads("/2").await;
    assert!(left.as_array().unwrap().iter().all(|row| row["message_id"] != new.as_str()), "{left}");
    native.delete(&format!("/api/v1/messages/{old}?for=me")).await.expect(204);
    for page in ["", "/2"] {
        let left = threads(page).await;
        assert!(left.as_array().unwrap().iter().all(|row| row["message_id"] != old.as_str()), "its replies: {left}");
    }
}

#[tokio::test]
async fn what_others_said_since_a_moment_is_counted() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    server.sql("UPDATE messages SET created_at = created_at - 600000").await;
    let time = async || {
        server.stranger().get(&format!("{BASE}/time")).await.expect(200)["server_epoch_seconds"].as_i64().unwrap()
    };
    let since = async |moment: &str| ann.get(&format!("/messages/since/{moment}")).await;
    let now = time().await;
    let count = async |moment: i64| since(&moment.to_string()).await.expect(200)["new_message_count"].clone();
    assert_eq!(count(now).await, 0);
    ann.say("@bob mine").await;
    assert_eq!(count(now).await, 0);
    bob.say("@ann yours").await;
    assert_eq!(count(now).await, 1, "what comes after the time was asked is never missed");
    let gone = bob.say("@ann never mind").await;
    assert_eq!(count(now).await, 2);
    bob.native(&server).await.delete(&format!("/api/v1/messages/{gone}?for=all")).await.expect(204);
    assert_eq!(count(now).await, 1, "what was deleted is nothing new");
    let head = server.events_on_disk().await.head();
    assert!(head > 0 && time().await >= now);
    assert_eq!(count(i64::MAX).await, 0);
    for moment in ["abc", "-1", "1.5", "99999999999999999999999"] {
        not_logged_in(&since(moment).await);
    }
}

#[tokio::test]
async fn direct_conversations_made_elsewhere_are_seen_and_nothing_else() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    let (native, zoe) = (ann.native(&server).await, Person::register(&server, "zoe").await);
    native.post("/api/v1/messages", &json!({"to": ["bob"], "text": "hello without a name"})).await.expect(201);
    assert_eq!(bob.texts("/messages").await[0], "hello without a name");
    let before = ann.rows("/messages").await;
    let group = native.group("a group", &[&zoe]).await;
    let in_group = native.say(group, "in a group").await;
    let reply = json!({"conversation_id": group, "text": "a reply in a group", "thread_id": in_group["id"]});
    zoe.post("/api/v1/messages", &reply).await.expect(201);
    let channel = native.channel("a channel").await;
    native.say(channel, "in a channel").await;
    assert_eq!(ids(&ann.rows("/messages").await), ids(&before));
    let id = &in_group["id"];
    wrong(&ann.get(&format!("/messages/{id}")).await, 404, "Message unavailable.", "Message ID not found");
    assert_eq!(ann.rows(&format!("/messages/{id}/replies")).await, [json!(null); 0]);
    let threads = ann.get("/messages/threads").await.expect(200);
    assert!(!threads.to_string().contains("in a "), "{threads}");
    assert_eq!(
        ann.get("/messages/since/0").await.expect(200)["new_message_count"],
        before.iter().filter(|row| row["author_type"] == "others").count()
    );
}

#[tokio::test]
async fn texts_come_out_safe_and_whole() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    for (text, html) in [
        ("<script>alert('1')</script>", "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"),
        ("\" onclick=\"x()", "&quot; onclick=&quot;x()"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        (
            "http://a.org/\"onclick=\"x",
            "<a title=\"http://a.org/\"  class=\"extlink\" href=\"http://a.org/\">a.org/</a>&quot;onclick=&quot;x",
        ),
        (
            "https://example.org/a/very/long/path/that/goes",
            "<a title=\"https://example.org/a/very/long/path/that/goes\"  class=\"extlink\" href=\"https://example.org/a/very/long/path/that/goes\">example.org/a/very/long/path/t ...</a>",
        ),
        ("Grüße, 王 🦜 \u{202e}x\u{301}", "Grüße, 王 🦜 \u{202e}x\u{301}"),
    ] {
        let id = ann.say(&format!("@bob {text}")).await;
        let expected = format!("<a href=\"/user/bob\">@bob</a> {html}");
        assert_eq!(bob.message(&id).await["message_text"], expected);
        assert_eq!(bob.texts("/messages").await[0], expected);
        let threads = bob.get("/messages/threads").await.expect(200);
        let beginning = threads["threads"][0]["message_text"].as_str().unwrap();
        assert!(!beginning.contains(['<', '>', '"', '\'']), "{beginning}");
    }
}

#[tokio::test]
async fn what_was_deleted_keeps_its_place_without_its_text() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    let id = ann.say("@bob a mistake").await;
    ann.native(&server).await.delete(&format!("/api/v1/messages/{id}")).await.expect(204);
    let row = bob.rows("/messages").await[0].clone();
    assert_eq!(
        (&row["message_id"], &row["message_text"], &row["message_status"]),
        (&json!(id), &json!(""), &json!("d"))
    );
    // Nor is there anything left of its author's name, once he is gone.
    let body = json!({"password": ann.password, "messages": "keep"});
    ann.native(&server).await.call(http::Method::DELETE, "/api/v1/me", Some(&body)).await.expect(204);
    let row = bob.rows("/messages").await[0].clone();
    assert_eq!(
        (&row["author_name"], &row["recipient_names"]),
        (&json!("deleted-user-1"), &json!("bob deleted-user-1"))
    );
}

#[tokio::test]
async fn on_a_quiet_server_nothing_stays_new() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    bob.say("@ann yours").await;
    let time = async || {
        server.stranger().get(&format!("{BASE}/time")).await.expect(200)["server_epoch_seconds"].as_i64().unwrap()
    };
    let new = async |moment: i64| {
        ann.get(&format!("/messages/since/{moment}")).await.expect(200)["new_message_count"].clone()
    };
    assert!(new(time().await).await.as_u64().unwrap() > 0, "what has only just been said counts");
    let now = eventually(PATIENCE, "the time to go on", async || {
        let now = time().await;
        (new(now).await == 0).then_some(now)
    })
    .await;
    bob.say("@ann more").await;
    assert_eq!(new(now).await, 1);
}

#[tokio::test]
async fn what_the_system_tells_of_nobody_here_is_told_by_the_server() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    let text = "Your request to be added to nobody''s contacts was approved.";
    server.sql(&format!("UPDATE messages SET text = '{text}' WHERE author_id IS NULL")).await;
    for bird in [&ann, &bob] {
        let row = &bird.rows("/messages").await[0];
        assert_eq!(row["message_text"], "Your request to be added to nobody&#39;s contacts was approved.");
        // Whoever registers as System is not taken for it.
        assert_eq!((&row["author_name"], &row["author_type"]), (&json!("(server)"), &json!("others")));
        let single = bird.message(row["message_id"].as_str().unwrap()).await;
        assert_eq!((&single["author_id"], &single["recipient_names"]), (&json!("0"), &json!("|ann|bob|")));
    }
}
