//! Tokens: access tokens and stream tickets as JWTs, refresh tokens as a chain, secrets as hashes.

mod refresh;

use crate::domain::sessions::TICKET_LIFETIME;
use crate::domain::{Refusal, SessionId, Timestamp, UserId};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors::ErrorKind};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

pub use refresh::RefreshToken;

/// The bytes of a secret.
const SECRET: usize = 32;
/// The bytes of a secret that is typed or clicked once, and looked up.
const LINK_SECRET: usize = 16;
/// What is lost when a moment is cut to seconds.
const SECOND: Duration = Duration::from_secs(1);

/// The keys and what is made with them.
pub struct Tokens {
    current: Key,
    previous: Option<Key>,
    access: Validation,
    ticket: Validation,
    audience: String,
    ticket_audience: String,
    first_session: SessionId,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("kid", &self.current.id).finish_non_exhaustive()
    }
}

struct Key {
    id: String,
    encoding: EncodingKey,
    decoding: DecodingKey,
    chain: Vec<u8>,
    marks: Vec<u8>,
}

impl Key {
    fn new(secret: &[u8]) -> Self {
        // The key's name tells nothing of the key: a few bytes of a hash of it.
        let id = URL_SAFE_NO_PAD.encode(&Sha256::digest([b"goldcrest kid ", secret].concat())[..6]);
        Self {
            id,
            encoding: EncodingKey::from_secret(secret),
            decoding: DecodingKey::from_secret(secret),
            chain: mac(secret, b"goldcrest refresh chain"),
            marks: mac(secret, b"goldcrest refresh mark"),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: String,
    sid: i64,
    aud: String,
    iat: i64,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
}

impl Claims {
    /// Whom it is about. Numbers begin with 1, and those below are of something else where both stand in one column.
    fn user(&self) -> Result<UserId, Refusal> {
        self.sub.parse().ok().filter(|id| *id > 0).map(UserId).ok_or(Refusal::Unauthorized)
    }
}

/// What a good access token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// When the token ends.
    pub expires: Timestamp,
}

/// What a good stream ticket says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its own number, by which its first use is remembered.
    pub id: String,
    /// The user.
    pub user: UserId,
    /// The session that it lives and dies with.
    pub session: SessionId,
    /// When it was made.
    pub issued: Timestamp,
    /// When it opens nothing any more.
    pub expires: Timestamp,
}

impl Tokens {
    /// Signs with the current key, and takes what the previous one signed too.
    pub fn new(current: &[u8], previous: Option<&[u8]>, audience: &str) -> Self {
        let ticket_audience = format!("{audience} stream ticket");
        Self {
            current: Key::new(current),
            previous: previous.map(Key::new),
            access: validation(audience),
            ticket: validation(&ticket_audience),
            audience: audience.to_owned(),
            ticket_audience,
            first_session: SessionId(0),
        }
    }

    /// Takes no token of a session before this one: a backup was restored since, which may not know how they ended, or
    /// even that there were such sessions.
    #[must_use]
    pub fn since(self, first_session: SessionId) -> Self {
        Self { first_session, ..self }
    }

    /// An access token.
    pub fn access(&self, access: Access, now: Timestamp) -> String {
        self.sign(&Claims {
            sub: access.user.to_string(),
            sid: access.session.0,
            aud: self.audience.clone(),
            iat: now.seconds(),
            exp: access.expires.seconds(),
            jti: None,
        })
    }

    /// What an access token says, if it is good.
    ///
    /// None is good for longer after it was made than tokens last now, whatever it says: sessions are known as revoked
    /// for as long as that, and a token from before the lifetime was lowered would outlive that memory. It ends like
    /// any other, so its client refreshes it.
    pub fn read_access(&self, token: &str, lifetime: Duration) -> Result<Access, Refusal> {
        let claims = self.read(token, &self.access)?;
        let user = claims.user()?;
        // Both moments were cut to seconds when it was signed.
        let latest = Timestamp(claims.iat.saturating_mul(1000)).plus(lifetime.saturating_add(SECOND));
        let expires = Timestamp(claims.exp.saturating_mul(1000)).min(latest);
        // The library lets the second of `exp` pass; streams end at its beginning, and so do requests.
        if expires <= Timestamp::now() {
            return Err(Refusal::TokenExpired);
        }
        Ok(Access { user, session: SessionId(claims.sid), expires })
    }

    /// A stream ticket.
    pub fn ticket(&self, user: UserId, session: SessionId, now: Timestamp) -> String {
        self.sign(&Claims {
            sub: user.to_string(),
            sid: session.0,
            aud: self.ticket_audience.clone(),
            iat: now.seconds(),
            exp: now.plus(TICKET_LIFETIME).seconds(),
            jti: Some(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())),
        })
    }

    /// What a ticket says, if it is good.
    pub fn read_ticket(&self, token: &str) -> Result<Ticket, Refusal> {
        let claims = self.read(token, &self.ticket).map_err(|refusal| match refusal {
            Refusal::TokenExpired => Refusal::TicketTooOld,
            other => other,
        })?;
        let user = claims.user()?;
        Ok(Ticket {
            id: claims.jti.ok_or(Refusal::Unauthorized)?,
            user,
            session: SessionId(claims.sid),
            issued: Timestamp(claims.iat.saturating_mul(1000)),
            expires: Timestamp(claims.exp.saturating_mul(1000)),
        })
    }

    fn sign(&self, claims: &Claims) -> String {
        let header = Header { kid: Some(self.current.id.clone()), ..Header::new(Algorithm::HS256) };
        // Signing with a secret of any length cannot fail; an empty token would be refused everywhere.
        jsonwebtoken::encode(&header, claims, &self.current.encoding).unwrap_or_default()
    }

    fn read(&self, token: &str, validation: &Validation) -> Result<Claims, Refusal> {
        let kid = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Unauthorized)?.kid;
        let named = |key: &&Key| kid.as_deref().is_none_or(|kid| kid == key.id);
        let mut refusal = Refusal::Unauthorized;
        for key in self.keys().filter(named) {
            match jsonwebtoken::decode::<Claims>(token, &key.decoding, validation) {
                Ok(token) if token.claims.sid < self.first_session.0.max(1) => return Err(Refusal::Unauthorized),
                Ok(token) => return Ok(token.claims),
                Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => refusal = Refusal::TokenExpired,
                Err(_) => {}
            }
        }
        Err(refusal)
    }

    fn keys(&self) -> impl Iterator<Item = &Key> {
        [Some(&self.current), self.previous.as_ref()].into_iter().flatten()
    }
}

fn validation(audience: &str) -> Validation {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "aud", "sub"]);
    // One clock makes and reads these tokens.
    validation.leeway = 0;
    validation
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// The hash by which a secret is kept. The secrets are 256 random bits, so one round suffices.
pub fn hash(secret: &[u8]) -> Vec<u8> {
    Sha256::digest(secret).to_vec()
}

/// 256 random bits.
pub fn new_secret() -> Vec<u8> {
    rand::random::<[u8; SECRET]>().to_vec()
}

/// A secret for a mailed link or an invitation, 128 random bits as text, and the hash that is kept of it.
pub fn link_secret() -> (String, String) {
    let secret = rand::random::<[u8; LINK_SECRET]>();
    (URL_SAFE_NO_PAD.encode(secret), hexadecimal(&hash(&secret)))
}

/// The hash of such a text, if it is one.
pub fn link_hash(text: &str) -> Option<String> {
    let secret = URL_SAFE_NO_PAD.decode(text).ok()?;
    (secret.len() == LINK_SECRET).then(|| hexadecimal(&hash(&secret)))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The text of an opaque secret with a mark of what it is.
pub fn opaque(mark: &str, secret: &[u8]) -> String {
    format!("{mark}{}", URL_SAFE_NO_PAD.encode(secret))
}

/// The secret in such a text.
pub fn parse_opaque(mark: &str, text: &str) -> Option<Vec<u8>> {
    let secret = URL_SAFE_NO_PAD.decode(text.strip_prefix(mark)?).ok()?;
    (secret.len() == SECRET).then_some(secret)
}

/// How long an access token issued now lasts, never longer than its session.
pub fn access_end(now: Timestamp, lifetime: Duration, session_end: Option<Timestamp>) -> Timestamp {
    let end = now.plus(lifetime);
    session_end.map_or(end, |session_end| end.min(session_end))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn tokens(key: u8) -> Tokens {
        Tokens::new(&[key; 32], None, "goldcrest")
    }

    fn access(expires: Timestamp) -> Access {
        Access { user: UserId(1), session: SessionId(2), expires: Timestamp(expires.seconds() * 1000) }
    }

    #[test]
    fn tokens_are_good_for_what_they_are() {
        let now = Timestamp::now();
        let said = access(now.plus(Duration::from_mins(1)));
        let token = tokens(1).access(said, now);
        assert_eq!(tokens(1).read_access(&token, HOUR), Ok(said));
        assert_eq!(tokens(1).read_ticket(&token), Err(Refusal::Unauthorized));
        assert_eq!(tokens(2).read_access(&token, HOUR), Err(Refusal::Unauthorized));
        assert_eq!(Tokens::new(&[1; 32], None, "other").read_access(&token, HOUR), Err(Refusal::Unauthorized));
        let ticket = tokens(1).ticket(UserId(1), SessionId(2), now);
        assert!(tokens(1).read_ticket(&ticket).is_ok());
        assert_eq!(tokens(1).read_access(&ticket, HOUR), Err(Refusal::Unauthorized));
    }

    #[test]
    fn no_token_is_about_a_user_or_a_session_that_cannot_be() {
        let now = Timestamp::now();
        for (user, session, expected) in [(1, 1, true), (0, 1, false), (-1, 1, false), (1, 0, false), (1, -1, false)] {
            let (user, session) = (UserId(user), SessionId(session));
            let token = tokens(1).access(Access { user, session, expires: now.plus(HOUR) }, now);
            assert_eq!(tokens(1).read_access(&token, HOUR).is_ok(), expected, "{user} {session}");
            let ticket = tokens(1).ticket(user, session, now);
            assert_eq!(tokens(1).read_ticket(&ticket).is_ok(), expected, "{user} {session}");
        }
    }

    #[test]
    fn an_old_token_says_so_and_a_previous_key_still_counts() {
        let now = Timestamp::now();
        let old = tokens(1).access(access(now.minus(Duration::from_secs(5))), now);
        assert_eq!(tokens(1).read_access(&old, HOUR), Err(Refusal::TokenExpired));
        let token = tokens(1).access(access(now.plus(Duration::from_mins(1))), now);
        assert!(Tokens::new(&[2; 32], Some(&[1; 32]), "goldcrest").read_access(&token, HOUR).is_ok());
    }

    #[test]
    fn no_token_is_good_for_longer_than_tokens_are_now() {
        let made = Timestamp::now().minus(Duration::from_mins(10));
        let token = tokens(1).access(access(made.plus(HOUR)), made);
        let read = |minutes| tokens(1).read_access(&token, Duration::from_mins(minutes));
        assert_eq!(read(60), Ok(access(made.plus(HOUR))));
        assert_eq!(read(9), Err(Refusal::TokenExpired));
        let ends = read(20).map(|access| made.until(access.expires));
        assert!(ends.as_ref().is_ok_and(|span| *span <= Duration::from_secs(1201)), "{ends:?}");
    }
}
