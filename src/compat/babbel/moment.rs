//! Moments as the protocol writes them, and ISO 8601 as its clients do: leniently read, with offsets honoured.

use super::failed::Failed;
use crate::compat::fields::Fields;
use crate::domain::Timestamp;
use std::time::Duration;
use time::{Date, Month};

/// The Julian day of 1970-01-01.
const EPOCH: i64 = 2_440_588;

/// A stretch of time, both ends of which belong to it. Without a beginning or an end it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Interval {
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
}

impl Interval {
    /// The one that a query names, if it names any.
    pub(super) fn of(query: &str) -> Result<Option<Self>, Failed> {
        let fields = Fields::of_form(query.as_bytes());
        let moment = |name: &str| {
            let Some(text) = fields.text(name) else { return Ok(None) };
            let wrong = || format!("`{name}` is no moment of ISO 8601. /dates/ shows some that are.");
            parse(&text).map(Some).ok_or_else(|| Failed::malformed(wrong()))
        };
        let interval = Self { start: moment("start")?, end: moment("end")? };
        Ok((interval != Self::default()).then_some(interval))
    }

    /// The first moment that is too late. Messages are stamped in whole milliseconds.
    pub(super) fn until(self) -> Option<Timestamp> {
        self.end.map(|end| end.plus(Duration::from_millis(1)))
    }
}

/// `2016-05-07 13:37:00`: UTC to the second, without saying so.
pub(super) fn shown(moment: Timestamp) -> String {
    moment.to_string().chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// As the README writes moments in queries: `2016-10-08T16:17:25.735955+00:00`.
pub(super) fn with_offset(moment: Timestamp) -> String {
    moment.microseconds() + "+00:00"
}

/// Reads a date, or a date and a time, with or without punctuation, seconds, their fraction (cut to milliseconds) and
/// offset; without one it is UTC. A space may stand for the `T`, or for the `+` that it was before somebody forgot to
/// encode it.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let mut rest = Rest(text.trim());
    let date = rest.date()?;
    let mut milliseconds = (i64::from(date.to_julian_day()) - EPOCH) * 86_400_000;
    if !rest.0.is_empty() {
        if !rest.spaces() && !rest.passes(&['T', 't']) {
            return None;
        }
        milliseconds += rest.time()? - rest.offset()?;
    }
    rest.0.is_empty().then_some(Timestamp(milliseconds))
}

/// What is still to be read.
struct Rest<'a>(&'a str);

impl Rest<'_> {
    fn passes(&mut self, any: &[char]) -> bool {
        let Some(rest) = self.0.strip_prefix(any) else { return false };
        self.0 = rest;
        true
    }

    fn spaces(&mut self) -> bool {
        let before = self.0.len();
        self.0 = self.0.trim_start_matches(' ');
        self.0.len() < before
    }

    fn has_digit(&self) -> bool {
        self.0.starts_with(|c: char| c.is_ascii_digit())
    }

    /// A number of so many digits, up to a limit.
    fn number(&mut self, digits: usize, limit: i64) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let number = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())??;
        self.0 = rest;
        (number <= limit).then_some(number)
    }

    fn date(&mut self) -> Option<Date> {
        let year = self.number(4, 9999)?;
        let dashed = self.passes(&['-']);
        let month = self.number(2, 12)?;
        // A month alone, which only its dash tells from something else, begins on its first day.
        let day = if !dashed || self.passes(&['-']) { self.number(2, 31)? } else { 1 };
        let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
        Date::from_calendar_date(i32::try_from(year).ok()?, month, u8::try_from(day).ok()?).ok()
    }

    /// Since midnight, in milliseconds. ISO 8601 knows 24:00 and leap seconds.
    fn time(&mut self) -> Option<i64> {
        let hours = self.number(2, 24)?;
        let (mut minutes, mut seconds, mut fraction) = (0, 0, 0);
        let punctuated = self.passes(&[':']);
        if punctuated || self.has_digit() {
            minutes = self.number(2, 59)?;
            if if punctuated { self.passes(&[':']) } else { self.has_digit() } {
                seconds = self.number(2, 60)?;
                if self.passes(&['.', ',']) {
                    fraction = self.fraction()?;
                }
            }
        }
        let past_the_end = hours == 24 && (minutes, seconds, fraction) != (0, 0, 0);
        (!past_the_end).then_some(((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction)
    }

    fn fraction(&mut self) -> Option<i64> {
        let rest = self.0.trim_start_matches(|c: char| c.is_ascii_digit());
        let digits = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        let milliseconds: String = digits.chars().chain("00".chars()).take(3).collect();
        if digits.is_empty() { None } else { milliseconds.parse().ok() }
    }

    /// How far local time is ahead of UTC, in milliseconds.
    fn offset(&mut self) -> Option<i64> {
        let after_spaces = self.spaces();
        if self.0.is_empty() || self.passes(&['Z', 'z']) {
            return Some(0);
        }
        // ISO 8601 also has the proper minus.
        let sign = if self.passes(&['-', '\u{2212}']) { -1 } else { 1 };
        if sign > 0 && !self.passes(&['+']) && !after_spaces {
            return None;
        }
        let hours = self.number(2, 23)?;
        let minutes = if self.passes(&[':']) || self.has_digit() { self.number(2, 59)? } else { 0 };
        Some(sign * (hours * 60 + minutes) * 60_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_however_it_is_written() {
        let expected = Timestamp::parse("2016-05-07T13:37:00Z");
        for text in [
            "2016-05-07T13:37:00Z",
            "2016-05-07t13:37:00z",
            "2016-05-07T13:37:00",
            "2016-05-07 13:37",
            "2016-05-07T13:37:00.000000+00:00",
            "2016-05-07T13:37:00.000000 00:00",
            "2016-05-07T15:37:00+02:00",
            "2016-05-07T15:37:00 02:00",
            "2016-05-07T15:37 +02",
            "2016-05-07T15:37+0200",
            "20160507T153700+0200",
            "20160507T1337",
            "2016-05-07T08:07:00-05:30",
            "2016-05-07T08:07:00\u{2212}05:30",
            "2016-05-06T23:37:00-14:00",
            "2016-05-07T13:36:60Z",
            " 2016-05-07T13:37:00,0Z ",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
        assert_eq!(parse("2016-05-07"), Timestamp::parse("2016-05-07T00:00:00Z"));
        assert_eq!(parse("2016-05"), Timestamp::parse("2016-05-01T00:00:00Z"));
        assert_eq!(parse("2016-05-07T24:00"), parse("20160508"));
        assert_eq!(parse("2016-10-08T16:17:25.735955+00:00"), Timestamp::parse("2016-10-08T16:17:25.735Z"));
        assert_eq!(parse("1969-12-31T23:59:59.9Z"), Some(Timestamp(-100)));
        assert_eq!(parse("2016-10-08T16:17:25.7"), Timestamp::parse("2016-10-08T16:17:25.7Z"));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in [
            "",
            " ",
            "yesterday",
            "2016",
            "201605",
            "2016-5-7",
            "2016-13-01",
            "2016-02-30",
            "2016-05-07T",
            "2016-05-07Z",
            "2016-05-07T13:",
            "2016-05-07T25:00",
            "2016-05-07T24:00:01",
            "2016-05-07T13:60",
            "2016-05-07T13:37:00.",
            "2016-05-07T13:37:00Zx",
            "2016-05-07T13:37:00+24:00",
            "2016-05-07T13:37:00+2",
            "2016-05-07T13:37:00x02:00",
            "२०१६-05-07",
            "2016-05-0७",
            "20\u{e9}6-05-07",
            "99999-05-07",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn moments_are_shown_to_the_second_or_for_queries() {
        let moment = Timestamp(1_475_943_445_735);
        assert_eq!(shown(moment), "2016-10-08 16:17:25");
        assert_eq!(with_offset(moment), "2016-10-08T16:17:25.735000+00:00");
        assert_eq!(parse(&with_offset(moment)), Some(moment));
    }

    #[test]
    fn both_ends_belong_to_an_interval() {
        let all = Interval::of("start=2016-05-07&end=2016-05-07T00:00:00.5").expect("two moments");
        let all = all.expect("an interval");
        assert_eq!(all.until(), all.start.map(|start| start.plus(Duration::from_millis(501))));
        assert_eq!(Interval::of("begin=yesterday").expect("no moment"), None);
        assert!(Interval::of("start=").is_err() && Interval::of("end=x&start=2016-05-07").is_err());
    }
}
