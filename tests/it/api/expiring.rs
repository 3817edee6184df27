//! What is older than messages are kept: it is gone from everywhere, and everything that counts or lists it stays right.

use serde_json::{Value, json};

use crate::support::{Person, Server, eventually, seconds};

/// So long that nothing runs out by itself while the test looks at it, and so short that it is looked for often.
const KEPT: &str = "100s";

/// Makes all messages through this one older than any are kept, and waits until they are gone.
async fn run_out(server: &Server, witness: &Person, through: &Value) {
    server.sql(&format!("UPDATE messages SET created_at = 0 WHERE id <= {through}")).await;
    eventually(seconds(60), "messages to run out", async || {
        let gone = server.count("clock", &format!("first_message > {through}")).await;
        (gone == 1).then_some(())
    })
    .await;
    witness.get(&format!("/api/v1/messages/{through}")).await.refused(404, "not_found");
}

async fn reply(person: &Person, room: u64, root: &Value, text: &str) -> Value {
    let body = json!({"conversation_id": room, "text": text, "thread_id": root["id"]});
    person.post("/api/v1/messages", &body).await.expect(201)
}

fn ids(list: &Value) -> Vec<u64> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn what_has_run_out_is_gone_from_everywhere_and_the_rest_stays_right() {
    let server = Server::options().set("--message-retention", KEPT).start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (group, direct) = (alice.group("the group", &[&bob]).await, alice.direct(&[&bob]).await);
    let start = bob.head().await;

    let first = alice.say(group, "xylophone for @bob").await;
    reply(&bob, group, &first, "xylophone, a reply that is as old").await;
    let living = alice.say(group, "xylophone, the root of a thread that lives on").await;
    let hidden = alice.say(group, "xylophone that bob hides").await;
    bob.delete(&format!("/api/v1/messages/{}?for=me", hidden["id"])).await.expect(204);
    let edited = alice.say(group, "xylophone").await;
    alice
        .patch(&format!("/api/v1/messages/{}", edited["id"]), &json!({"text": "xylophone anew @bob"}))
        .await
        .expect(200);
    let deleted = alice.say(group, "xylophone that alice deletes").await;
    alice.delete(&format!("/api/v1/messages/{}", deleted["id"])).await.expect(204);
    bob.read(group, &first).await.expect(200);
    let named = json!({"conversation_id": direct, "text": "xylophone", "client_id": "once"});
    let last = alice.post("/api/v1/messages", &named).await.expect(201);
    assert_eq!((bob.unread(group).await.0, bob.unread(direct).await.0), (2, 1));

    let young = reply(&bob, group, &living, "a young reply").await;
    run_out(&server, &bob, &last["id"]).await;

    // The root of the thread that lives on is a tombstone, and nothing else is left.
    let tomb = bob.get(&format!("/api/v1/messages/{}", living["id"])).await.expect(200);
    assert!(tomb["text"] == "" && tomb["deleted_at"].is_string(), "{tomb}");
    for gone in [&first, &hidden, &edited, &deleted, &last] {
        let path = format!("/api/v1/messages/{}", gone["id"]);
        bob.get(&path).await.refused(404, "not_found");
        alice.patch(&path, &json!({"text": "anew"})).await.refused(404, "not_found");
        alice.delete(&path).await.refused(404, "not_found");
    }
    let both = [young["id"].as_u64().unwrap(), living["id"].as_u64().unwrap()];
    let list = bob.get(&format!("/api/v1/conversations/{group}/messages")).await.expect(200);
    assert_eq!(ids(&list), both);
    assert_eq!(ids(&bob.get("/api/v1/messages").await.expect(200)), both);
    let threads = bob.get("/api/v1/threads").await.expect(200);
    assert_eq!(threads["items"].as_array().unwrap().len(), 1, "{threads}");
    assert_eq!((&threads["items"][0]["root"]["id"], &threads["items"][0]["reply_count"]), (&living["id"], &json!(1)));
    assert_eq!(ids(&bob.get("/api/v1/mentions").await.expect(200)), [0; 0]);
    assert_eq!(ids(&bob.get("/api/v1/messages?text=xylophone").await.expect(200)), [0; 0]);
    let conversations = bob.get("/api/v1/conversations").await.expect(200);
    let of_direct = conversations["items"].as_array().unwrap().iter().find(|item| item["id"] == direct).unwrap();
    assert!(of_direct["last_message"].is_null() && of_direct["unread"] == 0, "{of_direct}");
    assert_eq!(
        (conversations["items"][0]["id"].as_u64(), &conversations["items"][0]["last_message"]["id"]),
        (Some(group), &young["id"])
    );
    assert_eq!(conversations["items"][0]["mention_count"], 0);
    // A position may point to what is gone.
    assert_eq!(bob.unread(group).await, (0, first["id"].as_u64()));
    bob.read(group, &edited).await.refused(404, "not_found");
    assert_eq!(alice.unread(group).await.0, 1, "the young reply");

    // A name for a retry is kept as long as its message.
    let again = json!({"conversation_id": direct, "text": "something else", "client_id": "once"});
    let anew = alice.post("/api/v1/messages", &again).await.expect(201);
    assert!(anew["id"].as_u64() > last["id"].as_u64(), "no number comes twice");

    // Everybody in both heard of it, and who comes later is shown the places without their texts.
    let events = bob.events_after(start).await;
    let expired: Vec<&Value> =
        events.iter().filter(|(kind, _)| kind == "messages.expired").map(|(_, data)| &data["up_to"]).collect();
    assert_eq!(expired, [&last["id"]; 2]);
    let shown = events.iter().filter(|(kind, _)| kind == "message.created" || kind == "message.updated");
    assert_eq!(shown.clone().count(), 10);
    assert_eq!(shown.filter(|(_, data)| data["text"] != "").count(), 2, "the young reply, and the one after");
    eventually(seconds(10), "no copy to be left", async || {
        server.places_with("xylophone").await.is_empty().then_some(())
    })
    .await;
    for table in ["hidden", "mentions"] {
        assert_eq!(server.count(table, "1 = 1").await, 0, "{table}");
    }
    assert_eq!(server.count("message_words", "1 = 1").await, 2);
    assert_eq!(server.count("threads", &format!("thread_id <> {}", living["id"])).await, 0);

    // With its last reply the root goes too.
    run_out(&server, &bob, &young["id"]).await;
    bob.get(&format!("/api/v1/messages/{}", living["id"])).await.refused(404, "not_found");
    assert_eq!(server.count("messages", &format!("id <= {}", young["id"])).await, 0);
    assert_eq!(server.count("threads", "1 = 1").await, 0);
    let body = json!({"conversation_id": group, "text": "too late", "thread_id": living["id"]});
    bob.post("/api/v1/messages", &body).await.refused(404, "not_found");
}

#[tokio::test]
async fn what_somebody_does_to_a_message_that_runs_out_meanwhile_brings_nothing_back() {
    const MANY: usize = 120;
    let server = Server::options().set("--message-retention", "1s").start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    // As quickly as they come they are edited, answered, deleted and hidden, while the oldest run out.
    let each = |number: usize| {
        let (alice, bob) = (alice.clone(), bob.clone());
        async move {
            let said = alice.say(direct, &format!("xylophone {number} for @bob")).await;
            let path = format!("/api/v1/messages/{}", said["id"]);
            let mut alive = true;
            while alive {
                let answer = match number % 4 {
                    0 => alice.patch(&path, &json!({"text": format!("xylophone {number} anew")})).await,
                    1 => {
                        let body = json!({"conversation_id": direct, "text": "xylophone", "thread_id": said["id"]});
                        let answer = bob.post("/api/v1/messages", &body).await;
                        // One reply is enough, or its root would live on.
                        alive = false;
                        answer
                    }
                    2 => bob.delete(&format!("{path}?for=me")).await,
                    _ => bob.post("/api/v1/messages/delete", &json!({"ids": [said["id"]], "for": "me"})).await,
                };
                assert!(matches!(answer.status, 200 | 201 | 204 | 404), "{}", answer.describe());
                let lost =
                    answer.status == 200 && answer.json()["not_found"].as_array().is_some_and(|it| !it.is_empty());
                alive &= answer.status != 404 && !lost;
            }
        }
    };
    futures_util::future::join_all((0..MANY).map(each)).await;
    eventually(seconds(30), "all to run out", async || server.places_with("xylophone").await.is_empty().then_some(()))
        .await;
    for table in ["messages", "message_words", "mentions", "threads", "hidden"] {
        assert_eq!(server.count(table, "1 = 1").await, 0, "{table}");
    }
}
