//! A part of a list, and the cursors by which lists go on.

use crate::domain::{Refusal, Seq};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Display;

/// A part of a list, read at one head: stream from there and nothing is missed or doubled.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// What to ask with for the next part; none at the end.
    pub next: Option<String>,
    /// The last event that is part of what is shown.
    pub head: Seq,
}

impl<T> Page<T> {
    /// The same part, with its entries shown in another way.
    pub fn map<U>(self, show: impl FnMut(T) -> U) -> Page<U> {
        let Self { items, next, head } = self;
        Page { items: items.into_iter().map(show).collect(), next, head }
    }
}

/// Which part of a list whose parts are numbered, for systems whose lists go on by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaf {
    /// This one, from 1 on.
    Number(u64),
    /// The last.
    Last,
}

/// A part of a list whose parts are numbered, all of them as long but the last.
#[derive(Debug)]
pub struct Numbered<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many entries the whole list has.
    pub total: u64,
    /// Which part it is, from 1 on.
    pub number: u64,
    /// How many parts there are; an empty list has one.
    pub numbers: u64,
}

/// Where a numbered part stands.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Located {
    pub number: u64,
    pub numbers: u64,
    pub skip: u64,
}

/// Finds a part of a list of `total` entries, `size` in each part, if there is such a part.
pub(super) fn locate(leaf: Leaf, total: u64, size: u64) -> Result<Located, Refusal> {
    let numbers = total.div_ceil(size).max(1);
    let number = match leaf {
        Leaf::Number(number) => number,
        Leaf::Last => numbers,
    };
    if number == 0 || number > numbers {
        return Err(Refusal::NotFound("page"));
    }
    Ok(Located { number, numbers, skip: (number - 1) * size })
}

/// What to ask with for the part after the one that was found, given the cursor of an entry. A part that is not full is
/// the last; one that is may be followed by an empty one.
pub(super) fn next<E, C: Into<Option<String>>>(
    found: &[E],
    limit: u64,
    cursor: impl FnOnce(&E) -> C,
) -> Option<String> {
    let full = found.len() as u64 == limit;
    found.last().filter(|_| full).and_then(|last| cursor(last).into())
}

/// A cursor of two numbers, for lists that are ordered by one and then by the other.
pub(super) fn pair(one: impl Display, other: impl Display) -> String {
    format!("{one}-{other}")
}

/// What [`pair`] made.
pub(super) fn parse_pair(cursor: &str) -> Result<(i64, i64), Refusal> {
    let pair = cursor.split_once('-').and_then(|(one, other)| Some((one.parse().ok()?, other.parse().ok()?)));
    pair.ok_or(Refusal::MalformedCursor)
}

/// A cursor of one number.
pub(super) fn parse_number(cursor: &str) -> Result<i64, Refusal> {
    cursor.parse().map_err(|_| Refusal::MalformedCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_part_goes_on_and_behind_its_last_entry() {
        let after = |found: &[i32]| next(found, 2, i32::to_string);
        assert_eq!(after(&[1, 2]).as_deref(), Some("2"));
        assert_eq!(after(&[1]), None);
        assert_eq!(after(&[]), None);
    }

    #[test]
    fn a_numbered_part_is_one_of_those_that_there_are() {
        let skipped = |leaf, total| locate(leaf, total, 20).map(|part| (part.number, part.numbers, part.skip));
        assert_eq!(skipped(Leaf::Number(1), 0), Ok((1, 1, 0)));
        assert_eq!(skipped(Leaf::Last, 0), Ok((1, 1, 0)));
        assert_eq!(skipped(Leaf::Number(2), 40), Ok((2, 2, 20)));
        assert_eq!(skipped(Leaf::Last, 41), Ok((3, 3, 40)));
        for (leaf, total) in [(Leaf::Number(0), 40), (Leaf::Number(3), 40), (Leaf::Number(u64::MAX), 40)] {
            assert_eq!(skipped(leaf, total), Err(Refusal::NotFound("page")));
        }
    }

    #[test]
    fn a_pair_comes_back_from_its_cursor() {
        assert_eq!(parse_pair(&pair(17, 4)), Ok((17, 4)));
        assert_eq!(parse_pair("17"), Err(Refusal::MalformedCursor));
        assert_eq!(parse_number("17-4"), Err(Refusal::MalformedCursor));
    }
}
