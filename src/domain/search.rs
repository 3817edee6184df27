//! What is found by which words: how a text becomes words, what somebody looks for, and how its hits are shown.
//!
//! The words are made here and not by the databases, whose own ideas of a word differ, and of which none splits a text of
//! every script. Each word becomes letters and digits of ASCII, which every full-text index takes for one word: what is
//! found is then the same everywhere. Scripts that write no spaces are cut into pairs of characters.

use super::Refusal;
use super::users::{fold, is_part_of_word};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::ops::Range;
use unicode_normalization::UnicodeNormalization;

/// The longest that somebody looks for, in Unicode scalar values.
pub const QUERY_LIMIT: usize = 200;
/// The most words and phrases in it.
const TERMS: usize = 16;
/// The longest word in an index, in bytes: some take no longer ones. What is longer is found by its beginning.
const WORD: usize = 80;
/// Characters that a snippet shows before its first hit, and in all.
const SHOWN: (usize, usize) = (40, 160);

/// What somebody looks for: all of these together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    /// Words that stand beside each other, in this order.
    pub terms: Vec<Term>,
}

/// One thing to look for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    /// Words as an index has them, one behind the other.
    pub words: Vec<String>,
    /// Whether the last of them is only how a word begins.
    pub begins: bool,
}

/// A part of a text that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "SnippetPart")]
pub struct Part {
    /// What stands there.
    pub text: String,
    /// Whether it is what was looked for.
    pub hit: bool,
}

/// A word of a text, and where it stands.
struct Word {
    indexed: String,
    place: Range<usize>,
    /// Whether it is the last character of a run in a script without spaces, which stands there for itself.
    single: bool,
}

/// A text's words as an index has them, with a space between them.
pub fn index(text: &str) -> String {
    let mut all = String::with_capacity(text.len() * 2);
    if text.is_ascii() {
        index_plain(text, &mut all);
        return all;
    }
    for word in words(text) {
        if !all.is_empty() {
            all.push(' ');
        }
        all.push_str(&word.indexed);
    }
    all
}

/// The same of a text of ASCII alone, whose words are the runs of its letters and digits: every message comes by here, and
/// most need nothing of what [`words`] does.
fn index_plain(text: &str, all: &mut String) {
    for word in text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        all.push_str(if all.is_empty() { "" } else { " " });
        all.push_str(ASCII);
        let from = all.len();
        all.push_str(&word[..word.len().min(WORD - ASCII.len())]);
        all[from..].make_ascii_lowercase();
    }
}

impl Sought {
    /// Reads what somebody typed: words, all of which must be there; `"some words"` beside each other; `begin*`.
    pub fn parse(field: &'static str, typed: &str) -> Result<Self, Refusal> {
        if typed.chars().count() > QUERY_LIMIT {
            return Err(Refusal::invalid(field, format!("What is looked for has at most {QUERY_LIMIT} characters.")));
        }
        let mut terms = Vec::new();
        for (number, quoted) in typed.split('"').enumerate() {
            if number % 2 == 1 {
                terms.extend(Term::of(quoted));
            } else {
                terms.extend(quoted.split_whitespace().filter_map(Term::of));
            }
        }
        if terms.is_empty() {
            return Err(Refusal::invalid(field, "Give at least one letter or digit to look for."));
        }
        terms.truncate(TERMS);
        Ok(Self { terms })
    }

    /// The part of a text where the first hit is, with all hits in it marked.
    pub fn snippet(&self, text: &str) -> Vec<Part> {
        let words = words(text);
        let mut hits: Vec<Range<usize>> = self.terms.iter().flat_map(|term| term.hits(&words)).collect();
        hits.sort_unstable_by_key(|hit| hit.start);
        let (before, most) = SHOWN;
        let first = hits.first().map_or(0, |hit| hit.start);
        let start = back(text, first, before);
        let end = forth(text, start, most);
        let mut parts = Vec::new();
        let mut push = |text: &str, hit: bool| {
            if !text.is_empty() {
                parts.push(Part { text: text.to_owned(), hit });
            }
        };
        if start > 0 {
            push("…", false);
        }
        let mut at = start;
        for hit in hits {
            let hit = hit.start.max(at)..hit.end.min(end);
            if hit.start < hit.end {
                push(&text[at..hit.start], false);
                push(&text[hit.clone()], true);
                at = hit.end;
            }
        }
        push(&text[at..end], false);
        if end < text.len() {
            push("…", false);
        }
        parts
    }
}

impl Term {
    fn of(typed: &str) -> Option<Self> {
        let words = words(typed);
        let last = words.last()?;
        // One character of a script that is cut into pairs begins those that it stands in.
        let begins = typed.trim_end().ends_with('*') || last.single && words.len() == 1;
        // The last character of such a script stands by itself only where a text ends.
        let pairs = last.single && words.len() > 1 && !typed.trim_end().ends_with('*');
        let kept = if pairs { words.len() - 1 } else { words.len() };
        Some(Self { words: words.into_iter().take(kept).map(|word| word.indexed).collect(), begins })
    }

    fn hits(&self, words: &[Word]) -> Vec<Range<usize>> {
        let fits = |some: &[Word]| {
            let (last, before) = (some.len() - 1, &self.words[..self.words.len() - 1]);
            let end = &self.words[last];
            let ends = if self.begins { some[last].indexed.starts_with(end) } else { some[last].indexed == *end };
            ends && some.iter().zip(before).all(|(word, sought)| word.indexed == *sought)
        };
        let place = |some: &[Word]| some[0].place.start..some[some.len() - 1].place.end;
        words.windows(self.words.len()).filter(|some| fits(some)).map(place).collect()
    }
}

impl Word {
    fn new(text: &str, place: Range<usize>, single: bool) -> Option<Self> {
        // Most words need none of it.
        let typed = &text[place.clone()];
        let plain = if typed.is_ascii() {
            typed.to_ascii_lowercase()
        } else {
            fold(&typed.nfkd().filter(|c| is_base(*c)).collect::<String>())
        };
        if plain.is_empty() {
            return None;
        }
        let mut indexed = String::with_capacity(ASCII.len() + plain.len() * 2);
        if plain.is_ascii() {
            indexed.push_str(ASCII);
            indexed.extend(plain.chars().filter(char::is_ascii_alphanumeric));
        } else {
            indexed.push_str(OTHERS);
            for byte in plain.bytes() {
                // Writing to a text cannot fail.
                let _ = write!(indexed, "{byte:02x}");
            }
        }
        indexed.truncate(WORD);
        Some(Self { indexed, place, single })
    }
}

/// Whether it is no accent over a letter: who types without them finds what has them.
fn is_base(c: char) -> bool {
    !('\u{300}'..='\u{36f}').contains(&c)
}

/// Scripts that write no spaces between words.
fn has_no_spaces(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}' // Thai, Lao
        | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' // Myanmar, Khmer
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' // Hiragana, Katakana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{20000}'..='\u{3ffff}')
}

/// So many characters before a place, at the beginning of one.
fn back(text: &str, place: usize, count: usize) -> usize {
    text[..place].char_indices().rev().take(count).last().map_or(place, |(start, _)| start)
}

/// So many characters behind a place.
fn forth(text: &str, place: usize, count: usize) -> usize {
    text[place..].char_indices().nth(count).map_or(text.len(), |(end, _)| place + end)
}

/// How words of ASCII begin in an index, so that none is too short for it or a word that it leaves out …
const ASCII: &str = "ww";
/// … and how all others do, whose bytes are written as digits.
const OTHERS: &str = "wx";

fn words(text: &str) -> Vec<Word> {
    let mut found = Vec::new();
    let mut rest = text.char_indices().peekable();
    while let Some(&(start, first)) = rest.peek() {
        if !is_part_of_word(first) {
            rest.next();
            continue;
        }
        let spaceless = has_no_spaces(first);
        let mut places = Vec::new();
        while let Some(&(place, c)) = rest.peek() {
            if !is_part_of_word(c) || has_no_spaces(c) != spaceless {
                break;
            }
            places.push(place);
            rest.next();
        }
        let end = rest.peek().map_or(text.len(), |(place, _)| *place);
        if spaceless {
            let bounds: Vec<usize> = places.into_iter().chain([end]).collect();
            for pair in bounds.windows(3) {
                found.extend(Word::new(text, pair[0]..pair[2], false));
            }
            if let [.., last, end] = bounds[..] {
                found.extend(Word::new(text, last..end, true));
            }
        } else {
            found.extend(Word::new(text, start..end, false));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sought: &str, text: &str) -> Vec<String> {
        let parts = Sought::parse("text", sought).map(|sought| sought.snippet(text)).unwrap_or_default();
        parts.into_iter().filter(|part| part.hit).map(|part| part.text).collect()
    }

    #[test]
    fn words_are_found_without_regard_to_case_and_accents() {
        for (sought, text, hits) in [
            ("cafe", "In the CAFÉ.", &["CAFÉ"][..]),
            ("straße", "Hauptstrasse, STRASSE", &["STRASSE"]),
            ("ольга", "Привет, Ольга!", &["Ольга"]),
            ("the cat", "cat and the dog and THE cat", &["cat", "the", "THE", "cat"]),
            ("\"the cat\"", "cat and the dog and THE cat", &["THE cat"]),
            ("gold*", "a goldcrest, gold", &["goldcrest", "gold"]),
            ("gold", "a goldcrest", &[]),
            ("foo-bar", "foo bar, foo-bar, bar foo", &["foo bar", "foo-bar"]),
            ("नमस्ते", "नमस्ते दुनिया", &["नमस्ते"]),
            ("猫", "黒猫が好き", &["猫が"]),
            ("黒猫", "この黒猫が好き", &["黒猫"]),
            ("世界", "你好世界", &["世界"]),
        ] {
            assert_eq!(found(sought, text), hits, "{sought} in {text}");
        }
    }

    #[test]
    fn an_index_has_letters_and_digits_of_ascii_alone() {
        for text in ["Hi, I'm Ann_7", "Ünï 黒猫 ไทย 🐦 a\u{301}", "\u{202e}x\0y"] {
            let index = index(text);
            assert!(index.chars().all(|c| c.is_ascii_alphanumeric() || c == ' '), "{index}");
            assert!(index.split(' ').all(|word| (3..=WORD).contains(&word.len())), "{index}");
        }
        assert!(index(&"é".repeat(1_000)).len() <= WORD);
        assert_eq!(index("🐦 … !"), "");
    }

    #[test]
    fn a_plain_text_has_the_words_that_it_would_have_among_others() {
        let every: String = (0..=127_u8).map(char::from).collect();
        let long = format!("{} {}", "Xy".repeat(WORD), "z".repeat(WORD - ASCII.len() + 1));
        for text in ["", " ", "Hi, I'm Ann_7", "a-b  c\n\0D.", "x", &every, &long] {
            let among_others: Vec<String> = words(text).into_iter().map(|word| word.indexed).collect();
            assert_eq!(index(text), among_others.join(" "), "{text:?}");
        }
    }

    #[test]
    fn nothing_to_look_for_is_refused() {
        for none in ["", " ", "\"\"", "🐦", "*", &"x".repeat(QUERY_LIMIT + 1)] {
            assert!(Sought::parse("text", none).is_err(), "{none}");
        }
        assert!(Sought::parse("text", "\"open").is_ok());
    }

    #[test]
    fn a_snippet_shows_what_is_around_the_first_hit() {
        let text = format!("{} needle {}", "é".repeat(300), "ü".repeat(300));
        let parts = Sought::parse("text", "needle").map(|sought| sought.snippet(&text)).unwrap_or_default();
        let shown: String = parts.iter().map(|part| part.text.as_str()).collect();
        assert_eq!(shown.chars().count(), SHOWN.1 + 2, "{shown}");
        assert!(parts.iter().any(|part| part.hit && part.text == "needle"));
        assert!(shown.starts_with('…') && shown.ends_with('…'));
    }
}
