//! What every handler can reach.

use super::docs::{DocsPage, Publication};
use super::openapi::Facts;
use super::web::Site;
use crate::gate::Gate;
use crate::service::Services;
use crate::transport::Pace;
use axum::extract::FromRef;
use std::ops::Deref;
use std::sync::Arc;

/// What the operator decided about the API.
#[derive(Debug, Clone, Copy)]
pub struct AppOptions {
    /// Whether anybody may read channels.
    pub anonymous_channels: bool,
    /// How often streams beat, and how long they wait.
    pub pace: Pace,
}

/// The state behind the routes. Cheap to clone: each layer and each extractor of each request has one of its own, so all
/// of it stands behind one count.
#[derive(Debug, Clone)]
pub struct App {
    inner: Arc<Inner>,
}

/// What all copies of it share.
#[derive(Debug)]
pub struct Inner {
    pub(super) services: Services,
    pub(super) gate: Gate,
    pub(super) options: AppOptions,
    pub(super) publication: Publication,
    pub(super) site: Site,
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl App {
    /// The state for these services, with pages of other rooms to be shown beside the API's own.
    pub fn new(services: Services, gate: Gate, options: AppOptions, pages: Vec<DocsPage>) -> Self {
        let password_min_length = services.rules().password_min_length;
        let public_url = services.rules().public_url.clone();
        let publication =
            Publication::new(Facts { cookie: cookie_name(&gate), password_min_length, public_url }, pages);
        Self { inner: Arc::new(Inner { services, gate, options, publication, site: Site::default() }) }
    }

    /// The name of the web app's cookie.
    pub(super) fn cookie_name(&self) -> &'static str {
        cookie_name(&self.gate)
    }
}

impl FromRef<App> for Gate {
    fn from_ref(app: &App) -> Self {
        app.gate.clone()
    }
}

/// The prefix makes browsers insist on TLS, this host, and all of it (RFC 6265bis, section 4.1.3.2).
fn cookie_name(gate: &Gate) -> &'static str {
    if gate.origins().is_tls() { "__Host-goldcrest_session" } else { "goldcrest_session" }
}
