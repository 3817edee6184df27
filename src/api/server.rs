//! `/server`: what a login page must know before anybody has logged in.

use super::app::App;
use super::extract::Params;
use crate::service::Admission;
use axum::extract::State;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether an account needs an address.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "EmailNeeded")]
enum Email {
    /// It may have one.
    Optional,
    /// It waits until its own is confirmed.
    Required,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Server")]
pub(super) struct About {
    /// The version of the server.
    version: &'static str,
    /// Who may register.
    registration: Admission,
    /// Whether an account needs an e-mail address.
    email: Email,
    /// The fewest characters of a password.
    password_min_length: usize,
    /// Whether mail is sent: without it nobody resets a password or confirms an address.
    mail: bool,
    /// Where the server is reached, if its operator has said so.
    public_url: Option<String>,
    /// Whether pages of the `origin` that was asked about are refused when they write or listen.
    foreign: bool,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    /// Where the page that asks was opened (RFC 6454). A browser does not say so by itself when a page only reads.
    origin: Option<String>,
}

/// `GET /server`
pub(super) async fn get(State(app): State<App>, Params(ask): Params<Ask>) -> axum::Json<About> {
    let rules = app.services.rules();
    axum::Json(About {
        version: env!("CARGO_PKG_VERSION"),
        registration: rules.admission,
        email: if rules.email_required { Email::Required } else { Email::Optional },
        password_min_length: rules.password_min_length,
        mail: app.services.sends_mail(),
        public_url: rules.public_url.as_ref().map(ToString::to_string),
        foreign: ask.origin.is_some_and(|origin| !app.gate.origins().are_let_in(&origin)),
    })
}
