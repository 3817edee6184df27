//! What an option's value may look like, and what is said, with an example, of one that does not.

use super::{AdapterAddress, WantedAdapter};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;
use url::Url;

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

/// Where a server is reached: a URL for browsers.
pub fn public_url(text: &str) -> Result<Url, String> {
    web(text).ok_or_else(|| "a URL such as https://chat.example.org".to_owned())
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

/// A length of time, with its unit.
pub fn duration(text: &str) -> Result<Duration, String> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && text != "0" {
        return Err(format!("{text} of what? Say {text}d, {text}h, {text}m, {text}s or {text}ms"));
    }
    humantime::parse_duration(text).map_err(|error| error.to_string())
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
}
