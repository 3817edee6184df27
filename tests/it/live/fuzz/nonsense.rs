//! JSON by chance, and what can happen to a text on its way.

use super::MARK;
use crate::support::Chance;

/// Values that hardly any field wants.
const LITERALS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "2",
    "-1",
    "-0",
    "1.0",
    "1.5",
    "7e0",
    "1e308",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551616",
    "-9223372036854775809",
    "\"\"",
    "\" \"",
    "\"1\"",
    "\"ann\"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"\\ud83d\\ude00\"",
    "\"\\u202e\\ufeff\"",
    "\"news\"",
    "[]",
    "{}",
    "[null]",
    "[1,[2,[3]]]",
    "{\"\":{\"\":[]}}",
    "[\"ann\",\"ann\"]",
    "[\"ann\",1]",
    "{\"op\":\"ping\"}",
];

/// What looks like JSON and is none, or none that can be kept.
const BROKEN: &[&str] = &[
    "NaN",
    "Infinity",
    "+1",
    "01",
    "1.",
    ".5",
    "1e999",
    "-1e999",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\x\"",
    "\"",
    "'a'",
    "\"\u{0}\"",
    "\"\n\"",
    "{",
    "]",
    "[1,]",
    "{\"a\":1,}",
    "undefined",
    "/**/1",
    "",
];

/// A value, and whether it is JSON that can be kept.
pub fn value(chance: &mut Chance) -> (String, bool) {
    match chance.between(0, 99) {
        0..60 => ((*chance.pick(LITERALS)).to_owned(), true),
        60..75 => ((*chance.pick(BROKEN)).to_owned(), false),
        75..88 => {
            let length = chance.between(0, 40);
            (quoted(&format!("{MARK}{}", chance.text(length))), true)
        }
        88..93 => (quoted(&MARK.repeat(chance.between(50, 4_000))), true),
        93..96 => {
            let depth = chance.between(1, 60);
            (format!("{}{}", "[".repeat(depth), "]".repeat(depth)), true)
        }
        96..98 => {
            let depth = chance.between(200, 20_000);
            (format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)), false)
        }
        _ => (format!("[{}1]", "1,".repeat(chance.between(100, 5_000))), true),
    }
}

/// A text as JSON.
pub fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text has JSON")
}

/// Something happens to a text: bytes are lost, doubled, swapped or made up.
pub fn damaged(chance: &mut Chance, bytes: &mut Vec<u8>) {
    for _ in 0..chance.between(1, 4) {
        let (from, to) = (chance.between(0, bytes.len()), chance.between(0, bytes.len()));
        let (from, to) = (from.min(to), from.max(to));
        match chance.between(0, 5) {
            0 => bytes.truncate(to),
            1 => drop(bytes.drain(from..to.min(from + 8))),
            2 => {
                let again = bytes[from..to].to_vec();
                bytes.splice(from..from, again);
            }
            3 if to < bytes.len() => bytes.swap(from, to),
            4 => bytes.insert(from, *chance.pick(b"\"\\{}[],:.-_=0eA \x00\x7f")),
            _ if to < bytes.len() => bytes[to] ^= 1 << chance.between(0, 6),
            _ => bytes.push(b' '),
        }
    }
}
