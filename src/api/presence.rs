//! `/presence` and `/conversations/ID/typing`: what passes, asked for and said.

use super::answer::NoContent;
use super::app::App;
use super::extract::{Caller, Named, OptionalJson};
use super::fields::Name;
use super::openapi::{Asks, Operation, Parameter};
use super::page::{LIMITS, limit, number};
use super::problem::Problem;
use crate::domain::ConversationId;
use crate::gate::Bounds;
use crate::service::presence::{NAMES_LIMIT, PresenceList};
use axum::extract::{FromRequestParts, State};
use http::request::Parts;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Deserialize;
use serde_json::json;

/// Of whom it is asked whether they are there. A name may be given several times, which no other query takes.
#[derive(Debug, Default)]
pub(super) struct Whom {
    users: Vec<String>,
    cursor: Option<String>,
    limit: Option<u64>,
}

impl FromRequestParts<App> for Whom {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        let mut asked = Self::default();
        for (name, value) in url::form_urlencoded::parse(parts.uri.query().unwrap_or("").as_bytes()) {
            match &*name {
                "user" if asked.users.len() < NAMES_LIMIT => asked.users.push(value.into_owned()),
                "user" => {
                    let detail = format!("Ask about at most {NAMES_LIMIT} people at once.");
                    return Err(Problem::malformed(detail).field("user"));
                }
                "cursor" => asked.cursor = Some(value.into_owned()),
                "limit" => asked.limit = Some(number("limit", &value)?),
                other => {
                    let detail = format!("There is no parameter `{other}` here.");
                    return Err(Problem::malformed(detail).field(other));
                }
            }
        }
        Ok(asked)
    }
}

impl Asks for Whom {
    fn asks(operation: &mut Operation<'_>) {
        let name = Name::json_schema(&mut SchemaGenerator::default());
        let mut takes = |name, says, schema| {
            operation.takes(Parameter { place: "query", name, says, required: false, schema });
        };
        let names = json!({ "type": "array", "items": name, "maxItems": NAMES_LIMIT });
        takes("user", "Only these, there or not, by name.", names);
        takes("cursor", "The `next` of the part before.", json!({ "type": "string" }));
        let most = json!({ "type": "integer", "minimum": 1, "maximum": LIMITS.0 });
        takes("limit", "How many at most; 50 unless said.", most);
        operation.refuses(&["malformed_request", "invalid"]);
    }
}

/// `GET /presence`
pub(super) async fn list(
    State(app): State<App>,
    Caller(principal): Caller,
    asked: Whom,
) -> Result<axum::Json<PresenceList>, Problem> {
    let limit = limit(asked.limit)?;
    let list = if asked.users.is_empty() {
        app.services.presence(&principal, asked.cursor.as_deref(), limit).await?
    } else {
        app.services.presence_of(&principal, &asked.users).await?
    };
    Ok(axum::Json(list))
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Typing {
    /// Whether one no longer types.
    #[serde(default)]
    stopped: bool,
}

/// `POST /conversations/ID/typing`
pub(super) async fn typing(
    State(app): State<App>,
    Caller(principal): Caller,
    bounds: Bounds,
    Named(id): Named<ConversationId>,
    OptionalJson(body): OptionalJson<Typing>,
) -> Result<NoContent, Problem> {
    bounds.typing(principal.user)?;
    app.services.type_in(&principal, id, body.stopped).await?;
    Ok(NoContent)
}
