//! The one check of credentials that all transports share.

use super::sessions::Extend;
use super::tokens::{self, Access, Ticket};
use super::{Failure, Services};
use crate::domain::sessions::{Principal, Reach, Session, SessionKind, TICKET_FIRST_USE};
use crate::domain::{Refusal, SessionId, Timestamp};
use crate::store::{Abort, Batch, Change};
use dashmap::DashMap;
use std::hash::Hash;
use std::time::Duration;

/// What marks an API key as one.
pub const KEY_MARK: &str = "gck_";
/// What marks the web app's cookie secret as one.
pub const COOKIE_MARK: &str = "gcc_";
/// What marks the session of an older system's client as one: nothing, for some of them take only letters and digits.
pub const ADAPTER_MARK: &str = "";
/// Sessions remembered by the hash of their secret, so that most requests cost no query.
const REMEMBERED: usize = 10_000;
/// How long one is remembered: shorter than revocations are, which end it at once.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);

/// Sessions of cookies and keys that were checked of late.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    sessions: DashMap<Vec<u8>, (Session, Timestamp)>,
}

/// What access tokens say whose signatures were found good, by their hashes: checking one, and taking it apart, takes ten times
/// as long as hashing it, and who sends much shows the same one each time. What makes a token bad later is looked at each
/// time: when it ends, and whether its session was revoked.
#[derive(Debug, Default)]
pub(super) struct Verified {
    tokens: DashMap<Vec<u8>, Access>,
}

impl Verified {
    fn get(&self, hash: &[u8]) -> Option<Access> {
        self.tokens.get(hash).map(|access| *access)
    }

    fn put(&self, hash: Vec<u8>, access: Access, now: Timestamp) {
        make_room(&self.tokens, REMEMBERED, |access| access.expires > now);
        self.tokens.insert(hash, access);
    }
}

/// A cookie that was found good.
#[derive(Debug)]
pub struct CheckedCookie {
    /// Whose it is.
    pub principal: Principal,
    /// How long the browser is to keep it from now on, where this use has extended its session.
    pub extended: Option<Duration>,
}

impl Remembered {
    fn get(&self, hash: &[u8], now: Timestamp) -> Option<Session> {
        let entry = self.sessions.get(hash)?;
        let (session, since) = entry.value();
        // Another node may have extended what seems to be over.
        (since.until(now) < REMEMBERED_FOR && session.is_live(now)).then(|| session.clone())
    }

    /// Extends a session, if it is remembered and this is due. Of several uses at once one is told so.
    fn extend(&self, hash: &[u8], now: Timestamp, lasts: Duration) -> bool {
        self.sessions.get_mut(hash).is_some_and(|mut entry| entry.0.extend(now, lasts))
    }

    fn put(&self, hash: Vec<u8>, session: Session, now: Timestamp) {
        make_room(&self.sessions, REMEMBERED, |(_, since)| since.until(now) < REMEMBERED_FOR);
        self.sessions.insert(hash, (session, now));
    }
}

/// Tickets whose first use was handed in to be written, for as long as that would be done again.
#[derive(Debug, Default)]
pub(super) struct ShownTickets {
    since: DashMap<String, Timestamp>,
}

impl ShownTickets {
    fn is_first(&self, id: &str, now: Timestamp) -> bool {
        make_room(&self.since, REMEMBERED, |since| since.until(now) < TICKET_FIRST_USE);
        self.since.insert(id.to_owned(), now).is_none()
    }

    fn forget(&self, id: &str) {
        self.since.remove(id);
    }
}

/// Makes room for one more among what is only remembered, of which there are at most so many: what is stale goes first,
/// and if that is too little, all.
pub(super) fn make_room<K: Eq + Hash, V>(known: &DashMap<K, V>, most: usize, is_fresh: impl Fn(&V) -> bool) {
    if known.len() < most {
        return;
    }
    known.retain(|_, value| is_fresh(value));
    if known.len() >= most {
        known.clear();
    }
}

impl Services {
    /// Checks a Bearer token: an access token without any query, or an API key.
    pub async fn check_bearer(&self, token: &str) -> Result<Principal, Failure> {
        if token.starts_with(KEY_MARK) {
            let (session, _) = self.check_secret(KEY_MARK, token, SessionKind::Key).await?;
            return Ok(principal(session));
        }
        let access = self.read_access(token)?;
        self.refuse_revoked(access.session)?;
        Ok(Principal {
            user: access.user,
            session: access.session,
            reach: Reach::Full,
            expires: Some(access.expires),
            known_by: None,
        })
    }

    /// What an access token says, if it is good but for whether its session was revoked.
    fn read_access(&self, token: &str) -> Result<Access, Failure> {
        let (hash, now) = (tokens::hash(token.as_bytes()), Timestamp::now());
        if let Some(access) = self.inner.verified.get(&hash) {
            return if access.expires > now { Ok(access) } else { Err(Refusal::TokenExpired.into()) };
        }
        let access = self.inner.tokens.read_access(token, self.rules().access_token_lifetime)?;
        self.inner.verified.put(hash, access, now);
        Ok(access)
    }

    /// Checks the web app's cookie. Now and then its use extends the session.
    pub async fn check_cookie(&self, value: &str) -> Result<CheckedCookie, Failure> {
        let (session, hash) = self.check_secret(COOKIE_MARK, value, SessionKind::Cookie).await?;
        let (now, lasts) = (Timestamp::now(), self.rules().session_lifetime);
        let due = session.is_extended_by_use(now, lasts) && self.inner.remembered.extend(&hash, now, lasts);
        if due {
            // Nobody waits for this, and what is only read needs no writer. Were it lost, then what is remembered would
            // soon be read anew, and the next use would do it.
            self.sequencer().submit_unwatched(Extend { session: session.id, used: now, lasts });
        }
        Ok(CheckedCookie { principal: principal(session), extended: due.then_some(lasts) })
    }

    /// Checks a stream ticket. Its first use is written down, so that it opens its stream again after a restart.
    pub async fn check_ticket(&self, ticket: &str) -> Result<Principal, Failure> {
        let ticket = self.inner.tokens.read_ticket(ticket)?;
        self.refuse_revoked(ticket.session)?;
        let now = Timestamp::now();
        let session = self.store().session(ticket.session).await?.filter(|session| session.is_live(now));
        let session = session.ok_or(Refusal::Unauthorized)?;
        let Ticket { id, user, issued, expires, .. } = ticket;
        if issued.until(now) > TICKET_FIRST_USE {
            if !self.store().ticket_was_used(&id).await? {
                return Err(Refusal::TicketTooOld.into());
            }
        } else {
            // Nobody waits for this: were it lost, the client would fetch another ticket. One ticket is written down once,
            // however often it is shown, so that it is no way to keep the writer busy.
            let change = UseTicket { id: id.clone(), session: session.id, expires };
            if self.inner.shown.is_first(&id, now) && !self.sequencer().submit_unwatched(change) {
                self.inner.shown.forget(&id);
            }
        }
        Ok(Principal { user, session: session.id, reach: session.reach, expires: None, known_by: None })
    }

    /// The session of a secret, and the secret's hash.
    pub(super) async fn check_secret(
        &self,
        mark: &str,
        text: &str,
        kind: SessionKind,
    ) -> Result<(Session, Vec<u8>), Failure> {
        let secret = tokens::parse_opaque(mark, text).ok_or(Refusal::Unauthorized)?;
        let hash = tokens::hash(&secret);
        let now = Timestamp::now();
        let session = if let Some(session) = self.inner.remembered.get(&hash, now) {
            session
        } else {
            let session = self.store().session_by_secret(&hash).await?.ok_or(Refusal::Unauthorized)?;
            self.inner.remembered.put(hash.clone(), session.clone(), now);
            session
        };
        // The mark stands before the secret and is no part of what is looked for, so another kind's is found too.
        if session.kind != kind || !session.is_live(now) {
            return Err(Refusal::Unauthorized.into());
        }
        self.refuse_revoked(session.id)?;
        Ok((session, hash))
    }

    fn refuse_revoked(&self, session: SessionId) -> Result<(), Refusal> {
        if self.follower().hub().is_revoked(session) { Err(Refusal::Unauthorized) } else { Ok(()) }
    }
}

/// What a session's secret opens lasts as long as the session; one that ends by itself is revoked then.
pub(super) fn principal(session: Session) -> Principal {
    let Session { user, id, reach, .. } = session;
    Principal { user, session: id, reach, expires: None, known_by: None }
}

struct UseTicket {
    id: String,
    session: SessionId,
    expires: Timestamp,
}

impl Change for UseTicket {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        batch.use_ticket(&self.id, self.session, self.expires).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;

    #[test]
    fn one_ticket_is_handed_in_once_however_often_it_is_shown() {
        let shown = ShownTickets::default();
        let now = Timestamp(0);
        assert!(shown.is_first("a", now) && shown.is_first("b", now));
        assert!(!shown.is_first("a", now) && !shown.is_first("a", now.plus(TICKET_FIRST_USE)));
        shown.forget("a");
        assert!(shown.is_first("a", now), "what was not taken is handed in again");
    }

    #[test]
    fn tokens_that_were_found_good_are_bounded() {
        let verified = Verified::default();
        let access = Access { user: UserId(1), session: SessionId(1), expires: Timestamp(1) };
        for number in 0..REMEMBERED + 10 {
            verified.put(number.to_be_bytes().to_vec(), access, Timestamp(0));
        }
        assert!(verified.tokens.len() <= REMEMBERED && verified.get(&(REMEMBERED + 9).to_be_bytes()) == Some(access));
    }

    #[test]
    fn tickets_that_were_shown_are_bounded() {
        let shown = ShownTickets::default();
        for number in 0..REMEMBERED + 10 {
            shown.is_first(&number.to_string(), Timestamp(0));
        }
        assert!(shown.since.len() <= REMEMBERED);
    }
}
