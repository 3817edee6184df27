//! Every message: events, control frames, operations and their replies, and the answer to a poll.

use crate::api::openapi::Schemas;
use crate::api::operations::{OPERATIONS, OperationType};
use crate::api::problem::Problem;
use crate::domain::ephemeral::PASSING as PASSES;
use crate::domain::events::{EventType, TYPES};
use crate::domain::{ConversationId, Seq, Timestamp};
use crate::transport::control::{CONTROLS, ControlType};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

/// The tags of the kinds of messages.
pub(super) const EVENT: &str = "event";
pub(super) const PASSING: &str = "passing";
pub(super) const CONTROL: &str = "control";
pub(super) const OPERATION: &str = "operation";
pub(super) const REPLY: &str = "reply";

/// The message that answers what is no operation.
pub(super) const REFUSED: &str = "refused";
/// What a poll asks, and what it is answered.
pub(super) const POLL: &str = "poll";
pub(super) const POLLED: &str = "polled";

/// All messages by their names.
pub(super) fn all(schemas: &mut Schemas) -> Map<String, Value> {
    let mut all = Map::new();
    let kinds = TYPES.iter().map(|kind| (EVENT, kind)).chain(PASSES.iter().map(|kind| (PASSING, kind)));
    for (tag, kind) in kinds {
        let payload = schemas.given_with(|it| if tag == EVENT { event(kind, it) } else { passing(kind, it) });
        let mut message = message(tag, kind.kind, kind.says, &payload);
        let says = message["description"].as_str().unwrap_or_default();
        message["description"] = format!("{says}\n\nHeard by {}.", kind.heard_by).trim_start().into();
        message["x-heard-by"] = kind.heard_by.into();
        all.insert(kind.kind.to_owned(), message);
    }
    for kind in CONTROLS {
        let payload = schemas.given_with(|it| control(kind, it));
        all.insert(kind.kind.to_owned(), message(CONTROL, kind.kind, kind.says, &payload));
    }
    for operation in OPERATIONS {
        operations(operation, schemas, &mut all);
    }
    let says = ["A frame that is no operation gets this reply.", "", "It has a `ref` if one could be read."];
    all.insert(REFUSED.to_owned(), reply(REFUSED, &says, &refusal(&["malformed_json", "invalid"], schemas)));
    let poll = json!({
        "name": POLL,
        "title": "GET /api/v1/events",
        "summary": "What has happened since?",
        "tags": [{ "name": OPERATION }],
    });
    all.insert(POLL.to_owned(), poll);
    all.insert(POLLED.to_owned(), polled(schemas));
    all
}

/// A message, whose first line is its summary.
fn message(tag: &str, name: &str, says: &[&str], payload: &Value) -> Value {
    let lines: Vec<&str> = says.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    let text = lines.join("\n");
    // A sentence is a summary, and what stands behind it is said besides.
    let split = text.find(". ").map(|at| at + 1).or_else(|| text.find("\n\n"));
    let (summary, rest) = split.map_or((text.as_str(), ""), |at| text.split_at(at));
    let mut message = json!({
        "name": name,
        "title": name,
        "summary": summary.trim_end_matches('.').replace('\n', " "),
        "contentType": "application/json",
        "tags": [{ "name": tag }],
        "payload": payload,
    });
    if !rest.trim().is_empty() {
        message["description"] = rest.trim().into();
    }
    message
}

/// The schema of an event's envelope.
pub(in crate::api) fn event(kind: &EventType, schemas: &mut SchemaGenerator) -> Value {
    let data = (kind.data)(schemas);
    json!({
        "type": "object",
        "required": ["seq", "type", "at", "data"],
        "properties": {
            "seq": schemas.subschema_for::<Seq>(),
            "type": { "type": "string", "const": kind.kind },
            "at": schemas.subschema_for::<Timestamp>(),
            "conversation_id": schemas.subschema_for::<ConversationId>(),
            "data": data,
        },
    })
}

/// The schema of the envelope of what passes: it has no place on the line.
pub(in crate::api) fn passing(kind: &EventType, schemas: &mut SchemaGenerator) -> Value {
    let mut schema = event(kind, schemas);
    schema["required"] = json!(["type", "at", "data"]);
    if let Some(fields) = schema["properties"].as_object_mut() {
        fields.remove("seq");
    }
    schema
}

/// The schema of a control frame.
fn control(kind: &ControlType, schemas: &mut SchemaGenerator) -> Value {
    let mut schema = (kind.fields)(schemas).to_value();
    with_first(&mut schema, &[("type", json!({ "type": "string", "const": kind.kind }))], &["type"]);
    schema
}

/// The schema of the frame that stands in an answer to a poll where events are missing.
pub(in crate::api) fn gap(schemas: &mut SchemaGenerator) -> Value {
    let reset = CONTROLS.iter().find(|kind| kind.kind == "reset");
    reset.map_or(Value::Bool(false), |reset| control(reset, schemas))
}

/// Puts fields in front of those that an object has.
fn with_first(schema: &mut Value, fields: &[(&str, Value)], required: &[&str]) {
    let mut properties: Map<String, Value> =
        fields.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    properties.extend(schema["properties"].as_object().cloned().unwrap_or_default());
    schema["properties"] = properties.into();
    let mut names: Vec<Value> = required.iter().map(|name| (*name).into()).collect();
    names.extend(schema["required"].as_array().cloned().unwrap_or_default());
    schema["required"] = names.into();
    // What it is called says what it is; the type's own words are about the fields.
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("title");
        schema.remove("description");
    }
}

fn reference() -> Value {
    json!({ "description": "Whatever the operation said, in at most 256 bytes of JSON; it is missing if that said none." })
}

/// An operation, its reply, and the reply that refuses it.
fn operations(operation: &OperationType, schemas: &mut Schemas, all: &mut Map<String, Value>) {
    let OperationType { word, says, refuses, class, takes, gives } = *operation;
    let mut payload = schemas.taken_by(takes);
    let op = json!({ "type": "string", "const": word });
    let own = json!({ "description": "Anything by which the reply is to be known, in at most 256 bytes of JSON." });
    with_first(&mut payload, &[("op", op), ("ref", own)], &["op"]);
    let mut asked = message(OPERATION, word, says, &payload);
    asked["correlationId"] = correlation();
    all.insert(word.to_owned(), asked);
    let result = schemas.given_by(gives);
    let done = json!({
        "type": "object",
        "required": ["type", "ok", "result"],
        "properties": {
            "type": { "type": "string", "const": "reply" },
            "ref": reference(),
            "ok": { "const": true },
            "result": result,
        },
    });
    let name = format!("{word}.reply");
    let line = format!("What `{word}` results in.");
    all.insert(name.clone(), reply(&name, &[&line], &done));
    let codes: Vec<&str> = refuses.iter().copied().chain(class.refuses()).collect();
    let name = format!("{word}.refusal");
    let line = format!("Why `{word}` was not done.");
    all.insert(name.clone(), reply(&name, &[&line], &refusal(&codes, schemas)));
}

fn reply(name: &str, says: &[&str], payload: &Value) -> Value {
    let mut message = message(REPLY, name, says, payload);
    message["correlationId"] = correlation();
    message
}

fn correlation() -> Value {
    json!({ "description": "The reply repeats the `ref`.", "location": "$message.payload#/ref" })
}

/// The schema of a reply with a problem.
fn refusal(codes: &[&str], schemas: &mut Schemas) -> Value {
    let problem = schemas.given::<Problem>();
    json!({
        "type": "object",
        "required": ["type", "ok", "error"],
        "properties": {
            "type": { "type": "string", "const": "reply" },
            "ref": reference(),
            "ok": { "const": false },
            "error": { "allOf": [problem, { "properties": { "code": { "enum": codes } } }] },
            "request_id": {
                "type": "string",
                "description": "Where the server failed: under what its log tells of it.",
            },
        },
    })
}

/// The schema of the answer to a poll, of the schemas of a place and of all that it may tell.
pub(in crate::api) fn poll(place: &Value, told: &Value) -> Value {
    json!({
        "type": "object",
        "required": ["events", "next", "head"],
        "properties": {
            "events": {
                "description": "What has happened after the cursor, and behind that what passed while it was waited for; or one `reset`, if it cannot be told.",
                "type": "array",
                "items": { "anyOf": told },
            },
            "next": { "description": "What to ask with as `after` the next time.", "allOf": [place] },
            "head": { "description": "The last event of the server.", "allOf": [place] },
        },
    })
}

/// The answer to a poll.
fn polled(schemas: &mut Schemas) -> Value {
    let place = schemas.given::<Seq>();
    let frames = TYPES.iter().chain(PASSES).map(|kind| kind.kind).chain(["reset"]);
    let frames: Vec<Value> =
        frames.map(|kind| json!({ "$ref": format!("#/components/messages/{kind}/payload") })).collect();
    message(REPLY, POLLED, &["What has happened."], &poll(&place, &frames.into()))
}
