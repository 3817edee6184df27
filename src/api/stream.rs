//! `/stream`, `/ws` and `/events`: the three ways to listen.

use super::app::App;
use super::extract::{Visitor, principal};
use super::openapi::{Answers, Asks, Operation, Parameter};
use super::operations;
use super::problem::Problem;
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, Refusal, Seq, Timestamp};
use crate::gate::ClientAddress;
use crate::service::Failure;
use crate::transport::{Accepted, AddressPermit, CloseReason, Cursor, Subscription, TakeOver};
use crate::transport::{events as sse_events, farewell, long_poll, websocket};
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;
use std::time::Duration;
use tungstenite::handshake::derive_accept_key;

/// The one subprotocol spoken on `WebSockets`.
const SUBPROTOCOL: &str = "goldcrest.v1";
static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Events in one answer to a poll: at most, and unasked.
const EVENTS: (usize, usize) = (1_000, 100);
/// Channels that one URL may name.
const CHANNELS: usize = 100;
/// The longest that a poll is held, in seconds.
const WAIT: u64 = 60;

/// What a URL says about a stream.
#[derive(Debug, Default)]
pub(super) struct Query {
    ticket: Option<String>,
    after: Option<Seq>,
    channels: Vec<String>,
    limit: Option<usize>,
    wait: Option<u64>,
}

impl Query {
    /// Unknown parameters are left alone: proxies and browsers add their own.
    fn parse(query: Option<&str>) -> Result<Self, Problem> {
        fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<Option<T>, Problem> {
            let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
            let parsed = if digits { value.parse().ok() } else { None };
            let wrong = || Problem::malformed(format!("`{name}` is not a number.")).field(name);
            parsed.map(Some).ok_or_else(wrong)
        }
        let mut parsed = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or("").as_bytes()) {
            match &*name {
                "ticket" => parsed.ticket = Some(value.into_owned()),
                "after" => parsed.after = number("after", &value)?.map(Seq),
                "channel" if !parsed.channels.iter().any(|known| *known == *value) => {
                    parsed.channels.push(value.into_owned());
                }
                "limit" => parsed.limit = number("limit", &value)?,
                "wait" => parsed.wait = number("wait", &value)?,
                _ => {}
            }
        }
        if parsed.channels.len() > CHANNELS {
            return Err(Problem::malformed(format!("A stream follows at most {CHANNELS} channels.")).field("channel"));
        }
        Ok(parsed)
    }

    /// Where the stream goes on from. The header wins: a browser that reconnects repeats its first URL.
    fn cursor(&self, headers: &HeaderMap) -> Cursor {
        match headers.get(&LAST_EVENT_ID).filter(|value| !value.is_empty()) {
            Some(value) => {
                let digits = |text: &&str| text.bytes().all(|byte| byte.is_ascii_digit());
                let number = value.to_str().ok().filter(digits).and_then(|text| text.parse().ok());
                number.map_or(Cursor::Malformed, |seq| Cursor::After(Seq(seq)))
            }
            None => self.after.map_or(Cursor::Now, Cursor::After),
        }
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
pub(super) struct Opening(Query);

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
pub(super) struct Polling {
    query: Query,
    limit: usize,
    wait: u64,
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

/// Who opens a stream: by the ticket in the URL, or by what the headers show.
async fn opener(
    app: &App,
    query: &Query,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Option<Principal>, Problem> {
    match &query.ticket {
        Some(ticket) => Ok(Some(app.services.check_ticket(ticket).await?)),
        None => principal(headers, extensions, app).await,
    }
}

/// Nobody in particular, who may follow channels where the operator says so.
fn anybody(app: &App, query: &Query) -> Option<Principal> {
    (app.options.anonymous_channels && !query.channels.is_empty()).then(Principal::anonymous)
}

/// Whether a problem passes by itself, and so must not end an `EventSource` for good.
fn passing(problem: &Problem) -> Option<CloseReason> {
    match problem.code() {
        "ticket_too_old" => Some(CloseReason::TicketTooOld),
        "unavailable" | "overloaded" | "outcome_unknown" => Some(CloseReason::Unavailable),
        _ => None,
    }
}

/// Takes a place for the address, and opens the subscription if the user has one left too.
async fn open(
    app: &App,
    principal: &Principal,
    query: &Query,
    headers: &HeaderMap,
    address: std::net::IpAddr,
) -> Result<(Subscription, AddressPermit), Result<CloseReason, Problem>> {
    if app.gate.within(|limits| limits.stream(address)).is_err() {
        return Err(Ok(CloseReason::TooManyStreams));
    }
    let permit = app.gate.admit_stream(address).ok_or(Ok(CloseReason::TooManyStreams))?;
    if app.services.follower().hub().is_closed() {
        return Err(Ok(CloseReason::ShuttingDown));
    }
    if app.services.has_too_many_streams(principal) {
        return Err(Ok(CloseReason::TooManyStreams));
    }
    match app.services.subscribe(principal, query.cursor(headers), &query.channels).await {
        Ok(subscription) => Ok((subscription, permit)),
        Err(failure) => {
            let problem = Problem::from(failure);
            Err(passing(&problem).ok_or(problem))
        }
    }
}

/// `GET /stream`
pub(super) async fn sse(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    method: Method,
    headers: HeaderMap,
    extensions: Extensions,
    Opening(query): Opening,
) -> Result<EventStream, Problem> {
    let principal = match opener(&app, &query, &headers, &extensions).await {
        Ok(principal) => principal.or_else(|| anybody(&app, &query)).ok_or_else(Problem::no_credentials)?,
        Err(problem) => return passing(&problem).map(sse_farewell).ok_or(problem),
    };
    if method == Method::HEAD {
        return Ok(EventStream(sse_head().into_response()));
    }
    match open(&app, &principal, &query, &headers, address).await {
        Ok((subscription, permit)) => {
            let stream = sse_events(subscription, principal.expires, app.options.pace, permit);
            let mut response = sse_head().into_response();
            response.extensions_mut().insert::<TakeOver>(stream);
            Ok(EventStream(response))
        }
        Err(Ok(reason)) => Ok(sse_farewell(reason)),
        Err(Err(problem)) => Err(problem),
    }
}

fn sse_head() -> [(HeaderName, HeaderValue); 3] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // nginx would hold events back to fill its buffers.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ]
}

fn sse_farewell(reason: CloseReason) -> EventStream {
    EventStream((sse_head(), farewell(reason)).into_response())
}

/// Server-sent events, without an end.
pub(super) struct EventStream(Response);

impl IntoResponse for EventStream {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for EventStream {
    fn answers(operation: &mut Operation<'_>) {
        let says = "Server-sent events: first `ready`, then each event with its `seq` as `id`, its `type` as `event` and \
                    its envelope as `data`. What passes by itself is said here too, with `bye` or `expired`, since a \
                    browser's `EventSource` gives up for good at any other status.";
        operation.answers(200, says, Some(("text/event-stream", json!({ "type": "string" }))));
    }
}

/// `GET /ws`
pub(super) async fn ws(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    method: Method,
    headers: HeaderMap,
    extensions: Extensions,
    Opening(query): Opening,
) -> Result<Upgraded, Problem> {
    if method != Method::GET {
        return Err(Problem::malformed("A WebSocket handshake is a GET."));
    }
    let handshake = handshake(&headers)?;
    let by_ticket = query.ticket.is_some();
    let opened = match opener(&app, &query, &headers, &extensions).await {
        Ok(principal) => principal,
        // Browsers learn nothing of a refused handshake; a close code tells what a ticket's page has to do.
        Err(problem) => match passing(&problem) {
            Some(reason) => return refuse(&app, handshake, address, reason),
            None => return Err(problem),
        },
    };
    let (accepted, permit) = if let Some(principal) = &opened {
        match open(&app, principal, &query, &headers, address).await {
            Ok((subscription, permit)) => {
                let expires = principal.expires;
                (Accepted::Subscribed { subscription: Box::new(subscription), expires }, permit)
            }
            Err(Ok(reason)) => return refuse(&app, handshake, address, reason),
            Err(Err(problem)) => return Err(problem),
        }
    } else {
        // Who it is comes later, so all that can be said now is said in the handshake.
        app.gate.within(|limits| limits.stream(address))?;
        let permit = app.gate.admit_stream(address).ok_or_else(too_many_streams)?;
        (Accepted::Waiting, permit)
    };
    let operations = operations::Operations::new(app.clone(), opened, by_ticket, query.channels, address);
    let stream = websocket(accepted, operations.incoming(), app.options.pace, permit);
    let mut response = handshake;
    response.extensions_mut().insert::<TakeOver>(stream);
    Ok(Upgraded(response))
}

/// The server's half of a handshake.
pub(super) struct Upgraded(Response);

impl IntoResponse for Upgraded {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Upgraded {
    fn answers(operation: &mut Operation<'_>) {
        // Who it is may also be said in the first frame.
        operation.takes_credentials(&[""]);
        operation.answers(101, "From here on it is a WebSocket: frames of JSON, both ways.", None);
    }
}

/// Takes a WebSocket only to say in its close frame why it ends.
fn refuse(
    app: &App,
    mut handshake: Response,
    address: std::net::IpAddr,
    reason: CloseReason,
) -> Result<Upgraded, Problem> {
    // Without a place for even that, a plain refusal has to do.
    let permit = app.gate.admit_stream(address).ok_or_else(too_many_streams)?;
    let incoming = Box::new(move |_| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async move { crate::transport::Outcome::Close(reason) })
    });
    let stream = websocket(Accepted::Refused(reason), incoming, app.options.pace, permit);
    handshake.extensions_mut().insert::<TakeOver>(stream);
    Ok(Upgraded(handshake))
}

fn too_many_streams() -> Problem {
    let detail = "Too many streams are open from your address. Close some, or try again later.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail).retry_after(10)
}

/// The server's half of the opening handshake (RFC 6455, section 4.2).
fn handshake(headers: &HeaderMap) -> Result<Response, Problem> {
    let has = |name: HeaderName, token: &str| {
        let values = headers.get_all(name);
        values
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    };
    if !has(header::CONNECTION, "upgrade") || !has(header::UPGRADE, "websocket") {
        let detail = "This is a WebSocket endpoint: connect to it with a WebSocket client.";
        return Err(Problem::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", detail));
    }
    if headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(Problem::malformed("A WebSocket handshake has no body."));
    }
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        return Err(Problem::malformed("`Sec-WebSocket-Version` must be 13."));
    }
    let key =
        headers.get(header::SEC_WEBSOCKET_KEY).ok_or_else(|| Problem::malformed("`Sec-WebSocket-Key` is missing."))?;
    let accept = HeaderValue::from_str(&derive_accept_key(key.as_bytes()))
        .map_err(|_| Problem::malformed("`Sec-WebSocket-Key` is wrong."))?;
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let answer = response.headers_mut();
    answer.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    answer.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    answer.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    if has(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        answer.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    Ok(response)
}

/// `GET /events`
pub(super) async fn poll(
    State(app): State<App>,
    Visitor(principal): Visitor,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Polling { query, limit, wait }: Polling,
) -> Result<Polled, Problem> {
    let opened = if wait == 0 {
        // What is answered at once is a request like any other, and takes no stream's place.
        app.services
            .subscribe(&principal, query.cursor(&headers), &query.channels)
            .await
            .map(|opened| (opened, None))?
    } else {
        let opened = open(&app, &principal, &query, &headers, address).await;
        let (subscription, permit) = opened.map_err(|reason| reason.map_or_else(|problem| problem, unavailable))?;
        (subscription, Some(permit))
    };
    let (subscription, permit) = opened;
    // Nothing is heard with a token that has run out while the answer was held.
    let left = principal.expires.map_or(Duration::MAX, |expires| Timestamp::now().until(expires));
    let collected = long_poll::collect(subscription, limit, Duration::from_secs(wait).min(left)).await;
    drop(permit);
    let json = collected.map_err(unavailable)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok(Polled((headers, json).into_response()))
}

/// Events that were asked for.
pub(super) struct Polled(Response);

impl IntoResponse for Polled {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Polled {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers_json::<Events>(200, "What has happened.");
    }
}

/// The schema of what `transport::long_poll` writes.
struct Events;

impl JsonSchema for Events {
    fn schema_name() -> Cow<'static, str> {
        "Events".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let place = schemas.subschema_for::<Seq>();
        let event = schemas.subschema_for::<Event>();
        json_schema!({
            "type": "object",
            "required": ["events", "next", "head"],
            "properties": {
                "events": {
                    "description": "What has happened after the cursor; or one `reset`, if it cannot be told.",
                    "type": "array",
                    "items": { "anyOf": [event, {
                        "type": "object",
                        "required": ["type", "position", "head", "reason"],
                        "properties": {
                            "type": { "const": "reset" },
                            "position": place,
                            "head": place,
                            "reason": { "enum": ["history_expired", "beyond_head", "malformed_cursor"] },
                        },
                    }] },
                },
                "next": { "description": "What to ask with as `after` the next time.", "allOf": [place] },
                "head": { "description": "The last event of the server.", "allOf": [place] },
            },
        })
    }
}

/// The schema of an event's envelope.
struct Event;

impl JsonSchema for Event {
    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let (seq, at) = (schemas.subschema_for::<Seq>(), schemas.subschema_for::<Timestamp>());
        let conversation = schemas.subschema_for::<ConversationId>();
        json_schema!({
            "type": "object",
            "description": "Something that happened, the same on all three transports. [Types and their data](/docs/streams#events).",
            "required": ["seq", "type", "at", "data"],
            "properties": {
                "seq": seq,
                "type": { "type": "string", "examples": ["message.created"] },
                "at": at,
                "conversation_id": conversation,
                "data": { "type": "object" },
            },
        })
    }
}

/// Why a poll gets no answer.
fn unavailable(reason: CloseReason) -> Problem {
    match reason {
        CloseReason::TooManyStreams => too_many_streams(),
        CloseReason::SessionEnded | CloseReason::Unauthorized => Refusal::Unauthorized.into(),
        CloseReason::TokenExpired => Refusal::TokenExpired.into(),
        _ => Failure::Unavailable.into(),
    }
}
