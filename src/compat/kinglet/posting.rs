//! `/messages`, as far as it is written: to the people who are named in the text, and in reply to what they were told.

use super::answer::{Created, Wrong};
use super::messages::{content_digest, message_id};
use super::said::{Part, Said};
use super::text;
use crate::compat::Front;
use crate::domain::contacts::State as Standing;
use crate::domain::sessions::Principal;
use crate::domain::users::{UserRef, fold};
use crate::domain::{MessageId, Refusal};
use crate::gate::Bounds;
use crate::service::Failure;
use crate::service::messages::{Addressed, Destination, Outgoing};
use axum::extract::State;
use serde::Serialize;

/// The longest text, in Unicode scalar values.
const TEXT_LIMIT: usize = 300;

#[derive(Serialize)]
pub(super) struct Posted {
    message_id: String,
}

/// `POST /messages`
pub(super) async fn post(State(front): State<Front>, bounds: Bounds, said: Said) -> Result<Created<Posted>, Wrong> {
    let caller = said.logged_in(&front).await?.principal;
    let given = said.message_text();
    let text = given.trim();
    let mut errors = errors_of_text(text);
    let people = recipients(&front, &caller, text, &mut errors).await?;
    if !errors.is_empty() {
        return Err(not_sent(&errors, &given));
    }
    let names = people.iter().map(|person| person.username.as_str().to_owned()).collect();
    send(&front, &bounds, &caller, Destination::People(names), None, &given).await
}

/// Who is named in a text; what is wrong with them is added to the errors.
async fn recipients(front: &Front, caller: &Principal, text: &str, errors: &mut String) -> Result<Vec<UserRef>, Wrong> {
    let mut names = text::names(text);
    // Whoever is named twice is told of once.
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| name.last().is_some_and(|name| seen.insert(fold(name))));
    if names.is_empty() {
        errors.push_str("You have to include at least one recipient name in your new message. ");
    }
    let found = front.services.reachable(caller, &names).await?;
    let mut people: Vec<UserRef> = Vec::new();
    for (name, found) in names.iter().zip(found) {
        match found {
            Ok(person) if people.contains(&person) => {}
            Ok(person) => people.push(person),
            Err(refusal) => {
                let typed = name.last().map(|name| name.to_lowercase()).unwrap_or_default();
                errors.push_str(&sentence(&refusal, &typed).unwrap_or_else(|| format!("{refusal} ")));
            }
        }
    }
    Ok(people)
}

fn errors_of_text(text: &str) -> String {
    let length = text.chars().count();
    if length == 0 {
        return "You must enter text.".to_owned();
    }
    if length > TEXT_LIMIT { format!("{length} chars entered. Max is {TEXT_LIMIT}.") } else { String::new() }
}

/// Why somebody cannot be written to, in the original's words.
fn sentence(refusal: &Refusal, typed: &str) -> Option<String> {
    match refusal {
        Refusal::NotFound(_) => Some(format!("User '{typed}' does not exist. ")),
        Refusal::NotAContact { user, state } => {
            let why = match state {
                Some(Standing::Pending) => "is still pending a decision by the user",
                Some(Standing::Rejected) => "was rejected",
                Some(Standing::Approved) | None => return Some(unasked(&user.username.key())),
            };
            let name = user.username.key();
            Some(format!(
                "You cannot message '{name}' because your request to be added to the user's approved list {why}. "
            ))
        }
        Refusal::Blocked(user) => {
            Some(format!("You cannot message '{}' because the user has blocked you. ", user.username.key()))
        }
        _ => None,
    }
}

fn unasked(name: &str) -> String {
    format!("You cannot message '{name}' because you have not requested to be added to the user's approved list. ")
}

/// All that is wrong at once, and the text again, so that the client can show it in its form.
fn not_sent(errors: &str, given: &str) -> Wrong {
    Wrong::bad(errors, errors).with_number().beside("message_text", given)
}

async fn send(
    front: &Front,
    bounds: &Bounds,
    caller: &Principal,
    to: Destination,
    thread_id: Option<MessageId>,
    given: &str,
) -> Result<Created<Posted>, Wrong> {
    bounds.send(caller.user)?;
    let outgoing = Outgoing { to, text: given.trim().to_owned(), thread_id, client_id: None };
    match front.services.send(caller, outgoing).await {
        Ok((message, _)) => Ok(Created(Posted { message_id: message.id.to_string() })),
        // What was seen before may have changed since.
        Err(Failure::Refused(Refusal::Suspended | Refusal::Unauthorized)) => Err(Wrong::not_authenticated()),
        Err(Failure::Refused(refusal)) => {
            let error = sentence(&refusal, "").unwrap_or_else(|| format!("{refusal} "));
            Err(not_sent(&error, given))
        }
        Err(failure) => Err(failure.into()),
    }
}

/// `POST /messages/ID/replies`
pub(super) async fn reply(
    State(front): State<Front>,
    bounds: Bounds,
    Part(id): Part,
    said: Said,
) -> Result<Created<Posted>, Wrong> {
    let caller = said.logged_in(&front).await?.principal;
    let id = message_id(&id)?;
    let given = said.message_text();
    let mut errors = errors_of_text(given.trim());
    let (to, digest) = (said.word("reply_to_id"), said.word("reply_to_content_digest"));
    let to: Option<MessageId> = to.as_deref().and_then(|to| message_id(to).ok());
    if to.is_none() {
        errors.push_str("The message id being replied to is missing or not numeric. ");
    }
    if digest.is_none() {
        errors.push_str("Missing content digest. ");
    }
    let (Some(to), Some(digest), true) = (to, digest, errors.is_empty()) else {
        return Err(not_sent(&errors, &given));
    };
    let root = replied_to(&front, &caller, (to, id), &digest).await?;
    let root = root.map_err(|error| not_sent(&error, &given))?.item.message;
    send(&front, &bounds, &caller, Destination::Conversation(root.conversation_id), Some(root.id), &given).await
}

/// The message that is replied to, which has to be the first of its thread: the path and the data name it, and the digest
/// shows that this is what its reader saw.
async fn replied_to(
    front: &Front,
    caller: &Principal,
    (to, id): (MessageId, MessageId),
    digest: &str,
) -> Result<Result<Addressed, String>, Wrong> {
    let invalid = || format!("Invalid reply to id given. {to} {id} ");
    let found = match front.services.direct_message(caller, id).await {
        Ok(found) if to == id && found.item.message.thread_id.is_none() => found,
        Ok(_) | Err(Failure::Refused(Refusal::NotFound(_))) => return Ok(Err(invalid())),
        Err(failure) => return Err(failure.into()),
    };
    if content_digest(&found.item.message) != digest {
        return Ok(Err("Invalid reply to content digest given. ".to_owned()));
    }
    Ok(Ok(found))
}
