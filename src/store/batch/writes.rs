//! What changes write into the batch: rows gathered for a few statements, and events with their numbers.

use super::{Abort, Batch, NewConversation, NewSession};
use crate::domain::conversations::{Conversation, Kind, Role, direct_key, people_of};
use crate::domain::events::{Happening, Record, Topic};
use crate::domain::sessions::Session;
use crate::domain::users::User;
use crate::domain::{ConversationId, Seq, SessionId, Timestamp, UserId};
use crate::store::sizes::ROWS;
use crate::store::stays::Lasting;
use crate::store::{conversations, events, receipts, sessions, stays, users};

impl Batch {
    /// Says what happened, to one topic. Returns its place.
    pub fn emit(&mut self, topic: Topic, happening: &Happening) -> Seq {
        self.clock.head = self.clock.head.next();
        self.clock.last_at = self.at;
        self.records.push(Record {
            seq: self.clock.head,
            topic,
            kind: happening.kind().to_owned(),
            at: self.at,
            data: happening.data(),
            batch: self.id,
            message: happening.message(),
        });
        self.pending.unwritten_events += 1;
        self.writes += 1;
        self.clock.head
    }

    /// Makes an account, all of which is given but its number and when it was made, and returns it with these.
    pub fn insert_user(&mut self, new: User) -> User {
        self.clock.last_user.0 += 1;
        let user = User { id: self.clock.last_user, created_at: self.at, ..new };
        self.pending.users.push(users::row(&user));
        self.set.names.insert(user.username.key(), Some(user.id));
        self.set.users.insert(user.id, user.clone());
        self.writes += 1;
        user
    }

    /// Writes an account as it is now.
    pub async fn update_user(&mut self, user: &User) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        users::update(&self.db, user).await?;
        // Whoever had another name before has it no more.
        self.set.names.retain(|_, known| *known != Some(user.id));
        self.set.names.insert(user.username.key(), Some(user.id));
        self.set.users.insert(user.id, user.clone());
        Ok(())
    }

    /// Makes a session and returns it with its number.
    pub fn insert_session(&mut self, new: NewSession) -> Session {
        self.clock.last_session.0 += 1;
        let session = Session { id: self.clock.last_session, created_at: self.at, ..new.session };
        self.pending.sessions.push(sessions::row(&session, new.secret_hash));
        self.writes += 1;
        session
    }

    /// Writes what a use changes in a session: its refresh token, when it was used, and when it ends.
    pub async fn renew(&mut self, session: &Session) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(sessions::renew(&self.db, session).await?)
    }

    /// Ends sessions.
    pub async fn revoke(&mut self, ids: &[SessionId]) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        for some in ids.chunks(ROWS) {
            sessions::revoke(&self.db, some, self.at).await?;
        }
        Ok(())
    }

    /// Remembers that a ticket opened a stream. A second time changes nothing.
    pub async fn use_ticket(&mut self, id: &str, session: SessionId, expires_at: Timestamp) -> Result<(), Abort> {
        self.write_pending().await?;
        if !sessions::ticket_was_used(&self.db, id).await? {
            self.writes += 1;
            sessions::use_ticket(&self.db, id, session, expires_at).await?;
        }
        Ok(())
    }

    /// Makes a conversation whose members join at the next event, which the caller emits.
    pub fn insert_conversation(&mut self, new: NewConversation) -> Conversation {
        self.clock.last_conversation.0 += 1;
        let key = (new.conversation.kind == Kind::Direct)
            .then(|| direct_key(&new.members.iter().map(|(user, _)| *user).collect::<Vec<_>>()));
        let people = key.as_deref().map(people_of).unwrap_or_default();
        let id = self.clock.last_conversation;
        let conversation = Conversation { id, created_at: self.at, people, ..new.conversation };
        self.set.sizes.insert(id, 0);
        self.pending.conversations.push(conversations::row(&conversation, key.clone()));
        if let Some(key) = key {
            self.set.directs.insert(key, conversation.id);
        }
        self.set.conversations.insert(conversation.id, conversation.clone());
        for (user, role) in new.members {
            self.insert_stay(conversation.id, user, role);
        }
        self.writes += 1;
        conversation
    }

    /// Writes a conversation as it is now.
    pub async fn update_conversation(&mut self, conversation: &Conversation) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        conversations::update(&self.db, conversation).await?;
        self.set.conversations.insert(conversation.id, conversation.clone());
        Ok(())
    }

    /// Lets somebody in from the next event on, which the caller emits.
    pub fn insert_stay(&mut self, conversation: ConversationId, user: UserId, role: Role) {
        let stay = Lasting { conversation, user, joined: self.upcoming(), role };
        self.pending.stays.push(stays::row(&stay, self.clock.last_message));
        self.resize(conversation, 1);
        self.set.stays.insert((conversation, user), Some(stay));
        self.writes += 1;
    }

    /// How many are in a conversation has changed, if that is known.
    fn resize(&mut self, conversation: ConversationId, by: i64) {
        if let Some(size) = self.set.sizes.get_mut(&conversation) {
            *size = size.saturating_add_signed(by);
        }
    }

    /// Lets somebody out with the next event, which the caller emits.
    pub async fn end_stay(&mut self, conversation: ConversationId, user: UserId) -> Result<(), Abort> {
        let Some(stay) = self.stay(conversation, user).await? else { return Ok(()) };
        self.write_pending().await?;
        self.writes += 1;
        stays::end(&self.db, &stay, self.upcoming(), self.clock.last_message).await?;
        // Whoever comes back is not told of at once as one who has read: there would be no event of it.
        receipts::keep_to_oneself(&self.db, user, conversation).await?;
        self.resize(conversation, -1);
        self.set.stays.insert((conversation, user), None);
        Ok(())
    }

    /// Gives somebody another role.
    pub async fn set_role(&mut self, conversation: ConversationId, user: UserId, role: Role) -> Result<(), Abort> {
        let Some(stay) = self.stay(conversation, user).await? else { return Ok(()) };
        let stay = Lasting { role, ..stay };
        self.write_pending().await?;
        self.writes += 1;
        stays::set_role(&self.db, &stay).await?;
        self.set.stays.insert((conversation, user), Some(stay));
        Ok(())
    }

    /// Deletes events older than a moment, at most `most`, and moves the beginning of history in the same
    /// transaction. Returns whether there may be more.
    pub async fn forget_events(&mut self, before: Timestamp, most: i64) -> Result<bool, Abort> {
        self.write_pending().await?;
        let from = self.clock.beginning;
        self.clock.beginning = events::forget(&self.db, from, before, most).await?;
        self.writes += u64::from(self.clock.beginning != from);
        Ok(self.clock.beginning.0 - from.0 >= most)
    }

    /// Sessions whose time has run out, at most `most`, so that they can be revoked like any other.
    pub async fn expired_sessions(&mut self, most: u64) -> Result<Vec<Session>, Abort> {
        self.write_pending().await?;
        Ok(sessions::expired(&self.db, self.at, most).await?)
    }

    /// Deletes sessions and tickets that ended before a moment, at most `most` of each. Returns whether there may be more.
    pub async fn forget_sessions(&mut self, before: Timestamp, most: u64) -> Result<bool, Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(sessions::forget(&self.db, before, most).await?)
    }
}
