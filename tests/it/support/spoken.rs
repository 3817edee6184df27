//! Every frame that a test hears is compared with what the streams' own document says of it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use goldcrest::api::asyncapi;
use jsonschema::Validator;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::documented::{DOCUMENT, facts};

pub static STREAMS: LazyLock<Value> = LazyLock::new(|| asyncapi::document(&facts(), &DOCUMENT));

/// The schemas, told to refuse what they do not name: what is said is to be documented.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut components = STREAMS["components"].clone();
    close(&mut components, false);
    components
});

fn close(schema: &mut Value, is_part: bool) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields.iter_mut().filter(|(name, _)| *name != "examples") {
                // What is one part of several does not know the fields of the others.
                close(value, matches!(name.as_str(), "allOf" | "anyOf" | "oneOf"));
            }
            let names_all = fields.get("properties").is_some_and(Value::is_object);
            if names_all && !is_part && !fields.contains_key("oneOf") {
                fields.entry("unevaluatedProperties").or_insert(false.into());
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| close(item, is_part)),
        _ => {}
    }
}

/// Fails if this channel is not documented to say this: an event, or what the stream says of itself.
#[track_caller]
pub fn heard(channel: &str, raw: &str) {
    let frame: Value = serde_json::from_str(raw).unwrap_or_else(|error| panic!("{error}: {raw}"));
    let kind = frame["type"].as_str().unwrap_or_else(|| panic!("a frame has a type: {raw}"));
    let here = if channel == "polling" {
        STREAMS["components"]["messages"].get(kind)
    } else {
        STREAMS["channels"][channel]["messages"].get(kind)
    };
    assert!(here.is_some(), "{channel} is not documented to say {kind}: {raw}");
    let wrong = wrong(kind, &frame);
    assert!(wrong.is_empty(), "{kind} is otherwise than documented: {wrong:?}; {raw}");
}

/// Fails if none of these operations is documented to be answered so.
#[track_caller]
pub fn replied(asked: &HashMap<String, Value>, reply: &Value) {
    let ok = reply["ok"] == true;
    let mut all = Vec::new();
    for (word, frame) in asked {
        let mut wrong_here = wrong(&format!("{word}.{}", if ok { "reply" } else { "refusal" }), reply);
        if ok {
            wrong_here.extend(wrong(word, frame));
        }
        if wrong_here.is_empty() {
            return;
        }
        all.push((word.clone(), wrong_here));
    }
    let nothing = if ok { vec!["nobody asked".to_owned()] } else { wrong("refused", reply) };
    assert!(nothing.is_empty(), "the reply is otherwise than documented: {all:?}, {nothing:?}; {reply}");
}

/// What is wrong with a message.
fn wrong(name: &str, value: &Value) -> Vec<String> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let payload = &STRICT["messages"][name]["payload"];
    if payload.is_null() {
        return vec![format!("there is no message {name}")];
    }
    let validator = {
        let mut known = KNOWN.lock();
        let made = known.entry(name.to_owned()).or_insert_with(|| {
            let whole = json!({ "components": { "schemas": STRICT["schemas"] }, "allOf": [payload] });
            let made = jsonschema::draft202012::new(&whole);
            Arc::new(made.unwrap_or_else(|error| panic!("the schema of {name}: {error}")))
        });
        Arc::clone(made)
    };
    validator.iter_errors(value).map(|error| format!("{error} at {}", error.instance_path())).collect()
}
