//! What the server does by itself: forgetting old events, ending sessions that ran out, and clearing up after them.

use super::sessions::emit_revoked;
use super::{Failure, Services};
use crate::domain::{SessionId, Timestamp};
use crate::store::{Abort, Batch, Change, Forgotten};
use std::time::Duration;
use tokio::time::Instant;

/// Events deleted in one change: few enough that others hardly wait.
const EVENTS: i64 = 2_000;
/// Messages deleted in one change: they take longer, by how much depends on the database. So many at first, and then as
/// many, within these bounds, as are deleted in about this time.
const MESSAGES: u64 = 50;
const MESSAGES_BETWEEN: (u64, u64) = (5, 200);
const HELD_UP: Duration = Duration::from_millis(20);
/// How long messages are deleted in one go, before what else is to be done has its turn.
const IN_ONE_GO: Duration = Duration::from_secs(10);
/// When it is tried again what failed.
const AGAIN: Duration = Duration::from_mins(1);
/// Sessions ended in one change, each with its event, and forgotten in one.
const SESSIONS: u64 = 1_000;
/// How long an ended session's row is kept.
const SESSIONS_KEPT: Duration = Duration::from_hours(720);

/// Links, invitations and accounts that are forgotten in one change.
const UNUSED: u64 = 1_000;
/// How long an invitation that ended is listed.
const INVITATIONS_KEPT: Duration = Duration::from_hours(720);

impl Services {
    /// Sweeps again and again, until it is dropped: what it waits for is written without it, and each of its parts begins where
    /// another ended. Each hour, or more often where history or messages are kept
    /// for not much longer than that.
    pub async fn keep_house(&self) {
        let kept = self.rules().event_retention.min(self.rules().message_retention.unwrap_or(Duration::MAX));
        let every = (kept / 10).clamp(Duration::from_secs(1), Duration::from_hours(1));
        let mut sweeps = tokio::time::interval(every);
        let mut sessions = tokio::time::interval(Duration::from_mins(1));
        loop {
            let swept = tokio::select! {
                _ = sweeps.tick() => match self.sweep().await {
                    Ok(true) => {
                        sweeps.reset_immediately();
                        Ok(())
                    }
                    Ok(false) => Ok(()),
                    Err(error) => {
                        // What is to be gone by now does not stay for an hour because the server was busy for a moment.
                        sweeps.reset_after(every.min(AGAIN));
                        Err(error)
                    }
                },
                _ = sessions.tick() => self.tidy().await,
            };
            if let Err(error) = swept {
                tracing::warn!(%error, "housekeeping failed; it will be tried again");
            }
        }
    }

    async fn tidy(&self) -> Result<(), Failure> {
        self.in_parts(|| EndExpired).await?;
        self.see_off_all().await
    }

    /// Makes a change again for as long as it leaves something to do.
    async fn in_parts<C>(&self, change: impl Fn() -> C) -> Result<(), Failure>
    where
        C: Change<Output = bool>,
    {
        let mut begun = Instant::now();
        while self.sequencer().submit(change()).await? {
            // Others have as much of the clock meanwhile as this takes of it.
            tokio::time::sleep(begun.elapsed()).await;
            begun = Instant::now();
        }
        Ok(())
    }

    /// Forgets what is too old. Returns whether there is more of it.
    async fn sweep(&self) -> Result<bool, Failure> {
        let now = Timestamp::now();
        let before = now.minus(self.rules().event_retention);
        self.in_parts(|| ForgetEvents { before }).await?;
        self.in_parts(|| ForgetSessions { before: now.minus(SESSIONS_KEPT) }).await?;
        self.in_parts(|| ForgetUnused { before: now.minus(INVITATIONS_KEPT) }).await?;
        match self.rules().message_retention {
            Some(kept) => self.forget_messages(now.minus(kept)).await,
            None => Ok(false),
        }
    }

    /// Deletes what was said before a moment. Returns whether there is more of it.
    async fn forget_messages(&self, before: Timestamp) -> Result<bool, Failure> {
        let (mut total, mut most, start) = (0, MESSAGES, Instant::now());
        let mut longest = Duration::ZERO;
        let unfinished = loop {
            let begun = Instant::now();
            let (done, took) = self.sequencer().submit(ForgetMessages { before, most }).await?;
            let Forgotten { messages, more } = done;
            total += messages;
            longest = longest.max(took);
            let (least, limit) = MESSAGES_BETWEEN;
            if took > HELD_UP {
                most = (most / 2).max(least);
            } else if took < HELD_UP / 2 {
                most = (most * 2).min(limit);
            }
            if !more || start.elapsed() > IN_ONE_GO {
                break more;
            }
            // Others have as much of the clock meanwhile as this takes of it.
            tokio::time::sleep(begun.elapsed()).await;
        };
        if total > 0 {
            tracing::info!(messages = total, longest = ?longest, at_a_time = most, "messages that were kept for long enough are deleted");
        }
        Ok(unfinished)
    }
}

struct ForgetEvents {
    before: Timestamp,
}

impl Change for ForgetEvents {
    type Output = bool;

    async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
        batch.forget_events(self.before, EVENTS).await
    }
}

struct ForgetMessages {
    before: Timestamp,
    most: u64,
}

impl Change for ForgetMessages {
    /// What came of it, and how long it had the clock.
    type Output = (Forgotten, Duration);

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let begun = Instant::now();
        let done = batch.expire_messages(self.before, self.most).await?;
        Ok((done, begun.elapsed()))
    }
}

/// Ends sessions that ran out. Says whether there may be more.
struct EndExpired;

impl Change for EndExpired {
    type Output = bool;

    async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
        let expired = batch.expired_sessions(SESSIONS).await?;
        if expired.is_empty() {
            return Ok(false);
        }
        let ids: Vec<SessionId> = expired.iter().map(|session| session.id).collect();
        batch.revoke(&ids).await?;
        for session in &expired {
            emit_revoked(batch, session);
        }
        Ok(expired.len() as u64 == SESSIONS)
    }
}

struct ForgetSessions {
    before: Timestamp,
}

impl Change for ForgetSessions {
    type Output = bool;

    async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
        batch.forget_sessions(self.before, SESSIONS).await
    }
}

/// Forgets links and invitations that ended, and accounts that were never activated.
struct ForgetUnused {
    before: Timestamp,
}

impl Change for ForgetUnused {
    type Output = bool;

    async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
        batch.forget_unused(self.before, UNUSED).await
    }
}
