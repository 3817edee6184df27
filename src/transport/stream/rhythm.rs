//! When streams beat: many at one moment, and never all.
//!
//! Waking up for one heartbeat costs more than the heartbeat, so streams share moments. Yet those that came at once, or heard
//! the same at once, do not beat at once: each has its own moments, which it keeps.

use std::sync::LazyLock;
use std::time::Duration;
use tokio::time::Instant;

/// Into how many groups streams fall.
const GROUPS: u32 = 128;
/// From when moments are counted.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

/// To which group a stream belongs. Its moments come twice in a heartbeat's interval.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rhythm(u32);

impl Rhythm {
    pub(super) fn new() -> Self {
        Self(rand::random_range(0..GROUPS))
    }

    /// When a stream beats that wrote last then: after an interval at most, and after more than half of one.
    pub(super) fn beat_after(self, last: Instant, interval: Duration) -> Instant {
        let half = interval / 2;
        let first = *BEGINNING + half / GROUPS * self.0;
        let latest = last + interval;
        let since = latest.saturating_duration_since(first).as_nanos();
        let over = since.checked_rem(half.as_nanos()).unwrap_or(0);
        latest - Duration::from_nanos(u64::try_from(over).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const INTERVAL: Duration = Duration::from_secs(25);

    #[test]
    fn streams_that_wrote_at_one_moment_beat_at_many() {
        let last = *BEGINNING + Duration::from_secs(1000);
        let mut known = HashSet::new();
        for group in 0..GROUPS {
            let beat = Rhythm(group).beat_after(last, INTERVAL);
            assert!(beat > last + INTERVAL / 2 && beat <= last + INTERVAL, "group {group}");
            assert!(known.insert(beat), "group {group}");
        }
    }

    #[test]
    fn streams_of_a_group_beat_together_and_a_whole_interval_after_they_did() {
        let rhythm = Rhythm(77);
        let beat = rhythm.beat_after(*BEGINNING + Duration::from_secs(3), INTERVAL);
        for late in [0, 1, 90] {
            let late = beat + Duration::from_millis(late);
            assert_eq!(rhythm.beat_after(late, INTERVAL), beat + INTERVAL);
        }
        let shortly_before = beat - Duration::from_millis(1);
        assert_eq!(rhythm.beat_after(shortly_before, INTERVAL), beat + INTERVAL / 2);
    }

    #[test]
    fn no_interval_is_too_short() {
        for nanoseconds in 0..4 {
            let (last, interval) = (*BEGINNING, Duration::from_nanos(nanoseconds));
            let beat = Rhythm(GROUPS - 1).beat_after(last, interval);
            assert!(beat >= last && beat <= last + interval);
        }
    }
}
