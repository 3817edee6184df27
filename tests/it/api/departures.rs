//! Deleting an account: what is gone, what stays, and what others hear of it.

use http::Method;
use serde_json::{Value, json};

use crate::support::deadline::PATIENCE;
use crate::support::person::id_text;
use crate::support::{Answer, Ear, Person, Server, SseClient, eventually, seconds};

async fn delete(who: &Person, body: Value) -> Answer {
    who.call(Method::DELETE, "/api/v1/me", Some(&body)).await
}

async fn leave_for_good(who: &Person, messages: &str) {
    delete(who, json!({"password": who.password, "messages": messages})).await.expect(204);
}

async fn events_after(who: &Person, seq: u64) -> Vec<(String, Value)> {
    let page = who.get(&format!("/api/v1/events?after={seq}&limit=1000")).await.expect(200);
    let events = page["events"].as_array().unwrap();
    events.iter().map(|event| (event["type"].as_str().unwrap().to_owned(), event.clone())).collect()
}

#[tokio::test]
async fn a_deleted_account_ends_everything_at_once() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let second = ann.login(&server).await;
    let key = ann.post("/api/v1/keys", &json!({"name": "key", "scopes": ["read"]})).await.expect(201);
    let script = server.stranger().with_bearer(key["key"].as_str().unwrap());
    let mut stream = SseClient::open(server.address, &second.stream()).await.unwrap();
    stream.until_control("ready").await;
    delete(&ann, json!({"password": "wrong password"})).await.refused(401, "invalid_credentials");
    delete(&ann, json!({})).await.refused_field("invalid", "password");
    delete(&ann, json!({"password": ann.password, "messages": "perhaps"})).await.refused_field("invalid", "messages");
    ann.get("/api/v1/me").await.expect(200);
    leave_for_good(&ann, "keep").await;
    stream.until_end(seconds(10)).await;
    for caller in [&*ann, &*second, &script] {
        caller.get("/api/v1/conversations").await.refused(401, "unauthorized");
    }
    let refresh = json!({"refresh_token": ann.refresh_token});
    server.stranger().post("/api/v1/sessions/refresh", &refresh).await.refused(401, "unauthorized");
    let login = json!({"username": "ann", "password": ann.password});
    server.stranger().post("/api/v1/sessions", &login).await.refused(401, "invalid_credentials");
    let login = json!({"username": "deleted-user-1", "password": ann.password});
    server.stranger().post("/api/v1/sessions", &login).await.refused(401, "invalid_credentials");
}

#[tokio::test]
async fn a_name_that_somebody_had_is_never_given_again() {
    let mut server = Server::start().await;
    let ann = Person::register(&server, "Ann").await;
    leave_for_good(&ann, "keep").await;
    let register = async |server: &Server, name: &str| {
        server.stranger().post("/api/v1/users", &json!({"username": name, "password": "long enough"})).await
    };
    register(&server, "ann").await.refused(409, "username_taken");
    server.kill().await;
    server.restart().await;
    register(&server, "ANN").await.refused(409, "username_taken");
    for kept in ["deleted-user-1", "Deleted-User-99"] {
        register(&server, kept).await.refused_field("invalid", "username");
    }
    let ben = Person::register(&server, "ben").await;
    for name in ["ann", "deleted-user-1"] {
        ben.get(&format!("/api/v1/users/{name}")).await.refused(404, "not_found");
        ben.post("/api/v1/messages", &json!({"to": [name], "text": "hello"})).await.refused(404, "not_found");
    }
    assert_eq!(ben.get("/api/v1/users?prefix=deleted").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn groups_and_channels_are_left_to_heirs_and_hear_the_new_name() {
    let server = Server::start().await;
    let [ann, ben, cem] = Person::register_all(&server, ["ann", "ben", "cem"]).await;
    let group = ann.group("team", &[&ben]).await;
    ann.add(group, &cem).await;
    let channel = ann.channel("news").await;
    ben.join(channel).await;
    let former = ben.group("former", &[&ann]).await;
    ann.say(former, "I was here").await;
    ann.leave(former).await;
    let direct = ann.direct(&[&ben]).await;
    let said = ann.say(direct, "hello").await;
    let before = ben.head().await;
    leave_for_good(&ann, "keep").await;

    let gone = json!({"id": ann.id, "username": format!("deleted-user-{}", ann.id)});
    let events = events_after(&ben, before).await;
    let renamed: Vec<&Value> =
        events.iter().filter(|(kind, _)| kind == "user.updated").map(|(_, event)| event).collect();
    let mut told: Vec<u64> = renamed.iter().map(|event| event["conversation_id"].as_u64().unwrap()).collect();
    told.sort_unstable();
    let mut concerned = vec![group, channel, former, direct];
    concerned.sort_unstable();
    assert_eq!(told, concerned, "each conversation that shows the name hears of it, once");
    assert!(renamed.iter().all(|event| event["data"] == gone), "{renamed:?}");
    for conversation in [group, channel] {
        let here = |kind: &str| {
            events
                .iter()
                .find(|(known, event)| known == kind && event["conversation_id"] == conversation)
                .map(|(_, event)| &event["data"])
        };
        assert_eq!(here("member.removed").unwrap()["user"], gone);
        let heir = here("member.updated").unwrap();
        assert_eq!((&heir["user"]["username"], &heir["role"]), (&json!("ben"), &json!("owner")));
        let members = ben.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200)["members"].clone();
        assert!(members.as_array().unwrap().iter().all(|member| member["user"]["id"] != ann.id), "{members}");
    }
    // The people of a direct conversation never change, and what was said stays.
    let members = ben.get(&format!("/api/v1/conversations/{direct}")).await.expect(200)["members"].clone();
    assert!(members.as_array().unwrap().iter().any(|member| member["user"] == gone), "{members}");
    let kept = ben.get(&format!("/api/v1/messages/{}", said["id"])).await.expect(200);
    assert_eq!((&kept["author"], &kept["text"]), (&gone, &json!("hello")));
}

#[tokio::test]
async fn nothing_private_is_left_on_disk() {
    let mut server = Server::start().await;
    let stranger = server.stranger();
    let body =
        json!({"username": "ann", "password": "long enough", "email": "marked@example.org", "bio": "marked bio"});
    let ann = Person::from_login(&stranger, "long enough", &stranger.post("/api/v1/users", &body).await.expect(201));
    let ben = Person::register(&server, "ben").await;
    ann.patch("/api/v1/me", &json!({"bio": "another marked bio"})).await.expect(200);
    for (table, columns, values) in [
        (
            "contacts",
            "owner_id, other_id, state, asked, created_at",
            format!("({a},{b},'approved',TRUE,1),({b},{a},'approved',TRUE,1)", a = ann.id, b = ben.id),
        ),
        ("blocks", "blocker_id, blocked_id, created_at", format!("({a},{b},1),({b},{a},1)", a = ann.id, b = ben.id)),
        ("reads", "user_id, conversation_id, message_id, at", format!("({},1,1,1)", ann.id)),
        ("hidden", "user_id, message_id", format!("({},1)", ann.id)),
        ("mentions", "user_id, message_id, conversation_id", format!("({},1,1)", ann.id)),
        ("threads", "user_id, thread_id", format!("({},1)", ann.id)),
        (
            "links",
            "secret_hash, user_id, purpose, email, created_at, expires_at",
            format!("('x',{},'email','marked@example.org',1,9999999999999)", ann.id),
        ),
    ] {
        server.sql(&format!("INSERT INTO \"{table}\" ({columns}) VALUES {values}")).await;
    }
    let before = ben.head().await;
    leave_for_good(&ann, "keep").await;
    // Whoever had him in a list hears that he is out of it.
    let gone = json!({"id": ann.id, "username": format!("deleted-user-{}", ann.id)});
    let heard = events_after(&ben, before).await.into_iter().map(|(kind, event)| (kind, event["data"].clone()));
    let mut heard: Vec<(String, Value)> = heard.filter(|(kind, _)| kind != "user.updated").collect();
    heard.sort_by_key(|(kind, data)| format!("{kind} {}", data["direction"]));
    let expected = [
        ("block.deleted".to_owned(), json!({"user": gone})),
        ("contact.deleted".to_owned(), json!({"direction": "received", "user": gone})),
        ("contact.deleted".to_owned(), json!({"direction": "sent", "user": gone})),
    ];
    assert_eq!(heard, expected);
    server.terminate(seconds(20)).await;
    for table in ["contacts", "blocks", "reads", "hidden", "mentions", "threads", "links", "departures"] {
        assert_eq!(server.count(table, "1 = 1").await, 0, "{table}");
    }
    let private = "email IS NOT NULL OR email_key IS NOT NULL OR password_hash IS NOT NULL OR bio <> '' OR username = 'ann' OR username_key = 'ann'";
    assert_eq!(server.count("users", &format!("id = {} AND ({private})", ann.id)).await, 0);
    assert_eq!(server.count("events", "data LIKE '%marked%'").await, 0, "nor in the log");
    assert_eq!(server.count("users", "id = 2 AND username = 'ben' AND password_hash IS NOT NULL").await, 1);
}

#[tokio::test]
async fn messages_go_too_if_that_is_wanted() {
    let mut server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let own = ann.say(direct, "marked secret").await;
    let answer = ben.say(direct, "an answer").await;
    leave_for_good(&ann, "delete").await;
    let text =
        async |id: &Value| ben.get(&format!("/api/v1/messages/{}", id_text(id))).await.expect(200)["text"].clone();
    assert_eq!(text(&own["id"]).await, "");
    assert_eq!(text(&answer["id"]).await, "an answer");
    server.terminate(seconds(20)).await;
    let left = format!("text LIKE '%marked%' OR (author_id = {} AND deleted_at IS NULL)", ann.id);
    assert_eq!(server.count("messages", &left).await, 0);
    assert_eq!(server.count("events", "data LIKE '%marked%'").await, 0, "nor in the log");
    assert_eq!(server.count("messages", &format!("author_id = {} AND deleted_at IS NULL", ben.id)).await, 1);
}

#[tokio::test]
async fn a_deletion_that_a_crash_cut_short_is_taken_up() {
    let mut server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let mut groups = Vec::new();
    for number in 0..3 {
        let group = ann.group(&format!("group {number}"), &[&ben]).await;
        ann.say(group, "marked secret").await;
        groups.push(group);
    }
    let before = ben.head().await;
    // As it is on disk when the power goes after the first part: buried, out of the first group, not of the others.
    leave_for_good(&ann, "keep").await;
    server.kill().await;
    server
        .sql(&format!(
            "UPDATE stays SET left_seq = NULL WHERE user_id = {} AND conversation_id > {}",
            ann.id, groups[0]
        ))
        .await;
    server
        .sql(&format!(
            "INSERT INTO departures (user_id, erase_messages, after_conversation) VALUES ({}, TRUE, {})",
            ann.id, groups[0]
        ))
        .await;
    // One who cannot be seen off keeps nobody else here.
    server.sql("INSERT INTO departures (user_id, erase_messages, after_conversation) VALUES (0, FALSE, 0)").await;
    let known = server.count("events", "kind = 'user.updated'").await;
    server.restart().await;
    let ben = ben.login(&server).await;
    let gone = async || {
        let mut gone = true;
        for group in &groups {
            let members = ben.get(&format!("/api/v1/conversations/{group}")).await.expect(200)["members"].clone();
            gone &= members.as_array().unwrap().iter().all(|member| member["user"]["id"] != ann.id);
        }
        let texts = ben.get("/api/v1/messages").await.expect(200);
        gone &= texts["items"].as_array().unwrap().iter().all(|message| message["text"] == "");
        (gone && server.count("departures", "user_id > 0").await == 0).then_some(())
    };
    eventually(PATIENCE, "the rest of the deletion", gone).await;
    let told = events_after(&ben, before).await.into_iter().filter(|(kind, _)| kind == "user.updated").count();
    assert_eq!((known, told), (3, 5), "those that came before the crash do not come again");
}

#[tokio::test]
async fn many_conversations_are_left_in_parts() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    for number in 0..120 {
        ann.group(&format!("group {number}"), &[&ben]).await;
    }
    let before = ben.head().await;
    leave_for_good(&ann, "keep").await;
    let events = events_after(&ben, before).await;
    assert_eq!(events.iter().filter(|(kind, _)| kind == "member.removed").count(), 120);
    let mut batches: Vec<&str> = events.iter().map(|(_, event)| event["at"].as_str().unwrap()).collect();
    batches.dedup();
    assert!(batches.len() >= 3, "not all in one change: {batches:?}");
}

#[tokio::test]
async fn the_operator_deletes_accounts_with_and_without_a_server() {
    let mut server = Server::start().await;
    let [ann, ben, cem] = Person::register_all(&server, ["ann", "ben", "cem"]).await;
    let group = ann.group("team", &[&ben, &cem]).await;
    ben.say(group, "marked").await;
    assert_eq!(server.command(&["user", "delete", "ann"]).await, "deleted ann\n");
    ann.get("/api/v1/me").await.refused(401, "unauthorized");
    server.terminate(seconds(20)).await;
    assert_eq!(server.command(&["user", "delete", "ben", "--messages", "delete"]).await, "deleted ben\n");
    assert_eq!(server.count("messages", "text <> ''").await, 0);
    server.restart().await;
    let cem = cem.login(&server).await;
    let item = cem.get(&format!("/api/v1/conversations/{group}")).await.expect(200);
    assert_eq!(item["members"].as_array().unwrap().len(), 1, "{item}");
    let list = server.command(&["user", "list"]).await;
    assert!(list.contains(&format!("deleted-user-{}", ann.id)), "{list}");
}

#[tokio::test]
async fn who_settles_something_with_somebody_who_is_just_leaving_leaves_nothing_behind() {
    let server = Server::start().await;
    let ben = Person::register(&server, "ben").await;
    let names: Vec<String> = (0..20).map(|number| format!("ann{number}")).collect();
    let anns = futures_util::future::join_all(names.iter().map(|name| Person::register(&server, name))).await;
    for ann in &anns {
        ann.block(&ben).await;
        ann.answer(&ben, "approved").await;
    }
    let settle = |ann: Person, number: usize| async move {
        let state = json!({"state": "rejected"});
        match number % 5 {
            0 => ann.delete("/api/v1/blocks/ben").await,
            1 => ann.delete("/api/v1/contacts/ben").await,
            2 => ann.put("/api/v1/contacts/ben", &state).await,
            3 => ann.put("/api/v1/blocks/ben", &json!({})).await,
            _ => ann.post("/api/v1/contacts", &json!({"username": "ben"})).await,
        }
    };
    let settled = anns.iter().enumerate().map(|(number, ann)| settle(ann.clone(), number));
    let (answers, ()) = tokio::join!(futures_util::future::join_all(settled), leave_for_good(&ben, "keep"));
    for answer in answers {
        assert!(matches!(answer.status, 200 | 201 | 204 | 404), "{}", answer.describe());
    }
    for ann in &anns {
        for list in ["blocks", "contacts", "contacts?direction=sent"] {
            assert_eq!(ann.get(&format!("/api/v1/{list}")).await.expect(200)["items"], json!([]), "{list}");
        }
        ann.delete("/api/v1/blocks/ben").await.refused(404, "not_found");
        ann.delete("/api/v1/contacts/ben").await.refused(404, "not_found");
    }
    assert_eq!(server.count("departures", "1 = 1").await, 0, "nothing is left to do");
}
