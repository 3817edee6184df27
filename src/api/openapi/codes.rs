//! The codes of problems, with their status and what they mean, as `docs/errors.md` lists them.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Meaning {
    pub(super) status: u16,
    pub(super) when: &'static str,
}

/// The page is the one place where a code gets its meaning for people, so the document reads it there.
static CODES: LazyLock<BTreeMap<&'static str, Meaning>> =
    LazyLock::new(|| include_str!("../../../docs/errors.md").lines().filter_map(row).collect());

/// A line such as ``| `invalid` | 422 | a field has a wrong type |``.
fn row(line: &'static str) -> Option<(&'static str, Meaning)> {
    let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.splitn(3, " | ");
    let code = cells.next()?.strip_suffix('`')?;
    let status = cells.next()?.parse().ok()?;
    Some((code, Meaning { status, when: cells.next()? }))
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Meaning)> {
    CODES.iter().map(|(code, meaning)| (*code, *meaning))
}

/// What this one means; a code that is not on the page is said to be a failure of the server's own.
pub(super) fn meaning(code: &str) -> Meaning {
    CODES.get(code).copied().unwrap_or(Meaning { status: 500, when: "docs/errors.md does not know this code" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_understood() {
        assert_eq!(meaning("invalid").status, 422);
        assert!(all().count() > 30);
    }
}
