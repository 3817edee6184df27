//! `/chats/add` and `/chats/get`

use super::actor::{Actor, untrusted};
use super::said::Said;
use super::{Added, NAMESPACE, body::Body, rows};
use crate::compat::{Front, Refused};
use crate::domain::conversations::FIRST_MEMBERS_LIMIT;
use crate::domain::{ConversationId, Timestamp, UserId};
use crate::gate::Bounds;
use crate::service::conversations::NamedGroup;
use axum::extract::State;
use axum::response::Response;
use serde::Serialize;

/// Chats that are read at a time.
const SOME: u64 = 50;

/// A chat as the list shows it.
#[derive(Debug, Serialize)]
struct Chat {
    id: ConversationId,
    /// What the original called the number; its clients look for it here.
    #[serde(rename = "chat")]
    number: ConversationId,
    name: String,
    users: Vec<UserId>,
    created_at: Timestamp,
}

impl From<NamedGroup> for Chat {
    fn from(group: NamedGroup) -> Self {
        let NamedGroup { id, name, created_at, people } = group;
        Self { id, number: id, name, users: people, created_at }
    }
}

/// `POST /chats/add`
pub(super) async fn add(State(front): State<Front>, actor: Actor, bounds: Bounds, body: Body) -> Result<Added, Said> {
    let mut given = body.check();
    let name = given.text("name");
    let people = given.people("users");
    given.finish()?;
    let group = front.services.gather(NAMESPACE, name, people).await?;
    let maker = actor.acts_as_one_of(group.people()).await?;
    // It may be of any number. As many as can be named natively count like a message.
    if let Some(maker) = &maker {
        for _ in group.people().chunks(FIRST_MEMBERS_LIMIT) {
            bounds.send(maker.user)?;
        }
    }
    let made = front.services.create_named_group(maker.as_ref(), group).await;
    made.map(|id| Added(id.0)).map_err(|failure| untrusted(Refused::from(failure)))
}

/// `POST /chats/get`
pub(super) async fn get(State(front): State<Front>, actor: Actor, body: Body) -> Result<Response, Said> {
    let reader = actor.acts_as(body.user()?).await?;
    rows::of(move |cursor| {
        let (services, reader) = (front.services.clone(), reader.clone());
        async move {
            let page = services.named_groups(&reader, NAMESPACE, cursor.as_deref(), SOME).await?;
            Ok(page.map(Chat::from))
        }
    })
    .await
}
