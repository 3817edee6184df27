//! What people in a story keep for later, and how a story is told that happens again and again.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// What people in the story keep for later: the words that stand for it in the story, and what it really is.
#[derive(Default)]
pub struct Kept {
    pub real: HashMap<String, String>,
    told: HashMap<&'static str, usize>,
}

impl Kept {
    /// A request with what really belongs into it.
    pub fn real(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.real.get(text).unwrap_or(text).clone().into(),
            Value::Array(items) => items.iter().map(|item| self.real(item)).collect(),
            Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), self.real(value))).collect(),
            other => other.clone(),
        }
    }

    /// An answer as the story tells it: secrets by what they are, times as they were told before.
    pub fn told(&mut self, name: &str, real: &Value, before: &Value) -> Value {
        const SECRETS: [&str; 5] = ["access_token", "refresh_token", "ticket", "key", "token"];
        match real {
            Value::String(text) => {
                if let Some(kind) = SECRETS.into_iter().find(|kind| *kind == name) {
                    let count = self.told.entry(kind).or_default();
                    *count += 1;
                    let told = format!("the-{}-{count}", kind.replace('_', "-"));
                    self.real.insert(told.clone(), text.clone());
                    return told.into();
                }
                let moment = |text: &str| text.len() == 24 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
                match before.as_str() {
                    Some(before) if moment(text) && moment(before) => before.into(),
                    // A URL may hold what was told by itself before.
                    _ => self.real.iter().fold(text.clone(), |text, (told, real)| text.replace(real, told)).into(),
                }
            }
            Value::Array(items) => {
                let told = items.iter().enumerate().map(|(at, item)| self.told(name, item, &before[at]));
                told.collect()
            }
            Value::Object(fields) => {
                let told = |(name, value): (&String, &Value)| (name.clone(), self.told(name, value, &before[name]));
                Value::Object(fields.iter().map(told).collect::<Map<_, _>>())
            }
            // How long somebody is to wait is another time each time.
            Value::Number(_) if matches!(name, "in" | "retry") && before.is_number() => before.clone(),
            other => other.clone(),
        }
    }
}
