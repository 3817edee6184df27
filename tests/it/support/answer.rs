//! What the server answered to one request.

use http::HeaderMap;
use serde_json::Value;

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("the header is ASCII"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("the body is JSON: {error}; {}", self.describe()))
    }

    /// The body as one JSON value a line.
    pub fn lines(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).expect("lines of text");
        assert!(text.ends_with('\n'), "the last line is whole");
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
    }

    /// The body, if the status is this one.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.describe());
        if self.body.is_empty() { Value::Null } else { self.json() }
    }

    /// A refusal as section 10 of the design wants it: a problem document with this status and this code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.describe());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.describe());
        let problem = self.json();
        assert_eq!(problem["code"], code, "{}", self.describe());
        assert_eq!(problem["status"], status, "{}", self.describe());
        assert!(problem["title"].is_string() && problem["type"].is_string(), "{}", self.describe());
        problem
    }

    /// A refusal that names the field it is about.
    #[track_caller]
    pub fn refused_field(&self, code: &str, field: &str) {
        let problem = self.refused(422, code);
        assert_eq!(problem["field"], field, "{}", self.describe());
    }

    pub fn describe(&self) -> String {
        format!("answered {} {}", self.status, String::from_utf8_lossy(&self.body))
    }
}
