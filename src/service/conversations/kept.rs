//! Every conversation that somebody was ever in, as far as it is his: for what he takes along.

use crate::domain::conversations::{Kind, Role};
use crate::domain::sessions::Principal;
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, MessageId, Seq, Timestamp};
use crate::service::{Failure, Page, Services};
use schemars::JsonSchema;
use serde::Serialize;

/// A conversation that somebody is in or was in, and what he is and was there.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeptConversation {
    /// Its number.
    pub id: ConversationId,
    /// Direct, group or channel.
    pub kind: Kind,
    /// Its name; of a group that he has left, nothing, since it may have another one now.
    pub name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The people of a direct conversation, who never change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub people: Option<Vec<UserRef>>,
    /// What he may do there; none if he is there no more.
    pub role: Option<Role>,
    /// When he came and left, as places on the line of events.
    pub stays: Vec<StayView>,
    /// Through which message he has read, if any.
    pub last_read_id: Option<MessageId>,
}

/// From which event to which somebody was in a conversation; he saw both.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Stay")]
pub struct StayView {
    /// The event by which he came.
    pub joined: Seq,
    /// The one by which he left, if he has.
    pub left: Option<Seq>,
}

impl Services {
    /// Conversations that the caller is in or was in, by number, behind one.
    pub async fn kept_conversations(
        &self,
        principal: &Principal,
        after: ConversationId,
        limit: u64,
    ) -> Result<Page<KeptConversation>, Failure> {
        principal.require_full()?;
        let user = principal.user;
        let snapshot = self.store().snapshot().await?;
        let ids = snapshot.conversations_ever_of(user, after, limit).await?;
        let mut found = snapshot.conversations(&ids).await?;
        let mut stays = snapshot.stays_among(user, &ids).await?;
        let roles = snapshot.roles(user, &ids).await?;
        let positions = snapshot.positions(user, &ids).await?;
        let mut people = snapshot.people_of_directs(&ids).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        found.sort_by_key(|conversation| conversation.id);
        let kept = found.into_iter().map(|conversation| {
            let id = conversation.id;
            let role = roles.get(&id).copied();
            let named = role.is_some() || conversation.kind == Kind::Channel;
            let mut stays = stays.remove(&id).unwrap_or_default();
            stays.sort_by_key(|stay| stay.joined);
            KeptConversation {
                id,
                kind: conversation.kind,
                name: conversation.name.filter(|_| named),
                created_at: conversation.created_at,
                people: people.remove(&id),
                role,
                stays: stays.into_iter().map(|stay| StayView { joined: stay.joined, left: stay.left }).collect(),
                last_read_id: positions.get(&id).copied(),
            }
        });
        Ok(Page { items: kept.collect(), next: None, head })
    }
}
