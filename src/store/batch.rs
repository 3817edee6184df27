//! One transaction under the clock: what its changes read, decide and write.

use super::clock::Clock;
use super::messages::Kept;
use super::stays::Lasting;
use super::{conversations, entity, events, messages, sessions, stays, users};
use crate::domain::conversations::{Conversation, Role, direct_key};
use crate::domain::events::{Happening, Record, Topic};
use crate::domain::sessions::Session;
use crate::domain::users::{User, fold};
use crate::domain::{ConversationId, MessageId, Refusal, Seq, SessionId, Timestamp, UserId};
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait};
use std::collections::{HashMap, HashSet};

/// Rows in one statement at most: `SQLite` takes 32,766 bound values, and the widest table has 13 columns.
const ROWS: usize = 1_000;
/// How many remembered rows of one sort make the working set start anew.
const REMEMBERED: usize = 20_000;

/// Why a change did not happen.
#[derive(Debug)]
pub enum Abort {
    /// A rule says no. Nothing was written for this change.
    Refused(Refusal),
    /// The database failed. The whole batch is rolled back.
    Database(DbErr),
}

impl From<Refusal> for Abort {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<DbErr> for Abort {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

/// What a change will ask for, so that a batch reads it for all its changes in a few statements.
#[derive(Debug, Default)]
pub struct Wants {
    pub(super) users: HashSet<UserId>,
    pub(super) conversations: HashSet<ConversationId>,
    pub(super) stays: HashSet<(ConversationId, UserId)>,
    pub(super) directs: HashSet<String>,
    pub(super) client_ids: HashSet<(UserId, String)>,
}

impl Wants {
    /// A user will be asked for.
    pub fn user(&mut self, id: UserId) {
        self.users.insert(id);
    }

    /// A conversation and somebody's stay in it will be asked for.
    pub fn membership(&mut self, conversation: ConversationId, user: UserId) {
        self.conversations.insert(conversation);
        self.stays.insert((conversation, user));
    }

    /// The direct conversation of these people will be asked for.
    pub fn direct(&mut self, people: &[UserId]) {
        self.directs.insert(direct_key(people));
    }

    /// What this author sent under this name will be asked for.
    pub fn client_id(&mut self, author: UserId, client_id: &str) {
        self.client_ids.insert((author, client_id.to_owned()));
    }
}

/// Rows that were read or written under the clock. They stay true for as long as nobody else commits, which the clock
/// row shows, so a single node under load reads next to nothing.
#[derive(Debug, Default)]
pub(super) struct WorkingSet {
    users: HashMap<UserId, User>,
    conversations: HashMap<ConversationId, Conversation>,
    stays: HashMap<(ConversationId, UserId), Option<Lasting>>,
    directs: HashMap<String, ConversationId>,
    client_ids: HashMap<(UserId, String), Option<Kept>>,
}

impl WorkingSet {
    fn trim(&mut self) {
        self.client_ids.clear();
        let most = [self.users.len(), self.conversations.len(), self.stays.len(), self.directs.len()];
        if most.into_iter().any(|count| count > REMEMBERED) {
            *self = Self::default();
        }
    }
}

#[derive(Debug, Default)]
struct Pending {
    users: Vec<entity::users::ActiveModel>,
    sessions: Vec<entity::sessions::ActiveModel>,
    conversations: Vec<entity::conversations::ActiveModel>,
    stays: Vec<entity::stays::ActiveModel>,
    messages: Vec<entity::messages::ActiveModel>,
    unwritten_events: usize,
}

/// A new account.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// Everything but its number and when it was made, which the clock gives.
    pub user: User,
}

/// A new session, cookie or key.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Everything but its number and when it was made, which the clock gives.
    pub session: Session,
    /// The hash of a cookie's or key's secret.
    pub secret_hash: Option<Vec<u8>>,
}

/// A new conversation.
#[derive(Debug, Clone)]
pub struct NewConversation {
    /// Everything but its number and when it was made, which the clock gives.
    pub conversation: Conversation,
    /// Its first members.
    pub members: Vec<(UserId, Role)>,
}

/// A new message, complete but for its number and moment.
#[derive(Debug, Clone)]
pub struct NewMessage {
    /// The message.
    pub message: crate::domain::messages::Message,
    /// What tells a retry from another message under the same `client_id`.
    pub body_hash: i64,
}

/// A transaction that holds the clock.
#[derive(Debug)]
pub struct Batch {
    pub(super) db: DatabaseTransaction,
    pub(super) clock: Clock,
    pub(super) id: i64,
    pub(super) records: Vec<Record>,
    pub(super) set: WorkingSet,
    pending: Pending,
    at: Timestamp,
    /// How often changes wrote something: a refusal is found before its change does.
    writes: u64,
}

impl Batch {
    /// Takes over a transaction that has just locked the clock.
    pub(super) fn new(db: DatabaseTransaction, clock: Clock, id: i64, mut set: WorkingSet, now: Timestamp) -> Self {
        set.trim();
        let at = now.max(clock.last_at);
        Self { db, clock, id, records: Vec::new(), set, pending: Pending::default(), at, writes: 0 }
    }

    /// Reads what the changes will ask for.
    pub(super) async fn prefetch(&mut self, mut wants: Wants) -> Result<(), DbErr> {
        wants.users.retain(|id| !self.set.users.contains_key(id));
        wants.directs.retain(|key| !self.set.directs.contains_key(key));
        wants.stays.retain(|pair| !self.set.stays.contains_key(pair));
        wants.client_ids.retain(|key| !self.set.client_ids.contains_key(key));
        let users: Vec<_> = wants.users.into_iter().collect();
        for some in users.chunks(ROWS) {
            let found = users::by_ids(&self.db, some).await?;
            self.set.users.extend(found.into_iter().map(|user| (user.id, user)));
        }
        let keys: Vec<_> = wants.directs.into_iter().collect();
        for some in keys.chunks(ROWS) {
            for (key, conversation) in conversations::by_people(&self.db, some).await? {
                wants.conversations.remove(&conversation.id);
                self.set.directs.insert(key, conversation.id);
                self.set.conversations.insert(conversation.id, conversation);
            }
        }
        wants.conversations.retain(|id| !self.set.conversations.contains_key(id));
        let ids: Vec<_> = wants.conversations.into_iter().collect();
        for some in ids.chunks(ROWS) {
            let found = conversations::by_ids(&self.db, some).await?;
            self.set.conversations.extend(found.into_iter().map(|conversation| (conversation.id, conversation)));
        }
        let pairs: Vec<_> = wants.stays.into_iter().collect();
        for some in pairs.chunks(ROWS) {
            let mut found: HashMap<_, _> = stays::lasting_among(&self.db, some)
                .await?
                .into_iter()
                .map(|stay| ((stay.conversation, stay.user), stay))
                .collect();
            for pair in some {
                self.set.stays.insert(*pair, found.remove(pair));
            }
        }
        let client_ids: Vec<_> = wants.client_ids.into_iter().collect();
        for some in client_ids.chunks(ROWS) {
            for key in some {
                self.set.client_ids.insert(key.clone(), None);
            }
            for kept in messages::by_client_ids(&self.db, some).await? {
                if let (Some(author), Some(id)) = (&kept.message.author, &kept.message.client_id) {
                    self.set.client_ids.insert((author.id, id.clone()), Some(kept.clone()));
                }
            }
        }
        Ok(())
    }

    /// Where the numbers stand: a refusal must leave this as it was.
    pub(super) fn mark(&self) -> (Clock, u64) {
        (self.clock, self.writes)
    }

    // What changes ask.

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
        if let Some(user) = self.set.users.get(&id) {
            return Ok(Some(user.clone()));
        }
        self.write_pending().await?;
        let found = users::by_ids(&self.db, &[id]).await?.pop();
        if let Some(user) = &found {
            self.set.users.insert(id, user.clone());
        }
        Ok(found)
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

    /// A channel by the key of its name.
    pub async fn channel_by_name(&mut self, key: &str) -> Result<Option<Conversation>, Abort> {
        self.write_pending().await?;
        Ok(conversations::channel_by_name(&self.db, key).await?)
    }

    /// Somebody's role in a conversation, if he is in it.
    pub async fn role(&mut self, conversation: ConversationId, user: UserId) -> Result<Option<Role>, Abort> {
        Ok(self.stay(conversation, user).await?.map(|stay| stay.role))
    }

    async fn stay(&mut self, conversation: ConversationId, user: UserId) -> Result<Option<Lasting>, Abort> {
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

    /// A message by number, with the place at which it came.
    pub async fn message(&mut self, id: MessageId) -> Result<Option<Kept>, Abort> {
        self.write_pending().await?;
        Ok(messages::by_ids(&self.db, &[id]).await?.pop())
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

    // What changes write.

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
        });
        self.pending.unwritten_events += 1;
        self.writes += 1;
        self.clock.head
    }

    /// Makes an account and returns it with its number.
    pub fn insert_user(&mut self, new: NewUser) -> User {
        self.clock.last_user.0 += 1;
        let user = User { id: self.clock.last_user, created_at: self.at, ..new.user };
        self.pending.users.push(users::row(&user, user.username.key(), user.email.as_deref().map(fold)));
        self.set.users.insert(user.id, user.clone());
        self.writes += 1;
        user
    }

    /// Writes an account as it is now.
    pub async fn update_user(&mut self, user: &User) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        users::update(&self.db, user).await?;
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

    /// The number that the next session will have, for tokens that name it.
    pub fn upcoming_session(&self) -> SessionId {
        SessionId(self.clock.last_session.0 + 1)
    }

    /// Writes a session's refresh token as it is now.
    pub async fn update_refresh(&mut self, session: &Session) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(sessions::update_refresh(&self.db, session).await?)
    }

    /// Ends sessions.
    pub async fn revoke(&mut self, ids: &[SessionId]) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(sessions::revoke(&self.db, ids, self.at).await?)
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
        let conversation = Conversation { id: self.clock.last_conversation, created_at: self.at, ..new.conversation };
        let key = (conversation.kind == crate::domain::conversations::Kind::Direct)
            .then(|| direct_key(&new.members.iter().map(|(user, _)| *user).collect::<Vec<_>>()));
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
        self.pending.stays.push(stays::row(&stay));
        self.set.stays.insert((conversation, user), Some(stay));
        self.writes += 1;
    }

    /// Lets somebody out with the next event, which the caller emits.
    pub async fn end_stay(&mut self, conversation: ConversationId, user: UserId) -> Result<(), Abort> {
        let Some(stay) = self.stay(conversation, user).await? else { return Ok(()) };
        self.write_pending().await?;
        self.writes += 1;
        stays::end(&self.db, &stay, self.upcoming()).await?;
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

    /// Posts a message: its row and its event, with the same moment. Returns it with its number.
    pub fn insert_message(&mut self, new: NewMessage) -> crate::domain::messages::Message {
        self.clock.last_message.0 += 1;
        let message =
            crate::domain::messages::Message { id: self.clock.last_message, created_at: self.at, ..new.message };
        let kept = Kept { message, seq: self.upcoming(), body_hash: new.body_hash };
        self.pending.messages.push(messages::row(&kept));
        if let (Some(author), Some(client_id)) = (&kept.message.author, &kept.message.client_id) {
            self.set.client_ids.insert((author.id, client_id.clone()), Some(kept.clone()));
        }
        let topic = Topic::Conversation(kept.message.conversation_id);
        let happening = Happening::MessageCreated(kept.message);
        self.emit(topic, &happening);
        match happening {
            Happening::MessageCreated(message) => message,
            _ => unreachable!("it was made two lines above"),
        }
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

    /// Sessions whose time has run out, some at a time, so that they can be revoked like any other.
    pub async fn expired_sessions(&mut self) -> Result<Vec<Session>, Abort> {
        self.write_pending().await?;
        Ok(sessions::expired(&self.db, self.at, ROWS as u64).await?)
    }

    /// Deletes sessions and tickets that ended before a moment.
    pub async fn forget_sessions(&mut self, before: Timestamp) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(sessions::forget(&self.db, before).await?)
    }

    /// Writes what has gathered, a few statements for all changes so far.
    async fn write_pending(&mut self) -> Result<(), DbErr> {
        macro_rules! insert {
            ($($rows:ident),*) => {$(
                let rows = std::mem::take(&mut self.pending.$rows);
                let mut rows = rows.into_iter().peekable();
                while rows.peek().is_some() {
                    let some: Vec<_> = rows.by_ref().take(ROWS).collect();
                    entity::$rows::Entity::insert_many(some).exec_without_returning(&self.db).await?;
                }
            )*};
        }
        insert!(users, sessions, conversations, stays, messages);
        let from = self.records.len() - std::mem::take(&mut self.pending.unwritten_events);
        for some in self.records[from..].chunks(ROWS) {
            let rows = some.iter().map(events::row);
            entity::events::Entity::insert_many(rows).exec_without_returning(&self.db).await?;
        }
        Ok(())
    }

    /// Writes everything, the clock last. Returns whether there is anything to commit.
    pub(super) async fn finish(&mut self, before: Clock) -> Result<bool, DbErr> {
        self.write_pending().await?;
        if self.writes == 0 && self.clock == before {
            return Ok(false);
        }
        let commit = entity::commits::ActiveModel {
            id: sea_orm::ActiveValue::Set(self.id),
            first_seq: sea_orm::ActiveValue::Set(before.head.next().0),
            last_seq: sea_orm::ActiveValue::Set(self.clock.head.0),
            at: sea_orm::ActiveValue::Set(self.at.0),
        };
        entity::commits::Entity::insert(commit).exec_without_returning(&self.db).await?;
        self.clock.batch = self.id;
        self.clock.write(&self.db).await?;
        Ok(true)
    }
}
