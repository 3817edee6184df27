//! `/links` and `/password-resets`: what is mailed, used by a page with a button or by a program.
//!
//! Opening a link changes nothing, since mail programs and their servers open links by themselves: only the button does,
//! or a program's POST. The link's token is all that it takes, so these forms ask for no origin and no cookie; a foreign
//! page that knew the token could use it anyway.

mod page;

use super::answer::{Accepted, NoContent};
use super::app::App;
use super::extract::{Json, Named};
use super::fields::{NewPassword, Secret};
use super::openapi::{Answers, Asks, Operation, Parameter};
use super::problem::Problem;
use crate::domain::Refusal;
use crate::domain::links::Purpose;
use crate::gate::Bounds;
use crate::service::sessions::Who;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use page::Page;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use std::convert::Infallible;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Use {
    /// The token in the link.
    #[schemars(with = "Secret")]
    token: String,
    /// The new password, if that is what it is for.
    #[schemars(with = "Option<NewPassword>")]
    password: Option<String>,
}

/// `POST /links/PURPOSE` of the API.
pub(super) async fn redeem(
    State(app): State<App>,
    Named(purpose): Named<Purpose>,
    bounds: Bounds,
    Json(body): Json<Use>,
) -> Result<NoContent, Problem> {
    carry_out(&app, &bounds, purpose, body).await?;
    Ok(NoContent)
}

async fn carry_out(app: &App, bounds: &Bounds, purpose: Purpose, wish: Use) -> Result<(), Problem> {
    bounds.mailed_link()?;
    match (purpose, wish.password) {
        (Purpose::Password, Some(password)) => Ok(app.services.reset_password(&wish.token, password).await?),
        (Purpose::Password, None) => Err(Refusal::invalid("password", "Give the new password.").into()),
        (Purpose::Activate | Purpose::Email, None) => Ok(app.services.confirm_address(purpose, &wish.token).await?),
        (Purpose::Activate | Purpose::Email, Some(_)) => {
            Err(Refusal::invalid("password", "Confirming an address takes no password.").into())
        }
    }
}

/// A page, whatever it says.
pub(super) struct Shown(Response);

impl IntoResponse for Shown {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Answers for Shown {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers(200, "A page.", Some(("text/html", json!({ "type": "string" }))));
        operation.refuses_in_pages();
    }
}

/// The token in a mailed link.
pub(super) struct Token(String);

impl<S: Send + Sync> FromRequestParts<S> for Token {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(field(parts.uri.query().unwrap_or_default().as_bytes(), "token").unwrap_or_default()))
    }
}

impl Asks for Token {
    fn asks(operation: &mut Operation<'_>) {
        operation.takes(Parameter {
            place: "query",
            name: "token",
            says: "What the link is known by.",
            required: false,
            schema: json!({ "type": "string" }),
        });
    }
}

/// The form on the page. What is wrong with it is shown there.
pub(super) struct Form(Result<Bytes, Problem>);

impl FromRequest<App> for Form {
    type Rejection = Infallible;

    async fn from_request(request: Request, app: &App) -> Result<Self, Infallible> {
        Ok(Self(app.gate.body(request.into_body()).await.map_err(Problem::from)))
    }
}

impl Asks for Form {
    fn asks(operation: &mut Operation<'_>) {
        let schema = json!({
            "type": "object",
            "properties": { "token": { "type": "string" }, "password": { "type": "string" } },
        });
        operation.takes_body("application/x-www-form-urlencoded", &schema);
        operation.refuses(&["malformed_request", "body_too_large", "too_slow"]);
    }
}

/// `GET /links/PURPOSE`: a page with a button.
pub(super) async fn show(State(app): State<App>, Named(purpose): Named<Purpose>, Token(token): Token) -> Shown {
    match app.services.link_is_good(purpose, &token).await {
        Ok(()) => Shown(Page::Form { purpose, token: &token, least: least(&app), wrong: None }.answer(StatusCode::OK)),
        Err(failure) => refused(&app, purpose, &token, &failure.into()),
    }
}

/// `POST /links/PURPOSE`: the button was pressed.
pub(super) async fn press(
    State(app): State<App>,
    Named(purpose): Named<Purpose>,
    bounds: Bounds,
    Form(form): Form,
) -> Shown {
    let form = match form {
        Ok(form) => form,
        Err(problem) => return refused(&app, purpose, "", &problem),
    };
    let token = field(&form, "token").unwrap_or_default();
    let password = field(&form, "password").filter(|_| purpose == Purpose::Password);
    match carry_out(&app, &bounds, purpose, Use { token: token.clone(), password }).await {
        Ok(()) => Shown(Page::Done(purpose).answer(StatusCode::OK)),
        Err(problem) => refused(&app, purpose, &token, &problem),
    }
}

/// What is wrong; with the form again if it is the password, since the link is still good then.
fn refused(app: &App, purpose: Purpose, token: &str, problem: &Problem) -> Shown {
    if problem.names_field("password") {
        let form = Page::Form { purpose, token, least: least(app), wrong: Some(problem.detail()) };
        return Shown(form.answer(problem.status()));
    }
    Shown(Page::Refused(problem.detail()).answer(problem.status()))
}

fn least(app: &App) -> usize {
    app.services.rules().password_min_length
}

fn field(form: &[u8], name: &str) -> Option<String> {
    url::form_urlencoded::parse(form).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("oneOf" = [
    { "required": ["username"], "properties": { "username": { "type": "string" }, "email": { "type": "null" } } },
    { "required": ["email"], "properties": { "email": { "type": "string" }, "username": { "type": "null" } } },
]))]
pub(super) struct Reset {
    /// Whose. Either this or `email`.
    username: Option<String>,
    /// Whose, by a confirmed address.
    email: Option<String>,
}

/// `POST /password-resets`
pub(super) async fn request_reset(
    State(app): State<App>,
    bounds: Bounds,
    Json(body): Json<Reset>,
) -> Result<Accepted, Problem> {
    bounds.mail()?;
    let who = match (body.username, body.email) {
        (Some(name), None) => Who::Username(name),
        (None, Some(email)) => Who::Email(email),
        _ => return Err(Refusal::invalid("username", "Give either a username or an e-mail address.").into()),
    };
    app.services.request_reset(who)?;
    Ok(Accepted)
}
