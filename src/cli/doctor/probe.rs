//! The stream that a server has for this, and when each of its events arrived.

use crate::cli::printable::Printable;
use crate::cli::remote::{self, chain};
use crate::cli::tail::parser::Parser;
use crate::domain::Timestamp;
use reqwest::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, DATE, HeaderMap, HeaderValue, LOCATION, SERVER, VIA,
};
use reqwest::tls::TlsInfo;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Version};
use serde::Deserialize;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;
use url::Url;

/// How long the stream, which lasts for about a second, is listened to.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longer than any answer of a page should take, and shorter than a person's patience.
const SILENCE: Duration = Duration::from_secs(5);

/// Which way a probe goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// To the server of this machine, past all that stands before it.
    Direct,
    /// As everybody comes.
    Public,
}

/// What a server says in each event.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Seen {
    pub of: usize,
    pub instance: String,
    /// The address by which it counts us.
    pub client: IpAddr,
    /// How many addresses `X-Forwarded-For` named.
    pub hops: usize,
    /// Whether those count.
    pub trusted: bool,
}

/// What a probe has shown.
#[derive(Debug)]
pub(super) struct Probed {
    pub seen: Seen,
    /// When each event arrived, since the first did.
    pub arrivals: Vec<Duration>,
    /// When the first did, since it was asked for.
    pub first: Duration,
    pub version: Version,
    /// What calls itself so in the answer's head: our server says nothing of the kind.
    pub proxy: Option<String>,
    /// The moment that the answer shows, and when it came.
    pub date: Option<(String, Timestamp)>,
    /// The certificate, in DER.
    pub certificate: Option<Vec<u8>>,
}

/// Why there was nothing to be seen.
#[derive(Debug)]
pub(super) enum NotProbed {
    /// Nobody answered, or not over TLS that can be trusted.
    Unreachable(String),
    /// A proxy answered that nobody answers it.
    NobodyBehind(String),
    /// It leads elsewhere.
    Redirected(String),
    /// Somebody answered who is no goldcrest, or an older one.
    Foreign(String),
}

/// Like [`take`], and again where the events did not come one after the other: what was slow for a moment, here or on the way,
/// is not so each time, and what holds them back is.
pub(super) async fn take_anew(base: &Url, route: Route, spread: Duration) -> Result<Probed, NotProbed> {
    let mut probed = take(base, route).await?;
    for _ in 0..2 {
        if probed.arrivals.len() < probed.seen.of || probed.arrivals.last().is_some_and(|last| *last >= spread) {
            break;
        }
        probed = take(base, route).await?;
    }
    Ok(probed)
}

/// Listens to the whole probe of the server at a URL.
pub(super) async fn take(base: &Url, route: Route) -> Result<Probed, NotProbed> {
    let client = client(base, route)?;
    let asked = Instant::now();
    let response = open(&client, base, |request| request).await?;
    let version = response.version();
    let now = Timestamp::now();
    let (date, proxy) = (text(response.headers(), &DATE).map(|date| (date, now)), named(response.headers()));
    let certificate = response.extensions().get::<TlsInfo>().and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec);
    let (seen, arrivals) = listen(response, usize::MAX).await?;
    let first = arrivals.first().copied().unwrap_or(asked);
    let since = |moment: &Instant| moment.duration_since(first);
    let arrivals = arrivals.iter().map(since).collect();
    Ok(Probed { seen, arrivals, first: first.duration_since(asked), version, proxy, date, certificate })
}

/// What a server sees of a request that claims to have been passed on for this address.
pub(super) async fn claim(base: &Url, address: IpAddr) -> Result<Seen, NotProbed> {
    let client = client(base, Route::Public)?;
    let response = open(&client, base, |request| request.header("x-forwarded-for", address.to_string())).await?;
    listen(response, 1).await.map(|(seen, _)| seen)
}

/// How far apart the first and the last bytes of the probe arrive where a browser gets it compressed; nothing where it
/// does not.
pub(super) async fn compressed(base: &Url) -> Result<Option<Duration>, NotProbed> {
    let client = client(base, Route::Public)?;
    let request = |request: RequestBuilder| request.header(ACCEPT_ENCODING, "gzip, deflate, br");
    let mut response = open(&client, base, request).await?;
    if !response.headers().contains_key(CONTENT_ENCODING) {
        return Ok(None);
    }
    let mut arrivals = None;
    let until = Instant::now() + PATIENCE;
    while let Ok(Ok(Some(_))) = tokio::time::timeout_at(until, response.chunk()).await {
        let now = Instant::now();
        arrivals = Some(arrivals.map_or((now, now), |(first, _)| (first, now)));
    }
    Ok(Some(arrivals.map_or(Duration::ZERO, |(first, last): (Instant, Instant)| last.duration_since(first))))
}

fn client(base: &Url, route: Route) -> Result<Client, NotProbed> {
    let client = remote::client(base, |builder| {
        let builder = builder.tls_info(true).read_timeout(SILENCE);
        if route == Route::Direct { builder.no_proxy() } else { builder }
    });
    client.map_err(|failed| NotProbed::Unreachable(failed.to_string()))
}

/// Asks for the probe, with what the caller has to add.
async fn open(
    client: &Client,
    base: &Url,
    settings: impl FnOnce(RequestBuilder) -> RequestBuilder,
) -> Result<Response, NotProbed> {
    let url = base.join("healthz/stream").map_err(|error| NotProbed::Unreachable(error.to_string()))?;
    let response = settings(client.get(url)).send().await.map_err(|error| NotProbed::Unreachable(chain(&error)))?;
    let status = response.status();
    if status.is_redirection() {
        let place = text(response.headers(), &LOCATION).unwrap_or_default();
        return Err(NotProbed::Redirected(Printable(&place).to_string()));
    }
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if !status.is_success() || !kind.starts_with(b"text/event-stream") {
        let who = named(response.headers()).map(|name| format!(" ({name})")).unwrap_or_default();
        let said = format!("{status}{who}");
        let nobody_behind = matches!(status, StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT);
        return Err(if nobody_behind { NotProbed::NobodyBehind(said) } else { NotProbed::Foreign(said) });
    }
    Ok(response)
}

/// Takes so many events, or all.
async fn listen(mut response: Response, most: usize) -> Result<(Seen, Vec<Instant>), NotProbed> {
    let (mut parser, mut arrivals, mut seen) = (Parser::going_on(None), Vec::new(), None::<Seen>);
    let until = Instant::now() + PATIENCE;
    while arrivals.len() < most {
        let Ok(Ok(Some(chunk))) = tokio::time::timeout_at(until, response.chunk()).await else { break };
        let arrived = Instant::now();
        let mut bytes = &chunk[..];
        while let Ok(Some(event)) = parser.next(&mut bytes) {
            if event.kind == "probe"
                && let Ok(said) = serde_json::from_str(&event.data)
            {
                seen = Some(said);
                arrivals.push(arrived);
            }
        }
    }
    seen.map(|seen| (seen, arrivals)).ok_or_else(|| NotProbed::Foreign("a stream without events".to_owned()))
}

fn text(headers: &HeaderMap, name: &reqwest::header::HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

/// How whoever stands in between calls itself.
fn named(headers: &HeaderMap) -> Option<String> {
    text(headers, &SERVER).or_else(|| text(headers, &VIA)).map(|name| Printable(&name).to_string())
}
