//! Taking what is new: the oldest first, each message once however many take at once, and none passed over.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{Caller, Chance, Ear, Person, Server, SseClient};

const NOTHING: [u64; 0] = [];

/// The numbers of the messages that are given.
async fn take(person: &Caller, body: Value) -> Vec<u64> {
    let taken = person.post("/api/v1/messages/take", &body).await.expect(200);
    assert!(taken["next"].is_null() && taken["head"].is_u64(), "{taken}");
    taken["items"].as_array().unwrap().iter().map(|message| message["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn the_oldest_come_first_and_once() {
    let server = Server::start().await;
    let [ann, ben, tom] = Person::register_all(&server, ["ann", "ben", "tom"]).await;
    let (one, other) = (ann.direct(&[&ben]).await, ann.group("group", &[&ben, &tom]).await);
    let mut said = Vec::new();
    for (person, conversation) in [(&ben, one), (&tom, other), (&ann, one), (&ben, other), (&ben, one), (&tom, other)] {
        said.push(person.say(conversation, "hello").await["id"].as_u64().unwrap());
    }
    assert_eq!(take(&ann, json!({"limit": 2})).await, said[..2]);
    assert_eq!((ann.unread(one).await, ann.unread(other).await), ((1, Some(said[0])), (2, Some(said[1]))));
    assert_eq!(take(&ann, json!({"conversation_id": other, "limit": 1})).await, [said[3]]);
    assert_eq!(take(&ann, json!({})).await, [said[4], said[5]], "her own is not new to her");
    assert_eq!(take(&ann, json!({})).await, NOTHING);
    let head = ann.head().await;
    assert_eq!(take(&ann, json!({})).await, NOTHING);
    assert_eq!(ann.head().await, head, "where nothing is new, nothing happens");
    assert_eq!(take(&tom, json!({})).await, [said[3]]);
    for (body, field) in [(json!({"conversation_id": "x"}), "conversation_id"), (json!({"limit": -1}), "limit")] {
        ann.post("/api/v1/messages/take", &body).await.refused_field("invalid", field);
    }
    ann.post("/api/v1/messages/take", &json!({"limit": 201})).await.refused(400, "malformed_request");
    ann.post("/api/v1/messages/take", &json!({"conversation_id": 999})).await.refused(404, "not_found");
}

#[tokio::test]
async fn what_is_given_is_marked_and_told_like_any_reading() {
    let mut server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    let message = ben.say(direct, "hello").await;
    let mut ben_hears = SseClient::open(server.address, &ben.stream()).await.unwrap();
    ben_hears.until_control("ready").await;
    let taken = ann.post("/api/v1/messages/take", &json!({})).await.expect(200);
    assert_eq!(taken["items"], json!([message]), "a message comes whole");
    let heard = ben_hears.until_seq(taken["head"].as_u64().unwrap()).await;
    let receipt = json!({
        "user": {"id": ann.id, "username": "ann"}, "conversation_id": direct, "message_id": message["id"],
    });
    assert_eq!(
        heard.iter().map(|seen| (seen.kind.as_str(), seen.data())).collect::<Vec<_>>(),
        [("receipt.updated", receipt)]
    );
    server.kill().await;
    server.restart().await;
    assert_eq!(take(&ann, json!({})).await, NOTHING, "what was given stays given");
}

#[tokio::test]
async fn own_notes_are_new_to_who_asks_for_them() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let (direct, notes) = (ann.direct(&[&ben]).await, ann.direct(&[]).await);
    let note = ann.say(notes, "a note").await["id"].as_u64().unwrap();
    ann.say(direct, "to somebody else").await;
    let message = ben.say(direct, "hello").await["id"].as_u64().unwrap();
    assert_eq!(take(&ann, json!({"conversation_id": notes})).await, NOTHING);
    assert_eq!(take(&ann, json!({"own_notes": true})).await, [note, message]);
    assert_eq!(take(&ann, json!({"own_notes": true})).await, NOTHING);
    assert_eq!(take(&ben, json!({"own_notes": true})).await.len(), 1, "who has no notes takes what there is");
}

#[tokio::test]
async fn from_many_conversations_they_come_in_one_order() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let mut chance = Chance::for_test("many conversations");
    let mut places = Vec::new();
    for number in 0..70 {
        places.push(ben.group(&format!("group {number}"), &[&ann]).await);
    }
    let mut said = Vec::new();
    for _ in 0..260 {
        said.push(ben.say(*chance.pick(&places), "hello").await["id"].as_u64().unwrap());
    }
    let mut taken = Vec::new();
    loop {
        let limit = chance.between(1, 90);
        let some = take(&ann, json!({"limit": limit})).await;
        assert!(some.len() == limit || taken.len() + some.len() == said.len(), "as many as there are");
        if some.is_empty() {
            break;
        }
        taken.extend(some);
    }
    assert_eq!(taken, said);
}

/// What the rules say that one reader has not read.
#[derive(Default)]
struct Model {
    is_there: bool,
    position: u64,
    /// What others said while he was there.
    said: BTreeSet<u64>,
}

impl Model {
    fn unread(&self) -> Vec<u64> {
        self.said.range(self.position + 1..).copied().collect()
    }
}

#[tokio::test]
async fn unread_is_what_the_rules_say_whatever_happens() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let mut chance = Chance::for_test("unread");
    let mut model: BTreeMap<u64, Model> = BTreeMap::new();
    for number in 0..5 {
        model.insert(ben.group(&format!("group {number}"), &[]).await, Model::default());
    }
    for _ in 0..220 {
        let places: Vec<u64> = model.keys().copied().collect();
        let place = *chance.pick(&places);
        let here = model.get_mut(&place).unwrap();
        match chance.between(0, 9) {
            0..=3 => {
                let id = ben.say(place, "hello").await["id"].as_u64().unwrap();
                if here.is_there {
                    here.said.insert(id);
                }
            }
            4 if here.is_there => drop(ann.say(place, "mine").await),
            5 if here.is_there && !chance.percent(50) => {
                ann.leave(place).await;
                here.is_there = false;
            }
            5 | 6 if !here.is_there => {
                ben.add(place, &ann).await;
                here.is_there = true;
            }
            7 => {
                let said: Vec<u64> = here.said.iter().copied().collect();
                if !said.is_empty() {
                    let message = *chance.pick(&said);
                    let read = ann.read(place, &json!({"id": message})).await.expect(200);
                    here.position = here.position.max(message);
                    assert_eq!(
                        (read["message_id"].as_u64(), read["unread"].as_u64()),
                        (Some(here.position), Some(here.unread().len() as u64))
                    );
                }
            }
            8 => {
                let limit = chance.between(1, 4);
                if here.is_there || !here.said.is_empty() {
                    let expected: Vec<u64> = here.unread().into_iter().take(limit).collect();
                    let body = json!({"conversation_id": place, "limit": limit});
                    let answer = ann.post("/api/v1/messages/take", &body).await;
                    let given = answer.expect(200);
                    let given: Vec<u64> =
                        given["items"].as_array().unwrap().iter().map(|it| it["id"].as_u64().unwrap()).collect();
                    assert_eq!(given, expected);
                    here.position = expected.last().copied().unwrap_or(0).max(here.position);
                }
            }
            9 => {
                let limit = chance.between(1, 6);
                let mut expected: Vec<(u64, u64)> =
                    model.iter().flat_map(|(place, here)| here.unread().into_iter().map(|id| (id, *place))).collect();
                expected.sort_unstable();
                expected.truncate(limit);
                let ids: Vec<u64> = expected.iter().map(|(id, _)| *id).collect();
                assert_eq!(take(&ann, json!({"limit": limit})).await, ids);
                for (id, place) in expected {
                    model.get_mut(&place).unwrap().position = id;
                }
            }
            _ => {}
        }
        let list = ann.get("/api/v1/conversations").await.expect(200);
        let told: BTreeMap<u64, u64> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| (item["id"].as_u64().unwrap(), item["unread"].as_u64().unwrap()))
            .collect();
        let present = model.iter().filter(|(_, here)| here.is_there);
        assert_eq!(told, present.map(|(place, here)| (*place, here.unread().len() as u64)).collect());
    }
}

#[tokio::test]
async fn many_take_at_once_beside_those_who_send_and_each_message_is_taken_once() {
    const TAKERS: usize = 8;
    const EACH: usize = 40;
    let server = Server::start().await;
    let [ann, ben, tom, eve] = Person::register_all(&server, ["ann", "ben", "tom", "eve"]).await;
    let group = ann.group("group", &[&ben, &tom, &eve]).await;
    let senders = [(&ben, group), (&tom, group), (&eve, ann.direct(&[&eve]).await)];
    let sending = futures_util::future::join_all(senders.map(|(sender, place)| async move {
        let mut ids = Vec::new();
        for _ in 0..EACH {
            ids.push(sender.say(place, "hello").await["id"].as_u64().unwrap());
        }
        ids
    }));
    let total = senders.len() * EACH;
    let count = std::sync::atomic::AtomicUsize::new(0);
    let taking = futures_util::future::join_all((0..TAKERS).map(|taker| {
        let (ann, count) = (&ann, &count);
        async move {
            let mut ids = Vec::new();
            // Until all have been taken, by whomever; one taken twice would end it with one missing.
            while count.load(std::sync::atomic::Ordering::SeqCst) < total {
                let some = take(ann, json!({"limit": 1 + taker})).await;
                assert!(some.is_sorted(), "the oldest first");
                count.fetch_add(some.len(), std::sync::atomic::Ordering::SeqCst);
                ids.extend(some);
            }
            ids
        }
    }));
    let together = futures_util::future::join(sending, taking);
    let (sent, taken) = crate::support::within(crate::support::seconds(60), "everything to be taken", together).await;
    let mut sent: Vec<u64> = sent.into_iter().flatten().collect();
    let mut all: Vec<u64> = taken.into_iter().flatten().collect();
    sent.sort_unstable();
    all.sort_unstable();
    assert_eq!(all, sent);
    assert_eq!(ann.unread(group).await.0, 0);
}

#[tokio::test]
async fn who_has_nothing_new_does_not_wait_for_the_clock() {
    let server = Server::start().await;
    let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
    let direct = ann.direct(&[&ben]).await;
    for _ in 0..3 {
        ann.say(direct, "hello").await;
    }
    let held = server.hold_the_clock().await;
    assert_eq!(take(&ann, json!({})).await, NOTHING);
    assert_eq!(take(&ann, json!({"conversation_id": direct, "own_notes": true})).await, NOTHING);
    held.rollback().await.unwrap();
    assert_eq!(take(&ben, json!({})).await.len(), 3);
}
