//! Who gets in: where a request comes from, whose page sent it, how much anybody may ask for, how long a body may take,
//! and what the log says of it all. The same for every language that is spoken here.

mod answered;
mod around;
mod body;
mod client;
mod limits;
mod observe;
mod origin;
mod unread;

use crate::transport::{AddressPermit, Addresses, Traffic};
use around::Around;
use axum::Router;
use http::HeaderMap;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tracing::Span;

pub use answered::{Answered, Route};
pub use body::{BODY, BodyError};
pub use client::{ClientAddress, Way};
pub use limits::{Bounds, Limits, Rates, Tally, TooMany};
pub use origin::Origins;

/// What the operator decided about the gate.
#[derive(Debug)]
pub struct GateOptions {
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Streams from one address.
    pub streams_per_address: usize,
    /// How long a body may take.
    pub body_timeout: Duration,
    /// Puts a request's span into the trace that its headers name.
    pub take_up: fn(&Span, &HeaderMap),
}

/// What stands between a request and its handler. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<Inner>,
    origins: Arc<Origins>,
}

#[derive(Debug)]
struct Inner {
    options: GateOptions,
    addresses: Addresses,
    limits: Option<Limits>,
    answered: Answered,
    traffic: Arc<Traffic>,
}

impl Gate {
    /// A gate; without limits everybody gets all he asks for.
    pub fn new(options: GateOptions, origins: Origins, limits: Option<Limits>) -> Self {
        let addresses = Addresses::new(options.streams_per_address);
        let (answered, traffic) = (Answered::default(), Arc::default());
        Self { inner: Arc::new(Inner { options, addresses, limits, answered, traffic }), origins: Arc::new(origins) }
    }

    /// The same gate at another address, whose own pages are others. What somebody asks for counts at both together.
    #[must_use]
    pub fn with_origins(&self, origins: Origins) -> Self {
        Self { inner: Arc::clone(&self.inner), origins: Arc::new(origins) }
    }

    /// Whose pages may write.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    /// How much anybody may ask for, unless everything passes.
    pub fn limits(&self) -> Option<&Limits> {
        self.inner.limits.as_ref()
    }

    /// What was answered, here and at every address beside.
    pub fn answered(&self) -> &Answered {
        &self.inner.answered
    }

    /// What is counted of the connections and streams that come this way.
    pub fn traffic(&self) -> &Arc<Traffic> {
        &self.inner.traffic
    }

    /// Whether the limits let something pass; without limits everything does.
    pub fn within(&self, check: impl FnOnce(&Limits) -> Result<(), TooMany>) -> Result<(), TooMany> {
        self.limits().map_or(Ok(()), check)
    }

    /// A place for one stream more from an address, if there is one left.
    pub fn admit_stream(&self, address: IpAddr) -> Option<AddressPermit> {
        self.inner.addresses.admit(limits::neighbourhood(address))
    }

    /// Puts around all routes what holds for every answer: a number and a line in the log, what browsers and those in
    /// between may do with it, and whether the connection ends behind it.
    pub fn around(&self, routes: Router) -> Router {
        routes.layer(Around::new(self))
    }

    /// The address that a request comes from: the socket's, or what a trusted proxy says of it.
    fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.to_canonical();
        let mut hops = hops(headers);
        // From the nearest hop outwards, for as long as the one who says it is trusted.
        while self.trusts(address) {
            match hops.pop().and_then(hop) {
                Some(before) => address = before,
                None => break,
            }
        }
        address
    }

    /// Whether a peer is a proxy whose word counts.
    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.inner.options.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// What `X-Forwarded-For` names, the nearest last. Bytes, not text: of what a client puts before the proxy's word nothing
/// may make that word unreadable.
fn hops(headers: &HeaderMap) -> Vec<&[u8]> {
    let named = headers.get_all("x-forwarded-for");
    named.iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).collect()
}

/// An address as proxies write it: bare, in brackets, or with a port behind it.
fn hop(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}
