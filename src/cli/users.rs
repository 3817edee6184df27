//! `goldcrest user`: who has an account here.

use super::confirmation::{self, Confirmation};
use super::failed::Failed;
use super::offline;
use super::operator::{carry_out, unexpected};
use super::output;
use super::password::Password;
use crate::admin::{Outcome, UserRow, Verb};
use crate::config::Options;
use crate::domain::Refusal;
use crate::domain::departures::Legacy;
use crate::domain::users::{Status, Username};
use clap::{Args, Subcommand};
use std::time::Duration;

/// What whoever has only the token must know, on standard error: standard output is the token alone.
const USE_OF_INVITATION: &str = "whoever has this token opens /invitations/TOKEN in the web app, or gives it as \
                                 `invitation` with POST /api/v1/users. To have the whole link printed, start the server \
                                 with --public-url, or set GOLDCREST_PUBLIC_URL for this command where none runs";

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
    /// Make somebody an administrator, or a user like others, from his next request on.
    Role(Role),
    /// Delete somebody's account for good. What he wrote stays, unless --messages delete is given. At a terminal it asks for
    /// the name once more, unless --yes is given.
    Delete(Delete),
    /// Let somebody register where that takes an invitation, and print what to send him.
    Invite(Invite),
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
    /// Without a password: for protocols of older systems that carry no credentials, such as --compat NAME=open. Whoever
    /// reaches those acts as this user; nobody logs in as him until a password is set.
    #[arg(long, conflicts_with_all = ["admin", "email", "password_stdin"])]
    open: bool,
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

/// Who, and what he is to be.
#[derive(Debug, Args)]
pub(super) struct Role {
    /// The name.
    name: String,
    /// What he is to be: admin, who invites people, suspends them and lists accounts, or user.
    #[arg(value_parser = role)]
    role: Rank,
}

/// What somebody may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rank {
    Admin,
    User,
}

/// Who, and what becomes of what he wrote.
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// The name. Nobody gets it again.
    name: String,
    /// What becomes of his messages: keep, or delete them for all.
    #[arg(long, default_value = "keep", value_parser = legacy)]
    messages: Legacy,
    #[command(flatten)]
    confirmation: Confirmation,
}

/// What sort of invitation.
#[derive(Debug, Args)]
pub(super) struct Invite {
    /// What it is for, for the list of invitations.
    #[arg(long, default_value = "")]
    name: String,
    /// How many people it lets in.
    #[arg(long, default_value_t = 1)]
    uses: i64,
    /// How long it is good, as 24h or 7d.
    #[arg(long, default_value = "7d", value_parser = crate::config::values::duration)]
    expires_in: Duration,
}

fn role(text: &str) -> Result<Rank, &'static str> {
    match text {
        "admin" => Ok(Rank::Admin),
        "user" => Ok(Rank::User),
        _ => Err("a role is one of these: admin or user"),
    }
}

fn legacy(text: &str) -> Result<Legacy, &'static str> {
    match text {
        "keep" => Ok(Legacy::Keep),
        "delete" => Ok(Legacy::Delete),
        _ => Err("messages are kept or deleted: keep or delete"),
    }
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
        Command::Add(Add { name, admin, email, open, password }) => {
            let verb = if open {
                Verb::AddOpenUser { name }
            } else {
                let wanted = Username::parse("name", &name).and_then(|wanted| wanted.check_free());
                wanted.map_err(|refused| Failed::Input(refused.to_string()))?;
                if password.is_asked_for() && find(options, &name).await?.is_some() {
                    return Err(Failed::Input(Refusal::UsernameTaken.to_string()));
                }
                let password = password.read(&name)?;
                Verb::AddUser { name, password, email, admin }
            };
            let founds = offline::is_empty(&options.place)?;
            let outcome = carry_out(options, verb).await?;
            let Outcome::User { user } = outcome else { return Err(unexpected()) };
            let what = match (user.admin, user.open) {
                (true, _) => "administrator",
                (false, true) => "open user",
                (false, false) => "user",
            };
            let place = options.place.data_dir.display();
            let founded = if founds { format!(", in a new database in {place}") } else { String::new() };
            output::line(format_args!("added the {what} {} with number {}{founded}", user.username, user.id))
        }
        Command::Passwd(Passwd { name, password }) => {
            if password.is_asked_for() && find(options, &name).await?.is_none() {
                return Err(nobody(&name));
            }
            let password = password.read(&name)?;
            let done = format!("set the password of {name}; all sessions of {name} have ended");
            finish(options, Verb::SetPassword { name, password }, &done).await
        }
        Command::Suspend(Name { name }) => {
            let done = format!("suspended {name}, whose sessions and API keys have ended for good");
            finish(options, Verb::SuspendUser { name }, &done).await
        }
        Command::Unsuspend(Name { name }) => {
            let done = format!("{name} may log in again");
            finish(options, Verb::UnsuspendUser { name }, &done).await
        }
        Command::Role(Role { name, role }) => {
            let admin = role == Rank::Admin;
            let done = if admin { "an administrator now" } else { "no administrator any more" };
            let done = format!("{name} is {done}");
            finish(options, Verb::SetAdmin { name, admin }, &done).await
        }
        Command::Delete(Delete { name, messages, confirmation }) => {
            if confirmation.is_asked_for() {
                let user = find(options, &name).await?.ok_or_else(|| nobody(&name))?;
                confirmation::ask(&what_goes(&user, messages), &user.username)?;
            }
            let done = format!("deleted {name}");
            finish(options, Verb::DeleteUser { name, messages }, &done).await
        }
        Command::Invite(Invite { name, uses, expires_in }) => {
            let outcome = carry_out(options, Verb::Invite { name, uses, seconds: expires_in.as_secs() }).await?;
            let Outcome::Invitation { token, url } = outcome else { return Err(unexpected()) };
            if let Some(url) = url {
                return output::line(url.reveal());
            }
            output::line(token.reveal())?;
            output::note(USE_OF_INVITATION);
            Ok(())
        }
        Command::List(List { json }) => {
            let outcome = carry_out(options, Verb::ListUsers {}).await?;
            let Outcome::Users { users } = outcome else { return Err(unexpected()) };
            if json { output::json(&users) } else { list(users) }
        }
    }
}

/// The account of this name, whatever its state.
async fn find(options: &Options, name: &str) -> Result<Option<UserRow>, Failed> {
    if offline::is_empty(&options.place)? {
        return Ok(None);
    }
    let outcome = carry_out(options, Verb::FindUser { name: name.to_owned() }).await?;
    let Outcome::Found { user } = outcome else { return Err(unexpected()) };
    Ok(user)
}

fn nobody(name: &str) -> Failed {
    Failed::Input(format!("there is no user {name}; see `goldcrest user list`"))
}

/// What a deletion takes, for whoever may have meant somebody else.
fn what_goes(user: &UserRow, messages: Legacy) -> String {
    let who = if user.admin { "the administrator" } else { "the user" };
    let written = match messages {
        Legacy::Keep => "What he wrote stays, under the name of a deleted account",
        Legacy::Delete => "All that he wrote is deleted for all",
    };
    format!(
        "This deletes {who} {}, number {}, for good: sessions, keys, contacts, blocks and memberships end, and nobody gets the \
         name again. {written}.",
        user.username, user.id
    )
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
        let role = match (user.admin, user.open) {
            (true, _) => "admin",
            (false, true) => "open",
            (false, false) => "",
        };
        let since = user.created_at.to_string();
        [user.id.to_string(), user.username, status.into(), role.into(), user.email.unwrap_or_default(), since]
    };
    let heading = ["ID", "NAME", "STATUS", "ROLE", "E-MAIL", "SINCE"];
    output::table(heading, users.into_iter().map(row).collect())
}
