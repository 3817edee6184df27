//! One stream's way along the line: replay from its cursor, then live, and back to replay when it lags.
//!
//! Starting, resuming and catching up are one path. The stream reads from the ring, or from the log where the ring does
//! not reach, until it is near what was applied; then it lets its queue fill, reads on through the last event that was
//! not queued, and is live. If the queue runs over it is dropped, and the stream reads on from where it is.

mod short;
mod sight;

use super::audience::Audience;
use super::cursor::{Cursor, Gap};
use super::event::Event;
use super::hub::Hub;
use super::log::{Log, Page};
use super::passing::Passing;
use super::slot::{Ending, Listener, Manner, Slot, Taken};
use crate::domain::{ConversationId, Seq, SessionId, UserId};
use crate::meter::Raised;
use crate::store::StoreError;
use futures_util::future::BoxFuture;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};

/// How near to what was applied a stream must be before its queue is opened.
const NEAR: i64 = 64;
/// Events taken out of the ring in one go, and the bytes after which no more are: a stream that is slow keeps them in
/// memory when the ring has long let go of them.
const RING_PAGE: (usize, usize) = (256, 1024 * 1024);

/// What a stream is to hear.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Whose stream.
    pub user: UserId,
    /// What it was opened with.
    pub session: SessionId,
    /// Only this conversation, if its credentials are bound to one.
    pub only: Option<ConversationId>,
    /// Public channels that it follows.
    pub follows: Vec<ConversationId>,
    /// Where it goes on from.
    pub cursor: Cursor,
    /// How its user listens.
    pub manner: Manner,
    /// How many streams its user may have open with this one, if that is bounded.
    pub limit: Option<usize>,
}

/// Why a stream could not be registered.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its user has as many as he may.
    #[error("too many streams are open")]
    TooMany,
}

/// What comes next on a stream.
#[derive(Debug)]
pub enum Step {
    /// An event that its user may see.
    Event(Arc<Event>),
    /// What passes. It moves no position.
    Passing(Arc<Passing>),
    /// Events are missing; the stream goes on from its new position.
    Reset(Gap),
    /// The server ends the stream.
    End(Ending),
}

/// An open stream's place in the hub. Dropping it takes it out.
pub struct Subscription {
    hub: Arc<Hub>,
    log: Arc<Log>,
    slot: Arc<Slot>,
    audience: Arc<Audience>,
    follows: Vec<(ConversationId, Seq)>,
    only: Option<ConversationId>,
    position: Seq,
    gap: Option<Gap>,
    mode: Mode,
    /// While it is not live.
    lagging: Option<Raised>,
    manner: Manner,
    /// Whether the user counts as being there for this stream.
    there: bool,
}

enum Mode {
    /// Reads by itself. With a target, its queue is open and holds what comes after that. `since` is a place whose
    /// deletions the page has minded.
    Behind { through: Option<Seq>, page: VecDeque<Arc<Event>>, passed: Seq, since: Seq },
    /// Waits for a page of the log.
    Reading { through: Option<Seq>, page: BoxFuture<'static, Result<Page, StoreError>>, since: Seq },
    /// Takes from its queue.
    Live,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription")
            .field("user", &self.slot.user)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// Enters the hub: first under the user's topic, so that no change is missed, then with the stays as the database
    /// has them under their topics. What was applied at the end of that is where replay ends and live begins.
    pub(super) async fn register(hub: Arc<Hub>, log: Arc<Log>, wish: Wish) -> Result<Self, RegisterError> {
        let Wish { user, session, manner, limit, .. } = wish;
        let entered = hub.enter(Listener { user, session, manner }, limit);
        let (slot, audience) = entered.ok_or(RegisterError::TooMany)?;
        // From here on dropping the subscription takes the stream out again, also if reading the database fails.
        let mut subscription = Self {
            hub,
            log,
            slot,
            audience,
            follows: Vec::new(),
            only: wish.only,
            position: Seq(0),
            gap: None,
            mode: Mode::Live,
            lagging: None,
            manner: wish.manner,
            there: false,
        };
        subscription.load_stays().await?;
        for conversation in wish.follows {
            // A cursor asks for the channel's history too: it is public.
            subscription.follow_from(conversation, Seq(0));
        }
        (subscription.position, subscription.gap) = wish.cursor.resolve(&subscription.hub, &subscription.log).await?;
        if let (Cursor::After(after), Manner::Stream) = (wish.cursor, wish.manner) {
            let missed = subscription.hub.applied().0.saturating_sub(after.0);
            subscription.hub.heard().depth.count(u64::try_from(missed).unwrap_or(0));
        }
        subscription.mode = subscription.behind(None);
        subscription.come();
        Ok(subscription)
    }

    async fn load_stays(&mut self) -> Result<(), StoreError> {
        if self.audience.is_ready() {
            return Ok(());
        }
        let _alone = self.audience.loading.lock().await;
        if !self.audience.is_ready() {
            // All stays: those that ended before history begins are few, and then no replay can miss one.
            let stays = self.log.store().stays_of(self.slot.user, Seq(0)).await?;
            self.hub.settle(&self.audience, stays);
        }
        Ok(())
    }

    /// The user counts as being there for this stream, if it is anybody's.
    pub fn come(&mut self) {
        if !self.there && self.slot.user != UserId(0) {
            self.there = true;
            self.hub.presence().came(self.slot.user);
        }
    }

    /// He does so no longer, though the stream may have some words left.
    pub fn go(&mut self) {
        if std::mem::take(&mut self.there) {
            match self.manner {
                Manner::Poll | Manner::Glance if !self.hub.is_revoked(self.slot.session) => {
                    self.hub.presence().polled(self.slot.user);
                }
                Manner::Poll | Manner::Glance | Manner::Stream => self.hub.presence().went(self.slot.user),
            }
        }
    }

    /// The place up to which everything that the user may see has been taken from this subscription.
    pub fn position(&self) -> Seq {
        self.position
    }

    /// Whether all that was applied has been read, so that only what is new can come.
    pub fn is_live(&self) -> bool {
        matches!(self.mode, Mode::Live)
    }

    /// Why the stream could not go on from its cursor, which its hearer must learn before its cursor moves.
    pub fn gap(&mut self) -> Option<Gap> {
        self.gap.take()
    }

    /// The last event that this node has applied.
    pub fn head(&self) -> Seq {
        self.hub.applied()
    }

    /// The stream's slot, by which it can be ended.
    pub fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }

    /// Hears a public channel from now on. Returns the place after which its events come.
    pub fn follow(&mut self, conversation: ConversationId) -> Seq {
        if let Some((_, since)) = self.follows.iter().find(|(known, _)| *known == conversation) {
            *since
        } else {
            let since = self.hub.follow(&self.slot, conversation);
            self.follows.push((conversation, since));
            since
        }
    }

    fn follow_from(&mut self, conversation: ConversationId, since: Seq) {
        if !self.follows.iter().any(|(known, _)| *known == conversation) {
            self.hub.follow(&self.slot, conversation);
            self.follows.push((conversation, since));
        }
    }

    /// Hears a channel no longer.
    pub fn unfollow(&mut self, conversation: ConversationId) {
        self.follows.retain(|(known, _)| *known != conversation);
        self.hub.unfollow(&self.slot, conversation);
    }

    /// The next step, or none yet; the task is woken when there may be one.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        loop {
            if let Some(ending) = self.slot.ending(context) {
                return Poll::Ready(match ending {
                    Ending::HistoryReplaced => Step::Reset(Gap::HistoryReplaced),
                    ending => Step::End(ending),
                });
            }
            match &mut self.mode {
                Mode::Live => {
                    // Read before the queue is seen empty: all up to here has been queued, and then taken.
                    let applied = self.hub.applied();
                    match self.slot.take(context) {
                        Taken::Event(event) if event.seq <= self.position => {}
                        Taken::Event(event) => {
                            if !self.sees(&event) {
                                self.position = event.seq;
                            } else if let Some(event) = self.as_it_is_now(&event, event.seq) {
                                self.position = event.seq;
                                return Poll::Ready(Step::Event(event));
                            } else {
                                self.mode = self.behind(None);
                            }
                        }
                        Taken::Passing(passing) => {
                            if self.hears(&passing) {
                                return Poll::Ready(Step::Passing(passing));
                            }
                        }
                        Taken::Empty => {
                            self.position = self.position.max(applied);
                            return Poll::Pending;
                        }
                        // Which is told in the next round.
                        Taken::Ended => {}
                        Taken::Overflown => {
                            self.hub.heard().overflows.one();
                            self.mode = self.behind(None);
                        }
                    }
                }
                Mode::Behind { page, passed, since, through } => {
                    let (through, since) = (*through, *since);
                    if let Some(event) = page.pop_front() {
                        if !self.sees(&event) {
                            self.position = event.seq;
                        } else if let Some(event) = self.as_it_is_now(&event, since) {
                            self.position = event.seq;
                            return Poll::Ready(Step::Event(event));
                        } else {
                            self.mode = self.behind(through);
                        }
                    } else {
                        self.position = self.position.max(*passed);
                        self.read_on();
                    }
                }
                Mode::Reading { through, page, since } => {
                    let (through, since) = (*through, *since);
                    match page.as_mut().poll(context) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Err(error)) => {
                            tracing::warn!(%error, user.id = self.slot.user.0, "a stream cannot read the log");
                            // What has failed is at its end: whoever looks once more begins anew.
                            self.mode = self.behind(through);
                            return Poll::Ready(Step::End(Ending::DatabaseLost));
                        }
                        Poll::Ready(Ok(page)) => {
                            if self.position < page.beginning.previous() {
                                // Retention overtook the reader: part of what it was to read is gone.
                                return Poll::Ready(self.reset());
                            }
                            let Page { events, passed, .. } = page;
                            self.mode = Mode::Behind { through, page: events.into(), passed, since };
                        }
                    }
                }
            }
        }
    }

    /// Lets a page that is being read come in while no event is taken: nothing of the database is held for as long as a
    /// hearer is slow.
    pub fn keep_reading(&mut self, context: &mut Context<'_>) {
        if let Mode::Reading { page, .. } = &mut self.mode
            && let Poll::Ready(read) = page.as_mut().poll(context)
        {
            *page = Box::pin(std::future::ready(read));
        }
    }

    /// Goes on from what is applied now, with a gap that the hearer is told of.
    fn reset(&mut self) -> Step {
        self.position = self.hub.applied();
        self.mode = self.behind(None);
        Step::Reset(Gap::HistoryExpired)
    }

    /// Gets the next page, or goes live.
    fn read_on(&mut self) {
        let Mode::Behind { through, .. } = self.mode else { return };
        let through = match through {
            Some(through) => Some(through),
            None if self.hub.applied().0 - self.position.0 <= NEAR => Some(self.hub.accept(&self.slot)),
            None => None,
        };
        let target = through.unwrap_or_else(|| self.hub.applied());
        // A cursor may be ahead of what this node has applied; then there is nothing to read, and what comes is skipped
        // up to the cursor.
        if self.position >= target {
            if through.is_some() {
                (self.mode, self.lagging) = (Mode::Live, None);
            } else {
                self.mode = self.behind(None);
            }
            return;
        }
        let position = self.position;
        // Before anything is read: what was deleted up to here is empty in the ring and in the log.
        let since = self.hub.applied();
        let recent: Option<(VecDeque<Arc<Event>>, Seq)> = self.hub.ring(|ring| {
            let (most, most_bytes) = RING_PAGE;
            let recent = ring.after(position, most)?;
            let mut passed = position;
            let mut page = VecDeque::new();
            let mut bytes = 0;
            for event in recent.take_while(|event| event.seq <= target) {
                passed = event.seq;
                if self.sees(event) {
                    page.push_back(Arc::clone(event));
                    bytes += event.weight();
                }
                if bytes >= most_bytes {
                    break;
                }
            }
            (passed > position).then_some((page, passed))
        });
        self.mode = if let Some((page, passed)) = recent {
            Mode::Behind { through, page, passed, since }
        } else {
            let log = Arc::clone(&self.log);
            let topics = self.topics();
            let page = Box::pin(async move { log.page(position, target, &topics).await });
            Mode::Reading { through, page, since }
        };
    }

    /// On its way from its position, with nothing read yet.
    fn behind(&mut self, through: Option<Seq>) -> Mode {
        let level = &self.hub.heard().lagging;
        self.lagging.get_or_insert_with(|| level.raise());
        Mode::Behind { through, page: VecDeque::new(), passed: self.position, since: self.position }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        // Whoever pumps may have hold of the slot for a moment longer, and is not to have hold of the socket.
        self.slot.close();
        self.go();
        let follows: Vec<_> = self.follows.iter().map(|(conversation, _)| *conversation).collect();
        self.hub.exit(&self.slot, &self.audience, &follows);
    }
}
