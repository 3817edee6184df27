//! `/messages/add` and `/messages/get`

use super::actor::{Actor, nobody};
use super::said::Said;
use super::{Added, NAMESPACE, body::Body, rows};
use crate::compat::Front;
use crate::domain::messages::Message;
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp, UserId};
use crate::gate::Bounds;
use crate::service::messages::{Destination, Outgoing};
use crate::service::{Failure, MessagePage, Page, Services};
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

/// Messages that are read at a time.
const SOME: u64 = 50;

/// A message as the list shows it.
#[derive(Debug, Serialize)]
struct Entry {
    id: MessageId,
    chat: ConversationId,
    author: UserId,
    text: String,
    created_at: Timestamp,
}

/// This protocol has no word for what was deleted, nor for what nobody said.
fn entry(message: Message) -> Option<Entry> {
    let Message { id, conversation_id, author, text, created_at, deleted_at, .. } = message;
    let author = author.filter(|_| deleted_at.is_none())?.id;
    Some(Entry { id, chat: conversation_id, author, text, created_at })
}

/// `POST /messages/add`
pub(super) async fn add(State(front): State<Front>, actor: Actor, bounds: Bounds, body: Body) -> Result<Added, Said> {
    let mut given = body.check();
    let (chat, author, text) = (given.number("chat"), given.number("author"), given.text("text"));
    given.finish().map_err(Said::in_a_list)?;
    let chat = ConversationId(chat);
    front.services.check_named_group(NAMESPACE, chat).await?;
    let author = actor.acts_as(UserId(author)).await?;
    bounds.send(author.user)?;
    let outgoing = Outgoing { to: Destination::Conversation(chat), text, thread_id: None, client_id: None };
    match front.services.send(&author, outgoing).await {
        Ok((message, _)) => Ok(Added(message.id.0)),
        // There is such a chat; to its author there is none because he is not in it.
        Err(Failure::Refused(Refusal::NotFound("conversation"))) => Err(Refusal::NotMember.into()),
        Err(failure) => Err(Said::from(failure).in_a_list()),
    }
}

/// `POST /messages/get`: as whoever may read it. Trusted callers do not say for whom, so it is the first who is in the
/// chat and for whom they may act.
pub(super) async fn get(State(front): State<Front>, actor: Actor, body: Body) -> Result<Response, Said> {
    let chat = body.chat()?;
    let Some(reader) = reader(&front, actor, chat).await? else { return Ok(rows::none()) };
    let services = front.services;
    let newest = MessagePage { limit: 1, ..MessagePage::default() };
    let newest = services.messages_in(&reader, chat, newest).await?.items.pop();
    // A list ends where it ended when it was asked for: it does not run after those who go on talking.
    let end = MessageId(newest.map_or(0, |item| item.message.id.0) + 1);
    rows::of(move |cursor| some(services.clone(), reader.clone(), chat, end, cursor)).await
}

/// As whom a chat is read, if there is anybody in it.
async fn reader(front: &Front, actor: Actor, chat: ConversationId) -> Result<Option<Principal>, Said> {
    if let Some(caller) = actor.caller()
        && front.services.is_in_named_group(NAMESPACE, chat, caller.user).await?
    {
        return Ok(Some(caller.clone()));
    }
    // Who else is in it matters only where somebody is acted for.
    let trusts = front.trusts_callers();
    let people = if trusts { front.services.named_group(NAMESPACE, chat).await?.people } else { Vec::new() };
    match actor.acts_as_one_of(&people).await? {
        None if !people.is_empty() => Err(nobody()),
        reader => Ok(reader),
    }
}

/// Some of the messages of a chat before one, oldest first, from a place on.
async fn some(
    services: Services,
    reader: Principal,
    chat: ConversationId,
    end: MessageId,
    cursor: Option<String>,
) -> Result<Page<Entry>, Failure> {
    let after = cursor.map_or(Ok(0), |cursor| cursor.parse()).map_err(|_| Refusal::MalformedCursor)?;
    let page = MessagePage { after: Some(MessageId(after)), before: Some(end), skip: 0, limit: SOME };
    let Page { items, next, head } = services.messages_in(&reader, chat, page).await?;
    let items = items.into_iter().filter_map(|item| entry(item.message)).collect();
    Ok(Page { items, next, head })
}
