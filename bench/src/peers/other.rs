//! Any other server: it runs already, and a description says by which requests it is talked to.

use super::{Place, Running};
use crate::way::{Listening, Saying, Transport, UPGRADE};
use serde::Deserialize;
use std::net::{SocketAddr, ToSocketAddrs};
use std::{fs, io};

/// A server that runs already.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// Its process, whose processor time and memory are measured with all under it. Without it both are shown as 0.
    process: Option<u32>,
    /// A stream of events, `http://…`.
    sse: Option<String>,
    /// A WebSocket, `http://…` too.
    ws: Option<String>,
    /// Where to POST what is said.
    say: String,
    /// Lines for the heads of all requests, such as `authorization: Bearer …`.
    #[serde(default)]
    headers: Vec<String>,
    /// What is received when a stream is open; by default the head of the answer.
    #[serde(default)]
    live_at: String,
    /// What stands before the text in a body.
    #[serde(default)]
    before: String,
    /// And behind it.
    #[serde(default)]
    after: String,
}

/// Reads the description.
pub fn start(place: &Place, transport: Transport) -> io::Result<Running> {
    let Some(file) = &place.other else { return Err(io::Error::other("no other server is described")) };
    running(serde_json::from_slice(&fs::read(file)?)?, transport)
}

fn running(it: Description, transport: Transport) -> io::Result<Running> {
    let (url, upgrade) = match transport {
        Transport::Sse => (it.sse, ""),
        Transport::Ws => (it.ws, UPGRADE),
    };
    let Some(url) = url else {
        return Err(io::Error::other(format!("it is not described how it is listened to by {}", transport.name())));
    };
    let headers: String = it.headers.iter().flat_map(|line| [line.as_str(), "\r\n"]).collect();
    let (listen_to, host, path) = parts(&url)?;
    let listen = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{headers}{upgrade}");
    let (say_to, host, path) = parts(&it.say)?;
    let say = format!("POST {path} HTTP/1.1\r\nhost: {host}\r\n{headers}");
    Ok(Running {
        processes: Vec::new(),
        stranger: it.process,
        listening: Listening { addresses: vec![listen_to], heads: vec![listen], live_at: it.live_at },
        say_to: vec![say_to],
        sayings: vec![Saying { head: say, before: it.before.into_bytes(), after: it.after.into_bytes() }],
    })
}

/// The address, the host as it is written, and the path of a URL.
fn parts(url: &str) -> io::Result<(SocketAddr, String, String)> {
    let wrong = || io::Error::other(format!("{url} is no URL of the form http://host:port/path"));
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("ws://")).ok_or_else(wrong)?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let with_port = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let address = with_port.to_socket_addrs()?.next().ok_or_else(wrong)?;
    Ok((address, host.to_owned(), format!("/{path}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_understood() {
        let example = serde_json::from_str(include_str!("../../peers/other.json")).unwrap();
        let running = running(example, Transport::Ws).unwrap();
        assert_eq!(running.listening.addresses, ["127.0.0.1:8081".parse().unwrap()]);
        assert!(
            running.listening.heads[0].starts_with("GET /listen?channel=bench HTTP/1.1\r\nhost: 127.0.0.1:8081\r\n")
        );
        assert!(running.sayings[0].head.ends_with("content-type: application/json\r\n"));
    }
}
