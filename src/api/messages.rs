//! `/messages` and `/conversations/ID/messages`: sending, editing, deleting and reading; `/threads` and `/mentions`.

use super::app::App;
use super::extract::{Caller, Json, Named, Params, Visitor, body, is_json, parse};
use super::problem::Problem;
use crate::domain::deletion::Audience;
use crate::domain::messages::Message;
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp};
use crate::service::messages::{Deletions, Destination, ListWish, MessageBox, MessageItem, Outgoing, ThreadItem};
use crate::service::{MessagePage, Page};
use axum::extract::{Request, State};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use std::time::Duration;

/// The header by which HTTP clients name a request that may be retried.
const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The most entries of a list in one answer, and how many come unasked.
const LIMITS: (u64, u64) = (200, 50);

/// How many entries of a list.
pub(super) fn limit(wanted: Option<u64>) -> Result<u64, Problem> {
    let (most, usual) = LIMITS;
    match wanted.unwrap_or(usual) {
        0 => Err(Problem::malformed("`limit` is at least 1.").field("limit")),
        limit if limit > most => Err(Problem::malformed(format!("`limit` is at most {most}.")).field("limit")),
        limit => Ok(limit),
    }
}

/// What somebody sends, over REST and over WebSocket alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Post {
    to: Option<Vec<String>>,
    conversation_id: Option<ConversationId>,
    text: String,
    thread_id: Option<MessageId>,
    client_id: Option<String>,
}

impl Post {
    pub(super) fn outgoing(self) -> Result<Outgoing, Refusal> {
        let to = match (self.to, self.conversation_id) {
            (Some(people), None) => Destination::People(people),
            (None, Some(id)) => Destination::Conversation(id),
            (Some(_), Some(_)) => {
                return Err(Refusal::invalid("to", "Give either `to` or `conversation_id`, not both."));
            }
            (None, None) => return Err(Refusal::invalid("to", "Give `to` or `conversation_id`.")),
        };
        Ok(Outgoing { to, text: self.text, thread_id: self.thread_id, client_id: self.client_id })
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else { return Ok(None) };
    let text = value.to_str().map_err(|_| Problem::malformed("`Idempotency-Key` is not plain ASCII."))?;
    // The draft standard writes it as a quoted string; many clients do not.
    Ok(Some(text.trim().trim_matches('"').to_owned()))
}

async fn send(app: &App, caller: &Caller, outgoing: Outgoing) -> Result<(StatusCode, axum::Json<Message>), Problem> {
    app.within_limits(|limits| limits.send(caller.0.user))?;
    let (message, new) = app.services.send(&caller.0, outgoing).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, axum::Json(message)))
}

/// `POST /messages`
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Json(post): Json<Post>,
) -> Result<(StatusCode, axum::Json<Message>), Problem> {
    let mut outgoing = post.outgoing()?;
    outgoing.client_id = outgoing.client_id.or(idempotency_key(&headers)?);
    send(&app, &caller, outgoing).await
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PostHere {
    text: String,
    thread_id: Option<MessageId>,
    client_id: Option<String>,
}

/// `POST /conversations/ID/messages`, as JSON, or as plain text, for `curl -d` in scripts.
pub(super) async fn create_in(
    State(app): State<App>,
    caller: Caller,
    Named(id): Named<ConversationId>,
    request: Request,
) -> Result<(StatusCode, axum::Json<Message>), Problem> {
    let headers = request.headers().clone();
    let bytes = body(request.into_body(), &app).await?;
    let here = if is_json(&headers) {
        parse(&bytes)?
    } else if is_text(&headers) {
        let text = String::from_utf8(bytes.into());
        let text = text.map_err(|_| Refusal::invalid("text", "The text is not UTF-8."))?;
        PostHere { text, thread_id: None, client_id: None }
    } else {
        let detail = "Send the message as JSON, or its bare text as `text/plain`.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    };
    let client_id = here.client_id.or(idempotency_key(&headers)?);
    let to = Destination::Conversation(id);
    send(&app, &caller, Outgoing { to, text: here.text, thread_id: here.thread_id, client_id }).await
}

/// Whether the body is bare text: said so, not said at all, or what `curl -d` says of everything.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = value.to_str().unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    kind == "text/plain" || kind == "application/x-www-form-urlencoded"
}

/// `GET /messages/ID`
pub(super) async fn get(
    State(app): State<App>,
    Visitor(principal): Visitor,
    Named(id): Named<MessageId>,
) -> Result<axum::Json<MessageItem>, Problem> {
    Ok(axum::Json(app.services.message(&principal, id).await?))
}

/// What a message is to say now, over REST; over WebSocket with its number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    text: String,
}

/// `PATCH /messages/ID`
pub(super) async fn edit(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<MessageId>,
    Json(patch): Json<Patch>,
) -> Result<axum::Json<Message>, Problem> {
    app.within_limits(|limits| limits.send(principal.user))?;
    Ok(axum::Json(app.services.edit(&principal, id, patch.text).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct For {
    #[serde(rename = "for")]
    audience: Option<Audience>,
}

/// `DELETE /messages/ID`
pub(super) async fn delete(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<MessageId>,
    Params(For { audience }): Params<For>,
) -> Result<StatusCode, Problem> {
    app.within_limits(|limits| limits.send(principal.user))?;
    app.services.delete(&principal, id, audience).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which messages are to go, over REST and over WebSocket alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    pub(super) ids: Vec<MessageId>,
    #[serde(rename = "for")]
    pub(super) audience: Option<Audience>,
}

/// `POST /messages/delete`
pub(super) async fn delete_all(
    State(app): State<App>,
    Caller(principal): Caller,
    Json(Delete { ids, audience }): Json<Delete>,
) -> Result<axum::Json<Deletions>, Problem> {
    app.within_limits(|limits| limits.send(principal.user))?;
    Ok(axum::Json(app.services.delete_all(&principal, ids, audience).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(rename = "box", default)]
    which: MessageBox,
    conversation_id: Option<ConversationId>,
    sender: Option<String>,
    recipient: Option<String>,
    since: Option<String>,
    until: Option<String>,
    date: Option<String>,
    #[serde(default)]
    unread: bool,
    thread_id: Option<MessageId>,
    before: Option<MessageId>,
    after: Option<MessageId>,
    limit: Option<u64>,
}

/// `GET /messages`
pub(super) async fn list(
    State(app): State<App>,
    Caller(principal): Caller,
    Params(list): Params<List>,
) -> Result<axum::Json<Page<MessageItem>>, Problem> {
    let page = page(list.before, list.after, list.limit)?;
    let day = list.date.as_deref().map(day).transpose()?;
    let since = list.since.as_deref().map(|text| moment("since", text)).transpose()?;
    let until = list.until.as_deref().map(|text| moment("until", text)).transpose()?;
    let wish = ListWish {
        conversation: list.conversation_id,
        which: list.which,
        sender: list.sender,
        recipient: list.recipient,
        since: since.max(day.map(|(begin, _)| begin)),
        until: [until, day.map(|(_, end)| end)].into_iter().flatten().min(),
        unread: list.unread,
        thread: list.thread_id,
        ..ListWish::default()
    };
    Ok(axum::Json(app.services.messages(&principal, wish, page).await?))
}

fn page(before: Option<MessageId>, after: Option<MessageId>, wanted: Option<u64>) -> Result<MessagePage, Problem> {
    Ok(MessagePage { before, after, limit: limit(wanted)?, skip: 0 })
}

/// A moment in a URL. There a `+` that nobody escaped has become a space.
fn moment(field: &str, text: &str) -> Result<Timestamp, Problem> {
    let plain = || text.rsplit_once(' ').and_then(|(time, offset)| Timestamp::parse(&format!("{time}+{offset}")));
    let wrong = || {
        let detail = format!("`{field}` is a date and time as in 2026-11-21T10:00:00Z or 2026-11-21T11:00:00+01:00.");
        Problem::malformed(detail).field(field)
    };
    Timestamp::parse(text).or_else(plain).ok_or_else(wrong)
}

/// The first moment of a day, by UTC, and that of the next.
fn day(text: &str) -> Result<(Timestamp, Timestamp), Problem> {
    let begin =
        Some(text).filter(|text| text.len() == 10).and_then(|text| Timestamp::parse(&format!("{text}T00:00:00Z")));
    let begin = begin.ok_or_else(|| Problem::malformed("`date` is a day as in 2026-11-21.").field("date"))?;
    Ok((begin, begin.plus(Duration::from_hours(24))))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    before: Option<MessageId>,
    after: Option<MessageId>,
    limit: Option<u64>,
}

/// `GET /conversations/ID/messages`
pub(super) async fn list_in(
    State(app): State<App>,
    Visitor(principal): Visitor,
    Named(id): Named<ConversationId>,
    Params(part): Params<Part>,
) -> Result<axum::Json<Page<MessageItem>>, Problem> {
    let page = page(part.before, part.after, part.limit)?;
    Ok(axum::Json(app.services.messages_in(&principal, id, page).await?))
}

/// `GET /messages/ID/replies`
pub(super) async fn replies(
    State(app): State<App>,
    Visitor(principal): Visitor,
    Named(id): Named<MessageId>,
    Params(part): Params<Part>,
) -> Result<axum::Json<Page<MessageItem>>, Problem> {
    let page = page(part.before, part.after, part.limit)?;
    Ok(axum::Json(app.services.replies(&principal, id, page).await?))
}

/// `GET /mentions`
pub(super) async fn mentions(
    State(app): State<App>,
    Caller(principal): Caller,
    Params(part): Params<Part>,
) -> Result<axum::Json<Page<MessageItem>>, Problem> {
    let page = page(part.before, part.after, part.limit)?;
    Ok(axum::Json(app.services.mentions(&principal, page).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Threads {
    conversation_id: Option<ConversationId>,
    cursor: Option<String>,
    limit: Option<u64>,
}

/// `GET /threads`
pub(super) async fn threads(
    State(app): State<App>,
    Caller(principal): Caller,
    Params(list): Params<Threads>,
) -> Result<axum::Json<Page<ThreadItem>>, Problem> {
    let limit = limit(list.limit)?;
    let cursor = list.cursor.as_deref();
    Ok(axum::Json(app.services.threads(&principal, list.conversation_id, cursor, limit).await?))
}
