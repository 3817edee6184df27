//! What an option's value may look like, and what is said, with an example, of one that does not.

use super::{AdapterAddress, WantedAdapter};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// Why the URL of a database server is not taken that is none, as far as can be told.
pub const UNREADABLE: &str = "the URL of the database cannot be read. In its user and its password, write %25 for %, %23 for #, \
                              %2F for /, %3A for :, %3F for ? and %40 for @";
/// What `--database-url` takes.
pub const DATABASES: &str = "--database-url is for a database server, and begins with postgres:// or mysql://. The \
                             embedded SQLite database needs no URL: name its directory with --data-dir";

/// An address to listen on. The host is never left out: a server that is open to everybody by a forgotten word speaks
/// passwords in the clear.
pub fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse().map_err(|_| {
        let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).unwrap_or(8080);
        format!(
            "an address and a port, such as 127.0.0.1:{port}, to be reached from this machine only, or 0.0.0.0:{port}, \
             from everywhere"
        )
    })
}

/// Where a server is reached: a URL for browsers. The web app is nowhere else than at the root.
pub fn public_url(text: &str) -> Result<Url, String> {
    let url = web(text).ok_or_else(|| "a URL such as https://chat.example.org".to_owned())?;
    if url.path() == "/" {
        return Ok(url);
    }
    let (origin, path) = (url.origin().ascii_serialization(), url.path());
    Err(format!(
        "the server needs a host name to itself, and cannot be reached below {path}: say {origin}, and have the proxy pass \
         on all that comes there"
    ))
}

/// A server of NATS.
pub fn nats(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    url.filter(|url| matches!(url.scheme(), "nats" | "tls") && url.has_host())
        .ok_or_else(|| "a URL such as nats://user:password@10.0.0.5:4222, or tls://…".to_owned())
}

/// An origin (RFC 6454): no path, and no pattern.
pub fn origin(text: &str) -> Result<Url, String> {
    if text == "*" {
        return Err("all origins at once are not offered: any page that somebody opens could then act here with what \
                    he is logged in with. Name each, such as https://app.example.org"
            .to_owned());
    }
    let bare = |url: &Url| url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    web(text)
        .filter(bare)
        .ok_or_else(|| "an origin such as https://app.example.org or http://127.0.0.1:3000".to_owned())
}

fn web(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let nobody = url.username().is_empty() && url.password().is_none();
    (matches!(url.scheme(), "http" | "https") && url.has_host() && nobody).then_some(url)
}

/// A collector of traces: a URL that may have a path.
pub fn collector(text: &str) -> Result<Url, String> {
    web(text).ok_or_else(|| {
        "a URL such as http://127.0.0.1:4318, without a user in it: what the collector wants to be shown stands in \
         OTEL_EXPORTER_OTLP_HEADERS"
            .to_owned()
    })
}

/// A part of something.
pub fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "a number from 0 to 1, such as 0.1".to_owned())
}

/// A network, or one host.
pub fn network(text: &str) -> Result<IpNet, String> {
    let host = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| host())
        .map_err(|_| "a network such as 10.0.0.0/8, or one host such as 10.0.0.1".to_owned())
}

/// A number that is not negative.
pub fn number<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "a whole number".to_owned())
}

/// A number of what nobody could do anything without.
pub fn at_least_one<T: FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| "a whole number, and at least 1".to_owned())
}

/// Like [`at_least_one`], for what is counted.
pub fn count(text: &str) -> Result<usize, String> {
    at_least_one(text).map(NonZeroUsize::get)
}

/// The fewest characters of a password. There is one, and so many fit into the bytes that a password has at most, in every
/// script.
pub fn password_length(text: &str) -> Result<usize, String> {
    let length = text.parse().ok().filter(|length| (1..=256).contains(length));
    length.ok_or_else(|| "a whole number from 1 to 256".to_owned())
}

/// A length of time, with its unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text != "0" {
        return Err(format!("{text} of what? Say {text}d, {text}h, {text}m, {text}s or {text}ms"));
    }
    humantime::parse_duration(text).map_err(|error| error.to_string())
}

/// A length of time that is no shorter than this.
pub fn at_least(least: Duration) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text: &str| match duration(text)? {
        short if short < least => Err(format!("at least {}", humantime::format_duration(least))),
        span => Ok(span),
    }
}

/// A length of time that is counted in seconds.
pub fn seconds(text: &str) -> Result<Duration, String> {
    at_least(Duration::from_secs(1))(text)
}

/// How long a message is kept. Whoever says nought for ever would lose them all.
pub fn message_retention(text: &str) -> Result<Duration, String> {
    if duration(text)?.is_zero() {
        return Err("at least 1s. Leave it out to keep messages for ever".to_owned());
    }
    seconds(text)
}

/// An older system, perhaps with a word that says how to serve it.
pub fn adapter(text: &str) -> Result<WantedAdapter, String> {
    let (name, mode) = text.split_once('=').map_or((text, None), |(name, mode)| (name, Some(mode.to_owned())));
    if name.is_empty() || mode.as_deref() == Some("") {
        return Err("the name of an older system, or a name, = and a word, such as chat=open".to_owned());
    }
    Ok(WantedAdapter { name: name.to_owned(), mode })
}

/// An older system and an address of its own.
pub fn adapter_address(text: &str) -> Result<AdapterAddress, String> {
    let none = || "the name of an older system, = and an address, such as chat=127.0.0.1:9000".to_owned();
    let (name, address) = text.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(none)?;
    Ok(AdapterAddress { name: name.to_owned(), listen: listen(address)? })
}

/// Whether this is the URL of a database server of a kind that is known.
pub fn is_database_server(url: &str) -> bool {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    ["postgres", "postgresql", "mysql", "mariadb"].contains(&scheme)
}

/// Whether the URL of a database server can be read. A password with a sign that means something there cuts it in pieces, of which
/// one would be taken, and shown, as the server's name.
pub fn is_readable(url: &str) -> bool {
    Url::parse(url)
        .is_ok_and(|url| ![Some(url.path()), url.query(), url.fragment()].iter().flatten().any(|it| it.contains('@')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_its_host() {
        assert_eq!(listen("localhost:9090").unwrap(), SocketAddr::from(([127, 0, 0, 1], 9090)));
        assert_eq!(listen("[::]:80").unwrap().port(), 80);
        for none in ["9090", ":9090", "*:9090", "example.org:9090"] {
            let said = listen(none).unwrap_err();
            assert!(said.contains("127.0.0.1:9090") && said.contains("0.0.0.0:9090"), "{none}: {said}");
        }
        assert!(listen("localhost").unwrap_err().contains("127.0.0.1:8080"));
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for good in ["https://app.example.org", "http://127.0.0.1:9000", "https://app.example.org/"] {
            origin(good).unwrap();
        }
        for bad in ["127.0.0.1:9000", "app.example.org", "https://app.example.org/chat", "ftp://h", "localhost:1", ""] {
            assert!(origin(bad).unwrap_err().contains("https://app.example.org"), "{bad}");
        }
        assert!(origin("*").unwrap_err().contains("not offered"));
    }

    #[test]
    fn the_public_url_is_one_for_browsers() {
        public_url("https://chat.example.org/").unwrap();
        for bad in
            ["chat.example.org", "chat.example.org:443", "ftp://chat.example.org", "https://a:b@chat.example.org"]
        {
            assert!(public_url(bad).unwrap_err().contains("https://chat.example.org"), "{bad}");
        }
        for below in ["https://example.org:8443/chat", "https://example.org:8443/chat/?a"] {
            let said = public_url(below).unwrap_err();
            assert!(said.contains("cannot be reached below /chat"), "{below}: {said}");
            assert!(said.contains("say https://example.org:8443,"), "{below}: {said}");
        }
    }

    #[test]
    fn a_bare_address_is_a_network_of_one_host() {
        assert_eq!(network("10.0.0.1").unwrap(), "10.0.0.1/32".parse().unwrap());
        assert_eq!(network("::1").unwrap(), "::1/128".parse().unwrap());
        assert_eq!(network("10.0.0.0/8").unwrap(), "10.0.0.0/8".parse().unwrap());
        assert!(network("proxy").unwrap_err().contains("10.0.0.0/8"));
    }

    #[test]
    fn an_older_system_is_a_name_and_perhaps_a_word() {
        let wanted =
            |name: &str, mode: Option<&str>| WantedAdapter { name: name.into(), mode: mode.map(str::to_owned) };
        assert_eq!(adapter("oms"), Ok(wanted("oms", None)));
        assert_eq!(adapter("chat=open"), Ok(wanted("chat", Some("open"))));
        for bad in ["", "=open", "chat="] {
            assert!(adapter(bad).unwrap_err().contains("chat=open"), "{bad}");
        }
        assert_eq!(adapter_address("chat=127.0.0.1:9000").unwrap().listen.port(), 9000);
        for bad in ["", "chat", "=127.0.0.1:9000", "chat=9000"] {
            assert!(adapter_address(bad).unwrap_err().contains("127.0.0.1:9000"), "{bad}");
        }
    }

    #[test]
    fn database_servers_are_known_by_their_scheme() {
        for server in ["postgres://h/d", "postgresql://h/d", "mysql://h/d", "mariadb://h/d"] {
            assert!(is_database_server(server));
        }
        for other in ["sqlite://foo.db", "sqlite:foo.db", "foo.db", "localhost/d"] {
            assert!(!is_database_server(other));
        }
    }

    #[test]
    fn a_password_is_taken_for_no_part_of_a_url() {
        for url in ["postgres://g:p%40ss%23%2F@h/d", "postgres://g@h:5432/d?sslmode=require", "mysql://g:p@[::1]/d"] {
            assert!(is_readable(url), "{url}");
        }
        for url in [
            "postgres://g:p#1@h/d",
            "postgres://g:p/w@h/d",
            "mysql://g:12/3@h/d",
            "mysql://g:1#2@h/d",
            "mysql://g:1?2@h/d",
        ] {
            assert!(!is_readable(url), "{url}");
        }
    }
}
