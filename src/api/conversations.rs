//! `/conversations` and `/channels`: making, seeing, joining, leaving.

use super::answer::{Created, Made, NoContent};
use super::app::App;
use super::extract::{Caller, Json, Named, OptionalJson, Owner, Params, Visitor};
use super::fields::{ConversationName, Name};
use super::page::Part;
use super::problem::Problem;
use crate::domain::ConversationId;
use crate::domain::conversations::{FIRST_MEMBERS_LIMIT, Kind, Member, PostPolicy, Role};
use crate::domain::events::ConversationView;
use crate::service::Page;
use crate::service::conversations::{ConversationItem, Wanted};
use axum::extract::State;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("allOf" = [
    {
        "if": { "properties": { "kind": { "const": "direct" } } },
        "then": { "properties": { "name": { "type": "null" }, "post": { "const": "members" } } },
    },
    {
        "if": { "properties": { "kind": { "const": "channel" } } },
        "then": { "required": ["name"], "properties": { "name": { "type": "string" } } },
    },
]))]
pub(super) struct Create {
    kind: Kind,
    /// Its name. A channel needs one, which no other channel has; a direct conversation has none.
    #[schemars(with = "Option<ConversationName>")]
    name: Option<String>,
    /// Who may post. In a direct conversation everybody may.
    #[serde(default)]
    post: PostPolicy,
    /// Who is in it beside oneself. A direct conversation has at most 32 people.
    #[serde(default)]
    #[schemars(with = "Vec<Name>", length(max = FIRST_MEMBERS_LIMIT))]
    members: Vec<String>,
}

/// `POST /conversations`
pub(super) async fn create(
    State(app): State<App>,
    Owner(principal): Owner,
    Json(body): Json<Create>,
) -> Result<Made<ConversationItem>, Problem> {
    let Create { kind, name, post, members } = body;
    let (item, new) = app.services.create_conversation(&principal, Wanted { kind, name, post, members }).await?;
    Ok(Made { it: item, new })
}

/// `GET /conversations`
pub(super) async fn list(
    State(app): State<App>,
    Caller(principal): Caller,
    Params(part): Params<Part>,
) -> Result<axum::Json<Page<ConversationItem>>, Problem> {
    let limit = part.limit()?;
    Ok(axum::Json(app.services.conversations(&principal, part.cursor(), limit).await?))
}

/// `GET /channels`
pub(super) async fn channels(
    State(app): State<App>,
    Visitor(principal): Visitor,
    Params(part): Params<Part>,
) -> Result<axum::Json<Page<ConversationView>>, Problem> {
    let limit = part.limit()?;
    Ok(axum::Json(app.services.channels(&principal, part.cursor(), limit).await?))
}

/// `GET /conversations/ID`
pub(super) async fn get(
    State(app): State<App>,
    Caller(principal): Caller,
    Named(id): Named<ConversationId>,
) -> Result<axum::Json<ConversationItem>, Problem> {
    Ok(axum::Json(app.services.conversation(&principal, id).await?))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Update {
    /// Its new name.
    #[schemars(with = "Option<ConversationName>")]
    name: Option<String>,
    /// Who may post from now on.
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

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Add {
    /// Whom to let in. Without it one joins a channel oneself.
    #[schemars(with = "Option<Name>")]
    username: Option<String>,
}

/// `POST /conversations/ID/members`
pub(super) async fn add_member(
    State(app): State<App>,
    Owner(principal): Owner,
    Named(id): Named<ConversationId>,
    OptionalJson(body): OptionalJson<Add>,
) -> Result<Created<Member>, Problem> {
    let member = app.services.add_member(&principal, id, body.username.as_deref()).await?;
    Ok(Created(member))
}

/// `DELETE /conversations/ID/members/NAME`
pub(super) async fn remove_member(
    State(app): State<App>,
    Owner(principal): Owner,
    Named((id, name)): Named<(ConversationId, String)>,
) -> Result<NoContent, Problem> {
    app.services.remove_member(&principal, id, &name).await?;
    Ok(NoContent)
}

#[derive(Debug, Deserialize, JsonSchema)]
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
