//! `goldcrest send`: one message, sent once however often it has to be tried.

use super::failed::Failed;
use super::output;
use super::printable::{Printable, PrintableJson};
use super::remote::{Remote, Said, chain, spread};
use crate::admin::Secret;
use crate::lifecycle::end_at_once_on_signals;
use clap::Args;
use reqwest::Client;
use serde::{Deserialize, Serialize};
use std::io::{self, IsTerminal, Read};
use std::time::Duration;
use tokio::time::Instant;

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The first pause between attempts, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// As much as is read from standard input: the server takes no longer body.
const TEXT_BYTES: u64 = 256 * 1024;

/// A message, and for whom.
#[derive(Debug, Args)]
#[group(id = "recipient", required = true, multiple = false, args = ["to", "conversation"])]
pub(super) struct Command {
    #[command(flatten)]
    remote: Remote,

    /// To whom, several times or as a list: to the direct conversation of these people.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    to: Vec<String>,

    /// To a conversation, by its number.
    #[arg(long, value_name = "ID", value_parser = conversation)]
    conversation: Option<i64>,

    /// Names the message: the same name twice is one message. By default made up; give your own to repeat the command.
    #[arg(long, value_name = "NAME")]
    client_id: Option<String>,

    /// How long to go on trying while the server cannot be reached, or asks to try again.
    #[arg(long, default_value = "30s", value_parser = crate::config::values::duration)]
    retry_for: Duration,

    /// Print the message as the server has it, as one line of JSON.
    #[arg(long)]
    json: bool,

    /// The text; without it, what comes on standard input.
    text: Vec<String>,
}

/// The number of a conversation.
pub(super) fn conversation(text: &str) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "the number of a conversation, such as the 3 that `goldcrest tail` shows as #3")
}

#[derive(Debug, Serialize)]
struct Message {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    to: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<i64>,
    text: String,
    client_id: String,
}

/// Sends. The name that the message has from the start makes every further attempt harmless.
pub(super) async fn run(command: Command) -> Result<(), Failed> {
    let Command { remote, to, conversation, client_id, retry_for, json, text } = command;
    let token = remote.read_token()?;
    let text = if text.is_empty() { read_text()? } else { text.join(" ") };
    end_at_once_on_signals().map_err(Failed::Signals)?;
    let client_id = client_id.unwrap_or_else(|| format!("{:032x}", rand::random::<u128>()));
    let message = Message { to, conversation_id: conversation, text, client_id };
    let client = remote.client(|builder| builder.timeout(ATTEMPT))?;
    let started = Instant::now();
    let mut pause = PAUSES.0;
    let mut reached = false;
    loop {
        let Again { reason, wanted, unreached } = match attempt(&remote, &client, &token, &message).await? {
            Ok(sent) => return report(&remote, &sent, json),
            Err(again) => again,
        };
        reached |= !unreached;
        // What the server asks for is kept to; a pause of our own making is spread.
        let wait = wanted.unwrap_or_else(|| spread(pause));
        if started.elapsed().saturating_add(wait) > retry_for {
            let id = Printable(&message.client_id);
            let repeat = if reached {
                format!("It may have been sent; --client-id {id} makes trying again safe")
            } else {
                "The server was never reached".to_owned()
            };
            return Err(Failed::Remote(format!("not sent: {reason}. {repeat}")));
        }
        tokio::time::sleep(wait).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Why to try again.
struct Again {
    reason: String,
    /// When, if the server said so.
    wanted: Option<Duration>,
    /// Whether there was not even a connection, so that nothing can have come of it.
    unreached: bool,
}

async fn attempt(
    remote: &Remote,
    client: &Client,
    token: &Secret,
    message: &Message,
) -> Result<Result<String, Again>, Failed> {
    let request = client.post(remote.url("api/v1/messages")?).bearer_auth(token.reveal());
    let unreachable = |error: reqwest::Error| {
        let reason = format!("{} does not answer: {}", remote.server(), chain(&error));
        Again { reason, wanted: None, unreached: error.is_connect() }
    };
    let response = match request.json(message).send().await {
        Ok(response) => response,
        Err(error) if error.is_builder() => return Err(Failed::Input(format!("the token is none: {}", chain(&error)))),
        Err(error) => return Ok(Err(unreachable(error))),
    };
    if !response.status().is_success() {
        let said = Said::read(response).await;
        return if said.is_passing() {
            Ok(Err(Again { reason: said.to_string(), wanted: said.retry_after, unreached: false }))
        } else {
            Err(Failed::Remote(format!("not sent: {said}")))
        };
    }
    Ok(response.text().await.map_err(unreachable))
}

/// Says so to people. A script asks for nothing more than the exit code, and cron mails whatever is printed.
fn report(remote: &Remote, sent: &str, json: bool) -> Result<(), Failed> {
    #[derive(Deserialize)]
    struct Sent {
        id: i64,
        conversation_id: i64,
    }
    let Ok(Sent { id, conversation_id }) = serde_json::from_str(sent) else {
        return Err(Failed::Remote(format!("{} answers, but is no goldcrest server", remote.server())));
    };
    if json {
        return output::line(PrintableJson(sent));
    }
    if io::stdout().is_terminal() {
        return output::line(format_args!("sent message {id} to conversation {conversation_id}"));
    }
    Ok(())
}

fn read_text() -> Result<String, Failed> {
    if io::stdin().is_terminal() {
        output::note("type the message, and Ctrl-D at the end");
    }
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(TEXT_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failed::Input(format!("cannot read standard input: {error}")))?;
    if bytes.len() as u64 > TEXT_BYTES {
        return Err(Failed::Input("the text is longer than any message may be".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| Failed::Input("the text is not UTF-8".to_owned()))?;
    // Programs end what they print with a line end that is not part of what they say.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    Ok(text.strip_suffix('\r').unwrap_or(text).to_owned())
}
