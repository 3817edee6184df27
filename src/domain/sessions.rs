//! How somebody proves who he is, and how far that reaches.

use super::users::Mark;
use super::{ConversationId, Refusal, SessionId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The session of those who have none: nobody in particular, and whoever shows a password with each request.
pub const NO_SESSION: SessionId = SessionId(0);
/// How long a used refresh token gives its successor again: long enough for an answer that was lost on the way.
pub const REFRESH_GRACE: Duration = Duration::from_mins(1);
/// How long a new stream ticket waits for its first use.
pub const TICKET_FIRST_USE: Duration = Duration::from_mins(5);
/// How long a used stream ticket opens its stream again.
pub const TICKET_LIFETIME: Duration = Duration::from_hours(24);
/// How often a cookie's session in use is extended at most, and at least where sessions are short.
const EXTENDED_EVERY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_hours(24));

/// What sort of session it is. All are rows of one table, so that one number revokes any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SessionKind {
    /// Access and refresh tokens of one device.
    Token,
    /// The web app's cookie.
    Cookie,
    /// An API key of a script or bot.
    Key,
    /// An opaque session of an older system's client, good for that system's interface alone.
    Adapter,
}

/// What credentials allow beyond naming a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Lists, streams, single messages.
    Read,
    /// Sending messages.
    Send,
}

/// Why an API key that is good does not reach far enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Beyond {
    /// No key does this: it is about the account itself, or about who is where.
    #[error("No API key can do this, whatever its scopes. Log in, and use an access token.")]
    Keys,
    /// It has not got this scope, which another key may have.
    #[error("This API key has not got the scope `{}`. Use one that was made with it.", .0.word())]
    Scope(Scope),
    /// It is for one conversation alone.
    #[error(
        "This API key is for one conversation alone, and this is not about that one only. Use a key without \
             `conversation_id`."
    )]
    Conversation,
}

impl Scope {
    /// As it is written everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Send => "send",
        }
    }
}

/// How far credentials reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Nobody in particular, where the operator lets anybody read channels.
    Anonymous,
    /// All that their user may do.
    Full,
    /// An API key: only these scopes, and, if one is named, only that conversation.
    Key {
        /// Whether it reads.
        read: bool,
        /// Whether it sends.
        send: bool,
        /// The one conversation that it is for.
        conversation: Option<ConversationId>,
    },
}

/// Whoever makes a request, after the one check that all transports share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The user.
    pub user: UserId,
    /// The session; revoking it ends all that was opened with it.
    pub session: SessionId,
    /// How far it reaches.
    pub reach: Reach,
    /// When what was shown ends by itself, which is before the session does.
    pub expires: Option<Timestamp>,
    /// What whoever has no session is known by; it must still be the user's when he changes anything.
    pub known_by: Option<Mark>,
}

impl Principal {
    /// Nobody in particular: without a user, and so without any stay.
    pub fn anonymous() -> Self {
        Self { user: UserId(0), session: NO_SESSION, reach: Reach::Anonymous, expires: None, known_by: None }
    }

    /// Whether this is nobody in particular.
    pub fn is_anonymous(&self) -> bool {
        self.reach == Reach::Anonymous
    }

    /// Refuses keys: for what changes the account itself.
    pub fn require_full(&self) -> Result<(), Refusal> {
        match self.reach {
            Reach::Full => Ok(()),
            Reach::Key { .. } => Err(Refusal::InsufficientScope(Beyond::Keys)),
            Reach::Anonymous => Err(Refusal::Unauthorized),
        }
    }

    /// Refuses credentials that may not read, in general (`None`) or in one conversation.
    pub fn require_read(&self, within: Option<ConversationId>) -> Result<(), Refusal> {
        self.require(Scope::Read, within, |read, _| read)
    }

    /// Refuses credentials that may not send, in general (`None`) or to one conversation.
    pub fn require_send(&self, within: Option<ConversationId>) -> Result<(), Refusal> {
        self.require(Scope::Send, within, |_, send| send)
    }

    /// Refuses those who are known without a session, for what lasts beyond a request: nothing would end it when they are
    /// shut out.
    pub fn require_session(&self) -> Result<(), Refusal> {
        if self.session == NO_SESSION && !self.is_anonymous() { Err(Refusal::Unauthorized) } else { Ok(()) }
    }

    /// The one conversation that these credentials are for, if they are bound to one.
    pub fn bound_to(&self) -> Option<ConversationId> {
        match self.reach {
            Reach::Full | Reach::Anonymous => None,
            Reach::Key { conversation, .. } => conversation,
        }
    }

    fn require(
        &self,
        scope: Scope,
        within: Option<ConversationId>,
        has: impl Fn(bool, bool) -> bool,
    ) -> Result<(), Refusal> {
        match self.reach {
            // What is public is decided where it is read.
            Reach::Anonymous if scope == Scope::Read && within.is_some() => Ok(()),
            Reach::Anonymous => Err(Refusal::Unauthorized),
            Reach::Key { read, send, .. } if !has(read, send) => Err(Refusal::InsufficientScope(Beyond::Scope(scope))),
            Reach::Key { conversation: Some(only), .. } if within != Some(only) => {
                Err(Refusal::InsufficientScope(Beyond::Conversation))
            }
            Reach::Full | Reach::Key { .. } => Ok(()),
        }
    }
}

/// A session as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// Token, cookie or key.
    pub kind: SessionKind,
    /// What its owner calls it.
    pub name: String,
    /// How far it reaches.
    pub reach: Reach,
    /// What it is good for, where that is not everything: the name of an older system.
    pub audience: Option<String>,
    /// The hash of the current refresh token.
    pub refresh_hash: Option<Vec<u8>>,
    /// How often the refresh token was rotated.
    pub refresh_generation: i64,
    /// When that was last; of a cookie's session, when its use last extended it.
    pub refreshed_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends if it is not used; keys never do.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Session {
    /// Whether it may still be used at this moment.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }

    /// Lets it last anew from this moment on.
    pub fn renew(&mut self, now: Timestamp, lasts: Duration) {
        self.refreshed_at = Some(now);
        self.expires_at = Some(now.plus(lasts));
    }

    /// Counts a use of a cookie: its session lasts anew. Returns whether it does, for what changes is written and told:
    /// only once a day, or ten times in the life of a session that is shorter than ten days.
    pub fn extend(&mut self, now: Timestamp, lasts: Duration) -> bool {
        let due = self.is_extended_by_use(now, lasts);
        if due {
            self.renew(now, lasts);
        }
        due
    }

    /// Whether a use at this moment would extend it.
    pub fn is_extended_by_use(&self, now: Timestamp, lasts: Duration) -> bool {
        let (least, most) = EXTENDED_EVERY;
        let since = self.refreshed_at.unwrap_or(self.created_at);
        self.kind == SessionKind::Cookie && since.until(now) >= (lasts / 10).clamp(least, most)
    }
}

/// Takes the name of a session or key: at most 100 characters, one line.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Refusal::invalid("name", "A name has at most 100 characters and no line breaks."));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn what_lasts_takes_a_session_that_can_be_ended() {
        let anybody = Principal::anonymous();
        assert_eq!(anybody.require_session(), Ok(()));
        let known = Principal { user: UserId(1), reach: Reach::Full, ..anybody };
        assert_eq!(known.require_session(), Err(Refusal::Unauthorized));
        assert_eq!(Principal { session: SessionId(1), ..known }.require_session(), Ok(()));
    }

    const HOUR: Duration = Duration::from_hours(1);

    /// One that was made when time began.
    pub(crate) fn session(kind: SessionKind, lasts: Duration) -> Session {
        Session {
            id: SessionId(1),
            user: UserId(1),
            kind,
            name: String::new(),
            reach: Reach::Full,
            audience: None,
            refresh_hash: None,
            refresh_generation: 0,
            refreshed_at: None,
            created_at: Timestamp(0),
            expires_at: Some(Timestamp(0).plus(lasts)),
            revoked_at: None,
        }
    }

    #[test]
    fn a_cookie_in_use_is_extended_once_a_day_or_ten_times_in_its_life() {
        for (lasts, extended) in [(HOUR * 720, 29), (HOUR * 100, 71), (HOUR * 10, 719)] {
            let mut session = session(SessionKind::Cookie, lasts);
            // Used each hour for thirty days.
            let uses = (0..720).map(|hour| Timestamp(0).plus(HOUR * hour));
            let times = uses.filter(|now| session.is_live(*now) && session.extend(*now, lasts)).count();
            assert_eq!(times, extended, "{lasts:?}");
        }
    }

    #[test]
    fn only_cookies_are_extended() {
        let day = Timestamp(0).plus(HOUR * 24);
        assert!(!session(SessionKind::Token, HOUR * 720).extend(day, HOUR * 720));
        assert!(!session(SessionKind::Key, HOUR * 720).extend(day, HOUR * 720));
        let mut cookie = session(SessionKind::Cookie, HOUR * 720);
        assert!(cookie.extend(day, HOUR * 720));
        assert_eq!((cookie.refreshed_at, cookie.expires_at), (Some(day), Some(day.plus(HOUR * 720))));
    }
}
