//! Deleting messages: by whom, for whom, and what is left.

use serde_json::{Value, json};

use crate::support::{Answer, Ear, Person, Server, SseClient, WsClient, eventually, seconds};

/// Where a message is.
pub(super) fn path(message: &Value) -> String {
    format!("/api/v1/messages/{}", message["id"])
}

/// The texts of a list, in its order.
pub(super) fn texts(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect()
}

pub(super) async fn history(person: &Person, conversation: u64) -> Value {
    person.get(&format!("/api/v1/conversations/{conversation}/messages")).await.expect(200)
}

#[tokio::test]
async fn of_what_is_deleted_for_all_nothing_is_left_but_that_it_was() {
    const SECRET: &str = "xylophone";
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let start = bob.head().await;
    let body = json!({"conversation_id": direct, "text": format!("{SECRET} @bob"), "client_id": "c1"});
    let said = alice.post("/api/v1/messages", &body).await.expect(201);
    assert_eq!(said["mentions"][0]["username"], "bob");
    alice.patch(&path(&said), &json!({"text": format!("{SECRET} again @bob")})).await.expect(200);
    alice.patch(&path(&said), &json!({"text": format!("{SECRET} and again @bob")})).await.expect(200);
    let kept = alice.say(direct, "something else").await;
    let mut everywhere = vec!["events.data", "message_words.words", "messages.text"];
    if server.database().file().is_some() {
        // The index of a database server is no table that one could look into.
        everywhere.extend(["message_words_index.words", "message_words_index_data.block"]);
        everywhere.sort_unstable();
    }
    assert_eq!(server.places_with(SECRET).await, everywhere, "where it is, the scan finds it");
    let mut live = SseClient::open(server.address, &bob.stream()).await.unwrap();
    live.until_control("ready").await;

    alice.delete(&path(&said)).await.expect(204);
    assert_eq!(server.places_with(SECRET).await, [""; 0]);
    let tombstone = bob.get(&path(&said)).await.expect(200);
    assert_eq!((&tombstone["text"], &tombstone["mentions"]), (&json!(""), &json!([])));
    assert_eq!((&tombstone["author"], &tombstone["created_at"]), (&said["author"], &said["created_at"]));
    assert!(tombstone["deleted_at"].is_string(), "{tombstone}");
    let heard = live.until_seq(bob.head().await).await.pop().unwrap();
    let expected =
        json!({"id": said["id"], "conversation_id": direct, "thread_id": null, "deleted_at": tombstone["deleted_at"]});
    assert_eq!((heard.kind.as_str(), heard.data()), ("message.deleted", expected));
    assert_eq!(bob.get("/api/v1/mentions").await.expect(200)["items"], json!([]));
    assert_eq!(texts(&history(&bob, direct).await), ["something else", ""]);

    for round in 0..2 {
        let mut replay = SseClient::open(server.address, &bob.stream().after(start)).await.unwrap();
        let heard = replay.until_seq(bob.head().await).await;
        let kinds: Vec<&str> = heard.iter().map(|seen| seen.kind.as_str()).collect();
        let expected = ["message.created", "message.updated", "message.updated", "message.created", "message.deleted"];
        assert_eq!(kinds, expected, "the line has no gap");
        for seen in heard.iter().filter(|seen| seen.data()["id"] == said["id"]) {
            assert!(!seen.raw.contains(SECRET), "{seen:?}");
            assert_eq!(seen.data()["deleted_at"], tombstone["deleted_at"]);
        }
        assert_eq!(heard[3].data()["text"], kept["text"]);
        let again = alice.post("/api/v1/messages", &body).await.expect(200);
        assert_eq!((&again["id"], &again["text"]), (&said["id"], &json!("")), "a retry gives the tombstone");
        alice.delete(&path(&said)).await.expect(204);
        assert_eq!(heard.last().unwrap().seq, bob.head().await, "deleting it again changes nothing");
        if round == 0 {
            server.kill().await;
            server.restart().await;
        }
    }
    assert_eq!(server.places_with(SECRET).await, [""; 0]);
    server.events_on_disk().await.assert_dense();
}

/// What the file of the embedded database holds.
mod embedded {
    use super::*;

    #[tokio::test]
    async fn once_the_server_has_stopped_its_file_holds_no_byte_of_what_was_deleted() {
        let mut server = Server::start().await;
        let alice = Person::register(&server, "alice").await;
        let notes = alice.direct(&[&alice]).await;
        let stays = alice.say(notes, "glockenspiel").await;
        for length in [10, 9_000] {
            let said = alice.say(notes, &format!("xylophone {}", "and so on ".repeat(length / 10))).await;
            alice.patch(&path(&said), &json!({"text": "a xylophone"})).await.expect(200);
            alice.delete(&path(&said)).await.expect(204);
        }
        assert_eq!(alice.get(&path(&stays)).await.expect(200)["text"], "glockenspiel");
        assert!(server.terminate(seconds(20)).await.success());
        let bytes = std::fs::read(server.data_dir().join("goldcrest.db")).unwrap();
        let holds = |word: &str| bytes.windows(word.len()).any(|window| window == word.as_bytes());
        assert!(holds("glockenspiel") && !holds("xylophone") && !holds("and so on"));
        assert!(!server.data_dir().join("goldcrest.db-wal").exists(), "all is folded into the one file");
    }

    #[tokio::test]
    async fn soon_after_a_deletion_the_files_of_a_running_server_hold_no_byte_of_it() {
        let server = Server::start().await;
        let alice = Person::register(&server, "alice").await;
        let notes = alice.direct(&[&alice]).await;
        let said = alice.say(notes, "xylophone").await;
        let holds = || {
            ["goldcrest.db", "goldcrest.db-wal"].into_iter().any(|file| {
                let bytes = std::fs::read(server.data_dir().join(file)).unwrap();
                bytes.windows(9).any(|window| window == b"xylophone")
            })
        };
        assert!(holds());
        alice.delete(&path(&said)).await.expect(204);
        eventually(seconds(10), "the log to forget it", async || (!holds()).then_some(())).await;
        // Much in a row is not each emptied at once, but soon.
        for _ in 0..3 {
            let said = alice.say(notes, "xylophone").await;
            alice.delete(&path(&said)).await.expect(204);
        }
        eventually(seconds(10), "the log to forget all of it", async || (!holds()).then_some(())).await;
    }
}

#[tokio::test]
async fn deleting_what_another_wrote_hides_it_from_oneself() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let elsewhere = bob.login(&server).await;
    alice.say(direct, "first").await;
    let said = alice.say(direct, "unwanted").await;
    let mut streams = [
        SseClient::open(server.address, &elsewhere.stream()).await.unwrap(),
        SseClient::open(server.address, &alice.stream()).await.unwrap(),
    ];
    bob.delete(&path(&said)).await.expect(204);
    let end = bob.say(direct, "end").await;
    let heard = streams[0].until_text("end").await;
    assert_eq!(heard[0].kind, "message.hidden");
    assert_eq!(heard[0].data(), json!({"id": said["id"], "conversation_id": direct}));
    assert_eq!(streams[1].until_text("end").await.len(), 1, "nobody else hears of it");

    assert_eq!(texts(&history(&bob, direct).await), ["end", "first"]);
    assert_eq!(texts(&history(&alice, direct).await), ["end", "unwanted", "first"]);
    assert_eq!(texts(&bob.get("/api/v1/messages?box=inbox").await.expect(200)), ["first"]);
    bob.get(&path(&said)).await.refused(404, "not_found");
    assert_eq!(alice.get(&path(&said)).await.expect(200)["text"], "unwanted");
    bob.delete(&path(&end)).await.expect(204);
    let last = |list: Value| list["items"][0]["last_message"]["text"].as_str().unwrap().to_owned();
    bob.delete(&format!("{}?for=me", path(&end))).await.expect(204);
    assert_eq!(last(bob.get("/api/v1/conversations").await.expect(200)), "first", "the newest that he sees");
    assert_eq!(last(alice.get("/api/v1/conversations").await.expect(200)), "");
    let head = bob.head().await;
    bob.delete(&path(&said)).await.expect(204);
    assert_eq!(bob.head().await, head, "it is hidden already");
    bob.delete(&format!("{}?for=all", path(&said))).await.refused(403, "not_author");
    bob.delete(&format!("{}?for=nobody", path(&said))).await.refused(400, "malformed_request");
}

#[tokio::test]
async fn many_are_deleted_as_one_change() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let direct = alice.direct(&[&bob]).await;
    let mut ids = Vec::new();
    for number in 0..6 {
        let person = if number % 2 == 0 { &alice } else { &bob };
        ids.push(person.say(direct, &format!("text {number}")).await["id"].clone());
    }
    let private = bob.say(bob.direct(&[&carol]).await, "none of alice's business").await["id"].clone();
    let start = alice.head().await;
    let asked = json!({"ids": [ids[0], ids[1], ids[2], ids[2], private, 999]});
    let done = alice.post("/api/v1/messages/delete", &asked).await.expect(200);
    let expected =
        json!({"deleted": [ids[0], ids[2]], "hidden": [ids[1]], "not_allowed": [], "not_found": [private, 999]});
    assert_eq!(done, expected);
    let again = alice.post("/api/v1/messages/delete", &asked).await.expect(200);
    assert_eq!((again, alice.head().await), (expected, start + 3));
    let all = json!({"op": "delete", "ref": 1, "ids": [ids[3], ids[4]], "for": "all"});
    let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    let reply = websocket.ask(&all, &mut Vec::new()).await;
    let expected = json!({"deleted": [ids[4]], "hidden": [], "not_allowed": [ids[3]], "not_found": []});
    assert_eq!(reply["result"], expected, "{reply}");
    assert_eq!(texts(&history(&alice, direct).await), ["text 5", "", "text 3", "", ""]);
    assert_eq!(texts(&history(&bob, direct).await), ["text 5", "", "text 3", "", "text 1", ""]);
    let edit = json!({"op": "edit", "ref": 2, "id": ids[4], "text": "x"});
    assert_eq!(websocket.ask(&edit, &mut Vec::new()).await["error"]["code"], "message_deleted");
    let mut of_bob = WsClient::open(server.address, &bob.stream()).await.unwrap();
    let edit = json!({"op": "edit", "ref": 3, "id": ids[5], "text": "five"});
    assert_eq!(of_bob.ask(&edit, &mut Vec::new()).await["result"]["text"], "five");

    for wrong in [json!([]), json!((1..=501).collect::<Vec<_>>()), json!(["a"])] {
        let answer = alice.post("/api/v1/messages/delete", &json!({"ids": wrong})).await;
        assert!(answer.refused(422, "invalid")["field"].as_str().unwrap().starts_with("ids"), "{}", answer.describe());
    }
    let many = json!({"ids": (1..=500).collect::<Vec<_>>(), "for": "me"});
    assert_eq!(bob.post("/api/v1/messages/delete", &many).await.expect(200)["hidden"].as_array().unwrap().len(), 7);
    by_ticket_nothing_is_deleted(&server, &alice).await;
}

async fn by_ticket_nothing_is_deleted(server: &Server, alice: &Person) {
    let mut websocket = WsClient::open(server.address, &alice.stream_by_ticket().await).await.unwrap();
    for operation in
        [json!({"op": "delete", "ref": 1, "ids": [1]}), json!({"op": "edit", "ref": 1, "id": 1, "text": "x"})]
    {
        assert_eq!(websocket.ask(&operation, &mut Vec::new()).await["error"]["code"], "insufficient_scope");
    }
}

#[tokio::test]
async fn owners_and_administrators_delete_what_others_wrote() {
    let server = Server::start().await;
    server.command_with_input(&["user", "add", "root", "--admin", "--password-stdin"], "a good password").await;
    let login = json!({"username": "root", "password": "a good password"});
    let stranger = server.stranger();
    let root = Person::from_login(&stranger, "", &stranger.post("/api/v1/sessions", &login).await.expect(201));
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let (channel, group) = (alice.channel("news").await, alice.group("group", &[&bob, &carol]).await);
    bob.join(channel).await;
    carol.join(channel).await;
    let of_bob = async |place: u64| format!("{}?for=all", path(&bob.say(place, "rude").await));

    carol.delete(&of_bob(channel).await).await.refused(403, "not_author");
    carol.delete(&of_bob(group).await).await.refused(403, "not_author");
    root.delete(&of_bob(group).await).await.refused(404, "not_found");
    let direct = alice.direct(&[&bob]).await;
    alice.delete(&of_bob(direct).await).await.refused(403, "not_author");
    for (place, person) in [(channel, &alice), (group, &alice), (channel, &root)] {
        let start = bob.head().await;
        let message = of_bob(place).await;
        person.delete(&message).await.expect(204);
        let tombstone = bob.get(message.strip_suffix("?for=all").unwrap()).await.expect(200);
        assert_eq!((&tombstone["text"], &tombstone["author"]["username"]), (&json!(""), &json!("bob")));
        let mut replay = SseClient::open(server.address, &bob.stream().after(start)).await.unwrap();
        let kinds: Vec<String> = replay.until_seq(bob.head().await).await.into_iter().map(|seen| seen.kind).collect();
        assert_eq!(kinds, ["message.created", "message.deleted"]);
    }
}

#[tokio::test]
async fn a_key_deletes_and_edits_only_what_its_user_wrote_and_where_it_may_send() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (direct, group) = (alice.direct(&[&bob]).await, alice.group("group", &[&bob]).await);
    let key = async |body: Value| {
        let key = alice.post("/api/v1/keys", &body).await.expect(201);
        server.stranger().with_bearer(key["key"].as_str().or(key["token"].as_str()).or(key["secret"].as_str()).unwrap())
    };
    let reading = key(json!({"name": "reads", "scopes": ["read"]})).await;
    let sending = key(json!({"name": "sends", "scopes": ["send"], "conversation_id": group})).await;
    let (own, elsewhere) = (alice.say(group, "own").await, alice.say(direct, "elsewhere").await);
    let of_bob = bob.say(group, "bob's").await;
    reading.delete(&path(&own)).await.refused(403, "insufficient_scope");
    reading.patch(&path(&own), &json!({"text": "x"})).await.refused(403, "insufficient_scope");
    sending.delete(&path(&elsewhere)).await.refused(404, "not_found");
    sending.patch(&path(&elsewhere), &json!({"text": "x"})).await.refused(404, "not_found");
    for query in ["", "?for=all", "?for=me"] {
        sending.delete(&format!("{}{query}", path(&of_bob))).await.refused(403, "not_author");
    }
    sending.patch(&path(&own), &json!({"text": "changed"})).await.expect(200);
    sending.delete(&path(&own)).await.expect(204);
    assert_eq!(texts(&history(&alice, group).await), ["bob's", ""]);
}

#[tokio::test]
async fn who_has_left_may_still_delete_what_he_wrote_but_not_what_he_never_saw() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("group", &[&bob]).await;
    let said = bob.say(group, "regretted").await;
    bob.leave(group).await;
    let later = alice.say(group, "about bob").await;
    bob.delete(&path(&later)).await.refused(404, "not_found");
    bob.delete(&path(&said)).await.expect(204);
    assert_eq!(texts(&history(&alice, group).await), ["about bob", ""]);
}

#[tokio::test]
async fn what_somebody_cannot_see_is_not_found_without_waiting_for_the_clock() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let mut ids = Vec::new();
    for number in 0..5 {
        let group = alice.group(&format!("group {number}"), &[&bob]).await;
        ids.push(alice.say(group, "not for carol").await["id"].clone());
    }
    ids.push(json!(999));
    let held = server.hold_the_clock().await;
    for audience in [json!(null), json!("all"), json!("me")] {
        let done = carol.post("/api/v1/messages/delete", &json!({"ids": ids, "for": audience})).await.expect(200);
        assert_eq!(done, json!({"deleted": [], "hidden": [], "not_allowed": [], "not_found": ids}));
    }
    carol.delete(&format!("/api/v1/messages/{}", ids[0])).await.refused(404, "not_found");
    held.rollback().await.unwrap();
    let done = bob.post("/api/v1/messages/delete", &json!({"ids": ids})).await.expect(200);
    assert_eq!((&done["hidden"], &done["not_found"]), (&json!(ids[..5]), &json!([999])));
}

#[tokio::test]
async fn who_deletes_too_much_is_slowed_down() {
    let server = Server::options().set("--rate-limits", "on").start().await;
    let alice = Person::register(&server, "alice").await;
    let mut socket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    socket.until_control("ready").await;
    let delete = json!({"op": "delete", "ref": 1, "ids": [999]});
    let mut times = 0;
    while socket.ask(&delete, &mut Vec::new()).await["error"]["code"] != "too_many_requests" {
        times += 1;
        assert!(times < 1_000, "so much deleting was let through");
    }
    assert!(times >= 100, "who deletes fast may: {times}");
    is_refused_soon(async || alice.delete("/api/v1/messages/999").await).await;
    is_refused_soon(async || alice.post("/api/v1/messages/delete", &json!({"ids": [999]})).await).await;
    for path in ["/api/v1/contacts/bob", "/api/v1/blocks/bob"] {
        is_refused_soon(async || alice.put(path, &json!({"state": "approved"})).await).await;
        is_refused_soon(async || alice.delete(path).await).await;
    }
}

/// Asks for something that too much was asked for, of which a little more may be asked for after each moment.
async fn is_refused_soon(ask: impl AsyncFn() -> Answer) {
    for _ in 0..50 {
        let answer = ask().await;
        if answer.status == 429 {
            answer.refused(429, "too_many_requests");
            return;
        }
    }
    panic!("much more of it is let through");
}
