//! A conversation with more people in it than a statement of the database takes values.

use serde_json::json;

use crate::support::{Ear, Person, Server, SseClient, seconds};

/// `SQLite` takes 32,766 values.
const CROWD: usize = 33_000;

#[tokio::test]
async fn a_conversation_of_very_many_people_is_a_conversation() {
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let channel = alice.channel("everybody").await;
    bob.join(channel).await;
    let joined = bob.head().await;
    server.terminate(seconds(10)).await;
    // To let them all register and join would take minutes.
    server
        .sql(&format!(
            "WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 999 + {CROWD})
                 INSERT INTO users (id, username, username_key, bio, status, admin, created_at)
                 SELECT i, 'u' || i, 'u' || i, '', 'active', 0, 0 FROM n;
             INSERT INTO stays (conversation_id, user_id, joined_seq, role)
                 SELECT {channel}, id, {joined}, 'member' FROM users WHERE id >= 1000;
             UPDATE clock SET last_user = 999 + {CROWD};"
        ))
        .await;
    server.restart().await;

    let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
    stream.until_control("ready").await;
    let everybody = format!("/api/v1/conversations/{channel}");
    let members = |conversation: &serde_json::Value| conversation["members"].as_array().unwrap().len();
    assert_eq!(members(&alice.get(&everybody).await.expect(200)), CROWD + 2);
    let listed = alice.get("/api/v1/conversations").await.expect(200);
    assert_eq!(members(&listed["items"][0]), CROWD + 2);
    alice.say(channel, "hello, everybody").await;
    stream.until_text("hello, everybody").await;
    let read = bob.get(&format!("{everybody}/messages")).await.expect(200);
    assert_eq!(read["items"][0]["text"], "hello, everybody");

    let carol = Person::register(&server, "carol").await;
    carol.join(channel).await;
    alice.patch(&format!("{everybody}/members/carol"), &json!({"role": "owner"})).await.expect(200);
    alice.remove(channel, &bob).await;
    alice.leave(channel).await;
    let now = carol.get(&everybody).await.expect(200);
    assert_eq!(members(&now), CROWD + 1);
}
