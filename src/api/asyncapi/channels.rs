//! The three ways to listen, and what is done on each.

use super::messages::{CONTROL, EVENT, PASSING, POLL, POLLED, REFUSED};
use crate::api::operations::OPERATIONS;
use crate::transport::CloseReason;
use crate::transport::close::Farewell;
use serde_json::{Map, Value, json};

/// A way to listen.
struct Way {
    name: &'static str,
    path: &'static str,
    server: &'static str,
    title: &'static str,
    says: &'static str,
}

const WAYS: [Way; 3] = [
    Way {
        name: "sse",
        path: "/stream",
        server: "http",
        title: "Server-Sent Events",
        says: include_str!("channels/sse.md"),
    },
    Way {
        name: "websocket",
        path: "/ws",
        server: "ws",
        title: "WebSocket",
        says: include_str!("channels/websocket.md"),
    },
    Way {
        name: "polling",
        path: "/api/v1/events",
        server: "http",
        title: "Long-polling",
        says: include_str!("channels/polling.md"),
    },
];

/// The names of the messages of one kind.
fn tagged<'a>(messages: &'a Map<String, Value>, tag: &'a str) -> impl Iterator<Item = &'a str> {
    messages.iter().filter(move |(_, message)| message["tags"][0]["name"] == tag).map(|(name, _)| name.as_str())
}

/// The channels, with all messages that may be seen on each.
pub(super) fn channels(openapi: &Value, messages: &Map<String, Value>) -> Value {
    let mut channels = Map::new();
    for way in WAYS {
        let seen: Vec<&str> = match way.name {
            "polling" => vec![POLL, POLLED],
            "sse" => [EVENT, PASSING, CONTROL].into_iter().flat_map(|tag| tagged(messages, tag)).collect(),
            _ => messages.keys().map(String::as_str).filter(|name| ![POLL, POLLED].contains(name)).collect(),
        };
        let seen: Map<String, Value> = seen
            .into_iter()
            .map(|name| (name.to_owned(), json!({ "$ref": format!("#/components/messages/{name}") })))
            .collect();
        let mut channel = json!({
            "address": way.path,
            "title": way.title,
            "summary": openapi["paths"][way.path]["get"]["summary"],
            "description": way.says,
            "servers": [{ "$ref": format!("#/servers/{}", way.server) }],
            "messages": seen,
        });
        if way.name == "websocket" {
            channel["bindings"] = json!({ "ws": {
                "method": "GET",
                "query": parameters(openapi, way.path, "query"),
                "headers": headers(openapi, way.path),
                "bindingVersion": "0.1.0",
            } });
        }
        if way.name != "polling" {
            channel["x-close-reasons"] = reasons();
        }
        channels.insert(way.name.to_owned(), channel);
    }
    channels.into()
}

/// What can be said in one place of a request, as `OpenAPI` has it: as an object.
fn parameters(openapi: &Value, path: &str, place: &str) -> Value {
    let mut properties = Map::new();
    for parameter in openapi["paths"][path]["get"]["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == place
            && let Some(name) = parameter["name"].as_str()
        {
            let mut schema = parameter["schema"].clone();
            schema["description"] = parameter["description"].clone();
            properties.insert(name.to_owned(), schema);
        }
    }
    // Credentials stand among the parameters of a URL only here.
    let scheme = &openapi["components"]["securitySchemes"]["ticket"];
    let by_ticket = |kinds: &Vec<Value>| kinds.iter().any(|kind| kind.get("ticket").is_some());
    if place == "query" && openapi["paths"][path]["get"]["security"].as_array().is_some_and(by_ticket) {
        properties.insert("ticket".to_owned(), json!({ "type": "string", "description": scheme["description"] }));
    }
    json!({ "type": "object", "properties": properties })
}

fn headers(openapi: &Value, path: &str) -> Value {
    let mut headers = parameters(openapi, path, "header");
    headers["properties"]["Sec-WebSocket-Protocol"] =
        json!({ "type": "string", "const": "goldcrest.v1", "description": "May be left out." });
    headers
}

/// Why a stream ends, what is said last, and what a client does then.
fn reasons() -> Value {
    let one = |reason: &CloseReason| {
        let last = match reason.farewell() {
            Farewell::Bye(_) => Some("bye"),
            Farewell::Expired => Some("expired"),
            Farewell::None => None,
        };
        let codes = match reason {
            CloseReason::ProtocolError(_) => CloseReason::PROTOCOL_ERRORS.to_vec(),
            reason => vec![reason.code()],
        };
        let mut told = json!({
            "reason": reason.word(),
            "description": reason.says(),
            "codes": codes,
            "comeBack": reason.advice(),
        });
        if let Some(last) = last {
            told["last"] = last.into();
        }
        told
    };
    CloseReason::ALL.iter().map(one).collect()
}

/// What is done on the channels, as the server does it.
pub(super) fn operations(openapi: &Value) -> Value {
    let here = |channel: &str| json!({ "$ref": format!("#/channels/{channel}") });
    let seen = |channel: &str, name: &str| json!({ "$ref": format!("#/channels/{channel}/messages/{name}") });
    let mut operations = Map::new();
    for way in WAYS {
        let Way { name, path, title, .. } = way;
        let security: Vec<Value> = openapi["paths"][path]["get"]["security"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|kind| kind.as_object()?.keys().next())
            .map(|kind| json!({ "$ref": format!("#/components/securitySchemes/{kind}") }))
            .collect();
        let mut operation = match name {
            "polling" => json!({
                "action": "receive",
                "messages": [seen(name, POLL)],
                "reply": { "channel": here(name), "messages": [seen(name, POLLED)] },
            }),
            _ => json!({ "action": "send" }),
        };
        operation["channel"] = here(name);
        operation["title"] = format!("Listen: {title}").into();
        operation["security"] = security.into();
        if name != "websocket" {
            operation["bindings"] = json!({ "http": {
                "method": "GET",
                "query": parameters(openapi, path, "query"),
                "bindingVersion": "0.3.0",
            } });
        }
        operations.insert(format!("{name}.listen"), operation);
    }
    let heard: Vec<Value> = {
        let passing = crate::domain::ephemeral::PASSING;
        let events = crate::domain::events::TYPES.iter().chain(passing).map(|kind| kind.kind);
        let controls = crate::transport::control::CONTROLS.iter().map(|kind| kind.kind);
        events.chain(controls).map(|name| name.to_owned().into()).collect()
    };
    for name in ["sse", "websocket"] {
        let messages = heard.iter().filter_map(Value::as_str).map(|message| seen(name, message));
        let messages: Vec<Value> = messages.chain((name == "websocket").then(|| seen(name, REFUSED))).collect();
        operations[&format!("{name}.listen")]["messages"] = messages.into();
    }
    for operation in OPERATIONS {
        let word = operation.word;
        let replies = [format!("{word}.reply"), format!("{word}.refusal")];
        operations.insert(
            format!("websocket.{word}"),
            json!({
                "action": "receive",
                "title": word,
                "channel": here("websocket"),
                "messages": [seen("websocket", word)],
                "reply": {
                    "channel": here("websocket"),
                    "messages": replies.map(|reply| seen("websocket", &reply)),
                },
            }),
        );
    }
    operations.into()
}
