//! `/messages` and `/message`: what stands on the board, and what one puts there.

use super::BOARD;
use super::asked::Asked;
use super::shapes::MessageShape;
use super::sorry::Sorry;
use crate::compat::caller::Caller;
use crate::compat::{Front, Refused};
use crate::domain::deletion::Audience;
use crate::domain::messages::Message;
use crate::domain::sessions::Principal;
use crate::domain::{MessageId, Refusal};
use crate::gate::Bounds;
use crate::service::messages::{Destination, ListWish, Outgoing};
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde_json::{Value, json};

/// A number in a path, as it was written there.
type Written = Result<Path<String>, PathRejection>;

/// `GET /messages`: in the order in which they were posted. The board is read as anybody reads it, whoever asks.
pub(super) async fn range(State(front): State<Front>, asked: Asked) -> Result<Json<Vec<MessageShape>>, Sorry> {
    let page = asked.range()?;
    let conversation = front.services.find_commons(BOARD).await?;
    if conversation.is_none() {
        return Ok(Json(Vec::new()));
    }
    let wish = ListWish { conversation, said: true, ..ListWish::default() };
    let items = front.services.messages(&Principal::anonymous(), wish, page).await?.items;
    let mut messages: Vec<Message> = items.into_iter().map(|item| item.message).collect();
    messages.sort_unstable_by_key(|message| message.id);
    let authors = front.services.authors(&messages).await?;
    Ok(Json(messages.into_iter().filter_map(|message| MessageShape::among(message, &authors)).collect()))
}

/// `/message` where it takes a number.
pub(super) async fn unnumbered() -> Sorry {
    Sorry::bad("Must specify the message's id.")
}

/// `POST /message`
pub(super) async fn post(
    State(front): State<Front>,
    caller: Caller,
    bounds: Bounds,
    asked: Asked,
) -> Result<Json<MessageShape>, Sorry> {
    let principal = caller.required()?;
    let text = asked.required("text")?;
    bounds.send(principal.user)?;
    let outgoing = Outgoing { to: Destination::Commons(BOARD), text, thread_id: None, client_id: None };
    let (message, _) = front.services.send(&principal, outgoing).await?;
    shown(&front, message).await
}

/// `GET /message/ID`
pub(super) async fn one(State(front): State<Front>, id: Written) -> Result<Json<MessageShape>, Sorry> {
    let id = written(id)?;
    let message = on_the_board(&front, &id, unknown).await?;
    shown(&front, message).await
}

/// `PUT /message/ID`
pub(super) async fn edit(
    State(front): State<Front>,
    id: Written,
    caller: Caller,
    bounds: Bounds,
    asked: Asked,
) -> Result<Json<MessageShape>, Sorry> {
    let (id, principal) = (written(id)?, caller.required()?);
    let text = asked.required("text")?;
    bounds.send(principal.user)?;
    let message = on_the_board(&front, &id, unknown).await?;
    if !wrote(&principal, &message) {
        return Err(Sorry::forbidden("You are not this message's author."));
    }
    let edited = front.services.edit(&principal, message.id, text).await;
    let message = edited.map_err(|failure| Sorry::or(failure, is_gone, || unknown(&id)))?;
    shown(&front, message).await
}

/// `DELETE /message/ID`: for all. Who moderates does so with a client that says for whom a message is to be gone.
pub(super) async fn delete(
    State(front): State<Front>,
    id: Written,
    caller: Caller,
    bounds: Bounds,
) -> Result<Json<Value>, Sorry> {
    let (id, principal) = (written(id)?, caller.required()?);
    bounds.send(principal.user)?;
    let unknown: fn(&str) -> Sorry = |id| Sorry::not_found(format!("No post by id {id}"));
    let message = on_the_board(&front, &id, unknown).await?;
    if !wrote(&principal, &message) {
        return Err(Sorry::forbidden(format!("You're not the author of message {id}")));
    }
    let deleted = front.services.delete(&principal, message.id, Some(Audience::All)).await;
    deleted.map_err(|failure| Sorry::or(failure, is_gone, || unknown(&id)))?;
    Ok(Json(json!({})))
}

fn written(id: Written) -> Result<String, Refused> {
    id.map(|Path(id)| id).map_err(|_| Refused::NoRoute)
}

fn unknown(id: &str) -> Sorry {
    Sorry::not_found(format!("Cannot find message by id: {id}"))
}

fn is_gone(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::NotFound(_) | Refusal::MessageDeleted)
}

/// A message that stands on the board. Where it stands and who wrote it never changes, so that both can be asked before
/// anything is done with it.
async fn on_the_board(front: &Front, id: &str, unknown: fn(&str) -> Sorry) -> Result<Message, Sorry> {
    let digits = id.bytes().all(|byte| byte.is_ascii_digit());
    let number = id.parse().ok().filter(|_| digits).map(MessageId).ok_or_else(|| unknown(id))?;
    let board = front.services.find_commons(BOARD).await?.ok_or_else(|| unknown(id))?;
    let found = front.services.message(&Principal::anonymous(), number).await;
    let message = found.map_err(|failure| Sorry::or(failure, is_gone, || unknown(id)))?.message;
    let stands = message.conversation_id == board && message.deleted_at.is_none() && message.author.is_some();
    if stands { Ok(message) } else { Err(unknown(id)) }
}

fn wrote(principal: &Principal, message: &Message) -> bool {
    message.author.as_ref().is_some_and(|author| author.id == principal.user)
}

async fn shown(front: &Front, message: Message) -> Result<Json<MessageShape>, Sorry> {
    let authors = front.services.authors([&message]).await?;
    let shape = MessageShape::among(message, &authors).ok_or(Refusal::NotFound("user"))?;
    Ok(Json(shape))
}
