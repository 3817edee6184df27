//! How much anybody may ask for: token buckets by address and by user, so that one caller leaves room for the others.
//!
//! A bucket is emptied by its own caller alone: failing to log in never shuts out somebody who is logged in.

mod buckets;

use super::{ClientAddress, Gate};
use crate::domain::UserId;
use crate::domain::users::fold;
use axum::extract::{FromRef, FromRequestParts};
use buckets::{Buckets, a_minute, number};
use governor::Quota;
use http::request::Parts;
use std::convert::Infallible;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;

pub use buckets::{Standing, Tally, TooMany};

/// The buckets. Without them (`--rate-limits off`) everything passes.
#[derive(Debug)]
pub struct Limits {
    strangers: Buckets<IpAddr>,
    users: Buckets<UserId>,
    streams: Buckets<IpAddr>,
    registrations: Buckets<IpAddr>,
    logins: Buckets<IpAddr>,
    guesses: Buckets<(IpAddr, Guessed)>,
    sends: Buckets<UserId>,
    mails: Buckets<IpAddr>,
    readings: Buckets<UserId>,
    typing: Buckets<UserId>,
    exports: Buckets<UserId>,
}

/// How large the buckets are of which that is said.
#[derive(Debug, Clone, Copy)]
pub struct Rates {
    /// Requests of any kind a minute.
    pub requests: NonZeroU32,
    /// Requests a minute that reach others.
    pub sends: NonZeroU32,
    /// Whether registering takes an invitation. Whoever has none does not get so far that a password is hashed, and a
    /// class or an office may come in from one address on one day.
    pub invited: bool,
}

/// What is guessed. What somebody types who is not let in yet never counts for one who is, whatever he calls himself; and
/// a name and an address are counted apart even if they are one account's, so that no answer tells that they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Guessed {
    /// The password of whoever is called so, if anybody is.
    Typed(String),
    /// The password of somebody who is let in already, and gives it again.
    Account(UserId),
    /// The secret of a mailed link.
    Link,
}

impl Limits {
    /// Buckets of this size, all of them full.
    pub fn new(rates: Rates) -> Self {
        const EVERYTHING: &str = "everything";
        let Rates { requests, sends, invited } = rates;
        let (an_hour, at_once) = if invited { (300, 100) } else { (30, 10) };
        Self {
            strangers: Buckets::new(EVERYTHING, "requests", a_minute(requests)),
            users: Buckets::new(EVERYTHING, "requests", a_minute(requests)),
            streams: Buckets::new("streams", "new streams", a_minute(number(120))),
            registrations: Buckets::new(
                "registrations",
                "registrations from this address",
                Quota::per_hour(number(an_hour)).allow_burst(number(at_once)),
            ),
            logins: Buckets::new("logins", "logins from this address", a_minute(number(30))),
            guesses: Buckets::new(
                "guesses",
                "tries for this account or link",
                a_minute(number(6)).allow_burst(number(10)),
            ),
            sends: Buckets::new("sends", "messages", a_minute(sends).allow_burst(number(sends.get().div_ceil(2)))),
            mails: Buckets::new("mails", "mails", Quota::per_hour(number(30)).allow_burst(number(10))),
            exports: Buckets::new("exports", "exports", Quota::per_hour(number(12)).allow_burst(number(6))),
            readings: Buckets::new(
                "readings",
                "marks of what was read",
                a_minute(number(600)).allow_burst(number(300)),
            ),
            typing: Buckets::new("typing", "signs of typing", a_minute(number(240)).allow_burst(number(60))),
        }
    }

    /// How often each kind of bucket was found empty.
    pub fn refused(&self) -> [(&'static str, u64); 10] {
        let everything = self.strangers.refused.total() + self.users.refused.total();
        [
            (self.strangers.policy.name, everything),
            self.streams.told(),
            self.registrations.told(),
            self.logins.told(),
            self.guesses.told(),
            self.sends.told(),
            self.mails.told(),
            self.readings.told(),
            self.typing.told(),
            self.exports.told(),
        ]
    }

    /// Any request. Who has shown good credentials is counted by himself, so that a household has room for each of its
    /// people, and none of them can be shut out by what others do at the same address.
    pub fn request(&self, user: Option<UserId>, address: IpAddr) -> Standing {
        match user {
            Some(user) => self.users.ask(&user),
            None => self.strangers.ask(&neighbourhood(address)),
        }
    }

    /// An operation of a WebSocket that costs as much as a request, where no header can tell how the bucket stands.
    pub fn operation(&self, user: UserId) -> Result<(), TooMany> {
        self.users.ask(&user).pass()
    }

    /// Opening a stream.
    pub fn stream(&self, address: IpAddr) -> Result<(), TooMany> {
        self.streams.ask(&neighbourhood(address)).pass()
    }

    /// Sending a message over a WebSocket, where no header can tell how the bucket stands.
    pub fn send(&self, user: UserId) -> Result<(), TooMany> {
        self.sends.ask(&user).pass()
    }

    /// Saying over a WebSocket what one has read.
    pub fn reading(&self, user: UserId) -> Result<(), TooMany> {
        self.readings.ask(&user).pass()
    }

    /// Saying over a WebSocket that one types.
    pub fn typing(&self, user: UserId) -> Result<(), TooMany> {
        self.typing.ask(&user).pass()
    }
}

/// The buckets of what costs more than most, for one request.
#[derive(Debug)]
pub struct Bounds {
    gate: Gate,
    tally: Tally,
    address: IpAddr,
}

impl<S> FromRequestParts<S> for Bounds
where
    Gate: FromRef<S>,
    S: Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let ClientAddress(address) = ClientAddress::from_request_parts(parts, state).await?;
        let tally = parts.extensions.get::<Tally>().cloned().unwrap_or_default();
        Ok(Self { gate: Gate::from_ref(state), tally, address })
    }
}

impl Bounds {
    fn count(&self, ask: impl FnOnce(&Limits) -> Standing) -> Result<(), TooMany> {
        self.gate.limits().map_or(Ok(()), |limits| self.tally.count(ask(limits)))
    }

    /// Where the request comes from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Registering, which hashes a password.
    pub fn registration(&self) -> Result<(), TooMany> {
        self.count(|limits| limits.registrations.ask(&neighbourhood(self.address)))
    }

    /// Trying a name and a password, which hashes one too. Guesses at one account count by themselves, and by where
    /// they come from, so that nobody can keep its owner out from elsewhere.
    pub fn login(&self, name: &str) -> Result<(), TooMany> {
        // Of a name that is none, its beginning is enough to count by.
        let name: String = name.chars().take(64).collect();
        self.guess(Guessed::Typed(fold(&name)))
    }

    /// Giving one's password again, for what needs more than a session.
    pub fn password(&self, user: UserId) -> Result<(), TooMany> {
        self.guess(Guessed::Account(user))
    }

    /// Using a mailed link.
    pub fn mailed_link(&self) -> Result<(), TooMany> {
        self.guess(Guessed::Link)
    }

    fn guess(&self, what: Guessed) -> Result<(), TooMany> {
        let address = neighbourhood(self.address);
        self.count(|limits| limits.logins.ask(&address))?;
        self.count(|limits| limits.guesses.ask(&(address, what)))
    }

    /// Having a mail sent to somebody.
    pub fn mail(&self) -> Result<(), TooMany> {
        self.count(|limits| limits.mails.ask(&neighbourhood(self.address)))
    }

    /// Sending a message.
    pub fn send(&self, user: UserId) -> Result<(), TooMany> {
        self.count(|limits| limits.sends.ask(&user))
    }

    /// Exporting an account, which reads all of it.
    pub fn export(&self, user: UserId) -> Result<(), TooMany> {
        self.count(|limits| limits.exports.ask(&user))
    }

    /// Saying what one has read, or taking what is new.
    pub fn reading(&self, user: UserId) -> Result<(), TooMany> {
        self.count(|limits| limits.readings.ask(&user))
    }

    /// Saying that one types.
    pub fn typing(&self, user: UserId) -> Result<(), TooMany> {
        self.count(|limits| limits.typing.ask(&user))
    }
}

/// Who counts as one: an IPv4 address, or the /64 that an IPv6 customer has to himself.
pub fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{GateOptions, Origins};
    use std::net::SocketAddr;
    use std::time::Duration;

    #[test]
    fn one_caller_leaves_room_for_the_others() {
        let limits = Limits::new(Rates { requests: number(300), sends: number(240), invited: false });
        let (first, second) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let refused = (0..1_000).filter(|_| limits.request(None, first).pass().is_err()).count();
        assert!(refused >= 690, "{refused}");
        assert!(limits.request(None, second).pass().is_ok());
        assert!(limits.request(Some(UserId(1)), first).pass().is_ok());
        let options = GateOptions {
            trusted_proxies: Vec::new(),
            streams_per_address: 1,
            body_timeout: Duration::from_secs(1),
            take_up: |_, _| {},
        };
        let origins = Origins::new(None, SocketAddr::from(([127, 0, 0, 1], 8080)), &[]);
        let gate = Gate::new(options, origins, Some(limits));
        let guess = |address, name: &str| Bounds { gate: gate.clone(), tally: Tally::default(), address }.login(name);
        while guess(first, "alice").is_ok() {}
        assert!(guess(second, "ALICE").is_ok());
    }

    #[test]
    fn a_customer_is_one_however_many_addresses_he_has() {
        let address = |text: &str| text.parse::<IpAddr>().map(neighbourhood);
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }
}
