//! Lists: what is new and what was received, what they mark as read, and what they do not see.

use http::Method;
use serde_json::json;

use super::{NOTHING, open, refused, usual};
use crate::support::{Ear, Person, Server, SseClient};

#[tokio::test]
async fn only_giving_what_is_new_marks_anything_as_read() {
    let (server, [(ann, _), (ben, ben_there)]) = usual(["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    ann.say(direct, "one").await;
    for rest in ["/messages/?start=2000-01-01", "/messages/?end=2100-01-01", "/message/1/", "/"] {
        assert_eq!(ben_there.get(rest).await.status, 200);
        assert_eq!(ben.unread(direct).await, (1, None), "{rest}");
    }
    let head = ben_there.call(Method::HEAD, "/messages/").await;
    assert_eq!((head.status, head.header("content-type")), (200, Some("application/json")));
    assert_eq!(ben.unread(direct).await, (1, None), "who does not get a body has been given nothing");
    assert_eq!(ben_there.unseen().await, ["one"]);
    assert_eq!(ben.unread(direct).await, (0, Some(1)));
    assert_eq!(ben_there.all().await, ["one"], "what was seen is still there");
    assert_eq!(server.count("messages", "deleted_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn a_message_to_oneself_is_new_once() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    ann.say(&ann, "a note").await;
    ann.say(&ben, "to somebody else").await;
    assert_eq!(ann.all().await, ["a note"], "what one sent is nothing that one received");
    assert_eq!(ann.unseen().await, ["a note"]);
    assert_eq!(ann.unseen().await, NOTHING);
    assert_eq!(ann.get("/message/1/").await.expect(200)["sender"], "ann");
    refused(&ann.get("/message/2/").await, 404);
}

#[tokio::test]
async fn conversations_of_others_are_neither_seen_nor_marked_nor_deleted() {
    let (_server, [(ann, _), (ben, ben_there), (tom, _)]) = usual(["ann", "ben", "tom"]).await;
    let channel = ben.channel("channel").await;
    ann.join(channel).await;
    let places = [ann.group("group", &[&ben]).await, ann.direct(&[&ben, &tom]).await, channel];
    for place in places {
        ann.say(place, "not for Babbel").await;
    }
    let direct = ann.direct(&[&ben]).await;
    ann.say(direct, "for Babbel").await;
    assert_eq!(ben_there.all().await, ["for Babbel"]);
    assert_eq!(ben_there.unseen().await, ["for Babbel"]);
    for (id, place) in (1..).zip(places) {
        assert_eq!(ben.unread(place).await, (1, None));
        refused(&ben_there.get(&format!("/message/{id}/")).await, 404);
        refused(&ben_there.delete(&format!("/message/{id}/"), "").await, 400);
        ben.get(&format!("/api/v1/messages/{id}")).await.expect(200);
    }
    assert!(!ben_there.get("/").await.describe().contains("not for Babbel"));
}

#[tokio::test]
async fn what_was_deleted_is_not_seen_and_what_was_edited_is_seen_as_it_is() {
    let (_server, [(ann, _), (ben, ben_there)]) = usual(["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    for text in ["deleted for all", "hidden", "edited", "kept"] {
        ann.say(direct, text).await;
    }
    ann.delete("/api/v1/messages/1").await.expect(204);
    ben.delete("/api/v1/messages/2").await.expect(204);
    ann.patch("/api/v1/messages/3", &json!({"text": "said anew"})).await.expect(200);
    for id in [1, 2] {
        refused(&ben_there.get(&format!("/message/{id}/")).await, 404);
        refused(&ben_there.delete(&format!("/message/{id}/"), "").await, 400);
    }
    assert_eq!(ben_there.all().await, ["said anew", "kept"]);
    assert!(!ben_there.get("/").await.describe().contains("hidden"));
    assert_eq!(ben_there.unseen().await, ["said anew", "kept"]);
}

#[tokio::test]
async fn what_the_server_says_has_a_sender_whose_name_nobody_can_take() {
    let (server, [(ann, _), (ben, ben_there)]) = usual(["ann", "ben"]).await;
    ben.ask(&ann).await.expect(201);
    ann.answer(&ben, "approved").await;
    let new = ben_there.list("/messages/").await;
    assert_eq!((new.len(), &new[0]["sender"]), (1, &json!("(server)")));
    let taken = json!({"username": "(server)", "password": "long enough"});
    assert_eq!(server.stranger().post("/api/v1/users", &taken).await.status, 422);
}

#[tokio::test]
async fn moments_are_read_leniently_and_their_offsets_count() {
    let (server, [ann]) = open(["ann"]).await;
    for text in ["one", "two", "three"] {
        ann.say(&ann, text).await;
    }
    // 13:37:00, 14:37:00 and 15:37:00 of 2016-05-07.
    server.sql("UPDATE messages SET created_at = 1462628220000 + (id - 1) * 3600000").await;
    for start in [
        "2016-05-07T14:37:00Z",
        "2016-05-07T14:37:00",
        "2016-05-07T14:37",
        "2016-05-07%2014:37",
        "2016-05-07+14:37",
        "2016-05-07T16:37:00%2B02:00",
        "2016-05-07T16:37:00+02:00",
        "2016-05-07T16%3A37%3A00.000000+02%3A00",
        "2016-05-07T09:07-05:30",
        "20160507T143700Z",
    ] {
        assert_eq!(ann.texts(&format!("/messages/?start={start}")).await, ["two", "three"], "{start}");
        assert_eq!(ann.texts(&format!("/messages/?end={start}")).await, ["one", "two"], "{start}");
        assert_eq!(ann.texts(&format!("/messages/?start={start}&end={start}")).await, ["two"], "{start}");
    }
    assert_eq!(ann.texts("/messages/?start=2016-05-07&end=2016-05-08").await, ["one", "two", "three"]);
    assert_eq!(ann.texts("/messages/?start=2016-05-07&end=2016-05-07T15:37:00Z").await.len(), 3, "each is read alone");
    assert_eq!(ann.texts("/messages/?start=2016-05-08").await, NOTHING);
    assert_eq!(ann.texts("/messages/?start=2016-05-08&end=2016-05-07").await, NOTHING, "the wrong way round");
    assert_eq!(ann.texts("/messages/?start=0000-01-01&end=9999-12-31T23:59:59-23:59").await.len(), 3);
    assert_eq!(ann.list("/messages/?end=2016-05-07T13:37").await[0]["timestamp"], "2016-05-07 13:37:00");
    assert_eq!(ann.unseen().await.len(), 3, "and nothing was marked");
}

#[tokio::test]
async fn what_is_no_moment_is_refused_by_name_and_nothing_is_marked() {
    let (_server, [ann]) = open(["ann"]).await;
    ann.say(&ann, "a note").await;
    for query in ["start=yesterday", "start=", "end=", "start=2016-05-07&end=x", "start=2016-02-30", "end=%ff%00"] {
        let message = refused(&ann.get(&format!("/messages/?{query}")).await, 400);
        let name = if query.contains("end=") { "`end`" } else { "`start`" };
        assert!(message.as_str().unwrap().contains(name), "{query}: {message}");
    }
    let nobody = ann.caller.get("/compat/babbel/nobody/messages/?start=yesterday").await;
    refused(&nobody, 404);
    assert_eq!(ann.texts("/messages/?since=yesterday").await, ["a note"], "another parameter is none");
}

#[tokio::test]
async fn a_message_has_a_number_of_digits_alone() {
    let (_server, [ann, ben]) = open(["ann", "ben"]).await;
    ann.say(&ann, "a note").await;
    for id in ["abc", "-1", "+1", "1.0", "1e0", "\u{661}", "99999999999999999999", "0x1", "%20"] {
        refused(&ann.get(&format!("/message/{id}/")).await, 400);
        refused(&ann.delete(&format!("/message/{id}/"), "{\"ids\": [1]}").await, 400);
    }
    for id in ["0", "2", "9223372036854775807"] {
        refused(&ann.get(&format!("/message/{id}/")).await, 404);
    }
    assert_eq!(ann.get("/message/001/").await.expect(200)["message"], "a note");
    refused(&ben.get("/message/1/").await, 404);
}

#[tokio::test]
async fn both_forms_of_each_path_are_the_same() {
    let (_server, [ann]) = open(["ann"]).await;
    for slash in ["", "/"] {
        let caller = &ann.caller;
        let body = "receiver=ann&message=a+note";
        caller.send_body(Method::POST, &ann.path(&format!("/message{slash}")), super::FORM, body).await.expect(204);
        caller.send_body(Method::POST, &ann.path(&format!("/message{slash}")), super::FORM, body).await.expect(204);
        assert_eq!(ann.list(&format!("/messages{slash}?start=2000-01-01")).await.len(), 2);
        assert_eq!(ann.list(&format!("/messages{slash}")).await.len(), 2);
        assert_eq!(ann.list(&format!("/message{slash}")).await.len(), 0);
        let ids = ann.ids("/messages?start=2000-01-01").await;
        ann.get(&format!("/message/{}{slash}", ids[0])).await.expect(200);
        ann.delete(&format!("/message/{}{slash}", ids[0]), "").await.expect(204);
        ann.delete(&format!("/message{slash}"), &json!({"ids": [ids[1]]}).to_string()).await.expect(204);
        assert_eq!(ann.get(slash).await.header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(caller.get(&format!("/compat/babbel/dates{slash}")).await.status, 200);
    }
    assert_eq!(ann.all().await, NOTHING);
}

#[tokio::test]
async fn on_a_fresh_server_all_that_is_asked_of_nobody_is_not_found() {
    let (_server, [somebody]) = open(["somebody"]).await;
    let nobody = super::User { name: "name".to_owned(), caller: somebody.caller };
    for rest in ["/", "/message/0/", "/messages/", "/message/"] {
        refused(&nobody.get(rest).await, 404);
    }
    refused(&nobody.delete("/message/0/", "").await, 404);
    refused(&nobody.delete("/message/", "{\"ids\": [1]}").await, 404);
    refused(&nobody.form("receiver=name&message=x").await, 404);
    refused(&nobody.caller.get("/compat/babbel/db/").await, 404);
}

#[tokio::test]
async fn what_was_said_natively_is_new_here_and_the_other_way_round() {
    let (server, [(ann, ann_there), (ben, ben_there)]) = usual(["ann", "ben"]).await;
    ann.post("/api/v1/messages", &json!({"to": ["ben"], "text": "natively"})).await.expect(201);
    assert_eq!(ben_there.unseen().await, ["natively"]);
    let mut hears = listen(&server, &ben).await;
    ann_there.say(&ben_there, "through Babbel").await;
    let heard = hears.until_seq(ann.head().await).await;
    let message = heard.iter().find(|seen| seen.kind == "message.created").expect("it is heard").data();
    assert_eq!((&message["text"], &message["author"]["username"]), (&json!("through Babbel"), &json!("ann")));
    assert_eq!(ben.unread(message["conversation_id"].as_u64().unwrap()).await.0, 1);
    let mut ann_hears = listen(&server, &ann).await;
    assert_eq!(ben_there.unseen().await, ["through Babbel"]);
    let heard = ann_hears.until_seq(ann.head().await).await;
    assert_eq!(heard.last().unwrap().kind, "receipt.updated", "the sender hears that it was read");
}

async fn listen(server: &Server, person: &Person) -> SseClient {
    let mut hears = SseClient::open(server.address, &person.stream()).await.unwrap();
    hears.until_control("ready").await;
    hears
}
