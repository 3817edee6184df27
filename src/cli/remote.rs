//! A server somewhere else: where it is, who one is there, and what it says when it does not do something.

use super::failed::Failed;
use super::printable::Printable;
use crate::admin::Secret;
use clap::Args;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, ClientBuilder, Response};
use serde::Deserialize;
use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// How long finding and reaching the server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// As much of a refusal as is read.
const PROBLEM_BYTES: usize = 16 * 1024;

/// Which server, and with whose token.
#[derive(Debug, Clone, Args)]
pub(super) struct Remote {
    /// Where the server is.
    #[arg(long, env = "GOLDCREST_SERVER", default_value = "http://127.0.0.1:8080", value_parser = server)]
    server: Url,

    /// An access token or API key. Others on this machine can read command lines: better `GOLDCREST_TOKEN` or a file.
    #[arg(long, env = "GOLDCREST_TOKEN", hide_env_values = true, value_name = "TOKEN", value_parser = token)]
    token: Option<Secret>,

    /// A file with the token, which is read again when the token has expired. Goes before --token.
    #[arg(long, env = "GOLDCREST_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,
}

#[expect(clippy::unnecessary_wraps, reason = "clap's value parsers may fail, and this one has nothing to fail at")]
fn token(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text.trim().to_owned()))
}

/// Where a server is, to join paths to.
pub(super) fn server(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let mut url = url.ok_or("a URL that begins with http:// or https://")?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds no name or password; use a token");
    }
    // What is joined to it must come behind its path, not in the place of its last part.
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

impl Remote {
    /// The server's address, for messages.
    pub fn server(&self) -> &Url {
        &self.server
    }

    /// The token as it is now: a file may have a new one.
    pub fn read_token(&self) -> Result<Secret, Failed> {
        if let Some(path) = &self.token_file {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failed::Input(format!("cannot read the token in {}: {error}", path.display())))?;
            return Ok(Secret::new(text.trim().to_owned()));
        }
        // What a command did not print that failed is no token.
        self.token.clone().filter(|token| !token.reveal().is_empty()).ok_or_else(|| {
            Failed::Input("who are you? Give a token in GOLDCREST_TOKEN, or with --token-file; at the server's machine `goldcrest token \
                 NAME` prints one".to_owned())
        })
    }

    /// A client for this server, with what the caller has to add.
    pub fn client(&self, settings: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, Failed> {
        client(&self.server, settings)
    }

    /// The address of a path on the server, such as `api/v1/messages`.
    pub fn url(&self, path: &str) -> Result<Url, Failed> {
        self.server.join(path).map_err(|error| Failed::Input(format!("--server: {error}")))
    }
}

/// A client for a server, with what the caller has to add.
pub(super) fn client(server: &Url, settings: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<Client, Failed> {
    // Fails only if there is one already, which does as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = Client::builder()
        .user_agent(concat!("goldcrest/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        // A token goes to the server that it is for, and nowhere that an answer points to.
        .redirect(reqwest::redirect::Policy::none());
    if server.scheme() == "http" {
        // Without TLS the machine's certificates are not needed, and a container may have none to load.
        builder = builder.tls_certs_only(std::iter::empty());
    }
    settings(builder).build().map_err(|error| Failed::Remote(format!("cannot make a client: {}", chain(&error))))
}

/// What the server said instead of doing it.
#[derive(Debug)]
pub(super) struct Said {
    pub status: u16,
    pub retry_after: Option<Duration>,
    detail: String,
}

impl Said {
    /// Reads a refusal.
    pub async fn read(mut response: Response) -> Self {
        #[derive(Deserialize)]
        struct Problem {
            detail: Option<String>,
            title: Option<String>,
        }
        let status = response.status();
        let seconds = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let mut body = Vec::new();
        while body.len() < PROBLEM_BYTES
            && let Ok(Some(part)) = response.chunk().await
        {
            body.extend_from_slice(&part);
        }
        let problem: Option<Problem> = serde_json::from_slice(&body).ok();
        let detail = problem.and_then(|problem| problem.detail.or(problem.title));
        let detail = detail.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().to_owned());
        Self { status: status.as_u16(), retry_after: seconds.map(Duration::from_secs), detail }
    }

    /// Whether it will pass by itself.
    pub fn is_passing(&self) -> bool {
        matches!(self.status, 408 | 429 | 500 | 502 | 503 | 504)
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server says {}: {}", self.status, Printable(&self.detail))
    }
}

/// An error of the client with its causes, without the address, which may be long, and which the caller names.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = error.to_string();
        cause = error.source();
    }
    if text.is_empty() { error.to_string() } else { text }
}

/// A span somewhere between half of this one and one and a half, so that many clients do not come back at once.
pub(super) fn spread(span: Duration) -> Duration {
    span.mul_f64(rand::random_range(0.5..1.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_may_have_a_path() {
        let join = |text| server(text).unwrap().join("api/v1/messages").unwrap().to_string();
        assert_eq!(join("http://h:1"), "http://h:1/api/v1/messages");
        assert_eq!(join("https://h/chat"), "https://h/chat/api/v1/messages");
        assert_eq!(join("https://h/chat/?x#y"), "https://h/chat/api/v1/messages");
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for text in ["127.0.0.1:8080", "ftp://h", "http://bob:secret@h", "nonsense"] {
            assert!(server(text).is_err(), "{text}");
        }
    }
}
