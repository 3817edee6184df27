//! What changes in sessions, decided under the clock.

use super::Opening;
use crate::domain::events::{Ended, Happening, SessionView, Topic};
use crate::domain::sessions::{REFRESH_GRACE, Session, SessionKind};
use crate::domain::users::User;
use crate::domain::{Refusal, SessionId, Timestamp, UserId};
use crate::service::links::void_links;
use crate::service::tokens;
use crate::store::{Abort, Batch, Change, NewSession};
use std::net::IpAddr;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Sessions that one user may have at a time. Whoever has a password can log in for ever, and all that he opened has to
/// be listed, and ended, at once.
const SESSIONS: usize = 200;

/// Makes a session under the clock. The caller says so if it is a key.
pub(in crate::service) fn open_session(batch: &mut Batch, user: UserId, opening: &Opening) -> Session {
    let hash = tokens::hash(&opening.secret);
    let refreshes = opening.kind == SessionKind::Token;
    let session = Session {
        id: SessionId(0),
        user,
        kind: opening.kind,
        name: opening.name.clone(),
        reach: opening.reach.clone(),
        audience: opening.audience.map(str::to_owned),
        refresh_hash: refreshes.then(|| hash.clone()),
        refresh_generation: 0,
        refreshed_at: None,
        created_at: Timestamp(0),
        expires_at: opening.lasts.map(|lasts| batch.at().plus(lasts)),
        revoked_at: None,
    };
    let session = batch.insert_session(NewSession { session, secret_hash: (!refreshes).then_some(hash) });
    if session.kind != SessionKind::Key {
        batch.emit(Topic::User(user), &Happening::SessionCreated(SessionView::new(&session)));
    }
    session
}

/// Ends those of a user's sessions that the caller picks, each with its event.
pub(in crate::service) async fn revoke_all(
    batch: &mut Batch,
    user: UserId,
    pick: impl Fn(&Session) -> bool + Send,
) -> Result<(), Abort> {
    let sessions: Vec<Session> = batch.sessions_of(user).await?.into_iter().filter(pick).collect();
    let ids: Vec<SessionId> = sessions.iter().map(|session| session.id).collect();
    if !ids.is_empty() {
        batch.revoke(&ids).await?;
    }
    for session in sessions {
        emit_revoked(batch, &session);
    }
    Ok(())
}

/// Ends a user's oldest sessions where one more would be too many. Keys are counted by themselves.
async fn make_room(batch: &mut Batch, user: UserId) -> Result<(), Abort> {
    let now = batch.at();
    let counts = |session: &Session| session.kind != SessionKind::Key && session.is_live(now);
    let live: Vec<SessionId> = batch.sessions_of(user).await?.iter().filter(|it| counts(it)).map(|it| it.id).collect();
    // They come oldest first.
    let Some(last) = live.len().checked_sub(SESSIONS).and_then(|last| live.get(last)) else { return Ok(()) };
    revoke_all(batch, user, |session| session.kind != SessionKind::Key && session.id <= *last).await
}

pub(in crate::service) fn emit_revoked(batch: &mut Batch, session: &Session) {
    let happening = match session.kind {
        SessionKind::Key => Happening::KeyRevoked(Ended { id: session.id }),
        SessionKind::Token | SessionKind::Cookie | SessionKind::Adapter => {
            Happening::SessionRevoked(Ended { id: session.id })
        }
    };
    batch.emit(Topic::User(session.user), &happening);
}

/// What the right to log in or to set a password rests on.
pub(in crate::service) enum Right {
    /// On being the operator of this machine.
    Operator,
    /// On a password that was checked against this hash, which may have been changed since.
    Password(Option<String>),
    /// On a password that was mailed, which was checked against this hash.
    Spare(String),
}

impl Right {
    /// Whether it still holds for the user as he is under the clock.
    pub(in crate::service) fn check(&self, user: &User) -> Result<(), Refusal> {
        match self {
            Self::Password(hash) if *hash != user.password_hash => Err(Refusal::InvalidCredentials),
            Self::Spare(hash) if user.spare_password.as_ref().is_none_or(|spare| spare.hash != *hash) => {
                Err(Refusal::InvalidCredentials)
            }
            Self::Password(_) | Self::Spare(_) | Self::Operator => Ok(()),
        }
    }
}

/// Tells the log that somebody's password is another now.
pub(in crate::service) fn tell_of_password(user: UserId) {
    tracing::info!(event.name = "password_changed", user.id = user.0, "a password was changed");
}

/// The first use of a mailed password: it becomes the password, and the sessions that rested on the other one end.
async fn take_up(batch: &mut Batch, user: User, right: &Right) -> Result<User, Abort> {
    if !matches!(right, Right::Spare(_)) {
        return Ok(user);
    }
    if user.spare_password.as_ref().is_none_or(|spare| !spare.is_good(batch.at())) {
        return Err(Refusal::InvalidCredentials.into());
    }
    let user = user.with_spare_taken_up();
    batch.update_user(&user).await?;
    void_links(batch, user.id).await?;
    revoke_all(batch, user.id, |session| session.kind != SessionKind::Key).await?;
    Ok(user)
}

/// The same for whoever opens no session.
pub(in crate::service) struct TakeUp {
    pub user: UserId,
    pub right: Right,
}

impl Change for TakeUp {
    type Output = User;

    async fn decide(&self, batch: &mut Batch) -> Result<User, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::InvalidCredentials)?;
        self.right.check(&user)?;
        user.check_active()?;
        take_up(batch, user, &self.right).await
    }

    fn done(&self, user: &User) {
        if matches!(self.right, Right::Spare(_)) {
            tell_of_password(user.id);
        }
    }
}

/// Opens a session, if what it rests on still holds.
pub(super) struct LogIn {
    pub user: UserId,
    pub right: Right,
    pub opening: Opening,
    /// Where from, for the log. The operator has none.
    pub address: Option<IpAddr>,
}

impl Change for LogIn {
    type Output = Session;

    async fn decide(&self, batch: &mut Batch) -> Result<Session, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::InvalidCredentials)?;
        self.right.check(&user)?;
        user.check_active()?;
        take_up(batch, user, &self.right).await?;
        make_room(batch, self.user).await?;
        Ok(open_session(batch, self.user, &self.opening))
    }

    fn done(&self, session: &Session) {
        if matches!(self.right, Right::Spare(_)) {
            tell_of_password(self.user);
        }
        tracing::info!(
            event.name = "login",
            user.id = self.user.0,
            session.id = session.id.0,
            client.address = self.address.map(tracing::field::display),
            "logged in"
        );
    }
}

/// Ends one session or key of a user.
pub(super) struct Revoke {
    pub user: UserId,
    pub session: SessionId,
    pub key: bool,
}

impl Change for Revoke {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let noun = if self.key { "key" } else { "session" };
        let session = batch.session(self.session).await?;
        let own = |session: &Session| {
            session.user == self.user && session.revoked_at.is_none() && (session.kind == SessionKind::Key) == self.key
        };
        let session = session.filter(own).ok_or(Refusal::NotFound(noun))?;
        batch.revoke(&[session.id]).await?;
        emit_revoked(batch, &session);
        Ok(())
    }

    fn done(&self, (): &()) {
        if self.key {
            let (user, key) = (self.user.0, self.session.0);
            tracing::info!(event.name = "key_revoked", user.id = user, session.id = key, "an API key was revoked");
        }
    }
}

/// Lets a cookie's session last on because it was used.
///
/// From the moment of its use, however late that is written: until then it goes by what is remembered, which must not end
/// later than what is kept, nor be due again earlier.
pub(in crate::service) struct Extend {
    pub session: SessionId,
    pub used: Timestamp,
    pub lasts: Duration,
}

impl Change for Extend {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let session = batch.session(self.session).await?;
        let Some(mut session) = session.filter(|session| session.is_live(self.used)) else { return Ok(()) };
        // Another use, perhaps on another node, may have come first.
        if session.extend(self.used, self.lasts) {
            batch.renew(&session).await?;
            batch.emit(Topic::User(session.user), &Happening::SessionUpdated(SessionView::new(&session)));
        }
        Ok(())
    }
}

/// Rotates a refresh token. All that is dear about it was reckoned before: under the clock there are only comparisons.
pub(super) struct Refresh {
    pub session: SessionId,
    pub generation: i64,
    /// The hash of the secret that was shown.
    pub hash: Vec<u8>,
    /// Whether the token is known to have been made by this server.
    pub made_here: bool,
    /// The secrets that its successor may have, the one to be given first.
    pub successors: Vec<Vec<u8>>,
    pub lasts: Duration,
}

/// What became of a refresh token.
pub(super) enum Refreshed {
    Renewed { session: Session, secret: Vec<u8> },
    Reused { user: UserId, session: SessionId },
}

impl Change for Refresh {
    type Output = Refreshed;

    async fn decide(&self, batch: &mut Batch) -> Result<Refreshed, Abort> {
        let session = batch.session(self.session).await?;
        let mut session = session.filter(|session| session.is_live(batch.at())).ok_or(Refusal::Unauthorized)?;
        let known = session.refresh_hash.clone().ok_or(Refusal::Unauthorized)?;
        let steps = session.refresh_generation.saturating_sub(self.generation);
        if steps == 0 && bool::from(self.hash.ct_eq(&known)) {
            let secret = self.successors.first().ok_or(Refusal::Unauthorized)?.clone();
            session.refresh_hash = Some(tokens::hash(&secret));
            session.refresh_generation += 1;
            session.renew(batch.at(), self.lasts);
            batch.renew(&session).await?;
            batch.emit(Topic::User(session.user), &Happening::SessionUpdated(SessionView::new(&session)));
            return Ok(Refreshed::Renewed { session, secret });
        }
        // Of a token that is not the present one, anybody could make up the like.
        if steps <= 0 || !self.made_here {
            return Err(Refusal::Unauthorized.into());
        }
        // The answer to its first use may have been lost: its successor was never used, so it is given again.
        let is_present = |secret: &&Vec<u8>| bool::from(tokens::hash(secret).ct_eq(&known));
        let recently = session.refreshed_at.is_some_and(|at| at.until(batch.at()) <= REFRESH_GRACE);
        if steps == 1
            && recently
            && let Some(secret) = self.successors.iter().find(is_present)
        {
            return Ok(Refreshed::Renewed { session, secret: secret.clone() });
        }
        batch.revoke(&[session.id]).await?;
        emit_revoked(batch, &session);
        Ok(Refreshed::Reused { user: session.user, session: session.id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sessions::Reach;
    use crate::store::tests::{open, user, writer};

    const LASTS: Duration = Duration::from_secs(100);

    /// Makes somebody with a cookie that has this long to live.
    struct Browser {
        ends: Timestamp,
    }

    impl Change for Browser {
        type Output = SessionId;

        async fn decide(&self, batch: &mut Batch) -> Result<SessionId, Abort> {
            let session = Session {
                id: SessionId(0),
                user: batch.insert_user(user("ann")).id,
                kind: SessionKind::Cookie,
                name: String::new(),
                reach: Reach::Full,
                audience: None,
                refresh_hash: None,
                refresh_generation: 0,
                refreshed_at: Some(self.ends.minus(LASTS)),
                created_at: Timestamp(0),
                expires_at: Some(self.ends),
                revoked_at: None,
            };
            Ok(batch.insert_session(NewSession { session, secret_hash: None }).id)
        }
    }

    #[tokio::test]
    async fn a_use_counts_from_when_it_was_and_not_from_when_it_is_written() {
        let home = tempfile::tempdir().unwrap();
        let store = open(home.path()).await;
        let writer = writer(&store);
        let now = Timestamp::now();
        let (ends, before, after) = (now.minus(LASTS / 20), now.minus(LASTS / 10), now);
        let session = writer.submit(Browser { ends }).await.unwrap();
        let expires = async |used| {
            writer.submit(Extend { session, used, lasts: LASTS }).await.unwrap();
            store.session(session).await.unwrap().unwrap().expires_at.unwrap()
        };
        assert_eq!(expires(after).await, ends, "used when it was over");
        assert_eq!(expires(before).await, before.plus(LASTS), "used in time, and written when it seemed to be over");
        let next = before.plus(LASTS / 10);
        assert_eq!(
            expires(next.minus(Duration::from_millis(1))).await,
            before.plus(LASTS),
            "used again too early to count"
        );
        assert_eq!(expires(next).await, next.plus(LASTS), "used again as soon as that counts");
    }
}
