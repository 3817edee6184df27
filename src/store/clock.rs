//! The clock row: one gap-free line of events for the whole server, whose order is commit order.

use super::entity::clock;
use super::script::Script;
use crate::domain::{ConversationId, InvitationId, MessageId, Seq, SessionId, Timestamp, UserId};
use sea_orm::{ActiveValue::Set, ConnectionTrait, DbErr, EntityTrait, QuerySelect};

pub(super) const ROW: i64 = 1;
/// The number that the row has while a copy into the database is not whole, so that nobody finds a clock there and starts.
pub(super) const SET_ASIDE: i64 = 0;

/// What the clock shows. While its row is locked nobody else can commit, so numbers are given out from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The last event.
    pub head: Seq,
    /// The first event that is still kept.
    pub beginning: Seq,
    /// When the last event happened.
    pub last_at: Timestamp,
    /// The last message's number.
    pub last_message: MessageId,
    /// The last user's number.
    pub last_user: UserId,
    /// The last conversation's number.
    pub last_conversation: ConversationId,
    /// The last session's number.
    pub last_session: SessionId,
    /// The last invitation's number.
    pub last_invitation: InvitationId,
    /// The first session that is none from before a backup was restored.
    pub first_session: SessionId,
    /// The first message that is still kept. Of those before it no more is left than the roots of threads that live on.
    pub first_message: MessageId,
    /// The last batch that was committed, by whichever node.
    pub batch: i64,
    /// Which line of numbers this is: a random name, another for each database, and another after a restore.
    pub line: i64,
}

impl Clock {
    /// Locks the row, before anything else is read. On `SQLite` the immediate transaction is the lock.
    pub(super) async fn lock(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        // Not `one`: that asks for a limit, which `SQLite` looks at when it plans, and so it plans anew each time.
        match clock::Entity::find_by_id(ROW).lock_exclusive().all(db).await?.pop() {
            Some(row) => Ok(row.into()),
            None => Err(missing(db).await),
        }
    }

    /// Looks at the row without locking it.
    pub(super) async fn read(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        match clock::Entity::find_by_id(ROW).one(db).await? {
            Some(row) => Ok(row.into()),
            None => Err(missing(db).await),
        }
    }

    /// Writes the row as it is to be.
    pub(super) async fn write(&self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        let mut script = Script::new(db.get_database_backend());
        self.write_last(&mut script)?;
        script.run(db).await
    }

    /// The same, when all else that a batch writes is written.
    pub(super) fn write_last(&self, script: &mut Script) -> Result<(), DbErr> {
        let row = clock::ActiveModel {
            id: Set(ROW),
            head: Set(self.head.0),
            beginning: Set(self.beginning.0),
            last_at: Set(self.last_at.0),
            last_message: Set(self.last_message.0),
            last_user: Set(self.last_user.0),
            last_conversation: Set(self.last_conversation.0),
            last_session: Set(self.last_session.0),
            last_invitation: Set(self.last_invitation.0),
            first_session: Set(self.first_session.0),
            first_message: Set(self.first_message.0),
            batch: Set(self.batch),
            line: Set(self.line),
        };
        script.then_update(row, clock::Column::Id)
    }
}

async fn missing(db: &impl ConnectionTrait) -> DbErr {
    let why = match clock::Entity::find_by_id(SET_ASIDE).one(db).await {
        Err(error) => return error,
        Ok(Some(_)) => {
            "a copy into it was broken off, or is not done yet: see that `goldcrest copy` runs to its end, and start then"
        }
        Ok(None) => "the clock row is missing: this database is damaged or not Goldcrest's",
    };
    DbErr::Custom(why.to_owned())
}

impl From<clock::Model> for Clock {
    fn from(row: clock::Model) -> Self {
        Self {
            head: Seq(row.head),
            beginning: Seq(row.beginning),
            last_at: Timestamp(row.last_at),
            last_message: MessageId(row.last_message),
            last_user: UserId(row.last_user),
            last_conversation: ConversationId(row.last_conversation),
            last_session: SessionId(row.last_session),
            last_invitation: InvitationId(row.last_invitation),
            first_session: SessionId(row.first_session),
            first_message: MessageId(row.first_message),
            batch: row.batch,
            line: row.line,
        }
    }
}
