//! `/stream`, `/ws` and `/events`: the three ways to listen.

mod answers;
mod handshake;
mod query;

use super::app::App;
use super::extract::{Visitor, principal};
use super::operations;
use super::problem::Problem;
use crate::domain::sessions::Principal;
use crate::domain::{Refusal, Timestamp};
use crate::gate::ClientAddress;
use crate::service::Failure;
use crate::service::streams::NoStream;
use crate::transport::{Accepted, AddressPermit, CloseReason, Manner, Subscription, TakeOver};
use crate::transport::{events as sse_events, farewell, long_poll, sse_head, websocket};
use answers::{EventStream, Polled, Upgraded};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use handshake::handshake;
use http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use query::{Opening, Polling, Query};
use std::time::Duration;

/// Who opens a stream: by the ticket in the URL, or by what the headers show.
async fn opener(
    app: &App,
    query: &Query,
    headers: &HeaderMap,
    extensions: &Extensions,
) -> Result<Option<Principal>, Problem> {
    match &query.ticket {
        Some(ticket) => Ok(Some(app.services.check_ticket(ticket).await?)),
        None => principal(headers, extensions, app).await,
    }
}

/// Nobody in particular, who may follow channels where the operator says so.
fn anybody(app: &App, query: &Query) -> Option<Principal> {
    (app.options.anonymous_channels && !query.channels.is_empty()).then(Principal::anonymous)
}

/// Whether a problem passes by itself, and so must not end an `EventSource` for good.
fn passing(problem: &Problem) -> Option<CloseReason> {
    match problem.code() {
        "ticket_too_old" => Some(CloseReason::TicketTooOld),
        "unavailable" | "overloaded" | "outcome_unknown" => Some(CloseReason::Unavailable),
        _ => None,
    }
}

/// Counts the opening of a stream, before anything is looked up for it: made-up credentials cost a query too.
fn count(app: &App, address: std::net::IpAddr) -> Result<(), CloseReason> {
    app.gate.within(|limits| limits.stream(address)).map_err(|_| CloseReason::TooManyStreams)
}

/// Counts the opening of a stream that is nobody's, and takes a place for it.
pub(super) fn place(app: &App, address: std::net::IpAddr) -> Result<AddressPermit, Problem> {
    count(app, address).map_err(|_| too_many_streams())?;
    app.gate.admit_stream(address).ok_or_else(too_many_streams)
}

/// Takes a place for the address, and opens the subscription if the user has one left too.
async fn open(
    app: &App,
    principal: &Principal,
    query: &Query,
    headers: &HeaderMap,
    address: std::net::IpAddr,
    manner: Manner,
) -> Result<(Subscription, AddressPermit), Result<CloseReason, Problem>> {
    let permit = app.gate.admit_stream(address).ok_or(Ok(CloseReason::TooManyStreams))?;
    if let Some(ending) = app.services.follower().hub().closed_by() {
        return Err(Ok(ending.into()));
    }
    match app.services.subscribe(principal, query.cursor(headers), &query.channels, manner).await {
        Ok(subscription) => Ok((subscription, permit)),
        Err(NoStream::TooMany) => Err(Ok(CloseReason::TooManyStreams)),
        Err(NoStream::Failure(failure)) => {
            let problem = Problem::from(failure);
            Err(passing(&problem).ok_or(problem))
        }
    }
}

/// `GET /stream`
pub(super) async fn sse(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    method: Method,
    headers: HeaderMap,
    extensions: Extensions,
    Opening(query): Opening,
) -> Result<EventStream, Problem> {
    if let Err(reason) = count(&app, address) {
        return Ok(sse_farewell(&app, reason));
    }
    let principal = match opener(&app, &query, &headers, &extensions).await {
        Ok(principal) => principal.or_else(|| anybody(&app, &query)).ok_or_else(Problem::no_credentials)?,
        Err(problem) => return passing(&problem).map(|reason| sse_farewell(&app, reason)).ok_or(problem),
    };
    if method == Method::HEAD {
        return Ok(EventStream(sse_head().into_response()));
    }
    match open(&app, &principal, &query, &headers, address, Manner::Stream).await {
        Ok((subscription, permit)) => {
            let stream = sse_events(subscription, principal.expires, app.options.pace, permit);
            let mut response = sse_head().into_response();
            response.extensions_mut().insert::<TakeOver>(stream);
            Ok(EventStream(response))
        }
        Err(Ok(reason)) => Ok(sse_farewell(&app, reason)),
        Err(Err(problem)) => Err(problem),
    }
}

fn sse_farewell(app: &App, reason: CloseReason) -> EventStream {
    app.gate.traffic().sse.turn_away(reason);
    EventStream((sse_head(), farewell(reason)).into_response())
}

/// `GET /ws`
pub(super) async fn ws(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    method: Method,
    headers: HeaderMap,
    extensions: Extensions,
    Opening(query): Opening,
) -> Result<Upgraded, Problem> {
    if method != Method::GET {
        return Err(Problem::malformed("A WebSocket handshake is a GET."));
    }
    let handshake = handshake(&headers)?;
    if let Err(reason) = count(&app, address) {
        return refuse(&app, handshake, address, reason);
    }
    let by_ticket = query.ticket.is_some();
    let opened = match opener(&app, &query, &headers, &extensions).await {
        Ok(principal) => principal,
        // Browsers learn nothing of a refused handshake; a close code tells what a ticket's page has to do.
        Err(problem) => match passing(&problem) {
            Some(reason) => return refuse(&app, handshake, address, reason),
            None => return Err(problem),
        },
    };
    let (accepted, permit) = if let Some(principal) = &opened {
        match open(&app, principal, &query, &headers, address, Manner::Stream).await {
            Ok((subscription, permit)) => {
                let expires = principal.expires;
                (Accepted::Subscribed { subscription: Box::new(subscription), expires }, permit)
            }
            Err(Ok(reason)) => return refuse(&app, handshake, address, reason),
            Err(Err(problem)) => return Err(problem),
        }
    } else {
        // Who it is comes later, so all that can be said now is said in the handshake.
        let permit = app.gate.admit_stream(address).ok_or_else(too_many_streams)?;
        (Accepted::Waiting, permit)
    };
    let operations = operations::Operations::new(app.clone(), opened, by_ticket, query.channels, address);
    let stream = websocket(accepted, operations.incoming(), app.options.pace, permit);
    let mut response = handshake;
    response.extensions_mut().insert::<TakeOver>(stream);
    Ok(Upgraded(response))
}

/// Takes a WebSocket only to say in its close frame why it ends.
fn refuse(
    app: &App,
    mut handshake: Response,
    address: std::net::IpAddr,
    reason: CloseReason,
) -> Result<Upgraded, Problem> {
    // Without a place for even that, a plain refusal has to do.
    let permit = app.gate.admit_stream(address).ok_or_else(too_many_streams)?;
    let incoming = Box::new(move |_| -> futures_util::future::BoxFuture<'static, _> {
        Box::pin(async move { crate::transport::Outcome::Close(reason) })
    });
    let stream = websocket(Accepted::Refused(reason), incoming, app.options.pace, permit);
    handshake.extensions_mut().insert::<TakeOver>(stream);
    Ok(Upgraded(handshake))
}

fn too_many_streams() -> Problem {
    let detail = "Too many streams are open from your address. Close some, or try again later.";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail).retry_after(10)
}

/// `GET /events`
pub(super) async fn poll(
    State(app): State<App>,
    Visitor(principal): Visitor,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Polling { query, limit, wait }: Polling,
) -> Result<Polled, Problem> {
    let opened = if wait == 0 {
        // What is answered at once is a request like any other, and takes no stream's place.
        if let Some(ending) = app.services.follower().hub().closed_by() {
            return Err(unavailable(ending.into()));
        }
        let opened = app.services.subscribe(&principal, query.cursor(&headers), &query.channels, Manner::Glance).await;
        (opened.map_err(refused)?, None)
    } else {
        let way = &app.gate.traffic().long_poll;
        let turn_away = |reason| {
            way.turn_away(reason);
            unavailable(reason)
        };
        count(&app, address).map_err(turn_away)?;
        let opened = open(&app, &principal, &query, &headers, address, Manner::Poll).await;
        let (subscription, permit) = opened.map_err(|reason| reason.map_or_else(|problem| problem, turn_away))?;
        (subscription, Some(permit))
    };
    let (subscription, permit) = opened;
    // Nothing is heard with a token that has run out while the answer was held.
    let left = principal.expires.map_or(Duration::MAX, |expires| Timestamp::now().until(expires));
    let wait = Duration::from_secs(wait).min(left);
    let collected = long_poll::collect(subscription, limit, wait, &app.gate.traffic().long_poll).await;
    drop(permit);
    let json = collected.map_err(unavailable)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok(Polled((headers, json).into_response()))
}

fn refused(reason: NoStream) -> Problem {
    match reason {
        NoStream::TooMany => too_many_streams(),
        NoStream::Failure(failure) => failure.into(),
    }
}

/// Why a poll gets no answer.
fn unavailable(reason: CloseReason) -> Problem {
    match reason {
        CloseReason::TooManyStreams => too_many_streams(),
        CloseReason::SessionEnded | CloseReason::Unauthorized => Refusal::Unauthorized.into(),
        CloseReason::TokenExpired => Refusal::TokenExpired.into(),
        CloseReason::HistoryReplaced => Failure::Replaced.into(),
        _ => Failure::Unavailable.into(),
    }
}
