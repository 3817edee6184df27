//! A consistent look at the database: everything read through it was true at one head.

mod membership;
mod reading;

use super::clock::Clock;
use super::conversations::Activity;
use super::messages::{Kept, MessageFilter, MessagePage};
use super::patience::Patient;
use super::users::UserFilter;
use super::{
    Store, StoreError, blocks, contacts, conversations, hidden, invitations, mentions, messages, sessions, stays,
    threads, users,
};
use crate::domain::access::Stays;
use crate::domain::contacts::{Contact, Direction, State};
use crate::domain::conversations::{Conversation, Kind, direct_key};
use crate::domain::invitations::Invitation;
use crate::domain::sessions::Session;
use crate::domain::users::{User, UserRef};
use crate::domain::{ConversationId, InvitationId, MessageId, Seq, Timestamp, UserId};
use sea_orm::{DatabaseTransaction, DbBackend, IsolationLevel, TransactionOptions};
use std::collections::{HashMap, HashSet};

/// A reading transaction. Stream from its [`head`](Self::head), and nothing is missed or doubled.
#[derive(Debug)]
pub struct Snapshot {
    db: Patient<DatabaseTransaction>,
    clock: Clock,
}

impl Store {
    /// Begins to read. The clock is read first, which on `SQLite` also fixes what the rest will see.
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let db = match self.backend() {
            DbBackend::Sqlite => self.read.begin(TransactionOptions::default()).await?,
            DbBackend::Postgres => self.read.begin_reading(Some(IsolationLevel::RepeatableRead)).await?,
            // Reading connections are set to REPEATABLE READ for the session.
            _ => self.read.begin_reading(None).await?,
        };
        let clock = Clock::read(&db).await?;
        Ok(Snapshot { db, clock })
    }
}

impl Snapshot {
    /// The last event that is part of what is seen.
    pub fn head(&self) -> Seq {
        self.clock.head
    }

    /// Ends reading. Dropping does the same, later.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.db.rollback().await?)
    }

    /// Users by name, each with the key behind which the list goes on.
    pub async fn users(&self, filter: &UserFilter, limit: u64) -> Result<Vec<(User, String)>, StoreError> {
        Ok(users::list(&self.db, filter, limit).await?)
    }

    /// Users by number, in no order.
    pub async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        Ok(users::by_ids(&self.db, ids).await?)
    }

    /// Invitations below a number, the newest first.
    pub async fn invitations(&self, below: Option<InvitationId>, limit: u64) -> Result<Vec<Invitation>, StoreError> {
        Ok(invitations::list(&self.db, below, limit).await?)
    }

    /// The live sessions of a user, oldest first.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        Ok(sessions::of_user(&self.db, user).await?)
    }

    /// A conversation by number.
    pub async fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        Ok(conversations::by_ids(&self.db, &[id]).await?.pop())
    }

    /// A conversation that the user may see: a channel, or one that he is in.
    pub async fn visible_conversation(
        &self,
        viewer: UserId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        let Some(conversation) = self.conversation(id).await? else { return Ok(None) };
        let visible =
            conversation.kind == Kind::Channel || !stays::lasting_among(&self.db, &[(id, viewer)]).await?.is_empty();
        Ok(visible.then_some(conversation))
    }

    /// What a user has hidden from himself, by number, behind one.
    pub async fn hidden_of(&self, user: UserId, after: MessageId, limit: u64) -> Result<Vec<MessageId>, StoreError> {
        Ok(hidden::list(&self.db, user, after, limit).await?)
    }

    /// Those of these messages that a user may read, hidden ones included, each with its conversation. Three statements,
    /// however many there are.
    pub async fn readable(
        &self,
        viewer: UserId,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, ConversationId>, StoreError> {
        let places = messages::places(&self.db, ids).await?;
        let mut here: Vec<ConversationId> = places.values().map(|(conversation, _)| *conversation).collect();
        here.sort_unstable();
        here.dedup();
        let conversations = conversations::by_ids(&self.db, &here).await?;
        let public: HashSet<ConversationId> =
            conversations.iter().filter(|it| it.kind == Kind::Channel).map(|it| it.id).collect();
        let mut there = Stays::default();
        for (conversation, stay) in stays::in_conversations(&self.db, viewer, &here).await? {
            there.insert(conversation, stay);
        }
        let sees =
            |conversation: ConversationId, seq: Seq| public.contains(&conversation) || there.cover(conversation, seq);
        let seen = places.into_iter().filter(|(_, (conversation, seq))| sees(*conversation, *seq));
        Ok(seen.map(|(id, (conversation, _))| (id, conversation)).collect())
    }

    /// Conversations by number.
    pub async fn conversations(&self, ids: &[ConversationId]) -> Result<Vec<Conversation>, StoreError> {
        Ok(conversations::by_ids(&self.db, ids).await?)
    }

    /// Channels by name, after a key.
    pub async fn channels(&self, after: Option<&str>, limit: u64) -> Result<Vec<Conversation>, StoreError> {
        Ok(conversations::channels(&self.db, after, limit).await?)
    }

    /// The conversations that a user is in by last activity, from below a place in that order.
    pub async fn conversations_of(
        &self,
        user: UserId,
        below: Option<(MessageId, ConversationId)>,
        limit: u64,
    ) -> Result<Vec<(MessageId, ConversationId)>, StoreError> {
        Ok(conversations::of_user(&self.db, user, below, limit).await?)
    }

    /// The groups of a namespace that a user is in, those in which something was said last first.
    pub async fn named_groups_of(
        &self,
        user: UserId,
        namespace: &str,
        activity: Activity,
        limit: u64,
    ) -> Result<Vec<(i64, ConversationId)>, StoreError> {
        Ok(conversations::named_of_user(&self.db, user, namespace, activity, limit).await?)
    }

    /// The newest message that a user sees of each of these conversations.
    pub async fn newest_messages(
        &self,
        viewer: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Kept>, StoreError> {
        let newest = messages::newest(&self.db, viewer, ids).await?.into_values().collect();
        let seen = messages::as_seen_by(&self.db, viewer, newest).await?;
        Ok(seen.into_iter().map(|kept| (kept.message.conversation_id, kept)).collect())
    }

    /// How many unread messages name a user in each of these conversations.
    pub async fn unread_mentions(
        &self,
        user: UserId,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, u64>, StoreError> {
        Ok(mentions::unread(&self.db, user, ids).await?)
    }

    /// The messages that name a user.
    pub async fn mentions(&self, user: UserId, page: MessagePage) -> Result<Vec<Kept>, StoreError> {
        let found = mentions::list(&self.db, user, page).await?;
        Ok(messages::as_seen_by(&self.db, user, found).await?)
    }

    /// The threads in which a user takes part, each with its newest reply, by that.
    pub async fn threads_of(
        &self,
        user: UserId,
        conversation: Option<ConversationId>,
        below: Option<MessageId>,
        limit: u64,
    ) -> Result<Vec<(MessageId, MessageId)>, StoreError> {
        Ok(threads::of_user(&self.db, user, conversation, below, limit).await?)
    }

    /// The threads in a user's direct conversations, each with what was said last in it, by that.
    pub async fn threads_in_directs(
        &self,
        user: UserId,
        skip: u64,
        limit: u64,
    ) -> Result<Vec<(MessageId, MessageId)>, StoreError> {
        Ok(threads::in_directs(&self.db, user, skip, limit).await?)
    }

    /// The people of those of these conversations that are direct. Two statements, however many there are.
    pub async fn people_of_directs(
        &self,
        ids: &[ConversationId],
    ) -> Result<HashMap<ConversationId, Vec<UserRef>>, StoreError> {
        let mut directs = conversations::by_ids(&self.db, ids).await?;
        directs.retain(|conversation| conversation.kind == Kind::Direct);
        let people = self.references(directs.iter().flat_map(|direct| direct.people.iter().copied())).await?;
        let named = |user: &UserId| people.get(user).cloned();
        Ok(directs.iter().map(|direct| (direct.id, direct.people.iter().filter_map(named).collect())).collect())
    }

    /// How many replies a user sees to each of these messages.
    pub async fn reply_counts(
        &self,
        viewer: UserId,
        roots: &[MessageId],
    ) -> Result<HashMap<MessageId, u64>, StoreError> {
        Ok(messages::reply_counts(&self.db, viewer, roots).await?)
    }

    /// Whether a user has hidden a message from himself.
    pub async fn is_hidden(&self, user: UserId, id: MessageId) -> Result<bool, StoreError> {
        Ok(!hidden::of(&self.db, &[(user, id)]).await?.is_empty())
    }

    /// Which of these messages a user has hidden from himself.
    pub async fn hidden(&self, user: UserId, ids: &[MessageId]) -> Result<HashSet<MessageId>, StoreError> {
        let pairs: Vec<_> = ids.iter().map(|id| (user, *id)).collect();
        Ok(hidden::of(&self.db, &pairs).await?.into_iter().map(|(_, message)| message).collect())
    }

    /// Messages by number as a user sees them, if he may.
    pub async fn messages_by_ids(&self, viewer: UserId, ids: &[MessageId]) -> Result<Vec<Kept>, StoreError> {
        let found = messages::by_ids(&self.db, ids).await?;
        Ok(messages::as_seen_by(&self.db, viewer, found).await?)
    }

    /// One message, whoever may see it.
    pub async fn message(&self, id: MessageId) -> Result<Option<Kept>, StoreError> {
        Ok(messages::by_ids(&self.db, &[id]).await?.pop())
    }

    /// Messages that somebody may read.
    pub async fn messages(&self, filter: &MessageFilter, page: MessagePage) -> Result<Vec<Kept>, StoreError> {
        let found = messages::list(&self.db, filter, page).await?;
        Ok(messages::as_seen_by(&self.db, filter.viewer, found).await?)
    }

    /// How many messages such a list has in all its parts.
    pub async fn message_count(&self, filter: &MessageFilter) -> Result<u64, StoreError> {
        Ok(messages::count(&self.db, filter).await?)
    }

    /// Entries of somebody's contacts or of others' about him, the newest first, each with the other one of the two.
    pub async fn contacts(
        &self,
        user: UserId,
        direction: Direction,
        state: Option<State>,
        below: Option<(Timestamp, UserId)>,
        limit: u64,
    ) -> Result<Vec<(Contact, UserRef)>, StoreError> {
        let found = contacts::list(&self.db, user, direction, state, below, limit).await?;
        let other = |contact: &Contact| match direction {
            Direction::Received => contact.other,
            Direction::Sent => contact.owner,
        };
        let people = self.references(found.iter().map(other)).await?;
        let named = |contact: Contact| Some((contact, people.get(&other(&contact))?.clone()));
        Ok(found.into_iter().filter_map(named).collect())
    }

    /// Whom somebody has blocked and since when, the newest first.
    pub async fn blocks(
        &self,
        blocker: UserId,
        below: Option<(Timestamp, UserId)>,
        limit: u64,
    ) -> Result<Vec<(UserRef, Timestamp)>, StoreError> {
        self.blocked(blocks::list(&self.db, blocker, below, limit).await?).await
    }

    /// The same from the oldest on, behind so many that are left out.
    pub async fn oldest_blocks(
        &self,
        blocker: UserId,
        skip: u64,
        limit: u64,
    ) -> Result<Vec<(UserRef, Timestamp)>, StoreError> {
        self.blocked(blocks::oldest(&self.db, blocker, skip, limit).await?).await
    }

    async fn blocked(&self, found: Vec<(UserId, Timestamp)>) -> Result<Vec<(UserRef, Timestamp)>, StoreError> {
        let people = self.references(found.iter().map(|(user, _)| *user)).await?;
        Ok(found.into_iter().filter_map(|(user, at)| Some((people.get(&user)?.clone(), at))).collect())
    }

    /// How many somebody has blocked.
    pub async fn block_count(&self, blocker: UserId) -> Result<u64, StoreError> {
        Ok(blocks::count(&self.db, blocker).await?)
    }

    /// The last message that is part of what is seen.
    pub fn last_message(&self) -> MessageId {
        self.clock.last_message
    }

    /// The direct conversation of these people, if there is one.
    pub async fn direct(&self, people: &[UserId]) -> Result<Option<ConversationId>, StoreError> {
        let found = conversations::by_people(&self.db, &[direct_key(people)]).await?;
        Ok(found.first().map(|(_, conversation)| conversation.id))
    }

    /// How these people are named.
    async fn references(&self, users: impl Iterator<Item = UserId>) -> Result<HashMap<UserId, UserRef>, StoreError> {
        let mut ids: Vec<UserId> = users.collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(users::by_ids(&self.db, &ids).await?.into_iter().map(|user| (user.id, user.reference())).collect())
    }
}
