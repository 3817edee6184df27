//! Who may know that somebody is there.

use serde_json::{Value, json};

use super::{SOON, hide, looks, presence_until, sees, sse, until_says};
use crate::support::{Ear, Heard, Person, Server, SseClient, eventually};

#[tokio::test]
async fn who_shares_nothing_hears_nothing_and_asks_in_vain() {
    let server = Server::start().await;
    let [alice, bob, carol, dave] = Person::register_all(&server, ["alice", "bob", "carol", "dave"]).await;
    let group = alice.group("team", &[&bob]).await;
    let apart = carol.direct(&[&dave]).await;
    alice.ask(&dave).await.expect(201);
    let mut member = sse(&bob).await;
    let mut stranger = sse(&carol).await;
    let mut asked = sse(&dave).await;
    let here = sse(&alice).await;
    until_says(&mut member, "alice", true).await;
    // Whoever asks has approved the one he asks; it is not yet so the other way round.
    until_says(&mut asked, "alice", true).await;
    assert!(!presence_until(&mut stranger, &dave, apart).await.iter().any(|passing| passing.says("alice", true)));
    assert_eq!(sees(&carol, "alice").await, (false, None));
    assert_eq!(sees(&alice, "dave").await, (false, None));
    assert_eq!(sees(&dave, "alice").await, (true, None));
    assert_eq!(sees(&bob, "alice").await, (true, None));
    assert_eq!(sees(&alice, "alice").await, (true, None));
    let names = |list: Value| -> Vec<String> {
        assert!(list["at"].is_string() && list["next"].is_null(), "{list}");
        let items = list["items"].as_array().unwrap().clone();
        assert!(items.iter().all(|item| item["online"] == true && item["last_seen_at"].is_null()));
        // They come by number, which is a matter of chance here.
        let mut names: Vec<String> =
            items.iter().map(|item| item["user"]["username"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names(alice.get("/api/v1/presence").await.expect(200)), ["bob"]);
    assert_eq!(names(dave.get("/api/v1/presence").await.expect(200)), ["alice", "carol"]);
    let first = dave.get("/api/v1/presence?limit=1").await.expect(200);
    let next = first["next"].as_str().unwrap();
    let rest = dave.get(&format!("/api/v1/presence?limit=1&cursor={next}")).await.expect(200);
    let mut both = [&first, &rest].map(|part| part["items"][0]["user"]["username"].as_str().unwrap());
    both.sort_unstable();
    assert_eq!(both, ["alice", "carol"]);
    let nobody = carol.get("/api/v1/presence?user=alice&user=nobody").await.expect(200);
    let offline = |user: Value| json!({"user": user, "online": false, "last_seen_at": null});
    let expected =
        [offline(json!({"id": alice.id, "username": "alice"})), offline(json!({"id": null, "username": "nobody"}))];
    assert_eq!(nobody["items"], json!(expected));
    drop(here);
    until_says(&mut member, "alice", false).await;
    assert!(!presence_until(&mut stranger, &dave, apart).await.iter().any(|passing| passing.says("alice", false)));
    // When she was last there is not for strangers either.
    eventually(SOON, "it to be written", async || sees(&bob, "alice").await.1).await;
    assert_eq!(sees(&carol, "alice").await, (false, None));
    // Bob leaves the group in which they met.
    let here = sse(&alice).await;
    until_says(&mut member, "alice", true).await;
    bob.leave(group).await;
    let taken_back = until_says(&mut member, "alice", false).await;
    assert_eq!((&taken_back["online"], &taken_back["last_seen_at"]), (&json!(false), &json!(null)));
    assert_eq!(sees(&bob, "alice").await, (false, None));
    drop(here);
    let alone = bob.direct(&[]).await;
    assert!(presence_until(&mut member, &bob, alone).await.is_empty());
}

#[tokio::test]
async fn asking_wrongly_is_refused() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let many: Vec<String> = (0..=100).map(|number| format!("user=u{number}")).collect();
    let answer = alice.get(&format!("/api/v1/presence?{}", many.join("&"))).await;
    assert_eq!(answer.refused(400, "malformed_request")["field"], "user");
    alice.get("/api/v1/presence?limit=x").await.refused(400, "malformed_request");
    alice.get("/api/v1/presence?limit=0").await.refused(400, "malformed_request");
    alice.get("/api/v1/presence?cursor=x").await.refused(400, "malformed_request");
    alice.get("/api/v1/presence?who=bob").await.refused(400, "malformed_request");
    alice.get("/api/v1/presence?user=a%00b").await.refused_field("invalid", "user");
    alice.patch("/api/v1/me", &json!({"show_presence": "yes"})).await.refused_field("invalid", "show_presence");
    // A key that is for one conversation sees no more than that.
    let group = alice.group("team", &[&bob]).await;
    let body = json!({"name": "k", "scopes": ["read"], "conversation_id": group});
    let key = alice.post("/api/v1/keys", &body).await.expect(201);
    let key = server.stranger().with_bearer(key["key"].as_str().unwrap());
    key.get("/api/v1/presence").await.refused(403, "insufficient_scope");
    let mut bound = SseClient::open(server.address, &key.stream()).await.unwrap();
    bound.until_control("ready").await;
    let mut own = sse(&alice).await;
    let _here = sse(&bob).await;
    until_says(&mut own, "bob", true).await;
    assert!(presence_until(&mut bound, &bob, group).await.is_empty());
}

#[tokio::test]
async fn a_block_hides_and_taking_it_back_shows() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let group = alice.group("team", &[&bob]).await;
    let (mut by_alice, mut by_bob, mut by_carol) = (sse(&alice).await, sse(&bob).await, sse(&carol).await);
    until_says(&mut by_alice, "bob", true).await;
    alice.block(&bob).await;
    let hidden = until_says(&mut by_bob, "alice", false).await;
    assert_eq!((&hidden["online"], &hidden["last_seen_at"]), (&json!(false), &json!(null)));
    assert_eq!(sees(&bob, "alice").await, (false, None));
    // Who blocks still sees.
    assert_eq!(sees(&alice, "bob").await, (true, None));
    // While it lasts nothing is heard.
    drop(by_alice);
    looks(&alice, "alice", false).await;
    let _by_alice = sse(&alice).await;
    assert!(presence_until(&mut by_bob, &bob, group).await.is_empty());
    alice.delete("/api/v1/blocks/bob").await.expect(204);
    until_says(&mut by_bob, "alice", true).await;
    // Who saw nothing of somebody before does not learn that he is blocked.
    alice.block(&carol).await;
    alice.block(&bob).await;
    until_says(&mut by_bob, "alice", false).await;
    let alone = carol.direct(&[]).await;
    assert!(presence_until(&mut by_carol, &carol, alone).await.is_empty());
}

#[tokio::test]
async fn contacts_see_whom_has_approved_them_as_long_as_he_does() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (mut by_alice, mut by_bob) = (sse(&alice).await, sse(&bob).await);
    alice.ask(&bob).await.expect(201);
    until_says(&mut by_bob, "alice", true).await;
    assert_eq!(sees(&alice, "bob").await, (false, None));
    bob.answer(&alice, "approved").await;
    until_says(&mut by_alice, "bob", true).await;
    assert_eq!(sees(&alice, "bob").await, (true, None));
    // The answer has made a direct conversation of the two, in which they see each other too.
    bob.answer(&alice, "rejected").await;
    assert_eq!(sees(&alice, "bob").await, (true, None), "they share a conversation");

    let [carol, dave] = Person::register_all(&server, ["carol", "dave"]).await;
    let (mut by_carol, by_dave) = (sse(&carol).await, sse(&dave).await);
    // Said unasked, it makes no conversation.
    dave.answer(&carol, "approved").await;
    until_says(&mut by_carol, "dave", true).await;
    assert_eq!(sees(&dave, "carol").await, (false, None));
    dave.delete("/api/v1/contacts/carol").await.expect(204);
    let forgotten = until_says(&mut by_carol, "dave", false).await;
    assert_eq!((&forgotten["online"], &forgotten["last_seen_at"]), (&json!(false), &json!(null)));
    assert_eq!(sees(&carol, "dave").await, (false, None));
    drop(by_dave);
}

#[tokio::test]
async fn who_does_not_show_himself_looks_offline() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    assert_eq!(alice.get("/api/v1/me").await.expect(200)["show_presence"], true);
    let mut ear = sse(&bob).await;
    let mut own = sse(&alice).await;
    until_says(&mut ear, "alice", true).await;
    hide(&alice, true).await;
    let hidden = until_says(&mut ear, "alice", false).await;
    assert_eq!((&hidden["online"], &hidden["last_seen_at"]), (&json!(false), &json!(null)));
    assert_eq!(sees(&bob, "alice").await, (false, None));
    assert_eq!(bob.get("/api/v1/presence").await.expect(200)["items"], json!([]));
    let settings = |heard: &Heard| matches!(heard, Heard::Event(seen) if seen.kind == "user.updated" && seen.data()["show_presence"] == false);
    own.until("the new settings", settings).await;
    // What she does now leaves no trace: neither another setting, nor going, nor coming.
    alice.patch("/api/v1/me", &json!({"bio": "new"})).await.expect(200);
    drop(own);
    looks(&alice, "alice", false).await;
    let own = sse(&alice).await;
    assert!(presence_until(&mut ear, &bob, group).await.is_empty());
    assert_eq!(sees(&bob, "alice").await, (false, None));
    hide(&alice, false).await;
    until_says(&mut ear, "alice", true).await;
    // Hidden while away: when she was last there is taken back, and given again.
    drop(own);
    let gone = until_says(&mut ear, "alice", false).await;
    assert!(gone["last_seen_at"].is_string(), "{gone}");
    eventually(SOON, "it to be written", async || sees(&bob, "alice").await.1).await;
    hide(&alice, true).await;
    assert_eq!(ear.until_presence("alice").await["last_seen_at"], json!(null));
    assert_eq!(sees(&bob, "alice").await, (false, None));
    alice.patch("/api/v1/me", &json!({"bio": "newer"})).await.expect(200);
    assert!(presence_until(&mut ear, &bob, group).await.is_empty());
    hide(&alice, false).await;
    assert_eq!(ear.until_presence("alice").await["last_seen_at"], gone["last_seen_at"]);
}

#[tokio::test]
async fn who_comes_into_a_conversation_sees_and_is_seen() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let group = alice.group("team", &[&bob]).await;
    let (mut by_alice, mut by_bob, mut by_carol) = (sse(&alice).await, sse(&bob).await, sse(&carol).await);
    until_says(&mut by_alice, "bob", true).await;
    alice.add(group, &carol).await;
    until_says(&mut by_carol, "alice", true).await;
    until_says(&mut by_alice, "carol", true).await;
    until_says(&mut by_bob, "carol", true).await;
    alice.remove(group, &carol).await;
    for (ear, name) in [(&mut by_alice, "carol"), (&mut by_bob, "carol"), (&mut by_carol, "alice")] {
        let lost = until_says(ear, name, false).await;
        assert_eq!((&lost["online"], &lost["last_seen_at"]), (&json!(false), &json!(null)), "{name}");
    }
    // A new conversation makes all in it known to each other.
    bob.group("another", &[&carol]).await;
    until_says(&mut by_bob, "carol", true).await;
    until_says(&mut by_carol, "bob", true).await;
}

#[tokio::test]
async fn a_large_conversation_tells_nobody() {
    let server = Server::options().set("--write-queue", "4096").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("crowd", &[&bob]).await;
    let (mut by_alice, mut by_bob) = (sse(&alice).await, sse(&bob).await);
    until_says(&mut by_alice, "bob", true).await;
    // Behind the server's back the group grows to its limit.
    let seq = alice.head().await;
    server
        .sql(&format!(
            "INSERT INTO stays (conversation_id, user_id, joined_seq, role, joined_message) \
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 498) SELECT {group}, 100000 + i, {seq}, 'member', 0 FROM n"
        ))
        .await;
    assert!(sees(&alice, "bob").await.0, "500 members are few enough");
    let carol = Person::register(&server, "carol").await;
    alice.add(group, &carol).await;
    // One too many: all of them lose sight of each other.
    for (ear, name) in [(&mut by_alice, "bob"), (&mut by_bob, "alice")] {
        let lost = until_says(ear, name, false).await;
        assert_eq!((&lost["online"], &lost["last_seen_at"]), (&json!(false), &json!(null)), "{name}");
    }
    assert_eq!(sees(&alice, "bob").await, (false, None));
    bob.post(&format!("/api/v1/conversations/{group}/typing"), &json!({})).await.expect(204);
    let heard = by_alice.until("the end", {
        bob.say(group, "the end").await;
        |heard| matches!(heard, Heard::Event(seen) if seen.kind == "message.created")
    });
    assert!(!heard.await.iter().any(|heard| matches!(heard, Heard::Passing(_))));
    alice.remove(group, &carol).await;
    until_says(&mut by_alice, "bob", true).await;
}
