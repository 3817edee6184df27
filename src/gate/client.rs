//! Where a request comes from.

use super::Gate;
use crate::transport::Peer;
use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use std::convert::Infallible;
use std::net::IpAddr;

/// The address that a request comes from: the socket's, or what a trusted proxy says of it.
#[derive(Debug, Clone, Copy)]
pub struct ClientAddress(pub IpAddr);

impl<S> FromRequestParts<S> for ClientAddress
where
    Gate: FromRef<S>,
    S: Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.0.ip());
        Ok(Self(Gate::from_ref(state).client_address(peer, &parts.headers)))
    }
}
