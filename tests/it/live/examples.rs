//! The story in `src/api/asyncapi/story.json`, lived with a real server: the examples of the streams are what is heard.
//!
//! `GOLDCREST_TELL_STORY=1 cargo nextest run the_examples_are` writes down what is heard now; read what it changed.

use std::collections::{HashMap, VecDeque};
use std::path::Path;

use serde_json::{Value, json};

use crate::support::spoken::STREAMS;
use crate::support::{Caller, Ear, Heard, Kept, Server, SseClient, WsClient, seconds, within};

const STORY: &str = "src/api/asyncapi/story.json";

/// A socket of the story, and what was heard on it while something else was waited for.
struct Socket {
    client: WsClient,
    aside: VecDeque<Heard>,
}

impl Socket {
    /// The frames of these types, in this order; what else is heard is not of this step.
    async fn hears(&mut self, kinds: &[&str]) -> Vec<Value> {
        let mut frames = Vec::new();
        within(seconds(10), &format!("{kinds:?}"), async {
            while frames.len() < kinds.len() {
                let heard = match self.aside.pop_front() {
                    Some(heard) => heard,
                    None => self.client.next().await,
                };
                let frame = match heard {
                    Heard::Event(event) => event.json(),
                    Heard::Control(control) => control.json(),
                    Heard::Heartbeat(position) => json!({ "type": "heartbeat", "position": position }),
                    Heard::Passing(passing) => passing.json(),
                    Heard::Reply(_) => continue,
                    Heard::End(code) => panic!("the socket ended ({code:?}) before {kinds:?}: {frames:?}"),
                };
                if frame["type"] == kinds[frames.len()] {
                    frames.push(frame);
                }
            }
        })
        .await;
        frames
    }
}

struct Story {
    server: Server,
    kept: Kept,
    sockets: HashMap<String, Socket>,
}

impl Story {
    fn caller(&self, asked: &Value) -> Caller {
        let stranger = self.server.stranger();
        let token = asked["as"].as_str().map(|token| self.kept.real.get(token).unwrap_or_else(|| panic!("no {token}")));
        token.map_or_else(|| stranger.clone(), |token| stranger.with_bearer(token))
    }

    /// Lives one step, and tells it as it was this time.
    async fn live(&mut self, step: &Value) -> Value {
        let mut now = step.clone();
        let fields = now.as_object_mut().unwrap();
        for told in ["reply", "heard", "polled", "wire"] {
            fields.remove(told);
        }
        let words = |value: &Value| -> Vec<String> {
            value.as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        let hears = words(&step["hears"]);
        let hears: Vec<&str> = hears.iter().map(String::as_str).collect();
        if step["call"].is_object() {
            self.call(&step["call"]).await;
        }
        if step["age"] == true {
            self.server.sql("UPDATE messages SET created_at = 0").await;
        }
        if step["stop"] == true {
            self.server.ask_to_stop();
        }
        let name = step["socket"].as_str().unwrap_or_default().to_owned();
        if step["open"].is_object() {
            let mut request = self.caller(&step["open"]).stream();
            request.after = step["open"]["after"].as_u64().map(|after| after.to_string());
            let client = WsClient::open(self.server.address, &request).await.unwrap();
            self.sockets.insert(name.clone(), Socket { client, aside: VecDeque::new() });
        }
        if step["send"].is_object() {
            let socket = self.sockets.get_mut(&name).unwrap();
            let mut aside = Vec::new();
            let reply = socket.client.ask(&self.kept.real(&step["send"]), &mut aside).await;
            socket.aside.extend(aside);
            fields.insert("reply".to_owned(), self.kept.told("", &reply, &step["reply"]));
        }
        if step["poll"].is_object() {
            let path = format!("/api/v1/events?{}", step["poll"]["query"].as_str().unwrap());
            let answer = self.caller(&step["poll"]).get(&path).await.expect(200);
            fields.insert("polled".to_owned(), self.kept.told("", &answer, &step["polled"]));
        }
        if step["listen"].is_object() {
            let mut request = self.caller(&step["listen"]).stream();
            request.after = step["listen"]["after"].as_u64().map(|after| after.to_string());
            let mut client = SseClient::open_captured(self.server.address, &request).await.unwrap();
            for kind in &hears {
                client.until(kind, |heard| matches!(heard, Heard::Event(seen) if seen.kind == *kind)).await;
            }
            let real = String::from_utf8(client.captured.take().unwrap()).unwrap();
            let told = as_before(&first_blocks(&real, &hears), step["wire"].as_str().unwrap_or_default());
            fields.insert("wire".to_owned(), told.into());
        } else if !hears.is_empty() {
            let heard: Value = self.sockets.get_mut(&name).unwrap().hears(&hears).await.into();
            let mut told = self.kept.told("", &heard, &step["heard"]);
            // A heartbeat is wherever the stream is by then.
            if let Some(before) = step["heard"][0]["position"].as_u64()
                && told[0]["type"] == "heartbeat"
            {
                told[0]["position"] = before.into();
            }
            fields.insert("heard".to_owned(), told);
        }
        now
    }

    async fn call(&mut self, call: &Value) {
        let method = call["method"].as_str().unwrap().parse().unwrap();
        let body = call.get("body").map(|body| self.kept.real(body));
        let answer = self.caller(call).call(method, call["path"].as_str().unwrap(), body.as_ref()).await;
        assert!(answer.status < 300, "{call}: {}", answer.describe());
        if !answer.body.is_empty() {
            // For the secrets in it.
            self.kept.told("", &answer.json(), &Value::Null);
        }
    }
}

/// The frames of a stream up to the first event of the last of these types, without what comes when it comes.
fn first_blocks(wire: &str, kinds: &[&str]) -> String {
    let mut told = String::new();
    for block in wire.split_inclusive("\n\n") {
        let kind = block.lines().find_map(|line| line.strip_prefix("event: "));
        if kind.is_some_and(|kind| kind != "expiring") {
            told.push_str(block);
        }
        if kind == kinds.last().copied() {
            break;
        }
    }
    told
}

/// A text with the moments that it had before.
fn as_before(now: &str, before: &str) -> String {
    let is_moment = |text: &[u8]| text.starts_with(b"20") && text[10] == b'T' && text[23] == b'Z';
    let moments = |text: &str| -> Vec<(usize, String)> {
        let found = text.as_bytes().windows(24).enumerate().filter(|(_, window)| is_moment(window));
        found.map(|(at, window)| (at, String::from_utf8(window.to_vec()).unwrap())).collect()
    };
    let mut told = now.to_owned();
    for ((at, _), (_, before)) in moments(now).into_iter().zip(moments(before)) {
        told.replace_range(at..at + 24, &before);
    }
    told
}

#[tokio::test]
async fn the_examples_are_what_is_heard() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(STORY);
    let steps: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    // Tokens that end so soon that it is told of at once, heartbeats that are not waited for long, and messages that are
    // kept for longer than the story takes and looked for every few seconds.
    let options = Server::options()
        .set("--access-token-lifetime", "55s")
        .set("--heartbeat", "1s")
        .set("--message-retention", "40s");
    let mut story = Story { server: options.start().await, kept: Kept::default(), sockets: HashMap::new() };
    let mut lived = Vec::new();
    for step in &steps {
        lived.push(story.live(step).await);
    }
    if std::env::vars_os().any(|(name, _)| name == "GOLDCREST_TELL_STORY") {
        std::fs::write(&file, serde_json::to_string_pretty(&lived).unwrap() + "\n").unwrap();
        return;
    }
    for (told, lived) in steps.iter().zip(&lived) {
        assert_eq!(told, lived, "{STORY} tells something else than what was heard: {}", told["title"]);
    }
}

#[test]
fn the_examples_are_what_every_message_looks_like() {
    for (name, message) in STREAMS["components"]["messages"].as_object().unwrap() {
        // A poll asks with its URL alone.
        let asks_nothing = message["payload"].is_null();
        let examples = message["examples"].as_array();
        assert!(
            asks_nothing || examples.is_some_and(|examples| !examples.is_empty()),
            "nothing in {STORY} leads to {name}"
        );
    }
}
