//! The mail server: whether it lets us in. Nothing is sent.

use super::finding::{Finding, Report};
use crate::cli::failed::Failed;
use crate::config::{MailMode, Options};
use crate::mail::Postman;
use std::time::Duration;

const CHECK: &str = "mail_server";
/// How long reaching it, TLS and the login may take together.
const PATIENCE: Duration = Duration::from_secs(15);

pub(super) async fn look(postman: Option<&Postman>, options: &Options, report: &mut Report) -> Result<(), Failed> {
    let Some(postman) = postman else {
        return report.tell(&match crate::app::mail_mode(options) {
            MailMode::Smtp => Finding::skipped(CHECK, "how mail is sent is not said rightly: see above"),
            _ => Finding::skipped(
                CHECK,
                "no mail is sent: whoever forgets his password needs you (goldcrest user passwd)",
            ),
        });
    };
    if crate::app::mail_mode(options) == MailMode::Log {
        return report.tell(&Finding::skipped(CHECK, "mails go to the log: see above"));
    }
    let tried = tokio::time::timeout(PATIENCE, postman.try_out()).await;
    report.tell(&match tried.unwrap_or_else(|_| Err(format!("no answer in {} s", PATIENCE.as_secs()))) {
        Ok(()) => Finding::fine(CHECK, "the mail server lets us in as --smtp-url says; no mail was sent"),
        Err(said) => Finding::wrong(
            CHECK,
            format!("the mail server of --smtp-url does not let us in: {said}"),
            "look at its name, port, user and password, and at TLS: smtps:// for port 465, smtp://…?tls=required for 587",
        ),
    })
}
