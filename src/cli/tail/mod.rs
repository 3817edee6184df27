//! `goldcrest tail`: what happens, as it happens, each event once and in order however often the connection breaks.

pub(super) mod parser;
mod show;

use super::failed::Failed;
use super::output;
use super::printable::{Printable, PrintableJson};
use super::remote::{Remote, Said, chain, spread};
use crate::admin::Secret;
use crate::lifecycle::end_at_once_on_signals;
use clap::Args;
use parser::{Event, Parser};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Client, Response};
use serde::Deserialize;
use std::time::Duration;

/// How long a stream may be silent. Three times the heartbeat that servers send unless told otherwise, and then some:
/// beyond it the other end is gone without having said so.
const SILENCE: Duration = Duration::from_secs(75);
/// The pause before coming back, unless the server says another, and the longest while it cannot be reached.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));

/// The longest that a server can send a listener away for: beyond it, asking once more costs nobody anything.
const LONGEST: Duration = Duration::from_mins(5);

/// What to listen to.
#[derive(Debug, Args)]
pub(super) struct Command {
    #[command(flatten)]
    remote: Remote,

    /// Begin after this event; 0 is the beginning of what the server keeps. Without it, begin with what happens now.
    #[arg(long, value_name = "SEQ", value_parser = seq)]
    after: Option<u64>,

    /// Follow this public channel too, without being a member; several times for several.
    #[arg(long, value_name = "NAME")]
    channel: Vec<String>,

    /// Print each event as one line of JSON, as the server sends it.
    #[arg(long)]
    json: bool,
}

fn seq(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "the number of an event, such as the `seq` that --json shows; 0 is the beginning")
}

/// A stream and what it takes to open it again.
struct Tail {
    command: Command,
    client: Client,
    token: Secret,
    /// What the last event or heartbeat said: from there it goes on.
    last_id: Option<String>,
    /// The server's pause between streams.
    pause: Duration,
    /// Attempts since the last stream that worked.
    failures: u32,
}

/// How a stream ended.
enum Ended {
    /// The connection broke, or never came to be.
    Broken(String),
    /// The server sent it away, and said for how long.
    SentAway(Option<Duration>),
    /// The token is not good any more.
    Expired(String),
}

/// Listens until interrupted, or until the server refuses for good.
pub(super) async fn run(command: Command) -> Result<(), Failed> {
    let token = command.remote.read_token()?;
    let client = command.remote.client(|builder| builder.read_timeout(SILENCE))?;
    end_at_once_on_signals().map_err(Failed::Signals)?;
    let mut tail = Tail { command, client, token, last_id: None, pause: PAUSES.0, failures: 0 };
    loop {
        let wait = match tail.stream().await? {
            Ended::SentAway(Some(wait)) => wait,
            Ended::SentAway(None) => spread(tail.pause),
            Ended::Expired(reason) => {
                tail.renew_token(&reason)?;
                Duration::ZERO
            }
            Ended::Broken(reason) => {
                let wait = tail.back_off();
                output::note(format_args!("{reason}; trying again in {:.1} s", wait.as_secs_f64()));
                wait
            }
        };
        tokio::time::sleep(wait.min(LONGEST)).await;
    }
}

impl Tail {
    /// Opens a stream and prints what it says.
    async fn stream(&mut self) -> Result<Ended, Failed> {
        let response = match self.open().await? {
            Ok(response) => response,
            Err(error) => return Ok(Ended::Broken(self.unreachable(&error))),
        };
        if !response.status().is_success() {
            let said = Said::read(response).await;
            return match said.status {
                401 => Ok(Ended::Expired(said.to_string())),
                _ if said.is_passing() && said.retry_after.is_some() => Ok(Ended::SentAway(said.retry_after)),
                _ if said.is_passing() => Ok(Ended::Broken(said.to_string())),
                _ => Err(Failed::Remote(said.to_string())),
            };
        }
        let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        if !kind.starts_with(b"text/event-stream") {
            return Err(Failed::Remote(format!("{} is no goldcrest server", self.command.remote.server())));
        }
        self.listen(response).await
    }

    async fn open(&self) -> Result<reqwest::Result<Response>, Failed> {
        let Command { remote, after, channel, .. } = &self.command;
        let mut url = remote.url("stream")?;
        if let Some(seq) = after {
            url.query_pairs_mut().append_pair("after", &seq.to_string());
        }
        for name in channel {
            url.query_pairs_mut().append_pair("channel", name);
        }
        let mut request = self.client.get(url).bearer_auth(self.token.reveal()).header(ACCEPT, "text/event-stream");
        if let Some(id) = self.last_id.as_ref().and_then(|id| HeaderValue::from_str(id).ok()) {
            request = request.header(HeaderName::from_static("last-event-id"), id);
        }
        match request.send().await {
            Err(error) if error.is_builder() => {
                Err(Failed::Input(format!("such a request cannot be made: {}", chain(&error))))
            }
            answered => Ok(answered),
        }
    }

    async fn listen(&mut self, mut response: Response) -> Result<Ended, Failed> {
        let mut parser = Parser::going_on(self.last_id.clone());
        loop {
            let bytes = match response.chunk().await {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return Ok(Ended::Broken(format!("{} ended the stream", self.command.remote.server()))),
                Err(error) => return Ok(Ended::Broken(self.unreachable(&error))),
            };
            let mut bytes = bytes.as_ref();
            loop {
                match parser.next(&mut bytes) {
                    Ok(Some(event)) => {
                        let ended = self.hear(&event, parser.retry)?;
                        // Only now: what could not be printed was not heard.
                        self.last_id.clone_from(&parser.last_id);
                        if let Some(ended) = ended {
                            return Ok(ended);
                        }
                    }
                    Ok(None) => break,
                    Err(parser::TooLong) => {
                        return Err(Failed::Remote(format!("{} is no goldcrest server", self.command.remote.server())));
                    }
                }
            }
            self.last_id.clone_from(&parser.last_id);
        }
    }

    /// Prints an event, or minds what the server says about the stream itself.
    fn hear(&mut self, event: &Event, retry: Option<u64>) -> Result<Option<Ended>, Failed> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Control {
            reason: String,
            retry: Option<u64>,
            position: u64,
        }
        let control = || serde_json::from_str::<Control>(&event.data).unwrap_or_default();
        match event.kind.as_str() {
            "ready" => {
                self.failures = 0;
                // Of a stream that works. Those that end for good send a long one to browsers, which would come back.
                self.pause = retry.map_or(PAUSES.0, Duration::from_millis);
            }
            // What passes is nothing to be read later.
            "expiring" | "typing.started" | "typing.stopped" | "presence.changed" => {}
            "bye" => {
                let Control { reason, retry, .. } = control();
                output::note(format_args!("the server ends this stream ({}); coming back", Printable(&reason)));
                return Ok(Some(Ended::SentAway(retry.map(Duration::from_millis))));
            }
            "expired" => {
                let reason = match control().reason.as_str() {
                    "token_expired" => {
                        "the access token has expired. An API key does not: goldcrest key add".to_owned()
                    }
                    "session_ended" => "the session or key behind this token has ended".to_owned(),
                    reason => format!("these credentials are not good any more ({})", Printable(reason)),
                };
                return Ok(Some(Ended::Expired(reason)));
            }
            "reset" => {
                let Control { reason, position, .. } = control();
                output::note(format_args!(
                    "events are missing here: the server cannot go on from where this was ({}), and goes on after \
                     event {position}",
                    Printable(&reason)
                ));
                if self.command.json {
                    // For machines the gap stands where it is, in the stream.
                    output::line(PrintableJson(&event.data))?;
                }
            }
            _ if self.command.json => output::line(PrintableJson(&event.data))?,
            _ => {
                if let Some(line) = show::line(&event.data) {
                    output::line(line)?;
                }
            }
        }
        Ok(None)
    }

    /// Takes the token that the file has by now. Without a new one there is no going on.
    fn renew_token(&mut self, reason: &str) -> Result<(), Failed> {
        let token = self.command.remote.read_token()?;
        if token == self.token {
            return Err(Failed::Remote(reason.to_owned()));
        }
        self.token = token;
        Ok(())
    }

    fn unreachable(&self, error: &reqwest::Error) -> String {
        format!("{} does not answer: {}", self.command.remote.server(), chain(error))
    }

    /// Twice as long after each failure, never the same for all.
    fn back_off(&mut self) -> Duration {
        let longer = self.pause.saturating_mul(1 << self.failures.min(10));
        self.failures = self.failures.saturating_add(1);
        spread(longer.min(PAUSES.1))
    }
}
