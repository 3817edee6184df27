//! `goldcrest user`: who has an account here.

use super::failed::Failed;
use super::operator::{carry_out, unexpected};
use super::output;
use super::password::Password;
use super::verb::{Outcome, UserRow, Verb};
use crate::config::Options;
use crate::domain::users::Status;
use clap::{Args, Subcommand};

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an account. Asks for its password, unless --password-stdin is given.
    Add(Add),
    /// Set somebody's password. All his sessions end; API keys stay.
    Passwd(Passwd),
    /// Shut somebody out. All he has open ends, API keys included; nothing of him is deleted.
    Suspend(Name),
    /// Let somebody in again. He has to log in anew, and to make new API keys.
    Unsuspend(Name),
    /// Print who has an account.
    List(List),
}

/// A new account.
#[derive(Debug, Args)]
#[command(after_help = "Example: echo 'correct horse' | goldcrest user add alice --password-stdin")]
pub(super) struct Add {
    /// The name: 1 to 64 letters and digits of any script and _ . - @ +
    name: String,
    /// Make an administrator.
    #[arg(long)]
    admin: bool,
    /// A private e-mail address.
    #[arg(long)]
    email: Option<String>,
    #[command(flatten)]
    password: Password,
}

/// Whose password.
#[derive(Debug, Args)]
pub(super) struct Passwd {
    /// The name.
    name: String,
    #[command(flatten)]
    password: Password,
}

/// Who.
#[derive(Debug, Args)]
pub(super) struct Name {
    /// The name.
    name: String,
}

/// In what form.
#[derive(Debug, Args)]
pub(super) struct List {
    /// As one line of JSON.
    #[arg(long)]
    json: bool,
}

/// Does it.
pub(super) async fn run(options: &Options, command: Command) -> Result<(), Failed> {
    match command {
        Command::Add(Add { name, admin, email, password }) => {
            let password = password.read(&name)?;
            let outcome = carry_out(options, Verb::AddUser { name, password, email, admin }).await?;
            let Outcome::User { user } = outcome else { return Err(unexpected()) };
            let what = if user.admin { "administrator" } else { "user" };
            output::line(format_args!("added the {what} {} with number {}", user.username, user.id))
        }
        Command::Passwd(Passwd { name, password }) => {
            let password = password.read(&name)?;
            let done = format!("set the password of {name}; all sessions of {name} have ended");
            finish(options, Verb::SetPassword { name, password }, &done).await
        }
        Command::Suspend(Name { name }) => {
            let done = format!("suspended {name}");
            finish(options, Verb::SuspendUser { name }, &done).await
        }
        Command::Unsuspend(Name { name }) => {
            let done = format!("{name} may log in again");
            finish(options, Verb::UnsuspendUser { name }, &done).await
        }
        Command::List(List { json }) => {
            let outcome = carry_out(options, Verb::ListUsers {}).await?;
            let Outcome::Users { users } = outcome else { return Err(unexpected()) };
            if json { output::json(&users) } else { list(users) }
        }
    }
}

async fn finish(options: &Options, verb: Verb, done: &str) -> Result<(), Failed> {
    match carry_out(options, verb).await? {
        Outcome::Done => output::line(done),
        _ => Err(unexpected()),
    }
}

fn list(users: Vec<UserRow>) -> Result<(), Failed> {
    let row = |user: UserRow| {
        let status = match user.status {
            Status::Pending => "pending",
            Status::Active => "active",
            Status::Suspended => "suspended",
            Status::Deleted => "deleted",
        };
        let role = if user.admin { "admin" } else { "" };
        let since = user.created_at.to_string();
        [user.id.to_string(), user.username, status.into(), role.into(), user.email.unwrap_or_default(), since]
    };
    let heading = ["ID", "NAME", "STATUS", "ROLE", "E-MAIL", "SINCE"];
    output::table(heading, users.into_iter().map(row).collect())
}
