//! A body that is written while it is made: one part at a time is in memory, and nothing else is held while it is sent.

use axum::body::Body;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{once, try_unfold};
use std::error::Error;
use std::future::ready;

/// The first part, which is there already, and all that `next` makes out of what the part before left, until nothing is
/// left. Where it fails the answer breaks off, so that nobody takes what came for the whole. A peer that takes nothing
/// is given up by the door, and the rest is dropped then.
pub fn in_parts<R, N, F, E>(first: Bytes, rest: Option<R>, mut next: N) -> Body
where
    R: Send + 'static,
    N: FnMut(R) -> F + Send + 'static,
    F: Future<Output = Result<(Bytes, Option<R>), E>> + Send + 'static,
    E: Error + Send + Sync + 'static,
{
    let Some(rest) = rest else { return Body::from(first) };
    let rest = try_unfold(Some(rest), move |rest| {
        let made = rest.map(&mut next);
        async move {
            match made {
                Some(made) => made.await.map(Some),
                None => Ok(None),
            }
        }
    });
    Body::from_stream(once(ready(Ok(first))).chain(rest))
}
