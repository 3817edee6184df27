//! Simple HTTP Chat: users, chats of any number of them, messages, and two sorted lists.

use serde_json::{Value, json};

use super::items;
use crate::support::{Person, Server};

fn ids(items: &[Value]) -> Vec<u64> {
    items.iter().map(|item| item["id"].as_u64().expect("a number")).collect()
}

#[tokio::test]
async fn a_user_is_added_and_has_a_number_a_name_and_a_beginning() {
    let server = Server::start().await;
    let body = json!({"username": "user_1", "password": "long enough"});
    let added = server.stranger().post("/api/v1/users", &body).await.expect(201);
    let reader = Person::register(&server, "reader").await;
    let user = reader.get(&format!("/api/v1/users/by-id/{}", added["user"]["id"])).await.expect(200);
    assert_eq!((&user["id"], &user["username"]), (&added["user"]["id"], &json!("user_1")));
    assert!(user["created_at"].is_string(), "{user}");
    server.stranger().post("/api/v1/users", &body).await.refused(409, "username_taken");
}

#[tokio::test]
async fn a_chat_is_made_of_any_number_of_users() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let mut others = Vec::new();
    for number in 0..10 {
        let name = format!("user{number}");
        server.command_with_input(&["user", "add", &name, "--password-stdin"], "long enough").await;
        others.push(name);
    }
    let body = json!({"kind": "group", "name": "chat_1", "members": others});
    let chat = ann.post("/api/v1/conversations", &body).await.expect(201);
    let chat = ann.get(&format!("/api/v1/conversations/{}", chat["id"])).await.expect(200);
    let members: Vec<&str> = chat["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["user"]["username"].as_str().unwrap_or_default())
        .collect();
    assert_eq!((chat["name"].as_str(), members.len()), (Some("chat_1"), 11), "{chat}");
    assert!(others.iter().all(|name| members.contains(&name.as_str())) && members.contains(&"ann"), "{members:?}");
    assert!(chat["created_at"].is_string());
    let unknown = json!({"kind": "group", "name": "chat_2", "members": ["nobody"]});
    assert_eq!(ann.post("/api/v1/conversations", &unknown).await.refused(404, "not_found")["unknown"][0], "nobody");
}

#[tokio::test]
async fn a_chat_that_all_can_find_has_a_name_of_its_own() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let channel = json!({"kind": "channel", "name": "chat_1", "members": ["ben"]});
    ann.post("/api/v1/conversations", &channel).await.expect(201);
    ben.post("/api/v1/conversations", &channel).await.refused(409, "channel_name_taken");
}

#[tokio::test]
async fn a_member_sends_into_a_chat() {
    let server = Server::start().await;
    let [ann, ben, eve] = Person::register_all(&server, ["ann", "ben", "eve"]).await;
    let chat = ann.group("chat_1", &[&ben]).await;
    let body = json!({"conversation_id": chat, "text": "hi"});
    let sent = ben.post("/api/v1/messages", &body).await.expect(201);
    assert_eq!((&sent["conversation_id"], &sent["author"]["id"]), (&json!(chat), &json!(ben.id)));
    assert!(sent["id"].is_u64() && sent["text"] == "hi" && sent["created_at"].is_string(), "{sent}");
    eve.post("/api/v1/messages", &body).await.refused(404, "not_found");
    ben.post("/api/v1/messages", &json!({"conversation_id": 999, "text": "hi"})).await.refused(404, "not_found");
}

#[tokio::test]
async fn chats_come_by_their_last_message() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let (first, second) = (ann.group("first", &[&ben]).await, ben.group("second", &[&ann]).await);
    let (third, _) = (ann.direct(&[&ben]).await, ben.group("without ann", &[]).await);
    for (person, chat) in [(&ann, third), (&ben, second), (&ann, first), (&ben, third)] {
        person.say(chat, "hi").await;
    }
    assert_eq!(ids(&items(&ann, "/api/v1/conversations").await), [third, first, second]);
    let last = ben.say(second, "the last").await;
    let chats = items(&ann, "/api/v1/conversations").await;
    assert_eq!(ids(&chats), [second, third, first]);
    assert_eq!(chats[0]["last_message"], last);
    assert_eq!((chats[0]["name"].as_str(), chats[0]["members"].as_array().map(Vec::len)), (Some("second"), Some(2)));
    let page = ann.get("/api/v1/conversations?limit=2").await.expect(200);
    let rest = format!("/api/v1/conversations?limit=2&cursor={}", page["next"].as_str().unwrap());
    assert_eq!(ids(&items(&ann, &rest).await), [first]);
}

#[tokio::test]
async fn the_messages_of_a_chat_come_oldest_first() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let chat = ann.group("chat_1", &[&ben]).await;
    let other = ann.direct(&[&ben]).await;
    let mut said = Vec::new();
    for number in 0..6 {
        let person = if number % 2 == 0 { &ann } else { &ben };
        said.push(person.say(chat, &number.to_string()).await["id"].as_u64().unwrap());
        person.say(other, "elsewhere").await;
    }
    let path = format!("/api/v1/conversations/{chat}/messages");
    let all = items(&ben, &format!("{path}?after=0")).await;
    assert_eq!(ids(&all), said);
    assert!(all.iter().all(|it| it["conversation_id"] == chat && it["author"]["id"].is_u64()), "{all:?}");
    ben.get("/api/v1/conversations/999/messages").await.refused(404, "not_found");
}
