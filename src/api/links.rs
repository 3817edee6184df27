//! `/links` and `/password-resets`: what is mailed, used by a page with a button or by a program.
//!
//! Opening a link changes nothing, since mail programs and their servers open links by themselves: only the button does,
//! or a program's POST. The link's token is all that it takes, so these forms ask for no origin and no cookie; a foreign
//! page that knew the token could use it anyway.

mod page;

use super::app::App;
use super::extract::{ClientAddress, Json, Named, body};
use super::problem::Problem;
use crate::domain::Refusal;
use crate::domain::links::Purpose;
use crate::service::sessions::Who;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use http::StatusCode;
use page::Page;
use serde::Deserialize;
use std::net::IpAddr;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Use {
    token: String,
    password: Option<String>,
}

/// `POST /links/PURPOSE` of the API.
pub(super) async fn redeem(
    State(app): State<App>,
    Named(purpose): Named<Purpose>,
    ClientAddress(address): ClientAddress,
    Json(body): Json<Use>,
) -> Result<StatusCode, Problem> {
    carry_out(&app, address, purpose, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn carry_out(app: &App, address: IpAddr, purpose: Purpose, wish: Use) -> Result<(), Problem> {
    app.within_limits(|limits| limits.login(address, "a mailed link"))?;
    match (purpose, wish.password) {
        (Purpose::Password, Some(password)) => Ok(app.services.reset_password(&wish.token, password).await?),
        (Purpose::Password, None) => Err(Refusal::invalid("password", "Give the new password.").into()),
        (Purpose::Activate | Purpose::Email, None) => Ok(app.services.confirm_address(purpose, &wish.token).await?),
        (Purpose::Activate | Purpose::Email, Some(_)) => {
            Err(Refusal::invalid("password", "Confirming an address takes no password.").into())
        }
    }
}

/// `GET /links/PURPOSE`: a page with a button.
pub(super) async fn show(
    State(app): State<App>,
    Named(purpose): Named<Purpose>,
    RawQuery(query): RawQuery,
) -> Response {
    let token = field(query.unwrap_or_default().as_bytes(), "token").unwrap_or_default();
    match app.services.link_is_good(purpose, &token).await {
        Ok(()) => Page::Form { purpose, token: &token, least: least(&app), wrong: None }.answer(StatusCode::OK),
        Err(failure) => refused(&app, purpose, &token, &failure.into()),
    }
}

/// `POST /links/PURPOSE`: the button was pressed.
pub(super) async fn press(
    State(app): State<App>,
    Named(purpose): Named<Purpose>,
    ClientAddress(address): ClientAddress,
    request: Request,
) -> Response {
    let form = match body(request.into_body(), &app).await {
        Ok(form) => form,
        Err(problem) => return refused(&app, purpose, "", &problem),
    };
    let token = field(&form, "token").unwrap_or_default();
    let password = field(&form, "password").filter(|_| purpose == Purpose::Password);
    match carry_out(&app, address, purpose, Use { token: token.clone(), password }).await {
        Ok(()) => Page::Done(purpose).answer(StatusCode::OK),
        Err(problem) => refused(&app, purpose, &token, &problem),
    }
}

/// What is wrong; with the form again if it is the password, since the link is still good then.
fn refused(app: &App, purpose: Purpose, token: &str, problem: &Problem) -> Response {
    if problem.names_field("password") {
        let form = Page::Form { purpose, token, least: least(app), wrong: Some(problem.detail()) };
        return form.answer(problem.status());
    }
    Page::Refused(problem.detail()).answer(problem.status())
}

fn least(app: &App) -> usize {
    app.services.rules().password_min_length
}

fn field(form: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(form).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reset {
    username: Option<String>,
    email: Option<String>,
}

/// `POST /password-resets`
pub(super) async fn request_reset(
    State(app): State<App>,
    ClientAddress(address): ClientAddress,
    Json(body): Json<Reset>,
) -> Result<StatusCode, Problem> {
    app.within_limits(|limits| limits.mail(address))?;
    let who = match (body.username, body.email) {
        (Some(name), None) => Who::Username(name),
        (None, Some(email)) => Who::Email(email),
        _ => return Err(Refusal::invalid("username", "Give either a username or an e-mail address.").into()),
    };
    app.services.request_reset(who)?;
    Ok(StatusCode::ACCEPTED)
}
