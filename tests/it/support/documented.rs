//! Every answer that a test gets is compared with what the API's own document says of it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use goldcrest::api::openapi::Facts;
use goldcrest::api::routes;
use http::Method;
use jsonschema::Validator;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::Answer;

/// What the documents say of a server that was started without options.
pub fn facts() -> Facts {
    Facts { cookie: "goldcrest_session", password_min_length: 8, public_url: None }
}

pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| routes::document(&facts()));

/// What stands under a name, wherever in a document that is a text; examples are not looked at.
pub fn all_under<'a>(document: &'a Value, name: &str) -> Vec<&'a str> {
    match document {
        Value::Object(object) => {
            let parts = object.iter().filter(|(part, _)| *part != "examples");
            let inner = parts.flat_map(|(_, part)| all_under(part, name));
            object.get(name).and_then(Value::as_str).into_iter().chain(inner).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| all_under(item, name)).collect(),
        _ => Vec::new(),
    }
}

/// Fails if a reference leads nowhere. Returns how many there are.
pub fn references(document: &Value) -> usize {
    let references = all_under(document, "$ref");
    for reference in &references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    references.len()
}

/// Fails if the document does not know that this request may be answered so.
pub fn check(method: &Method, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap_or(path);
    let Some(template) = template_of(path) else { return };
    let method = method.as_str().to_lowercase();
    let operation = &DOCUMENT["paths"][template][&method];
    // Methods that a route does not know, and HEAD, which follows from GET.
    if operation.is_null() {
        return;
    }
    let place = format!("{method} {template}");
    let documented = &operation["responses"][answer.status.to_string()];
    assert!(!documented.is_null(), "{place} is not documented to answer {}: {}", answer.status, answer.describe());
    let media = answer.header("content-type").unwrap_or("").split(';').next().unwrap_or("").to_owned();
    let content = documented["content"].as_object();
    if answer.body.is_empty() && content.is_none() {
        return;
    }
    let schema = content.and_then(|content| content.get(&media)).map(|content| &content["schema"]);
    let Some(schema) = schema else {
        panic!("{place} is not documented to answer {media:?}: {}", answer.describe());
    };
    if media == "application/x-ndjson" {
        for line in answer.lines() {
            fits(&place, answer, schema, &line);
        }
    } else if media.ends_with("json") {
        fits(&place, answer, schema, &answer.json());
    }
}

fn fits(place: &str, answer: &Answer, schema: &Value, value: &Value) {
    let validator = validator(place, answer.status, schema);
    let wrong: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(wrong.is_empty(), "{place} answers otherwise than documented: {wrong:?}; {value} of {}", answer.status);
}

fn validator(place: &str, status: u16, schema: &Value) -> Arc<Validator> {
    type Known = HashMap<(String, u16), Arc<Validator>>;
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock();
    let made = known.entry((place.to_owned(), status)).or_insert_with(|| {
        let whole = json!({ "components": DOCUMENT["components"], "allOf": [schema] });
        Arc::new(jsonschema::draft202012::new(&whole).unwrap_or_else(|error| panic!("the schema of {place}: {error}")))
    });
    Arc::clone(made)
}

/// The documented path that a path is one of. Fixed parts win over those in braces, as they do in the router.
pub fn template_of(path: &str) -> Option<&'static str> {
    let parts: Vec<&str> = path.split('/').collect();
    let fits = |template: &&String| {
        let known: Vec<&str> = template.split('/').collect();
        known.len() == parts.len()
            && known.iter().zip(&parts).all(|(known, part)| known == part || known.starts_with('{') && !part.is_empty())
    };
    let templates = DOCUMENT["paths"].as_object().unwrap().keys().filter(fits);
    templates.min_by_key(|template| template.matches('{').count()).map(String::as_str)
}
