//! What the streams say of themselves, compared with what there is.

use std::collections::BTreeSet;

use goldcrest::api::{OPERATIONS, asyncapi};
use goldcrest::domain::ephemeral::PASSING;
use goldcrest::domain::events::TYPES;
use goldcrest::transport::CloseReason;
use goldcrest::transport::control::CONTROLS;
use serde_json::Value;
use url::Url;

use crate::readme::tables::rows;
use crate::readme::{page, section};
use crate::support::Server;
use crate::support::documented::{DOCUMENT, facts, references};
use crate::support::spoken::STREAMS;

fn names(of: &'static Value) -> BTreeSet<&'static str> {
    of.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn every_channel_tells_every_event_and_every_control_frame() {
    let mut heard: BTreeSet<&str> = TYPES.iter().chain(PASSING).map(|kind| kind.kind).collect();
    heard.extend(CONTROLS.iter().map(|kind| kind.kind));
    assert_eq!(names(&STREAMS["channels"]["sse"]["messages"]), heard);
    let socket = names(&STREAMS["channels"]["websocket"]["messages"]);
    assert!(socket.is_superset(&heard), "{socket:?}");
    let polled = &STREAMS["components"]["messages"]["polled"]["payload"]["properties"]["events"]["items"]["anyOf"];
    assert_eq!(polled.as_array().unwrap().len(), TYPES.len() + PASSING.len() + 1, "all of them, and `reset`");
}

#[test]
fn every_operation_has_its_reply_and_its_refusals() {
    let errors = page("docs/errors.md");
    let listed: BTreeSet<String> =
        rows(section(&errors, "## Codes")).iter().map(|row| row[0].trim_matches('`').to_owned()).collect();
    let words: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.word).collect();
    assert_eq!(words.len(), OPERATIONS.len(), "two are called the same");
    for word in words {
        let operation = &STREAMS["operations"][format!("websocket.{word}")];
        let answers: Vec<&str> = operation["reply"]["messages"].as_array().unwrap().iter().map(reference).collect();
        let expected = ["reply", "refusal"].map(|kind| format!("#/channels/websocket/messages/{word}.{kind}"));
        assert_eq!(answers, expected);
        let refusal = &STREAMS["components"]["messages"][format!("{word}.refusal")]["payload"];
        for code in refusal["properties"]["error"]["allOf"][1]["properties"]["code"]["enum"].as_array().unwrap() {
            let code = code.as_str().unwrap();
            assert!(listed.contains(code), "`{word}` is refused with `{code}`, which docs/errors.md lacks");
        }
    }
}

fn reference(value: &Value) -> &str {
    value["$ref"].as_str().unwrap()
}

#[test]
fn every_reason_for_an_end_is_told_where_it_is_said() {
    let told = &STREAMS["channels"]["websocket"]["x-close-reasons"];
    let told: Vec<&str> = told.as_array().unwrap().iter().map(|reason| reason["reason"].as_str().unwrap()).collect();
    assert_eq!(told, CloseReason::ALL.iter().map(|reason| reason.word()).collect::<Vec<_>>());
    let mut said = Vec::new();
    for control in ["bye", "expired"] {
        let reasons = &STREAMS["components"]["messages"][control]["payload"]["properties"]["reason"]["oneOf"];
        said.extend(reasons.as_array().unwrap().iter().map(|reason| reason["const"].as_str().unwrap()));
    }
    let unsaid: Vec<&&str> = told.iter().filter(|reason| !said.contains(reason)).collect();
    let by_code = ["unauthorized", "auth_required", "auth_timeout", "protocol_error"];
    assert_eq!(unsaid, by_code.iter().collect::<Vec<_>>(), "these are said by a close code alone");
}

#[test]
fn every_reference_leads_somewhere() {
    assert!(references(&STREAMS) > 200);
}

#[test]
fn the_server_is_where_its_operator_says_that_it_is() {
    let at = |url: &str| {
        let facts = goldcrest::api::openapi::Facts { public_url: Some(Url::parse(url).unwrap()), ..facts() };
        asyncapi::document(&facts, &DOCUMENT)["servers"].clone()
    };
    let servers = at("https://chat.example.org/");
    assert_eq!((&servers["http"]["host"], &servers["http"]["protocol"]), (&"chat.example.org".into(), &"https".into()));
    assert_eq!((&servers["ws"]["host"], &servers["ws"]["protocol"]), (&"chat.example.org".into(), &"wss".into()));
    assert_eq!(at("http://chat.example.org:8080")["ws"]["host"], "chat.example.org:8080");
    assert_eq!(STREAMS["servers"]["ws"]["variables"]["address"]["default"], "127.0.0.1:8080");
}

#[tokio::test]
async fn the_document_is_served_to_anybody() {
    let server = Server::start().await;
    let answer = server.stranger().get("/asyncapi.json").await;
    assert_eq!(answer.expect(200), *STREAMS);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let html = String::from_utf8(server.stranger().get("/docs/events").await.body).unwrap();
    let shown = TYPES.iter().map(|kind| format!("event-{}", kind.kind.replace('.', "-")));
    let shown = shown.chain(CONTROLS.iter().map(|kind| format!("control-{}", kind.kind)));
    let shown = shown.chain(PASSING.iter().map(|kind| format!("passing-{}", kind.kind.replace('.', "-"))));
    for id in shown.chain(OPERATIONS.iter().map(|operation| format!("operation-{}", operation.word))) {
        assert!(html.contains(&format!("<article id=\"{id}\">")), "{id} is not on the page");
    }
}
