//! The one check of credentials that all transports share.

use super::tokens::{self, Ticket};
use super::{Failure, Services};
use crate::domain::sessions::{Principal, Reach, Session, SessionKind, TICKET_FIRST_USE};
use crate::domain::{Refusal, SessionId, Timestamp};
use crate::store::{Abort, Batch, Change};
use dashmap::DashMap;
use std::time::Duration;

/// What marks an API key as one.
pub const KEY_MARK: &str = "gck_";
/// What marks the web app's cookie secret as one.
pub const COOKIE_MARK: &str = "gcc_";
/// Sessions remembered by the hash of their secret, so that most requests cost no query.
const REMEMBERED: usize = 10_000;
/// How long one is remembered: shorter than revocations are, which end it at once.
const REMEMBERED_FOR: Duration = Duration::from_mins(1);

/// Sessions of cookies and keys that were checked of late.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    sessions: DashMap<Vec<u8>, (Session, Timestamp)>,
}

impl Remembered {
    fn get(&self, hash: &[u8], now: Timestamp) -> Option<Session> {
        let entry = self.sessions.get(hash)?;
        let (session, since) = entry.value();
        (since.until(now) < REMEMBERED_FOR).then(|| session.clone())
    }

    fn put(&self, hash: Vec<u8>, session: Session, now: Timestamp) {
        if self.sessions.len() >= REMEMBERED {
            self.sessions.retain(|_, (_, since)| since.until(now) < REMEMBERED_FOR);
            if self.sessions.len() >= REMEMBERED {
                self.sessions.clear();
            }
        }
        self.sessions.insert(hash, (session, now));
    }
}

impl Services {
    /// Checks a Bearer token: an access token without any query, or an API key.
    pub async fn check_bearer(&self, token: &str) -> Result<Principal, Failure> {
        if token.starts_with(KEY_MARK) {
            return self.check_secret(KEY_MARK, token, SessionKind::Key).await;
        }
        let access = self.inner.tokens.read_access(token, self.rules().access_token_lifetime)?;
        self.refuse_revoked(access.session)?;
        Ok(Principal { user: access.user, session: access.session, reach: Reach::Full, expires: Some(access.expires) })
    }

    /// Checks the web app's cookie.
    pub async fn check_cookie(&self, value: &str) -> Result<Principal, Failure> {
        self.check_secret(COOKIE_MARK, value, SessionKind::Cookie).await
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
            // Nobody waits for this: were it lost, the client would fetch another ticket.
            self.sequencer().submit_unwatched(UseTicket { id, session: session.id, expires });
        }
        Ok(Principal { user, session: session.id, reach: session.reach, expires: None })
    }

    async fn check_secret(&self, mark: &str, text: &str, kind: SessionKind) -> Result<Principal, Failure> {
        let secret = tokens::parse_opaque(mark, text).ok_or(Refusal::Unauthorized)?;
        let hash = tokens::hash(&secret);
        let now = Timestamp::now();
        let session = if let Some(session) = self.inner.remembered.get(&hash, now) {
            session
        } else {
            let found = self.store().session_by_secret(&hash).await?;
            let session = found.filter(|session| session.kind == kind).ok_or(Refusal::Unauthorized)?;
            self.inner.remembered.put(hash, session.clone(), now);
            session
        };
        if !session.is_live(now) {
            return Err(Refusal::Unauthorized.into());
        }
        self.refuse_revoked(session.id)?;
        let Session { user, id, reach, .. } = session;
        // What it opens lasts as long as the session; one that ends by itself is revoked then.
        Ok(Principal { user, session: id, reach, expires: None })
    }

    fn refuse_revoked(&self, session: SessionId) -> Result<(), Refusal> {
        if self.follower().hub().is_revoked(session) { Err(Refusal::Unauthorized) } else { Ok(()) }
    }
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
