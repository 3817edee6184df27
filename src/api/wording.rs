//! What the readers of bodies, queries and paths say of a wrong value, put into words for whoever calls.

use super::problem::Problem;
use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;

/// What is wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Whether there is no such field at all.
    pub unknown: bool,
    /// Which field.
    pub field: String,
    /// In words, without what the caller sent.
    pub detail: String,
}

/// Reads what serde says of a value at this place. `noun` is what the values are here: fields or parameters.
pub(super) fn reword(said: &str, at: &str, noun: &str) -> Wrong {
    let names: Vec<&str> = said.split('`').skip(1).step_by(2).collect();
    let named = || names.first().copied().unwrap_or_default().to_owned();
    let others = names.get(1..).unwrap_or_default();
    let here = |detail: String| Wrong { unknown: false, field: at.to_owned(), detail };
    if said.starts_with("unknown field") {
        let only = if others.is_empty() { "nor any other".to_owned() } else { format!("only {}", list(others, "and")) };
        Wrong { unknown: true, field: named(), detail: format!("There is no {noun} `{}` here, {only}.", named()) }
    } else if said.starts_with("missing field") {
        Wrong { unknown: false, field: named(), detail: format!("`{}` is missing.", named()) }
    } else if said.starts_with("duplicate field") {
        Wrong { unknown: false, field: named(), detail: format!("`{}` is given twice.", named()) }
    } else if said.starts_with("unknown variant") {
        here(format!("This takes {}.", list(others, "or")))
    } else if said.starts_with("invalid type") || said.starts_with("invalid value") {
        let expected = said.rsplit_once(", expected ").map_or("something else", |(_, expected)| expected);
        here(format!("This takes {}.", kind(expected)))
    } else if said.contains("digit") || said.contains("integer") || said.contains("number too") {
        here(format!("This takes {}.", kind("u64")))
    } else {
        here(format!("{said}."))
    }
}

/// What is taken, without the names that it has in Rust.
fn kind(expected: &str) -> &str {
    match expected {
        "a string" | "a borrowed string" | "string" => "a text",
        "a sequence" => "a list",
        "a map" => "an object",
        "a boolean" => "`true` or `false`",
        "i64" | "u64" | "i32" | "u32" | "u16" | "u8" | "usize" => "a whole number",
        other if other.starts_with("struct") => "an object",
        other => other,
    }
}

fn list(names: &[&str], before_the_last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} {before_the_last} {last}", first.join(", ")),
        None => "something else".to_owned(),
    }
}

/// A query that cannot be read, from what axum says of it.
pub(super) fn of_query(said: &str) -> Problem {
    let said = said.strip_prefix("Failed to deserialize query string: ").unwrap_or(said);
    let (at, said) = match said.split_once(": ") {
        Some((at, rest)) if !at.contains([' ', '`']) => (at, rest),
        _ => ("", said),
    };
    let Wrong { field, detail, .. } = reword(said, at, "parameter");
    let problem = Problem::malformed(detail);
    if field.is_empty() { problem } else { problem.field(field) }
}

/// A part of a path that cannot be read. It names nothing, and is said to.
pub(super) fn of_path(rejection: &PathRejection) -> Problem {
    let PathRejection::FailedToDeserializePathParams(failed) = rejection else { return Problem::not_found() };
    match failed.kind() {
        ErrorKind::ParseError { value, .. }
        | ErrorKind::ParseErrorAtKey { value, .. }
        | ErrorKind::ParseErrorAtIndex { value, .. }
            if value.len() <= 64 =>
        {
            Problem::nothing(format!(
                "There is nothing here: `{value}` in this path is not a number that anything has."
            ))
        }
        _ => Problem::not_found(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Direct,
        Group,
        Channel,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Body {
        #[serde(rename = "kind")]
        _kind: Option<Kind>,
        #[serde(rename = "members")]
        _members: Option<Vec<String>>,
        #[serde(rename = "count")]
        _count: Option<u64>,
        #[serde(rename = "post")]
        _post: Option<bool>,
        #[serde(rename = "name")]
        _name: String,
    }

    fn of(json: &str) -> (String, String) {
        let said = serde_json::from_str::<Body>(json).unwrap_err().to_string();
        let Wrong { field, detail, .. } = reword(said.split(" at line ").next().unwrap(), "it", "field");
        (field, detail)
    }

    #[test]
    fn nothing_is_said_in_the_words_of_serde() {
        for (json, field, detail) in [
            (r#"{"kind":"room","name":""}"#, "it", "This takes `direct`, `group` or `channel`."),
            (r#"{"members":"bob","name":""}"#, "it", "This takes a list."),
            (r#"{"count":"x","name":""}"#, "it", "This takes a whole number."),
            (r#"{"count":-1,"name":""}"#, "it", "This takes a whole number."),
            (r#"{"post":1,"name":""}"#, "it", "This takes `true` or `false`."),
            (r#"{"name":7}"#, "it", "This takes a text."),
            (r#"{"name":"","name":""}"#, "name", "`name` is given twice."),
            ("{}", "name", "`name` is missing."),
            (
                r#"{"colour":1}"#,
                "colour",
                "There is no field `colour` here, only `kind`, `members`, `count`, `post` and `name`.",
            ),
        ] {
            assert_eq!(of(json), (field.to_owned(), detail.to_owned()), "{json}");
        }
    }
}
