//! What is wrong with the options, before anything is opened or made: `serve` refuses it and warns of it, and `doctor`
//! says it beforehand.

use super::adapters::Adapters;
use super::{StartError, mail};
use crate::config::{DataDir, Email, MailMode, Options};
use crate::mail::Postman;
use std::path::PathBuf;

/// What `serve` would say of its options, without doing anything.
#[derive(Debug)]
pub struct Preflight {
    /// Why it would not start.
    pub refusals: Vec<StartError>,
    /// What it would warn of.
    pub warnings: Vec<String>,
    /// Who would carry its letters, if there is a way for them.
    pub postman: Option<Postman>,
}

/// Looks at the options with the eyes of `serve`.
pub fn preflight(options: &Options) -> Preflight {
    let mut refusals = Vec::new();
    let mut warnings = Vec::new();
    match Adapters::chosen(options) {
        Ok(adapters) => warnings.extend(adapters.warnings()),
        Err(error) => refusals.push(error.into()),
    }
    warnings.extend(of_mail(options));
    if let Err(error) = super::nats(options) {
        refusals.push(error);
    }
    let postman = match mail(options) {
        Ok(way) => way.map(|(_, postman)| postman),
        Err(error) => {
            refusals.push(error);
            None
        }
    };
    Preflight { refusals, warnings, postman }
}

/// Where mails go by these options.
pub fn mail_mode(options: &Options) -> MailMode {
    let wanted = &options.mail;
    wanted.mail.unwrap_or(if wanted.smtp_url().is_some() { MailMode::Smtp } else { MailMode::Off })
}

/// What is to be said of mail when the server starts.
pub(super) fn of_mail(options: &Options) -> Option<String> {
    let warning = match mail_mode(options) {
        MailMode::Off if options.email == Email::Required => {
            "--email required, and no mail is sent: nobody can register. Give --smtp-url"
        }
        MailMode::Log => "--mail log: links that set passwords are written to this log. Whoever reads it can use them",
        MailMode::Off | MailMode::Smtp => return None,
    };
    Some(warning.to_owned())
}

/// The file with the key that signs tokens, and whether it is made if it is not there.
pub fn signing_key_file(options: &Options) -> Result<(PathBuf, bool), StartError> {
    match (&options.keys.jwt_key_file, options.place.database_url()) {
        (Some(path), _) => Ok((path.clone(), false)),
        (None, Some(_)) => Err(StartError::KeyNotGiven),
        (None, None) => Ok((DataDir::signing_key_in(&options.place.data_dir), true)),
    }
}
