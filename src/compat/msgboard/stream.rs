//! `/stream`: the board as it grows, for an `EventSource`.

use super::BOARD;
use super::news::News;
use super::sorry::Sorry;
use crate::compat::Front;
use crate::domain::sessions::Principal;
use crate::gate::ClientAddress;
use crate::service::Failure;
use crate::service::streams::NoStream;
use crate::transport::{AddressPermit, CloseReason, Cursor, Manner, Subscription, TakeOver};
use crate::transport::{farewell, last_event_id, sse_head, translated};
use axum::Extension;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method};
use std::net::IpAddr;
use std::sync::Arc;

/// `GET /stream`
pub(super) async fn stream(
    State(front): State<Front>,
    Extension(news): Extension<Arc<News>>,
    ClientAddress(address): ClientAddress,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Sorry> {
    if method == Method::HEAD {
        return Ok(sse_head().into_response());
    }
    let cursor = last_event_id(&headers).unwrap_or(Cursor::Now);
    Ok(match open(&front, cursor, address).await? {
        Ok((subscription, permit)) => {
            let mut response = sse_head().into_response();
            response.extensions_mut().insert::<TakeOver>(translated(subscription, news, front.pace(), permit));
            response
        }
        Err(reason) => (sse_head(), farewell(reason)).into_response(),
    })
}

/// Takes a place for the address, and follows the board as nobody in particular. What passes by itself is a reason to
/// say in a stream: any other answer would end an `EventSource` for good.
async fn open(
    front: &Front,
    cursor: Cursor,
    address: IpAddr,
) -> Result<Result<(Subscription, AddressPermit), CloseReason>, Failure> {
    if front.gate.within(|limits| limits.stream(address)).is_err() {
        return Ok(Err(CloseReason::TooManyStreams));
    }
    let Some(permit) = front.gate.admit_stream(address) else { return Ok(Err(CloseReason::TooManyStreams)) };
    if let Some(ending) = front.services.follower().hub().closed_by() {
        return Ok(Err(ending.into()));
    }
    match follow(front, cursor).await {
        Ok(Some(subscription)) => Ok(Ok((subscription, permit))),
        Ok(None) => Ok(Err(CloseReason::Renamed)),
        Err(NoStream::TooMany) => Ok(Err(CloseReason::TooManyStreams)),
        Err(NoStream::Failure(Failure::Unavailable | Failure::Overloaded | Failure::OutcomeUnknown)) => {
            Ok(Err(CloseReason::Unavailable))
        }
        // The first listener makes the board, and so may be the first to see it.
        Err(NoStream::Failure(Failure::Replaced)) => Ok(Err(CloseReason::HistoryReplaced)),
        Err(NoStream::Failure(failure)) => Err(failure),
    }
}

/// Follows the board, unless it became another while it was looked for: of that no event would tell.
async fn follow(front: &Front, cursor: Cursor) -> Result<Option<Subscription>, NoStream> {
    let services = &front.services;
    let board = services.commons(BOARD).await?;
    let subscription = services.subscribe(&Principal::anonymous(), cursor, &[BOARD.to_owned()], Manner::Stream).await?;
    let is_it = services.find_commons(BOARD).await? == Some(board);
    Ok(is_it.then_some(subscription))
}
