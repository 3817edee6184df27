//! Lists as one JSON array, however long: it is read and sent in parts, of which one at a time is in memory.

use super::SEEN;
use super::actor::Actor;
use super::failed::Failed;
use super::moment::{Interval, shown};
use crate::compat::THE_SERVER;
use crate::domain::{self, MessageId};
use crate::service::messages::ListWish;
use crate::service::receipts::Taking;
use crate::service::{Failure, MessagePage, Services};
use crate::transport::in_parts;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header;
use serde::Serialize;

/// Messages in one part. Each has up to 10,000 characters, so this is up to 4 MB.
const PART: u64 = 100;

/// A message as the protocol has it; to whom it was said is told by the path.
#[derive(Debug, Serialize)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) sender: String,
    /// What was said.
    #[serde(rename = "message")]
    pub(super) text: String,
    pub(super) timestamp: String,
}

impl From<domain::messages::Message> for Message {
    fn from(message: domain::messages::Message) -> Self {
        let sender = message.author.as_ref().map_or(THE_SERVER, |author| author.username.as_str());
        Self { id: message.id, sender: sender.to_owned(), text: message.text, timestamp: shown(message.created_at) }
    }
}

/// A list that is read in parts: of what is new, which marks each part as read as it is read, or of what was received in
/// an interval, which marks nothing.
#[derive(Debug)]
pub(super) struct Parts {
    services: Services,
    actor: Actor,
    interval: Option<Interval>,
    /// The last message that was read.
    after: MessageId,
    /// The newest message when more than one part turned out to be needed: who writes faster than is read does not make
    /// a list without an end.
    newest: Option<MessageId>,
    begun: bool,
    /// Whether the array has an element, so that the next one needs a comma.
    any: bool,
    over: bool,
}

impl Parts {
    pub(super) fn new(services: Services, actor: Actor, interval: Option<Interval>) -> Self {
        Self { services, actor, interval, after: MessageId(0), newest: None, begun: false, any: false, over: false }
    }

    async fn next(&mut self) -> Result<Vec<Message>, Failure> {
        // This is asked before messages are marked as read, not between marking and giving them.
        if self.begun && self.newest.is_none() {
            let newest = self.received(MessagePage { limit: 1, ..MessagePage::default() }).await?;
            self.newest = Some(newest.last().map_or(self.after, |message| message.id));
        }
        self.begun = true;
        if self.newest.is_some_and(|newest| newest <= self.after) {
            self.over = true;
            return Ok(Vec::new());
        }
        let found = match self.interval {
            None => self.take().await?,
            Some(_) => {
                self.received(MessagePage { after: Some(self.after), limit: PART, ..MessagePage::default() }).await?
            }
        };
        self.after = found.last().map_or(self.after, |message| message.id);
        self.over = (found.len() as u64) < PART;
        // What was deleted for all leaves a tombstone, for which there is no word here.
        Ok(found.into_iter().filter(|message| message.deleted_at.is_none()).map(Message::from).collect())
    }

    async fn take(&self) -> Result<Vec<domain::messages::Message>, Failure> {
        let taking = Taking { conversation: None, directs: Some(SEEN), limit: PART, include_own_notes: true };
        Ok(self.services.take(&self.actor.principal, taking).await?.items)
    }

    async fn received(&self, page: MessagePage) -> Result<Vec<domain::messages::Message>, Failure> {
        let wish = wish(&self.actor, self.interval.unwrap_or_default());
        let found = self.services.messages(&self.actor.principal, wish, page).await?;
        Ok(found.items.into_iter().map(|item| item.message).collect())
    }

    /// The next part as it stands in the array.
    async fn text(&mut self) -> Result<Vec<u8>, Failure> {
        let mut text = if self.begun { Vec::new() } else { vec![b'['] };
        for message in self.next().await? {
            if self.any {
                text.push(b',');
            }
            self.any = true;
            // Numbers and texts are always written.
            let _ = serde_json::to_writer(&mut text, &message);
        }
        if self.over {
            text.extend_from_slice(b"]\n");
        }
        Ok(text)
    }
}

/// What the user received between two moments.
pub(super) fn wish(actor: &Actor, interval: Interval) -> ListWish {
    ListWish {
        recipient: Some(actor.user.username.as_str().to_owned()),
        directs: Some(SEEN),
        since: interval.start,
        until: interval.until(),
        ..ListWish::default()
    }
}

/// All parts. What fails at once is answered as such; what fails later breaks the answer off, so that nobody takes a part
/// for the whole.
pub(super) async fn answer(mut parts: Parts) -> Result<Response, Failed> {
    let first = parts.text().await?;
    if parts.over {
        return Ok(whole(first));
    }
    let body = in_parts(first.into(), Some(parts), async |mut parts: Parts| match parts.text().await {
        Ok(text) => {
            let over = parts.over;
            Ok((text.into(), Some(parts).filter(|_| !over)))
        }
        Err(failure) => {
            tracing::warn!(user.id = parts.actor.user.id.0, "a list broke off: {failure}");
            Err(failure)
        }
    });
    Ok(json(body))
}

/// An array that is whole.
pub(super) fn whole(text: Vec<u8>) -> Response {
    json(Body::from(text))
}

fn json(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
