//! Conversations of all kinds: who is in them, who may do what, and what their lists say.

use serde_json::{Value, json};

use crate::support::{Ear, Person, Server, SseClient, WsClient};

fn members(conversation: &Value) -> Vec<(String, String)> {
    let mut members: Vec<_> = conversation["members"]
        .as_array()
        .unwrap_or_else(|| panic!("members in {conversation}"))
        .iter()
        .map(|member| {
            (member["user"]["username"].as_str().unwrap().to_owned(), member["role"].as_str().unwrap().to_owned())
        })
        .collect();
    members.sort();
    members
}

fn pair(name: &str, role: &str) -> (String, String) {
    (name.to_owned(), role.to_owned())
}

#[tokio::test]
async fn a_set_of_people_has_one_direct_conversation() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let make = async |person: &Person, members: Value| {
        person.post("/api/v1/conversations", &json!({"kind": "direct", "members": members})).await
    };
    let of_two = make(&alice, json!(["bob"])).await.expect(201);
    assert_eq!(
        (of_two["kind"].as_str(), of_two["name"].as_str(), &of_two["last_message"]),
        (Some("direct"), None, &Value::Null)
    );
    for same in [
        make(&alice, json!(["bob"])).await,
        make(&bob, json!(["alice"])).await,
        make(&bob, json!(["ALICE", "bob", "alice"])).await,
    ] {
        assert_eq!(same.expect(200)["id"], of_two["id"]);
    }
    let of_three = make(&carol, json!(["bob", "alice"])).await.expect(201);
    assert_ne!(of_three["id"], of_two["id"]);
    assert_eq!(make(&alice, json!(["carol", "bob"])).await.expect(200)["id"], of_three["id"]);
    let alone = make(&alice, json!([])).await.expect(201);
    assert_eq!(make(&alice, json!(["alice"])).await.expect(200)["id"], alone["id"], "alone means notes to self");
    assert_eq!(members(&alone).len(), 1);
    make(&alice, json!(["nobody"])).await.refused(404, "not_found");

    let id = of_three["id"].as_u64().unwrap();
    let dave = Person::register(&server, "dave").await;
    let answer = alice.post(&format!("/api/v1/conversations/{id}/members"), &json!({"username": "dave"})).await;
    assert!((400..500).contains(&answer.status), "the set is fixed: {}", answer.describe());
    let answer = alice.delete(&format!("/api/v1/conversations/{id}/members/alice")).await;
    assert!((400..500).contains(&answer.status), "the set is fixed: {}", answer.describe());
    let answer = alice.patch(&format!("/api/v1/conversations/{id}"), &json!({"name": "us"})).await;
    assert!((400..500).contains(&answer.status), "it has no name: {}", answer.describe());
    dave.get(&format!("/api/v1/conversations/{id}")).await.refused(404, "not_found");
}

#[tokio::test]
async fn two_who_write_to_each_other_first_at_once_meet_in_one_conversation() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let to = |name: &str| json!({"to": [name], "text": "hello"});
    let (to_bob, to_alice) = (to("bob"), to("alice"));
    let (one, other) = tokio::join!(alice.post("/api/v1/messages", &to_bob), bob.post("/api/v1/messages", &to_alice));
    assert_eq!(one.expect(201)["conversation_id"], other.expect(201)["conversation_id"]);
}

#[tokio::test]
async fn notes_to_self_are_a_conversation() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let mut stream = SseClient::open(server.address, &alice.stream()).await.unwrap();
    stream.until_control("ready").await;
    let mut note = alice.post("/api/v1/messages", &json!({"to": ["alice"], "text": "buy seeds"})).await.expect(201);
    stream.until_text("buy seeds").await;
    let notes = alice.get(&format!("/api/v1/conversations/{}/messages", note["conversation_id"])).await.expect(200);
    note["reply_count"] = json!(0);
    assert_eq!(notes["items"], json!([note]));
}

#[tokio::test]
async fn in_a_group_the_owner_decides_who_is_there() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let made = alice
        .post("/api/v1/conversations", &json!({"kind": "group", "name": "birds 🐦", "members": ["bob"]}))
        .await
        .expect(201);
    assert_eq!(members(&made), [pair("alice", "owner"), pair("bob", "member")]);
    let group = made["id"].as_u64().unwrap();
    let path = format!("/api/v1/conversations/{group}");
    let member = alice.post(&format!("{path}/members"), &json!({"username": "carol"})).await.expect(201);
    assert_eq!((member["user"]["username"].as_str(), member["role"].as_str()), (Some("carol"), Some("member")));
    alice.post(&format!("{path}/members"), &json!({"username": "carol"})).await.refused(409, "already_member");
    alice.post(&format!("{path}/members"), &json!({"username": "nobody"})).await.refused(404, "not_found");
    let renamed = alice.patch(&path, &json!({"name": "swans"})).await.expect(200);
    assert_eq!(
        (renamed["name"].as_str(), carol.get(&path).await.expect(200)["name"].as_str()),
        (Some("swans"), Some("swans"))
    );
    alice.patch(&format!("{path}/members/carol"), &json!({"role": "owner"})).await.expect(200);
    carol.patch(&path, &json!({"name": "geese"})).await.expect(200);
    alice.delete(&format!("{path}/members/bob")).await.expect(204);
    bob.get(&path).await.refused(404, "not_found");
    bob.post("/api/v1/messages", &json!({"conversation_id": group, "text": "x"})).await.refused(404, "not_found");
    assert_eq!(bob.get("/api/v1/conversations").await.expect(200)["items"], json!([]));
    assert_eq!(members(&alice.get(&path).await.expect(200)), [pair("alice", "owner"), pair("carol", "owner")]);
}

#[tokio::test]
async fn the_last_owner_leaving_hands_the_group_to_who_was_there_longest() {
    let server = Server::start().await;
    let [alice, bob, carol, dave] = Person::register_all(&server, ["alice", "bob", "carol", "dave"]).await;
    let group = alice.group("group", &[]).await;
    alice.add(group, &dave).await;
    alice.add(group, &bob).await;
    alice.add(group, &carol).await;
    // Who comes back begins anew.
    dave.leave(group).await;
    alice.add(group, &dave).await;
    let mut stream = SseClient::open(server.address, &carol.stream()).await.unwrap();
    stream.until_control("ready").await;
    alice.leave(group).await;
    let path = format!("/api/v1/conversations/{group}");
    assert_eq!(
        members(&carol.get(&path).await.expect(200)),
        [pair("bob", "owner"), pair("carol", "member"), pair("dave", "member")]
    );
    let heard = stream.until_seq(carol.head().await).await;
    let kinds: Vec<&str> = heard.iter().map(|seen| seen.kind.as_str()).collect();
    assert!(kinds.contains(&"member.removed") && kinds.contains(&"member.updated"), "{kinds:?}");
    let updated = heard.iter().find(|seen| seen.kind == "member.updated").unwrap().data();
    assert_eq!((updated["user"]["username"].as_str(), updated["role"].as_str()), (Some("bob"), Some("owner")));
    for person in [&bob, &carol, &dave] {
        person.leave(group).await;
    }
    dave.get(&path).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_channel_is_open_to_everybody() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let channel = alice.channel("news").await;
    let mut first = alice.say(channel, "welcome").await;
    first["reply_count"] = json!(0);
    let path = format!("/api/v1/conversations/{channel}");
    let listed = bob.get("/api/v1/channels").await.expect(200);
    assert_eq!((listed["items"][0]["id"].as_u64(), listed["items"][0]["name"].as_str()), (Some(channel), Some("news")));
    assert_eq!(
        bob.get(&format!("{path}/messages")).await.expect(200)["items"],
        json!([first]),
        "anybody reads its history"
    );
    bob.join(channel).await;
    bob.say(channel, "hello").await;
    bob.leave(channel).await;
    bob.post("/api/v1/messages", &json!({"conversation_id": channel, "text": "x"})).await.refused(403, "not_member");
    bob.post(&format!("{path}/members"), &json!({"username": "bob"})).await.expect(201);
    bob.patch(&path, &json!({"post": "owners"})).await.refused(403, "not_owner");
    assert_eq!(alice.patch(&path, &json!({"post": "owners"})).await.expect(200)["post"], "owners");
    bob.post("/api/v1/messages", &json!({"conversation_id": channel, "text": "x"})).await.refused(403, "not_owner");
}

#[tokio::test]
async fn channels_are_listed_by_name_page_by_page() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let mut names: Vec<String> = (0..7).map(|number| format!("channel-{number}")).collect();
    for name in names.iter().rev() {
        alice.channel(name).await;
    }
    let listed = pages(&alice, "/api/v1/channels?limit=3", 3).await;
    names.sort();
    assert_eq!(listed.iter().map(|channel| channel["name"].as_str().unwrap()).collect::<Vec<_>>(), names);
}

/// All items of a list that pages by `cursor`.
async fn pages(person: &Person, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = person.get(&format!("{path}{cursor}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit && page["head"].is_u64(), "{page}");
        all.extend(items.iter().cloned());
        if page["next"].is_null() {
            return all;
        }
        let next = crate::support::person::id_text(&page["next"]);
        cursor = format!("&cursor={}", url::form_urlencoded::byte_serialize(next.as_bytes()).collect::<String>());
        assert!(all.len() < 1000, "paging comes to an end");
    }
}

#[tokio::test]
async fn conversations_are_listed_by_last_activity_with_their_last_message() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let mut groups = Vec::new();
    for number in 0..7 {
        groups.push(alice.group(&format!("group {number}"), &[&bob]).await);
    }
    for group in [3, 1, 5] {
        alice.say(groups[group], &format!("in {group}")).await;
    }
    let listed = pages(&bob, "/api/v1/conversations?limit=2", 2).await;
    let ids: Vec<u64> = listed.iter().map(|conversation| conversation["id"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = [5, 1, 3, 6, 4, 2, 0].iter().map(|index| groups[*index]).collect();
    assert_eq!(ids, expected);
    assert_eq!(listed[0]["last_message"]["text"], "in 5");
    assert!(listed[3]["last_message"].is_null());
}

#[tokio::test]
async fn the_last_message_is_the_newest_that_the_asker_may_list() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (channel, group) = (alice.channel("news").await, alice.group("group", &[&bob]).await);
    let last = async |conversation: u64| {
        let view = bob.get(&format!("/api/v1/conversations/{conversation}")).await.expect(200);
        view["last_message"]["text"].as_str().map(str::to_owned)
    };
    alice.say(channel, "public").await;
    assert_eq!(last(channel).await.as_deref(), Some("public"), "he need not be a member");
    bob.join(channel).await;
    assert_eq!(last(channel).await.as_deref(), Some("public"), "nor have been one when it was said");
    alice.say(group, "before").await;
    bob.leave(group).await;
    alice.say(group, "without him").await;
    alice.add(group, &bob).await;
    assert_eq!(last(group).await.as_deref(), Some("before"));
    let hidden = alice.say(group, "after").await;
    assert_eq!(last(group).await.as_deref(), Some("after"));
    bob.delete(&format!("/api/v1/messages/{}?for=me", hidden["id"])).await.expect(204);
    assert_eq!(last(group).await.as_deref(), Some("before"));
}

#[tokio::test]
async fn who_leaves_hears_his_leaving_and_then_no_more_and_who_returns_hears_from_there() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("group", &[&bob]).await;
    let start = bob.head().await;
    let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
    stream.until_control("ready").await;
    alice.say(group, "before").await;
    bob.leave(group).await;
    alice.say(group, "meanwhile").await;
    alice.add(group, &bob).await;
    alice.say(group, "after").await;
    let live = stream.until_text("after").await;
    let mut replay = SseClient::open(server.address, &bob.stream().after(start)).await.unwrap();
    assert_eq!(replay.until_text("after").await, live, "live and replayed are the same");
    let told: Vec<String> = live
        .iter()
        .map(|seen| match seen.kind.as_str() {
            "message.created" => seen.data()["text"].as_str().unwrap().to_owned(),
            kind => format!(
                "{kind} {} by {}",
                seen.data()["user"]["username"].as_str().unwrap(),
                seen.data()["by"]["username"].as_str().unwrap()
            ),
        })
        .collect();
    assert_eq!(told, ["before", "member.removed bob by bob", "member.added bob by alice", "after"]);
    let history = bob.get(&format!("/api/v1/conversations/{group}/messages")).await.expect(200);
    let texts: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["after", "before"], "the history shows his stays and nothing between");
}

#[tokio::test]
async fn a_follower_hears_a_channel_from_where_he_began() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let channel = alice.channel("news").await;
    let start = bob.head().await;
    alice.say(channel, "one").await;
    let mut sse = SseClient::open(server.address, &bob.stream().after(start).channel("news")).await.unwrap();
    assert_eq!(sse.until_text("one").await.len(), 1);
    let mut websocket = WsClient::open(server.address, &bob.stream()).await.unwrap();
    websocket.until_control("ready").await;
    alice.say(channel, "two").await;
    let mut aside = Vec::new();
    let reply = websocket.ask(&json!({"op": "follow", "ref": "f", "channel": "news"}), &mut aside).await;
    assert_eq!(
        (reply["ok"].as_bool(), reply["result"]["conversation_id"].as_u64()),
        (Some(true), Some(channel)),
        "{reply}"
    );
    let from = reply["result"]["seq"].as_u64().unwrap();
    alice.say(channel, "three").await;
    let heard = websocket.until_text("three").await;
    assert!(heard.iter().all(|seen| seen.seq > from) && heard.len() == 1, "{heard:?}");
    assert_eq!(sse.until_text("three").await.len(), 2);
    let reply = websocket.ask(&json!({"op": "unfollow", "ref": "u", "channel": "news"}), &mut aside).await;
    assert_eq!(reply["ok"], true, "{reply}");
    alice.say(channel, "four").await;
    let note = bob.direct(&[&bob]).await;
    bob.say(note, "a note").await;
    let heard = websocket.until_text("a note").await;
    assert!(heard.iter().all(|seen| seen.json()["conversation_id"] == note), "{heard:?}");
    let by_polling = bob.get(&format!("/api/v1/events?after={from}&channel=news")).await.expect(200);
    let texts: Vec<&str> =
        by_polling["events"].as_array().unwrap().iter().filter_map(|event| event["data"]["text"].as_str()).collect();
    assert_eq!(texts, ["three", "four", "a note"]);
}

#[tokio::test]
async fn channels_are_open_to_strangers_only_if_the_operator_says_so() {
    for open in [false, true] {
        let options = if open { Server::options().switch("--anonymous-channels") } else { Server::options() };
        let server = options.start().await;
        let alice = Person::register(&server, "alice").await;
        let channel = alice.channel("news").await;
        alice.say(channel, "one").await;
        let group = alice.group("private", &[]).await;
        let stranger = server.stranger();
        let stream = SseClient::open(server.address, &stranger.stream().after(0).channel("news")).await;
        let history = stranger.get(&format!("/api/v1/conversations/{channel}/messages")).await;
        let poll = stranger.get("/api/v1/events?after=0&channel=news").await;
        if open {
            let mut stream = stream.expect("a stream opens");
            let heard = stream.until_text("one").await;
            assert!(
                heard.iter().all(|seen| seen.json()["conversation_id"] == channel),
                "nothing but the channel: {heard:?}"
            );
            assert_eq!(history.expect(200)["items"][0]["text"], "one");
            assert_eq!(poll.expect(200)["events"].as_array().unwrap().len(), heard.len());
        } else {
            assert_eq!(stream.err().expect("no stream").answer().status, 401);
            assert_eq!((history.status, poll.status), (401, 401));
        }
        let answer = stranger.get(&format!("/api/v1/conversations/{group}/messages")).await;
        assert!(matches!(answer.status, 401 | 404), "{}", answer.describe());
        stranger
            .post("/api/v1/messages", &json!({"conversation_id": channel, "text": "x"}))
            .await
            .refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn whoever_comes_first_into_a_channel_that_all_have_left_owns_it() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let channel = alice.channel("news").await;
    alice.leave(channel).await;
    let mut stream = SseClient::open(server.address, &carol.stream().channel("news")).await.unwrap();
    stream.until_control("ready").await;
    let path = format!("/api/v1/conversations/{channel}/members");
    assert_eq!(bob.post(&path, &json!({})).await.expect(201)["role"], "owner");
    assert_eq!(carol.post(&path, &json!({})).await.expect(201)["role"], "member");
    assert_eq!(alice.post(&path, &json!({})).await.expect(201)["role"], "member", "it was hers once");
    let heard = stream.until_seq(bob.head().await).await;
    assert_eq!(heard[0].data()["role"], "owner");
    let seen = bob.get(&format!("/api/v1/conversations/{channel}")).await.expect(200);
    assert_eq!(members(&seen), [pair("alice", "member"), pair("bob", "owner"), pair("carol", "member")]);
    bob.patch(&format!("/api/v1/conversations/{channel}"), &json!({"name": "olds"})).await.expect(200);
}
