//! What may be done: one method per verb, which refuses cheaply, submits a change that decides under the clock, and
//! answers with complete views.

pub mod accounts;
pub mod blocks;
pub mod condition;
pub mod contacts;
pub mod conversations;
pub mod copies;
pub mod credentials;
pub mod departures;
pub mod export;
pub mod invitations;
pub mod keys;
pub mod links;
pub mod maintenance;
pub mod messages;
mod page;
pub mod passwords;
pub mod presence;
mod reach;
pub mod receipts;
pub mod sessions;
pub mod streams;
pub mod tokens;
pub mod trust;
mod typing;

use crate::domain::sessions::{NO_SESSION, Principal};
use crate::domain::users::Mark;
use crate::domain::{Refusal, SessionId, UserId};
use crate::live::{Follower, Hub};
use crate::mail::{Outbox, Writer};
use crate::store::{Abort, Batch, Change, Sequencer, Store, Wants};
use schemars::JsonSchema;
use serde::Serialize;
use sessions::Who;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use url::Url;

pub use crate::store::{CopyError, Directs, MessagePage, SubmitError as Failure};
pub use page::{Leaf, Numbered, Page};

/// New passwords asked for that wait to be looked into.
const ORDERS: usize = 256;

/// What the operator decided about accounts and streams.
#[derive(Debug, Clone)]
pub struct Rules {
    /// Who may register.
    pub admission: Admission,
    /// Whether an account counts only with a confirmed address.
    pub email_required: bool,
    /// Where the server is reached from outside.
    pub public_url: Option<Url>,
    /// The fewest characters of a password.
    pub password_min_length: usize,
    /// How long an access token is good.
    pub access_token_lifetime: Duration,
    /// How long a session lasts that is not used.
    pub session_lifetime: Duration,
    /// Streams that one user may have open at a time.
    pub streams_per_user: usize,
    /// How long events are kept.
    pub event_retention: Duration,
    /// How long messages are kept; for ever unless said.
    pub message_retention: Option<Duration>,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "WhoMayRegister")]
pub enum Admission {
    /// Anybody.
    Open,
    /// Whoever has an invitation.
    Invite,
    /// Nobody; the operator makes accounts.
    Closed,
}

/// How mail is sent, if it is.
#[derive(Debug, Clone)]
pub struct Post {
    /// The queue.
    pub outbox: Outbox,
    /// Who writes what goes there.
    pub writer: Writer,
}

/// All that may be done, with what it takes to do it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// What tells this run of the server from every other; no secret.
    instance: String,
    store: Store,
    sequencer: Sequencer,
    follower: Arc<Follower>,
    tokens: tokens::Tokens,
    passwords: passwords::Passwords,
    remembered: credentials::Remembered,
    shown: credentials::ShownTickets,
    verified: credentials::Verified,
    proven: trust::Proven,
    typing: typing::Typing,
    exports: export::Places,
    rules: Rules,
    post: Option<Post>,
    logins: condition::Logins,
    /// Whether the server was asked to stop.
    leaving: AtomicBool,
    /// New passwords that were asked for, and are not looked into yet.
    orders: (mpsc::Sender<Who>, Mutex<mpsc::Receiver<Who>>),
}

impl Services {
    /// Puts the parts together.
    pub fn new(
        store: Store,
        sequencer: Sequencer,
        follower: Arc<Follower>,
        tokens: tokens::Tokens,
        rules: Rules,
        post: Option<Post>,
    ) -> Self {
        let passwords = passwords::Passwords::new();
        let remembered = credentials::Remembered::default();
        let shown = credentials::ShownTickets::default();
        let verified = credentials::Verified::default();
        let proven = trust::Proven::new();
        let typing = typing::Typing::default();
        let exports = export::Places::new();
        let (asked, orders) = mpsc::channel(ORDERS);
        let orders = (asked, Mutex::new(orders));
        let instance = format!("{:016x}", rand::random::<u64>());
        let inner = Inner {
            instance,
            store,
            sequencer,
            follower,
            tokens,
            passwords,
            remembered,
            shown,
            verified,
            proven,
            typing,
            exports,
            rules,
            post,
            logins: condition::Logins::default(),
            leaving: AtomicBool::new(false),
            orders,
        };
        Self { inner: Arc::new(inner) }
    }

    /// The hub and the log behind the streams.
    pub fn follower(&self) -> &Arc<Follower> {
        &self.inner.follower
    }

    /// What tells this run of the server from every other, also of the same data: no secret, and no meaning else.
    pub fn instance(&self) -> &str {
        &self.inner.instance
    }

    /// What the operator decided.
    pub fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Hands in a change of somebody who is checked once more under the clock: between the check of his credentials and
    /// this moment the session may have been revoked, and its streams and tokens end before its revoker hears so.
    fn submit_as<C: Change>(
        &self,
        principal: &Principal,
        change: C,
    ) -> Result<impl Future<Output = Result<C::Output, Failure>> + use<C>, Failure> {
        let hub = Arc::clone(self.inner.follower.hub());
        let user = principal.user;
        let (session, known_by) = (principal.session, principal.known_by);
        let outcome = self.sequencer().submit_in_turn(As { hub, user, session, known_by, change })?;
        Ok(async move {
            let outcome = outcome.await;
            if let Err(Failure::Refused(Refusal::Blocked(by))) = &outcome {
                tracing::info!(
                    event.name = "refused_by_block",
                    user.id = user.0,
                    blocked_by.id = by.id.0,
                    "refused: blocked"
                );
            }
            outcome
        })
    }

    fn sequencer(&self) -> &Sequencer {
        &self.inner.sequencer
    }
}

/// A change made with a session, or by somebody who is known without one.
struct As<C> {
    hub: Arc<Hub>,
    user: UserId,
    session: SessionId,
    known_by: Option<Mark>,
    change: C,
}

impl<C: Change> Change for As<C> {
    type Output = C::Output;

    fn wants(&self, wants: &mut Wants) {
        if self.session == NO_SESSION {
            wants.user(self.user);
        } else {
            wants.session(self.session);
        }
        self.change.wants(wants);
    }

    fn done(&self, output: &C::Output) {
        self.change.done(output);
    }

    async fn decide(&self, batch: &mut Batch) -> Result<C::Output, Abort> {
        // Whoever has no session to be revoked may have been shut out all the same.
        if self.session == NO_SESSION {
            let user = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?;
            user.check_active()?;
            if self.known_by.is_some_and(|mark| mark != user.mark()) {
                return Err(Refusal::Unauthorized.into());
            }
        }
        // What was committed here before this batch has been handed to the hub. What other nodes did may still be on its
        // way, and there the revoker may have heard already that it is done.
        let heard_all = self.hub.applied() >= batch.head_before();
        let has_session = self.session != NO_SESSION;
        if has_session && (self.hub.is_revoked(self.session) || !heard_all && batch.is_revoked(self.session).await?) {
            return Err(Refusal::Unauthorized.into());
        }
        self.change.decide(batch).await
    }
}
