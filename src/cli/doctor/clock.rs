//! The machine's clock, by what the database has seen of it.

use super::finding::{Finding, Report};
use crate::cli::failed::Failed;
use crate::domain::Timestamp;
use crate::store::Line;
use std::time::Duration;

/// When this program was written: no clock that is right shows less.
const WRITTEN: Timestamp = Timestamp(1_790_000_000_000);
/// A clock that is so far ahead of that is not believed either.
const LONG: Duration = Duration::from_hours(24 * 365 * 30);
/// Steps back that machines make when they set their clock; nobody minds them.
const LITTLE: Duration = Duration::from_secs(2);

pub(super) fn look(line: Option<Line>, report: &mut Report) -> Result<(), Failed> {
    report.tell(&judge(Timestamp::now(), line.filter(|line| line.head.0 > 0).map(|line| line.last_at)))
}

fn judge(now: Timestamp, last: Option<Timestamp>) -> Finding {
    const CHECK: &str = "clock";
    const ADVICE: &str = "set it, and let NTP keep it (timedatectl set-ntp true)";
    if now < WRITTEN || now > WRITTEN.plus(LONG) {
        return Finding::wrong(CHECK, format!("this machine's clock shows {now}, which cannot be"), ADVICE);
    }
    match last {
        Some(last) if last > now.plus(LITTLE) => {
            let ahead = humantime::format_duration(Duration::from_secs(now.until(last).as_secs()));
            let says = format!(
                "the last event happened at {last}, and this machine's clock shows {now}: until it has caught up, in \
                 {ahead}, everything happens at the same moment"
            );
            Finding::wrong(CHECK, says, ADVICE)
        }
        Some(_) => Finding::fine(CHECK, format!("it is {now}, and all that is kept happened before")),
        None => Finding::fine(CHECK, format!("it is {now}")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_is_behind_what_has_happened_is_wrong() {
        let now = WRITTEN.plus(Duration::from_hours(1));
        let verdict = |now, last| judge(now, last).verdict;
        assert_eq!(verdict(now, None), Verdict::Fine);
        assert_eq!(verdict(now, Some(now.minus(LITTLE))), Verdict::Fine);
        assert_eq!(verdict(now, Some(now.plus(LITTLE))), Verdict::Fine, "a step that nobody minds");
        assert_eq!(verdict(now, Some(now.plus(Duration::from_mins(2)))), Verdict::Wrong);
        assert_eq!(verdict(Timestamp(0), None), Verdict::Wrong);
        assert_eq!(verdict(WRITTEN.plus(LONG * 2), None), Verdict::Wrong);
    }
}
