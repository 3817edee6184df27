//! A socket that says everything back: our framing is tried by it against other people's cases, and nothing else uses it.

use super::{MESSAGE, Outcome, WebSocket};
use crate::transport::stream::{Opening, Pace, Stream};
use crate::transport::{AddressPermit, TakeOver};
use std::future::ready;

/// A WebSocket after its handshake that answers each message with itself, be it text or bytes, and belongs to nobody for
/// as long as the pace lets it wait for an `auth`.
#[doc(hidden)]
pub fn echo(pace: Pace, permit: AddressPermit) -> TakeOver {
    TakeOver::new(Box::new(move |taken| {
        let incoming = Box::new(|text| -> super::BoxFuture<'static, _> { Box::pin(ready(Outcome::Reply(text))) });
        let mut protocol = WebSocket::new(incoming, &taken.read_ahead, MESSAGE);
        protocol.binary = Some(Outcome::Bytes);
        Box::pin(Stream::new(taken, protocol, Opening::Waiting, pace, permit))
    }))
}
