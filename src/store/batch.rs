//! One transaction under the clock: what its changes read, decide and write.

mod accounts;
mod asks;
mod expiry;
mod people;
mod reading;
mod said;
#[cfg(test)]
mod tests;
mod writes;

use super::clock::Clock;
use super::messages::Kept;
use super::receipts::Position;
use super::stays::Lasting;
use super::{conversations, entity, events, mentions, messages, stays, threads, users, words};
use crate::domain::contacts::Contact;
use crate::domain::conversations::{Conversation, Kind, Role, direct_key};
use crate::domain::events::Record;
use crate::domain::mentions::Named;
use crate::domain::reach::Way;
use crate::domain::sessions::Session;
use crate::domain::users::User;
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp, UserId};
use sea_orm::{DatabaseTransaction, DbErr, EntityTrait};
use std::collections::{BTreeMap, HashMap, HashSet};

pub use expiry::Forgotten;

/// Rows in one statement at most: `SQLite` takes 32,766 bound values, and the widest table has 13 columns.
pub(super) const ROWS: usize = 1_000;
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
    pub(super) messages: HashSet<MessageId>,
    pub(super) names: HashSet<String>,
    pub(super) mentions: Vec<(ConversationId, Vec<String>)>,
    pub(super) posts: HashSet<(ConversationId, UserId)>,
    pub(super) ways: HashSet<(UserId, UserId, Way)>,
    pub(super) positions: HashSet<(UserId, ConversationId)>,
    pub(super) edits: Vec<(MessageId, UserId, Vec<String>)>,
    pub(super) hidden: HashSet<(UserId, MessageId)>,
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

    /// Somebody will post into a conversation: his stay will be asked for and, where it is a direct one, what the
    /// others say to him.
    pub fn post(&mut self, conversation: ConversationId, author: UserId) {
        self.membership(conversation, author);
        self.posts.insert((conversation, author));
    }

    /// What these people say to one who wants to reach them will be asked for.
    pub fn reach(&mut self, from: UserId, people: &[UserId], way: Way) {
        for to in people.iter().filter(|to| **to != from) {
            self.users.insert(*to);
            self.ways.insert((from, *to, way));
        }
    }

    /// Somebody's stay in a conversation will be asked for, and how far he has read it.
    pub fn reading(&mut self, user: UserId, conversation: ConversationId) {
        self.user(user);
        self.membership(conversation, user);
        self.positions.insert((user, conversation));
    }

    /// The direct conversation of these people will be asked for.
    pub fn direct(&mut self, people: &[UserId]) {
        self.directs.insert(direct_key(people));
    }

    /// What this author sent under this name will be asked for.
    pub fn client_id(&mut self, author: UserId, client_id: &str) {
        self.client_ids.insert((author, client_id.to_owned()));
    }

    /// A message will be asked for.
    pub fn message(&mut self, id: MessageId) {
        self.messages.insert(id);
    }

    /// Somebody will say a message anew, with these names in it: it will be asked for, and where it stands all that
    /// posting asks for.
    pub fn edit(&mut self, id: MessageId, author: UserId, named: &Named) {
        self.message(id);
        self.mentions(None, named);
        self.edits.push((id, author, named.keys().cloned().collect()));
    }

    /// A message will be asked for, and whether a user has hidden it from himself.
    pub fn shown(&mut self, id: MessageId, user: UserId) {
        self.message(id);
        self.hidden.insert((user, id));
    }

    /// Who has these names will be asked for, and who of them is in the conversation, if there is one yet.
    pub fn mentions(&mut self, conversation: Option<ConversationId>, named: &Named) {
        self.names.extend(named.keys().cloned());
        if let Some(conversation) = conversation {
            self.mentions.push((conversation, named.keys().cloned().collect()));
        }
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
    /// Whose a name is, by its key.
    names: HashMap<String, Option<UserId>>,
    messages: HashMap<MessageId, Option<Kept>>,
    /// What the first says to the second.
    contacts: HashMap<(UserId, UserId), Option<Contact>>,
    /// Whether the first has blocked the second.
    blocks: HashMap<(UserId, UserId), bool>,
    positions: HashMap<(UserId, ConversationId), Option<MessageId>>,
    /// Whether a user has hidden a message from himself.
    hidden: HashMap<(UserId, MessageId), bool>,
    /// How many are in a conversation.
    sizes: HashMap<ConversationId, u64>,
}

impl WorkingSet {
    fn trim(&mut self) {
        // What people said is forgotten with each batch: it may be deleted in the next.
        self.client_ids.clear();
        self.messages.clear();
        self.hidden.clear();
        let most = [
            self.users.len(),
            self.conversations.len(),
            self.stays.len(),
            self.directs.len(),
            self.contacts.len(),
            self.blocks.len(),
            self.positions.len(),
            self.sizes.len(),
            self.names.len(),
        ];
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
    /// Messages that are said anew, as they are now.
    edited: BTreeMap<MessageId, Kept>,
    /// Messages that named somebody before they were said anew.
    unnamed: Vec<MessageId>,
    /// Messages whose words are others now.
    reworded: Vec<MessageId>,
    message_words: Vec<entity::message_words::ActiveModel>,
    mentions: Vec<entity::mentions::ActiveModel>,
    hidden: Vec<entity::hidden::ActiveModel>,
    threads: Vec<entity::threads::ActiveModel>,
    positions: HashMap<(UserId, ConversationId), Position>,
    unwritten_events: usize,
    /// Messages deleted for all, and whether they named anybody.
    erased: Vec<(MessageId, bool)>,
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
    /// Whether it emptied what was said: then no copy of it shall stand beside the database's own pages either.
    pub(super) erased: bool,
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
        Self { db, clock, id, records: Vec::new(), erased: false, set, pending: Pending::default(), at, writes: 0 }
    }

    /// Reads what the changes will ask for.
    pub(super) async fn prefetch(&mut self, mut wants: Wants) -> Result<(), DbErr> {
        wants.directs.retain(|key| !self.set.directs.contains_key(key));
        wants.stays.retain(|pair| !self.set.stays.contains_key(pair));
        wants.client_ids.retain(|key| !self.set.client_ids.contains_key(key));
        wants.names.retain(|key| !self.set.names.contains_key(key));
        wants.messages.retain(|id| !self.set.messages.contains_key(id));
        self.prefetch_messages(std::mem::take(&mut wants.messages).into_iter().collect()).await?;
        for (id, author, names) in std::mem::take(&mut wants.edits) {
            let Some(Some(kept)) = self.set.messages.get(&id) else { continue };
            let place = kept.message.conversation_id;
            wants.mentions.push((place, names));
            wants.conversations.insert(place);
            wants.posts.insert((place, author));
            wants.stays.extend(Some((place, author)).filter(|pair| !self.set.stays.contains_key(pair)));
        }
        self.prefetch_hidden(std::mem::take(&mut wants.hidden).into_iter().collect()).await?;
        self.prefetch_names(std::mem::take(&mut wants.names).into_iter().collect()).await?;
        for (conversation, keys) in std::mem::take(&mut wants.mentions) {
            let people = keys.iter().filter_map(|key| *self.set.names.get(key)?).map(|user| (conversation, user));
            wants.stays.extend(people.filter(|pair| !self.set.stays.contains_key(pair)));
        }
        let keys: Vec<_> = std::mem::take(&mut wants.directs).into_iter().collect();
        for some in keys.chunks(ROWS) {
            for (key, conversation) in conversations::by_people(&self.db, some).await? {
                wants.conversations.remove(&conversation.id);
                self.set.directs.insert(key, conversation.id);
                self.set.conversations.insert(conversation.id, conversation);
            }
        }
        wants.conversations.retain(|id| !self.set.conversations.contains_key(id));
        let ids: Vec<_> = std::mem::take(&mut wants.conversations).into_iter().collect();
        for some in ids.chunks(ROWS) {
            let found = conversations::by_ids(&self.db, some).await?;
            self.set.conversations.extend(found.into_iter().map(|conversation| (conversation.id, conversation)));
        }
        for (id, author) in std::mem::take(&mut wants.posts) {
            if let Some(conversation) = self.set.conversations.get(&id).filter(|it| it.kind == Kind::Direct) {
                wants.reach(author, &conversation.people, Way::direct(conversation.people.len()));
            }
        }
        wants.users.retain(|id| !self.set.users.contains_key(id));
        let users: Vec<_> = wants.users.into_iter().collect();
        for some in users.chunks(ROWS) {
            let found = users::by_ids(&self.db, some).await?;
            self.set.users.extend(found.into_iter().map(|user| (user.id, user)));
        }
        self.prefetch_reaching(wants.ways).await?;
        self.prefetch_reading(wants.positions).await?;
        let pairs: Vec<_> = wants.stays.into_iter().collect();
        self.prefetch_stays(&pairs).await?;
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

    pub(super) async fn prefetch_stays(&mut self, pairs: &[(ConversationId, UserId)]) -> Result<(), DbErr> {
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
        Ok(())
    }

    /// Where the numbers stand: a refusal must leave this as it was.
    pub(super) fn mark(&self) -> (Clock, u64) {
        (self.clock, self.writes)
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
        for some in std::mem::take(&mut self.pending.unnamed).chunks(ROWS) {
            mentions::forget(&self.db, some).await?;
        }
        for some in std::mem::take(&mut self.pending.reworded).chunks(ROWS) {
            words::forget(&self.db, some).await?;
        }
        insert!(users, sessions, conversations, stays, messages, message_words, mentions, hidden);
        let edited: Vec<Kept> = std::mem::take(&mut self.pending.edited).into_values().collect();
        for some in edited.chunks(ROWS) {
            messages::update_texts(&self.db, some).await?;
        }
        let threads = std::mem::take(&mut self.pending.threads);
        for some in threads.chunks(ROWS) {
            let rows = entity::threads::Entity::insert_many(some.iter().cloned()).on_conflict(threads::once());
            rows.exec_without_returning(&self.db).await?;
        }
        self.write_positions().await?;
        let from = self.records.len() - std::mem::take(&mut self.pending.unwritten_events);
        for some in self.records[from..].chunks(ROWS) {
            let rows = some.iter().map(events::row);
            entity::events::Entity::insert_many(rows).exec_without_returning(&self.db).await?;
        }
        self.erase_pending().await
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
