//! `goldcrest health`: one question to a server, for health checks of containers that have no curl.

use super::failed::Failed;
use super::output;
use super::printable::Printable;
use super::remote::{self, Said, chain};
use crate::config::values;
use clap::Args;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// Shorter than the time that health checks are usually given.
const PATIENCE: Duration = Duration::from_secs(3);
/// As much of the answer as could matter.
const ANSWER_BYTES: u64 = 4096;

/// Which server.
#[derive(Debug, Args)]
pub(super) struct Command {
    /// The address that the server of this machine listens on.
    #[arg(long, env = "GOLDCREST_LISTEN", value_parser = values::listen)]
    listen: Option<SocketAddr>,

    /// Another server, by its URL. Goes before --listen.
    // Not from the environment: that is where clients go, and a container asks after itself.
    #[arg(long, value_name = "URL", value_parser = remote::server)]
    server: Option<Url>,
}

/// Asks.
pub(super) async fn run(command: Command, listen: SocketAddr) -> Result<(), Failed> {
    match command.server {
        Some(server) => ask_there(&server).await,
        None => ask_here(command.listen.unwrap_or(listen)).await,
    }
}

async fn ask_there(server: &Url) -> Result<(), Failed> {
    let client = remote::client(server, |builder| builder.timeout(PATIENCE))?;
    let url = server.join("readyz").map_err(|error| Failed::Input(format!("--server: {error}")))?;
    let answer = client.get(url).send().await;
    let answer = answer.map_err(|error| {
        let cause = chain(&error);
        Failed::Remote(format!(
            "no answer from {server}: {cause}. Start the server, or give its real URL with --server"
        ))
    })?;
    if answer.status().is_success() {
        return output::line("ready");
    }
    Err(Failed::Remote(format!("{server} is not ready: {}", Said::read(answer).await)))
}

/// Plain TCP and one line of HTTP: the check runs every few seconds and should cost nothing.
async fn ask_here(listen: SocketAddr) -> Result<(), Failed> {
    match readiness(listen).await {
        Ok(()) => output::line("ready"),
        Err(no @ NotReady::Silent(..)) => {
            Err(Failed::Remote(format!("{no}. Start the server, or give the address that it listens on with --listen")))
        }
        Err(no) => Err(Failed::Remote(no.to_string())),
    }
}

/// Why a server of this machine does not count as ready.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotReady {
    #[error("--listen has port 0, so nobody knows where the server is. Give the real address")]
    Nowhere,
    #[error("no answer from {0}: {1}")]
    Silent(SocketAddr, io::Error),
    #[error("{0} is not ready ({1}): {body}", body = Printable(.2))]
    Refuses(SocketAddr, u16, String),
    #[error("{0} does not speak HTTP")]
    Foreign(SocketAddr),
}

/// Whether the server of this machine is ready, or why not.
pub(super) async fn readiness(listen: SocketAddr) -> Result<(), NotReady> {
    if listen.port() == 0 {
        return Err(NotReady::Nowhere);
    }
    let address = reachable(listen);
    let answer = tokio::time::timeout(PATIENCE, ask(address)).await;
    let answer = answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let answer = answer.map_err(|error| NotReady::Silent(address, error))?;
    match status(&answer) {
        Some(200) => Ok(()),
        Some(status) => {
            let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body.trim());
            Err(NotReady::Refuses(address, status, body.to_owned()))
        }
        None => Err(NotReady::Foreign(address)),
    }
}

/// A server that listens on all addresses is asked on the machine's own.
pub(super) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

async fn ask(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_means_the_machines_own() {
        for (listen, asked) in [("0.0.0.0:80", "127.0.0.1:80"), ("[::]:80", "[::1]:80"), ("10.0.0.7:80", "10.0.0.7:80")]
        {
            assert_eq!(reachable(listen.parse().unwrap()).to_string(), asked);
        }
    }

    #[test]
    fn the_status_is_read_from_the_first_line() {
        assert_eq!(status("HTTP/1.1 200 OK\r\n\r\n"), Some(200));
        assert_eq!(status("HTTP/1.1 503 Service Unavailable\r\n"), Some(503));
        assert_eq!(status("SSH-2.0-OpenSSH_9.6\r\n"), None);
    }
}
