//! Who is typing: told to the others while it lasts, and kept nowhere.

use super::{Failure, Services};
use crate::domain::ephemeral::Ephemeral;
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, UserId};
use dashmap::DashMap;
use parking_lot::Mutex;
use std::time::Duration;
use tokio::time::Instant;

/// Whoever says the same again within this has said it.
const REPEAT: Duration = Duration::from_secs(2);
/// Who typed where of late, at most: beyond that repeats are told too.
const REMEMBERED: usize = 20_000;

/// What people said of late of their typing.
#[derive(Debug)]
pub(super) struct Typing {
    said: DashMap<(UserId, ConversationId), (Instant, bool)>,
    /// When what is over was last swept out.
    swept: Mutex<Instant>,
}

impl Default for Typing {
    fn default() -> Self {
        Self { said: DashMap::new(), swept: Mutex::new(Instant::now()) }
    }
}

impl Typing {
    fn is_repeated(&self, user: UserId, place: ConversationId, stopped: bool) -> bool {
        let said = self.said.get(&(user, place));
        said.is_some_and(|said| said.1 == stopped && said.0.elapsed() < REPEAT)
    }

    fn note(&self, user: UserId, place: ConversationId, stopped: bool) {
        let now = Instant::now();
        {
            let mut swept = self.swept.lock();
            if now - *swept >= REPEAT {
                *swept = now;
                self.said.retain(|_, (at, _)| now - *at < REPEAT);
            }
        }
        if self.said.len() < REMEMBERED {
            self.said.insert((user, place), (now, stopped));
        }
    }

    /// He has said what he typed: what he types next is something else.
    pub(super) fn end(&self, user: UserId, place: ConversationId) {
        self.said.remove(&(user, place));
    }
}

impl Services {
    /// Tells the others in a conversation that the caller types there, or no longer. Where he may not send he may not do
    /// that either.
    pub async fn type_in(&self, principal: &Principal, place: ConversationId, stopped: bool) -> Result<(), Failure> {
        principal.require_send(Some(place))?;
        let typing = &self.inner.typing;
        if typing.is_repeated(principal.user, place, stopped) {
            return Ok(());
        }
        let user = self.check_may_post(principal.user, place).await?;
        typing.note(principal.user, place, stopped);
        if self.store().is_close(place).await? {
            let ephemeral =
                if stopped { Ephemeral::TypingStopped(place, user) } else { Ephemeral::TypingStarted(place, user) };
            self.follower().tell_members(place, principal.user, &ephemeral);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(1);
    const HERE: ConversationId = ConversationId(7);

    #[tokio::test(start_paused = true)]
    async fn what_is_said_again_within_two_seconds_is_not_told_again() {
        let typing = Typing::default();
        assert!(!typing.is_repeated(ANN, HERE, false));
        typing.note(ANN, HERE, false);
        assert!(typing.is_repeated(ANN, HERE, false));
        assert!(!typing.is_repeated(ANN, HERE, true), "it is something else");
        assert!(!typing.is_repeated(ANN, ConversationId(8), false), "it is somewhere else");
        tokio::time::advance(REPEAT).await;
        assert!(!typing.is_repeated(ANN, HERE, false));
        typing.note(ANN, HERE, false);
        typing.end(ANN, HERE);
        assert!(!typing.is_repeated(ANN, HERE, false), "what was typed is said");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded() {
        let typing = Typing::default();
        for user in 0..30_000 {
            typing.note(UserId(user), HERE, false);
        }
        assert_eq!(typing.said.len(), REMEMBERED);
        tokio::time::advance(REPEAT).await;
        typing.note(ANN, HERE, false);
        assert_eq!(typing.said.len(), 1);
    }
}
