//! `goldcrest key`: credentials for scripts and bots.

use super::failed::Failed;
use super::operator::{carry_out, unexpected};
use super::output;
use super::send;
use crate::admin::{KeyRow, Outcome, Verb};
use crate::config::Options;
use crate::domain::sessions::Scope;
use crate::domain::{ConversationId, SessionId};
use clap::{Args, Subcommand};

/// What can be done with API keys.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a key and print it. It is shown this once.
    Add(Add),
    /// Print which keys somebody has.
    List(List),
    /// End a key, and what was opened with it.
    Revoke(Revoke),
}

/// A new key.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// Who acts when the key is used.
    user: String,
    /// What the key is for.
    #[arg(long)]
    name: String,
    /// What it may do, as a list: read, send.
    #[arg(long, required = true, value_delimiter = ',', value_parser = scope)]
    scope: Vec<Scope>,
    /// The number of the one conversation that it is for; without it, all that its user is in.
    #[arg(long, value_name = "ID", value_parser = send::conversation)]
    conversation: Option<i64>,
}

/// Whose keys, in what form.
#[derive(Debug, Args)]
pub(super) struct List {
    /// Whose.
    user: String,
    /// As one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Which key.
#[derive(Debug, Args)]
pub(super) struct Revoke {
    /// Whose.
    user: String,
    /// Its number, from `goldcrest key list`.
    #[arg(value_parser = key)]
    id: i64,
}

fn scope(text: &str) -> Result<Scope, &'static str> {
    match text {
        "read" => Ok(Scope::Read),
        "send" => Ok(Scope::Send),
        _ => Err("a scope is read or send"),
    }
}

fn key(text: &str) -> Result<i64, &'static str> {
    text.parse().map_err(|_| "the number of a key, which `goldcrest key list` shows")
}

/// Does it.
pub(super) async fn run(options: &Options, command: Command) -> Result<(), Failed> {
    match command {
        Command::Add(Add { user, name, scope: scopes, conversation }) => {
            let conversation_id = conversation.map(ConversationId);
            let outcome = carry_out(options, Verb::AddKey { user, name, scopes, conversation_id }).await?;
            let Outcome::Key { key, .. } = outcome else { return Err(unexpected()) };
            output::line(key.reveal())
        }
        Command::List(List { user, json }) => {
            let outcome = carry_out(options, Verb::ListKeys { user }).await?;
            let Outcome::Keys { keys } = outcome else { return Err(unexpected()) };
            if json { output::json(&keys) } else { list(keys) }
        }
        Command::Revoke(Revoke { user, id }) => {
            let done = format!("revoked the key {id} of {user}");
            match carry_out(options, Verb::RevokeKey { user, id: SessionId(id) }).await? {
                Outcome::Done => output::line(done),
                _ => Err(unexpected()),
            }
        }
    }
}

fn list(keys: Vec<KeyRow>) -> Result<(), Failed> {
    let row = |key: KeyRow| {
        let scopes = key.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(",");
        let conversation = key.conversation_id.map_or_else(|| "all".to_owned(), |id| id.to_string());
        [key.id.to_string(), key.name, scopes, conversation, key.created_at.to_string()]
    };
    output::table(["ID", "NAME", "SCOPE", "CONVERSATION", "SINCE"], keys.into_iter().map(row).collect())
}
