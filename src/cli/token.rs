//! `goldcrest token`: logging somebody in at the machine.

use super::failed::Failed;
use super::operator::{carry_out, unexpected};
use super::output;
use crate::admin::{Outcome, Verb};
use crate::config::Options;
use clap::Args;
use std::io::{self, IsTerminal};

/// Whom.
#[derive(Debug, Args)]
pub(super) struct Command {
    /// The name.
    name: String,
}

/// Does it. Only the token is on standard output, so that `$(goldcrest token bob)` is one.
pub(super) async fn run(options: &Options, command: Command) -> Result<(), Failed> {
    let outcome = carry_out(options, Verb::OpenSession { name: command.name }).await?;
    let Outcome::Session { access_token, expires_in } = outcome else { return Err(unexpected()) };
    output::line(access_token.reveal())?;
    if io::stdout().is_terminal() {
        output::note(format_args!(
            "good for {expires_in} seconds. For a script that runs longer, make a key with `goldcrest key add`"
        ));
    }
    Ok(())
}
