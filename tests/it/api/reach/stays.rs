//! Who reaches a conversation, in every situation that the rules of stays tell apart.

use serde_json::json;

use crate::support::{Ear, Person, Server, WsClient};

/// Who somebody is to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stay {
    GroupNever,
    GroupOnce,
    GroupMember,
    ChannelNever,
    ChannelOnce,
    ChannelMember,
    DirectNever,
}

use Stay::{ChannelMember, ChannelNever, ChannelOnce, DirectNever, GroupMember, GroupNever, GroupOnce};

const STAYS: [Stay; 7] = [GroupNever, GroupOnce, GroupMember, ChannelNever, ChannelOnce, ChannelMember, DirectNever];

/// A status, and the code of a refusal.
type Said = (u16, &'static str);

const OK: Said = (200, "");
const MADE: Said = (201, "");
const GONE: Said = (204, "");
const NONE: Said = (404, "not_found");
const JOIN: Said = (403, "not_member");
const OWNERS: Said = (403, "not_owner");
const FIXED: Said = (409, "already_member");

/// What each route says to each of them; the last two change who they are. `{c}` is the conversation, `{m}` a message
/// that came while who was there was there, `{n}` one that came after who left had left.
const ROUTES: [(&str, &str, [Said; 7]); 16] = [
    ("GET", "/conversations/{c}", [NONE, NONE, OK, OK, OK, OK, NONE]),
    ("GET", "/conversations/{c}/messages", [NONE, OK, OK, OK, OK, OK, NONE]),
    ("GET", "/messages/{m}", [NONE, OK, OK, OK, OK, OK, NONE]),
    ("GET", "/messages/{n}", [NONE, NONE, OK, OK, OK, OK, NONE]),
    ("POST", "/messages", [NONE, NONE, MADE, JOIN, JOIN, MADE, NONE]),
    ("POST", "/conversations/{c}/messages", [NONE, NONE, MADE, JOIN, JOIN, MADE, NONE]),
    ("PUT", "/conversations/{c}/read {m}", [NONE, OK, OK, JOIN, OK, OK, NONE]),
    ("PUT", "/conversations/{c}/read {n}", [NONE, NONE, OK, JOIN, OK, OK, NONE]),
    ("GET", "/conversations/{c}/receipts", [NONE, NONE, OK, OK, OK, OK, NONE]),
    ("POST", "/messages/take", [NONE, OK, OK, JOIN, OK, OK, NONE]),
    ("PATCH", "/conversations/{c}", [NONE, NONE, OWNERS, JOIN, JOIN, OWNERS, NONE]),
    ("PATCH", "/conversations/{c}/members/olga", [NONE, NONE, OWNERS, JOIN, JOIN, OWNERS, NONE]),
    ("DELETE", "/conversations/{c}/members/olga", [NONE, NONE, OWNERS, JOIN, JOIN, OWNERS, NONE]),
    ("POST", "/conversations/{c}/members", [NONE, NONE, OWNERS, JOIN, JOIN, OWNERS, NONE]),
    ("DELETE", "/conversations/{c}/members/{self}", [NONE, NONE, GONE, JOIN, JOIN, GONE, NONE]),
    ("POST", "/conversations/{c}/members join", [NONE, NONE, NONE, MADE, MADE, MADE, NONE]),
];

#[tokio::test]
async fn stays_say_which_conversation_is_reached_and_how() {
    let server = Server::start().await;
    let [olga, other] = Person::register_all(&server, ["olga", "other"]).await;
    let names = STAYS.map(|stay| format!("{stay:?}"));
    let people = futures_util::future::join_all(names.iter().map(|name| Person::register(&server, name))).await;
    let group = olga.group("a group", &[]).await;
    let channel = olga.channel("a channel").await;
    let direct = olga.direct(&[&other]).await;
    let mut places = Vec::new();
    for (stay, person) in STAYS.into_iter().zip(&people) {
        let conversation = match stay {
            GroupNever | GroupOnce | GroupMember => group,
            ChannelNever | ChannelOnce | ChannelMember => channel,
            DirectNever => direct,
        };
        if matches!(stay, GroupOnce | GroupMember) {
            olga.add(conversation, person).await;
        }
        if matches!(stay, ChannelOnce | ChannelMember) {
            person.join(conversation).await;
        }
        let during = olga.say(conversation, "while they are there").await;
        if matches!(stay, GroupOnce | ChannelOnce) {
            person.leave(conversation).await;
        }
        let after = olga.say(conversation, "later").await;
        places.push((conversation, during, after));
    }
    let mut wrong = Vec::new();
    for (method, route, expected) in ROUTES {
        for (((stay, person), (conversation, during, after)), (status, code)) in
            STAYS.iter().zip(&people).zip(&places).zip(expected)
        {
            let (path, what) = route.split_once(' ').unwrap_or((route, ""));
            let path = path
                .replace("{c}", &conversation.to_string())
                .replace("{m}", &during["id"].to_string())
                .replace("{n}", &after["id"].to_string())
                .replace("{self}", &person.name);
            let read = if what == "{m}" { &during["id"] } else { &after["id"] };
            let body = match (method, route) {
                ("POST", "/messages") => json!({"conversation_id": conversation, "text": "hello"}),
                ("POST", "/conversations/{c}/messages") => json!({"text": "hello"}),
                ("POST", "/messages/take") => json!({"conversation_id": conversation}),
                ("PUT", _) => json!({"message_id": read}),
                ("PATCH", "/conversations/{c}") => json!({"name": "another name"}),
                ("PATCH", _) => json!({"role": "member"}),
                ("POST", "/conversations/{c}/members") => json!({"username": "other"}),
                _ => json!({}),
            };
            let body = (method != "GET" && method != "DELETE").then_some(body);
            let answer = person.call(method.parse().unwrap(), &format!("/api/v1{path}"), body.as_ref()).await;
            let given =
                if answer.status < 300 { String::new() } else { answer.json()["code"].as_str().unwrap().to_owned() };
            if (answer.status, given.as_str()) != (status, code) {
                wrong.push(format!("{method} {route} as {stay:?}: {status} {code} expected, {}", answer.describe()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    olga.post(&format!("/api/v1/conversations/{group}/members"), &json!({"username": "olga"}))
        .await
        .refused(FIXED.0, FIXED.1);
}

#[tokio::test]
async fn a_socket_says_the_same_of_stays_as_the_routes() {
    let server = Server::start().await;
    let [olga, never, member] = Person::register_all(&server, ["olga", "never", "member"]).await;
    let group = olga.group("a group", &[&member]).await;
    let channel = olga.channel("a channel").await;
    let in_group = olga.say(group, "hello").await;
    let in_channel = olga.say(channel, "hello").await;
    for (person, conversation, message, send, read) in [
        (&never, group, &in_group, "not_found", "not_found"),
        (&never, channel, &in_channel, "not_member", "not_member"),
        (&never, group, &in_channel, "not_found", "not_found"),
        (&member, group, &in_group, "", ""),
        (&member, group, &in_channel, "", "not_found"),
    ] {
        let mut socket = WsClient::open(server.address, &person.stream()).await.unwrap();
        socket.until_control("ready").await;
        let mut aside = Vec::new();
        let sent = json!({"op": "send", "ref": 1, "conversation_id": conversation, "text": "hello"});
        let sent = socket.ask(&sent, &mut aside).await;
        let done = json!({"op": "read", "ref": 2, "conversation_id": conversation, "message_id": message["id"]});
        let done = socket.ask(&done, &mut aside).await;
        for (reply, expected) in [(&sent, send), (&done, read)] {
            assert_eq!(reply["error"]["code"].as_str().unwrap_or(""), expected, "{}: {reply}", person.name);
        }
    }
}
