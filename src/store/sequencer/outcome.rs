//! Whether what was written is there, and safe: where a COMMIT was not answered, and where others have written.

use super::immediate;
use super::writer::Writer;
use crate::domain::Timestamp;
use crate::store::clock::Clock;
use crate::store::entity::commits;
use crate::store::patience::Patient;
use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseTransaction, DbBackend, DbErr, EntityTrait};
use std::time::Duration;
use tokio::time::Instant;

/// How long the outcome of a COMMIT whose answer was lost is looked for.
const OUTCOME_TIMEOUT: Duration = Duration::from_secs(10);

impl Writer {
    /// Whether a batch was committed whose COMMIT was not answered. Waiting for the clock waits for the old
    /// transaction to be over, so the answer is final. If it was not, nothing that the clock shows now is taken for known:
    /// it may be that of another line.
    pub(super) async fn find_out(&self, id: i64) -> Option<bool> {
        let give_up = Instant::now() + OUTCOME_TIMEOUT;
        while Instant::now() < give_up {
            let looking = tokio::time::timeout_at(give_up, self.look_for(id)).await;
            match looking.unwrap_or_else(|_| Err(DbErr::Custom("the database server says nothing".to_owned()))) {
                Ok(found) => return Some(found),
                Err(error) => tracing::debug!(%error, "cannot look for the outcome yet"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        None
    }

    async fn look_for(&self, id: i64) -> Result<bool, DbErr> {
        let db = self.store.write.begin(immediate()).await?;
        let clock = Clock::lock(&db).await?;
        let found = commits::Entity::find_by_id(id).one(&db).await?.is_some();
        if found {
            make_sure(db, &clock).await?;
        } else {
            db.rollback().await?;
        }
        Ok(found)
    }

    /// Whether the newest batch is known to be safe: this node's own COMMIT of it was answered, or one after it.
    pub(super) fn is_safe(&self, clock: &Clock) -> bool {
        // What `SQLite` shows is on disk.
        self.store.backend() == DbBackend::Sqlite
            || self.last.is_some_and(|last| last.batch == clock.batch)
            || self.made_sure == Some(clock.batch)
    }
}

/// Commits a batch without anything in it, and with it all that was committed before. What can be seen need not be safe: `MariaDB`
/// shows it a moment before it is on disk, and `PostgreSQL` shows what a synchronous standby does not have, if whoever waited
/// for that was cut off. The answer to a COMMIT waits for it all, if there is something to commit: a row that is written
/// as it was is nothing to `MariaDB`, so this writes a new one.
pub(super) async fn make_sure(db: Patient<DatabaseTransaction>, clock: &Clock) -> Result<(), DbErr> {
    let nothing = commits::ActiveModel {
        id: Set(rand::random()),
        first_seq: Set(clock.head.next().0),
        last_seq: Set(clock.head.0),
        at: Set(Timestamp::now().0),
    };
    commits::Entity::insert(nothing).exec_without_returning(&db).await?;
    db.commit().await
}
