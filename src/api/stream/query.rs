//! What a URL says about a stream, and the header that says more.

use crate::api::app::App;
use crate::api::openapi::{Asks, Operation, Parameter};
use crate::api::page::number;
use crate::api::problem::Problem;
use crate::domain::Seq;
use crate::transport::{Cursor, last_event_id};
use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use serde_json::{Value, json};

/// Events in one answer to a poll: at most, and unasked.
const EVENTS: (usize, usize) = (1_000, 100);
/// Channels that one URL may name.
const CHANNELS: usize = 100;
/// The longest that a poll is held, in seconds.
const WAIT: u64 = 60;

/// What a URL says about a stream.
#[derive(Debug, Default)]
pub(in crate::api) struct Query {
    pub(super) ticket: Option<String>,
    after: Option<Seq>,
    pub(super) channels: Vec<String>,
    limit: Option<usize>,
    wait: Option<u64>,
}

impl Query {
    /// Unknown parameters are left alone: proxies and browsers add their own.
    fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut parsed = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or("").as_bytes()) {
            match &*name {
                "ticket" => parsed.ticket = Some(value.into_owned()),
                "after" => parsed.after = Some(Seq(number("after", &value)?)),
                "channel" if !parsed.channels.iter().any(|known| *known == *value) => {
                    parsed.channels.push(value.into_owned());
                }
                "limit" => parsed.limit = Some(number("limit", &value)?),
                "wait" => parsed.wait = Some(number("wait", &value)?),
                _ => {}
            }
        }
        if parsed.channels.len() > CHANNELS {
            return Err(Problem::malformed(format!("A stream follows at most {CHANNELS} channels.")).field("channel"));
        }
        Ok(parsed)
    }

    /// Where the stream goes on from. The header wins: a browser that reconnects repeats its first URL.
    pub(super) fn cursor(&self, headers: &HeaderMap) -> Cursor {
        last_event_id(headers).unwrap_or_else(|| self.after.map_or(Cursor::Now, Cursor::After))
    }
}

impl FromRequestParts<App> for Query {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        Self::parse(parts.uri.query())
    }
}

impl Asks for Query {
    fn asks(operation: &mut Operation<'_>) {
        let mut takes = |place, name, says, schema: Value| {
            operation.takes(Parameter { place, name, says, required: false, schema });
        };
        let cursor = json!({ "type": "integer", "minimum": 0, "maximum": i64::MAX });
        takes(
            "query",
            "after",
            "The `seq` of the last event that was dealt with. 0 is before all; without it, from now on.",
            cursor,
        );
        let names = json!({ "type": "array", "items": { "type": "string" }, "maxItems": CHANNELS });
        takes("query", "channel", "Public channels to follow without being a member, by name.", names);
        let text = json!({ "type": "string" });
        takes("header", "Last-Event-ID", "Like `after`, as browsers send it when they reconnect. It wins.", text);
        operation.refuses(&["malformed_request"]);
    }
}

/// A query that opens a stream, perhaps by a ticket in it.
pub(in crate::api) struct Opening(pub(super) Query);

impl FromRequestParts<App> for Opening {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        Query::from_request_parts(parts, app).await.map(Self)
    }
}

impl Asks for Opening {
    fn asks(operation: &mut Operation<'_>) {
        operation.takes_credentials(&["ticket", "bearer", "cookie"]);
        Query::asks(operation);
    }
}

/// A query that asks for events at once, or soon.
pub(in crate::api) struct Polling {
    pub(super) query: Query,
    pub(super) limit: usize,
    pub(super) wait: u64,
}

impl FromRequestParts<App> for Polling {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let query = Query::from_request_parts(parts, app).await?;
        let (most, usual) = EVENTS;
        let limit = query.limit.unwrap_or(usual);
        if limit == 0 || limit > most {
            return Err(Problem::malformed(format!("`limit` is 1 to {most}.")).field("limit"));
        }
        let wait = query.wait.unwrap_or(0);
        if wait > WAIT {
            return Err(Problem::malformed(format!("`wait` is at most {WAIT} seconds.")).field("wait"));
        }
        Ok(Self { query, limit, wait })
    }
}

impl Asks for Polling {
    fn asks(operation: &mut Operation<'_>) {
        Query::asks(operation);
        let (most, usual) = EVENTS;
        operation.takes(Parameter {
            place: "query",
            name: "limit",
            says: "How many events at most.",
            required: false,
            schema: json!({ "type": "integer", "minimum": 1, "maximum": most, "default": usual }),
        });
        operation.takes(Parameter {
            place: "query",
            name: "wait",
            says: "How many seconds the answer may be held until there is an event.",
            required: false,
            schema: json!({ "type": "integer", "minimum": 0, "maximum": WAIT, "default": 0 }),
        });
    }
}
