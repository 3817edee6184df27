//! Token buckets of one kind, one for each key, and how they stand, as the fields of an answer tell it.

use crate::meter::Counter;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::{HeaderMap, HeaderName, HeaderValue};
use parking_lot::Mutex;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// After so many checks buckets that are full again are forgotten.
const CHECKS: u32 = 10_000;

#[derive(Debug)]
pub(super) struct Buckets<K: Hash + Eq + Clone> {
    pub(super) policy: Policy,
    limiter: RateLimiter<K, DashMapStateStore<K>, DefaultClock, StateInformationMiddleware>,
    clock: DefaultClock,
    checks: AtomicU32,
    pub(super) refused: Counter,
}

/// How large the buckets of one kind are: full at first, and filling up evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) name: &'static str,
    /// What there was too much of when it is empty.
    of: &'static str,
    quota: Quota,
}

/// How one bucket stands after it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    policy: Policy,
    left: u32,
    /// Until there is something in it again, if there was nothing.
    wait: Option<Duration>,
}

impl Standing {
    /// As `RateLimit-Policy` lists it.
    fn policy(&self) -> String {
        let Policy { name, quota, .. } = self.policy;
        let window = quota.replenish_interval() * quota.burst_size().get();
        format!("\"{name}\";q={};w={}", quota.burst_size(), whole_seconds(window))
    }

    /// As `RateLimit` lists it.
    fn state(&self) -> String {
        let Policy { name, quota, .. } = self.policy;
        let filling = quota.replenish_interval() * quota.burst_size().get().saturating_sub(self.left);
        format!("\"{name}\";r={};t={}", self.left, whole_seconds(filling))
    }

    /// The refusal, if it was empty.
    pub(super) fn pass(self) -> Result<(), TooMany> {
        let Some(wait) = self.wait else { return Ok(()) };
        let seconds = whole_seconds(wait).max(1);
        let Policy { name: limit, of, .. } = self.policy;
        Err(TooMany { limit, of, seconds: u32::try_from(seconds).unwrap_or(u32::MAX) })
    }
}

/// The refusal of an empty bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Too many {of}. Try again in {seconds} s.")]
pub struct TooMany {
    /// The name of the bucket, as `RateLimit` has it.
    pub limit: &'static str,
    /// Of what there were too many, for people.
    of: &'static str,
    /// When there is something in it again.
    pub seconds: u32,
}

/// Rounded up, so that who waits so long does not come too early.
fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

/// How the buckets stand that one request was counted in.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<Vec<Standing>>>);

impl Tally {
    /// Counts one in, and refuses the request if that was empty. A bucket that was asked before is told of once.
    pub fn count(&self, standing: Standing) -> Result<(), TooMany> {
        let mut standings = self.0.lock();
        standings.retain(|known| known.policy != standing.policy);
        standings.push(standing);
        standing.pass()
    }

    /// The fields of draft-ietf-httpapi-ratelimit-headers-10.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let standings = self.0.lock();
        let mut tell = |name: &'static str, as_item: fn(&Standing) -> String| {
            let list = standings.iter().map(as_item).collect::<Vec<_>>().join(", ");
            if let (false, Ok(value)) = (list.is_empty(), HeaderValue::from_str(&list)) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        tell("ratelimit-policy", Standing::policy);
        tell("ratelimit", Standing::state);
    }
}

impl<K: Hash + Eq + Clone> Buckets<K> {
    pub(super) fn new(name: &'static str, of: &'static str, quota: Quota) -> Self {
        Self {
            policy: Policy { name, of, quota },
            limiter: RateLimiter::dashmap(quota).with_middleware(),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
            refused: Counter::default(),
        }
    }

    pub(super) fn told(&self) -> (&'static str, u64) {
        (self.policy.name, self.refused.total())
    }

    pub(super) fn ask(&self, key: &K) -> Standing {
        // Whoever comes from many addresses must not make us remember them all.
        if self.checks.fetch_add(1, Ordering::Relaxed) % CHECKS == CHECKS - 1 {
            self.limiter.retain_recent();
        }
        let policy = self.policy;
        match self.limiter.check_key(key) {
            Ok(state) => Standing { policy, left: state.remaining_burst_capacity(), wait: None },
            Err(refused) => {
                self.refused.one();
                Standing { policy, left: 0, wait: Some(refused.wait_time_from(self.clock.now())) }
            }
        }
    }
}

pub(super) fn a_minute(count: NonZeroU32) -> Quota {
    Quota::per_minute(count)
}

pub(super) const fn number(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_tells_how_it_stands() {
        let bucket = Buckets::new("sends", "messages", a_minute(number(240)).allow_burst(number(120)));
        let standing = bucket.ask(&1);
        assert_eq!(
            (standing.policy(), standing.state()),
            ("\"sends\";q=120;w=30".into(), "\"sends\";r=119;t=1".into())
        );
        let empty = Standing { wait: Some(Duration::from_millis(1500)), ..standing };
        assert_eq!(empty.pass().unwrap_err().to_string(), "Too many messages. Try again in 2 s.");
    }
}
