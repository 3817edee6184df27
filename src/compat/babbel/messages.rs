//! Messages: what is new and what was received, one of them, sending and deleting.

use super::SEEN;
use super::actor::{Actor, Numbered, number};
use super::failed::Failed;
use super::listing::{self, Message, Parts};
use super::moment::Interval;
use crate::compat::fields::Fields;
use crate::compat::{Front, Refused};
use crate::domain::{MessageId, Refusal};
use crate::gate::Bounds;
use crate::service::Failure;
use crate::service::messages::{DELETE_LIMIT, Destination, Outgoing};
use axum::Json;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::{Method, StatusCode};
use serde_json::Value;

/// `GET /USER/messages/` gives what is new, once; with `start` or `end`, what was received between these moments.
pub(super) async fn list(
    State(front): State<Front>,
    actor: Actor,
    bounds: Bounds,
    method: Method,
    RawQuery(query): RawQuery,
) -> Result<Response, Failed> {
    let interval = Interval::of(query.as_deref().unwrap_or(""))?;
    // Who does not get the body (`curl -I`) has been given no message, so that none is marked.
    if method == Method::HEAD {
        return Ok(listing::whole(b"[]\n".to_vec()));
    }
    bounds.reading(actor.principal.user)?;
    listing::answer(Parts::new(front.services, actor, interval)).await
}

/// `GET /USER/message/ID/`
pub(super) async fn one(
    State(front): State<Front>,
    actor: Actor,
    Numbered(id): Numbered,
) -> Result<Json<Message>, Failed> {
    let found = front.services.received(&actor.principal, &[id], SEEN).await?.pop();
    Ok(Json(found.ok_or(Refusal::NotFound("message"))?.into()))
}

/// `POST /USER/message/` with `receiver` and `message`: in a form, in JSON, or in the query, as clients pleased.
pub(super) async fn send(
    State(front): State<Front>,
    actor: Actor,
    bounds: Bounds,
    request: Request,
) -> Result<StatusCode, Failed> {
    let query = Fields::of_form(request.uri().query().unwrap_or("").as_bytes());
    let body = match Fields::read(&front, request).await {
        // A body that is neither has no parameters, and may not need any.
        Err(Refused::MediaType) => Fields::default(),
        body => body?,
    };
    let given = |name| body.text(name).or_else(|| query.text(name)).ok_or_else(|| Failed::missing(name));
    let (receiver, text) = (given("receiver")?, given("message")?);
    bounds.send(actor.principal.user)?;
    let to = Destination::People(vec![receiver]);
    let outgoing = Outgoing { to, text, thread_id: None, client_id: None };
    front.services.send(&actor.principal, outgoing).await.map_err(unsent)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What can be nobody's name is as unknown as a name that is nobody's.
fn unsent(failure: Failure) -> Failed {
    match failure {
        Failure::Refused(Refusal::Invalid { field: "to", .. }) => Refusal::NotFound("user").into(),
        failure => failure.into(),
    }
}

/// `DELETE /USER/message/ID/`, where the body may name more.
pub(super) async fn delete_one(
    State(front): State<Front>,
    actor: Actor,
    bounds: Bounds,
    Numbered(id): Numbered,
    request: Request,
) -> Result<StatusCode, Failed> {
    delete(front, actor, &bounds, vec![id], request).await
}

/// `DELETE /USER/message/` with `{"ids": [1, 2]}`
pub(super) async fn delete_many(
    State(front): State<Front>,
    actor: Actor,
    bounds: Bounds,
    request: Request,
) -> Result<StatusCode, Failed> {
    delete(front, actor, &bounds, Vec::new(), request).await
}

async fn delete(
    front: Front,
    actor: Actor,
    bounds: &Bounds,
    mut ids: Vec<MessageId>,
    request: Request,
) -> Result<StatusCode, Failed> {
    let body = front.gate.body(request.into_body()).await?;
    ids.extend(numbers(&body)?);
    // It may name any number. As many as one change takes count like a message.
    for _ in 0..ids.len().div_ceil(DELETE_LIMIT).max(1) {
        bounds.send(actor.principal.user)?;
    }
    let deleted = front.services.hide_received(&actor.principal, ids, SEEN).await?;
    if deleted.is_empty() {
        return Err(Failed::malformed("None of these is a message that you received and have not deleted."));
    }
    Ok(StatusCode::NO_CONTENT)
}

/// The numbers in a body, whatever its content type: the README's own curl sends JSON under the name of a form. What is
/// no number is passed over, as there.
fn numbers(body: &[u8]) -> Result<Vec<MessageId>, Failed> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else { return Ok(Vec::new()) };
    let of = |id: &Value| match id {
        Value::Number(id) => id.as_i64().filter(|id| *id >= 0).map(MessageId),
        Value::String(id) => number(id),
        _ => None,
    };
    match fields.get("ids") {
        None => Ok(Vec::new()),
        Some(Value::Array(ids)) => Ok(ids.iter().filter_map(of).collect()),
        Some(_) => Err(Failed::malformed("`ids` is a list of numbers, such as {\"ids\": [1, 2]}.")),
    }
}
