//! The examples: one story, in which a few people do and hear everything once. A test lives it with a real server.

use super::messages::{POLLED, REFUSED};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One step of the story: what was done, and what was heard of it.
#[derive(Debug, Deserialize)]
struct Step {
    title: String,
    send: Option<Value>,
    reply: Option<Value>,
    #[serde(default)]
    heard: Vec<Value>,
    polled: Option<Value>,
    wire: Option<String>,
}

fn steps() -> Vec<Step> {
    // The file is compiled in, and a test reads it: that it is no JSON cannot happen to a user.
    serde_json::from_str(include_str!("story.json")).unwrap_or_default()
}

/// Gives each message what was seen of it in the story.
pub(super) fn tell(messages: &mut Map<String, Value>) {
    for Step { title, send, reply, heard, polled, wire: _ } in steps() {
        let mut seen = |name: &str, payload: Value| {
            let Some(message) = messages.get_mut(name) else { return false };
            let name = title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            let example = json!({ "name": name, "summary": title, "payload": payload });
            match message["examples"].as_array_mut() {
                Some(examples) => examples.push(example),
                None => message["examples"] = json!([example]),
            }
            true
        };
        for frame in heard {
            let kind = frame["type"].as_str().unwrap_or_default().to_owned();
            seen(&kind, frame);
        }
        let word = send.as_ref().and_then(|frame| frame["op"].as_str()).unwrap_or_default().to_owned();
        if let Some(reply) = reply {
            let name = if reply["ok"] == true { format!("{word}.reply") } else { format!("{word}.refusal") };
            if !seen(&name, reply.clone()) {
                seen(REFUSED, reply);
            }
        }
        if let Some(frame) = send {
            seen(&word, frame);
        }
        if let Some(answer) = polled {
            seen(POLLED, answer);
        }
    }
}

/// What went over the wire of a stream of Server-Sent Events, byte for byte.
pub(in crate::api) fn wire() -> Option<String> {
    steps().into_iter().find_map(|step| step.wire)
}
