//! What an adapter's handlers can reach.

use super::{Adapter, Mode, Refused, Scheme};
use crate::gate::Gate;
use crate::service::Services;
use crate::transport::Pace;
use axum::extract::FromRef;
use axum::response::Response;
use http::{HeaderMap, header};
use std::time::Duration;
use url::Host;

/// How the operator wants an adapter.
#[derive(Debug, Clone)]
pub struct FrontOptions {
    /// Other than as usual.
    pub mode: Option<&'static Mode>,
    /// Where it is mounted: a path without a slash at its end, nothing for the root of an address of its own.
    pub prefix: String,
    /// How long a login through it lasts, instead of as long as the older system had it.
    pub session_lifetime: Option<Duration>,
    /// How often streams beat, and how long they wait.
    pub pace: Pace,
}

/// An adapter as it is mounted somewhere: the state behind its routes. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Front {
    /// What may be done.
    pub services: Services,
    /// What stands before each request.
    pub gate: Gate,
    pub(super) adapter: &'static Adapter,
    options: FrontOptions,
}

impl FromRef<Front> for Gate {
    fn from_ref(front: &Front) -> Self {
        front.gate.clone()
    }
}

impl Front {
    /// This adapter, mounted so.
    pub fn new(adapter: &'static Adapter, services: Services, gate: Gate, options: FrontOptions) -> Self {
        Self { services, gate, adapter, options }
    }

    /// Its name, which is also the audience of its sessions.
    pub(super) fn name(&self) -> &'static str {
        self.adapter.name
    }

    /// Whether the operator asked for this mode.
    pub(super) fn is(&self, word: &str) -> bool {
        self.options.mode.is_some_and(|mode| mode.word == word)
    }

    /// Whether it acts for whomever a request names.
    pub(super) fn trusts_callers(&self) -> bool {
        self.options.mode.is_some_and(|mode| mode.trusts_callers)
    }

    /// Whether this may stand in `Authorization`.
    pub(super) fn takes(&self, scheme: Scheme) -> bool {
        self.adapter.schemes.contains(&scheme)
    }

    /// How long a login lasts, where the older system had it so long.
    pub(super) fn session_lifetime(&self, theirs: Duration) -> Duration {
        self.options.session_lifetime.unwrap_or(theirs)
    }

    /// How often streams beat, and how long they wait.
    pub(super) fn pace(&self) -> Pace {
        self.options.pace
    }

    /// A refusal in the adapter's own words.
    pub(super) fn refuse(&self, refused: &Refused) -> Response {
        (self.adapter.refuse)(refused)
    }

    /// Where the adapter's paths begin: nothing, or its path on this server.
    pub(super) fn prefix(&self) -> &str {
        &self.options.prefix
    }

    /// Where a caller reaches the adapter, for links to be followed by this same caller: by the public URL, or, on an
    /// address of its own and where none is given, by the name that he used. Never for links in mails.
    pub(super) fn base(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.services.rules().public_url
            && !self.options.prefix.is_empty()
        {
            return format!("{}{}", url.as_str().trim_end_matches('/'), self.options.prefix);
        }
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let scheme = if self.gate.origins().is_tls() { "https" } else { "http" };
        format!("{scheme}://{host}{}", self.options.prefix)
    }

    /// Whether a request names this server by a name that is its own. A name of somebody else's that leads here is how a
    /// page would read what is meant for this machine alone; an address is nobody's name.
    pub(super) fn is_own_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(header::HOST) else { return true };
        let Some(host) = host.to_str().ok().map(without_port) else { return false };
        match Host::parse(host) {
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Ok(Host::Domain(name)) => {
                let public = self.services.rules().public_url.as_ref().and_then(|url| url.host_str());
                name == "localhost" || public.is_some_and(|public| public.eq_ignore_ascii_case(&name))
            }
            Err(_) => false,
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}
