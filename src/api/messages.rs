//! `/messages` and `/conversations/ID/messages`: sending, editing, deleting and reading; `/threads` and `/mentions`.

use super::answer::{Made, NoContent};
use super::app::App;
use super::extract::{BODIES, Caller, IdempotencyKey, Json, Named, Params, VALUES, Visitor, is_json, parse};
use super::fields::{ClientId, Name, Text};
use super::openapi::{Asks, Operation};
use super::page::{LIMITS, limit};
use super::problem::Problem;
use crate::domain::conversations::FIRST_MEMBERS_LIMIT;
use crate::domain::deletion::Audience;
use crate::domain::messages::Message;
use crate::domain::search::{QUERY_LIMIT, Sought};
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp};
use crate::gate::Bounds;
use crate::service::messages::{
    DELETE_LIMIT, Deletions, Destination, ListWish, MessageBox, MessageItem, Outgoing, ThreadItem,
};
use crate::service::{MessagePage, Page};
use axum::extract::{FromRequest, Request, State};
use http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

/// What somebody sends, over REST and over WebSocket alike.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["to"], "properties": { "to": { "type": "array" }, "conversation_id": { "type": "null" } } },
    { "required": ["conversation_id"], "properties": { "to": { "type": "null" }, "conversation_id": { "type": "integer" } } },
]))]
pub(super) struct Post {
    /// To whom, by name: into the direct conversation with them, which is made if there is none. Either this or
    /// `conversation_id`.
    #[schemars(with = "Option<Vec<Name>>", length(min = 1, max = FIRST_MEMBERS_LIMIT))]
    to: Option<Vec<String>>,
    /// Into which conversation.
    conversation_id: Option<ConversationId>,
    #[schemars(with = "Text")]
    text: String,
    /// The root message of the thread that it replies in.
    thread_id: Option<MessageId>,
    /// The author's own name for it, a UUID for instance. Sent again under the same name it is the same message.
    #[schemars(with = "Option<ClientId>")]
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

async fn send(app: &App, bounds: &Bounds, caller: &Caller, outgoing: Outgoing) -> Result<Made<Message>, Problem> {
    bounds.send(caller.0.user)?;
    let (it, new) = app.services.send(&caller.0, outgoing).await?;
    Ok(Made { it, new })
}

/// `POST /messages`
pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    bounds: Bounds,
    IdempotencyKey(key): IdempotencyKey,
    Json(post): Json<Post>,
) -> Result<Made<Message>, Problem> {
    let mut outgoing = post.outgoing()?;
    outgoing.client_id = outgoing.client_id.or(key);
    send(&app, &bounds, &caller, outgoing).await
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PostHere {
    #[schemars(with = "Text")]
    text: String,
    /// The root message of the thread that it replies in.
    thread_id: Option<MessageId>,
    /// The author's own name for it, a UUID for instance. Sent again under the same name it is the same message.
    #[schemars(with = "Option<ClientId>")]
    client_id: Option<String>,
}

/// A message for a place that is known: as JSON, or as plain text, for `curl -d` in scripts.
pub(super) struct Said(PostHere);

impl FromRequest<App> for Said {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let headers = request.headers();
        let (json, text) = (is_json(headers), is_text(headers));
        let bytes = app.gate.body(request.into_body()).await?;
        if json {
            parse(&bytes).map(Self)
        } else if text {
            let text = String::from_utf8(bytes.into());
            let text = text.map_err(|_| Refusal::invalid("text", "The text is not UTF-8."))?;
            Ok(Self(PostHere { text, thread_id: None, client_id: None }))
        } else {
            let detail = "Send the message as JSON, or its bare text as `text/plain`.";
            Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail))
        }
    }
}

impl Asks for Said {
    fn asks(operation: &mut Operation<'_>) {
        let schema = operation.taken::<PostHere>();
        operation.takes_body("application/json", &schema);
        let schema = operation.taken::<Text>();
        operation.takes_body("text/plain", &schema);
        operation.refuses(BODIES);
        operation.refuses(VALUES);
    }
}

/// `POST /conversations/ID/messages`
pub(super) async fn create_in(
    State(app): State<App>,
    caller: Caller,
    bounds: Bounds,
    Named(id): Named<ConversationId>,
    IdempotencyKey(key): IdempotencyKey,
    Said(here): Said,
) -> Result<Made<Message>, Problem> {
    let client_id = here.client_id.or(key);
    let to = Destination::Conversation(id);
    send(&app, &bounds, &caller, Outgoing { to, text: here.text, thread_id: here.thread_id, client_id }).await
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
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Patch {
    /// What it says from now on.
    #[schemars(with = "Text")]
    text: String,
}

/// `PATCH /messages/ID`
pub(super) async fn edit(
    State(app): State<App>,
    Caller(principal): Caller,
    bounds: Bounds,
    Named(id): Named<MessageId>,
    Json(patch): Json<Patch>,
) -> Result<axum::Json<Message>, Problem> {
    bounds.send(principal.user)?;
    Ok(axum::Json(app.services.edit(&principal, id, patch.text).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct For {
    /// For whom it is to be gone. One's own are deleted for all, unless said otherwise, and others' for oneself.
    #[serde(rename = "for")]
    audience: Option<Audience>,
}

/// `DELETE /messages/ID`
pub(super) async fn delete(
    State(app): State<App>,
    Caller(principal): Caller,
    bounds: Bounds,
    Named(id): Named<MessageId>,
    Params(For { audience }): Params<For>,
) -> Result<NoContent, Problem> {
    bounds.send(principal.user)?;
    app.services.delete(&principal, id, audience).await?;
    Ok(NoContent)
}

/// Which messages are to go, over REST and over WebSocket alike.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    /// Which ones.
    #[schemars(length(min = 1, max = DELETE_LIMIT))]
    pub(super) ids: Vec<MessageId>,
    /// For whom they are to be gone. One's own are deleted for all, unless said otherwise, and others' for oneself.
    #[serde(rename = "for")]
    pub(super) audience: Option<Audience>,
}

/// `POST /messages/delete`
pub(super) async fn delete_all(
    State(app): State<App>,
    Caller(principal): Caller,
    bounds: Bounds,
    Json(Delete { ids, audience }): Json<Delete>,
) -> Result<axum::Json<Deletions>, Problem> {
    bounds.send(principal.user)?;
    Ok(axum::Json(app.services.delete_all(&principal, ids, audience).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(rename = "box", default)]
    which: MessageBox,
    /// Only those of this conversation.
    conversation_id: Option<ConversationId>,
    /// Only by this user.
    #[schemars(with = "Option<Name>")]
    sender: Option<String>,
    /// Only said to this user directly.
    #[schemars(with = "Option<Name>")]
    recipient: Option<String>,
    /// Only from this moment on.
    #[schemars(extend("format" = "date-time"))]
    since: Option<String>,
    /// Only before this moment.
    #[schemars(extend("format" = "date-time"))]
    until: Option<String>,
    /// Only of this day, by UTC.
    #[schemars(extend("format" = "date"))]
    date: Option<String>,
    /// Only those by others that one has not read.
    #[serde(default)]
    unread: bool,
    /// Only replies to this message.
    thread_id: Option<MessageId>,
    /// Only messages that start a thread, answered or not: no replies.
    #[serde(default)]
    roots: bool,
    /// Only with all of these words in them, in any case and without regard to accents; `"some words"` in quotation marks
    /// stand beside each other, and `begin*` is how a word begins. Each entry then has a `snippet`.
    #[schemars(length(min = 1, max = QUERY_LIMIT), extend("pattern" = r"[\p{L}\p{N}]"))]
    text: Option<String>,
    /// Only older ones than this message: the newest of them first.
    before: Option<MessageId>,
    /// Only newer ones than this message: the oldest of them first.
    after: Option<MessageId>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
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
        roots: list.roots,
        sought: list.text.as_deref().map(|text| Sought::parse("text", text)).transpose()?,
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

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// Only older ones than this message: the newest of them first.
    before: Option<MessageId>,
    /// Only newer ones than this message: the oldest of them first.
    after: Option<MessageId>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
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

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Threads {
    /// Only those in this conversation.
    conversation_id: Option<ConversationId>,
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
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
