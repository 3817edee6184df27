//! One transaction under the clock: what its changes read, decide and write.

mod accounts;
mod asks;
mod expiry;
mod people;
mod reading;
mod said;
#[cfg(test)]
mod tests;
mod wants;
mod writes;

pub use wants::Wants;

use super::clock::Clock;
use super::messages::Kept;
use super::patience::Patient;
use super::receipts::Position;
use super::script::Script;
use super::sizes::ROWS;
use super::stays::Lasting;
use super::{entity, events, mentions, messages, sizes, threads, words};
use crate::domain::contacts::Contact;
use crate::domain::conversations::{Conversation, Role};
use crate::domain::events::Record;
use crate::domain::sessions::Session;
use crate::domain::users::User;
use crate::domain::{ConversationId, MessageId, Refusal, Seq, SessionId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait};
use std::collections::{BTreeMap, HashMap, HashSet};

pub use expiry::Forgotten;

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
    pub(super) db: Patient<DatabaseTransaction>,
    pub(super) clock: Clock,
    pub(super) id: i64,
    pub(super) records: Vec<Record>,
    /// Whether it emptied what was said: then no copy of it shall stand beside the database's own pages either.
    pub(super) erased: bool,
    pub(super) set: WorkingSet,
    pending: Pending,
    /// Where the line ended before this batch.
    head_before: Seq,
    /// The sessions that its changes are made with, and those of them that were revoked, once somebody has asked.
    sessions: HashSet<SessionId>,
    revoked: Option<HashSet<SessionId>>,
    at: Timestamp,
    /// How often changes wrote something: a refusal is found before its change does.
    writes: u64,
}

impl Batch {
    /// Takes over a transaction that has just locked the clock.
    pub(super) fn new(
        db: Patient<DatabaseTransaction>,
        clock: Clock,
        id: i64,
        mut set: WorkingSet,
        now: Timestamp,
    ) -> Self {
        set.trim();
        let at = now.max(clock.last_at);
        Self {
            db,
            clock,
            id,
            records: Vec::new(),
            erased: false,
            set,
            pending: Pending::default(),
            head_before: clock.head,
            sessions: HashSet::new(),
            revoked: None,
            at,
            writes: 0,
        }
    }

    /// The last event that was committed before this batch, by whichever node.
    pub fn head_before(&self) -> Seq {
        self.head_before
    }

    /// Where the numbers stand: a refusal must leave this as it was.
    pub(super) fn mark(&self) -> (Clock, u64) {
        (self.clock, self.writes)
    }

    /// Writes what has gathered, a few statements for all changes so far.
    async fn write_pending(&mut self) -> Result<(), DbErr> {
        self.write_all_but_the_last().await?.run(&self.db).await
    }

    /// The same, but for the statements that are still to be run, so that what ends the batch goes along with them: what
    /// was said, and the events. Nothing of the rest looks at these rows, unless they are to be changed again at once.
    async fn write_all_but_the_last(&mut self) -> Result<Script, DbErr> {
        macro_rules! insert {
            ($($rows:ident),*) => {$(
                let mut rows = std::mem::take(&mut self.pending.$rows);
                while let Some(size) = sizes::size(rows.len()) {
                    let rest = rows.split_off(size);
                    let some = std::mem::replace(&mut rows, rest);
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
        let mut said = Script::new(self.db.get_database_backend());
        said.insert(std::mem::take(&mut self.pending.messages))?;
        said.insert(std::mem::take(&mut self.pending.message_words))?;
        let from = self.records.len() - std::mem::take(&mut self.pending.unwritten_events);
        said.insert(self.records[from..].iter().map(events::row).collect())?;
        if !self.pending.edited.is_empty() || !self.pending.erased.is_empty() {
            std::mem::replace(&mut said, Script::new(self.db.get_database_backend())).run(&self.db).await?;
        }
        insert!(users, sessions, conversations, stays, mentions, hidden);
        let edited: Vec<Kept> = std::mem::take(&mut self.pending.edited).into_values().collect();
        for some in sizes::parts(&edited) {
            messages::update_texts(&self.db, some).await?;
        }
        let threads = std::mem::take(&mut self.pending.threads);
        for some in sizes::parts(&threads) {
            let rows = entity::threads::Entity::insert_many(some.iter().cloned()).on_conflict(threads::once());
            rows.exec_without_returning(&self.db).await?;
        }
        self.write_positions().await?;
        self.erase_pending().await?;
        Ok(said)
    }

    /// Writes everything, the clock last. Returns whether there is anything to commit.
    pub(super) async fn finish(&mut self, before: Clock) -> Result<bool, DbErr> {
        let mut last = self.write_all_but_the_last().await?;
        if self.writes == 0 && self.clock == before {
            return Ok(false);
        }
        last.then_insert(entity::commits::ActiveModel {
            id: sea_orm::ActiveValue::Set(self.id),
            first_seq: sea_orm::ActiveValue::Set(before.head.next().0),
            last_seq: sea_orm::ActiveValue::Set(self.clock.head.0),
            at: sea_orm::ActiveValue::Set(self.at.0),
        })?;
        self.clock.batch = self.id;
        self.clock.write_last(&mut last)?;
        last.run(&self.db).await?;
        Ok(true)
    }
}
