//! The story in `src/api/openapi/story.json`, lived with a real server: the document's examples are what happens.
//!
//! `GOLDCREST_TELL_STORY=1 cargo nextest run the_examples` writes down the answers as they are now; read what it changed.

use std::path::Path;

use http::Method;
use serde_json::{Value, json};

use crate::support::documented::DOCUMENT;
use crate::support::{Answer, Caller, Kept, Server};

const STORY: &str = "src/api/openapi/story.json";

/// Operations that no request and answer can show.
const WITHOUT_EXAMPLE: &[&str] = &[
    "healthStream",
    "streamSse",
    "streamWs",
    "linksShow",
    "linksPress",
    "docsOpenapi",
    "docsAsyncapi",
    "docsReference",
    "docsPage",
    "docsCompat",
];

#[tokio::test]
async fn the_examples_are_what_happens() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(STORY);
    let story: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let server = Server::options().set("--mail", "log").set("--public-url", "http://chat.example.org").start().await;
    let mut kept = Kept::default();
    let mut lived = Vec::new();
    for step in &story {
        let mut now = step.clone();
        if let Some(words) = step["operator"].as_array() {
            let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
            server.command_with_input(&words, step["input"].as_str().unwrap_or_default()).await;
        }
        for (at, link) in server.log().split("?token=").skip(1).enumerate() {
            let token = link.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c))).next().unwrap();
            kept.real.insert(format!("the-mailed-token-{}", at + 1), token.to_owned());
        }
        let answer = live(&server, &kept, step).await;
        now["status"] = answer.status.into();
        let real = if answer.body.is_empty() {
            Value::Null
        } else if answer.header("content-type") == Some("application/x-ndjson") {
            answer.lines().into()
        } else if answer.header("content-type").is_some_and(|kind| kind.ends_with("json")) {
            answer.json()
        } else {
            String::from_utf8(answer.body.clone()).unwrap().into()
        };
        let told = kept.told("", &real, &step["answer"]);
        let fields = now.as_object_mut().unwrap();
        fields.remove("answer");
        if !told.is_null() {
            fields.insert("answer".to_owned(), told);
        }
        lived.push(now);
    }
    if std::env::vars_os().any(|(name, _)| name == "GOLDCREST_TELL_STORY") {
        std::fs::write(&file, serde_json::to_string_pretty(&lived).unwrap() + "\n").unwrap();
        return;
    }
    for (told, lived) in story.iter().zip(&lived) {
        assert_eq!(told, lived, "{STORY} tells something else than what happened: {}", told["title"]);
    }
}

/// Makes the request of one step.
async fn live(server: &Server, kept: &Kept, step: &Value) -> Answer {
    let name = step["operation"].as_str().unwrap();
    let paths = DOCUMENT["paths"].as_object().unwrap();
    let (template, method) = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |(method, it)| (path, method, it)))
        .find_map(|(path, method, operation)| (operation["operationId"] == name).then_some((path, method)))
        .unwrap_or_else(|| panic!("there is no operation {name}"));
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut path = template.clone();
    for (part, value) in step["path"].as_object().into_iter().flatten() {
        path = path.replace(&format!("{{{part}}}"), &text(value));
    }
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in step["query"].as_object().into_iter().flatten() {
        query.append_pair(name, &text(value));
    }
    let query = query.finish();
    if !query.is_empty() {
        path = format!("{path}?{query}");
    }
    let mut caller: Caller = server.stranger();
    if let Some(token) = step["as"].as_str() {
        caller = caller.with_bearer(kept.real.get(token).unwrap_or_else(|| panic!("nobody has {token} yet")));
    }
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        caller = caller.with_header(name, &text(value));
    }
    let method: Method = method.to_uppercase().parse().unwrap();
    match &step["body"] {
        Value::Null => caller.call(method, &path, None).await,
        Value::String(text) => caller.send_body(method, &path, "text/plain", text.clone()).await,
        body => caller.call(method, &path, Some(&kept.real(body))).await,
    }
}

#[test]
fn every_operation_has_an_example_that_succeeds_and_fits_the_document() {
    let story: Vec<Value> =
        serde_json::from_str(&std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(STORY)).unwrap())
            .unwrap();
    let document = DOCUMENT.to_string();
    for step in &story {
        let title = step["title"].as_str().unwrap();
        // A request of nothing that is answered with nothing leaves nothing to show.
        let shows = ["path", "query", "headers", "body", "answer"].into_iter().any(|field| !step[field].is_null());
        assert!(
            !shows || document.contains(&format!("\"summary\":{}", json!(title))),
            "nothing in the document shows: {title}"
        );
    }
    let titles: std::collections::BTreeSet<&str> = story.iter().map(|step| step["title"].as_str().unwrap()).collect();
    assert_eq!(titles.len(), story.len(), "each step has a title of its own");
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let told = story
                .iter()
                .any(|step| step["operation"] == name && step["status"].as_u64().is_some_and(|status| status < 300));
            let excepted = WITHOUT_EXAMPLE.contains(&name);
            assert!(told != excepted, "{method} {path}: tell of {name} in {STORY}, or say why it cannot be told");
        }
    }
}
