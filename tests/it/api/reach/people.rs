//! Who reaches a person, in every situation that the rules of inboxes, contacts and blocks tell apart.

use serde_json::{Value, json};

use crate::support::{Ear, Person, Server, WsClient};

/// What one person, Ann, has said to another, Ben, who wants to reach her.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Situation {
    Open,
    /// Her inbox is for contacts, and he never asked.
    Closed,
    Asked,
    Rejected,
    Approved,
    Blocked,
    /// Blocked, although he is an approved contact.
    BlockedContact,
    /// He has blocked her.
    Blocking,
    Unblocked,
}

use Situation::{Approved, Asked, Blocked, BlockedContact, Blocking, Closed, Open, Rejected, Unblocked};

const SITUATIONS: [Situation; 9] =
    [Open, Closed, Asked, Rejected, Approved, Blocked, BlockedContact, Blocking, Unblocked];

impl Situation {
    fn closes_the_inbox(self) -> bool {
        matches!(self, Closed | Asked | Rejected | Approved | BlockedContact)
    }

    async fn arise(self, ann: &Person, ben: &Person) {
        match self {
            Open | Closed => {}
            Asked => drop(ben.ask(ann).await.expect(201)),
            Rejected => {
                ben.ask(ann).await.expect(201);
                ann.answer(ben, "rejected").await;
            }
            Approved => drop(ann.answer(ben, "approved").await),
            Blocked => ann.block(ben).await,
            BlockedContact => {
                ann.answer(ben, "approved").await;
                ann.block(ben).await;
            }
            Blocking => ben.block(ann).await,
            Unblocked => {
                ann.block(ben).await;
                ann.delete(&format!("/api/v1/blocks/{}", ben.name)).await.expect(204);
            }
        }
    }
}

/// What comes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It is done.
    Done,
    /// 403 `not_a_contact`.
    Contacts,
    /// 403 `blocked`.
    Shut,
    /// 409 `already_requested`.
    Again,
}

use Outcome::{Again, Contacts, Done, Shut};

/// What each way leads to, in the order of the situations.
const FREE: [Outcome; 9] = [Done; 9];
const ALONE: [Outcome; 9] = [Done, Contacts, Contacts, Contacts, Done, Shut, Shut, Done, Done];
/// Who was answered has the conversation in which he was told so.
const MAKING: [Outcome; 9] = [Done, Contacts, Contacts, Done, Done, Shut, Shut, Done, Done];
const TOGETHER: [Outcome; 9] = [Done, Contacts, Contacts, Contacts, Done, Done, Done, Done, Done];
/// Who blocked him hears no answer that she did not ask for.
const ANSWER: [Outcome; 9] = [Done, Done, Done, Done, Done, Shut, Shut, Done, Done];
const REQUEST: [Outcome; 9] = [Done, Done, Again, Again, Done, Shut, Shut, Done, Done];

/// How Ben tries to reach Ann. What he needs for it he made while nothing stood between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    SendToHer,
    SendIntoOurs,
    PostIntoOurs,
    PostTextIntoOurs,
    ReplyInOurs,
    RepeatInOurs,
    EditInOurs,
    EditInOursBySocket,
    SendByKey,
    SendToHerBySocket,
    SendIntoOursBySocket,
    MakeOurs,
    FindOurs,
    ReadOurs,
    MakeOursOfThree,
    SendToHerAndHim,
    SendIntoOursOfThree,
    GroupWithHer,
    ChannelWithHer,
    AddToGroup,
    AddToChannel,
    SendIntoSharedGroup,
    SendIntoSharedChannel,
    SheJoins,
    Ask,
    ApproveHer,
}

const WAYS: [(Way, [Outcome; 9]); 26] = [
    (Way::SendToHer, ALONE),
    (Way::SendIntoOurs, ALONE),
    (Way::PostIntoOurs, ALONE),
    (Way::PostTextIntoOurs, ALONE),
    (Way::ReplyInOurs, ALONE),
    (Way::RepeatInOurs, FREE),
    (Way::EditInOurs, ALONE),
    (Way::EditInOursBySocket, ALONE),
    (Way::SendByKey, ALONE),
    (Way::SendToHerBySocket, ALONE),
    (Way::SendIntoOursBySocket, ALONE),
    (Way::MakeOurs, MAKING),
    (Way::FindOurs, FREE),
    (Way::ReadOurs, FREE),
    (Way::MakeOursOfThree, TOGETHER),
    (Way::SendToHerAndHim, TOGETHER),
    (Way::SendIntoOursOfThree, TOGETHER),
    (Way::GroupWithHer, ALONE),
    (Way::ChannelWithHer, ALONE),
    (Way::AddToGroup, ALONE),
    (Way::AddToChannel, ALONE),
    (Way::SendIntoSharedGroup, FREE),
    (Way::SendIntoSharedChannel, FREE),
    (Way::SheJoins, FREE),
    (Way::Ask, REQUEST),
    (Way::ApproveHer, ANSWER),
];

/// What Ben has made before.
#[derive(Default)]
struct Prepared {
    conversation: u64,
    message: Value,
}

impl Way {
    async fn prepare(self, ann: &Person, ben: &Person, tom: &Person) -> Prepared {
        let named = |what: &str| format!("{what} of {} and {}", ann.name, ben.name);
        let conversation = match self {
            Self::SendIntoOurs
            | Self::PostIntoOurs
            | Self::PostTextIntoOurs
            | Self::ReplyInOurs
            | Self::RepeatInOurs
            | Self::EditInOurs
            | Self::EditInOursBySocket
            | Self::SendIntoOursBySocket
            | Self::FindOurs
            | Self::ReadOurs => ben.direct(&[ann]).await,
            Self::SendIntoOursOfThree => ben.direct(&[ann, tom]).await,
            Self::AddToGroup => ben.group("a group", &[]).await,
            Self::SendIntoSharedGroup => ben.group("a group", &[ann]).await,
            Self::AddToChannel | Self::SheJoins => ben.channel(&named("channel")).await,
            Self::SendIntoSharedChannel => {
                let channel = ben.channel(&named("channel")).await;
                ann.join(channel).await;
                channel
            }
            _ => return Prepared::default(),
        };
        let body =
            json!({"conversation_id": conversation, "text": "before", "client_id": named("first").replace(' ', "-")});
        let message = ben.post("/api/v1/messages", &body).await.expect(201);
        Prepared { conversation, message }
    }

    /// The status and the body of the attempt.
    async fn attempt(
        self,
        server: &Server,
        ann: &Person,
        ben: &Person,
        tom: &Person,
        known: &Prepared,
    ) -> (u16, Value) {
        let Prepared { conversation, message } = known;
        let here = json!({"conversation_id": conversation, "text": "hello"});
        let to_her = json!({"to": [ann.name], "text": "hello"});
        let with_her =
            |kind: &str| json!({"kind": kind, "name": format!("{kind} {}", ben.name), "members": [ann.name]});
        let path = format!("/api/v1/conversations/{conversation}");
        let answer = match self {
            Self::SendToHer => ben.post("/api/v1/messages", &to_her).await,
            Self::SendIntoOurs
            | Self::SendIntoOursOfThree
            | Self::SendIntoSharedGroup
            | Self::SendIntoSharedChannel => ben.post("/api/v1/messages", &here).await,
            Self::PostIntoOurs => ben.post(&format!("{path}/messages"), &json!({"text": "hello"})).await,
            Self::PostTextIntoOurs => {
                ben.send_body(http::Method::POST, &format!("{path}/messages"), "text/plain", "hello").await
            }
            Self::ReplyInOurs => {
                let reply = json!({"conversation_id": conversation, "text": "hello", "thread_id": message["id"]});
                ben.post("/api/v1/messages", &reply).await
            }
            Self::RepeatInOurs => {
                let again =
                    json!({"conversation_id": conversation, "text": "before", "client_id": message["client_id"]});
                ben.post("/api/v1/messages", &again).await
            }
            Self::EditInOurs => {
                ben.patch(&format!("/api/v1/messages/{}", message["id"]), &json!({"text": "anew"})).await
            }
            Self::EditInOursBySocket => {
                return by_socket(server, ben, json!({"op": "edit", "id": message["id"], "text": "anew"})).await;
            }
            Self::SendByKey => {
                let key = ben.post("/api/v1/keys", &json!({"name": "", "scopes": ["send"]})).await.expect(201);
                let robot = server.stranger().with_bearer(key["key"].as_str().unwrap());
                robot.post("/api/v1/messages", &to_her).await
            }
            Self::SendToHerBySocket => return by_socket(server, ben, to_her).await,
            Self::SendIntoOursBySocket => return by_socket(server, ben, here).await,
            Self::MakeOurs | Self::FindOurs => {
                ben.post("/api/v1/conversations", &json!({"kind": "direct", "members": [ann.name]})).await
            }
            Self::ReadOurs => ben.read(*conversation, message).await,
            Self::MakeOursOfThree => {
                let of_three = json!({"kind": "direct", "members": [tom.name, ann.name]});
                ben.post("/api/v1/conversations", &of_three).await
            }
            Self::SendToHerAndHim => {
                ben.post("/api/v1/messages", &json!({"to": [tom.name, ann.name], "text": "hello"})).await
            }
            Self::GroupWithHer => ben.post("/api/v1/conversations", &with_her("group")).await,
            Self::ChannelWithHer => {
                let mut channel = with_her("channel");
                channel["name"] = json!(format!("{} for {}", ben.name, ann.name));
                ben.post("/api/v1/conversations", &channel).await
            }
            Self::AddToGroup | Self::AddToChannel => {
                ben.post(&format!("{path}/members"), &json!({"username": ann.name})).await
            }
            Self::SheJoins => ann.post(&format!("{path}/members"), &json!({})).await,
            Self::Ask => ben.ask(ann).await,
            Self::ApproveHer => ben.put(&format!("/api/v1/contacts/{}", ann.name), &json!({"state": "approved"})).await,
        };
        (answer.status, answer.json())
    }
}

async fn by_socket(server: &Server, ben: &Person, mut body: Value) -> (u16, Value) {
    let mut socket = WsClient::open(server.address, &ben.stream()).await.unwrap();
    socket.until_control("ready").await;
    if body["op"].is_null() {
        body["op"] = json!("send");
    }
    body["ref"] = json!(1);
    let mut reply = socket.ask(&body, &mut Vec::new()).await;
    if reply["ok"] == true {
        return (200, reply["result"].take());
    }
    let error = reply["error"].take();
    (u16::try_from(error["status"].as_u64().unwrap()).unwrap(), error)
}

#[tokio::test]
async fn inboxes_contacts_and_blocks_say_who_is_reached_and_how() {
    let server = Server::start().await;
    let tom = Person::register(&server, "tom").await;
    let names: Vec<String> = (0..WAYS.len()).map(|way| format!("ben{way}")).collect();
    let bens = futures_util::future::join_all(names.iter().map(|name| Person::register(&server, name))).await;
    let mut wrong = Vec::new();
    for (column, situation) in SITUATIONS.into_iter().enumerate() {
        // Each pair meets once, so what one attempt makes is in no other's way.
        let ann = Person::register(&server, &format!("ann{column}")).await;
        let mut prepared = Vec::new();
        for ((way, _), ben) in WAYS.iter().zip(&bens) {
            prepared.push(way.prepare(&ann, ben, &tom).await);
            situation.arise(&ann, ben).await;
        }
        if situation.closes_the_inbox() {
            ann.close_inbox().await;
        }
        for (((way, expected), ben), known) in WAYS.iter().zip(&bens).zip(&prepared) {
            let head = ben.head().await;
            let (status, body) = way.attempt(&server, &ann, ben, &tom, known).await;
            let outcome = match (status, body["code"].as_str()) {
                (200 | 201, None) => Some(Done),
                (403, Some("not_a_contact")) => Some(Contacts),
                (403, Some("blocked")) => Some(Shut),
                (409, Some("already_requested")) => Some(Again),
                _ => None,
            };
            if outcome != Some(expected[column]) {
                wrong.push(format!("{way:?} when {situation:?}: {:?} expected, {status} {body}", expected[column]));
                continue;
            }
            let state = match situation {
                Closed => "none",
                Asked => "pending",
                _ => "rejected",
            };
            match expected[column] {
                Contacts => {
                    assert_eq!((&body["username"], &body["state"]), (&json!(ann.name), &json!(state)), "{way:?}");
                }
                Shut => assert_eq!(body["username"], ann.name, "{way:?}"),
                Again => assert_eq!(body["state"], state, "{way:?}"),
                Done => {}
            }
            let left = ben.events_after(head).await;
            if expected[column] != Done && left.iter().any(|(kind, _)| kind != "key.created") {
                wrong.push(format!("{way:?} when {situation:?} was refused and has left an event"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.events_on_disk().await.assert_dense();
}

#[tokio::test]
async fn who_writes_to_several_is_told_the_first_who_is_not_reached() {
    let server = Server::start().await;
    let [zoe, ann, ben] = Person::register_all(&server, ["zoe", "ann", "ben"]).await;
    zoe.close_inbox().await;
    ann.close_inbox().await;
    for (names, first) in [(["zoe", "ann"], "zoe"), (["ann", "zoe"], "ann")] {
        let refused = ben.post("/api/v1/messages", &json!({"to": names, "text": "hello"})).await;
        assert_eq!(refused.refused(403, "not_a_contact")["username"], first);
        let refused = ben.post("/api/v1/conversations", &json!({"kind": "group", "members": names})).await;
        assert_eq!(refused.refused(403, "not_a_contact")["username"], first);
    }
    ann.answer(&ben, "approved").await;
    let refused = ben.post("/api/v1/messages", &json!({"to": ["ann", "zoe"], "text": "hello"})).await;
    assert_eq!(refused.refused(403, "not_a_contact")["username"], "zoe");
    zoe.answer(&ben, "approved").await;
    ben.post("/api/v1/messages", &json!({"to": ["ann", "zoe"], "text": "hello"})).await.expect(201);
}

#[tokio::test]
async fn notes_to_self_ask_nobody() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    ann.close_inbox().await;
    let note = ann.post("/api/v1/messages", &json!({"to": ["ann"], "text": "buy seeds"})).await.expect(201);
    ann.say(note["conversation_id"].as_u64().unwrap(), "and corn").await;
    assert_eq!(ann.get("/api/v1/me").await.expect(200)["inbox"], "contacts");
}
