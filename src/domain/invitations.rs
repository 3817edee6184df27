//! Invitations to register: how often and how long each is good.

use super::sessions::check_name;
use super::{InvitationId, Refusal, Timestamp, UserId};
use std::time::Duration;

/// The most people that one invitation lets in.
pub const USES_LIMIT: i64 = 1_000;
/// How long an invitation may be good.
const LASTS: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(365 * 24));

/// An invitation as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its number.
    pub id: InvitationId,
    /// The SHA-256 of the secret, in hexadecimal.
    pub secret_hash: String,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// Who made it; nobody if the operator did.
    pub created_by: Option<UserId>,
    /// How many it still lets in.
    pub uses_left: i64,
    /// How many it has let in.
    pub used: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl Invitation {
    /// Whether it lets somebody in at this moment.
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.uses_left > 0 && now < self.expires_at
    }
}

/// Takes what somebody wants of a new invitation.
pub fn check(name: &str, uses: i64, lasts: Duration) -> Result<(), Refusal> {
    check_name(name)?;
    if !(1..=USES_LIMIT).contains(&uses) {
        return Err(Refusal::invalid("uses", format!("An invitation lets 1 to {USES_LIMIT} people in.")));
    }
    let (least, most) = LASTS;
    if lasts < least || lasts > most {
        return Err(Refusal::invalid("expires_in", "An invitation is good for 60 seconds to 365 days."));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invitations_are_bounded() {
        let day = Duration::from_hours(24);
        assert!(check("friends", 1, day).is_ok() && check("", USES_LIMIT, day).is_ok());
        for (uses, lasts) in [(0, day), (-1, day), (USES_LIMIT + 1, day), (1, Duration::ZERO), (1, day * 366)] {
            assert!(check("", uses, lasts).is_err(), "{uses} {lasts:?}");
        }
    }
}
