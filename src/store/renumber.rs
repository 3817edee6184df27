//! The jump after a backup was restored: numbers that were given out since the backup was made are never given again.

use super::clock::Clock;
use super::entity::{commits, events, invitations, links, sessions, used_tickets, users};
use super::open::{Database, OpenError, Use, connect};
use super::sequencer::immediate;
use super::{Store, to_word};
use crate::domain::sessions::SessionKind;
use crate::domain::{Seq, Timestamp};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, JoinType, QueryFilter, QueryOrder,
    QuerySelect, TransactionTrait,
};

/// How far numbers jump: further than a server counts between a backup and its restoring. A number stays exact in
/// JavaScript for two million jumps.
const JUMP: i64 = 1 << 32;

/// What becomes of whatever lets somebody in and may have been taken back after the backup was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logins {
    /// Sessions, API keys, invitations and mailed links all end: none that was revoked or used comes back to life.
    End,
    /// They stay as they are in the backup, which nothing can have happened after.
    Keep,
}

/// An API key that the jump ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedKey {
    /// Whose it was, by name.
    pub owner: String,
    /// What its owner called it.
    pub name: String,
}

/// What the jump did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renumbered {
    /// The last event before it.
    pub from: Seq,
    /// The head after it; history begins behind it.
    pub head: Seq,
    /// When the last event happened.
    pub last_at: Timestamp,
    /// Sessions that it ended, API keys not counted.
    pub sessions: u64,
    /// API keys that it ended, in the order in which they were made.
    pub keys: Vec<EndedKey>,
}

impl Store {
    /// Moves the head, the beginning of history and the numbers of sessions forward in one transaction, so that every
    /// older cursor is told `reset` and no token means a session that it was not made for. Nothing else may write. The
    /// schema is brought up to date first. It takes as long as deleting all events does, and no part of it is given up.
    pub async fn renumber(database: &Database, logins: Logins) -> Result<Renumbered, OpenError> {
        Self::migrate(database).await?;
        let db = connect(database, Use::Preparing).await?;
        let done = jump(&db, logins).await;
        if let Err(error) = db.close().await {
            tracing::warn!(%error, "the database did not close cleanly");
        }
        done.map_err(OpenError::Renumber)
    }
}

async fn jump(db: &DatabaseConnection, logins: Logins) -> Result<Renumbered, DbErr> {
    let db = db.begin_with_options(immediate()).await?;
    let before = Clock::lock(&db).await?;
    let now = Timestamp::now().max(before.last_at);
    let head = Seq(before.head.0 + JUMP);
    let mut clock = before;
    clock.head = head;
    clock.beginning = head.next();
    clock.last_session.0 += JUMP;
    clock.batch = rand::random();
    // A node that still serves what was there before is not listened to.
    clock.line = rand::random();
    // No cursor reaches them any more.
    events::Entity::delete_many().exec(&db).await?;
    commits::Entity::delete_many().exec(&db).await?;
    let (sessions, keys) = match logins {
        Logins::Keep => (0, Vec::new()),
        Logins::End => {
            // Access tokens and tickets of sessions that the backup does not know are refused by this alone.
            clock.first_session = clock.last_session;
            end_logins(&db, now).await?
        }
    };
    clock.write(&db).await?;
    db.commit().await?;
    Ok(Renumbered { from: before.head, head, last_at: before.last_at, sessions, keys })
}

async fn end_logins(db: &impl ConnectionTrait, now: Timestamp) -> Result<(u64, Vec<EndedKey>), DbErr> {
    let owners = sessions::Entity::belongs_to(users::Entity).from(sessions::Column::UserId).to(users::Column::Id);
    let is_key = sessions::Column::Kind.eq(to_word(SessionKind::Key));
    let keys: Vec<(String, String)> = sessions::Entity::find()
        .select_only()
        .column(users::Column::Username)
        .column(sessions::Column::Name)
        .join(JoinType::InnerJoin, owners.into())
        .filter(is_key.clone())
        .filter(sessions::Column::RevokedAt.is_null())
        .order_by_asc(sessions::Column::Id)
        .into_tuple()
        .all(db)
        .await?;
    let keys = keys.into_iter().map(|(owner, name)| EndedKey { owner, name }).collect();
    let revoke = || {
        sessions::Entity::update_many()
            .col_expr(sessions::Column::RevokedAt, Expr::value(now.0))
            .filter(sessions::Column::RevokedAt.is_null())
    };
    revoke().filter(is_key).exec(db).await?;
    let others = revoke().exec(db).await?;
    used_tickets::Entity::delete_many().exec(db).await?;
    links::Entity::delete_many().exec(db).await?;
    invitations::Entity::update_many()
        .col_expr(invitations::Column::ExpiresAt, Expr::value(now.0))
        .filter(invitations::Column::ExpiresAt.gt(now.0))
        .exec(db)
        .await?;
    Ok((others.rows_affected, keys))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Crowd, database, open, together};
    use super::*;

    #[tokio::test]
    async fn what_was_said_of_the_line_is_behind_the_jump() {
        let home = tempfile::tempdir().unwrap();
        let store = open(home.path()).await;
        together(&store, [Crowd(1)]).await.pop().unwrap().expect("an event");
        let before = store.clock().await.expect("a clock").head;
        store.close().await;
        let done = Store::renumber(&database(home.path()).await, Logins::Keep).await.expect("it jumps");
        assert_eq!((done.from, done.head), (before, Seq(before.0 + JUMP)));
        let store = open(home.path()).await;
        assert_eq!(store.clock().await.expect("a clock").beginning, done.head.next());
        assert_eq!(events::Entity::find().all(&store.read).await.expect("a log").len(), 0);
    }
}
