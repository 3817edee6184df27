//! Finding messages by the words in them.

use serde_json::{Value, json};

use crate::support::{Person, Server};

async fn found(person: &Person, query: &str) -> Vec<Value> {
    let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("text", query).finish();
    person.get(&format!("/api/v1/messages?{query}")).await.expect(200)["items"].as_array().unwrap().clone()
}

async fn texts(person: &Person, query: &str) -> Vec<String> {
    found(person, query).await.iter().map(|item| item["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn words_are_found_in_what_one_may_read() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    let ours = ann.direct(&[&ben]).await;
    for text in ["A goldcrest in the CAFÉ", "gold and crest", "黒猫が好き", "said: 'foo-bar', foo bar"] {
        ann.say(ours, text).await;
    }
    tom.say(tom.direct(&[&tom]).await, "a goldcrest of Tom's").await;
    for person in [&ann, &ben] {
        assert_eq!(texts(person, "goldcrest").await, ["A goldcrest in the CAFÉ"]);
        assert_eq!(texts(person, "cafe GOLDCREST").await, ["A goldcrest in the CAFÉ"]);
        assert_eq!(texts(person, "gold*").await, ["gold and crest", "A goldcrest in the CAFÉ"]);
        assert_eq!(texts(person, "\"and crest\"").await, ["gold and crest"]);
        assert_eq!(texts(person, "\"crest and\"").await, [""; 0]);
        assert_eq!(texts(person, "黒猫").await, ["黒猫が好き"]);
        assert_eq!(texts(person, "猫").await, ["黒猫が好き"]);
        assert_eq!(texts(person, "foo-bar").await, ["said: 'foo-bar', foo bar"]);
        assert_eq!(texts(person, "nothing").await, [""; 0]);
    }
    assert_eq!(texts(&tom, "goldcrest").await, ["a goldcrest of Tom's"]);
    let snippet = found(&ann, "goldcrest").await[0]["snippet"].clone();
    let part = |text: &str, hit: bool| json!({"text": text, "hit": hit});
    assert_eq!(snippet, json!([part("A ", false), part("goldcrest", true), part(" in the CAFÉ", false)]));
    let list = ann.get("/api/v1/messages").await.expect(200);
    assert!(list["items"][0].get("snippet").is_none(), "nothing was looked for: {list}");
}

#[tokio::test]
async fn words_go_together_with_every_other_condition() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let (pair, group) = (ann.direct(&[&ben]).await, ann.group("group", &[&ben]).await);
    let root = ann.say(pair, "needle one").await;
    ben.say(pair, "needle two").await;
    ann.say(group, "needle three").await;
    let reply = json!({"conversation_id": pair, "text": "needle four", "thread_id": root["id"]});
    ben.post("/api/v1/messages", &reply).await.expect(201);
    let list = async |query: &str| -> Vec<String> {
        let list = ann.get(&format!("/api/v1/messages?text=needle&{query}")).await.expect(200);
        list["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap()[7..].to_owned()).collect()
    };
    assert_eq!(list("").await, ["four", "three", "two", "one"]);
    assert_eq!(list("after=0").await, ["one", "two", "three", "four"]);
    assert_eq!(list("sender=ben").await, ["four", "two"]);
    assert_eq!(list("box=sent").await, ["three", "one"]);
    assert_eq!(list("recipient=ben").await, ["one"]);
    assert_eq!(list("unread=true").await, ["four", "two"]);
    assert_eq!(list(&format!("conversation_id={group}")).await, ["three"]);
    assert_eq!(list(&format!("thread_id={}", root["id"])).await, ["four"]);
    assert_eq!(list("limit=1").await, ["four"]);
    assert_eq!(list(&format!("before={}", root["id"])).await, [""; 0]);
    assert_eq!(list("until=2020-01-01T00:00:00Z").await, [""; 0]);
}

#[tokio::test]
async fn what_one_may_not_see_is_not_found() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    let group = ann.group("group", &[&ben]).await;
    ann.say(group, "needle before").await;
    ann.add(group, &tom).await;
    ann.say(group, "needle while").await;
    tom.leave(group).await;
    ann.say(group, "needle after").await;
    assert_eq!(texts(&tom, "needle").await, ["needle while"]);
    let hidden = ann.say(group, "needle hidden").await;
    ben.delete(&format!("/api/v1/messages/{}", hidden["id"])).await.expect(204);
    assert_eq!(texts(&ben, "hidden").await, [""; 0]);
    assert_eq!(texts(&ann, "hidden").await, ["needle hidden"]);
    let strange = server.stranger().get("/api/v1/messages?text=needle").await;
    strange.refused(401, "unauthorized");
    for empty in ["", "%20", "%22%22", "%F0%9F%90%A6"] {
        ann.get(&format!("/api/v1/messages?text={empty}")).await.refused_field("invalid", "text");
    }
}

#[tokio::test]
async fn what_was_said_anew_after_one_left_is_not_found() {
    let server = Server::start().await;
    let [ann, tom] = Person::register_all(&server, ["ann", "tom"]).await;
    let (group, channel) = (ann.group("group", &[&tom]).await, ann.channel("channel").await);
    tom.join(channel).await;
    let (told, public) = (ann.say(group, "needle before").await, ann.say(channel, "needle there").await);
    tom.leave(group).await;
    tom.leave(channel).await;
    for (message, text) in [(&told, "secretword"), (&public, "publicword")] {
        ann.patch(&format!("/api/v1/messages/{}", message["id"]), &json!({"text": text})).await.expect(200);
    }
    for guess in ["secretword", "secret*", "needle"] {
        assert_eq!(texts(&tom, guess).await, [""; 0], "{guess}");
        let there = tom.get(&format!("/api/v1/messages?text={guess}&conversation_id={group}")).await.expect(200);
        assert_eq!(there["items"], json!([]), "{guess}");
    }
    assert_eq!(texts(&ann, "secretword").await, ["secretword"]);
    assert_eq!(texts(&tom, "publicword").await, ["publicword"], "everybody may read what it says now");
}

#[tokio::test]
async fn what_is_edited_is_found_by_what_it_says_now_and_what_is_deleted_by_nothing() {
    let mut server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let notes = ann.direct(&[&ann]).await;
    let message = ann.say(notes, "a secretword").await;
    let path = format!("/api/v1/messages/{}", message["id"]);
    ann.patch(&path, &json!({"text": "another hiddenword"})).await.expect(200);
    assert_eq!(texts(&ann, "secretword").await, [""; 0]);
    assert_eq!(texts(&ann, "hiddenword").await, ["another hiddenword"]);
    ann.delete(&path).await.expect(204);
    assert_eq!(texts(&ann, "hiddenword").await, [""; 0]);
    server.terminate(std::time::Duration::from_secs(10)).await;
    let bytes = server.database().file();
    for word in ["secretword", "hiddenword"] {
        assert_eq!(server.places_with(word).await, [""; 0], "{word} is in a table");
        let bytes = bytes.as_deref().unwrap_or_default();
        assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} is in the file");
    }
}
