//! Whether the database is still the one that was opened, or another in its place.

use super::Store;
use super::clock::{Clock, ROW};
use super::entity::{clock, events};
use parking_lot::Mutex;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait, QuerySelect, Statement};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// For how long readers may be shown the past before the database counts as lost: longer than a connection that is behind
/// takes to be found out, and shorter than anybody believes that nothing happens.
const PAST: Duration = Duration::from_secs(10);
/// Looks are made twice a second: after so long they are others.
const LOOKS: Duration = Duration::from_secs(3);

/// What is known of the database that was opened.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// The file of the embedded database, and which one it was: device and inode.
    file: Option<(PathBuf, (u64, u64))>,
    /// Its line of numbers, unless it had no clock.
    line: Option<i64>,
    replaced: AtomicBool,
    /// Since when those who read are shown the past, and when they last were.
    past: Mutex<Option<(Instant, Instant)>>,
}

impl Opened {
    /// Remembers which file a connection has open, if it has one, and which line of numbers is there.
    pub(super) async fn by(db: &impl ConnectionTrait) -> Result<Self, DbErr> {
        let line = clock::Entity::find_by_id(ROW).one(db).await?.map(|row| row.line);
        if db.get_database_backend() != DbBackend::Sqlite {
            return Ok(Self { line, ..Self::default() });
        }
        let query = Statement::from_string(DbBackend::Sqlite, "SELECT file FROM pragma_database_list");
        let file: Option<String> = db.query_one_raw(query).await?.map(|row| row.try_get_by_index(0)).transpose()?;
        let file = file.filter(|file| !file.is_empty()).map(PathBuf::from);
        let file = file.and_then(|file| identity(&file).ok().map(|identity| (file, identity)));
        Ok(Self { file, line, ..Self::default() })
    }

    /// Readers were shown the past. Says whether they have been for too long.
    pub(super) fn note_past(&self) -> bool {
        let now = Instant::now();
        let mut past = self.past.lock();
        let since = past.filter(|(_, last)| now - *last < LOOKS).map_or(now, |(since, _)| since);
        *past = Some((since, now));
        now - since > PAST
    }

    /// Another file under the name, or none: what is open is then out of everybody's reach, and what were written there
    /// would be gone with this process.
    fn is_elsewhere(&self) -> bool {
        let Some((file, identity_then)) = &self.file else { return false };
        match identity(file) {
            Ok(identity) => identity != *identity_then,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

fn identity(file: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(file)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl Store {
    /// Whether the database was found to be another than the one that was opened. Once it was, nothing is written any
    /// more until the server is started again: what it knows is not true of that one.
    pub fn is_replaced(&self) -> bool {
        if !self.opened.replaced.load(Ordering::Acquire) && self.opened.is_elsewhere() {
            tracing::error!("another file lies in the place of the database, or none: nothing is written any more");
            self.mark_replaced();
        }
        self.opened.replaced.load(Ordering::Acquire)
    }

    /// Whether this clock is another's than that of the database that was opened, which is noted: what came into an empty
    /// database by a copy, and the jump after a restore, begin a line of their own.
    pub fn is_of_another_line(&self, clock: &Clock) -> bool {
        let is_another = self.opened.line.is_some_and(|line| line != clock.line);
        if is_another && !self.opened.replaced.load(Ordering::Acquire) {
            tracing::error!(
                "the database was filled by a copy or a restore under a running server: nothing is written any more. Restart it"
            );
            self.mark_replaced();
        }
        is_another
    }

    /// Notes that it is another.
    pub fn mark_replaced(&self) {
        self.opened.replaced.store(true, Ordering::Release);
    }

    /// The file of the embedded database.
    pub(super) fn file(&self) -> Option<&Path> {
        self.opened.file.as_ref().map(|(file, _)| file.as_path())
    }
}

/// In which batch the event at a place was written, if it is still kept.
pub(super) async fn batch_at(db: &impl ConnectionTrait, seq: i64) -> Result<Option<i64>, DbErr> {
    let query = events::Entity::find_by_id(seq).select_only().column(events::Column::Batch);
    query.into_tuple().one(db).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn readers_may_be_shown_the_past_for_a_moment_and_no_longer() {
        let opened = Opened::default();
        let mut looks = 0;
        while !opened.note_past() {
            tokio::time::advance(Duration::from_millis(500)).await;
            looks += 1;
            assert!(looks < 100, "for ever");
        }
        assert!(looks > 20, "{looks}");
        tokio::time::advance(LOOKS).await;
        assert!(!opened.note_past(), "it had passed meanwhile");
    }
}
