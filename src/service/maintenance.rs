//! What the server does by itself: forgetting old events, ending sessions that ran out, and clearing up after them.

use super::sessions::emit_revoked;
use super::{Failure, Services};
use crate::domain::{SessionId, Timestamp};
use crate::store::{Abort, Batch, Change};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Events deleted in one change: few enough that others hardly wait.
const EVENTS: i64 = 2_000;
/// Sessions ended in one change, each with its event.
const SESSIONS: u64 = 1_000;
/// How long an ended session's row is kept.
const SESSIONS_KEPT: Duration = Duration::from_hours(720);

/// How long an invitation that ended is listed.
const INVITATIONS_KEPT: Duration = Duration::from_hours(720);

impl Services {
    /// Sweeps again and again until told to stop: each hour, or more often where history is kept for less than that.
    pub async fn keep_house(&self, stop: CancellationToken) {
        let every = (self.rules().event_retention / 10).clamp(Duration::from_secs(1), Duration::from_hours(1));
        let mut sweeps = tokio::time::interval(every);
        let mut sessions = tokio::time::interval(Duration::from_mins(1));
        loop {
            let swept = tokio::select! {
                () = stop.cancelled() => return,
                _ = sweeps.tick() => self.sweep().await,
                _ = sessions.tick() => self.tidy().await,
            };
            if let Err(error) = swept {
                tracing::warn!(%error, "housekeeping failed; it will be tried again");
            }
        }
    }

    async fn tidy(&self) -> Result<(), Failure> {
        while self.sequencer().submit(EndExpired).await? {}
        self.see_off_all().await
    }

    async fn sweep(&self) -> Result<(), Failure> {
        let now = Timestamp::now();
        let before = now.minus(self.rules().event_retention);
        while self.sequencer().submit(ForgetEvents { before }).await? {}
        self.sequencer().submit(ForgetSessions { before: now.minus(SESSIONS_KEPT) }).await?;
        self.sequencer().submit(ForgetUnused { before: now.minus(INVITATIONS_KEPT) }).await
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
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        batch.forget_sessions(self.before).await
    }
}

/// Forgets links and invitations that ended, and accounts that were never activated.
struct ForgetUnused {
    before: Timestamp,
}

impl Change for ForgetUnused {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        batch.forget_unused(self.before).await
    }
}
