//! Those who are known without a session of ours: by a password with each request, by the opaque session of an older
//! system, or, where the operator wants so, by nothing but a name.

use super::accounts::{Register, Through};
use super::credentials::{ADAPTER_MARK, make_room, principal};
use super::sessions::{Right, TakeUp, Who};
use super::tokens::new_secret;
use super::{Admission, Failure, Services};
use crate::domain::sessions::{NO_SESSION, Principal, Reach, SessionKind};
use crate::domain::users::{User, Username};
use crate::domain::{Refusal, Timestamp, UserId};
use dashmap::DashMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::net::IpAddr;
use std::time::Duration;

/// Passwords that were found right of late, at most.
const PROVEN: usize = 10_000;
/// How long one counts without being hashed again.
const PROVEN_FOR: Duration = Duration::from_mins(5);
/// How long after that whoever shows the same again is no guesser, so that neighbours who guess do not keep him out.
const KNOWN_FOR: Duration = Duration::from_hours(24);
/// How often it is hashed as such before it is found right again: for requests that come at once.
const AGAIN: u8 = 8;

/// Passwords that were found right of late, so that clients which send theirs with each request do not cost a hash each
/// time. Only a keyed digest of each is kept, and beside it the hash that it was right for: when that is no longer the
/// user's, on whatever node it was changed, what is kept says nothing.
pub(super) struct Proven {
    key: Vec<u8>,
    found: DashMap<Vec<u8>, Proof>,
}

struct Proof {
    user: UserId,
    hash: String,
    since: Timestamp,
    /// How often it was hashed anew since then.
    again: u8,
}

impl std::fmt::Debug for Proven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proven").field("found", &self.found.len()).finish_non_exhaustive()
    }
}

impl Proven {
    pub(super) fn new() -> Self {
        Self { key: new_secret(), found: DashMap::new() }
    }

    fn digest(&self, name: &str, password: &str) -> Vec<u8> {
        // A key of any length is one.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else { return Vec::new() };
        // The length keeps one pair from being another that is spelt the same.
        mac.update(&name.len().to_be_bytes());
        mac.update(name.as_bytes());
        mac.update(password.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }

    fn find(&self, digest: &[u8], now: Timestamp) -> Option<(UserId, String)> {
        let proof = self.found.get(digest)?;
        (proof.since.until(now) < PROVEN_FOR).then(|| (proof.user, proof.hash.clone()))
    }

    /// Whose this pair was when it was last found right.
    fn knows(&self, digest: &[u8], now: Timestamp) -> Option<UserId> {
        let proof = self.found.get(digest)?;
        (proof.again < AGAIN && proof.since.until(now) < KNOWN_FOR).then_some(proof.user)
    }

    /// Whether this pair may be hashed anew as one that was right before.
    fn hash_again(&self, digest: &[u8], now: Timestamp) -> bool {
        let Some(mut proof) = self.found.get_mut(digest) else { return false };
        let may = proof.again < AGAIN && proof.since.until(now) < KNOWN_FOR;
        proof.again = proof.again.saturating_add(u8::from(may));
        may
    }

    fn put(&self, digest: Vec<u8>, proof: Proof) {
        make_room(&self.found, PROVEN, |known| known.since.until(proof.since) < PROVEN_FOR);
        self.found.insert(digest, proof);
    }
}

impl Services {
    /// Somebody by a name and a password that were found right a little while ago and still are. This costs no hash.
    pub async fn recall_password(&self, name: &str, password: &str) -> Result<Option<Principal>, Failure> {
        let digest = self.inner.proven.digest(name, password);
        let Some((id, hash)) = self.inner.proven.find(&digest, Timestamp::now()) else { return Ok(None) };
        let user = self.store().user(id).await?;
        let Some(user) = user.filter(|user| user.password_hash.as_ref() == Some(&hash)) else {
            self.inner.proven.found.remove(&digest);
            return Ok(None);
        };
        user.check_active()?;
        Ok(Some(known(&user)))
    }

    /// Whose name and password these were when they were last found right, within a day: enough to count a request by,
    /// and for nothing else.
    pub fn seen_password(&self, name: &str, password: &str) -> Option<UserId> {
        self.inner.proven.knows(&self.inner.proven.digest(name, password), Timestamp::now())
    }

    /// Whether to check a name and a password is to guess. Those that were right not long ago are no guess, and are hashed
    /// a few times without being counted as one; once they are found wrong they are forgotten.
    pub fn is_guess(&self, name: &str, password: &str) -> bool {
        !self.inner.proven.hash_again(&self.inner.proven.digest(name, password), Timestamp::now())
    }

    /// Somebody by name and password, who opens no session. An unknown name and a wrong password get the same answer
    /// after the same time. The caller counts it as a try to log in first, if it is a guess.
    pub async fn check_password(&self, name: &str, password: String, from: IpAddr) -> Result<Principal, Failure> {
        let digest = self.inner.proven.digest(name, &password);
        let proved = self.prove(&Who::Username(name.to_owned()), password, Some(from)).await;
        let (mut user, right) = proved.inspect_err(|error| {
            if matches!(error, Failure::Refused(_)) {
                self.inner.proven.found.remove(&digest);
            }
        })?;
        user.check_active()?;
        if matches!(right, Right::Spare(_)) {
            user = self.sequencer().submit(TakeUp { user: user.id, right }).await?;
        }
        let principal = known(&user);
        if let Some(hash) = user.password_hash {
            self.inner.proven.put(digest, Proof { user: user.id, hash, since: Timestamp::now(), again: 0 });
        }
        Ok(principal)
    }

    /// Checks the opaque session of an older system's client, which is good for that system's interface alone.
    pub async fn check_adapter_session(&self, audience: &str, text: &str) -> Result<Principal, Failure> {
        let (session, _) = self.check_secret(ADAPTER_MARK, text, SessionKind::Adapter).await?;
        if session.audience.as_deref() != Some(audience) {
            return Err(Refusal::Unauthorized.into());
        }
        Ok(principal(session))
    }

    /// Makes a user without a password, for protocols whose callers are trusted. Through such a protocol only where
    /// anybody may register; without one, for the operator.
    pub async fn add_open_user(&self, name: &str, through: Option<Through>) -> Result<User, Failure> {
        if through.is_some() {
            if self.rules().admission != Admission::Open {
                return Err(Refusal::RegistrationClosed.into());
            }
            // Such a protocol has no place for an address.
            self.check_email_optional()?;
        }
        let username = Username::parse("username", name)?;
        username.check_free()?;
        let blank = User::named(username);
        let user = User {
            open: true,
            via: through.map(|through| through.system.to_owned()),
            inbox: through.map_or(blank.inbox, |through| through.inbox),
            ..blank
        };
        let change = Register { user, session: None, invitation: None, link: None };
        Ok(self.sequencer().submit(change).await?.0)
    }

    /// Somebody on whose behalf a trusted caller acts. Only of those who were made for that: see [`User::is_trusted`].
    /// Whether its callers are trusted at all, the protocol's interface knows.
    pub fn trust(&self, user: &User) -> Result<Principal, Failure> {
        user.check_active()?;
        if user.is_trusted() { Ok(known(user)) } else { Err(Refusal::Unauthorized.into()) }
    }

    /// The first of these on whose behalf a trusted caller may act now, if there is one.
    pub async fn first_trusted(&self, ids: &[UserId]) -> Result<Option<Principal>, Failure> {
        // Mostly it is the first of all.
        for some in ids.chunks(100) {
            let mut users = self.store().users_by_ids(some).await?;
            users.retain(|user| self.trust(user).is_ok());
            let first = some.iter().find_map(|id| users.iter().find(|user| user.id == *id));
            if let Some(user) = first {
                return Ok(Some(known(user)));
            }
        }
        Ok(None)
    }
}

fn known(user: &User) -> Principal {
    let known_by = Some(user.mark());
    Principal { user: user.id, session: NO_SESSION, reach: Reach::Full, expires: None, known_by }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_proven_counts_for_that_pair_alone_and_not_for_ever() {
        let proven = Proven::new();
        let proof = |since| Proof { user: UserId(1), hash: "h".to_owned(), since, again: 0 };
        let digest = proven.digest("ann", "secret");
        for (name, password) in [("ann", "secre"), ("anns", "ecret"), ("ANN", "secret"), ("", "annsecret")] {
            assert_ne!(proven.digest(name, password), digest, "{name} {password}");
        }
        proven.put(digest.clone(), proof(Timestamp(0)));
        assert!(proven.find(&digest, Timestamp(0).plus(PROVEN_FOR / 2)).is_some());
        assert!(proven.find(&digest, Timestamp(0).plus(PROVEN_FOR)).is_none());
    }

    #[test]
    fn what_was_right_is_no_guess_for_a_day_and_a_few_times_in_a_row() {
        let proven = Proven::new();
        let proof = |since| Proof { user: UserId(1), hash: "h".to_owned(), since, again: 0 };
        let digest = proven.digest("ann", "secret");
        let late = Timestamp(0).plus(PROVEN_FOR);
        assert!(!proven.hash_again(&digest, late) && proven.knows(&digest, late).is_none(), "nothing is known yet");
        proven.put(digest.clone(), proof(Timestamp(0)));
        assert!(!proven.hash_again(&proven.digest("ann", "guess"), late));
        assert_eq!(proven.knows(&digest, late), Some(UserId(1)));
        assert_eq!((0..100).filter(|_| proven.hash_again(&digest, late)).count(), usize::from(AGAIN));
        assert_eq!(proven.knows(&digest, late), None);
        proven.put(digest.clone(), proof(late));
        assert!(proven.hash_again(&digest, late.plus(PROVEN_FOR)), "found right again, it begins anew");
        let next_day = late.plus(KNOWN_FOR);
        assert!(!proven.hash_again(&digest, next_day) && proven.knows(&digest, next_day).is_none());
    }

    #[test]
    fn what_was_proven_is_bounded() {
        let proven = Proven::new();
        for number in 0..PROVEN + 10 {
            let digest = proven.digest("ann", &number.to_string());
            proven.put(digest, Proof { user: UserId(1), hash: String::new(), since: Timestamp(0), again: 0 });
        }
        assert!(proven.found.len() <= PROVEN);
    }
}
