//! Sessions: logging in, refreshing, logging out, and seeing where one is logged in.

use super::tokens::{self, RefreshToken, access_end, new_secret, opaque};
use super::{Failure, Page, Services, credentials};
use crate::domain::events::{Happening, SessionView, Topic};
use crate::domain::sessions::{Principal, REFRESH_GRACE, Reach, Session, SessionKind, check_name};
use crate::domain::users::{Status, User, Username, fold};
use crate::domain::{Refusal, SessionId, Timestamp, UserId};
use crate::store::{Abort, Batch, Change, NewSession};
use serde::Serialize;
use std::time::Duration;
use subtle::ConstantTimeEq;

/// How far back a refresh token that was used before is still recognised: a month of refreshing each quarter hour, ten
/// times over. What is older is only refused.
const CHAIN: i64 = 30_000;

/// Who logs in.
#[derive(Debug, Clone)]
pub enum Who {
    /// By name.
    Username(String),
    /// By address.
    Email(String),
}

/// From what somebody logs in.
#[derive(Debug, Clone)]
pub struct Device {
    /// What its owner calls it.
    pub name: String,
    /// Whether it keeps a cookie rather than tokens.
    pub cookie: bool,
}

/// A login that worked.
#[derive(Debug)]
pub struct Login {
    /// The account.
    pub user: User,
    /// The session.
    pub session: SessionId,
    /// What the client keeps.
    pub credentials: Credentials,
}

/// What a client keeps after logging in.
#[derive(Debug)]
pub enum Credentials {
    /// For programs.
    Tokens(TokenPair),
    /// For the web app: the value of its cookie, and how long to keep it.
    Cookie {
        /// The value.
        value: String,
        /// How long the session lasts.
        lasts: Duration,
    },
}

/// An access token and the refresh token for the next one.
#[derive(Debug, Serialize)]
pub struct TokenPair {
    /// Good for requests and streams.
    pub access_token: String,
    /// Good once, for the next pair.
    pub refresh_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token ends.
    pub expires_in: i64,
}

/// A session as its owner sees it in the list.
#[derive(Debug, Serialize)]
pub struct SessionItem {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
    /// When its refresh token was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it ends if it is not used.
    pub expires_at: Option<Timestamp>,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A session about to be made: the secret, which only its owner keeps.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    kind: SessionKind,
    name: String,
    reach: Reach,
    secret: Vec<u8>,
    lasts: Option<Duration>,
}

impl Opening {
    pub(super) fn key(name: String, reach: Reach) -> Self {
        Self { kind: SessionKind::Key, name, reach, secret: new_secret(), lasts: None }
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl Services {
    /// Logs in. An unknown name and a wrong password get the same answer after the same time.
    pub async fn log_in(&self, who: Who, password: String, device: Device) -> Result<Login, Failure> {
        check_name(&device.name)?;
        let user = match &who {
            Who::Username(name) => match Username::parse("username", name) {
                Ok(name) => self.store().user_by_name(&name.key()).await?,
                Err(_) => None,
            },
            Who::Email(email) => self.store().user_by_email(&fold(email)).await?,
        };
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let right = self.inner.passwords.verify(password, hash.clone()).await?;
        let Some(user) = user.filter(|_| right) else {
            tracing::info!("login refused: wrong name or password");
            return Err(Refusal::InvalidCredentials.into());
        };
        let opening = self.new_session(device);
        let session = self
            .sequencer()
            .submit(LogIn { user: user.id, right: Right::Password(hash), opening: opening.clone() })
            .await?;
        tracing::info!(user.id = user.id.0, session.id = session.id.0, "logged in");
        Ok(self.login(user, &session, &opening))
    }

    /// Opens a session for somebody without a password: for the operator.
    pub async fn log_in_as(&self, name: &str, device: Device) -> Result<Login, Failure> {
        let user = self.user(name).await?;
        let opening = self.new_session(device);
        let session =
            self.sequencer().submit(LogIn { user: user.id, right: Right::Operator, opening: opening.clone() }).await?;
        Ok(self.login(user, &session, &opening))
    }

    /// Takes a refresh token and gives the next pair.
    pub async fn refresh(&self, token: &str) -> Result<TokenPair, Failure> {
        let token = RefreshToken::parse(token).ok_or(Refusal::Unauthorized)?;
        let lasts = self.rules().session_lifetime;
        let change = Refresh { token, lasts, services: self.clone() };
        match self.sequencer().submit(change).await? {
            Refreshed::Renewed { session, secret } => {
                let token = RefreshToken { session: session.id, generation: session.refresh_generation, secret };
                Ok(self.pair(&session, &token))
            }
            Refreshed::Reused { user, session } => {
                tracing::warn!(
                    user.id = user.0,
                    session.id = session.0,
                    "a refresh token was used twice: its session is revoked"
                );
                Err(Refusal::Unauthorized.into())
            }
        }
    }

    /// One's live sessions, oldest first. Keys have a list of their own.
    pub async fn sessions(&self, principal: &Principal) -> Result<Page<SessionItem>, Failure> {
        principal.require_full()?;
        let snapshot = self.store().snapshot().await?;
        let sessions = snapshot.sessions(principal.user).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let now = Timestamp::now();
        let items = sessions
            .into_iter()
            .filter(|session| session.kind != SessionKind::Key && session.is_live(now))
            .map(|session| SessionItem {
                current: session.id == principal.session,
                last_used_at: session.refreshed_at,
                expires_at: session.expires_at,
                session: view(&session),
            })
            .collect();
        Ok(Page { items, next: None, head })
    }

    /// Ends one of one's sessions: its tokens, its tickets, its streams, on every node.
    pub async fn revoke_session(&self, principal: &Principal, session: SessionId) -> Result<(), Failure> {
        // Who logs out needs no other right than having been logged in.
        if session != principal.session {
            principal.require_full()?;
        }
        self.sequencer().submit(Revoke { user: principal.user, session, key: false }).await
    }

    /// Ends one of one's API keys.
    pub async fn revoke_key(&self, principal: &Principal, key: SessionId) -> Result<(), Failure> {
        principal.require_full()?;
        self.revoke_key_of(principal.user, key).await
    }

    /// Ends one of a user's API keys: for the operator.
    pub async fn revoke_key_of(&self, user: UserId, key: SessionId) -> Result<(), Failure> {
        self.sequencer().submit(Revoke { user, session: key, key: true }).await
    }

    /// A ticket that opens streams in a URL.
    pub fn stream_ticket(&self, principal: &Principal) -> Result<String, Failure> {
        principal.require_read(principal.bound_to())?;
        Ok(self.inner.tokens.ticket(principal.user, principal.session, Timestamp::now()))
    }

    pub(super) fn new_session(&self, device: Device) -> Opening {
        Opening {
            kind: if device.cookie { SessionKind::Cookie } else { SessionKind::Token },
            name: device.name,
            reach: Reach::Full,
            secret: new_secret(),
            lasts: Some(self.rules().session_lifetime),
        }
    }

    pub(super) fn login(&self, user: User, session: &Session, opening: &Opening) -> Login {
        let credentials = match session.kind {
            SessionKind::Cookie => Credentials::Cookie {
                value: opaque(credentials::COOKIE_MARK, &opening.secret),
                lasts: self.rules().session_lifetime,
            },
            SessionKind::Token | SessionKind::Key => {
                let secret = opening.secret.clone();
                let token = RefreshToken { session: session.id, generation: session.refresh_generation, secret };
                Credentials::Tokens(self.pair(session, &token))
            }
        };
        Login { user, session: session.id, credentials }
    }

    fn pair(&self, session: &Session, refresh: &RefreshToken) -> TokenPair {
        let now = Timestamp::now();
        let expires = access_end(now, self.rules().access_token_lifetime, session.expires_at);
        let access = tokens::Access { user: session.user, session: session.id, expires };
        TokenPair {
            access_token: self.inner.tokens.access(access, now),
            refresh_token: refresh.to_text(),
            token_type: "Bearer",
            expires_in: expires.seconds() - now.seconds(),
        }
    }
}

fn view(session: &Session) -> SessionView {
    SessionView { id: session.id, name: session.name.clone(), kind: session.kind, created_at: session.created_at }
}

/// Makes a session under the clock. The caller says so if it is a key.
pub(super) fn open_session(batch: &mut Batch, user: UserId, opening: &Opening) -> Session {
    let hash = tokens::hash(&opening.secret);
    let refreshes = opening.kind == SessionKind::Token;
    let session = Session {
        id: SessionId(0),
        user,
        kind: opening.kind,
        name: opening.name.clone(),
        reach: opening.reach.clone(),
        refresh_hash: refreshes.then(|| hash.clone()),
        refresh_generation: 0,
        refreshed_at: None,
        created_at: Timestamp(0),
        expires_at: opening.lasts.map(|lasts| batch.at().plus(lasts)),
        revoked_at: None,
    };
    let session = batch.insert_session(NewSession { session, secret_hash: (!refreshes).then_some(hash) });
    if session.kind != SessionKind::Key {
        batch.emit(Topic::User(user), &Happening::SessionCreated(view(&session)));
    }
    session
}

/// Ends those of a user's sessions that the caller picks, each with its event.
pub(super) async fn revoke_all(
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

pub(super) fn emit_revoked(batch: &mut Batch, session: &Session) {
    let happening = match session.kind {
        SessionKind::Key => Happening::KeyRevoked(session.id),
        SessionKind::Token | SessionKind::Cookie => Happening::SessionRevoked(session.id),
    };
    batch.emit(Topic::User(session.user), &happening);
}

/// What the right to log in or to set a password rests on.
pub(super) enum Right {
    /// On being the operator of this machine.
    Operator,
    /// On a password that was checked against this hash, which may have been changed since.
    Password(Option<String>),
}

impl Right {
    /// Whether it still holds for the user as he is under the clock.
    pub(super) fn check(&self, user: &User) -> Result<(), Refusal> {
        match self {
            Self::Password(hash) if *hash != user.password_hash => Err(Refusal::InvalidCredentials),
            Self::Password(_) | Self::Operator => Ok(()),
        }
    }
}

struct LogIn {
    user: UserId,
    right: Right,
    opening: Opening,
}

impl Change for LogIn {
    type Output = Session;

    async fn decide(&self, batch: &mut Batch) -> Result<Session, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::InvalidCredentials)?;
        self.right.check(&user)?;
        match user.status {
            Status::Active => Ok(open_session(batch, self.user, &self.opening)),
            Status::Suspended => Err(Refusal::Suspended.into()),
            Status::Pending => Err(Refusal::InvalidCredentials.into()),
        }
    }
}

struct Revoke {
    user: UserId,
    session: SessionId,
    key: bool,
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
}

struct Refresh {
    token: RefreshToken,
    lasts: Duration,
    services: Services,
}

enum Refreshed {
    Renewed { session: Session, secret: Vec<u8> },
    Reused { user: UserId, session: SessionId },
}

impl Change for Refresh {
    type Output = Refreshed;

    async fn decide(&self, batch: &mut Batch) -> Result<Refreshed, Abort> {
        let session = batch.session(self.token.session).await?;
        let mut session = session.filter(|session| session.is_live(batch.at())).ok_or(Refusal::Unauthorized)?;
        let steps = session.refresh_generation.saturating_sub(self.token.generation);
        let known = session.refresh_hash.clone().ok_or(Refusal::Unauthorized)?;
        let is_current = |secret: &[u8]| bool::from(tokens::hash(secret).ct_eq(&known));
        if !(0..=CHAIN).contains(&steps) {
            return Err(Refusal::Unauthorized.into());
        }
        let tokens = &self.services.inner.tokens;
        if steps == 0 {
            if !is_current(&self.token.secret) {
                return Err(Refusal::Unauthorized.into());
            }
            let secret = tokens.successors(&self.token.secret, 1).next().ok_or(Refusal::Unauthorized)?;
            session.refresh_hash = Some(tokens::hash(&secret));
            session.refresh_generation += 1;
            session.refreshed_at = Some(batch.at());
            session.expires_at = Some(batch.at().plus(self.lasts));
            batch.update_refresh(&session).await?;
            return Ok(Refreshed::Renewed { session, secret });
        }
        // A token of the past proves itself by leading to the present one; anything else was made up.
        let secret = tokens.successors(&self.token.secret, steps).find(|secret| is_current(secret));
        let secret = secret.ok_or(Refusal::Unauthorized)?;
        // The answer to its first use may have been lost: its successor was never used, so it is given again.
        let recently = session.refreshed_at.is_some_and(|at| at.until(batch.at()) <= REFRESH_GRACE);
        if steps == 1 && recently {
            return Ok(Refreshed::Renewed { session, secret });
        }
        batch.revoke(&[session.id]).await?;
        emit_revoked(batch, &session);
        Ok(Refreshed::Reused { user: session.user, session: session.id })
    }
}
