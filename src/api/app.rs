//! What every handler can reach.

use super::docs::Publication;
use super::limits::Limits;
use super::openapi::Facts;
use super::origin::Origins;
use crate::service::Services;
use crate::transport::{Addresses, Pace};
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What the operator decided about the API.
#[derive(Debug, Clone)]
pub struct AppOptions {
    /// Whose pages may write.
    pub origins: Origins,
    /// Whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether anybody may read channels.
    pub anonymous_channels: bool,
    /// Streams from one address.
    pub streams_per_address: usize,
    /// How often streams beat, and how long they wait.
    pub pace: Pace,
    /// How long a body may take.
    pub body_timeout: Duration,
}

/// The state behind the routes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    /// What may be done.
    pub services: Services,
    pub(super) addresses: Addresses,
    pub(super) options: Arc<AppOptions>,
    pub(super) limits: Option<Arc<Limits>>,
    pub(super) publication: Publication,
}

impl App {
    /// The state for these services.
    pub fn new(services: Services, options: AppOptions, limits: Option<Limits>) -> Self {
        let addresses = Addresses::new(options.streams_per_address);
        let password_min_length = services.rules().password_min_length;
        let publication = Publication::new(Facts { cookie: cookie_name(&options), password_min_length });
        Self { services, addresses, options: Arc::new(options), limits: limits.map(Arc::new), publication }
    }

    /// The name of the web app's cookie.
    pub(super) fn cookie_name(&self) -> &'static str {
        cookie_name(&self.options)
    }

    /// Whether the limits let something pass; without limits everything does.
    pub(super) fn within_limits(
        &self,
        check: impl FnOnce(&Limits) -> Result<(), super::problem::Problem>,
    ) -> Result<(), super::problem::Problem> {
        self.limits.as_deref().map_or(Ok(()), check)
    }

    /// Whether a peer is a proxy whose word counts.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.options.trusted_proxies.iter().any(|network| network.contains(&address))
    }
}

/// The prefix makes browsers insist on TLS, this host, and all of it (RFC 6265bis, section 4.1.3.2).
fn cookie_name(options: &AppOptions) -> &'static str {
    if options.origins.is_tls() { "__Host-goldcrest_session" } else { "goldcrest_session" }
}
