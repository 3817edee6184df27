//! Examples as commands that can be typed.

use serde_json::Value;
use std::fmt::Write as _;

/// The address that the page's script puts its own in place of.
const HERE: &str = "http://127.0.0.1:8080";

/// The examples of an operation by their name: the command, what it does, and the answer.
pub(super) fn examples(path: &str, method: &str, operation: &Value) -> Vec<Example> {
    let mut found = Vec::new();
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        for content in response["content"].as_object().into_iter().flat_map(|content| content.values()) {
            for (key, example) in content["examples"].as_object().into_iter().flatten() {
                found.push((key.clone(), status.clone(), example));
            }
        }
    }
    let mut examples: Vec<Example> = found
        .into_iter()
        .map(|(key, status, example)| Example {
            title: example["summary"].as_str().unwrap_or_default().to_owned(),
            command: command(path, method, operation, &key),
            status,
            answer: match &example["value"] {
                Value::String(text) => text.clone(),
                value => serde_json::to_string_pretty(value).unwrap_or_default(),
            },
        })
        .collect();
    if examples.is_empty() {
        examples.extend(bare(path, method, operation));
    }
    examples
}

/// One example.
pub(super) struct Example {
    pub(super) title: String,
    pub(super) command: String,
    pub(super) status: String,
    pub(super) answer: String,
}

/// The command for an answer that has no body.
fn bare(path: &str, method: &str, operation: &Value) -> Option<Example> {
    let responses = operation["responses"].as_object()?;
    let (status, _) = responses.iter().find(|(status, _)| status.starts_with('2'))?;
    let in_body = operation["requestBody"]["content"]["application/json"]["examples"].as_object();
    let in_path = || operation["parameters"].as_array()?.iter().find_map(|parameter| parameter["examples"].as_object());
    let shown = in_body.or_else(in_path).and_then(|examples| examples.iter().next());
    // What needs nothing but credentials is shown all the same.
    let (key, title) = match shown {
        Some((key, example)) => (key.as_str(), example["summary"].as_str().unwrap_or_default()),
        None if path.contains('{') => return None,
        None => ("", operation["summary"].as_str().unwrap_or_default()),
    };
    Some(Example {
        title: title.to_owned(),
        command: command(path, method, operation, key),
        status: status.clone(),
        answer: String::new(),
    })
}

fn command(path: &str, method: &str, operation: &Value, key: &str) -> String {
    let mut url = path.to_owned();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    let mut headers = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let Some(name) = parameter["name"].as_str() else { continue };
        let value = match &parameter["examples"][key]["value"] {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        match parameter["in"].as_str() {
            Some("path") => url = url.replace(&format!("{{{name}}}"), &value),
            Some("query") => drop(query.append_pair(name, &value)),
            _ => headers.push(format!("{name}: {value}")),
        }
    }
    let query = query.finish();
    if !query.is_empty() {
        url = format!("{url}?{query}");
    }
    let needs_credentials = operation["security"].as_array().is_some_and(|kinds| !kinds.is_empty());
    if needs_credentials {
        headers.insert(0, "Authorization: Bearer $TOKEN".to_owned());
    }
    let content = &operation["requestBody"]["content"];
    let json = &content["application/json"]["examples"][key]["value"];
    let text = &content["text/plain"]["examples"][key]["value"];
    let mut command = "curl".to_owned();
    let unsaid = (method == "get") || (method == "post" && !(json.is_null() && text.is_null()));
    if !unsaid {
        let _ = write!(command, " -X {}", method.to_uppercase());
    }
    if method == "get" && url.starts_with("/stream") {
        command.push_str(" -N");
    }
    let _ = write!(command, " {}", quoted(&format!("{HERE}{url}")));
    for header in headers {
        // The shell puts the token in.
        let _ = write!(command, " \\\n  -H \"{header}\"");
    }
    if !json.is_null() {
        let _ = write!(command, " \\\n  --json {}", quoted(&json.to_string()));
    } else if let Some(text) = text.as_str() {
        let _ = write!(command, " \\\n  -d {}", quoted(text));
    }
    command
}

/// For a shell, which reads nothing between single quotation marks.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
