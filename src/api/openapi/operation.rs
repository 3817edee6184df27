//! One operation while it is described: what it takes, gives, and refuses.

use super::codes;
use super::schemas::Schemas;
use crate::api::middleware::{is_limited, is_stream};
use schemars::JsonSchema;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One operation while it is described.
#[derive(Debug)]
pub struct Operation<'a> {
    schemas: &'a mut Schemas,
    method: &'static str,
    path: &'static str,
    parameters: Vec<Value>,
    bodies: Map<String, Value>,
    body_required: bool,
    answers: BTreeMap<u16, Value>,
    codes: BTreeSet<&'static str>,
    security: Vec<Value>,
    in_pages: bool,
}

/// A parameter of an operation.
#[derive(Debug, Clone)]
pub(in crate::api) struct Parameter<'a> {
    /// `path`, `query` or `header`.
    pub(in crate::api) place: &'static str,
    pub(in crate::api) name: &'a str,
    pub(in crate::api) says: &'a str,
    pub(in crate::api) required: bool,
    pub(in crate::api) schema: Value,
}

impl<'a> Operation<'a> {
    pub(super) fn new(schemas: &'a mut Schemas, method: &'static str, path: &'static str) -> Self {
        Self {
            schemas,
            method,
            path,
            parameters: Vec::new(),
            bodies: Map::new(),
            body_required: true,
            answers: BTreeMap::new(),
            codes: BTreeSet::new(),
            security: Vec::new(),
            in_pages: false,
        }
    }

    /// Whether it may change something.
    pub(in crate::api) fn writes(&self) -> bool {
        self.method != "get"
    }

    /// The names of the parts of its path that are given, in their order.
    pub(in crate::api) fn parts(&self) -> Vec<&'static str> {
        parts(self.path)
    }

    /// The schema of what is read from a request.
    pub(in crate::api) fn taken<T: JsonSchema>(&mut self) -> Value {
        self.schemas.taken::<T>()
    }

    /// It may refuse with these codes.
    pub(in crate::api) fn refuses(&mut self, codes: &[&'static str]) {
        self.codes.extend(codes);
    }

    /// It shows to people what it refuses for, where it is reached at all.
    pub(in crate::api) fn refuses_in_pages(&mut self) {
        self.in_pages = true;
    }

    /// It takes one of these kinds of credentials. An empty name stands for none at all.
    pub(in crate::api) fn takes_credentials(&mut self, kinds: &[&str]) {
        for kind in kinds {
            let requirement = if kind.is_empty() { json!({}) } else { json!({ *kind: [] }) };
            if !self.security.contains(&requirement) {
                self.security.push(requirement);
            }
        }
    }

    /// It takes a parameter.
    pub(in crate::api) fn takes(&mut self, parameter: Parameter<'_>) {
        let Parameter { place, name, says, required, schema } = parameter;
        let mut described = json!({ "name": name, "in": place, "required": required, "schema": schema });
        if !says.is_empty() {
            described["description"] = says.into();
        }
        self.parameters.push(described);
    }

    /// It takes a body of this media type.
    pub(in crate::api) fn takes_body(&mut self, media: &str, schema: &Value) {
        self.bodies.insert(media.to_owned(), json!({ "schema": schema }));
    }

    /// It does as well without any body.
    pub(in crate::api) fn may_leave_out_its_body(&mut self) {
        self.body_required = false;
    }

    /// It answers with JSON.
    pub(in crate::api) fn answers_json<T: JsonSchema>(&mut self, status: u16, says: &str) {
        let schema = self.schemas.given::<T>();
        self.answers(status, says, Some(("application/json", schema)));
    }

    /// It answers with JSON objects, one a line.
    pub(in crate::api) fn answers_lines<T: JsonSchema>(&mut self, status: u16, says: &str) {
        let schema = self.schemas.given::<T>();
        self.answers(status, says, Some(("application/x-ndjson", schema)));
    }

    /// It answers with this status, and perhaps a body of this media type.
    pub(in crate::api) fn answers(&mut self, status: u16, says: &str, body: Option<(&str, Value)>) {
        let mut answer = json!({ "description": says });
        if let Some((media, schema)) = body {
            answer["content"] = json!({ media: { "schema": schema } });
        }
        self.answers.insert(status, answer);
    }

    /// A body of another media type that an answer may have.
    pub(in crate::api) fn answers_also(&mut self, status: u16, media: &str, schema: &Value) {
        if let Some(answer) = self.answers.get_mut(&status) {
            answer["content"][media] = json!({ "schema": schema });
        }
    }

    /// What all operations have in common, once it is known what is special.
    pub(super) fn finish(mut self) -> Map<String, Value> {
        // Before any handler: see `middleware::guard`. After any: see `middleware::panicked`.
        self.refuses(&["internal"]);
        let mailed = self.path.starts_with("/links/");
        if !mailed {
            self.refuses(&["token_in_url"]);
        }
        if !mailed && self.writes() || is_stream(self.path) {
            self.refuses(&["foreign_origin"]);
        }
        let limited = is_limited(self.path);
        if limited {
            self.refuses(&["too_many_requests"]);
        }
        let mut responses = Map::new();
        for (status, mut answer) in self.answers {
            if limited {
                answer["headers"] = headers(&["RateLimit", "RateLimit-Policy"]);
            }
            responses.insert(status.to_string(), answer);
        }
        let mut by_status: BTreeMap<u16, Vec<(&str, &str)>> = BTreeMap::new();
        for code in self.codes {
            let meaning = codes::meaning(code);
            by_status.entry(meaning.status).or_default().push((code, meaning.when));
        }
        for (status, codes) in by_status {
            let mut answer = problem(status, &codes);
            if self.in_pages {
                answer["content"]["text/html"] = json!({ "schema": { "type": "string" } });
            }
            responses.insert(status.to_string(), answer);
        }
        let mut described = Map::new();
        described.insert("security".to_owned(), self.security.into());
        if !self.parameters.is_empty() {
            described.insert("parameters".to_owned(), self.parameters.into());
        }
        if !self.bodies.is_empty() {
            described
                .insert("requestBody".to_owned(), json!({ "required": self.body_required, "content": self.bodies }));
        }
        described.insert("responses".to_owned(), responses.into());
        described
    }
}

/// The parts of a path that stand in braces.
pub(super) fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect()
}

/// The answer of one status with the codes that it may have.
fn problem(status: u16, codes: &[(&str, &str)]) -> Value {
    let says: Vec<String> = codes.iter().map(|(code, when)| format!("- `{code}`: {when}")).collect();
    let names: Vec<&str> = codes.iter().map(|(code, _)| *code).collect();
    let mut answer = json!({
        "description": says.join("\n"),
        "content": { "application/problem+json": { "schema": {
            "$ref": "#/components/schemas/Problem",
            "properties": { "status": { "const": status }, "code": { "enum": names } },
        } } },
    });
    let named: &[&str] = match status {
        401 => &["WWW-Authenticate"],
        429 => &["Retry-After", "RateLimit", "RateLimit-Policy"],
        503 => &["Retry-After"],
        _ => &[],
    };
    if !named.is_empty() {
        answer["headers"] = headers(named);
    }
    answer
}

fn headers(names: &[&str]) -> Value {
    let reference = |name: &&str| ((*name).to_owned(), json!({ "$ref": format!("#/components/headers/{name}") }));
    Value::Object(names.iter().map(reference).collect())
}
