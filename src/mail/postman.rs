//! The one task that sends: some letters at a time, each again after a while if the mail server cannot take it now.

use super::{Carried, Letter};
use crate::meter::Raised;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lettre::address::AddressError;
use lettre::message::Mailbox;
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::{Host, Url};

/// Letters under way at a time: a mail server that takes its time with one does not hold up the others.
const AT_ONCE: usize = 4;
/// Letters kept for another try.
const KEPT: usize = 1_000;
/// How long after each failure it is tried again; then it is given up. A link is good for an hour.
const PAUSES: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(20),
];
/// How long a mail server may take over one step.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long letters have to leave when the server stops.
const LAST_ROUND: Duration = Duration::from_secs(2);

/// How letters leave.
#[derive(Debug, Clone)]
pub enum Way {
    /// Into the server's own log: for trying things out.
    Log,
    /// To a mail server.
    Smtp {
        /// `smtp://`, `smtps://`, with credentials if it wants them.
        url: String,
        /// Who sends.
        from: String,
    },
}

/// Why there is no way for letters.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The mail server's address is none. What exactly is not repeated: it may hold a password.
    #[error("--smtp-url is not the address of a mail server, such as smtps://user:password@mail.example.org")]
    Url,
    /// Its password would go over the network for everybody to read.
    #[error(
        "--smtp-url gives a user and a password to a mail server elsewhere without insisting on TLS: write smtps://, \
         or smtp:// with ?tls=required behind it"
    )]
    InTheClear,
    /// The sender's address is none.
    #[error("--mail-from is not an e-mail address: {0}")]
    From(AddressError),
}

/// Takes letters out of the queue and sends them.
#[derive(Debug)]
pub struct Postman {
    letters: mpsc::Receiver<Letter>,
    carrier: Carrier,
    carried: Arc<Carried>,
}

#[derive(Debug, Clone)]
enum Carrier {
    Log,
    Smtp(Arc<Relay>),
}

/// A mail server, and in whose name it is given letters.
#[derive(Debug)]
struct Relay {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// A letter to be sent again.
struct Again {
    due: Instant,
    failures: usize,
    letter: Letter,
    _kept: Raised,
}

impl PartialEq for Again {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}

impl Eq for Again {}

impl PartialOrd for Again {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Again {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

/// What became of an attempt.
enum Outcome {
    Sent,
    Refused,
    Later(Letter, usize),
}

impl Postman {
    pub(super) fn new(letters: mpsc::Receiver<Letter>, way: &Way) -> Result<Self, MailError> {
        let carrier = match way {
            Way::Log => Carrier::Log,
            Way::Smtp { url, from } => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url).map_err(|_| MailError::Url)?;
                if is_in_the_clear(url) {
                    return Err(MailError::InTheClear);
                }
                let transport = builder.timeout(Some(PATIENCE)).build();
                Carrier::Smtp(Arc::new(Relay { transport, from: from.parse().map_err(MailError::From)? }))
            }
        };
        Ok(Self { letters, carrier, carried: Arc::default() })
    }

    pub(super) fn carried(&self) -> Arc<Carried> {
        Arc::clone(&self.carried)
    }

    /// Reaches the mail server, agrees on TLS and logs in, all as for a letter, and sends none. What it says instead may
    /// be in its own words.
    pub async fn try_out(&self) -> Result<(), String> {
        let Carrier::Smtp(relay) = &self.carrier else { return Ok(()) };
        match relay.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("it hung up".to_owned()),
            Err(error) => {
                let mut told = error.to_string();
                let mut cause = std::error::Error::source(&error);
                while let Some(error) = cause {
                    // Some say what caused them by themselves, and some do not.
                    let said = error.to_string();
                    if !told.ends_with(&said) {
                        told = format!("{told}: {said}");
                    }
                    cause = error.source();
                }
                Err(told)
            }
        }
    }

    /// Sends until told to stop, and then for a moment more.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        let mut again: BinaryHeap<Reverse<Again>> = BinaryHeap::new();
        loop {
            let free = under_way.len() < AT_ONCE;
            let due = again.peek().map(|Reverse(next)| next.due);
            tokio::select! {
                () = stop.cancelled() => break,
                Some(outcome) = under_way.next(), if !under_way.is_empty() => {
                    keep(&self.carried, &mut again, outcome);
                }
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now)), if free && due.is_some() => {
                    if let Some(Reverse(Again { letter, failures, .. })) = again.pop() {
                        under_way.push(attempt(self.carrier.clone(), letter, failures));
                    }
                }
                letter = self.letters.recv(), if free => match letter {
                    Some(letter) => under_way.push(attempt(self.carrier.clone(), letter, 0)),
                    None => break,
                },
            }
        }
        self.letters.close();
        let last_round = async {
            loop {
                while under_way.len() < AT_ONCE
                    && let Ok(letter) = self.letters.try_recv()
                {
                    under_way.push(attempt(self.carrier.clone(), letter, 0));
                }
                match under_way.next().await {
                    Some(outcome) => keep(&self.carried, &mut again, outcome),
                    None => break,
                }
            }
        };
        drop(tokio::time::timeout(LAST_ROUND, last_round).await);
        let lost = again.len() + under_way.len() + self.letters.len();
        if lost > 0 {
            tracing::warn!(mail.letters = lost, "letters were not sent before the server stopped");
        }
    }
}

/// Whether credentials may be sent without TLS to another machine. What is no URL at all is refused elsewhere.
fn is_in_the_clear(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let secret = !url.username().is_empty() || url.password().is_some();
    let insists = url.scheme() == "smtps" || url.query_pairs().any(|pair| pair == ("tls".into(), "required".into()));
    // Of schemes that it does not know the parser keeps the host as it is written.
    let here = match url.host_str().map(Host::parse) {
        Some(Ok(Host::Ipv4(address))) => address.is_loopback(),
        Some(Ok(Host::Ipv6(address))) => address.is_loopback(),
        Some(Ok(Host::Domain(name))) => name == "localhost",
        Some(Err(_)) | None => false,
    };
    secret && !insists && !here
}

/// Keeps a letter for another try, if there is one left and room for it.
fn keep(carried: &Carried, again: &mut BinaryHeap<Reverse<Again>>, outcome: Outcome) {
    let (letter, failures) = match outcome {
        Outcome::Sent => return carried.sent.one(),
        Outcome::Refused => return carried.refused.one(),
        Outcome::Later(letter, failures) => (letter, failures),
    };
    match PAUSES.get(failures) {
        Some(pause) if again.len() < KEPT => {
            carried.delayed.one();
            let due = Instant::now() + *pause;
            again.push(Reverse(Again { due, failures: failures + 1, letter, _kept: carried.kept.raise() }));
        }
        _ => {
            carried.given_up.one();
            tracing::error!(user.id = letter.user.0, mail.kind = letter.kind, "a letter was given up");
        }
    }
}

async fn attempt(carrier: Carrier, letter: Letter, failures: usize) -> Outcome {
    let (user, kind) = (letter.user.0, letter.kind);
    let relay = match carrier {
        Carrier::Log => {
            let link = letter.link.as_ref().map_or("none", url::Url::as_str);
            tracing::warn!(user.id = user, mail.kind = kind, mail.link = link, "a letter, instead of being mailed");
            return Outcome::Sent;
        }
        Carrier::Smtp(relay) => relay,
    };
    let Some(message) = message(&letter, relay.from.clone()) else {
        tracing::warn!(user.id = user, mail.kind = kind, "no mail can be sent to the address of this letter");
        return Outcome::Refused;
    };
    match relay.transport.send(message).await {
        Ok(_) => {
            tracing::info!(user.id = user, mail.kind = kind, "a letter was sent");
            Outcome::Sent
        }
        // A mail server may repeat the address in its words, so only its code is told.
        Err(error) if error.is_permanent() => {
            let code = error.status().map(|code| code.to_string()).unwrap_or_default();
            tracing::warn!(user.id = user, mail.kind = kind, mail.code = code, "the mail server refused a letter");
            Outcome::Refused
        }
        Err(error) => {
            let (code, what) = (error.status().map(|code| code.to_string()).unwrap_or_default(), cause(&error));
            tracing::warn!(user.id = user, mail.kind = kind, mail.code = code, "a letter was not sent yet: {what}");
            Outcome::Later(letter, failures)
        }
    }
}

fn message(letter: &Letter, from: Mailbox) -> Option<Message> {
    let to = Mailbox::new(None, letter.to.parse().ok()?);
    // RFC 3834, section 5: no answering machine replies to it.
    let automatic = lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted");
    let automatic = lettre::message::header::HeaderValue::new(automatic, "auto-generated".to_owned());
    let builder = Message::builder().from(from).to(to).subject(letter.subject.clone()).raw_header(automatic);
    builder.header(lettre::message::header::ContentType::TEXT_PLAIN).body(letter.text.clone()).ok()
}

fn cause(error: &smtp::Error) -> &'static str {
    if error.is_timeout() {
        "the mail server took too long"
    } else if error.is_tls() {
        "the mail server and we do not agree on TLS"
    } else if error.is_response() || error.is_transient() {
        "the mail server said to come back later"
    } else {
        "the mail server cannot be reached, or does not let us in"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_leaves_this_machine_under_tls_alone() {
        for refused in ["smtp://u:p@mail.example.org", "smtp://u@10.0.0.7:25", "smtp://u:p@x.org?tls=opportunistic"] {
            assert!(is_in_the_clear(refused), "{refused}");
        }
        for taken in [
            "smtps://u:p@mail.example.org",
            "smtp://u:p@mail.example.org:587?tls=required",
            "smtp://mail.example.org",
            "smtp://u:p@localhost:2525",
            "smtp://u:p@127.0.0.1:2525",
            "smtp://u:p@[::1]:2525",
        ] {
            assert!(!is_in_the_clear(taken), "{taken}");
        }
    }
}
