//! `/conversations` and `/channels`: making, seeing, joining, leaving.

use super::app::App;
use super::extract::{Caller, Json, Named, Owner, Params, Visitor};
use super::messages::limit;
use super::problem::Problem;
use crate::domain::ConversationId;
use crate::domain::conversations::{Kind, Member, PostPolicy, Role};
use crate::domain::events::ConversationView;
use crate::service::Page;
use crate::service::conversations::{ConversationItem, Wanted};
use axum::extract::State;
use http::StatusCode;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Create {
    kind: Kind,
    name: Option<String>,
    #[serde(default)]
    post: PostPolicy,
    #[serde(default)]
    members: Vec<String>,
}

/// `POST /conversations`
pub(super) async fn create(
    State(app): State<App>,
    Owner(principal): Owner,
    Json(body): Json<Create>,
) -> Result<(StatusCode, axum::Json<ConversationItem>), Problem> {
    let Create { kind, name, post, members } = body;
    let (item, new) = app.services.create_conversation(&principal, Wanted { kind, name, post, members }).await?;
    Ok((if new { StatusCode::CREATED } else { StatusCode::OK }, axum::Json(item)))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List {
    cursor: Option<String>,
    limit: Option<u64>,
}

/// `GET /conversations`
pub(super) async fn list(
    State(app): State<App>,
    Caller(principal): Caller,
    Params(list): Params<List>,
) -> Result<axum::Json<Page<ConversationItem>>, Problem> {
    let limit = limit(list.limit)?;
    Ok(axum::Json(app.services.conversations(&principal, list.cursor.as_deref(), limit).await?))
}

/// `GET /channels`
pub(super) async fn channels(
    State(app): State<App>,
    Visitor(principal): Visitor,
    Params(list): Params<List>,
) -> Result<axum::Json<Page<ConversationView>>, Problem> {
    let limit = limit(list.limit)?;
    Ok(axum::Json(app.services.channels(&principal, list.cursor.as_deref(), limit).await?))
}

/// `GET /conversations/ID`
pub(super) async fn get(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<ConversationId>,
) -> Result<axum::Json<ConversationItem>, Problem> {
    Ok(axum::Json(app.services.conversation(&principal, id).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    name: Option<String>,
    post: Option<PostPolicy>,
}

/// `PATCH /conversations/ID`
pub(super) async fn update(
    State(app): State<App>,
    Owner(principal): Owner,
    Named(id): Named<ConversationId>,
    Json(body): Json<Update>,
) -> Result<axum::Json<ConversationItem>, Problem> {
    Ok(axum::Json(app.services.update_conversation(&principal, id, body.name, body.post).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    username: Option<String>,
}

/// `POST /conversations/ID/members`
pub(super) async fn add_member(
    State(app): State<App>,
    Owner(principal): Owner,
    Named(id): Named<ConversationId>,
    Json(body): Json<Add>,
) -> Result<(StatusCode, axum::Json<Member>), Problem> {
    let member = app.services.add_member(&principal, id, body.username.as_deref()).await?;
    Ok((StatusCode::CREATED, axum::Json(member)))
}

/// `DELETE /conversations/ID/members/NAME`
pub(super) async fn remove_member(
    State(app): State<App>,
    Owner(principal): Owner,
    Named((id, name)): Named<(ConversationId, String)>,
) -> Result<StatusCode, Problem> {
    app.services.remove_member(&principal, id, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SetRole {
    role: Role,
}

/// `PATCH /conversations/ID/members/NAME`
pub(super) async fn set_role(
    State(app): State<App>,
    Owner(principal): Owner,
    Named((id, name)): Named<(ConversationId, String)>,
    Json(body): Json<SetRole>,
) -> Result<axum::Json<Member>, Problem> {
    Ok(axum::Json(app.services.set_role(&principal, id, &name, body.role).await?))
}
