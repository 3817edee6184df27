//! A part of a list, as it is asked for.

use super::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;

/// The most entries of a list in one answer, and how many come unasked.
pub(super) const LIMITS: (u64, u64) = (200, 50);

/// A number in a query, in digits alone.
pub(super) fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, Problem> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits { value.parse().ok() } else { None };
    parsed.ok_or_else(|| Problem::malformed(format!("`{name}` is not a number.")).field(name))
}

/// How many entries of a list.
pub(super) fn limit(wanted: Option<u64>) -> Result<u64, Problem> {
    let (most, usual) = LIMITS;
    match wanted.unwrap_or(usual) {
        0 => Err(Problem::malformed("`limit` is at least 1.").field("limit")),
        limit if limit > most => Err(Problem::malformed(format!("`limit` is at most {most}.")).field("limit")),
        limit => Ok(limit),
    }
}

/// The query of a list that has no filters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// The `next` of the part before.
    cursor: Option<String>,
    /// How many at most; 50 unless said.
    #[schemars(range(min = 1, max = LIMITS.0))]
    limit: Option<u64>,
}

impl Part {
    /// Where it begins.
    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// How many entries it has at most.
    pub(super) fn limit(&self) -> Result<u64, Problem> {
        limit(self.limit)
    }
}
