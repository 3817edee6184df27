//! The older systems' interfaces beside each other and beside our own: what is said through one is heard in the others
//! that can show it, and what somebody decided in one holds in all.

use http::Method;
use serde_json::{Value, json};

use crate::cli::operator::Operator;
use crate::support::{Answer, Caller, Ear, Person, Server, SseClient, eventually, seconds};

/// An older system that carries what is said between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Babbel,
    Chat,
    Kinglet,
    Msgboard,
    Oms,
}

use System::{Babbel, Chat, Kinglet, Msgboard, Oms};

const ALL: [System; 5] = [Babbel, Chat, Kinglet, Msgboard, Oms];

async fn all() -> Server {
    Server::options().set("--compat", "babbel=open,msgboard,chat=open,oms,kinglet=debug").start().await
}

/// Somebody who knows one older system, and what it takes to use it.
struct Somebody {
    system: System,
    name: String,
    /// With the credentials that the system's requests carry in their head.
    caller: Caller,
    /// What its URLs or bodies carry: Kinglet's credentials, the number of the chat.
    carries: String,
    id: String,
}

fn form(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Somebody {
    /// Somebody new in a system, able to reach Ann there and to be reached by her.
    async fn new(server: &Server, system: System, ann: &Person) -> Self {
        let name = format!("{system:?}").to_lowercase();
        let stranger = server.stranger();
        let mut somebody =
            Self { system, name: name.clone(), caller: stranger.clone(), carries: String::new(), id: String::new() };
        match system {
            Babbel => {
                Operator::beside(server).types(&["user", "add", &name, "--open"]).await.succeeds();
            }
            Chat => {
                let id = stranger.post("/compat/chat/users/add", &json!({"username": name})).await.expect(201);
                let with = json!({"name": "a chat", "users": [id, ann.id]});
                let chat = stranger.post("/compat/chat/chats/add", &with).await.expect(201);
                (somebody.id, somebody.carries) = (id.to_string(), chat.to_string());
            }
            Kinglet => {
                let wanted = json!({"user_name": name, "email": "kinglet@example.org"});
                let made = stranger.post("/compat/kinglet/api/v1/users", &wanted).await.expect(201);
                let digest = made["user_digest"].as_str().unwrap();
                stranger.get(&format!("/compat/kinglet/api/v1/users/activate/{digest}")).await.expect(200);
                let login = json!({"email": "kinglet@example.org", "password": made["password"]});
                let login = stranger.post("/compat/kinglet/api/v1/users/login", &login).await.expect(200);
                let text = |field: &str| login[field].as_str().unwrap().to_owned();
                somebody.id = text("user_id");
                let credentials =
                    [("user_name", &*name), ("user_id", &*somebody.id), ("session_id", &text("session_id"))];
                somebody.carries = form(&credentials);
                // Whoever is new there is reached by those alone whom he approved.
                ann.ask_by_name(&name).await;
                somebody.kinglet(Method::GET, &format!("/lists/approve/{}", ann.name), "").await.expect(200);
            }
            Msgboard => {
                let body = json!({"username": name, "password": "yarn"});
                stranger.post("/compat/msgboard/user", &body).await.expect(200);
                let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{name}:yarn"));
                somebody.caller = stranger.with_header("authorization", &format!("Basic {basic}"));
            }
            Oms => {
                let body = json!({"username": name, "password": "pass-word-1"});
                let made = stranger.post("/compat/oms/api/auth/register", &body).await.expect(201);
                let token = made["token"].as_str().unwrap();
                somebody.caller = stranger.with_header("authorization", &format!("Token {token}"));
            }
        }
        somebody
    }

    async fn kinglet(&self, method: Method, path: &str, more: &str) -> Answer {
        let path = format!("/compat/kinglet/api/v1{path}");
        if method == Method::GET {
            return self.caller.get(&format!("{path}/?{}", self.carries)).await;
        }
        self.caller.send_body(method, &path, FORM, format!("{}&{more}", self.carries)).await
    }

    /// Says something to Ann, or where Ann hears it.
    async fn says(&self, ann: &str, text: &str) -> Answer {
        match self.system {
            Babbel => {
                let path = format!("/compat/babbel/{}/message/", self.name);
                self.caller.send_body(Method::POST, &path, FORM, form(&[("receiver", ann), ("message", text)])).await
            }
            Chat => {
                let body = json!({"chat": self.carries, "author": self.id, "text": text});
                self.caller.post("/compat/chat/messages/add", &body).await
            }
            Kinglet => {
                let json = json!({"message_text": format!("@{ann} {text}")}).to_string();
                self.kinglet(Method::POST, "/messages", &form(&[("json", &json)])).await
            }
            Msgboard => self.caller.post("/compat/msgboard/message", &json!({"text": text})).await,
            Oms => self.caller.post("/compat/oms/api/message", &json!({"receiver": ann, "content": text})).await,
        }
    }

    /// All that he is shown, as it is written there.
    async fn sees(&self) -> Answer {
        match self.system {
            Babbel => {
                let path = format!("/compat/babbel/{}/messages/?start=2016-05-07", self.name);
                self.caller.get(&path).await
            }
            Chat => self.caller.post("/compat/chat/messages/get", &json!({"chat": self.carries})).await,
            Kinglet => self.kinglet(Method::GET, "/messages", "").await,
            Msgboard => self.caller.get("/compat/msgboard/messages").await,
            Oms => self.caller.get("/compat/oms/api/message").await,
        }
    }
}

impl Person {
    async fn ask_by_name(&self, name: &str) {
        self.post("/api/v1/contacts", &json!({"username": name})).await.expect(201);
    }

    /// Where somebody of an older system hears Ann.
    async fn say_to(&self, somebody: &Somebody, text: &str) -> Answer {
        let body = match somebody.system {
            Chat => json!({"conversation_id": somebody.carries.parse::<u64>().unwrap(), "text": text}),
            Msgboard => json!({"conversation_id": self.board().await, "text": text}),
            Babbel | Kinglet | Oms => json!({"to": [somebody.name], "text": text}),
        };
        self.post("/api/v1/messages", &body).await
    }

    /// The number of the board's channel, of which this person becomes a member.
    async fn board(&self) -> u64 {
        let channels = self.get("/api/v1/channels").await.expect(200);
        let items = channels["items"].as_array().unwrap();
        let board = items.iter().find(|channel| channel["name"] == "board").expect("the board is a channel");
        let id = board["id"].as_u64().unwrap();
        self.post(&format!("/api/v1/conversations/{id}/members"), &json!({})).await;
        id
    }
}

#[tokio::test]
async fn what_is_said_through_any_of_them_is_heard_natively_and_the_other_way_round() {
    let server = all().await;
    let ann = Person::register(&server, "ann").await;
    for system in ALL {
        let somebody = Somebody::new(&server, system, &ann).await;
        // The board is there once somebody has posted.
        let first = somebody.says("ann", "before").await;
        assert!(matches!(first.status, 200 | 201 | 204), "{system:?}: {}", first.describe());
        if system == Msgboard {
            ann.board().await;
        }
        let mut stream = SseClient::open(server.address, &ann.stream()).await.unwrap();
        stream.until_control("ready").await;
        let text = format!("from {} \u{1f426} – ünï", somebody.name);
        somebody.says("ann", &text).await;
        // There the recipients stand in the text.
        let written = if system == Kinglet { format!("@ann {text}") } else { text.clone() };
        let heard = stream.until_text(&written).await.pop().unwrap().data();
        assert!(heard["text"].as_str().unwrap().contains(&text), "{system:?}: {heard}");
        assert_eq!(heard["author"]["username"], somebody.name, "{system:?}");

        let text = format!("to {}", somebody.name);
        ann.say_to(&somebody, &text).await.expect(201);
        let seen = somebody.sees().await;
        assert!(String::from_utf8_lossy(&seen.body).contains(&text), "{system:?}: {}", seen.describe());
    }
    server.events_on_disk().await.assert_dense();
}

#[tokio::test]
async fn what_cannot_be_said_in_one_of_them_is_not_seen_in_it() {
    let server = all().await;
    let [ann, tom] = Person::register_all(&server, ["ann", "tom"]).await;
    for system in ALL {
        let somebody = Somebody::new(&server, system, &ann).await;
        somebody.says("ann", "something").await;
        // Groups of our own, and what is said between three, unless the system knows that.
        let name = &somebody.name;
        let group = ann.post("/api/v1/conversations", &json!({"kind": "group", "name": "g", "members": []})).await;
        let id = group.expect(201)["id"].as_u64().unwrap();
        ann.post(&format!("/api/v1/conversations/{id}/members"), &json!({"username": name})).await;
        ann.say(id, "said in a group").await;
        ann.post("/api/v1/messages", &json!({"to": [name, tom.name], "text": "said among three"})).await;
        let seen = String::from_utf8_lossy(&somebody.sees().await.body).into_owned();
        assert!(!seen.contains("said in a group"), "{system:?}: {seen}");
        assert_eq!(seen.contains("said among three"), system == Kinglet, "{system:?}: {seen}");
    }
}

#[tokio::test]
async fn a_block_made_natively_holds_in_those_between_two() {
    let server = all().await;
    let ann = Person::register(&server, "ann").await;
    for system in [Babbel, Kinglet, Oms] {
        let somebody = Somebody::new(&server, system, &ann).await;
        somebody.says("ann", "before").await;
        ann.put(&format!("/api/v1/blocks/{}", somebody.name), &json!({})).await.expect(204);
        let head = ann.head().await;
        let refused = somebody.says("ann", "after").await;
        assert!((400..500).contains(&refused.status), "{system:?}: {}", refused.describe());
        assert_eq!(ann.events_after(head).await, [], "{system:?}");
    }
}

#[tokio::test]
async fn a_block_made_in_an_older_system_holds_natively() {
    let server = all().await;
    let ann = Person::register(&server, "ann").await;
    let oscar = Somebody::new(&server, Oms, &ann).await;
    oscar.caller.post("/compat/oms/api/block", &json!({"blocked": "ann"})).await.expect(201);
    ann.say_to(&oscar, "hello").await.refused(403, "blocked");
}

#[tokio::test]
async fn contacts_made_in_one_hold_in_all() {
    let server = all().await;
    let ann = Person::register(&server, "ann").await;
    let kim = Somebody::new(&server, Kinglet, &ann).await;
    // Kim is reached by those alone whom he approved, whatever they come through.
    let oscar = Somebody::new(&server, Oms, &ann).await;
    let refused = oscar.caller.post("/compat/oms/api/message", &json!({"receiver": kim.name, "content": "hi"})).await;
    assert!((400..500).contains(&refused.status), "{}", refused.describe());
    kim.kinglet(Method::GET, &format!("/lists/request/{}", oscar.name), "").await.expect(200);
    let sent = oscar.caller.post("/compat/oms/api/message", &json!({"receiver": kim.name, "content": "hi"})).await;
    assert_eq!(sent.status, 201, "who asks wants to talk: {}", sent.describe());
}

#[tokio::test]
async fn who_is_suspended_is_shut_out_of_all() {
    let server = all().await;
    let ann = Person::register(&server, "ann").await;
    let operator = Operator::beside(&server);
    for system in ALL {
        let somebody = Somebody::new(&server, system, &ann).await;
        let before = somebody.says("ann", "before").await;
        assert!(matches!(before.status, 200 | 201 | 204), "{system:?}: {}", before.describe());
        operator.types(&["user", "suspend", &somebody.name]).await.succeeds();
        let head = ann.head().await;
        let refused = somebody.says("ann", "after").await;
        assert!((400..500).contains(&refused.status), "{system:?}: {}", refused.describe());
        assert_eq!(ann.head().await, head, "{system:?} has changed something");
        operator.types(&["user", "unsuspend", &somebody.name]).await.succeeds();
    }
}

#[tokio::test]
async fn a_session_of_one_is_good_for_no_other_and_not_natively() {
    let server = all().await;
    let ann = Person::register(&server, "ann").await;
    let oscar = Somebody::new(&server, Oms, &ann).await;
    let kim = Somebody::new(&server, Kinglet, &ann).await;
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(kim.carries.as_bytes()).into_owned().collect();
    let session = &pairs.iter().find(|(name, _)| name == "session_id").unwrap().1;
    let stranger = server.stranger();
    for scheme in ["Bearer", "Token"] {
        let as_kim = stranger.with_header("authorization", &format!("{scheme} {session}"));
        as_kim.get("/api/v1/me").await.refused(401, "unauthorized");
        assert_eq!(as_kim.get("/compat/oms/api/message").await.status, 401, "{scheme}");
    }
    oscar.caller.get("/api/v1/me").await.refused(401, "unauthorized");
    let native = ann.bearer().unwrap();
    let as_ann = stranger.with_header("authorization", &format!("Token {native}"));
    assert_eq!(as_ann.get("/compat/oms/api/message").await.status, 401);
}

#[tokio::test]
async fn those_who_trust_their_callers_say_so_and_act_for_nobody_who_has_a_password() {
    let server = all().await;
    let ann = Person::register(&server, "ann").await;
    let bea = Somebody::new(&server, Babbel, &ann).await;
    let log = server.log();
    for told in ["--compat babbel=open", "--compat chat=open", "--compat kinglet=debug"] {
        assert!(log.contains(told), "{log}");
    }
    let as_ann = server.stranger().get("/compat/babbel/ann/messages/").await;
    assert!((400..500).contains(&as_ann.status), "{}", as_ann.describe());
    let foreign = bea.caller.with_header("host", "evil.example");
    assert_eq!(foreign.get(&format!("/compat/babbel/{}/messages/", bea.name)).await.status, 403);
    let by_address = bea.caller.with_header("host", "localhost:8080");
    by_address.get(&format!("/compat/babbel/{}/messages/", bea.name)).await.expect(200);
    // From the moment that there is a password.
    Operator::beside(&server)
        .types_with(&["user", "passwd", &bea.name, "--password-stdin"], "correct horse")
        .await
        .succeeds();
    let refused = bea.caller.get(&format!("/compat/babbel/{}/messages/", bea.name)).await;
    assert!((400..500).contains(&refused.status), "{}", refused.describe());
}

#[tokio::test]
async fn the_boards_stream_shows_what_is_said_natively() {
    let server = all().await;
    let ann = Person::register(&server, "ann").await;
    let mia = Somebody::new(&server, Msgboard, &ann).await;
    mia.says("ann", "first").await.expect(200);
    let url = format!("http://{}/compat/msgboard/stream", server.address);
    let mut stream = reqwest::get(&url).await.unwrap();
    ann.say_to(&mia, "said natively").await.expect(201);
    let mut got = Vec::new();
    eventually(seconds(10), "the message on the board's stream", async || {
        if let Ok(Ok(Some(chunk))) = tokio::time::timeout(seconds(1), stream.chunk()).await {
            got.extend_from_slice(&chunk);
        }
        String::from_utf8_lossy(&got).contains("said natively").then_some(())
    })
    .await;
    let text = String::from_utf8(got).unwrap();
    let data = text.lines().filter_map(|line| line.strip_prefix("data:")).map(str::trim);
    let arrays: Vec<Value> = data.filter_map(|data| serde_json::from_str(data).ok()).collect();
    assert!(arrays.iter().any(|array| array[0]["text"] == "said natively"), "{text}");
}

#[tokio::test]
async fn what_counts_as_sending_natively_does_so_in_all() {
    let options = Server::options().set("--compat", "msgboard,oms,kinglet=debug");
    let server = options.set("--rate-limits", "on").start().await;
    let ann = Person::register(&server, "ann").await;
    let kim = Somebody::new(&server, Kinglet, &ann).await;
    let mia = Somebody::new(&server, Msgboard, &ann).await;
    let oscar = Somebody::new(&server, Oms, &ann).await;
    let id = mia.says("ann", "x").await.expect(200)["id"].clone();
    for answer in [
        kim.kinglet(Method::GET, "/lists/reject/ann", "").await,
        kim.kinglet(Method::GET, "/lists/approve/ann", "").await,
        mia.caller.delete(&format!("/compat/msgboard/message/{id}")).await,
        oscar.caller.post("/compat/oms/api/block", &json!({"blocked": "ann"})).await,
        oscar.caller.delete("/compat/oms/api/block/ann").await,
    ] {
        assert!((200..300).contains(&answer.status), "{}", answer.describe());
        let told = answer.header("ratelimit").expect("it is counted");
        assert!(told.contains("\"sends\""), "{told}: {}", answer.describe());
    }
}
