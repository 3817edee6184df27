//! All that an account holds, given to its owner in parts, each of which is read by itself.

mod reading;

use super::conversations::KeptConversation;
use super::messages::{ListWish, MessageItem};
use super::sessions::SessionItem;
use super::{Failure, Page, Services};
use crate::domain::blocks::BlockView;
use crate::domain::contacts::{ContactView, Direction};
use crate::domain::events::KeyView;
use crate::domain::sessions::Principal;
use crate::domain::users::User;
use crate::domain::{ConversationId, MessageId, Refusal, Seq, Timestamp, UserId};
use crate::store::MessagePage;
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Exports at the same time, of all users: each keeps reading for as long as its reader is quick.
const AT_ONCE: usize = 4;
/// Entries of one part. A message has up to 10,000 characters, so a part is at most some megabytes.
const SOME: u64 = 100;

/// Why there is no export.
#[derive(Debug)]
pub enum NoExport {
    /// It cannot be, or may not.
    Failure(Failure),
    /// The user has one under way.
    UnderWay,
    /// Others have as many under way as there may be.
    TooMany,
}

impl<E: Into<Failure>> From<E> for NoExport {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// A part of it.
#[derive(Debug)]
pub enum Part {
    /// The account.
    User(Box<User>),
    /// Where one is logged in.
    Sessions(Vec<SessionItem>),
    /// One's API keys, without their secrets.
    Keys(Vec<KeyView>),
    /// What one says to others, or they to oneself.
    Contacts(Direction, Vec<ContactView>),
    /// Whom one has blocked.
    Blocks(Vec<BlockView>),
    /// The conversations that one is in or was in.
    Conversations(Vec<KeptConversation>),
    /// Messages that one has hidden from oneself.
    Hidden(Vec<MessageId>),
    /// Messages that one may read, oldest first.
    Messages(Vec<MessageItem>),
}

/// Where the next part begins.
#[derive(Debug, Clone)]
enum Stage {
    User,
    Sessions,
    Keys,
    Contacts(Direction, Option<String>),
    Blocks(Option<String>),
    Conversations(ConversationId),
    Hidden(MessageId),
    Messages { after: MessageId, end: Option<MessageId> },
    Over,
}

/// An export under way. Whoever holds it keeps its place among the few that there may be; between two parts it holds
/// nothing of the database.
#[derive(Debug)]
pub struct Export {
    services: Services,
    principal: Principal,
    stage: Stage,
    _place: Place,
}

/// The exports that are under way.
#[derive(Debug)]
pub(super) struct Exports {
    places: Arc<Semaphore>,
    owners: Arc<Mutex<HashSet<UserId>>>,
}

/// One of the places, for one user.
#[derive(Debug)]
struct Place {
    owner: UserId,
    owners: Arc<Mutex<HashSet<UserId>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.owners.lock().remove(&self.owner);
    }
}

impl Exports {
    pub(super) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), owners: Arc::default() }
    }

    fn take_place(&self, owner: UserId) -> Result<Place, NoExport> {
        let permit = Arc::clone(&self.places).try_acquire_owned();
        let mut owners = self.owners.lock();
        if owners.contains(&owner) {
            return Err(NoExport::UnderWay);
        }
        let permit = permit.map_err(|_| NoExport::TooMany)?;
        owners.insert(owner);
        Ok(Place { owner, owners: Arc::clone(&self.owners), _permit: permit })
    }
}

impl Services {
    /// Refuses whoever cannot give the caller's password.
    pub async fn require_password(&self, principal: &Principal, password: String) -> Result<(), Failure> {
        principal.require_full()?;
        self.right_by_password(principal, password).await.map(drop)
    }

    /// Begins an export for somebody who has just given his password.
    pub fn export(&self, principal: &Principal) -> Result<Export, NoExport> {
        principal.require_full()?;
        principal.require_session()?;
        let place = self.inner.exports.take_place(principal.user)?;
        tracing::info!(
            event.name = "export",
            user.id = principal.user.0,
            session.id = principal.session.0,
            "an account is exported"
        );
        Ok(Export { services: self.clone(), principal: principal.clone(), stage: Stage::User, _place: place })
    }
}

impl Export {
    /// Whose it is.
    pub fn owner(&self) -> UserId {
        self.principal.user
    }

    /// The next part, with the head at which it was read; none when that was all. Each is read only if the session that
    /// asked still lasts.
    pub async fn next(&mut self) -> Result<Option<(Part, Seq)>, Failure> {
        if matches!(self.stage, Stage::Over) {
            return Ok(None);
        }
        let session = self.services.store().session(self.principal.session).await?;
        if !session.is_some_and(|session| session.is_live(Timestamp::now())) {
            return Err(Refusal::Unauthorized.into());
        }
        let (part, head, next) = self.read().await?;
        self.stage = next;
        Ok(Some((part, head)))
    }
}
