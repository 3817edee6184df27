//! Streams: who may open one, and on what.

use super::{Failure, Services};
use crate::domain::conversations::name_key;
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, Refusal, Timestamp};
use crate::live::{Cursor, Manner, RegisterError, Subscription, Wish};
use std::time::Duration;

/// After so long no event gets an earlier moment than now: commits under way are over, also where a node's clock is a little
/// slow.
const SETTLED: Duration = Duration::from_secs(5);

/// Why there is no stream.
#[derive(Debug)]
pub enum NoStream {
    /// It cannot be, or may not.
    Failure(Failure),
    /// The user has as many open as he may.
    TooMany,
}

impl<E: Into<Failure>> From<E> for NoStream {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl From<RegisterError> for NoStream {
    fn from(error: RegisterError) -> Self {
        match error {
            RegisterError::Store(error) => error.into(),
            RegisterError::TooMany => Self::TooMany,
        }
    }
}

impl Services {
    /// Opens a stream of the caller, from a cursor, and of these public channels. Nobody in particular is bounded by
    /// address alone.
    pub async fn subscribe(
        &self,
        principal: &Principal,
        cursor: Cursor,
        channels: &[String],
        manner: Manner,
    ) -> Result<Subscription, NoStream> {
        principal.require_session()?;
        let only = principal.bound_to();
        if !principal.is_anonymous() {
            principal.require_read(only)?;
        } else if channels.is_empty() {
            // Without a user and without a channel there is nothing to hear.
            return Err(Refusal::Unauthorized.into());
        }
        let mut follows = Vec::with_capacity(channels.len());
        for name in channels {
            follows.push(self.channel(principal, name).await?);
        }
        let bounded = !principal.is_anonymous() && manner != Manner::Glance;
        let limit = bounded.then_some(self.rules().streams_per_user);
        let wish = Wish { user: principal.user, session: principal.session, only, follows, cursor, manner, limit };
        Ok(self.follower().subscribe(wish).await?)
    }

    /// The server's time for older systems that poll by it: the moment of the last event, or a few seconds ago if that is
    /// later. What happens after this was asked for is not earlier, unless the machine's clock is set back meanwhile.
    pub async fn settled_at(&self) -> Result<Timestamp, Failure> {
        let last = self.store().clock().await?.last_at;
        Ok(last.max(Timestamp::now().minus(SETTLED)))
    }

    /// A public channel by name, to be followed.
    pub async fn channel(&self, principal: &Principal, name: &str) -> Result<ConversationId, Failure> {
        // PostgreSQL would not even look for such a name.
        if name.contains('\0') {
            return Err(Refusal::NotFound("channel").into());
        }
        let channel = self.store().channel_by_name(&name_key(name)).await?.ok_or(Refusal::NotFound("channel"))?;
        principal.require_read(Some(channel.id))?;
        Ok(channel.id)
    }
}
