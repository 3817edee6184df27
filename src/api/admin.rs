//! `/admin`: what administrators see of accounts, and shutting people out. They read nobody's conversations.

use super::answer::NoContent;
use super::app::App;
use super::extract::{Named, Owner, Params};
use super::fields::Beginning;
use super::openapi::{Asks, Operation};
use super::page::{LIMITS, limit};
use super::problem::Problem;
use crate::domain::sessions::Principal;
use crate::domain::users::{Status, User, Username};
use crate::domain::{Timestamp, UserId};
use crate::service::Page;
use crate::service::accounts::AccountFilter;
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whoever calls with all the rights of an account that administers the server.
pub(super) struct Admin(pub(super) Principal);

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Owner(principal) = Owner::from_request_parts(parts, app).await?;
        app.services.require_admin(&principal).await?;
        Ok(Self(principal))
    }
}

impl Asks for Admin {
    fn asks(operation: &mut Operation<'_>) {
        Owner::asks(operation);
        operation.refuses(&["not_admin"]);
    }
}

/// An account as administrators see it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AdministeredAccount")]
pub(super) struct Account {
    /// Its number.
    id: UserId,
    username: Username,
    status: Status,
    /// Whether it administers the server.
    admin: bool,
    /// Its private address.
    email: Option<String>,
    /// Whether somebody who reads mail there said so.
    email_confirmed: bool,
    /// When it was made.
    created_at: Timestamp,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        let User { id, username, status, admin, email, email_confirmed, created_at, .. } = user;
        Self { id, username, status, admin, email, email_confirmed, created_at }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    /// Only accounts in this state.
    status: Option<Status>,
    /// Only those whose name begins so.
    #[schemars(with = "Option<Beginning>")]
    prefix: Option<String>,
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
    limit: Option<u64>,
}

/// `GET /admin/users`
pub(super) async fn users(
    State(app): State<App>,
    Admin(principal): Admin,
    Params(list): Params<List>,
) -> Result<axum::Json<Page<Account>>, Problem> {
    let limit = limit(list.limit)?;
    let filter = AccountFilter { status: list.status, prefix: list.prefix };
    let page = app.services.accounts(&principal, filter, list.cursor.as_deref(), limit).await?;
    Ok(axum::Json(page.map(Account::from)))
}

/// `POST /admin/users/NAME/suspend`
pub(super) async fn suspend(
    State(app): State<App>,
    Admin(principal): Admin,
    Named(name): Named<String>,
) -> Result<NoContent, Problem> {
    app.services.set_suspended_by(&principal, &name, true).await?;
    Ok(NoContent)
}

/// `POST /admin/users/NAME/unsuspend`
pub(super) async fn unsuspend(
    State(app): State<App>,
    Admin(principal): Admin,
    Named(name): Named<String>,
) -> Result<NoContent, Problem> {
    app.services.set_suspended_by(&principal, &name, false).await?;
    Ok(NoContent)
}
