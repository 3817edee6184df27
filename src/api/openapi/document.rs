//! The document as a whole: what its operations have in common, and where they stand.

use super::asks::Documented;
use super::operation::Operation;
use super::schemas::Schemas;
use super::{codes, links, story};
use crate::api::problem::Problem;
use serde_json::{Map, Value, json};
use url::Url;

/// What the document says of this one server.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The name of the web app's cookie.
    pub cookie: &'static str,
    /// The fewest characters of a password.
    pub password_min_length: usize,
    /// Where it is reached from outside, if the operator said so.
    pub public_url: Option<Url>,
}

/// A route's line in the list.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct Entry {
    pub(in crate::api) method: &'static str,
    pub(in crate::api) path: &'static str,
    /// The handler's path, as the list names it.
    pub(in crate::api) handler: &'static str,
    /// What it is for, line by line.
    pub(in crate::api) says: &'static [&'static str],
    /// The codes of its own refusals.
    pub(in crate::api) refuses: &'static [&'static str],
}

/// Each file of handlers is a chapter.
const CHAPTERS: &[(&str, &str, &str)] = &[
    ("accounts", "Accounts", "Registering, looking somebody up, one's own account."),
    ("sessions", "Sessions", "Logging in and out, refreshing, and tickets that open streams in URLs."),
    ("keys", "API keys", "Credentials for scripts and bots, with some of their owner's rights."),
    ("conversations", "Conversations", "Direct conversations, groups and channels, and who is in them."),
    ("messages", "Messages", "Sending, editing, deleting, reading. See [Messages](/docs/messages)."),
    ("email", "Accounts", ""),
    ("export", "Accounts", ""),
    (
        "links",
        "Mailed links",
        "What is mailed, used by a page with a button or by a program. See [Accounts](/docs/accounts).",
    ),
    ("invitations", "Invitations", "Letting people in where registration is not open to all."),
    ("admin", "Administration", "What administrators see of accounts, and shutting people out."),
    ("server", "Server", "What anybody may know of it."),
    ("receipts", "Reading", "How far people have read. See [People and reading](/docs/people#reading)."),
    ("contacts", "Contacts", "Who may write to whom. See [People and reading](/docs/people)."),
    ("blocks", "Blocks", "Whom somebody does not want to be reached by."),
    ("presence", "Presence", "Who is there, and who is typing. See [People and reading](/docs/people#presence)."),
    (
        "stream",
        "Streams",
        "Three ways to hear of every change, at once and exactly once. See [Streams](/docs/streams).",
    ),
    ("health", "Health", "For load balancers and supervisors."),
    ("docs", "Documentation", "What describes this API."),
];

impl Entry {
    fn module(&self) -> &'static str {
        self.handler.split("::").next().unwrap_or_default().trim()
    }

    fn function(&self) -> &'static str {
        self.handler.rsplit("::").next().unwrap_or_default().trim()
    }

    /// Unique, since no two functions have the same path.
    fn id(&self) -> String {
        let mut id = self.module().to_owned();
        for word in self.function().split('_') {
            let mut letters = word.chars();
            id.extend(letters.next().into_iter().flat_map(char::to_uppercase));
            id.push_str(letters.as_str());
        }
        id
    }

    fn chapter(&self) -> &'static str {
        let chapter = CHAPTERS.iter().find(|(module, ..)| *module == self.module());
        chapter.map_or(self.module(), |(_, name, _)| name)
    }

    /// Its description in the document.
    pub(in crate::api) fn describe<A>(self, handler: &impl Documented<A>, schemas: &mut Schemas) -> (Self, Value) {
        let mut operation = Operation::new(schemas, self.method, self.path);
        operation.refuses(self.refuses);
        handler.describe(&mut operation);
        let lines: Vec<&str> = self.says.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        let text = lines.join("\n");
        let (summary, description) = text.split_once("\n\n").unwrap_or((&text, ""));
        let mut described = Map::new();
        described.insert("operationId".to_owned(), self.id().into());
        described.insert("tags".to_owned(), json!([self.chapter()]));
        described.insert("summary".to_owned(), summary.replace('\n', " ").trim_end_matches('.').into());
        if !description.is_empty() {
            described.insert("description".to_owned(), description.into());
        }
        described.append(&mut operation.finish());
        (self, described.into())
    }
}

/// Puts the operations together.
pub(in crate::api) fn assemble(facts: &Facts, describe: impl FnOnce(&mut Schemas) -> Vec<(Entry, Value)>) -> Value {
    let mut schemas = Schemas::new();
    schemas.given::<Problem>();
    let mut paths = Map::new();
    for (entry, operation) in describe(&mut schemas) {
        let item = paths.entry(entry.path).or_insert_with(|| json!({}));
        item[entry.method] = operation;
    }
    links::add(&mut paths);
    story::tell(&mut paths);
    let mut named = schemas.into_named();
    paths.values_mut().chain(named.values_mut()).for_each(without_null_defaults);
    if let Some(password) = named.get_mut("NewPassword") {
        password["minLength"] = facts.password_min_length.into();
    }
    if let Some(problem) = named.get_mut("Problem") {
        problem["properties"]["code"]["enum"] = codes::all().map(|(code, _)| code).collect();
    }
    // Several files may make one chapter.
    let tags: Vec<Value> = CHAPTERS
        .iter()
        .filter(|(.., says)| !says.is_empty())
        .map(|(_, name, says)| json!({ "name": name, "description": says }))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Goldcrest",
            "summary": env!("CARGO_PKG_DESCRIPTION"),
            "description": include_str!("introduction.md"),
            "version": env!("CARGO_PKG_VERSION"),
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/", "description": "This server." }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": named,
            "headers": headers(),
            "securitySchemes": security(facts),
        },
    })
}

/// That a field left out is `null` says its type already.
pub(in crate::api) fn without_null_defaults(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|name, value| !(name == "default" && value.is_null()));
            fields.values_mut().for_each(without_null_defaults);
        }
        Value::Array(items) => items.iter_mut().for_each(without_null_defaults),
        _ => {}
    }
}

fn headers() -> Value {
    json!({
        "Retry-After": {
            "description": "After so many seconds it is worth another try.",
            "schema": { "type": "integer", "minimum": 0 },
        },
        "RateLimit": {
            "description": "What is left: for each bucket that the request was counted in its name, the requests left \
                            (`r`), and the seconds until it is full again (`t`).",
            "schema": { "type": "string" },
            "example": "\"everything\";r=299;t=1",
        },
        "RateLimit-Policy": {
            "description": "The size of each of these buckets (`q`), and in how many seconds an empty one fills (`w`).",
            "schema": { "type": "string" },
            "example": "\"everything\";q=300;w=60",
        },
        "WWW-Authenticate": { "schema": { "type": "string" }, "example": "Bearer realm=\"goldcrest\"" },
    })
}

fn security(facts: &Facts) -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token from a login, or an API key (`gck_…`). `Authorization: Token …` means the same.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": facts.cookie,
            "description": "The web app's session: log in with `\"cookie\": true`.",
        },
        "ticket": {
            "type": "apiKey",
            "in": "query",
            "name": "ticket",
            "description": "A ticket from `POST /api/v1/stream-tickets`, for streams only.",
        },
    })
}
