//! What an adapter's handlers can reach.

use super::{Adapter, Mode, Refused, Scheme};
use crate::gate::Gate;
use crate::service::Services;
use crate::transport::Pace;
use axum::extract::FromRef;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, header};
use std::time::Duration;
use url::{Host, Position, Url};

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

    /// Whether only callers who use a name of its own are to be let in: where a page of anybody's could do harm by having
    /// its own name lead here.
    pub(super) fn checks_host(&self) -> bool {
        self.options.mode.is_some_and(|mode| mode.trusts_callers || mode.loopback_only)
    }

    /// How often streams beat, and how long they wait.
    pub(super) fn pace(&self) -> Pace {
        self.options.pace
    }

    /// A refusal in the adapter's own words.
    pub(super) fn refuse(&self, refused: &Refused) -> Response {
        (self.adapter.refuse)(refused)
    }

    /// Where a caller reaches the adapter, for links to be followed by this same caller: by the public URL, or, on an
    /// address of its own and where none is given, by the name that he used. Never for links in mails.
    pub(super) fn base(&self, headers: &HeaderMap) -> String {
        base(self.services.rules().public_url.as_ref(), &self.options.prefix, headers)
    }

    /// Whether a request names this server by a name that is its own. A name of somebody else's that leads here is how a
    /// page would read what is meant for this machine alone; an address is nobody's name.
    pub(super) fn is_own_host(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(header::HOST) else { return true };
        let Some(host) = host.to_str().ok().and_then(|host| Host::parse(without_port(host)).ok()) else { return false };
        if names_this_machine(&host) {
            return true;
        }
        if self.options.mode.is_some_and(|mode| mode.loopback_only) {
            return false;
        }
        match host {
            Host::Ipv4(_) | Host::Ipv6(_) => true,
            Host::Domain(name) => {
                let public = self.services.rules().public_url.as_ref().and_then(|url| url.host_str());
                public.is_some_and(|public| public.eq_ignore_ascii_case(&name)) || self.gate.origins().names(&name)
            }
        }
    }

    /// Whether the page that a request was followed from is one of our own, or may act here like one.
    pub(super) fn is_own_page(&self, headers: &HeaderMap, referer: &HeaderValue) -> bool {
        let Some(url) = referer.to_str().ok().and_then(|referer| Url::parse(referer).ok()) else { return false };
        let same = headers.get(header::HOST).is_some_and(|host| {
            url[Position::BeforeHost..Position::AfterPort].as_bytes().eq_ignore_ascii_case(host.as_bytes())
        });
        let origin = HeaderValue::from_str(&url.origin().ascii_serialization()).ok();
        same || origin.is_some_and(|origin| self.gate.origins().admit(&Method::POST, true, Some(&origin)))
    }
}

/// See [`Front::base`].
fn base(public_url: Option<&Url>, prefix: &str, headers: &HeaderMap) -> String {
    if let Some(url) = public_url
        && !prefix.is_empty()
    {
        return format!("{}{prefix}", url.as_str().trim_end_matches('/'));
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    // What stands before the public URL speaks TLS for that alone; here nobody does.
    format!("http://{host}{prefix}")
}

/// Whether only this machine is reached by this name.
pub fn names_this_machine<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
        Host::Domain(name) => name.as_ref() == "localhost",
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_the_public_url_or_to_where_plain_http_is_spoken() {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("10.0.0.7:9000"))]);
        let url = Url::parse("https://chat.example.org/").unwrap();
        assert_eq!(base(Some(&url), "/compat/oms", &headers), "https://chat.example.org/compat/oms");
        assert_eq!(base(Some(&url), "", &headers), "http://10.0.0.7:9000");
        assert_eq!(base(None, "", &headers), "http://10.0.0.7:9000");
        assert_eq!(base(None, "/compat/oms", &headers), "http://10.0.0.7:9000/compat/oms");
    }

    #[test]
    fn few_names_are_this_machines_alone() {
        let names = |host: &str| names_this_machine(&Host::parse(host).unwrap());
        for own in ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "[::1]"] {
            assert!(names(own), "{own}");
        }
        for other in ["localhost.example.org", "10.0.0.7", "0.0.0.0", "[2001:db8::1]", "127.0.0.1.nip.io"] {
            assert!(!names(other), "{other}");
        }
    }
}
