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
            "INSERT INTO users (id, username, username_key, bio, status, admin, created_at)
                 WITH RECURSIVE n(i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 999 + {CROWD})
                 SELECT i, 'u' || i, 'u' || i, '', 'active', FALSE, 0 FROM n;
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
    let listed = &listed["items"][0];
    assert!(listed.get("members").is_none(), "a list is a list");
    assert_eq!(listed["member_count"], CROWD + 2);
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

#[tokio::test]
async fn a_list_tells_the_members_where_they_are_few() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (room, hall) = (alice.group("room", &[&bob]).await, alice.group("hall", &[&bob]).await);
    // As many as are told, and one more.
    for (conversation, others) in [(room, 198), (hall, 199)] {
        server
            .sql(&format!(
                "INSERT INTO users (id, username, username_key, bio, status, admin, created_at)
                     WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {others})
                     SELECT {conversation} * 1000 + i, 'u{conversation}-' || i, 'u{conversation}-' || i, '', 'active', FALSE, 0
                     FROM n;
                 INSERT INTO stays (conversation_id, user_id, joined_seq, role)
                     SELECT {conversation}, id, 1, 'member' FROM users
                     WHERE id BETWEEN {conversation} * 1000 AND {conversation} * 1000 + 999;"
            ))
            .await;
    }
    let list = bob.get("/api/v1/conversations").await.expect(200);
    let told: Vec<(u64, Option<usize>)> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["member_count"].as_u64().unwrap(), item["members"].as_array().map(Vec::len)))
        .collect();
    assert_eq!(told, [(201, None), (200, Some(200))]);
    let hall = bob.get(&format!("/api/v1/conversations/{hall}")).await.expect(200);
    assert_eq!((hall["member_count"].as_u64(), hall["members"].as_array().map(Vec::len)), (Some(201), Some(201)));
}
