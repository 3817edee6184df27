//! What an administrator sees of conversations that he is not in: nothing, by any route, operation or stream.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};

use crate::support::documented::DOCUMENT;
use crate::support::{Answer, Credentials, Ear, Person, Server, SseClient, StreamRequest, WsClient};

/// Paths with an `{id}` that is of neither a conversation nor a message.
const OTHER_IDS: [&str; 4] =
    ["/api/v1/users/by-id/{id}", "/api/v1/sessions/{id}", "/api/v1/keys/{id}", "/api/v1/invitations/{id}"];

/// What others' conversation or message gets whoever names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// 404, word for word what one gets that never was.
    Unknown,
    /// 200 with nothing of it: a number only says where in the caller's own a part begins, or comes back as not found.
    Nothing,
}

use Outcome::{Nothing, Unknown};

/// Each place of each route at which a conversation or a message is named: `{c}` and `{m}` are others', `{g}` is the
/// name of others' conversation, `{own}` a conversation of the caller.
const PLACES: [(&str, &str, &str, &str, &str, Outcome); 37] = [
    ("GET", "/stream", "channel", "/stream?channel={g}", "", Unknown),
    ("GET", "/ws", "channel", "/ws?channel={g}", "", Unknown),
    ("GET", "/api/v1/events", "channel", "/api/v1/events?after=0&channel={g}", "", Unknown),
    ("POST", "/api/v1/keys", "conversation_id", "/api/v1/keys", KEY, Unknown),
    ("GET", "/api/v1/conversations/{id}", "id", "/api/v1/conversations/{c}", "", Unknown),
    ("PATCH", "/api/v1/conversations/{id}", "id", "/api/v1/conversations/{c}", r#"{"name":"mine"}"#, Unknown),
    ("POST", "/api/v1/conversations/{id}/members", "id", "/api/v1/conversations/{c}/members", "{}", Unknown),
    ("POST", "/api/v1/conversations/{id}/members", "id", "/api/v1/conversations/{c}/members", ROOT, Unknown),
    ("DELETE", "/api/v1/conversations/{id}/members/{name}", "id", "/api/v1/conversations/{c}/members/ann", "", Unknown),
    (
        "DELETE",
        "/api/v1/conversations/{id}/members/{name}",
        "id",
        "/api/v1/conversations/{c}/members/root",
        "",
        Unknown,
    ),
    (
        "PATCH",
        "/api/v1/conversations/{id}/members/{name}",
        "id",
        "/api/v1/conversations/{c}/members/ann",
        ROLE,
        Unknown,
    ),
    ("POST", "/api/v1/conversations/{id}/messages", "id", "/api/v1/conversations/{c}/messages", TEXT, Unknown),
    (
        "POST",
        "/api/v1/conversations/{id}/messages",
        "thread_id",
        "/api/v1/conversations/{own}/messages",
        REPLY,
        Unknown,
    ),
    ("GET", "/api/v1/conversations/{id}/messages", "id", "/api/v1/conversations/{c}/messages", "", Unknown),
    (
        "GET",
        "/api/v1/conversations/{id}/messages",
        "before",
        "/api/v1/conversations/{own}/messages?before={m}",
        "",
        Nothing,
    ),
    (
        "GET",
        "/api/v1/conversations/{id}/messages",
        "after",
        "/api/v1/conversations/{own}/messages?after={m}",
        "",
        Nothing,
    ),
    ("POST", "/api/v1/messages", "conversation_id", "/api/v1/messages", SEND, Unknown),
    ("POST", "/api/v1/messages", "thread_id", "/api/v1/messages", SEND_REPLY, Unknown),
    ("GET", "/api/v1/messages", "conversation_id", "/api/v1/messages?conversation_id={c}", "", Unknown),
    ("GET", "/api/v1/messages", "thread_id", "/api/v1/messages?thread_id={m}", "", Unknown),
    ("GET", "/api/v1/messages", "before", "/api/v1/messages?before={m}", "", Nothing),
    ("GET", "/api/v1/messages", "after", "/api/v1/messages?after={m}", "", Nothing),
    ("GET", "/api/v1/messages/{id}", "id", "/api/v1/messages/{m}", "", Unknown),
    ("PATCH", "/api/v1/messages/{id}", "id", "/api/v1/messages/{m}", TEXT, Unknown),
    ("DELETE", "/api/v1/messages/{id}", "id", "/api/v1/messages/{m}", "", Unknown),
    ("POST", "/api/v1/messages/delete", "ids", "/api/v1/messages/delete", r#"{"ids":[{m}],"for":"all"}"#, Nothing),
    ("GET", "/api/v1/messages/{id}/replies", "id", "/api/v1/messages/{m}/replies", "", Unknown),
    ("GET", "/api/v1/messages/{id}/replies", "before", "/api/v1/messages/{ownm}/replies?before={m}", "", Nothing),
    ("GET", "/api/v1/messages/{id}/replies", "after", "/api/v1/messages/{ownm}/replies?after={m}", "", Nothing),
    ("GET", "/api/v1/mentions", "before", "/api/v1/mentions?before={m}", "", Nothing),
    ("GET", "/api/v1/mentions", "after", "/api/v1/mentions?after={m}", "", Nothing),
    ("GET", "/api/v1/threads", "conversation_id", "/api/v1/threads?conversation_id={c}", "", Unknown),
    ("PUT", "/api/v1/conversations/{id}/read", "id", "/api/v1/conversations/{c}/read", READ, Unknown),
    ("POST", "/api/v1/conversations/{id}/typing", "id", "/api/v1/conversations/{c}/typing", "{}", Unknown),
    ("PUT", "/api/v1/conversations/{id}/read", "message_id", "/api/v1/conversations/{own}/read", READ, Unknown),
    ("GET", "/api/v1/conversations/{id}/receipts", "id", "/api/v1/conversations/{c}/receipts", "", Unknown),
    (
        "POST",
        "/api/v1/messages/take",
        "conversation_id",
        "/api/v1/messages/take",
        r#"{"conversation_id":{c}}"#,
        Unknown,
    ),
];

const KEY: &str = r#"{"name":"ear","scopes":["read"],"conversation_id":{c}}"#;
const ROOT: &str = r#"{"username":"root"}"#;
const ROLE: &str = r#"{"role":"member"}"#;
const TEXT: &str = r#"{"text":"I am the administrator"}"#;
const REPLY: &str = r#"{"text":"I am the administrator","thread_id":{m}}"#;
const SEND: &str = r#"{"text":"I am the administrator","conversation_id":{c}}"#;
const SEND_REPLY: &str = r#"{"text":"I am the administrator","conversation_id":{own},"thread_id":{m}}"#;
const READ: &str = r#"{"message_id":{m}}"#;

/// The same for a WebSocket. What `delete` found nothing of is in its reply.
const OPERATIONS: [(&str, &str, Outcome); 9] = [
    ("send", SEND, Unknown),
    ("send", SEND_REPLY, Unknown),
    ("edit", r#"{"id":{m},"text":"I am the administrator"}"#, Unknown),
    ("delete", r#"{"ids":[{m}],"for":"all"}"#, Nothing),
    ("read", r#"{"conversation_id":{c},"message_id":{m}}"#, Unknown),
    ("read", r#"{"conversation_id":{own},"message_id":{m}}"#, Unknown),
    ("typing", r#"{"conversation_id":{c}}"#, Unknown),
    ("follow", r#"{"channel":"{g}"}"#, Unknown),
    ("unfollow", r#"{"channel":"{g}"}"#, Unknown),
];

/// Operations that name neither.
const OTHER_OPERATIONS: [&str; 2] = ["auth", "ping"];

/// Lists of one's own, and of what administrators may see.
const LISTS: [&str; 14] = [
    "/api/v1/messages",
    "/api/v1/messages?unread=true",
    "/api/v1/messages?sender=ann",
    "/api/v1/messages?recipient=ann",
    "/api/v1/messages?box=inbox",
    "/api/v1/messages?since=2020-01-01T00:00:00Z",
    "/api/v1/conversations",
    "/api/v1/channels",
    "/api/v1/mentions",
    "/api/v1/threads",
    "/api/v1/events?after=0&limit=1000",
    "/api/v1/admin/users",
    "/api/v1/users/ann",
    "/api/v1/contacts",
];

/// What is said where the administrator is not, and how that place is called.
const SECRETS: [&str; 3] = ["between-ourselves", "behind-the-shed", "not-for-root"];

/// A conversation and a message in it, or numbers and a name that nobody has.
struct Named {
    conversation: u64,
    message: u64,
    name: &'static str,
}

impl Named {
    fn fill(&self, template: &str, own: (u64, u64)) -> String {
        template
            .replace("{c}", &self.conversation.to_string())
            .replace("{m}", &self.message.to_string())
            .replace("{g}", self.name)
            .replace("{own}", &own.0.to_string())
            .replace("{ownm}", &own.1.to_string())
    }
}

const NOBODYS: Named = Named { conversation: 999_999, message: 999_999, name: "no-such-name" };

/// Ann and Ben among themselves, and an administrator with a conversation of his own.
struct House {
    server: Server,
    root: Person,
    ann: Person,
    ben: Person,
    /// What is none of his business: the root of a thread, and a reply, in a direct conversation and in a group.
    private: Vec<Named>,
    own: (u64, u64),
}

impl House {
    async fn build() -> Self {
        let server = Server::start().await;
        let root = Person::administrator(&server, "root").await;
        let [ann, ben] = Person::register_all(&server, ["ann", "ben"]).await;
        let own = root.group("for-all", &[&ann]).await;
        let own_message = root.say(own, "to all").await["id"].as_u64().unwrap();
        let mut private = Vec::new();
        for conversation in [ann.direct(&[&ben]).await, ann.group(SECRETS[1], &[&ben]).await] {
            let first = ann.say(conversation, &format!("{} @root @ben", SECRETS[0])).await;
            let reply = json!({"conversation_id": conversation, "text": SECRETS[2], "thread_id": first["id"]});
            let reply = ben.post("/api/v1/messages", &reply).await.expect(201);
            ann.read(conversation, &reply).await.expect(200);
            for message in [first, reply] {
                private.push(Named { conversation, message: message["id"].as_u64().unwrap(), name: SECRETS[1] });
            }
        }
        Self { server, root, ann, ben, private, own: (own, own_message) }
    }

    /// All that there is to see of the two, as they see it.
    async fn untouched(&self) -> Vec<Value> {
        let mut all = Vec::new();
        for conversation in self.private.iter().map(|named| named.conversation) {
            for path in ["", "/messages", "/receipts"] {
                let mut answer = self.ann.get(&format!("/api/v1/conversations/{conversation}{path}")).await.expect(200);
                answer.as_object_mut().unwrap().remove("head");
                all.push(answer);
            }
        }
        all
    }
}

fn assert_silent(text: &str, context: &str) {
    for secret in SECRETS {
        assert!(!text.contains(secret), "{context} tells {secret}: {text}");
    }
}

async fn ask(house: &House, method: &str, path: &str, body: &str) -> Answer {
    if path.starts_with("/ws") {
        let channel = path.split_once('=').unwrap().1;
        let request = StreamRequest::new(Credentials::Bearer(house.root.access_token.clone())).channel(channel);
        let Err(refused) = WsClient::open(house.server.address, &request).await else {
            panic!("{path} was opened");
        };
        return refused.answer();
    }
    let body: Option<Value> = (!body.is_empty()).then(|| serde_json::from_str(body).expect("a body is JSON"));
    house.root.call(method.parse::<Method>().unwrap(), path, body.as_ref()).await
}

#[tokio::test]
async fn what_an_administrator_is_not_in_is_not_there_by_any_route() {
    let house = House::build().await;
    let before = house.untouched().await;
    for (method, route, place, path, body, outcome) in PLACES {
        let unknown = ask(&house, method, &NOBODYS.fill(path, house.own), &NOBODYS.fill(body, house.own)).await;
        for named in &house.private {
            let answer = ask(&house, method, &named.fill(path, house.own), &named.fill(body, house.own)).await;
            let context = format!("{method} {route}, {place}: {}", answer.describe());
            assert_silent(&answer.describe(), &context);
            match outcome {
                Unknown => {
                    assert_eq!(answer.status, 404, "{context}");
                    answer.refused(404, "not_found");
                    assert_eq!(answer.json(), unknown.json(), "{context}, for what never was {}", unknown.describe());
                }
                Nothing => {
                    let mut given = answer.expect(200);
                    let told = given.as_object_mut().unwrap().remove("not_found");
                    assert!(told.is_none_or(|ids| ids == json!([named.message])), "{context}");
                    for item in given["items"].as_array().into_iter().flatten() {
                        assert_eq!(item["conversation_id"], house.own.0, "{context}");
                    }
                    for field in ["deleted", "hidden", "not_allowed"] {
                        assert!(given.get(field).is_none_or(|ids| ids == &json!([])), "{context}");
                    }
                }
            }
        }
    }
    assert_eq!(house.untouched().await, before, "nothing that he tried has changed anything");
}

#[tokio::test]
async fn what_an_administrator_is_not_in_is_not_there_by_any_operation_of_a_socket() {
    let house = House::build().await;
    let before = house.untouched().await;
    let mut socket = WsClient::open(house.server.address, &house.root.stream()).await.unwrap();
    socket.until_control("ready").await;
    let mut aside = Vec::new();
    for (operation, body, outcome) in OPERATIONS {
        let mut replies = Vec::new();
        for named in house.private.iter().chain([&NOBODYS]) {
            let mut frame: Value = serde_json::from_str(&named.fill(body, house.own)).unwrap();
            frame["op"] = json!(operation);
            frame["ref"] = json!(1);
            let mut reply = socket.ask(&frame, &mut aside).await;
            assert_silent(&reply.to_string(), operation);
            match outcome {
                Unknown => assert_eq!(reply["error"]["code"], "not_found", "{frame}: {reply}"),
                Nothing => assert_eq!(reply["result"]["not_found"].take(), json!([named.message]), "{frame}: {reply}"),
            }
            replies.push(reply);
        }
        assert!(replies.iter().all(|reply| reply == &replies[0]), "{operation}: {replies:?}");
    }
    assert!(aside.is_empty(), "{aside:?}");
    assert_eq!(house.untouched().await, before, "nothing that he tried has changed anything");
}

#[tokio::test]
async fn nothing_of_what_an_administrator_is_not_in_comes_in_his_streams_or_lists() {
    let house = House::build().await;
    let from_the_beginning = house.root.stream().after(0);
    let mut socket = WsClient::open(house.server.address, &from_the_beginning).await.unwrap();
    let mut stream = SseClient::open(house.server.address, &from_the_beginning).await.unwrap();
    for named in &house.private {
        house.ben.say(named.conversation, &format!("{} live", SECRETS[0])).await;
    }
    let path = format!("/api/v1/messages/{}", house.private[0].message);
    house.ann.patch(&path, &json!({"text": format!("{} anew", SECRETS[0])})).await.expect(200);
    house.ann.delete(&path).await.expect(204);
    house.ann.say(house.own.0, "the last").await;
    let heard = [socket.until_text("the last").await, stream.until_text("the last").await];
    assert_eq!(heard[0], heard[1], "both hear the same");
    for seen in &heard[0] {
        assert_silent(&seen.raw, "a stream");
        let place = seen.json()["conversation_id"].as_u64();
        assert!(place.is_none_or(|place| place == house.own.0), "{}", seen.raw);
    }
    assert!(heard[0].iter().any(|seen| seen.kind == "message.created"), "his own is heard");
    for path in LISTS {
        let answer = house.root.get(path).await;
        answer.expect(200);
        assert_silent(&answer.describe(), path);
    }
    let taken = house.root.post("/api/v1/messages/take", &json!({"own_notes": true})).await.expect(200);
    assert_silent(&taken.to_string(), "take");
    assert_eq!(taken["items"].as_array().unwrap().len(), 1, "{taken}");
}

/// Every place at which a request can name a conversation or a message, as the API's own document has it.
fn documented() -> BTreeSet<(String, String, String)> {
    let names = |schema: &Value| {
        let schema = schema.to_string();
        ["ConversationId", "MessageId"].iter().any(|id| schema.contains(&format!("/schemas/{id}\"")))
    };
    let mut places = BTreeSet::new();
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let mut add = |place: &str| places.insert((method.to_uppercase(), path.clone(), place.to_owned()));
            if path.contains("{id}") && !OTHER_IDS.contains(&path.as_str()) {
                add("id");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                if parameter["in"] != "path" && (name == "channel" || names(&parameter["schema"])) {
                    add(name);
                }
            }
            for body in operation["requestBody"]["content"].as_object().into_iter().flat_map(|kinds| kinds.values()) {
                for (name, schema) in body["schema"]["properties"].as_object().into_iter().flatten() {
                    if names(schema) {
                        add(name);
                    }
                }
            }
        }
    }
    places
}

#[test]
fn the_table_has_every_place_at_which_a_request_names_a_conversation_or_a_message() {
    let tried: BTreeSet<_> =
        PLACES.iter().map(|(method, route, place, ..)| ((*method).into(), (*route).into(), (*place).into())).collect();
    assert_eq!(documented(), tried, "a new one needs its line in the table");
}

#[tokio::test]
async fn the_table_has_every_operation_of_a_socket() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let mut socket = WsClient::open(server.address, &ann.stream()).await.unwrap();
    socket.until_control("ready").await;
    let reply = socket.ask(&json!({"op": "nonsense", "ref": 1}), &mut Vec::new()).await;
    let told = reply["error"]["detail"].as_str().unwrap().to_owned();
    let names = told.split_once(" are ").and_then(|(_, names)| names.strip_suffix('.')).expect("it names them");
    let served: BTreeSet<&str> = names.split(", ").flat_map(|names| names.split(" and ")).collect();
    let tried: BTreeSet<&str> = OPERATIONS.iter().map(|(name, ..)| *name).chain(OTHER_OPERATIONS).collect();
    assert_eq!(served, tried, "a new one needs its line in the table: {told}");
}
