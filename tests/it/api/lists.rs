//! Lists of messages by sender, recipient, date and what is unread.

use crate::support::{Chance, Person, Server};

async fn list(person: &Person, query: &str) -> Vec<String> {
    let list = person.get(&format!("/api/v1/messages?{query}")).await.expect(200);
    let items = list["items"].as_array().unwrap().iter();
    items.map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn messages_are_found_by_sender_and_recipient() {
    let server = Server::start().await;
    let [alice, bob, carol, dave] = Person::register_all(&server, ["alice", "bob", "carol", "dave"]).await;
    let pair = alice.direct(&[&bob]).await;
    let three = alice.direct(&[&bob, &carol]).await;
    let group = alice.group("group", &[&bob, &carol]).await;
    let notes = alice.direct(&[&alice]).await;
    alice.say(pair, "alice to bob").await;
    bob.say(pair, "bob to alice").await;
    carol.say(three, "carol to both").await;
    alice.say(group, "alice to the group").await;
    bob.say(group, "bob to the group").await;
    alice.say(notes, "a note").await;
    bob.say(bob.direct(&[&dave]).await, "none of alice's business").await;

    assert_eq!(list(&alice, "sender=BOB").await, ["bob to the group", "bob to alice"]);
    assert_eq!(list(&alice, "sender=bob&box=inbox").await, ["bob to the group", "bob to alice"]);
    assert_eq!(list(&alice, "sender=bob&box=sent").await, [""; 0]);
    assert_eq!(list(&alice, "sender=alice").await, ["a note", "alice to the group", "alice to bob"]);
    assert_eq!(list(&alice, &format!("sender=bob&conversation_id={pair}")).await, ["bob to alice"]);
    assert_eq!(list(&alice, "recipient=bob").await, ["carol to both", "alice to bob"]);
    assert_eq!(list(&alice, "recipient=bob&box=sent").await, ["alice to bob"]);
    assert_eq!(list(&alice, "recipient=bob&sender=carol").await, ["carol to both"]);
    assert_eq!(list(&alice, "recipient=alice").await, ["a note", "carol to both", "bob to alice"]);
    assert_eq!(list(&alice, "recipient=alice&box=inbox&after=0").await, ["bob to alice", "carol to both"]);
    assert_eq!(list(&alice, "recipient=dave").await, [""; 0]);
    assert_eq!(list(&alice, &format!("recipient=bob&conversation_id={three}")).await, ["carol to both"]);
    assert_eq!(list(&alice, &format!("recipient=bob&conversation_id={group}")).await, [""; 0]);
    for field in ["sender", "recipient"] {
        let problem = alice.get(&format!("/api/v1/messages?{field}=nobody")).await.refused(404, "not_found");
        assert_eq!(problem["field"], field);
        alice.get(&format!("/api/v1/messages?{field}=a%20b")).await.refused_field("invalid", field);
    }
}

#[tokio::test]
async fn who_is_not_there_yet_or_no_more_is_found_by_no_list() {
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    bob.say(alice.direct(&[&bob]).await, "hello").await;
    for status in ["pending", "deleted"] {
        server.kill().await;
        let now = format!("UPDATE users SET status = '{status}' WHERE id = {}", bob.id);
        server.sql(&now).await;
        server.restart().await;
        alice.get("/api/v1/users/bob").await.refused(404, "not_found");
        for field in ["sender", "recipient"] {
            alice.get(&format!("/api/v1/messages?{field}=bob")).await.refused(404, "not_found");
        }
    }
}

#[tokio::test]
async fn messages_are_found_by_moment_and_day() {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    for number in 1..=4 {
        alice.say(notes, &number.to_string()).await;
    }
    server.kill().await;
    // 22:00, 23:00, midnight and 01:00 of 2026-11-20 and 21.
    let set = "UPDATE messages SET created_at = 1795212000000 + (id - 1) * 3600000";
    server.sql(set).await;
    server.restart().await;
    let first = alice.get("/api/v1/messages/1").await.expect(200)["created_at"].clone();
    assert_eq!(first, "2026-11-20T22:00:00.000Z");

    let oldest_first = async |query: &str| list(&alice, &format!("after=0&{query}")).await.concat();
    assert_eq!(oldest_first("since=2026-11-20T23:00:00Z").await, "234");
    assert_eq!(oldest_first("since=2026-11-20T23:00:00.001Z").await, "34");
    assert_eq!(oldest_first("until=2026-11-20T23:00:00Z").await, "1");
    assert_eq!(oldest_first("until=2026-11-20T23:00:00.001Z").await, "12");
    assert_eq!(oldest_first("since=2026-11-21T00:00:00%2B01:00&until=2026-11-21T01:00:00+01:00").await, "2");
    assert_eq!(oldest_first("date=2026-11-20").await, "12");
    assert_eq!(oldest_first("date=2026-11-21").await, "34");
    assert_eq!(oldest_first("date=2026-11-21&until=2026-11-21T01:00:00Z").await, "3");
    assert_eq!(oldest_first("date=2026-11-22").await, "");
    assert_eq!(oldest_first("until=1999-01-01T00:00:00Z").await, "");
    assert_eq!(oldest_first(&format!("conversation_id={notes}&date=2026-11-20&sender=alice")).await, "12");
    assert_eq!(list(&alice, "date=2026-11-21&limit=1").await, ["4"]);
    assert_eq!(list(&alice, "before=4&since=2026-11-20T23:00:00Z").await, ["3", "2"]);
    for (field, wrong) in
        [("since", "yesterday"), ("until", "2026-11-21"), ("date", "2026-11-31"), ("date", "21.11.2026")]
    {
        let problem = alice.get(&format!("/api/v1/messages?{field}={wrong}")).await.refused(400, "malformed_request");
        assert_eq!(problem["field"], field);
    }
}

#[tokio::test]
async fn what_is_unread_comes_from_others_after_what_was_read() {
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let (direct, group) = (alice.direct(&[&bob]).await, alice.group("group", &[&bob]).await);
    for (person, place, text) in
        [(&alice, direct, "1"), (&alice, direct, "2"), (&bob, direct, "3"), (&alice, group, "4")]
    {
        person.say(place, text).await;
    }
    alice.say(group, "deleted").await;
    alice.delete("/api/v1/messages/5").await.expect(204);
    alice.say(group, "hidden").await;
    bob.delete("/api/v1/messages/6").await.expect(204);
    assert_eq!(list(&bob, "unread=true").await, ["4", "2", "1"]);
    server.kill().await;
    let read =
        format!("INSERT INTO \"reads\" (user_id, conversation_id, message_id, at) VALUES ({}, {direct}, 1, 0)", bob.id);
    server.sql(&read).await;
    server.restart().await;
    assert_eq!(list(&bob, "unread=true&after=0").await, ["2", "4"]);
    assert_eq!(list(&bob, &format!("unread=true&conversation_id={direct}")).await, ["2"]);
    assert_eq!(list(&bob, "unread=true&sender=alice&limit=1").await, ["4"]);
    assert_eq!(list(&alice, "unread=true").await, ["3"]);
    bob.get("/api/v1/messages?unread=perhaps").await.refused(400, "malformed_request");
}

#[tokio::test]
async fn in_a_channel_that_is_unread_which_came_while_one_was_there() {
    let server = Server::start().await;
    let [alice, bob, carol] = Person::register_all(&server, ["alice", "bob", "carol"]).await;
    let channel = alice.channel("channel").await;
    alice.say(channel, "before").await;
    bob.join(channel).await;
    alice.say(channel, "after").await;
    let here = format!("conversation_id={channel}&unread=true");
    assert_eq!(list(&bob, &here).await, ["after"]);
    assert_eq!(list(&bob, "unread=true").await, ["after"]);
    assert_eq!(list(&carol, &here).await, [""; 0], "a stranger has nothing unread");
    assert_eq!(list(&carol, &format!("conversation_id={channel}")).await, ["after", "before"]);
}

/// However many conversations there are, a list over all of them is that of the messages sorted by number.
#[tokio::test]
async fn a_list_over_many_conversations_is_in_order_whatever_the_page() {
    const ROOMS: usize = 30;
    let mut chance = Chance::for_test("lists");
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let mut rooms = Vec::new();
    for number in 0..ROOMS {
        rooms.push(alice.group(&format!("room {number}"), &[&bob]).await);
    }
    let mut expected = Vec::new();
    for number in 0..200 {
        let room = *chance.pick(&rooms);
        if chance.percent(10) {
            let place = rooms.iter().position(|known| *known == room).unwrap();
            bob.leave(room).await;
            alice.say(room, "without bob").await;
            if chance.percent(70) {
                alice.add(room, &bob).await;
            } else {
                rooms.swap_remove(place);
                continue;
            }
        }
        let person = if chance.percent(50) { &alice } else { &bob };
        person.say(room, &format!("text {number}")).await;
        expected.push((person.id, format!("text {number}")));
    }
    for (query, only) in [
        ("", None),
        ("box=inbox&", Some(alice.id)),
        ("sender=alice&", Some(alice.id)),
        ("box=sent&", Some(bob.id)),
        ("unread=true&", Some(alice.id)),
    ] {
        let mut wanted: Vec<&str> = expected
            .iter()
            .filter(|(author, _)| only.is_none_or(|only| only == *author))
            .map(|(_, text)| text.as_str())
            .collect();
        for oldest_first in [true, false] {
            if !oldest_first {
                wanted.reverse();
            }
            for limit in [7, 50] {
                let (mut texts, mut cursor) =
                    (Vec::new(), if oldest_first { "&after=0".to_owned() } else { String::new() });
                loop {
                    let page = bob.get(&format!("/api/v1/messages?{query}limit={limit}{cursor}")).await.expect(200);
                    texts.extend(
                        page["items"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap().to_owned()),
                    );
                    let Some(next) = page["next"].as_str() else { break };
                    cursor = format!("&{}={next}", if oldest_first { "after" } else { "before" });
                }
                assert_eq!(texts, wanted, "{query} {limit} {oldest_first}");
            }
        }
    }
}
