//! What was said to somebody directly: some of it by number, and hiding that from himself.

use super::DELETE_LIMIT;
use crate::domain::Refusal;
use crate::domain::deletion::Audience;
use crate::domain::messages::Message;
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, MessageId};
use crate::service::{Failure, Services};
use crate::store::Directs;
use std::collections::HashMap;

impl Services {
    /// Those of these messages that were said to the caller in such direct conversations: by others, or by himself where
    /// he is alone. What is deleted, or hidden from him, is not among them. By number.
    pub async fn received(
        &self,
        principal: &Principal,
        ids: &[MessageId],
        directs: Directs,
    ) -> Result<Vec<Message>, Failure> {
        principal.require_read(principal.bound_to())?;
        let me = principal.user;
        let snapshot = self.store().snapshot().await?;
        let mut readable = snapshot.readable(me, ids).await?;
        readable.retain(|_, conversation| principal.bound_to().is_none_or(|only| only == *conversation));
        let mut places: Vec<ConversationId> = readable.values().copied().collect();
        places.sort_unstable();
        places.dedup();
        let conversations = snapshot.conversations(&places).await?;
        let people: HashMap<ConversationId, usize> =
            conversations.into_iter().map(|conversation| (conversation.id, conversation.people.len())).collect();
        let ids: Vec<MessageId> = readable.into_keys().collect();
        let hidden = snapshot.hidden(me, &ids).await?;
        let mut found = snapshot.messages_by_ids(me, &ids).await?;
        snapshot.close().await?;
        found.retain(|kept| {
            let people = people.get(&kept.message.conversation_id).copied().unwrap_or(0);
            let by_others = kept.message.author.as_ref().is_none_or(|author| author.id != me);
            let kept_for_him = kept.message.deleted_at.is_none() && !hidden.contains(&kept.message.id);
            directs.includes(people) && (by_others || people == 1) && kept_for_him
        });
        found.sort_unstable_by_key(|kept| kept.message.id);
        Ok(found.into_iter().map(|kept| kept.message).collect())
    }

    /// Hides from the caller those of these messages that he received so, and says which: of several who ask at once one is
    /// told of each. The others are left alone, and it is refused where there are only such as his credentials do not delete.
    pub async fn hide_received(
        &self,
        principal: &Principal,
        mut ids: Vec<MessageId>,
        directs: Directs,
    ) -> Result<Vec<MessageId>, Failure> {
        ids.sort_unstable();
        ids.dedup();
        let mut done = Vec::new();
        let mut not_allowed = false;
        for some in ids.chunks(DELETE_LIMIT) {
            // To whom a message was said never changes, so it need not be asked under the clock.
            let received = self.received(principal, some, directs).await?;
            if !received.is_empty() {
                let received = received.iter().map(|message| message.id).collect();
                let deletions = self.delete_all(principal, received, Some(Audience::Me)).await?;
                done.extend(deletions.newly_hidden);
                not_allowed |= !deletions.not_allowed.is_empty();
            }
        }
        // A key deletes what its user wrote, and most of this is what others wrote to him.
        if done.is_empty() && not_allowed { Err(Refusal::NotAuthor.into()) } else { Ok(done) }
    }
}
