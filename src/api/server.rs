//! `/server`: what a login page must know before anybody has logged in.

use super::app::App;
use crate::service::Admission;
use axum::extract::State;
use serde::Serialize;

/// Whether an account needs an address.
#[derive(Debug, Serialize)]
#[serde(rename_all = "lowercase")]
enum Email {
    Optional,
    Required,
}

#[derive(Debug, Serialize)]
pub(super) struct About {
    version: &'static str,
    registration: Admission,
    email: Email,
    password_min_length: usize,
    /// Whether mail is sent: without it nobody resets a password or confirms an address.
    mail: bool,
}

/// `GET /server`
pub(super) async fn get(State(app): State<App>) -> axum::Json<About> {
    let rules = app.services.rules();
    axum::Json(About {
        version: env!("CARGO_PKG_VERSION"),
        registration: rules.admission,
        email: if rules.email_required { Email::Required } else { Email::Optional },
        password_min_length: rules.password_min_length,
        mail: app.services.sends_mail(),
    })
}
