//! Moments as Kinglet shows them: in UTC, and what is younger than a day by its age.

use crate::domain::Timestamp;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[month repr:short] [day], [year]");
const MOMENT: &[BorrowedFormatItem<'_>] =
    format_description!("[month repr:short] [day], [year] at [hour repr:12]:[minute]:[second] [period]");

/// `Nov 21, 2026`
pub(super) fn day(moment: Timestamp) -> String {
    shown(moment, DAY)
}

/// `Nov 21, 2026 at 02:18:18 AM`
pub(super) fn exact(moment: Timestamp) -> String {
    shown(moment, MOMENT)
}

/// `12 secs ago`, `1 min ago`, `2 hrs ago`, and after 24 hours the day.
pub(super) fn age(moment: Timestamp, now: Timestamp) -> String {
    let seconds = moment.until(now).as_secs();
    let (count, unit) = match seconds {
        0..60 => (seconds, "sec"),
        60..3_600 => (seconds / 60, "min"),
        3_600..86_400 => (seconds / 3_600, "hr"),
        _ => return day(moment),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural} ago")
}

fn shown(moment: Timestamp, format: &[BorrowedFormatItem<'_>]) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(moment.seconds()).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    // All parts of these formats are there in any moment.
    moment.format(format).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_kinglet_does() {
        let moment = Timestamp(1_389_981_834_999);
        assert_eq!(day(moment), "Jan 17, 2014");
        assert_eq!(exact(moment), "Jan 17, 2014 at 06:03:54 PM");
        assert_eq!(exact(Timestamp(1_389_916_800_000)), "Jan 17, 2014 at 12:00:00 AM");
    }

    #[test]
    fn what_is_younger_than_a_day_is_shown_by_its_age() {
        let moment = Timestamp(1_389_981_834_000);
        for (seconds, shown) in [
            (-5, "0 secs ago"),
            (0, "0 secs ago"),
            (1, "1 sec ago"),
            (12, "12 secs ago"),
            (60, "1 min ago"),
            (5 * 60 + 59, "5 mins ago"),
            (3_600, "1 hr ago"),
            (2 * 3_600, "2 hrs ago"),
            (86_399, "23 hrs ago"),
            (86_400, "Jan 17, 2014"),
        ] {
            assert_eq!(age(moment, Timestamp(moment.0 + seconds * 1_000)), shown, "{seconds}");
        }
    }
}
