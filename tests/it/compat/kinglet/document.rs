//! The calls of Kinglet's document and of its own tests, on a fresh server.

use http::Method;
use serde_json::{Value, json};

use super::{BASE, Bird, debug, fields, form, log_in};
use crate::support::Server;

/// The tests of the original in the order in which it runs them: each goes on where the one before ended.
#[tokio::test]
async fn the_original_tests_pass_in_their_order() {
    let server = debug().await;
    Bird::hatch(&server, "testuser").await;
    let stranger = server.stranger();
    let (name, email) = ("kinglettest1389981418", "kinglettest1389981418@test.com");
    let made = form(&stranger, Method::POST, "/users", &[], &json!({"user_name": name, "email": email})).await;
    let made = made.expect(201);
    let digest = made["user_digest"].as_str().expect("a digest");
    let activated = stranger.get(&format!("{BASE}/users/activate/{digest}")).await.expect(200);
    assert_eq!(activated["activate_account"], "true");
    let password = made["password"].as_str().unwrap();
    let login = log_in(&server, email, password).await.expect(200);
    let me = Bird {
        id: login["user_id"].as_str().unwrap().to_owned(),
        name: name.to_owned(),
        email: email.to_owned(),
        password: password.to_owned(),
        session: login["session_id"].as_str().expect("a session").to_owned(),
        caller: stranger.clone(),
    };
    let text = format!("@{name} sending a messsage to myself.");
    let sent = me.post("/messages", &json!({"message_text": text})).await.expect(201);
    assert_eq!(sent, json!({"status": 201, "description": "Created", "message_id": "1"}));
    let message = me.message("1").await;
    assert_eq!((&message["author_name"], &message["parent_id"]), (&json!(name), &json!("0")));
    let data = json!({"message_text": "This is a reply message.", "reply_to_id": 1, "reply_to_content_digest": message["content_digest"]});
    let replied = me.post("/messages/1/replies", &data).await.expect(201);
    assert_eq!(replied["message_id"], "2");
    assert_eq!(me.texts("/messages/1/replies").await, ["This is a reply message."]);
    assert_eq!(me.rows("/messages").await.len(), 2);
    let news = me.get("/messages/since/1389992757").await.expect(200);
    assert_eq!(news, json!({"status": 200, "description": "OK", "new_message_count": 0}), "one's own are no news");
    let threads = me.get("/messages/threads").await.expect(200);
    assert_eq!(threads["threads"][0]["message_text"], "sending a messsage to myself.");
    assert_eq!(me.get("/lists/request/testuser").await.expect(200)["made_request"], "true");
    let change = json!({"user_name": name, "user_id": me.id, "old_password": password, "new_password": "abcd12!@", "verify_password": "abcd12!@"});
    let changed = me.put("/users/password", &change).await.expect(200);
    let me = me.with_session(changed["session_id"].as_str().expect("a new session"));
    let new_email = format!("{}{email}", me.id);
    let profile = json!({"email": new_email, "desc_markup": "this is my boring profile page."});
    assert_eq!(me.put("/users", &profile).await.expect(200)["profile_updated"], "true");
    let own = me.get(&format!("/users/{name}")).await.expect(200);
    assert_eq!((&own["email"], &own["desc_format"]), (&json!(new_email), &json!("this is my boring profile page.")));
    let lost = json!({"user_name": name, "email": new_email});
    let found = form(&stranger, Method::POST, "/users/password", &[], &lost).await.expect(200);
    assert!(found["new_password"].is_string() && found["email"] == new_email, "{found}");
    assert_eq!(me.get(&format!("/users/{name}/logout")).await.expect(200)["logged_out"], "true");
    let time = stranger.get(&format!("{BASE}/time")).await.expect(200);
    assert!(time["server_epoch_seconds"].as_i64().is_some_and(|seconds| seconds > 1_389_992_757), "{time}");
}

/// A call with a body of JSON, as the document can be read, and who calls in the query.
async fn send(bird: &Bird, method: Method, path: &str, data: Value) -> Value {
    let path = format!("{BASE}{path}/?{}", bird.query());
    let answer = bird.caller.send_body(method, &path, "application/x-www-form-urlencoded", data.to_string()).await;
    answer.json()
}

#[tokio::test]
async fn accounts_answer_as_the_document_shows() {
    let server = debug().await;
    let stranger = server.stranger();
    let body = json!({ "user_name" : "userA", "email" : "usera@usera.com" });
    let made = stranger.post(&format!("{BASE}/users"), &body).await.expect(201);
    assert_eq!(fields(&made), "activation_link description email password status user_digest user_id user_name");
    assert_eq!((&made["user_id"], &made["user_name"]), (&json!("1"), &json!("userA")));
    let password = made["password"].as_str().unwrap().to_owned();
    assert!(password.len() == 8 && password.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{made}");
    let link = made["activation_link"].as_str().unwrap();
    let path = link.strip_prefix(&format!("http://{}", server.address)).expect("a link to this server");
    let activated = stranger.get(path).await.expect(200);
    assert_eq!(activated, json!({"status": 200, "description": "OK", "activate_account": "true"}));
    let body = json!({ "email" : "usera@usera.com", "password" : password });
    let login = stranger.post(&format!("{BASE}/users/login"), &body).await.expect(200);
    assert_eq!(fields(&login), "description session_id status user_id user_name");
    let session = login["session_id"].as_str().unwrap().to_owned();
    let (id, name, email) = ("1".to_owned(), "userA".to_owned(), "usera@usera.com".to_owned());
    let bird = Bird { id, name, email, password: password.clone(), session, caller: stranger.clone() };
    let updated = send(&bird, Method::PUT, "/users", json!({"email": "usera@usera.com", "desc_markup": "me"})).await;
    assert_eq!(updated, json!({"status": 200, "description": "OK", "profile_updated": "true"}));
    let mut own = bird.get("/users/userA").await.expect(200);
    assert!(own["digest"].as_str().is_some_and(|digest| digest.len() == 22 && made["user_digest"] != digest), "{own}");
    assert_eq!(own["created_date"].as_str().map(str::len), Some("Jan 16, 2014".len()), "{own}");
    let rest = own.as_object_mut().unwrap();
    rest.remove("digest");
    rest.remove("created_date");
    let expected = json!({
        "status": 200, "description": "OK", "user_id": "1", "user_name": "userA", "email": "usera@usera.com",
        "user_status": "o", "desc_markup": "me", "desc_format": "me",
    });
    assert_eq!(own, expected);
    let change = json!({"old_password": password, "new_password": "abcd12!@", "verify_password": "abcd12!@"});
    let changed = send(&bird, Method::PUT, "/users/password", change).await;
    assert_eq!(fields(&changed), "session_id status user_id user_name", "this one has no description");
    let body = json!({ "user_name" : "userA", "email" : "usera@usera.com" });
    let found = stranger.post(&format!("{BASE}/users/password"), &body).await.expect(200);
    assert_eq!(fields(&found), "description email new_password status");
    let unknown = json!({ "user_name" : "userB", "email" : "usera@usera.com" });
    let unknown = stranger.post(&format!("{BASE}/users/password"), &unknown).await.expect(404);
    let expected = json!({
        "status": "404", "description": "Not Found", "user_message": "Invalid input.",
        "system_message": "Username and/or e-mail does not exist.",
    });
    assert_eq!(unknown, expected);
    let out = bird.get("/users/userA/logout").await.expect(200);
    assert_eq!(out, json!({"status": 200, "description": "OK", "logged_out": "true"}));
}

#[tokio::test]
async fn lists_answer_as_the_document_shows() {
    let server = debug().await;
    let (jr, userb) = (Bird::hatch(&server, "JR").await, Bird::hatch(&server, "userb").await);
    let made = jr.get("/lists/request/userb").await.expect(200);
    assert_eq!(made, json!({"status": 200, "description": "OK", "made_request": "true"}));
    let again = async |status: &str, system: &str| {
        let expected = json!({
            "status": 400, "description": "Bad Request", "request_status": status, "made_request": "true",
            "user_message": "Request made earlier.", "system_message": system,
        });
        assert_eq!(jr.get("/lists/request/userb").await.expect(400), expected);
    };
    again("pending", "Request is pending approval by the recipient.").await;
    assert_eq!(userb.get("/lists/reject/JR").await.expect(200), json!({"status": 200, "description": "OK"}));
    again("rejected", "Recipient has already rejected the requester.").await;
    assert_eq!(userb.get("/lists/approve/JR").await.expect(200), json!({"status": 200, "description": "OK"}));
    again("approved", "Recipient has already approved the requester.").await;
    let requests = userb.get("/lists/requests").await.expect(200);
    assert_eq!(fields(&requests), "description requests status");
    let entry = &requests["requests"][0];
    assert_eq!(fields(entry), "created_date status user_name");
    assert_eq!((&entry["status"], &entry["user_name"]), (&json!("approved"), &json!("JR")));
}

#[tokio::test]
async fn messages_answer_as_the_document_shows() {
    let server = debug().await;
    let jr = Bird::hatch(&server, "JR").await;
    for number in 1..=4 {
        assert_eq!(jr.say(&format!("@JR {number}")).await, number.to_string());
    }
    let sent = send(&jr, Method::POST, "/messages", json!({ "message_text" : "@JR this is the message text." })).await;
    assert_eq!(sent, json!({"status": 201, "description": "Created", "message_id": "5"}));
    let mut shown = jr.message("5").await;
    let digest = shown["content_digest"].clone();
    assert_eq!(digest.as_str().map(str::len), Some(22));
    let date = shown["created_date"].as_str().unwrap().to_owned();
    assert!(
        date.len() == "Jan 17, 2014 at 06:03:54 PM".len() && date.contains(" at ") && date.ends_with('M'),
        "{date}"
    );
    let rest = shown.as_object_mut().unwrap();
    rest.remove("content_digest");
    rest.remove("created_date");
    let expected = json!({
        "status": 200, "description": "OK", "message_id": "5", "parent_id": "0", "reply_count": "0", "author_id": "1",
        "author_name": "JR", "recipient_names": "|JR|", "message_status": "o",
        "message_text": "<a href=\"/user/JR\">@JR</a> this is the message text.",
    });
    assert_eq!(shown, expected);
    let data = json!({ "message_text" : "this is the reply message text.", "reply_to_id" : 5, "reply_to_content_digest" : digest });
    let replied = send(&jr, Method::POST, "/messages/5/replies", data).await;
    assert_eq!(replied, json!({"status": 201, "description": "Created", "message_id": "6"}));
    let mut replies = jr.get("/messages/5/replies").await.expect(200);
    let date = replies["messages"][0].as_object_mut().unwrap().remove("created_date").unwrap();
    assert!(date.as_str().is_some_and(|date| date.ends_with(" ago")), "{date}");
    let row = json!({
        "message_id": "6", "parent_id": "5", "message_status": "o", "recipient_names": "JR", "author_name": "JR",
        "author_type": "you", "logged_in_user": "1", "message_text": "this is the reply message text.", "reply_count": "0",
    });
    let expected = json!({"status": 200, "description": "OK", "next_link_bool": 0, "messages": [row]});
    assert_eq!(replies, expected);
    let stream = jr.get("/messages").await.expect(200);
    assert_eq!(stream["messages"].as_array().map(Vec::len), Some(6));
    assert_eq!(
        fields(&stream["messages"][1]),
        format!(
            "{} {}",
            "author_name author_type created_date",
            "logged_in_user message_id message_status message_text parent_id recipient_names reply_count"
        )
    );
    assert_eq!(stream["messages"][1]["reply_count"], "1");
    assert_eq!(jr.get("/messages/page/3").await.expect(200)["messages"], json!([]));
    let mut threads = jr.get("/messages/threads").await.expect(200)["threads"].clone();
    let thread = threads[0].as_object_mut().unwrap();
    assert!(thread.remove("created_date").is_some() && thread.remove("last_message_date").is_some());
    let expected = json!({
        "author_name": "JR", "message_id": "5", "last_message_id": "6", "recipient_names": "JR", "logged_in_user": "1",
        "message_text": "this is the message text.", "last_message_author_name": "JR", "reply_count": "1",
    });
    assert_eq!(threads[0], expected);
    let news = jr.get("/messages/since/1389992757").await.expect(200);
    assert_eq!(news, json!({"status": 200, "description": "OK", "new_message_count": 0}));
}

#[tokio::test]
async fn an_address_of_its_own_has_the_same_paths_at_its_root() {
    let options = Server::options().set("--compat", "kinglet=debug").set("--compat-listen", "kinglet=127.0.0.1:0");
    let server = options.start().await;
    let url = format!("http://{}/api/v1/time", server.own_addresses["kinglet"]);
    let time: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    assert_eq!(time["status"], 200);
}
