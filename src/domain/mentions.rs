//! Who is named in a text: `@` and a username, at the beginning of a word.

use super::users::{USERNAME_LIMIT, fold, is_part_of_name, is_part_of_word};

/// The most people that one message mentions.
pub const MENTION_LIMIT: usize = 50;
/// The most names that are read in one text, those that nobody has and those that come again included.
const LOOKED_UP: usize = 200;

/// The keys of all names that a text may mention, place by place. Each place has the longest name first, and those that
/// are left when signs at its end are taken as the sentence's: the first that somebody has is meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Named {
    places: Vec<Vec<String>>,
}

impl Named {
    /// Reads a text. Most hold no `@`, and cost no more than looking for it.
    pub fn in_text(text: &str) -> Self {
        let mut places: Vec<Vec<String>> = Vec::new();
        let mut count = 0;
        for (at, _) in text.match_indices('@') {
            if !begins_after(&text[..at]) {
                continue;
            }
            let keys = keys(&text[at + 1..]);
            // Names that come again count too: finding out that they do is work as well.
            count += keys.len();
            if count > LOOKED_UP {
                break;
            }
            if !keys.is_empty() && !places.contains(&keys) {
                places.push(keys);
            }
        }
        Self { places }
    }

    /// Whether nobody can be meant.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// All keys, some perhaps twice.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        self.places.iter().flatten()
    }

    /// Whom each place means, given who may be meant by a key.
    pub fn resolve<T: PartialEq>(&self, who: impl Fn(&str) -> Option<T>) -> Vec<T> {
        let mut people = Vec::new();
        for keys in &self.places {
            if let Some(person) = keys.iter().find_map(|key| who(key))
                && !people.contains(&person)
                && people.len() < MENTION_LIMIT
            {
                people.push(person);
            }
        }
        people
    }
}

/// Whether an `@` behind this begins a mention: not inside a word and not inside an e-mail address.
fn begins_after(before: &str) -> bool {
    let mut back = before.chars().rev();
    match back.next() {
        None => true,
        Some('@') => false,
        // Signs that an address may hold right before its `@`, unless they stand by themselves, as in `_@bob_`.
        Some('_' | '-' | '+') => !back.next().is_some_and(is_part_of_name),
        Some(c) => !is_part_of_word(c),
    }
}

/// The keys of the names with which a text may begin, the longest first.
fn keys(text: &str) -> Vec<String> {
    // One more than fits, to see that it does not.
    let run: Vec<char> = text.chars().take_while(|c| is_part_of_name(*c)).take(USERNAME_LIMIT * 2 + 1).collect();
    let mut keys = Vec::new();
    let mut length = run.len();
    while length > 0 {
        if length <= USERNAME_LIMIT * 2 {
            keys.push(fold(&run[..length].iter().collect::<String>()));
        }
        // A letter or digit at the end is never the sentence's, for then the name would end inside a word.
        if is_part_of_word(run[length - 1]) {
            break;
        }
        length -= 1;
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who of these people is mentioned.
    fn mentioned(text: &str, people: &[&str]) -> Vec<String> {
        Named::in_text(text).resolve(|key| people.iter().find(|name| fold(name) == key).map(|name| (*name).to_owned()))
    }

    #[test]
    fn names_are_found_where_words_begin() {
        let people = ["bob", "ann"];
        for text in
            ["@bob", "hi @bob!", "(@bob)", "@Bob, look", "@bob.", "@bob...", "\n@BOB\n", "_@bob_", "é @bob:", "Hi.@bob"]
        {
            assert_eq!(mentioned(text, &people), ["bob"], "{text}");
        }
        assert_eq!(mentioned("@ann and @bob and @ann", &people), ["ann", "bob"]);
    }

    #[test]
    fn neither_words_nor_addresses_mention_anybody() {
        let people = ["bob", "example.com", "b"];
        for text in [
            "bob",
            "x@bob",
            "me@example.com",
            "me_@bob",
            "@@bob",
            "@bobby",
            "@bob2",
            "@bob-smith",
            "@bob@there.org",
            "@",
            "@ bob",
            "é@bob",
        ] {
            assert_eq!(mentioned(text, &people), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn the_longest_name_is_meant() {
        let people = ["bob", "bob.", "bob.smith", "ann-"];
        assert_eq!(mentioned("@bob.smith", &people), ["bob.smith"]);
        assert_eq!(mentioned("@bob.smith.", &people), ["bob.smith"]);
        assert_eq!(mentioned("@bob.", &people), ["bob."]);
        assert_eq!(mentioned("@bob-", &people), ["bob"]);
        assert_eq!(mentioned("@ann--", &people), ["ann-"]);
    }

    #[test]
    fn names_of_any_script_are_found_however_they_are_composed() {
        assert_eq!(mentioned("привет @ОЛЬГА, как", &["Ольга"]), ["Ольга"]);
        assert_eq!(mentioned("@e\u{301}ric", &["Éric"]), ["Éric"]);
        assert_eq!(mentioned("你好 @王！", &["王"]), ["王"]);
        assert_eq!(mentioned("@नमस्ते।", &["नमस्ते"]), ["नमस्ते"]);
    }

    #[test]
    fn a_text_full_of_names_costs_little() {
        let names: Vec<String> = (0..5_000).map(|number| format!("@u{number}")).collect();
        let text = names.join(" ");
        assert!(Named::in_text(&text).keys().count() <= 200);
        let people: Vec<String> = (0..100).map(|number| format!("u{number}")).collect();
        let people: Vec<&str> = people.iter().map(String::as_str).collect();
        assert_eq!(mentioned(&text, &people).len(), MENTION_LIMIT);
        assert!(Named::in_text(&format!("@{}", "x".repeat(10_000))).is_empty());
        assert_eq!(mentioned(&format!("{} @u2", "@u1 ".repeat(200)), &people), ["u1"], "also of names that come again");
        assert!(Named::in_text(&format!("@b{}", ".".repeat(9_000))).keys().count() <= USERNAME_LIMIT * 2);
    }
}
