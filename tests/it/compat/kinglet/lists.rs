//! Approval lists: asking, answering, and what both do here and elsewhere.

use serde_json::{Value, json};

use super::{BASE, Bird, debug, not_logged_in, wrong, wrong_by_number};
use crate::support::{Ear, Person, SseClient};

async fn requests(bird: &Bird) -> Vec<(String, String)> {
    let found = bird.get("/lists/requests").await.expect(200);
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    let entries = found["requests"].as_array().unwrap();
    entries.iter().map(|entry| (text(entry, "user_name"), text(entry, "status"))).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn asking_approves_the_one_who_is_asked() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "ann").await, Bird::hatch(&server, "bob").await);
    let cem = Bird::hatch(&server, "cem").await;
    cem.get("/lists/request/bob").await.expect(200);
    ann.get("/lists/request/BOB").await.expect(200);
    assert_eq!(requests(&ann).await, pairs(&[("bob", "approved")]));
    assert_eq!(requests(&bob).await, pairs(&[("cem", "pending"), ("ann", "pending")]), "the oldest first");
    bob.say("@ann you asked").await;
    let refused = ann.post("/messages", &json!({"message_text": "@bob hello"})).await.expect(400);
    assert!(refused["user_message"].as_str().unwrap().contains("is still pending"), "{refused}");
    // What asking said can be taken back like any answer.
    ann.get("/lists/reject/bob").await.expect(200);
    let refused = bob.post("/messages", &json!({"message_text": "@ann hello"})).await.expect(400);
    assert!(refused["user_message"].as_str().unwrap().contains("was rejected"), "{refused}");
    let day = ann.get("/lists/requests").await.expect(200)["requests"][0]["created_date"].clone();
    assert_eq!(day.as_str().map(str::len), Some("Feb 12, 2014".len()), "{day}");
}

#[tokio::test]
async fn what_cannot_be_asked_or_answered_is_told_so() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "ann").await, Bird::hatch(&server, "bob").await);
    let unknown = ("Invalid recipient username.", "Username was not found.");
    for verb in ["request", "approve", "reject"] {
        for nobody in ["nobody", "%00", "a%20b", "deleted-user-1"] {
            wrong(&ann.get(&format!("/lists/{verb}/{nobody}")).await, 400, unknown.0, unknown.1);
        }
        assert_eq!(ann.get(&format!("/lists/{verb}/ann")).await.expect(400)["user_message"], "Invalid request.");
        not_logged_in(&server.stranger().get(&format!("{BASE}/lists/{verb}/ann")).await);
    }
    not_logged_in(&server.stranger().get(&format!("{BASE}/lists/requests")).await);
    for verb in ["approve", "reject"] {
        let answer = ann.get(&format!("/lists/{verb}/bob")).await;
        wrong(&answer, 400, "No request.", "No request was  made by the user.");
    }
    assert_eq!(requests(&bob).await, []);
}

#[tokio::test]
async fn the_first_answer_comes_as_a_message_in_kinglets_words() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "Ann").await, Bird::hatch(&server, "Bob").await);
    ann.get("/lists/request/Bob").await.expect(200);
    let now = server.stranger().get(&format!("{BASE}/time")).await.expect(200)["server_epoch_seconds"].clone();
    bob.get("/lists/approve/Ann").await.expect(200);
    bob.get("/lists/reject/Ann").await.expect(200);
    let text = "<a href=\"/user/Ann\">@Ann</a> System Message: Your request to be added to Bob&#39;s approved list has been approved.";
    assert_eq!(ann.texts("/messages").await, [text]);
    let row = &ann.rows("/messages").await[0];
    assert_eq!((&row["author_name"], &row["author_type"]), (&json!("Bob"), &json!("others")));
    assert_eq!(row["recipient_names"], "Ann Bob");
    let single = ann.message(row["message_id"].as_str().unwrap()).await;
    assert_eq!((&single["author_id"], &single["recipient_names"]), (&json!(bob.id), &json!("|Ann|Bob|")));
    let news = ann.get(&format!("/messages/since/{now}")).await.expect(200);
    assert_eq!(news["new_message_count"], 1);
    let shown = &ann.get("/messages/threads").await.expect(200)["threads"][0];
    assert_eq!(
        shown["message_text"],
        "System Message: Your request to be added to Bob&#39;s approved list has been ap ..."
    );
    // Natively it is what it always was.
    let native = ann.native(&server).await.get("/api/v1/messages").await.expect(200);
    assert_eq!(native["items"][0]["text"], "Your request to be added to Bob's contacts was approved.");
}

#[tokio::test]
async fn contacts_and_blocks_made_elsewhere_hold() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "ann").await, Bird::hatch(&server, "bob").await);
    let zoe = Person::register(&server, "zoe").await;
    let (native_ann, native_bob) = (ann.native(&server).await, bob.native(&server).await);
    // Whose inbox is for everyone need not be asked.
    ann.say("@zoe hello").await;
    zoe.post("/api/v1/messages", &json!({"to": ["ann"], "text": "hello"})).await.refused(403, "not_a_contact");
    native_bob.answer(&native_ann, "approved").await;
    ann.say("@bob hello").await;
    let mut stream = SseClient::open(server.address, &native_bob.stream()).await.unwrap();
    stream.until_control("ready").await;
    ann.get("/lists/request/bob").await.expect(200);
    let heard = stream.until_seq(native_bob.head().await).await;
    assert!(heard.iter().any(|seen| seen.kind.starts_with("contact.")), "{heard:?}");
    native_bob.block(&native_ann).await;
    let refused = ann.post("/messages", &json!({"message_text": "@bob hello"})).await;
    let says = "You cannot message 'bob' because the user has blocked you. ";
    wrong_by_number(&refused, 400, says, says);
    native_ann.block(&native_bob).await;
    let refused = bob.get("/lists/request/ann").await.expect(403);
    assert_eq!(refused["system_message"], "ann does not want to be reached by you.");
}

#[tokio::test]
async fn who_answers_sees_it_as_said_by_himself() {
    let server = debug().await;
    let (ann, bob) = (Bird::hatch(&server, "Ann").await, Bird::hatch(&server, "Bob").await);
    ann.get("/lists/request/bob").await.expect(200);
    bob.get("/lists/approve/ann").await.expect(200);
    let row = &bob.rows("/messages").await[0];
    assert_eq!((&row["author_name"], &row["author_type"]), (&json!("Bob"), &json!("you")));
    let new = async |bird: &Bird| bird.get("/messages/since/0").await.expect(200)["new_message_count"].clone();
    assert_eq!((new(&bob).await, new(&ann).await), (json!(0), json!(1)));
    // Who has asked only tells of nobody's answer.
    bob.say("@ann hello").await;
    assert_eq!((new(&bob).await, new(&ann).await), (json!(0), json!(2)));
}
