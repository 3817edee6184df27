//! How much of it: the counters, levels and histograms that a room keeps of its own work, for whoever watches the server.
//!
//! Each is an atomic, or one for each bucket, so that counting costs less than what is counted; only a family is locked, to
//! find the counter of a key. What they are called, and in which format they are given out, is `telemetry`'s. A room owns its own, and there are no
//! others: nothing is counted in a place that all can reach.

use parking_lot::RwLock;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// The target of spans that go to OpenTelemetry, if traces go there, and nowhere else. None of their fields says who did
/// something, or what he wrote.
pub const TRACED: &str = "goldcrest::traced";

/// Keys of one family: what is counted by is bounded anyway, and what is not must not cost memory without end.
const KEYS: usize = 1_000;

/// What only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Counts one more.
    pub fn one(&self) {
        self.add(1);
    }

    /// Counts so many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// Counts the items of something.
    pub fn add_all(&self, more: usize) {
        self.add(more as u64);
    }

    /// All that was counted since the start.
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many there are now.
#[derive(Debug, Default, Clone)]
pub struct Level(Arc<AtomicI64>);

impl Level {
    /// There is one more, until what is returned is dropped.
    pub fn raise(&self) -> Raised {
        self.0.fetch_add(1, Ordering::Relaxed);
        Raised(self.clone())
    }

    /// How many there are.
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// One of those that a level counts.
#[derive(Debug)]
pub struct Raised(Level);

impl Drop for Raised {
    fn drop(&mut self) {
        (self.0).0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How often something was how large.
#[derive(Debug)]
pub struct Histogram {
    /// The largest value in each bucket but the last, which has all that are larger.
    bounds: &'static [u64],
    /// What one of the unit is that is given out.
    in_a_unit: f64,
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

/// What a histogram has seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// The bounds, and how many values were no larger than each.
    pub buckets: Vec<(f64, u64)>,
    /// All values together.
    pub sum: f64,
    /// How many there were.
    pub count: u64,
}

/// From half a millisecond to ten seconds, in microseconds.
pub const WAITS: &[u64] =
    &[500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 10_000_000];

impl Histogram {
    /// Of numbers.
    pub fn of_amounts(bounds: &'static [u64]) -> Self {
        Self::new(bounds, 1.0)
    }

    /// Of spans of time, with bounds in microseconds, which is given out in seconds.
    pub fn of_time(bounds: &'static [u64]) -> Self {
        Self::new(bounds, 1e6)
    }

    fn new(bounds: &'static [u64], in_a_unit: f64) -> Self {
        let buckets = std::iter::repeat_with(AtomicU64::default).take(bounds.len() + 1).collect();
        Self { bounds, in_a_unit, buckets, sum: AtomicU64::new(0) }
    }

    /// Counts a value.
    pub fn count(&self, value: u64) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// Counts how many there were of something.
    pub fn count_all(&self, of: usize) {
        self.count(of as u64);
    }

    /// Counts a span of time.
    pub fn took(&self, span: Duration) {
        self.count(u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
    }

    /// What it has seen since the start.
    #[expect(clippy::cast_precision_loss, reason = "what is given out is a floating-point number by its format")]
    pub fn seen(&self) -> Seen {
        let mut count = 0;
        let mut upto = |bucket: &AtomicU64| {
            count += bucket.load(Ordering::Relaxed);
            count
        };
        let bounds = self.bounds.iter().map(|bound| *bound as f64 / self.in_a_unit);
        let buckets = bounds.zip(self.buckets.iter().map(&mut upto)).collect();
        if let Some(last) = self.buckets.last() {
            upto(last);
        }
        Seen { buckets, sum: self.sum.load(Ordering::Relaxed) as f64 / self.in_a_unit, count }
    }
}

/// One of a kind for each key, made when it is asked for first.
#[derive(Debug)]
pub struct Family<K, M> {
    members: RwLock<HashMap<K, Arc<M>>>,
    make: fn() -> M,
    /// What counts for the keys beyond the most: nobody looks at it.
    rest: Arc<M>,
}

impl<K: Hash + Eq + Clone, M> Family<K, M> {
    /// One without members, which are made so.
    pub fn new(make: fn() -> M) -> Self {
        Self { members: RwLock::default(), make, rest: Arc::new(make()) }
    }

    /// The one for a key.
    pub fn of<Q>(&self, key: &Q) -> Arc<M>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ToOwned<Owned = K> + ?Sized,
    {
        if let Some(member) = self.members.read().get(key) {
            return Arc::clone(member);
        }
        let mut members = self.members.write();
        if members.len() >= KEYS && !members.contains_key(key) {
            return Arc::clone(&self.rest);
        }
        Arc::clone(members.entry(key.to_owned()).or_insert_with(|| Arc::new((self.make)())))
    }

    /// All that were asked for.
    pub fn all(&self) -> Vec<(K, Arc<M>)> {
        self.members.read().iter().map(|(key, member)| (key.clone(), Arc::clone(member))).collect()
    }
}

impl<K: Hash + Eq + Clone, M: Default> Default for Family<K, M> {
    fn default() -> Self {
        Self::new(M::default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_falls_into_the_first_bucket_that_holds_it() {
        let histogram = Histogram::of_amounts(&[1, 10, 100]);
        for value in [0, 1, 2, 10, 11, 100, 101, 5_000] {
            histogram.count(value);
        }
        let buckets = vec![(1.0, 2), (10.0, 4), (100.0, 6)];
        assert_eq!(histogram.seen(), Seen { buckets, sum: 5_225.0, count: 8 });
    }

    #[test]
    fn time_is_given_out_in_seconds() {
        let histogram = Histogram::of_time(&[1_000, 2_000_000]);
        histogram.took(Duration::from_micros(1_001));
        histogram.took(Duration::from_secs(3));
        let Seen { buckets, sum, count } = histogram.seen();
        assert_eq!((buckets, count), (vec![(0.001, 0), (2.0, 1)], 2));
        assert!((sum - 3.001_001).abs() < 1e-9, "{sum}");
    }

    #[test]
    fn a_level_falls_when_what_raised_it_is_gone() {
        let level = Level::default();
        let (one, two) = (level.raise(), level.raise());
        assert_eq!(level.now(), 2);
        drop((one, two));
        assert_eq!(level.now(), 0);
    }

    #[test]
    fn a_family_has_one_member_for_a_key_and_no_end_of_keys_makes_it_larger() {
        let family = Family::<String, Counter>::default();
        family.of("a").one();
        family.of("a").one();
        for key in 0..2 * KEYS {
            family.of(key.to_string().as_str()).one();
        }
        let all = family.all();
        assert_eq!(all.len(), KEYS);
        assert!(all.iter().any(|(key, counter)| key == "a" && counter.total() == 2));
    }
}
