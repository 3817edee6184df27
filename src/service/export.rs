//! All that an account holds, given to its owner in parts, each of which is read by itself.

mod places;
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
use places::Place;
pub(super) use places::Places;

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
#[derive(Debug)]
enum Stage {
    User,
    Sessions,
    Keys,
    Contacts(Direction, Option<String>),
    Blocks(Option<String>),
    Conversations(ConversationId),
    Hidden(MessageId),
    Messages { after: MessageId, end: Option<MessageId> },
}

/// An export under way. Whoever holds it keeps its place among those that there may be; between two parts it holds
/// nothing of the database.
#[derive(Debug)]
pub struct Export {
    services: Services,
    principal: Principal,
    /// None when all was read.
    stage: Option<Stage>,
    place: Place,
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
        let place = self.inner.exports.take(principal.user)?;
        tracing::info!(
            event.name = "export",
            user.id = principal.user.0,
            session.id = principal.session.0,
            "an account is exported"
        );
        Ok(Export { services: self.clone(), principal: principal.clone(), stage: Some(Stage::User), place })
    }
}

impl Export {
    /// Whose it is.
    pub fn owner(&self) -> UserId {
        self.principal.user
    }

    /// The next part, with the head at which it was read; none when that was all. Each is read only if the session that
    /// asked still lasts, and nobody else was given the place.
    pub async fn next(&mut self) -> Result<Option<(Part, Seq)>, Failure> {
        let Some(stage) = self.stage.take() else { return Ok(None) };
        let _turn = self.place.turn().await.ok_or(Failure::Overloaded)?;
        let session = self.services.store().session(self.principal.session).await?;
        if !session.is_some_and(|session| session.is_live(Timestamp::now())) {
            return Err(Refusal::Unauthorized.into());
        }
        let (part, head, next) = self.read(stage).await?;
        self.stage = next;
        Ok(Some((part, head)))
    }
}
