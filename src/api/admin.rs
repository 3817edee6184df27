//! `/admin`: what administrators see of accounts, and shutting people out. They read nobody's conversations.

use super::app::App;
use super::extract::{Named, Owner, Params};
use super::messages::limit;
use super::problem::Problem;
use crate::domain::sessions::Principal;
use crate::domain::users::{Status, User, Username};
use crate::domain::{Timestamp, UserId};
use crate::service::Page;
use crate::service::accounts::AccountFilter;
use axum::extract::{FromRequestParts, State};
use http::StatusCode;
use http::request::Parts;
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

/// An account as administrators see it.
#[derive(Debug, Serialize)]
pub(super) struct Account {
    id: UserId,
    username: Username,
    status: Status,
    admin: bool,
    email: Option<String>,
    email_confirmed: bool,
    created_at: Timestamp,
}

impl From<User> for Account {
    fn from(user: User) -> Self {
        let User { id, username, status, admin, email, email_confirmed, created_at, .. } = user;
        Self { id, username, status, admin, email, email_confirmed, created_at }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    status: Option<Status>,
    prefix: Option<String>,
    cursor: Option<String>,
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
    let Page { items, next, head } = app.services.accounts(&principal, filter, list.cursor.as_deref(), limit).await?;
    Ok(axum::Json(Page { items: items.into_iter().map(Account::from).collect(), next, head }))
}

/// `POST /admin/users/NAME/suspend`
pub(super) async fn suspend(
    State(app): State<App>,
    Admin(principal): Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    app.services.set_suspended_by(&principal, &name, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /admin/users/NAME/unsuspend`
pub(super) async fn unsuspend(
    State(app): State<App>,
    Admin(principal): Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    app.services.set_suspended_by(&principal, &name, false).await?;
    Ok(StatusCode::NO_CONTENT)
}
