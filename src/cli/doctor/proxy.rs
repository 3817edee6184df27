//! The way that everybody comes, by `--public-url`: whether it leads here, and what the proxy on it does to streams.

use super::certificate;
use super::finding::{Finding, Report};
use super::probe::{self, NotProbed, Probed, Route};
use super::server::Running;
use super::{Patient, upgrade};
use crate::cli::failed::Failed;
use crate::cli::health;
use crate::cli::remote;
use crate::config::Options;
use crate::domain::Timestamp;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use time::PrimitiveDateTime;
use time::macros::format_description;
use url::Url;

/// The least time between the first and the last event of a probe that came as they were sent, by 300 ms each.
const SPREAD: Duration = Duration::from_millis(450);
/// An address that nobody has (RFC 5737), to see who believes that we come from there.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 77));
/// How far two clocks may be apart before it is worth a word.
const APART: Duration = Duration::from_secs(5);
/// When the end of a certificate is near: whoever renews it by himself has done so before.
const NEAR: Duration = Duration::from_hours(14 * 24);

const LEADS: &str = "reaches";
const CERTIFICATE: &str = "certificate";

pub(super) async fn look(patient: &Patient<'_>, here: Option<&Probed>, report: &mut Report) -> Result<(), Failed> {
    let Some(url) = &patient.options.public_url else {
        return report.tell(&Finding::skipped(LEADS, "there is no --public-url to try"));
    };
    let base = match remote::server(url.as_str()) {
        Ok(base) => base,
        Err(error) => return report.tell(&Finding::skipped(LEADS, format!("--public-url cannot be tried: {error}"))),
    };
    let runs = !matches!(patient.server, Running::Nobody);
    let probed = match probe::take_anew(&base, Route::Public, SPREAD).await {
        Ok(probed) => probed,
        Err(NotProbed::Unreachable(_)) if !runs => {
            let says = format!("{url} does not answer, and no server runs here that it could lead to");
            return report.tell(&Finding::skipped(LEADS, says));
        }
        Err(NotProbed::Foreign(_) | NotProbed::NobodyBehind(_)) if !runs => {
            let says = format!("no server runs here that {url} could lead to; try again when one does");
            return report.tell(&Finding::skipped(LEADS, says));
        }
        Err(error) => return report.tell_all(not_reached(url, error, patient.options.listen)),
    };
    let own = match (&patient.server, here) {
        (Running::Here(condition), _) => Some(&condition.instance),
        (_, Some(here)) => Some(&here.seen.instance),
        _ => None,
    };
    let leads = leads(url, &probed, own, patient.options);
    report.tell(&leads)?;
    report.tell(&streams(&probed))?;
    report.tell_all(compression(&base).await)?;
    report.tell(&websocket(&base).await)?;
    report.tell_all(addresses(url, &base, &probed).await)?;
    report.tell_all(probed.certificate.as_deref().map(|der| certificate_ends(der, Timestamp::now())))?;
    report.tell(&version(&probed))?;
    report.tell_all(probed.date.as_ref().and_then(|(date, now)| clock(date, *now)))
}

/// Why there is nothing to be seen there, and what could not be tried for that reason.
fn not_reached(url: &Url, error: NotProbed, listen: SocketAddr) -> [Finding; 2] {
    const WHAT_PASSES: &str = "whether streams, WebSockets and callers' addresses get through";
    let wrong = match error {
        NotProbed::Unreachable(said) if said.contains("certificate") => {
            let says = format!("browsers refuse the certificate at {url}: {said}");
            let untried = format!("not tried without it: whether {url} leads to this very server, and {WHAT_PASSES}");
            return [Finding::wrong(CERTIFICATE, says, about_certificate(&said)), Finding::skipped(LEADS, untried)];
        }
        NotProbed::Unreachable(said) => Finding::wrong(
            LEADS,
            format!("{url} does not answer from here: {said}"),
            "see that its name leads to the proxy and that the proxy runs; from inside a container, or behind a router that \
             does not let one out and in again, this may say nothing",
        ),
        NotProbed::Redirected(place) => Finding::wrong(
            LEADS,
            format!("{url} sends browsers elsewhere, to {place}"),
            "give --public-url as people end up with it, such as https:// instead of http://",
        ),
        NotProbed::NobodyBehind(said) => Finding::wrong(
            LEADS,
            format!("{url} leads to a proxy behind which nobody answers: it says {said}"),
            format!("have it pass on to where this server listens: {}", passing_on(listen)),
        ),
        NotProbed::Foreign(said) => Finding::wrong(
            LEADS,
            format!("{url} leads to something that is not this server: it answers {said}"),
            format!("correct --public-url, or have the proxy pass everything below it on: {}", passing_on(listen)),
        ),
    };
    [wrong, Finding::skipped("streams", format!("not tried for that reason: {WHAT_PASSES}"))]
}

/// What to do about a certificate, by what is said of it.
fn about_certificate(said: &str) -> &'static str {
    if said.contains("UnknownIssuer") {
        "nobody whom this machine knows has signed it. Have the proxy send the whole chain (nginx: ssl_certificate \
         …/fullchain.pem). If it is signed by itself, or by an authority of your own, name what signed it to this command: \
         SSL_CERT_FILE=/path/to/authority.pem goldcrest doctor …; and every browser has to be told of it too"
    } else if said.contains("CaUsedAsEndEntity") {
        "it is made for an authority and not for a server, as `openssl req -x509` does by itself: make it anew with \
         -addext basicConstraints=critical,CA:FALSE, and name it to this command: SSL_CERT_FILE=/path/to/it.pem \
         goldcrest doctor …; and every browser has to be told of it too"
    } else {
        "renew it, for this very name (certbot renew, or what your proxy has for it; Caddy does it by itself), and have the \
         proxy send the whole chain"
    }
}

/// How proxies are told where the server listens.
fn passing_on(listen: SocketAddr) -> String {
    let address = health::reachable(listen);
    format!(
        "nginx: location / {{ proxy_pass http://{address}; }}, Caddy: reverse_proxy {address}; from another machine or \
         container, by the address that this one has there"
    )
}

fn leads(url: &Url, probed: &Probed, own: Option<&String>, options: &Options) -> Finding {
    match own {
        Some(own) if *own == probed.seen.instance => Finding::fine(LEADS, format!("{url} leads to this very server")),
        Some(_) if options.place.database_url().is_some() => Finding::warning(
            LEADS,
            format!("{url} leads to another goldcrest than this one; the rest is said of that one"),
            "if it is a node of the same database, all is well; otherwise correct --public-url, or the proxy",
        ),
        Some(_) => Finding::wrong(
            LEADS,
            format!("{url} leads to another goldcrest than this one; the rest is said of that one"),
            format!("correct --public-url, or where the proxy passes on to: {}", passing_on(options.listen)),
        ),
        None => Finding::wrong(
            LEADS,
            format!("{url} leads to a goldcrest, and none runs on this data; the rest is said of that one"),
            "name the right data with --data-dir, or correct --public-url",
        ),
    }
}

fn streams(probed: &Probed) -> Finding {
    const CHECK: &str = "streams";
    let (count, of) = (probed.arrivals.len(), probed.seen.of);
    if count < of {
        let says = format!("of {of} events of a stream {count} arrived, and then it broke off");
        return Finding::wrong(
            CHECK,
            says,
            "let the proxy wait longer for the next bytes: nginx: proxy_read_timeout 75s",
        );
    }
    let spread = probed.arrivals.last().copied().unwrap_or_default();
    if spread < SPREAD {
        let says = format!(
            "events of a stream are held back: {of} that were sent 300 ms after each other arrived within {} ms, after {} ms. \
             Browsers hear nothing until something fills a buffer",
            spread.as_millis(),
            probed.first.as_millis()
        );
        let advice = "turn buffering off in the proxy. nginx: proxy_buffering off; and no proxy_ignore_headers \
                      X-Accel-Buffering, no gzip of text/event-stream. Caddy: flush_interval -1 in reverse_proxy, no encode";
        return Finding::wrong(CHECK, says, advice);
    }
    Finding::fine(CHECK, format!("events arrive as they are sent, the first after {} ms", probed.first.as_millis()))
}

/// Compressing needs something to compress, and waits for it; browsers always ask for it.
async fn compression(base: &Url) -> Option<Finding> {
    const CHECK: &str = "compression";
    for _ in 0..3 {
        if probe::compressed(base).await.ok()?? >= SPREAD {
            return Some(Finding::fine(CHECK, "the proxy compresses streams, and holds no event back for it"));
        }
    }
    let says = "the proxy compresses streams for browsers, and holds events back until there is enough of them";
    let advice = "leave text/event-stream out of what is compressed: nginx: gzip_types; Caddy: encode with a matcher";
    Some(Finding::wrong(CHECK, says, advice))
}

async fn websocket(base: &Url) -> Finding {
    const CHECK: &str = "websocket";
    match upgrade::attempt(base).await {
        Ok(()) => Finding::fine(CHECK, "a WebSocket opens, and answers"),
        Err(said) => Finding::wrong(
            CHECK,
            format!("no WebSocket gets through: {said}"),
            "nginx: proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\"; \
             Caddy does it by itself",
        ),
    }
}

/// Whom the server believes, and for whom it takes us.
async fn addresses(url: &Url, base: &Url, probed: &Probed) -> Option<Finding> {
    const CHECK: &str = "addresses";
    const ALL_AS_ONE: &str = "and whoever asks too much uses up what all others may";
    let seen = &probed.seen;
    if seen.trusted
        && let Ok(claimed) = probe::claim(base, NOBODY).await
        && claimed.client == NOBODY
        && claimed.hops == 1
    {
        let says = "whoever asks may claim to come from any address: X-Forwarded-For is believed as he sends it";
        let advice = "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; and leave out of --trusted-proxies \
                      whatever is no proxy";
        return Some(Finding::wrong(CHECK, says, advice));
    }
    let stands_between = probed.proxy.as_deref().or_else(|| (url.scheme() == "https").then_some("a proxy with TLS"));
    let client = seen.client;
    match (seen.hops, seen.trusted, stands_between) {
        (0, _, None) => None,
        (0, _, Some(proxy)) => Some(Finding::wrong(
            CHECK,
            format!("{proxy} does not say whose requests it passes on: everybody counts as {client}, {ALL_AS_ONE}"),
            format!(
                "nginx: proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; (Caddy does it by itself); and \
                 --trusted-proxies {client}"
            ),
        )),
        (_, false, _) => Some(Finding::wrong(
            CHECK,
            format!(
                "the proxy at {client} says whose requests it passes on, and is not believed: everybody counts as {client}, \
                 {ALL_AS_ONE}"
            ),
            format!("--trusted-proxies {client}, or the network that the proxy's requests come from"),
        )),
        (_, true, _) => {
            Some(Finding::fine(CHECK, format!("the proxy is believed, and this command counts as {client}")))
        }
    }
}

fn certificate_ends(der: &[u8], now: Timestamp) -> Finding {
    const CHECK: &str = CERTIFICATE;
    let Some(ends) = certificate::ends(der) else {
        return Finding::fine(CHECK, "the certificate is good; when it ends could not be read");
    };
    let left = now.until(ends);
    let says = format!("the certificate is good until {ends}, for {} days more", left.as_secs() / 86_400);
    if left > NEAR {
        return Finding::fine(CHECK, says);
    }
    Finding::warning(CHECK, says, "see why it was not renewed (certbot renew; Caddy's log)")
}

fn version(probed: &Probed) -> Finding {
    const CHECK: &str = "http";
    let version = probed.version;
    let who = probed.proxy.as_deref().map(|name| format!(", from {name}")).unwrap_or_default();
    if version == reqwest::Version::HTTP_10 {
        return Finding::warning(
            CHECK,
            format!("the answers are {version:?}{who}"),
            "use a proxy that speaks HTTP/1.1 to browsers",
        );
    }
    Finding::fine(CHECK, format!("the answers are {version:?}{who}; whether browsers get HTTP/2 was not tried"))
}

/// The proxy's clock, or whose `Date` it is.
fn clock(date: &str, now: Timestamp) -> Option<Finding> {
    const CHECK: &str = "date";
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    let date = PrimitiveDateTime::parse(date, format).ok()?;
    let there = Timestamp(date.assume_utc().unix_timestamp().saturating_mul(1000));
    let apart = there.until(now).max(now.until(there));
    if apart < APART {
        return None;
    }
    let apart = humantime::format_duration(Duration::from_secs(apart.as_secs()));
    let says = format!("the answers from outside are dated {there}, and here it is {now}: {apart} apart");
    Some(Finding::warning(CHECK, says, "let NTP set the clocks of both machines (timedatectl set-ntp true)"))
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::super::probe::Seen;
    use super::*;

    fn probed(arrivals: &[u64], of: usize) -> Probed {
        let seen = Seen { of, instance: "a".to_owned(), client: NOBODY, hops: 0, trusted: false };
        Probed {
            seen,
            arrivals: arrivals.iter().copied().map(Duration::from_millis).collect(),
            first: Duration::from_millis(5),
            version: reqwest::Version::HTTP_11,
            proxy: None,
            date: None,
            certificate: None,
        }
    }

    #[test]
    fn events_that_come_together_were_held_back() {
        assert_eq!(streams(&probed(&[0, 300, 600, 900], 4)).verdict, Verdict::Fine);
        assert_eq!(streams(&probed(&[0, 0, 200, 500], 4)).verdict, Verdict::Fine, "a machine that is busy");
        assert_eq!(streams(&probed(&[0, 0, 0, 1], 4)).verdict, Verdict::Wrong);
        assert_eq!(streams(&probed(&[0, 300], 4)).verdict, Verdict::Wrong);
    }

    #[test]
    fn a_certificate_that_is_refused_has_its_own_advice_and_says_what_was_not_tried() {
        let url = Url::parse("https://chat.example.org").unwrap();
        for (said, advice) in [
            ("invalid peer certificate: UnknownIssuer", "SSL_CERT_FILE=/path/to/authority.pem"),
            ("invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))", "CA:FALSE"),
            ("invalid peer certificate: Expired", "renew it"),
            ("invalid peer certificate: certificate not valid for name \"localhost\"", "for this very name"),
        ] {
            let error = NotProbed::Unreachable(said.to_owned());
            let [wrong, untried] = not_reached(&url, error, SocketAddr::from(([0, 0, 0, 0], 9090)));
            assert_eq!((wrong.check, wrong.verdict), (CERTIFICATE, Verdict::Wrong));
            assert!(wrong.advice.unwrap().contains(advice), "{said}");
            assert_eq!((untried.check, untried.verdict), (LEADS, Verdict::Skipped));
            assert!(untried.says.contains("very server, and whether streams"), "{}", untried.says);
        }
    }

    #[test]
    fn a_date_far_from_ours_is_worth_a_word() {
        let date = "Sat, 21 Nov 2026 10:00:00 GMT";
        let there = Timestamp::parse("2026-11-21T10:00:00Z").unwrap();
        assert!(clock(date, there.plus(Duration::from_secs(2))).is_none());
        assert!(clock(date, there.minus(Duration::from_secs(20))).is_some());
        assert!(clock(date, there.plus(Duration::from_secs(20))).is_some());
        assert!(clock("yesterday", there).is_none());
    }
}
