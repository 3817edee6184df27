//! What each of the three ways to listen gives back, and how the description of the API tells it.

use crate::api::asyncapi::{gap, poll};
use crate::api::openapi::{Answers, Operation};
use crate::domain::ephemeral::PASSING;
use crate::domain::{ConversationId, Seq, Timestamp};
use axum::response::{IntoResponse, Response};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::json;
use std::borrow::Cow;

/// Server-sent events, without an end.
pub(in crate::api) struct EventStream(pub(super) Response);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for EventStream {
    fn answers(operation: &mut Operation<'_>) {
        let says = "Server-sent events: first `ready`, then each event with its `seq` as `id`, its `type` as `event` and \
                    its envelope as `data`. What passes by itself is said here too, with `bye` or `expired`, since a \
                    browser's `EventSource` gives up for good at any other status.";
        operation.answers(200, says, Some(("text/event-stream", json!({ "type": "string" }))));
    }
}

/// The server's half of a handshake.
pub(in crate::api) struct Upgraded(pub(super) Response);

impl IntoResponse for Upgraded {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Upgraded {
    fn answers(operation: &mut Operation<'_>) {
        // Who it is may also be said in the first frame.
        operation.takes_credentials(&[""]);
        operation.answers(101, "From here on it is a WebSocket: frames of JSON, both ways.", None);
    }
}

/// Events that were asked for.
pub(in crate::api) struct Polled(pub(super) Response);

impl IntoResponse for Polled {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Polled {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers_json::<Events>(200, "What has happened.");
    }
}

/// The schema of what `transport::long_poll` writes.
struct Events;

impl JsonSchema for Events {
    fn schema_name() -> Cow<'static, str> {
        "Events".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let place = schemas.subschema_for::<Seq>();
        let event = schemas.subschema_for::<Event>();
        let passing = schemas.subschema_for::<Passing>();
        let gap = gap(schemas);
        poll(&json!(place), &json!([event, passing, gap])).try_into().unwrap_or_default()
    }
}

/// The schema of an event's envelope.
struct Event;

impl JsonSchema for Event {
    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let (seq, at) = (schemas.subschema_for::<Seq>(), schemas.subschema_for::<Timestamp>());
        let conversation = schemas.subschema_for::<ConversationId>();
        json_schema!({
            "type": "object",
            "description": "Something that happened, the same on all three transports. [Types and their data](/docs/events#events).",
            "required": ["seq", "type", "at", "data"],
            "properties": {
                "seq": seq,
                "type": { "type": "string", "examples": ["message.created"] },
                "at": at,
                "conversation_id": conversation,
                "data": { "type": "object" },
            },
        })
    }
}

/// The schema of the envelope of what passes.
struct Passing;

impl JsonSchema for Passing {
    fn schema_name() -> Cow<'static, str> {
        "PassingEvent".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let kinds: Vec<&str> = PASSING.iter().map(|kind| kind.kind).collect();
        let at = schemas.subschema_for::<Timestamp>();
        let conversation = schemas.subschema_for::<ConversationId>();
        json_schema!({
            "type": "object",
            "description": "Something that is so for now and is not kept. [Types and their data](/docs/events#passings).",
            "required": ["type", "at", "data"],
            "properties": {
                "type": { "enum": kinds },
                "at": at,
                "conversation_id": conversation,
                "data": { "type": "object" },
            },
        })
    }
}
