//! The last step of a copy: the target gets its clock, in one transaction of whose outcome nothing is guessed.

use super::super::clock::{Clock, ROW, SET_ASIDE};
use super::super::entity::clock;
use super::super::sequencer::immediate;
use super::claim::{set_aside, write_clock};
use super::error::Failure;
use super::tables::{CLOCK, TABLES};
use super::{MoveError, Moved, Moving};
use crate::domain::Seq;
use sea_orm::{ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long the outcome of the last COMMIT is looked for, if the answer was lost.
const LOOKED_FOR: Duration = Duration::from_secs(20);
/// How long it is waited before that is tried again.
const BREATH: Duration = Duration::from_millis(500);

/// What became of it.
enum Outcome {
    /// The target has this clock.
    Done(clock::Model),
    /// It is half a copy as it was, and this one's.
    NotDone,
    /// Another copy has begun there.
    Overtaken,
}

impl Moving {
    /// Gives the target its clock, from when on it is a database that a server goes on with.
    pub async fn finish(&self) -> Result<Moved, MoveError> {
        let target = &self.claim.target;
        if target.get_database_backend() == DbBackend::Postgres {
            // It plans by what it knows of its tables, which of new ones is nothing; sooner or later it looks by itself.
            // Of what belongs to others it would say, of each, that it may not be looked through.
            let tables = TABLES.map(|table| table.name).join(", ");
            if let Err(error) = target.execute_unprepared(&format!("ANALYZE {tables}")).await {
                tracing::warn!(%error, "the database did not look through what it was given");
            }
        }
        // A database of its own has a line of its own: nobody takes the one for the other over NATS.
        let clock = clock::Model { line: rand::random(), ..self.clock.clone() };
        let going = self.set_going(&clock).await;
        if let Err(Failure::Overtaken) = going {
            return Err(MoveError::Overtaken(self.place.clone()));
        }
        let found = match (self.look_again(&clock).await, going) {
            (Ok(Outcome::Done(found)), _) => found,
            // It was said to be done.
            (Err(_), Ok(())) => clock.clone(),
            (Ok(Outcome::NotDone), Err(Failure::Writing(error) | Failure::Reading(error))) => {
                return Err(self.not_written(CLOCK, error));
            }
            (Ok(Outcome::NotDone | Outcome::Overtaken), _) => return Err(MoveError::Overtaken(self.place.clone())),
            (Err(error), Err(_)) => return Err(MoveError::Unknown(self.place.clone(), error)),
        };
        if Clock::from(found.clone()) != Clock::from(clock.clone()) {
            let how = format!("its head is {}, and was {}", found.head, clock.head);
            return Err(MoveError::Differs(self.place.clone(), CLOCK, how));
        }
        Ok(Moved { rows: self.rows, head: Seq(clock.head) })
    }

    async fn set_going(&self, clock: &clock::Model) -> Result<(), Failure> {
        let db = self.claim.begin().await?;
        let aside = clock::Entity::delete_many().filter(clock::Column::Id.eq(SET_ASIDE));
        aside.exec(&db).await.map_err(Failure::Writing)?;
        write_clock(&db, clock.clone()).await.map_err(Failure::Writing)?;
        db.commit().await.map_err(Failure::Writing)
    }

    /// What stands there now. The row is locked, which waits for a transaction that is still on its way: the answer is final.
    async fn look_again(&self, clock: &clock::Model) -> Result<Outcome, DbErr> {
        let give_up = Instant::now() + LOOKED_FOR;
        loop {
            let looked = timeout_at(give_up, self.look_at_clock(clock)).await;
            let looked = looked.unwrap_or_else(|_| Err(DbErr::Custom("the database server says nothing".to_owned())));
            match looked {
                Err(_) if Instant::now() + BREATH < give_up => sleep(BREATH).await,
                looked => return looked,
            }
        }
    }

    async fn look_at_clock(&self, clock: &clock::Model) -> Result<Outcome, DbErr> {
        let db = self.claim.target.begin(immediate()).await?;
        let aside = set_aside(&db).await?;
        let found = clock::Entity::find_by_id(ROW).one(&db).await?;
        db.rollback().await?;
        Ok(match (aside, found) {
            (None, Some(found)) if found.line == clock.line => Outcome::Done(found),
            (Some(aside), _) if aside.line == self.claim.token => Outcome::NotDone,
            _ => Outcome::Overtaken,
        })
    }
}
