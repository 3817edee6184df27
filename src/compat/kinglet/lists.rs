//! `/lists`: whom one approves, and who asked for it. All by GET, as the original has it.

use super::answer::{Done, Nothing, Wrong};
use super::dates;
use super::said::{Part, Said};
use crate::compat::Front;
use crate::domain::Refusal;
use crate::domain::contacts::{Answer, ContactView, Direction};
use crate::gate::Bounds;
use crate::service::Failure;
use crate::service::contacts::Wanted;
use axum::extract::State;
use serde::Serialize;

/// The most entries that are listed, the newest: Kinglet's list has no pages.
const MOST: u64 = 1_000;

#[derive(Serialize)]
pub(super) struct Requested {
    made_request: &'static str,
}

/// `GET /lists/request/NAME`
pub(super) async fn request(
    State(front): State<Front>,
    bounds: Bounds,
    Part(name): Part,
    said: Said,
) -> Result<Done<Requested>, Wrong> {
    let caller = said.logged_in(&front).await?.principal;
    bounds.send(caller.user)?;
    match front.services.ask_contact(&caller, &name).await {
        Ok(_) => Ok(Done(Requested { made_request: "true" })),
        Err(Failure::Refused(Refusal::AlreadyRequested(state))) => {
            let word = state.word();
            let system = match word {
                "pending" => "Request is pending approval by the recipient.".to_owned(),
                word => format!("Recipient has already {word} the requester."),
            };
            let again = Wrong::bad("Request made earlier.", system).with_number();
            Err(again.beside("request_status", word).beside("made_request", "true"))
        }
        Err(failure) => Err(of_recipient(failure)),
    }
}

/// `GET /lists/approve/NAME`
pub(super) async fn approve(
    front: State<Front>,
    bounds: Bounds,
    name: Part,
    said: Said,
) -> Result<Done<Nothing>, Wrong> {
    answer(front, &bounds, name, said, Answer::Approved).await
}

/// `GET /lists/reject/NAME`
pub(super) async fn reject(
    front: State<Front>,
    bounds: Bounds,
    name: Part,
    said: Said,
) -> Result<Done<Nothing>, Wrong> {
    answer(front, &bounds, name, said, Answer::Rejected).await
}

async fn answer(
    State(front): State<Front>,
    bounds: &Bounds,
    Part(name): Part,
    said: Said,
    answer: Answer,
) -> Result<Done<Nothing>, Wrong> {
    let caller = said.logged_in(&front).await?.principal;
    bounds.send(caller.user)?;
    match front.services.answer_known_contact(&caller, &name, answer).await {
        Ok(_) => Ok(Done(Nothing {})),
        Err(Failure::Refused(Refusal::NotFound("contact"))) => {
            // The two spaces are the original's.
            Err(Wrong::bad("No request.", "No request was  made by the user."))
        }
        Err(failure) => Err(of_recipient(failure)),
    }
}

/// What is wrong with the name in the path.
fn of_recipient(failure: Failure) -> Wrong {
    match failure {
        Failure::Refused(Refusal::NotFound("user")) => {
            Wrong::bad("Invalid recipient username.", "Username was not found.")
        }
        Failure::Refused(Refusal::Invalid { reason, .. }) => Wrong::bad("Invalid request.", reason),
        failure => failure.into(),
    }
}

#[derive(Serialize)]
pub(super) struct Requests {
    requests: Vec<Request>,
}

#[derive(Serialize)]
struct Request {
    status: &'static str,
    created_date: String,
    user_name: String,
}

impl From<ContactView> for Request {
    fn from(contact: ContactView) -> Self {
        let since = contact.requested_at.or(contact.answered_at).unwrap_or_default();
        Self {
            status: contact.state.word(),
            created_date: dates::day(since),
            user_name: contact.user.username.as_str().to_owned(),
        }
    }
}

/// `GET /lists/requests`: the oldest first. Those whom one asked oneself stand there too, since that approved them.
pub(super) async fn requests(State(front): State<Front>, said: Said) -> Result<Done<Requests>, Wrong> {
    let caller = said.logged_in(&front).await?.principal;
    let wanted = Wanted { direction: Direction::Received, state: None, cursor: None, limit: MOST };
    let found = front.services.contacts(&caller, wanted).await?;
    Ok(Done(Requests { requests: found.items.into_iter().rev().map(Request::from).collect() }))
}
