//! `/messages` and `/conversations/ID/messages`: sending and reading.

use super::answer::Made;
use super::app::App;
use super::extract::{BODIES, Caller, IdempotencyKey, Json, Named, Params, VALUES, Visitor, body, is_json, parse};
use super::fields::{ClientId, Name, Text};
use super::limits::Bounds;
use super::openapi::{Asks, Operation};
use super::problem::Problem;
use crate::domain::conversations::FIRST_MEMBERS_LIMIT;
use crate::domain::messages::Message;
use crate::domain::{ConversationId, MessageId, Refusal};
use crate::service::messages::{Destination, MessageBox, Outgoing};
use crate::service::{MessagePage, Page};
use axum::extract::{FromRequest, Request, State};
use http::{HeaderMap, StatusCode, header};
use schemars::JsonSchema;
use serde::Deserialize;

/// The most entries of a list in one answer, and how many come unasked.
pub(super) const LIMITS: (u64, u64) = (200, 50);

/// How many entries of a list.
pub(super) fn limit(wanted: Option<u64>) -> Result<u64, Problem> {
    let (most, usual) = LIMITS;
    match wanted.unwrap_or(usual) {
        0 => Err(Problem::malformed("`limit` is at least 1.")),
        limit if limit > most => Err(Problem::malformed(format!("`limit` is at most {most}."))),
        limit => Ok(limit),
    }
}

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
            _ => return Err(Refusal::invalid("to", "Give either `to` or `conversation_id`.")),
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
        let bytes = body(request.into_body(), app).await?;
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
) -> Result<axum::Json<Message>, Problem> {
    Ok(axum::Json(app.services.message(&principal, id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    #[serde(rename = "box", default)]
    which: MessageBox,
    /// Only those of this conversation.
    conversation_id: Option<ConversationId>,
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
) -> Result<axum::Json<Page<Message>>, Problem> {
    let page = MessagePage { before: list.before, after: list.after, limit: limit(list.limit)? };
    Ok(axum::Json(app.services.messages(&principal, list.conversation_id, list.which, page).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListHere {
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
    Params(list): Params<ListHere>,
) -> Result<axum::Json<Page<Message>>, Problem> {
    let page = MessagePage { before: list.before, after: list.after, limit: limit(list.limit)? };
    Ok(axum::Json(app.services.messages_in(&principal, id, page).await?))
}
