//! Sending: to the people who are named in the text, and in reply.

use serde_json::json;

use super::{BASE, Bird, debug, not_logged_in, wrong, wrong_by_number};
use crate::support::{Ear, SseClient};

/// What a text is refused with.
async fn refused(bird: &Bird, text: &str, says: &str) {
    let answer = bird.post("/messages", &json!({"message_text": text})).await;
    let said = wrong_by_number(&answer, 400, says, says);
    assert_eq!(said["message_text"], text, "the text comes back for the form");
}

#[tokio::test]
async fn a_message_goes_to_all_who_are_named_and_to_its_author() {
    let server = debug().await;
    let [ann, bob, cem] = Bird::flock(&server, ["ann", "bob", "cem"]).await;
    let native = bob.native(&server).await;
    let mut stream = SseClient::open(server.address, &native.stream()).await.unwrap();
    stream.until_control("ready").await;
    let text = "@BOB\t@cem, see here @bob and x@ann (@eve";
    let id = ann.say(&format!("  {text}\n")).await;
    let heard = stream.until_text(text).await;
    assert_eq!(heard.last().unwrap().data()["id"].to_string(), id, "it is the same message to all");
    let html = "<a href=\"/user/bob\">@BOB</a>\t<a href=\"/user/cem\">@cem</a>, see here <a href=\"/user/bob\">@bob</a> and x@ann (@eve";
    for reader in [&ann, &bob, &cem] {
        let row = reader.rows("/messages").await[0].clone();
        assert_eq!((&row["message_id"], &row["message_text"]), (&json!(id), &json!(html)));
        assert_eq!(row["recipient_names"], "bob cem ann", "the author last");
        let own = if reader.name == "ann" { "you" } else { "others" };
        assert_eq!((&row["author_type"], &row["logged_in_user"]), (&json!(own), &json!(reader.id)));
    }
    assert_eq!(ann.message(&id).await["recipient_names"], "|bob|cem|ann|");
    let eve = Bird::hatch(&server, "eve").await;
    wrong(&eve.get(&format!("/messages/{id}")).await, 404, "Message unavailable.", "Message ID not found");
    assert_eq!(eve.rows("/messages").await, [json!(null); 0]);
    ann.say("@ann a note").await;
    assert_eq!(ann.rows("/messages").await[0]["recipient_names"], "ann");
}

#[tokio::test]
async fn a_name_within_another_is_not_lost() {
    let server = debug().await;
    let [ann, anna, an] = Bird::flock(&server, ["ann", "anna", "an"]).await;
    anna.say("@ann @an all three").await;
    for reader in [&ann, &anna, &an] {
        assert_eq!(reader.rows("/messages").await[0]["recipient_names"], "ann an anna");
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_message_is_told_at_once() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "Bob"]).await;
    for name in ["pending", "rejecting", "unasked"] {
        Bird::hatch(&server, name).await;
    }
    let rejecting = Bird::hatch(&server, "no").await;
    for name in ["pending", "no"] {
        ann.get(&format!("/lists/request/{name}")).await.expect(200);
    }
    rejecting.get("/lists/reject/ann").await.expect(200);
    let nobody = "You have to include at least one recipient name in your new message. ";
    refused(&ann, "", &format!("You must enter text.{nobody}")).await;
    refused(&ann, " \n", &format!("You must enter text.{nobody}")).await;
    refused(&ann, "hello x@Bob", nobody).await;
    let cannot = |name: &str, why: &str| format!("You cannot message '{name}' because {why}. ");
    let request = "your request to be added to the user's approved list";
    let unasked = "you have not requested to be added to the user's approved list";
    let text = "@Nosuch @pending @no, @unasked @bob @nosuch hello";
    let says = [
        "User 'nosuch' does not exist. ".to_owned(),
        cannot("pending", &format!("{request} is still pending a decision by the user")),
        cannot("no", &format!("{request} was rejected")),
        cannot("unasked", unasked),
    ];
    refused(&ann, text, &says.concat()).await;
    let long = format!("@nosuch {}", "é".repeat(293));
    refused(&ann, &long, "301 chars entered. Max is 300.User 'nosuch' does not exist. ").await;
    ann.say(&format!("  @bob {}  ", "é".repeat(295))).await;
    refused(&ann, "@bob a\0b", "A message holds no NUL character. ").await;
    assert_eq!(
        bob.rows("/messages").await.iter().filter(|row| row["author_name"] == "ann").count(),
        1,
        "nothing else was sent"
    );
    let many = (0..40).map(|number| format!("@n{number}")).collect::<Vec<_>>().join(" ");
    let said = ann.post("/messages", &json!({"message_text": many})).await.expect(400);
    assert_eq!(said["user_message"].as_str().unwrap().matches("does not exist. ").count(), 40);
    for body in
        [json!({}), json!({"message_text": null}), json!({"message_text": ["@Bob"]}), json!({"message_text": {"a": 1}})]
    {
        assert_eq!(ann.post("/messages", &body).await.expect(400)["message_text"], "");
    }
    not_logged_in(&server.stranger().post(&format!("{BASE}/messages"), &json!({"message_text": "@Bob x"})).await);
}

#[tokio::test]
async fn a_reply_goes_to_all_of_its_thread() {
    let server = debug().await;
    let [ann, bob, cem] = Bird::flock(&server, ["ann", "bob", "cem"]).await;
    let root = ann.say("@bob @cem hello").await;
    let native = cem.native(&server).await;
    let mut stream = SseClient::open(server.address, &native.stream()).await.unwrap();
    stream.until_control("ready").await;
    let reply = bob.reply(&root, " to both of you ").await.expect(201)["message_id"].clone();
    let heard = stream.until_text("to both of you").await.pop().unwrap().data();
    assert_eq!(heard["thread_id"].to_string(), root, "natively it is a reply too");
    let row = cem.rows(&format!("/messages/{root}/replies")).await[0].clone();
    assert_eq!((&row["message_id"], &row["parent_id"]), (&reply, &json!(root)));
    assert_eq!(row["recipient_names"], "ann cem bob");
    assert_eq!(ann.message(&root).await["reply_count"], "1");
    let eve = Bird::hatch(&server, "eve").await;
    assert_eq!(eve.rows(&format!("/messages/{root}/replies")).await, [json!(null); 0]);
    assert_eq!(eve.rows("/messages/99/replies").await, [json!(null); 0]);
}

#[tokio::test]
async fn a_reply_names_what_it_replies_to_as_it_was_read() {
    let server = debug().await;
    let [ann, bob] = Bird::flock(&server, ["ann", "bob"]).await;
    let eve = Bird::hatch(&server, "eve").await;
    let root = ann.say("@bob hello").await;
    let first = bob.reply(&root, "first").await.expect(201)["message_id"].as_str().unwrap().to_owned();
    let digest = ann.message(&root).await["content_digest"].clone();
    let reply = async |bird: &Bird, id: &str, data: serde_json::Value| {
        bird.post(&format!("/messages/{id}/replies"), &data).await
    };
    let not_named = "The message id being replied to is missing or not numeric. ";
    for (id, data, says) in [
        (&root, json!({}), format!("You must enter text.{not_named}Missing content digest. ")),
        (
            &root,
            json!({"message_text": "x", "reply_to_id": "x", "reply_to_content_digest": digest}),
            not_named.to_owned(),
        ),
        (&root, json!({"message_text": "x", "reply_to_id": root}), "Missing content digest. ".to_owned()),
        (
            &root,
            json!({"message_text": "x", "reply_to_id": 3, "reply_to_content_digest": digest}),
            format!("Invalid reply to id given. 3 {root} "),
        ),
        (
            &root,
            json!({"message_text": "x", "reply_to_id": root, "reply_to_content_digest": "nonsense"}),
            "Invalid reply to content digest given. ".to_owned(),
        ),
        // Threads are flat.
        (
            &first,
            json!({"message_text": "x", "reply_to_id": first, "reply_to_content_digest": digest}),
            format!("Invalid reply to id given. {first} {first} "),
        ),
        (
            &root,
            json!({"message_text": "é".repeat(301), "reply_to_id": root, "reply_to_content_digest": digest}),
            "301 chars entered. Max is 300.".to_owned(),
        ),
    ] {
        wrong_by_number(&reply(&bob, id, data).await, 400, &says, &says);
    }
    let good = json!({"message_text": "x", "reply_to_id": root, "reply_to_content_digest": digest});
    let invalid = format!("Invalid reply to id given. {root} {root} ");
    wrong_by_number(&reply(&eve, &root, good.clone()).await, 400, &invalid, &invalid);
    assert_eq!(reply(&bob, "x", good.clone()).await.expect(400)["system_message"], "ID is not numeric.");
    // What was edited since has to be read anew.
    let native = ann.native(&server).await;
    native.patch(&format!("/api/v1/messages/{root}"), &json!({"text": "@bob hello again"})).await.expect(200);
    let says = "Invalid reply to content digest given. ";
    wrong_by_number(&reply(&bob, &root, good).await, 400, says, says);
    bob.reply(&root, "second").await.expect(201);
    // Who takes his approval back is not reached by replies either.
    ann.get("/lists/reject/bob").await.expect(200);
    let said = bob.reply(&root, "third").await.expect(400);
    assert!(said["user_message"].as_str().unwrap().starts_with("You cannot message 'ann' because"), "{said}");
}
