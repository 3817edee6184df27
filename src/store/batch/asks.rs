//! What changes ask of the batch: rows as they are under the clock, its own writes included.

use super::{Abort, Batch};
use crate::domain::conversations::{Conversation, Role, direct_key};
use crate::domain::sessions::Session;
use crate::domain::users::User;
use crate::domain::{ConversationId, Seq, SessionId, Timestamp, UserId};
use crate::store::messages::Kept;
use crate::store::sizes::ROWS;
use crate::store::stays::Lasting;
use crate::store::{conversations, messages, sessions, stays, users};
use std::collections::HashSet;

impl Batch {
    /// The moment of this batch: never earlier than that of the event before it.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The place of the next event.
    pub fn upcoming(&self) -> Seq {
        self.clock.head.next()
    }

    /// A user by number.
    pub async fn user(&mut self, id: UserId) -> Result<Option<User>, Abort> {
        Ok(self.known_user(id).await?.cloned())
    }

    /// The same without a copy of all that is known of him, for whoever only looks.
    pub async fn known_user(&mut self, id: UserId) -> Result<Option<&User>, Abort> {
        if !self.set.users.contains_key(&id) {
            self.write_pending().await?;
            let found = users::by_ids(&self.db, &[id]).await?.pop();
            self.set.users.extend(found.map(|user| (id, user)));
        }
        Ok(self.set.users.get(&id))
    }

    /// A user by the key of the name.
    pub async fn user_by_name(&mut self, key: &str) -> Result<Option<User>, Abort> {
        self.write_pending().await?;
        Ok(users::by_names(&self.db, &[key.to_owned()]).await?.pop())
    }

    /// A user by the key of the address.
    pub async fn user_by_email(&mut self, key: &str) -> Result<Option<User>, Abort> {
        self.write_pending().await?;
        Ok(users::by_email(&self.db, key).await?)
    }

    /// A session by number.
    pub async fn session(&mut self, id: SessionId) -> Result<Option<Session>, Abort> {
        self.write_pending().await?;
        Ok(sessions::by_id(&self.db, id).await?)
    }

    /// Whether a session was revoked before this batch. Those of all changes are read at once.
    pub async fn is_revoked(&mut self, id: SessionId) -> Result<bool, Abort> {
        let is_known = self.sessions.contains(&id);
        if let Some(revoked) = self.revoked.as_ref().filter(|_| is_known) {
            return Ok(revoked.contains(&id));
        }
        self.sessions.insert(id);
        let asked: Vec<SessionId> = self.sessions.iter().copied().collect();
        let mut revoked = HashSet::new();
        for some in asked.chunks(ROWS) {
            revoked.extend(sessions::revoked_among(&self.db, some).await?);
        }
        let is_revoked = revoked.contains(&id);
        self.revoked = Some(revoked);
        Ok(is_revoked)
    }

    /// The sessions of a user that were not revoked.
    pub async fn sessions_of(&mut self, user: UserId) -> Result<Vec<Session>, Abort> {
        self.write_pending().await?;
        Ok(sessions::of_user(&self.db, user).await?)
    }

    /// A conversation by number.
    pub async fn conversation(&mut self, id: ConversationId) -> Result<Option<Conversation>, Abort> {
        if let Some(conversation) = self.set.conversations.get(&id) {
            return Ok(Some(conversation.clone()));
        }
        self.write_pending().await?;
        let found = conversations::by_ids(&self.db, &[id]).await?.pop();
        if let Some(conversation) = &found {
            self.set.conversations.insert(id, conversation.clone());
        }
        Ok(found)
    }

    /// The direct conversation of these people, if there is one yet.
    pub async fn direct(&mut self, people: &[UserId]) -> Result<Option<Conversation>, Abort> {
        let key = direct_key(people);
        if let Some(id) = self.set.directs.get(&key) {
            return self.conversation(*id).await;
        }
        self.write_pending().await?;
        let found = conversations::by_people(&self.db, std::slice::from_ref(&key)).await?.pop();
        if let Some((key, conversation)) = &found {
            self.set.directs.insert(key.clone(), conversation.id);
            self.set.conversations.insert(conversation.id, conversation.clone());
        }
        Ok(found.map(|(_, conversation)| conversation))
    }

    /// The one conversation with this name, where names are unique.
    pub async fn by_unique_name(&mut self, key: &str) -> Result<Option<Conversation>, Abort> {
        self.write_pending().await?;
        Ok(conversations::by_unique_name(&self.db, key).await?)
    }

    /// Somebody's role in a conversation, if he is in it.
    pub async fn role(&mut self, conversation: ConversationId, user: UserId) -> Result<Option<Role>, Abort> {
        Ok(self.stay(conversation, user).await?.map(|stay| stay.role))
    }

    pub(super) async fn stay(&mut self, conversation: ConversationId, user: UserId) -> Result<Option<Lasting>, Abort> {
        if let Some(stay) = self.set.stays.get(&(conversation, user)) {
            return Ok(*stay);
        }
        self.write_pending().await?;
        let found = stays::lasting_among(&self.db, &[(conversation, user)]).await?.pop();
        self.set.stays.insert((conversation, user), found);
        Ok(found)
    }

    /// Who is in a conversation and as what, in the order in which they came.
    pub async fn members(&mut self, conversation: ConversationId) -> Result<Vec<(UserId, Role)>, Abort> {
        self.write_pending().await?;
        let members = stays::members(&self.db, &[conversation]).await?;
        Ok(members.into_iter().map(|stay| (stay.user, stay.role)).collect())
    }

    /// All stays of a user in a conversation.
    pub async fn stays_in(
        &mut self,
        user: UserId,
        conversation: ConversationId,
    ) -> Result<Vec<crate::domain::access::Stay>, Abort> {
        self.write_pending().await?;
        Ok(stays::in_conversation(&self.db, user, conversation).await?)
    }

    /// What an author sent before under this name of his own.
    pub async fn sent(&mut self, author: UserId, client_id: &str) -> Result<Option<Kept>, Abort> {
        let key = (author, client_id.to_owned());
        if let Some(kept) = self.set.client_ids.get(&key) {
            return Ok(kept.clone());
        }
        self.write_pending().await?;
        let found = messages::by_client_ids(&self.db, std::slice::from_ref(&key)).await?.pop();
        self.set.client_ids.insert(key, found.clone());
        Ok(found)
    }
}
