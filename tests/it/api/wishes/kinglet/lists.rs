//! Approved lists: asking to be in somebody's, being answered, and writing to whom one may.

use serde_json::{Value, json};

use super::super::{items, texts};
use crate::support::{Answer, Person, Server};

const RECEIVED: &str = "/api/v1/contacts?direction=received";

/// Two people, of whom Ann lets only those write to her whom she has approved.
async fn two(server: &Server) -> [Person; 2] {
    let [ann, jr] = Person::register_all(server, ["ann", "JR"]).await;
    ann.patch("/api/v1/me", &json!({"inbox": "contacts"})).await.expect(200);
    [ann, jr]
}

async fn request(person: &Person, name: &str) -> Answer {
    person.post("/api/v1/contacts", &json!({"username": name})).await
}

async fn say(person: &Person, name: &str, state: &str) -> Value {
    person.put(&format!("/api/v1/contacts/{name}"), &json!({"state": state})).await.expect(200)
}

async fn write(person: &Person, name: &str) -> Answer {
    person.post("/api/v1/messages", &json!({"to": [name], "text": "hello"})).await
}

#[tokio::test]
async fn who_asks_to_be_approved_approves_the_other() {
    let server = Server::start().await;
    let [ann, jr] = two(&server).await;
    jr.patch("/api/v1/me", &json!({"inbox": "contacts"})).await.expect(200);
    assert_eq!(write(&ann, "JR").await.refused(403, "not_a_contact")["state"], "none");
    assert_eq!(request(&jr, "ann").await.expect(201)["state"], "pending");
    write(&ann, "JR").await.expect(201);
    let approved = items(&jr, RECEIVED).await;
    assert_eq!((&approved[0]["user"]["username"], &approved[0]["state"]), (&json!("ann"), &json!("approved")));
    request(&jr, "nobody").await.refused(404, "not_found");
}

#[tokio::test]
async fn a_request_is_made_once_and_its_state_told() {
    let server = Server::start().await;
    let [ann, jr] = two(&server).await;
    request(&jr, "ann").await.expect(201);
    assert_eq!(request(&jr, "ann").await.refused(409, "already_requested")["state"], "pending");
    for state in ["rejected", "approved"] {
        say(&ann, "JR", state).await;
        let problem = request(&jr, "ann").await.refused(409, "already_requested");
        assert_eq!(problem["state"], state);
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(state)), "{problem}");
    }
}

#[tokio::test]
async fn the_answer_to_a_request_comes_as_a_message_of_the_system() {
    let server = Server::start().await;
    for state in ["approved", "rejected"] {
        let [ann, jr] = [format!("ann.{state}"), format!("jr.{state}")];
        let [ann, jr] = Person::register_all(&server, [&*ann, &*jr]).await;
        request(&jr, &ann.name).await.expect(201);
        say(&ann, &jr.name, state).await;
        let told = items(&jr, "/api/v1/messages?box=inbox").await;
        assert_eq!((told.len(), &told[0]["author"]), (1, &Value::Null));
        assert_eq!(told[0]["text"], format!("Your request to be added to {}'s contacts was {state}.", ann.name));
    }
}

#[tokio::test]
async fn requests_received_are_listed_with_state_and_date() {
    let server = Server::start().await;
    let [ann, jr] = two(&server).await;
    let [bob, cem] = Person::register_all(&server, ["bob", "cem"]).await;
    for person in [&jr, &bob, &cem] {
        request(person, "ann").await.expect(201);
    }
    say(&ann, "JR", "approved").await;
    say(&ann, "bob", "rejected").await;
    let listed = async |query: &str| {
        let list = items(&ann, &format!("{RECEIVED}{query}")).await;
        assert!(list.iter().all(|it| it["requested_at"].is_string()), "{list:?}");
        let mut list: Vec<String> =
            list.iter().map(|it| format!("{} {}", it["user"]["username"], it["state"])).collect();
        list.sort_unstable();
        list.join(", ").replace('"', "")
    };
    assert_eq!(listed("").await, "JR approved, bob rejected, cem pending");
    assert_eq!(listed("&state=pending").await, "cem pending");
}

#[tokio::test]
async fn only_the_approved_may_write_and_others_are_told_why_not() {
    let server = Server::start().await;
    let [ann, jr] = two(&server).await;
    assert_eq!(write(&jr, "ann").await.refused(403, "not_a_contact")["state"], "none");
    request(&jr, "ann").await.expect(201);
    let problem = write(&jr, "ann").await.refused(403, "not_a_contact");
    assert_eq!((&problem["state"], &problem["username"]), (&json!("pending"), &json!("ann")));
    say(&ann, "JR", "approved").await;
    write(&jr, "ann").await.expect(201);
    assert!(texts(&ann, "/api/v1/messages?box=inbox").await.contains(&"hello".to_owned()));
}

#[tokio::test]
async fn who_was_approved_may_be_rejected_later_and_the_other_way_round() {
    let server = Server::start().await;
    let [ann, jr] = two(&server).await;
    request(&jr, "ann").await.expect(201);
    for _ in 0..2 {
        assert_eq!(say(&ann, "JR", "approved").await["state"], "approved");
        write(&jr, "ann").await.expect(201);
        assert_eq!(say(&ann, "JR", "rejected").await["state"], "rejected");
        assert_eq!(write(&jr, "ann").await.refused(403, "not_a_contact")["state"], "rejected");
    }
}
