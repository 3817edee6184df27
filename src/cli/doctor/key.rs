//! The keys that sign tokens, read as the server reads them.

use super::Patient;
use super::finding::{Finding, Report};
use super::server::Running;
use crate::app::signing_key_file;
use crate::cli::failed::Failed;
use crate::config::{KeyError, signing_key};
use std::path::Path;

pub(super) fn look(patient: &Patient<'_>, report: &mut Report) -> Result<(), Failed> {
    match signing_key_file(patient.options) {
        Ok((path, may_create)) => {
            let will_be_made = may_create && matches!(patient.server, Running::Nobody);
            report.tell(&key("signing_key", &path, will_be_made))?;
        }
        Err(error) => {
            let advice = "make one on one node, and copy it to the others: \
                          (umask 077; head -c 64 /dev/urandom | base64 -w0 > jwt.key)";
            report.tell(&Finding::wrong("signing_key", error.to_string(), advice))?;
        }
    }
    match &patient.options.keys.jwt_previous_key_file {
        Some(path) => report.tell(&key("previous_key", path, false)),
        None => Ok(()),
    }
}

fn key(check: &'static str, path: &Path, will_be_made: bool) -> Finding {
    let place = path.display();
    match signing_key::load_or_create(path, false) {
        Ok(key) => Finding::fine(check, format!("{place} has {} bytes, and only its owner can read it", key.len())),
        Err(KeyError::Missing(_)) if will_be_made => {
            Finding::skipped(check, format!("there is no key at {place} yet; the server makes one when it starts"))
        }
        Err(error) => {
            let advice = match &error {
                KeyError::Missing(_) => {
                    "make it, or name the right file; without it the server does not start".to_owned()
                }
                KeyError::Exposed(_) => format!(
                    "chmod 600 {place}; and if somebody may have read it, make a new one: whoever has it can log in as anybody"
                ),
                KeyError::Short { .. } | KeyError::Long(_) => {
                    format!("make a new one: (umask 077; head -c 64 /dev/urandom | base64 -w0 > {place})")
                }
                KeyError::File { .. } => {
                    "run this as the user that the server runs as, who must be able to read it".to_owned()
                }
            };
            let says = match &error {
                // Its own words end with the remedy, which stands below.
                KeyError::Exposed(_) => format!("others can read the signing key {place}"),
                error => error.to_string(),
            };
            Finding::wrong(check, says, advice)
        }
    }
}
