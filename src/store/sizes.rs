//! The sizes in which many things go into one statement: powers of two.
//!
//! A statement for each number of rows or values would be one of hundreds that a database server has to learn and a
//! connection to keep at hand. `MariaDB`'s costs tens of milliseconds for each that is forgotten for another, since its
//! connections wait for the acknowledgement of a packet that is not answered.

use std::iter;

/// Rows in one statement at most: `SQLite` takes 32,766 bound values, and no table has more than 32 columns.
pub(super) const ROWS: usize = 512;

/// All of these in parts of which each is as large as it can be.
pub(super) fn parts<T>(all: &[T]) -> impl Iterator<Item = &[T]> {
    let mut rest = all;
    iter::from_fn(move || {
        let (part, behind) = rest.split_at(size(rest.len())?);
        rest = behind;
        Some(part)
    })
}

/// The size of the next part of so many, if any are left.
pub(super) fn size(left: usize) -> Option<usize> {
    left.min(ROWS).checked_ilog2().map(|power| 1 << power)
}

/// These values for a list in which repetitions say nothing: the last as often as it takes.
pub(super) fn rounded<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<T> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_have_few_sizes_and_nothing_is_left_out() {
        let all: Vec<usize> = (0..3_000).collect();
        for count in [0, 1, 2, 3, 13, 511, 512, 513, 3_000] {
            let some = &all[..count];
            let sizes: Vec<usize> = parts(some).map(<[_]>::len).collect();
            assert!(sizes.iter().all(|size| size.is_power_of_two() && *size <= ROWS), "{count}: {sizes:?}");
            assert!(sizes.len() <= count / ROWS + 9, "{count}: {sizes:?}");
            assert_eq!(parts(some).flatten().copied().collect::<Vec<_>>(), some);

            let mut rounded = rounded(some.iter().copied());
            assert!(count == 0 && rounded.is_empty() || rounded.len().is_power_of_two(), "{count}: {}", rounded.len());
            rounded.dedup();
            assert_eq!(rounded, some);
        }
    }
}
