//! Where a request comes from.

use super::Gate;
use crate::transport::Peer;
use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use http::{Extensions, HeaderMap};
use std::convert::Infallible;
use std::net::IpAddr;

/// The address that a request comes from: the socket's, or what a trusted proxy says of it.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// That of a request which nothing has been taken out of yet.
    pub fn of(gate: &Gate, extensions: &Extensions, headers: &HeaderMap) -> Self {
        Self(gate.client_address(peer(extensions), headers))
    }
}

impl<S> FromRequestParts<S> for ClientAddress
where
    Gate: FromRef<S>,
    S: Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&Gate::from_ref(state), &parts.extensions, &parts.headers))
    }
}

/// How a request came here, as far as the proxies on its way tell.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Where it comes from, as [`ClientAddress`] has it.
    pub client: IpAddr,
    /// How many addresses `X-Forwarded-For` names, believed or not.
    pub hops: usize,
    /// Whether whoever opened the socket is a proxy whose word counts.
    pub trusted: bool,
}

impl<S> FromRequestParts<S> for Way
where
    Gate: FromRef<S>,
    S: Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let (gate, peer) = (Gate::from_ref(state), peer(&parts.extensions));
        let hops = super::hops(&parts.headers).len();
        Ok(Self { client: gate.client_address(peer, &parts.headers), hops, trusted: gate.trusts(peer) })
    }
}

/// Who is on the other side of the socket.
pub(super) fn peer(extensions: &Extensions) -> IpAddr {
    extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip())
}
