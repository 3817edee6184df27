//! `/me/export`: all that an account holds, as one JSON object a line.

use super::app::App;
use super::extract::{Json, Owner};
use super::fields::Secret;
use super::openapi::{Answers, Operation};
use super::problem::Problem;
use super::sessions::Private;
use crate::domain::blocks::BlockView;
use crate::domain::contacts::{ContactView, Direction};
use crate::domain::events::KeyView;
use crate::domain::users::Username;
use crate::domain::{MessageId, Seq, Timestamp};
use crate::gate::Bounds;
use crate::service::Failure;
use crate::service::conversations::KeptConversation;
use crate::service::export::{Export, NoExport, Part};
use crate::service::messages::MessageItem;
use crate::service::sessions::SessionItem;
use crate::transport::in_parts;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// A line of an export.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", content = "data", rename_all = "lowercase")]
#[schemars(rename = "ExportLine")]
enum Line {
    /// The account. It comes first.
    User(Box<Private>),
    /// A place where one is logged in.
    Session(SessionItem),
    /// An API key, without its secret.
    Key(KeyView),
    /// What one says to somebody, or he to oneself.
    Contact(DirectedContact),
    /// Somebody whom one has blocked.
    Block(BlockView),
    /// A conversation that one is in or was in.
    Conversation(KeptConversation),
    /// A message that one has hidden from oneself, of which no more is told.
    Hidden(HiddenMessage),
    /// A message that one may read.
    Message(Box<MessageItem>),
    /// The last line. Where it is missing, something is.
    End(End),
}

/// An entry of one's contacts.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedContact")]
struct DirectedContact {
    /// Whether others said it of oneself, or one said it of them.
    direction: Direction,
    #[serde(flatten)]
    contact: ContactView,
}

/// A message that is hidden.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExportedHidden")]
struct HiddenMessage {
    /// Its number.
    message_id: MessageId,
}

/// How many lines of each kind there were.
#[derive(Debug, Default, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ExportCounts")]
struct Counts {
    user: u64,
    session: u64,
    key: u64,
    contact: u64,
    block: u64,
    conversation: u64,
    hidden: u64,
    message: u64,
}

/// The events between which an export was read.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[schemars(rename = "ExportHeads")]
struct Heads {
    /// The last event before the first part was read.
    first: Seq,
    /// The last event before the last part was read.
    last: Seq,
}

/// What the last line says.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "ExportEnd")]
struct End {
    counts: Counts,
    head: Heads,
}

/// An export on its way out.
struct Lines {
    export: Export,
    counts: Counts,
    head: Option<Heads>,
}

impl Lines {
    /// The lines of the next part, and what comes behind them, if anything does.
    async fn next(mut self) -> Result<(Bytes, Option<Self>), Failure> {
        let Some((part, head)) = self.export.next().await? else {
            let head = self.head.unwrap_or(Heads { first: Seq(0), last: Seq(0) });
            return Ok((encoded(&[Line::End(End { counts: self.counts, head })])?, None));
        };
        let first = self.head.map_or(head, |heads| heads.first);
        self.head = Some(Heads { first, last: head });
        let lines = self.lines(part);
        Ok((encoded(&lines)?, Some(self)))
    }

    fn lines(&mut self, part: Part) -> Vec<Line> {
        let counts = &mut self.counts;
        match part {
            Part::User(user) => counted(&mut counts.user, [*user], |user| Line::User(Box::new(user.into()))),
            Part::Sessions(items) => counted(&mut counts.session, items, Line::Session),
            Part::Keys(items) => counted(&mut counts.key, items, Line::Key),
            Part::Contacts(direction, items) => {
                counted(&mut counts.contact, items, |contact| Line::Contact(DirectedContact { direction, contact }))
            }
            Part::Blocks(items) => counted(&mut counts.block, items, Line::Block),
            Part::Conversations(items) => counted(&mut counts.conversation, items, Line::Conversation),
            Part::Hidden(items) => {
                counted(&mut counts.hidden, items, |message_id| Line::Hidden(HiddenMessage { message_id }))
            }
            Part::Messages(items) => counted(&mut counts.message, items, |message| Line::Message(Box::new(message))),
        }
    }
}

fn counted<T>(count: &mut u64, items: impl IntoIterator<Item = T>, line: impl Fn(T) -> Line) -> Vec<Line> {
    let lines: Vec<Line> = items.into_iter().map(line).collect();
    *count += lines.len() as u64;
    lines
}

fn encoded(lines: &[Line]) -> Result<Bytes, Failure> {
    let mut text = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut text, line).map_err(|_| Failure::Broken)?;
        text.push(b'\n');
    }
    Ok(text.into())
}

/// An export, with its first lines.
pub(super) struct Exported {
    name: String,
    first: Bytes,
    rest: Option<Lines>,
}

impl IntoResponse for Exported {
    fn into_response(self) -> Response {
        let body = in_parts(self.first, self.rest, async |lines: Lines| {
            let user = lines.export.owner();
            lines.next().await.inspect_err(|failure| {
                tracing::warn!(user.id = user.0, "an export broke off: {failure}");
            })
        });
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Ok(value) = HeaderValue::from_str(&disposition(&self.name)) {
            headers.insert(header::CONTENT_DISPOSITION, value);
        }
        (StatusCode::OK, headers, body).into_response()
    }
}

impl Answers for Exported {
    fn answers(operation: &mut Operation<'_>) {
        let says = "One JSON object a line (JSON Lines), as the schema has it. It is read and sent in parts; the last \
                    line has the kind `end`, and without it the file is not whole.";
        operation.answers_lines::<Line>(200, says);
    }
}

/// How the file is to be called (RFC 6266): a name of other letters than ASCII's is said a second time (RFC 8187).
fn disposition(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_ascii() { c } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        value.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._+".contains(&byte) {
                value.push(char::from(byte));
            } else {
                // Writing to memory does not fail.
                let _ = write!(value, "%{byte:02X}");
            }
        }
    }
    value
}

/// The name of somebody's file.
fn file_name(owner: &Username, now: Timestamp) -> String {
    let day: String = now.to_string().chars().take(10).collect();
    format!("goldcrest-{}-{day}.jsonl", owner.as_str())
}

impl From<NoExport> for Problem {
    fn from(none: NoExport) -> Self {
        match none {
            NoExport::Failure(failure) => failure.into(),
            NoExport::UnderWay => {
                let detail = "An export of this account is under way. Let it come to its end, or close it.";
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(10)
            }
            NoExport::TooMany => {
                let detail = "Others have as many exports under way as there may be. Try again later.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail).retry_after(30)
            }
        }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[schemars(with = "Secret")]
    password: String,
}

/// `POST /me/export`
pub(super) async fn all(
    State(app): State<App>,
    Owner(principal): Owner,
    bounds: Bounds,
    Json(body): Json<Wanted>,
) -> Result<Exported, Problem> {
    bounds.password(principal.user)?;
    app.services.require_password(&principal, body.password).await?;
    bounds.export(principal.user)?;
    let export = app.services.export(&principal)?;
    let name = file_name(&app.services.me(&principal).await?.username, Timestamp::now());
    let lines = Lines { export, counts: Counts::default(), head: None };
    let (first, rest) = lines.next().await?;
    Ok(Exported { name, first, rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_name_that_headers_take() {
        assert_eq!(disposition("goldcrest-ann.b-2026.jsonl"), "attachment; filename=\"goldcrest-ann.b-2026.jsonl\"");
        assert_eq!(
            disposition("é@b"),
            "attachment; filename=\"_@b\"; filename*=UTF-8''%C3%A9%40b",
            "letters of any script, and nothing that ends the value"
        );
    }
}
