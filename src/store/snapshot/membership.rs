//! Who is and was where, as one answer is read from it.

use super::Snapshot;
use crate::domain::access::Stay;
use crate::domain::conversations::{Member, Role};
use crate::domain::{ConversationId, UserId};
use crate::store::stays::Lasting;
use crate::store::{StoreError, stays};
use std::collections::HashMap;

impl Snapshot {
    /// The stays of a user in one conversation, ended ones included.
    pub async fn stays_in(&self, user: UserId, conversation: ConversationId) -> Result<Vec<Stay>, StoreError> {
        Ok(stays::in_conversation(&self.db, user, conversation).await?)
    }

    /// The conversations in which a user ever was, by number, behind one.
    pub async fn conversations_ever_of(
        &self,
        user: UserId,
        after: ConversationId,
        limit: u64,
    ) -> Result<Vec<ConversationId>, StoreError> {
        Ok(stays::conversations_of(&self.db, user, after, limit).await?)
    }

    /// The stays of a user in each of these conversations, ended ones included.
    pub async fn stays_among(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<Stay>>, StoreError> {
        let mut stays: HashMap<ConversationId, Vec<Stay>> = HashMap::new();
        for (conversation, stay) in stays::in_conversations(&self.db, user, ids).await? {
            stays.entry(conversation).or_default().push(stay);
        }
        Ok(stays)
    }

    /// What a user may do in each of these conversations that he is in.
    pub async fn roles(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Role>, StoreError> {
        let pairs: Vec<_> = ids.iter().map(|id| (*id, user)).collect();
        let lasting = stays::lasting_among(&self.db, &pairs).await?;
        Ok(lasting.into_iter().map(|stay| (stay.conversation, stay.role)).collect())
    }

    /// The numbers of the members of each of these conversations, in the order in which they came.
    pub async fn people_in(&self, ids: &[ConversationId]) -> Result<HashMap<ConversationId, Vec<UserId>>, StoreError> {
        let mut people: HashMap<ConversationId, Vec<UserId>> = HashMap::new();
        for stay in stays::members(&self.db, ids).await? {
            people.entry(stay.conversation).or_default().push(stay.user);
        }
        Ok(people)
    }

    /// The members of each of these conversations, in the order in which they came.
    pub async fn members(&self, ids: &[ConversationId]) -> Result<HashMap<ConversationId, Vec<Member>>, StoreError> {
        let lasting = stays::members(&self.db, ids).await?;
        let people = self.references(lasting.iter().map(|stay| stay.user)).await?;
        let mut members: HashMap<ConversationId, Vec<Member>> = HashMap::new();
        for Lasting { conversation, user, role, .. } in lasting {
            if let Some(user) = people.get(&user) {
                members.entry(conversation).or_default().push(Member { user: user.clone(), role });
            }
        }
        Ok(members)
    }

    /// How many are in a conversation.
    pub async fn size(&self, id: ConversationId) -> Result<u64, StoreError> {
        Ok(self.sizes(&[id]).await?.get(&id).copied().unwrap_or(0))
    }

    /// How many are in each of these conversations; none is not told.
    pub async fn sizes(&self, ids: &[ConversationId]) -> Result<HashMap<ConversationId, u64>, StoreError> {
        Ok(stays::sizes(&self.db, ids).await?)
    }
}
