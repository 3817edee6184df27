//! Asking for a password: never on the command line, where everybody on the machine could read it.

use super::failed::Failed;
use crate::admin::Secret;
use clap::Args;
use std::io::{self, IsTerminal, Read};

/// The longest line that is read: the longest password there is, and room to be told that it is too long.
const MOST: u64 = 4096;

/// Where the password comes from.
#[derive(Debug, Args)]
pub(super) struct Password {
    /// Read the password from standard input, up to the end of the line, instead of asking for it.
    #[arg(long)]
    password_stdin: bool,

    /// What many try first, for a better answer than that there is no such option.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    password: Option<Secret>,
}

impl Password {
    /// Whether somebody will be asked for it, who should not type it twice in vain.
    pub fn is_asked_for(&self) -> bool {
        self.password.is_none() && !self.password_stdin && io::stdin().is_terminal()
    }

    /// The password: from standard input, or asked for twice.
    pub fn read(&self, of: &str) -> Result<Secret, Failed> {
        if self.password.is_some() {
            return Err(Failed::Input(
                "others on this machine can read command lines, so no password is taken from them. Leave it out to be \
                 asked for it, or pipe it: echo 'correct horse' | goldcrest user add NAME --password-stdin"
                    .to_owned(),
            ));
        }
        if self.password_stdin {
            return first_line(io::stdin().lock()).map(Secret::new);
        }
        if !io::stdin().is_terminal() {
            return Err(Failed::Input(
                "there is no terminal to ask for the password at. Give it with --password-stdin".to_owned(),
            ));
        }
        let ask = |prompt: String| {
            rpassword::prompt_password(prompt)
                .map_err(|error| Failed::Input(format!("cannot read the password: {error}")))
        };
        let password = ask(format!("New password for {of}: "))?;
        if ask("The same again: ".to_owned())? != password {
            return Err(Failed::Input("these are two different passwords. Nothing was changed".to_owned()));
        }
        Ok(Secret::new(password))
    }
}

fn first_line(input: impl Read) -> Result<String, Failed> {
    let mut bytes = Vec::new();
    input
        .take(MOST)
        .read_to_end(&mut bytes)
        .map_err(|error| Failed::Input(format!("cannot read standard input: {error}")))?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| Failed::Input("the password is not UTF-8".to_owned()))?;
    if text.is_empty() {
        return Err(Failed::Input("there is no password on standard input".to_owned()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_the_first_line() {
        for input in ["right horse", "right horse\n", "right horse\r\n", "right horse\nmore\n"] {
            assert_eq!(first_line(input.as_bytes()).unwrap(), "right horse");
        }
        assert!(first_line("".as_bytes()).is_err());
        assert!(first_line("\n".as_bytes()).is_err());
        assert!(first_line(b"\xff\xfe".as_slice()).is_err());
    }
}
