//! What a request says: a JSON object, whose fields are checked all together and complained about in the original's words.

use super::said::Said;
use crate::compat::fields::{Fields, Form, form};
use crate::compat::{Front, Refused};
use crate::domain::{ConversationId, UserId};
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// The body of a request.
#[derive(Debug)]
pub(super) struct Body(Fields);

impl FromRequest<Front> for Body {
    type Rejection = Response;

    async fn from_request(request: Request, front: &Front) -> Result<Self, Response> {
        Self::read(front, request).await.map_err(|refused| Said::from(refused).into_response())
    }
}

impl Body {
    async fn read(front: &Front, request: Request) -> Result<Self, Refused> {
        let (parts, body) = request.into_parts();
        if !matches!(form(&parts.headers), Form::Json | Form::Unnamed) {
            return Err(Refused::MediaType);
        }
        Ok(Self(Fields::of_json(&front.gate.body(body).await?)?))
    }

    /// Its fields, to be checked one by one and then together.
    pub(super) fn check(&self) -> Checked<'_> {
        Checked { given: &self.0.0, known: Vec::new(), wrong: Map::new() }
    }

    /// The user whose chats are asked for.
    pub(super) fn user(&self) -> Result<UserId, Said> {
        self.wanted("user", "missing field user", "user id must be an integer").map(UserId)
    }

    /// The chat whose messages are asked for.
    pub(super) fn chat(&self) -> Result<ConversationId, Said> {
        self.wanted("chat", "missing chat id", "chat id must be an integer").map(ConversationId)
    }

    /// The one number by which something is asked for. The original took all that Python counts as false for missing.
    fn wanted(&self, name: &str, missing: &str, no_number: &str) -> Result<i64, Said> {
        let value = self.0.get(name).unwrap_or(&Value::Null);
        let nothing = [json!(null), json!(false), json!(0), json!(""), json!([]), json!({})];
        if nothing.contains(value) {
            return Err(Said::malformed(missing));
        }
        number(value).ok_or_else(|| Said::malformed(no_number))
    }
}

/// A number, or the digits of one. One that nothing can have stands for itself all the same: there is no such thing.
fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) if number.is_f64() => None,
        Value::Number(number) => Some(number.as_i64().unwrap_or(i64::MAX)),
        Value::String(text) => {
            let text = text.trim();
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            all.then(|| text.parse().unwrap_or(i64::MAX))
        }
        _ => None,
    }
}

/// Fields, and what is wrong with them so far.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    given: &'a Map<String, Value>,
    known: Vec<&'static str>,
    wrong: Map<String, Value>,
}

impl<'a> Checked<'a> {
    fn field(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        match self.given.get(name) {
            None => self.complain(name, "Missing data for required field."),
            Some(Value::Null) => self.complain(name, "Field may not be null."),
            Some(value) => return Some(value),
        }
        None
    }

    fn complain(&mut self, name: &str, what: &str) {
        self.wrong.insert(name.to_owned(), json!([what]));
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, name: &'static str) -> String {
        match self.field(name) {
            None => {}
            Some(Value::String(text)) if text.is_empty() => self.complain("_schema", &format!("Missing {name}")),
            Some(Value::String(text)) => return text.clone(),
            Some(_) => self.complain(name, "Not a valid string."),
        }
        String::new()
    }

    /// A number.
    pub(super) fn number(&mut self, name: &'static str) -> i64 {
        match self.field(name).map(number) {
            None => {}
            Some(Some(number)) => return number,
            Some(None) => self.complain(name, "Not a valid integer."),
        }
        0
    }

    /// The numbers of people.
    pub(super) fn people(&mut self, name: &'static str) -> Vec<UserId> {
        let Some(value) = self.field(name) else { return Vec::new() };
        let Value::Array(values) = value else {
            self.complain(name, "Invalid type.");
            return Vec::new();
        };
        let mut people = Vec::with_capacity(values.len());
        let mut wrong = Map::new();
        for (place, value) in values.iter().enumerate() {
            match number(value) {
                Some(number) => people.push(UserId(number)),
                None => drop(wrong.insert(place.to_string(), json!({ "id": ["Not a valid integer."] }))),
            }
        }
        if !wrong.is_empty() {
            self.wrong.insert(name.to_owned(), Value::Object(wrong));
        }
        people
    }

    /// Refuses if something is wrong, also a field that there is not.
    pub(super) fn finish(mut self) -> Result<(), Said> {
        let given = self.given;
        for name in given.keys().filter(|name| !self.known.contains(&name.as_str())).collect::<Vec<_>>() {
            self.complain(name, "Unknown field.");
        }
        if self.wrong.is_empty() { Ok(()) } else { Err(Said::malformed(Value::Object(self.wrong))) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_as_numbers_or_as_digits() {
        for (value, expected) in [
            (json!(7), Some(7)),
            (json!("7"), Some(7)),
            (json!(" 7 "), Some(7)),
            (json!("-7"), Some(-7)),
            (json!(u64::MAX), Some(i64::MAX)),
            (json!("99999999999999999999"), Some(i64::MAX)),
            (json!("7a"), None),
            (json!("-"), None),
            (json!("٧"), None),
            (json!(7.5), None),
            (json!(true), None),
            (json!([7]), None),
            (json!({"id": 7}), None),
        ] {
            assert_eq!(number(&value), expected, "{value}");
        }
    }
}
