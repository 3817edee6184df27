//! How far people have read, and what they have not, as one answer is read from it.

use super::Snapshot;
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, MessageId, UserId};
use crate::store::receipts::{self, Position, Unread};
use crate::store::{StoreError, stays};
use std::collections::HashMap;

impl Snapshot {
    /// Through which message somebody has read each of these conversations, where he has.
    pub async fn positions(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, MessageId>, StoreError> {
        let pairs: Vec<_> = ids.iter().map(|id| (user, *id)).collect();
        let found = receipts::among(&self.db, &pairs).await?;
        Ok(found.into_iter().map(|position| (position.conversation, position.message)).collect())
    }

    /// How many messages somebody has not read in each of these conversations, `UNREAD_LIMIT` at most; none is not told.
    pub async fn unread(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, u64>, StoreError> {
        Ok(receipts::unread(&self.db, user, ids).await?)
    }

    /// The oldest messages that somebody has not read, by number.
    pub async fn oldest_unread(
        &self,
        which: Unread,
        limit: u64,
    ) -> Result<Vec<(MessageId, ConversationId)>, StoreError> {
        Ok(receipts::oldest_unread(&self.db, which, limit).await?)
    }

    /// How far each present member has read a conversation who has told the others, and how far the viewer has.
    pub async fn receipts(&self, viewer: UserId, id: ConversationId) -> Result<Vec<(Position, UserRef)>, StoreError> {
        let mut found = receipts::in_conversation(&self.db, id, viewer).await?;
        let members = stays::members(&self.db, &[id]).await?;
        found.retain(|position| members.iter().any(|member| member.user == position.user));
        self.named(found).await
    }

    /// How far one person has read a conversation, if any of it.
    pub async fn receipts_of(&self, user: UserId, id: ConversationId) -> Result<Vec<(Position, UserRef)>, StoreError> {
        let found = receipts::among(&self.db, &[(user, id)]).await?;
        self.named(found).await
    }

    async fn named(&self, positions: Vec<Position>) -> Result<Vec<(Position, UserRef)>, StoreError> {
        let people = self.references(positions.iter().map(|position| position.user)).await?;
        Ok(positions.into_iter().filter_map(|position| Some((position, people.get(&position.user)?.clone()))).collect())
    }
}
