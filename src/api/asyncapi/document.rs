//! The document as a whole.

use super::{channels, messages, story};
use crate::api::openapi::{Facts, Schemas, without_null_defaults};
use serde_json::{Map, Value, json};

/// What the streams say of themselves (`AsyncAPI` 3.0), beside what the rest of the API says of itself (`OpenAPI` 3.1).
pub fn document(facts: &Facts, openapi: &Value) -> Value {
    let mut schemas = Schemas::draft_07();
    let mut messages = messages::all(&mut schemas);
    let channels = channels::channels(openapi, &messages);
    let operations = channels::operations(openapi);
    let mut named = schemas.into_named();
    messages.values_mut().chain(named.values_mut()).for_each(without_null_defaults);
    // What was said is shown as it was, and only then.
    story::tell(&mut messages);
    if let Some(problem) = named.get_mut("Problem") {
        problem["properties"]["code"] = openapi["components"]["schemas"]["Problem"]["properties"]["code"].clone();
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Goldcrest: the streams",
            "version": env!("CARGO_PKG_VERSION"),
            "description": include_str!("introduction.md"),
            "license": { "name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
            "tags": [
                { "name": messages::EVENT, "description": "Something that happened. All three transports tell it alike." },
                { "name": messages::PASSING, "description": "Something that is so for now, and is not kept. It has no `seq`." },
                { "name": messages::CONTROL, "description": "What a stream says of itself. It has no `seq`." },
                { "name": messages::OPERATION, "description": "What a client asks for on a WebSocket." },
                { "name": messages::REPLY, "description": "What it is answered." },
            ],
        },
        "defaultContentType": "application/json",
        "servers": servers(facts),
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": named,
            "securitySchemes": security(openapi),
        },
    })
}

/// The server as clients reach it: where the operator says that it is, or where it is asked for. A document of this kind
/// cannot name itself as its place, as one of the other kind can.
fn servers(facts: &Facts) -> Value {
    let url = facts.public_url.as_ref();
    let tls = url.is_some_and(|url| url.scheme() == "https");
    let host = url.map(|url| &url[url::Position::BeforeHost..url::Position::AfterPort]);
    let server = |plain: &str, secure: &str, says: &str| {
        let mut server = json!({
            "host": host.unwrap_or("{address}"),
            "protocol": if tls { secure } else { plain },
            "description": says,
        });
        if host.is_none() {
            server["variables"] = json!({ "address": {
                "default": "127.0.0.1:8080",
                "description": "Where this document came from.",
            } });
        }
        server
    };
    json!({
        "http": server("http", "https", "This server, for Server-Sent Events and long-polling."),
        "ws": server("ws", "wss", "This server, for WebSockets."),
    })
}

/// The same credentials, in the words of this kind of document.
fn security(openapi: &Value) -> Value {
    let mut schemes = Map::new();
    for (name, scheme) in openapi["components"]["securitySchemes"].as_object().into_iter().flatten() {
        let mut scheme = scheme.clone();
        if scheme["type"] == "apiKey" {
            scheme["type"] = "httpApiKey".into();
        }
        schemes.insert(name.clone(), scheme);
    }
    schemes.into()
}
