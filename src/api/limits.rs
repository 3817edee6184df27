//! How much anybody may ask for: token buckets by address and by user, so that one caller leaves room for the others.
//!
//! The defaults let a household behind one address through. A bucket is emptied by its own caller alone: failing to log
//! in never shuts out somebody who is logged in.

use super::problem::Problem;
use crate::domain::UserId;
use crate::domain::users::fold;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::StatusCode;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

/// After so many checks buckets that are full again are forgotten.
const CHECKS: u32 = 10_000;

/// The buckets. Without them (`--rate-limits off`) everything passes.
#[derive(Debug)]
pub struct Limits {
    requests: Buckets<IpAddr>,
    streams: Buckets<IpAddr>,
    registrations: Buckets<IpAddr>,
    logins: Buckets<IpAddr>,
    guesses: Buckets<(IpAddr, String)>,
    sends: Buckets<UserId>,
    mails: Buckets<IpAddr>,
    readings: Buckets<UserId>,
}

#[derive(Debug)]
struct Buckets<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    fn new(quota: Quota, burst: u32) -> Self {
        let quota = quota.allow_burst(NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN));
        Self { limiter: RateLimiter::dashmap(quota), clock: DefaultClock::default(), checks: AtomicU32::new(0) }
    }

    fn check(&self, key: &K) -> Result<(), Problem> {
        // Whoever comes from many addresses must not make us remember them all.
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS == CHECKS - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|wait| {
            let seconds = wait.wait_time_from(self.clock.now()).as_secs() + 1;
            let detail = format!("Too many requests of this kind. Try again in {seconds} s.");
            let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail);
            problem.retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
        })
    }
}

fn a_minute(count: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))
}

fn an_hour(count: u32) -> Quota {
    Quota::per_hour(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests: Buckets::new(a_minute(300), 300),
            streams: Buckets::new(a_minute(120), 120),
            registrations: Buckets::new(an_hour(30), 10),
            logins: Buckets::new(a_minute(30), 30),
            guesses: Buckets::new(a_minute(6), 10),
            sends: Buckets::new(a_minute(240), 120),
            mails: Buckets::new(an_hour(30), 10),
            readings: Buckets::new(a_minute(600), 300),
        }
    }
}

impl Limits {
    /// Any request.
    pub(super) fn request(&self, address: IpAddr) -> Result<(), Problem> {
        self.requests.check(&neighbourhood(address))
    }

    /// Opening a stream.
    pub(super) fn stream(&self, address: IpAddr) -> Result<(), Problem> {
        self.streams.check(&neighbourhood(address))
    }

    /// Registering, which hashes a password.
    pub(super) fn registration(&self, address: IpAddr) -> Result<(), Problem> {
        self.registrations.check(&neighbourhood(address))
    }

    /// Trying a name and a password, which hashes one too. Guesses at one account count by themselves, and by where
    /// they come from, so that nobody can keep its owner out from elsewhere.
    pub(super) fn login(&self, address: IpAddr, name: &str) -> Result<(), Problem> {
        let address = neighbourhood(address);
        self.logins.check(&address)?;
        // Of a name that is none, its beginning is enough to count by.
        let name: String = name.chars().take(64).collect();
        self.guesses.check(&(address, fold(&name)))
    }

    /// Having a mail sent to somebody.
    pub(super) fn mail(&self, address: IpAddr) -> Result<(), Problem> {
        self.mails.check(&neighbourhood(address))
    }

    /// Sending a message, over whichever transport.
    pub(super) fn send(&self, user: UserId) -> Result<(), Problem> {
        self.sends.check(&user)
    }

    /// Saying what one has read, or taking what is new, over whichever transport.
    pub(super) fn reading(&self, user: UserId) -> Result<(), Problem> {
        self.readings.check(&user)
    }
}

/// Who counts as one: an IPv4 address, or the /64 that an IPv6 customer has to himself.
pub(super) fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_leaves_room_for_the_others() {
        let limits = Limits::default();
        let (first, second) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let refused = (0..1_000).filter(|_| limits.request(first).is_err()).count();
        assert!(refused >= 690, "{refused}");
        assert!(limits.request(second).is_ok());
        while limits.login(first, "alice").is_ok() {}
        assert!(limits.login(second, "ALICE").is_ok());
    }

    #[test]
    fn a_customer_is_one_however_many_addresses_he_has() {
        let address = |text: &str| text.parse::<IpAddr>().map(neighbourhood);
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }
}
