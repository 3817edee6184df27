//! Sessions: logging in, refreshing, logging out, and seeing where one is logged in.

mod changes;

use super::tokens::{self, RefreshToken, access_end, new_secret, opaque};
use super::{Failure, Page, Services, credentials};
use crate::domain::events::SessionView;
use crate::domain::sessions::{Principal, Reach, Session, SessionKind, check_name};
use crate::domain::users::User;
use crate::domain::{Refusal, SessionId, Timestamp, UserId};
use changes::{LogIn, Refresh, Refreshed, Revoke};
use schemars::JsonSchema;
use serde::Serialize;
use std::net::IpAddr;
use std::time::Duration;
use subtle::ConstantTimeEq;

pub(super) use changes::{Extend, Right, TakeUp, emit_revoked, open_session, revoke_all, tell_of_password};

/// Who logs in.
#[derive(Debug, Clone)]
pub enum Who {
    /// By name.
    Username(String),
    /// By address.
    Email(String),
}

/// What a client keeps of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// An access token and a refresh token.
    Tokens,
    /// The web app's cookie.
    Cookie,
    /// One secret, as the clients of older systems do.
    Secret {
        /// The one interface that it is good for.
        audience: &'static str,
        /// How long it is good.
        lasts: Duration,
    },
}

/// From what somebody logs in.
#[derive(Debug, Clone)]
pub struct Device {
    /// What its owner calls it.
    pub name: String,
    /// What it keeps.
    pub keeps: Keeps,
    /// Where it calls from; nowhere if the operator acts at the machine.
    pub address: Option<IpAddr>,
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
    /// For the web app its cookie's value, for an older system's client its secret, and how long to keep it.
    Secret {
        /// The value.
        value: String,
        /// How long the session lasts.
        lasts: Duration,
    },
}

/// An access token and the refresh token for the next one.
#[derive(Debug, Serialize, JsonSchema)]
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
#[derive(Debug, Serialize, JsonSchema)]
pub struct SessionItem {
    /// The session.
    #[serde(flatten)]
    pub session: SessionView,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// A session about to be made: the secret, which only its owner keeps.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    kind: SessionKind,
    name: String,
    reach: Reach,
    audience: Option<&'static str>,
    secret: Vec<u8>,
    lasts: Option<Duration>,
}

impl Opening {
    pub(super) fn key(name: String, reach: Reach) -> Self {
        Self { kind: SessionKind::Key, name, reach, audience: None, secret: new_secret(), lasts: None }
    }

    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl Services {
    /// Logs in. An unknown name and a wrong password get the same answer after the same time.
    pub async fn log_in(&self, who: Who, password: String, device: Device) -> Result<Login, Failure> {
        check_name(&device.name)?;
        let address = device.address;
        let (user, right) = self.prove(&who, password, address).await?;
        let opening = self.new_session(device);
        let change = LogIn { user: user.id, right, opening: opening.clone(), address };
        let session =
            self.sequencer().submit(change).await.inspect_err(|error| self.log_refusal(Some(&user), address, error))?;
        self.inner.logins.accepted.one();
        Ok(self.login(user, &session, &opening))
    }

    /// Somebody by a name or an address and a right password, and which of the two that he may have it is. An unknown
    /// name and a wrong password get the same answer after the same time.
    pub(super) async fn prove(
        &self,
        who: &Who,
        password: String,
        from: Option<IpAddr>,
    ) -> Result<(User, Right), Failure> {
        let user = self.find(who).await?;
        let hash = user.as_ref().and_then(|user| user.password_hash.clone());
        let right = self.inner.passwords.verify(password.clone(), hash.clone()).await?;
        let right = if right {
            Some(Right::Password(hash))
        } else {
            // Always, also where nothing was mailed: how long a refusal takes does not tell whether there is another.
            let spare = user.as_ref().and_then(|user| user.spare_password.clone());
            let spare = spare.filter(|spare| spare.is_good(Timestamp::now())).map(|spare| spare.hash);
            let right = self.inner.passwords.verify(password, spare.clone()).await?;
            spare.filter(|_| right).map(Right::Spare)
        };
        let Some(user) = user else {
            // What was typed may be a password in the wrong place, so only names that exist are told.
            self.log_refusal(None, from, &"nobody has this name or address");
            return Err(Refusal::InvalidCredentials.into());
        };
        let Some(right) = right else {
            self.log_refusal(Some(&user), from, &"wrong password");
            return Err(Refusal::InvalidCredentials.into());
        };
        Ok((user, right))
    }

    /// Opens a session for somebody without a password: for the operator.
    pub async fn log_in_as(&self, name: &str, device: Device) -> Result<Login, Failure> {
        let user = self.user(name).await?;
        let opening = self.new_session(device);
        let session = self
            .sequencer()
            .submit(LogIn { user: user.id, right: Right::Operator, opening: opening.clone(), address: None })
            .await?;
        Ok(self.login(user, &session, &opening))
    }

    /// Takes a refresh token and gives the next pair.
    pub async fn refresh(&self, token: &str) -> Result<TokenPair, Failure> {
        let tokens = &self.inner.tokens;
        let (token, made_here) = tokens.read_refresh(token).ok_or(Refusal::Unauthorized)?;
        let hash = tokens::hash(&token.secret);
        if !made_here {
            // Only the present token could be good all the same. What anybody makes up never comes under the clock.
            let session = self.store().session(token.session).await?;
            let known = session.and_then(|session| session.refresh_hash).ok_or(Refusal::Unauthorized)?;
            if !bool::from(hash.ct_eq(&known)) {
                return Err(Refusal::Unauthorized.into());
            }
        }
        let change = Refresh {
            session: token.session,
            generation: token.generation,
            hash,
            made_here,
            successors: tokens.successors(&token.secret),
            lasts: self.rules().session_lifetime,
        };
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
                session: SessionView::new(&session),
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
        let usual = self.rules().session_lifetime;
        let (kind, audience, lasts) = match device.keeps {
            Keeps::Tokens => (SessionKind::Token, None, usual),
            Keeps::Cookie => (SessionKind::Cookie, None, usual),
            Keeps::Secret { audience, lasts } => (SessionKind::Adapter, Some(audience), lasts),
        };
        let (name, secret) = (device.name, new_secret());
        Opening { kind, name, reach: Reach::Full, audience, secret, lasts: Some(lasts) }
    }

    pub(super) fn login(&self, user: User, session: &Session, opening: &Opening) -> Login {
        let credentials = match session.kind {
            SessionKind::Cookie | SessionKind::Adapter => {
                let mark = if session.kind == SessionKind::Cookie {
                    credentials::COOKIE_MARK
                } else {
                    credentials::ADAPTER_MARK
                };
                let lasts = opening.lasts.unwrap_or_default();
                Credentials::Secret { value: opaque(mark, &opening.secret), lasts }
            }
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
            refresh_token: self.inner.tokens.refresh_text(refresh),
            token_type: "Bearer",
            expires_in: expires.seconds() - now.seconds(),
        }
    }

    /// Tells the operator, and what bans addresses for him, that a login was refused.
    fn log_refusal(&self, user: Option<&User>, address: Option<IpAddr>, why: &dyn std::fmt::Display) {
        self.inner.logins.refused.one();
        tracing::info!(
            event.name = "login_refused",
            user.id = user.map(|user| user.id.0),
            user.name = user.map(|user| user.username.as_str()),
            client.address = address.map(tracing::field::display),
            "login refused: {why}"
        );
    }
}
