//! Keeps the hub in step with the log: takes what this node commits, and finds in the database what others did.

use super::event::Event;
use super::hub::{Applied, Hub};
use super::log::Log;
use super::passing::Passing;
use super::presence::Turn;
use super::progress::Progress;
use super::relay::Relay;
use super::slot::Ending;
use super::subscription::{RegisterError, Subscription, Wish};
use crate::domain::ephemeral::Ephemeral;
use crate::domain::events::Record;
use crate::domain::{ConversationId, Seq, Timestamp, UserId};
use crate::store::{Store, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, sleep_until};
use tokio_util::sync::CancellationToken;

/// Events read in one go to fill a gap.
const GAP_PAGE: u64 = 512;
/// Woken so much later than it wanted to be, this process stood still.
const AWAY: Duration = Duration::from_secs(1);

/// How closely the database is watched.
#[derive(Debug, Clone, Copy)]
pub struct FollowerOptions {
    /// How often the clock's head is read: a batch whose publisher died has no later batch to betray it.
    pub every: Duration,
    /// How long the database may be gone before streams are sent away.
    pub patience: Duration,
}

impl Default for FollowerOptions {
    fn default() -> Self {
        Self { every: Duration::from_millis(500), patience: Duration::from_secs(30) }
    }
}

/// The hub together with the log that it follows.
#[derive(Debug)]
pub struct Follower {
    hub: Arc<Hub>,
    log: Arc<Log>,
    /// One at a time fills a gap.
    filling: tokio::sync::Mutex<()>,
    reachable: AtomicBool,
    /// When the database last answered.
    answered: Mutex<Instant>,
    progress: Progress,
    /// The way to the other nodes, if there are any.
    relay: Option<Relay>,
}

impl Follower {
    /// Follows this log into this hub.
    pub fn new(hub: Arc<Hub>, store: Store) -> Self {
        let log = Arc::new(Log::new(store, Arc::clone(hub.heard())));
        Self {
            hub,
            log,
            filling: tokio::sync::Mutex::default(),
            reachable: AtomicBool::new(true),
            answered: Mutex::new(Instant::now()),
            progress: Progress::default(),
            relay: None,
        }
    }

    /// The same with a way to other nodes that write to the same log.
    #[must_use]
    pub fn with_relay(self, relay: Option<Relay>) -> Self {
        Self { relay, ..self }
    }

    /// The way to the other nodes, if there are any.
    pub fn relay(&self) -> Option<&Relay> {
        self.relay.as_ref()
    }

    /// The hub.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Whether the database answered when it was last asked.
    pub fn database_answers(&self) -> bool {
        self.reachable.load(Ordering::Acquire)
    }

    /// The database's last event, as far as is known here.
    pub fn head(&self) -> Seq {
        self.progress.head().max(self.hub.applied())
    }

    /// The last event that streams were told of here, and in which batch it was written, if that is known.
    pub fn last_told(&self) -> (Seq, Option<i64>) {
        self.hub.last_known()
    }

    /// For how long there is something in the database that has not been applied here.
    pub fn behind(&self) -> Duration {
        self.progress.behind(self.hub.applied())
    }

    /// Whether the database is another than the one that was opened, so that nothing is heard or written here.
    pub fn is_replaced(&self) -> bool {
        self.log.store().is_replaced()
    }

    /// Opens a stream.
    pub async fn subscribe(&self, wish: Wish) -> Result<Subscription, RegisterError> {
        Subscription::register(Arc::clone(&self.hub), Arc::clone(&self.log), wish).await
    }

    /// Sends a committed batch to its hearers, here and on other nodes, after what is missing before it; and here what others wrote
    /// through a place: who is answered finds what that rests on in the streams of this node.
    pub async fn committed(&self, records: Vec<Record>, through: Seq) {
        let records: Arc<[Record]> = records.into();
        let relay = self.relay.as_ref().filter(|_| !records.is_empty());
        if let Some(relay) = relay {
            relay.say_batch(&records);
        }
        let told = self.hand_out(&records).await;
        if !told {
            // Whoever ends a session hears that it is done, so it is, also where what comes before cannot be read yet.
            records.iter().for_each(|record| self.hub.revoke_ahead(record));
        }
        if let Some(relay) = relay {
            relay.note_moved();
        }
        if told
            && self.hub.applied() < through
            && !self.hub.is_closed()
            && let Err(error) = self.fill(through).await
        {
            tracing::warn!(%error, event.seq = through.0, "cannot read what others have committed");
        }
    }

    /// Whether they could be handed out.
    async fn hand_out(&self, records: &[Record]) -> bool {
        for record in records {
            let event = Arc::new(Event::new(record));
            while self.apply(&event) == Applied::Gap {
                // Another node committed before us, and we have not heard of it yet.
                if let Err(error) = self.fill(event.seq.previous()).await {
                    tracing::warn!(%error, event.seq = event.seq.0, "cannot read the events before a committed one");
                    return false;
                }
                if self.hub.is_closed() && self.hub.applied() < event.seq.previous() {
                    // The log does not have them: the streams were told, and the writer is not held up.
                    return false;
                }
            }
        }
        true
    }

    /// Sends what another node has committed to its hearers here, as far as it is what comes next. That it is what the
    /// database holds is looked at twice a second.
    pub(super) fn heard(&self, records: &[Record]) {
        for record in records.iter().filter(|record| record.seq > self.hub.applied()) {
            if self.hub.apply(&Arc::new(Event::new(record))) != Applied::Done {
                return;
            }
        }
    }

    /// Tells the others in a conversation what passes there, on whichever node they are.
    pub fn tell_members(&self, conversation: ConversationId, except: UserId, ephemeral: &Ephemeral) {
        let at = Timestamp::now();
        if let Some(relay) = &self.relay {
            relay.say_ephemeral(ephemeral, at);
        }
        self.hub.tell_members(conversation, except, &Passing::new(ephemeral, at));
    }

    /// Somebody shows himself, or no longer does: those who may see him are told, on whichever node they are.
    pub fn note_shown(&self, user: UserId) {
        if let Some(relay) = &self.relay {
            relay.say_shown(user);
        }
        self.hub.presence().note(Turn::Shown(user));
    }

    /// Reads the clock's head again and again until told to stop.
    pub async fn follow(&self, options: FollowerOptions, stop: CancellationToken) {
        let mut every = tokio::time::interval(options.every);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.note_answer();
        let mut sent_away = false;
        loop {
            let mut next = std::pin::pin!(async {
                every.tick().await;
                self.look().await
            });
            // Beside the look: a server that stands still is waited for in it, for longer than streams are.
            let looked = loop {
                let lost = *self.answered.lock() + options.patience;
                tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    looked = &mut next => break looked,
                    () = sleep_until(lost), if !sent_away => {
                        if lost.elapsed() > AWAY {
                            // It was this process that stood still, and the database has had no time to answer.
                            *self.answered.lock() = Instant::now() + AWAY - options.patience;
                        } else if *self.answered.lock() + options.patience <= lost {
                            sent_away = true;
                            self.reachable.store(false, Ordering::Release);
                            self.hub.end_all(Ending::DatabaseLost);
                        }
                    }
                }
            };
            match looked {
                Ok(()) => {
                    sent_away = false;
                    self.reachable.store(true, Ordering::Release);
                }
                Err(error) if error.is_busy() => {
                    self.note_answer();
                    tracing::warn!("the database has so much to do that what others wrote is not looked for");
                }
                Err(error) => {
                    self.reachable.store(false, Ordering::Release);
                    tracing::warn!(%error, "the database does not answer");
                }
            }
            self.hub.forget_revocations(Timestamp::now());
        }
    }

    /// The database has answered just now.
    fn note_answer(&self) {
        *self.answered.lock() = Instant::now();
    }

    /// Compares what is known with the database, and applies what is new there.
    pub(super) async fn look(&self) -> Result<(), StoreError> {
        let new = self.compare().await?;
        self.note_answer();
        match new {
            Some(through) => self.fill(through).await,
            None => Ok(()),
        }
    }

    /// Through which place the database may be applied; not at all, if it is another or shows the past.
    async fn compare(&self) -> Result<Option<Seq>, StoreError> {
        let store = self.log.store();
        // Before the clock, which must not be older than what it is compared with.
        let (applied, batch) = self.hub.last_known();
        let clock = store.clock().await?;
        self.progress.note(clock.head, self.hub.applied());
        if store.is_replaced() || store.is_of_another_line(&clock) {
            self.diverged(clock.head);
            return Ok(None);
        }
        if clock.head < applied || !self.is_as_known(applied, batch).await? {
            // That ends everything until the server is started again, so one look at the past is not enough for it.
            if store.stands(applied, batch).await? {
                tracing::warn!(
                    event.seq = applied.0,
                    head = clock.head.0,
                    "a connection to the database showed the past"
                );
            } else {
                self.diverged(clock.head);
            }
            return Ok(None);
        }
        self.hub.forget_before(clock.beginning);
        Ok(Some(clock.head))
    }

    /// Whether the last event that is known stands in the log as it was, unless history no longer keeps it.
    async fn is_as_known(&self, applied: Seq, batch: Option<i64>) -> Result<bool, StoreError> {
        let found = self.log.store().batch_at(applied).await?;
        match (batch, found) {
            (Some(known), Some(found)) => Ok(known == found),
            (None, Some(found)) => {
                self.hub.learn(applied, found);
                Ok(true)
            }
            (None, None) => Ok(true),
            // Read after, so that what retention takes meanwhile is not missed.
            (Some(_), None) => Ok(applied < self.log.store().clock().await?.beginning),
        }
    }

    /// Applies what the log holds through a place.
    async fn fill(&self, through: Seq) -> Result<(), StoreError> {
        let _alone = self.filling.lock().await;
        while self.hub.applied() < through {
            let after = self.hub.applied();
            let page = self.log.store().log_page(after, through, None, GAP_PAGE).await?;
            self.note_answer();
            if page.records.is_empty() {
                tracing::error!(event.seq = after.0, "events are missing in the log");
                self.diverged(page.passed);
                return Ok(());
            }
            self.hub.heard().fetched.add_all(page.records.len());
            for record in &page.records {
                self.apply(&Arc::new(Event::new(record)));
            }
            if self.hub.applied() == after {
                tracing::error!(event.seq = after.0, "the log has a gap");
                self.diverged(page.passed);
                return Ok(());
            }
        }
        Ok(())
    }

    fn apply(&self, event: &Arc<Event>) -> Applied {
        let applied = self.hub.apply(event);
        if applied == Applied::Diverged {
            self.diverged(event.seq);
        }
        applied
    }

    /// The line of numbers is not the one that streams were told: they end, new ones find no server here, and nothing is
    /// written any more.
    fn diverged(&self, seq: Seq) {
        self.log.store().mark_replaced();
        if !self.hub.is_closed() {
            tracing::error!(
                event.seq = seq.0,
                known = self.hub.applied().0,
                "the database was replaced under a running server: all streams end. Restart the server"
            );
            self.hub.close(Ending::HistoryReplaced);
        }
    }
}
