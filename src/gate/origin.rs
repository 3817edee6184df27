//! Whose pages may write: a browser says where a request comes from, and a foreign page is refused.

use crate::config::values;
use http::{HeaderValue, Method};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tower_http::cors::AllowOrigin;
use url::Url;

/// Foreign origins that the log names, each once: whoever asks can make up as many as he likes.
const NAMED: usize = 100;
/// The longest that is named.
const ORIGIN_BYTES: usize = 200;

/// The origins (RFC 6454) of our own pages, and of those that the operator lets in.
#[derive(Debug)]
pub struct Origins {
    own: Vec<String>,
    allowed: Vec<String>,
    tls: bool,
    /// Those that the log has named.
    refused: Mutex<HashSet<String>>,
}

impl Origins {
    /// The origin of the public URL, or, without one, of this machine; never of a `Host` header, which an attacker's
    /// page can choose by its own name's address.
    pub fn new(public_url: Option<&Url>, listen: SocketAddr, allowed: &[Url]) -> Self {
        let text = |url: &Url| url.origin().ascii_serialization();
        let own = match public_url {
            Some(url) => vec![text(url)],
            None => of_this_machine(listen),
        };
        let tls = public_url.is_some_and(|url| url.scheme() == "https");
        Self { own, allowed: allowed.iter().map(text).collect(), tls, refused: Mutex::default() }
    }

    /// Whether this is the host of an origin that the operator lets in.
    pub fn names(&self, host: &str) -> bool {
        let url = |origin: &String| Url::parse(origin).ok();
        self.allowed
            .iter()
            .filter_map(url)
            .any(|url| url.host_str().is_some_and(|known| known.eq_ignore_ascii_case(host)))
    }

    /// Whether our own pages come over TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The origins that cross-origin requests may come from. Here every request of every page is seen, also the
    /// question that a browser asks before one and that no other code hears of; so here the log learns of strangers.
    pub(super) fn allowed(self: &Arc<Self>) -> AllowOrigin {
        let origins = Arc::clone(self);
        AllowOrigin::predicate(move |origin, _| {
            let allowed = is_in(&origins.allowed, origin);
            if !allowed && !is_in(&origins.own, origin) {
                origins.note(origin);
            }
            allowed
        })
    }

    /// Says once of a foreign origin that its pages are refused: the page's author sees only that nothing works.
    fn note(&self, origin: &HeaderValue) {
        let Some(origin) = origin.to_str().ok().filter(|origin| origin.len() <= ORIGIN_BYTES) else { return };
        let mut refused = self.refused.lock();
        if refused.len() >= NAMED || refused.contains(origin) {
            return;
        }
        refused.insert(origin.to_owned());
        let last = refused.len() == NAMED;
        drop(refused);
        match values::origin(origin) {
            Ok(_) => tracing::warn!(origin, "pages of this origin are refused; --allow-origins {origin} lets them in"),
            Err(_) if origin == "null" => tracing::warn!(
                origin,
                "pages without an origin are refused, such as those opened from a file; serve them over HTTP"
            ),
            Err(_) => tracing::warn!(origin, "pages of this origin are refused"),
        }
        if last {
            tracing::warn!("no more foreign origins are named from here on");
        }
    }

    /// Whether a request may go on: one that writes, or opens a stream, only from a page that may. Without an `Origin` it
    /// does not come from a page.
    pub fn admit(&self, method: &Method, streams: bool, origin: Option<&HeaderValue>) -> bool {
        let Some(origin) = origin else { return true };
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if reads && !streams {
            return true;
        }
        self.are_let_in(origin)
    }

    /// Whether pages of an origin may write and listen.
    pub fn are_let_in(&self, origin: impl AsRef<[u8]>) -> bool {
        let origin = origin.as_ref();
        self.own.iter().chain(&self.allowed).any(|known| known.as_bytes() == origin)
    }
}

fn is_in(list: &[String], origin: &HeaderValue) -> bool {
    list.iter().any(|known| known.as_bytes() == origin.as_bytes())
}

fn of_this_machine(listen: SocketAddr) -> Vec<String> {
    let port = listen.port();
    let mut hosts = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
    match listen.ip() {
        address if address.is_unspecified() => {}
        IpAddr::V4(address) => hosts.push(address.to_string()),
        IpAddr::V6(address) => hosts.push(format!("[{address}]")),
    }
    let origin = |host: &String| if port == 80 { format!("http://{host}") } else { format!("http://{host}:{port}") };
    hosts.iter().map(origin).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(origins: &Origins, method: &Method, streams: bool, origin: &str) -> bool {
        origins.admit(method, streams, HeaderValue::from_str(origin).ok().as_ref())
    }

    #[test]
    fn only_known_pages_write_and_stream() {
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let url = Url::parse("https://chat.example.org/").ok();
        let app = Url::parse("https://app.example.org").into_iter().collect::<Vec<_>>();
        let origins = Origins::new(url.as_ref(), listen, &app);
        for good in ["https://chat.example.org", "https://app.example.org"] {
            assert!(admits(&origins, &Method::POST, false, good));
        }
        for bad in ["https://evil.example", "null", "http://chat.example.org", "http://localhost:8080"] {
            assert!(!admits(&origins, &Method::POST, false, bad), "{bad}");
            assert!(!admits(&origins, &Method::GET, true, bad), "{bad}");
            assert!(admits(&origins, &Method::GET, false, bad), "{bad}");
        }
        assert!(origins.admit(&Method::POST, false, None));
        let local = Origins::new(None, listen, &[]);
        assert!(admits(&local, &Method::POST, false, "http://localhost:8080"));
        assert!(!admits(&local, &Method::POST, false, "http://localhost:9090"));
    }
}
