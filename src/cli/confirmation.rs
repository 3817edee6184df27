//! Asking once more before what cannot be taken back: somebody at a terminal, who may have mistyped, and no script.

use super::failed::Failed;
use clap::Args;
use std::io::{self, BufRead, IsTerminal, Read, Write};

/// The longest line that is read: the longest name in its longest form, and room to be another one.
const MOST: u64 = 4096;

/// Whether to ask.
#[derive(Debug, Args)]
pub(super) struct Confirmation {
    /// Do it without asking. Without a terminal nothing is asked anyway.
    #[arg(long)]
    yes: bool,
}

impl Confirmation {
    /// Whether somebody is there to be asked, and wants to be. What is asked stands on standard error.
    pub fn is_asked_for(&self) -> bool {
        !self.yes && io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

/// Says what will go, and goes on only if the name is typed again.
pub(super) fn ask(what_goes: &str, name: &str) -> Result<(), Failed> {
    let typed = (|| {
        let mut screen = io::stderr().lock();
        write!(screen, "{what_goes}\nType {name} to go on: ")?;
        screen.flush()?;
        let mut line = String::new();
        io::stdin().lock().take(MOST).read_line(&mut line)?;
        Ok(line)
    })();
    let typed = typed.map_err(|error: io::Error| Failed::Input(format!("cannot read the name: {error}")))?;
    if typed.trim() == name {
        return Ok(());
    }
    Err(Failed::Input(format!("that is not {name}. Nothing was changed")))
}
