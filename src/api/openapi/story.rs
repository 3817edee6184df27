//! The examples: one story, in which a few people do everything once. A test lives it with a real server.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// One request of the story and its answer.
#[derive(Debug, Deserialize)]
struct Step {
    operation: String,
    title: String,
    #[serde(default)]
    path: Map<String, Value>,
    #[serde(default)]
    query: Map<String, Value>,
    #[serde(default)]
    headers: Map<String, Value>,
    body: Option<Value>,
    status: u16,
    answer: Option<Value>,
}

/// Gives each operation the steps of the story that are its.
pub(super) fn tell(paths: &mut Map<String, Value>) {
    // The file is compiled in, and a test reads it: that it is no JSON cannot happen to a user.
    let story: Vec<Step> = serde_json::from_str(include_str!("story.json")).unwrap_or_default();
    let operations = paths.iter_mut().filter_map(|(_, item)| item.as_object_mut());
    for operation in operations.flat_map(|item| item.iter_mut().map(|(_, operation)| operation)) {
        let of_this = |step: &&Step| operation["operationId"] == *step.operation;
        let steps: Vec<&Step> = story.iter().filter(of_this).collect();
        for step in steps {
            step.tell_in(operation);
        }
    }
}

impl Step {
    fn tell_in(&self, operation: &mut Value) {
        for parameter in operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten() {
            let given = match parameter["in"].as_str() {
                Some("path") => &self.path,
                Some("query") => &self.query,
                _ => &self.headers,
            };
            if let Some(value) = parameter["name"].as_str().and_then(|name| given.get(name)) {
                self.add_to(Some(parameter), value);
            }
        }
        if let Some(body) = &self.body {
            let media = if body.is_string() { "text~1plain" } else { "application~1json" };
            self.add_to(operation.pointer_mut(&format!("/requestBody/content/{media}")), body);
        }
        if let Some(answer) = &self.answer {
            let lines = format!("/responses/{}/content/application~1x-ndjson", self.status);
            if let (Some(_), Some(items)) = (operation.pointer(&lines), answer.as_array()) {
                let text = items.iter().map(Value::to_string).collect::<Vec<_>>().join("\n") + "\n";
                return self.add_to(operation.pointer_mut(&lines), &text.into());
            }
            let media = match self.status {
                400.. => "application~1problem+json",
                _ if answer.is_string() => "text~1plain",
                _ => "application~1json",
            };
            self.add_to(operation.pointer_mut(&format!("/responses/{}/content/{media}", self.status)), answer);
        }
    }

    fn add_to(&self, place: Option<&mut Value>, value: &Value) {
        // Where there is no such place, the story is about another server: the test of the examples says so.
        if let Some(place) = place.and_then(Value::as_object_mut) {
            let examples = place.entry("examples").or_insert_with(|| json!({}));
            examples[&self.key()] = json!({ "summary": self.title, "value": value });
        }
    }

    /// The title, as a name in the document.
    fn key(&self) -> String {
        let letters = self.title.to_lowercase();
        letters
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join("-")
    }
}
