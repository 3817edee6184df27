//! Texts as Kinglet shows them: HTML with links and names, in which nothing that somebody wrote is markup.

use crate::domain::users::{USERNAME_LIMIT, UserRef, fold, is_part_of_name, is_part_of_word};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pulldown_cmark_escape::escape_html;
use sha2::{Digest, Sha256};
use url::Url;

/// So much of an address is shown.
const ADDRESS_SHOWN: usize = 30;
/// So much of a thread's first message is shown.
const THREAD_SHOWN: usize = 75;
/// Names that are made links in one text, and signs at the end of a name that may be the sentence's.
const NAMES: usize = 100;
const SIGNS: usize = 8;

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Plain(&'a str),
    Address(&'a str),
    /// With its `@`, and whose it is.
    Name(&'a str, &'a UserRef),
}

/// A message as HTML. Names of these people become links.
pub(super) fn message(text: &str, people: &[UserRef]) -> String {
    pieces(text, people).iter().fold(String::with_capacity(text.len() * 2), |mut html, piece| {
        match piece {
            Piece::Plain(plain) => escape_into(&mut html, plain),
            Piece::Address(address) => link_into(&mut html, address),
            Piece::Name(typed, person) => {
                html.push_str("<a href=\"/user/");
                escape_into(&mut html, person.username.as_str());
                html.push_str("\">");
                escape_into(&mut html, typed);
                html.push_str("</a>");
            }
        }
        html
    })
}

/// What somebody says of himself as HTML.
pub(super) fn profile(text: &str) -> String {
    let shown = message(text, &[]);
    shown.replace("\r\n", "\n").replace('\n', "<br />")
}

/// The beginning of a thread: no names, no links, and no more than a line. It may stand in HTML.
pub(super) fn beginning(text: &str, people: &[UserRef]) -> String {
    let plain: String = pieces(text, people)
        .iter()
        .map(|piece| match piece {
            Piece::Plain(plain) => (*plain).to_owned(),
            Piece::Address(address) => shortened(address),
            Piece::Name(..) => String::new(),
        })
        .collect();
    let plain = plain.trim();
    let mut shown: String = plain.chars().take(THREAD_SHOWN).collect();
    if shown.len() < plain.len() {
        shown.push_str(" ...");
    }
    escaped(&shown)
}

/// The names in a text, each with all that may be meant, the longest first: signs at its end may be the sentence's. The
/// last is what the original would have read.
pub(super) fn names(text: &str) -> Vec<Vec<String>> {
    words(text).filter_map(|(_, word)| Some(candidates(word.strip_prefix('@')?))).filter(|it| !it.is_empty()).collect()
}

/// Something that stays the same for as long as these parts do, of which none can be guessed that is not known.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // The length keeps other parts from being spelt the same.
        hash.update(part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(&hash.finalize()[..16])
}

/// The words of a text with where each begins.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(char::is_whitespace).scan(0, move |at, word| {
        let begins = *at;
        // Behind each word stands one sign of white space, of whatever length.
        *at += word.len();
        *at += text[*at..].chars().next().map_or(0, char::len_utf8);
        Some((begins, word))
    })
}

fn candidates(text: &str) -> Vec<String> {
    let run: Vec<char> = text.chars().take_while(|c| is_part_of_name(*c)).take(USERNAME_LIMIT * 2 + 1).collect();
    if run.len() > USERNAME_LIMIT * 2 {
        return Vec::new();
    }
    let mut names = Vec::new();
    let mut length = run.len();
    while length > 0 && names.len() <= SIGNS {
        names.push(run[..length].iter().collect());
        // A letter or digit at the end is never the sentence's.
        if is_part_of_word(run[length - 1]) {
            break;
        }
        length -= 1;
    }
    names
}

fn pieces<'a>(text: &'a str, people: &'a [UserRef]) -> Vec<Piece<'a>> {
    let keys: Vec<String> = people.iter().map(|person| person.username.key()).collect();
    let whose = |name: &String| keys.iter().position(|key| *key == fold(name)).map(|at| &people[at]);
    let mut pieces = Vec::new();
    let mut names = 0;
    let mut shown = 0;
    for (begins, word) in words(text) {
        let found = if let Some(rest) = word.strip_prefix('@') {
            names += 1;
            let all = if names > NAMES || keys.is_empty() { Vec::new() } else { candidates(rest) };
            let meant = all.iter().find_map(|name| Some((name.len(), whose(name)?)));
            meant.map(|(length, person)| (begins, length + 1, Some(person)))
        } else {
            address(word).map(|(at, length)| (begins + at, length, None))
        };
        let Some((from, length, person)) = found else { continue };
        if shown < from {
            pieces.push(Piece::Plain(&text[shown..from]));
        }
        shown = from + length;
        let here = &text[from..shown];
        pieces.push(person.map_or(Piece::Address(here), |person| Piece::Name(here, person)));
    }
    if shown < text.len() {
        pieces.push(Piece::Plain(&text[shown..]));
    }
    pieces
}

/// Where in a word an address of the web stands, and how long it is.
fn address(word: &str) -> Option<(usize, usize)> {
    let lower = word.to_ascii_lowercase();
    let at = ["http://", "https://"].iter().filter_map(|scheme| lower.find(scheme)).min()?;
    let rest = &word[at..];
    let end = rest.find(|c: char| "<>\"'`\\".contains(c) || c.is_control()).unwrap_or(rest.len());
    let rest = rest[..end].trim_end_matches(|c| ".,;:!?)]}".contains(c));
    let url = Url::parse(rest).ok()?;
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some((at, rest.len()))
}

fn shortened(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let mut shown: String = rest.chars().take(ADDRESS_SHOWN).collect();
    if shown.len() < rest.len() {
        shown.push_str(" ...");
    }
    shown
}

fn link_into(html: &mut String, address: &str) {
    let url = escaped(address);
    // The two spaces are the original's.
    for part in ["<a title=\"", &url, "\"  class=\"extlink\" href=\"", &url, "\">"] {
        html.push_str(part);
    }
    escape_into(html, &shortened(address));
    html.push_str("</a>");
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    escape_into(&mut html, text);
    html
}

fn escape_into(html: &mut String, text: &str) {
    // A string takes whatever is written to it.
    let _ = escape_html(html, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::UserId;
    use crate::domain::users::Username;

    fn people(names: &[&str]) -> Vec<UserRef> {
        let person = |name: &&str| UserRef { id: UserId(1), username: Username::stored((*name).to_owned()) };
        names.iter().map(person).collect()
    }

    fn link(url: &str, shown: &str) -> String {
        format!("<a title=\"{url}\"  class=\"extlink\" href=\"{url}\">{shown}</a>")
    }

    #[test]
    fn nothing_that_somebody_wrote_is_markup() {
        for (text, html) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("\"><img src=x onerror='a()'>", "&quot;&gt;&lt;img src=x onerror=&#39;a()&#39;&gt;"),
            ("a & b &lt;", "a &amp; b &amp;lt;"),
            ("javascript:alert(1)", "javascript:alert(1)"),
            ("data:text/html,<b>", "data:text/html,&lt;b&gt;"),
            ("javascript://http/%0aalert(1)", "javascript://http/%0aalert(1)"),
            ("http://", "http://"),
        ] {
            assert_eq!(message(text, &people(&["ann"])), html, "{text}");
        }
        let html = message("http://a.org/\"onmouseover=\"x() end", &[]);
        assert_eq!(html, link("http://a.org/", "a.org/") + "&quot;onmouseover=&quot;x() end");
        let html = message("http://a.org/?a=1&b='><script>", &[]);
        assert_eq!(html, link("http://a.org/?a=1&amp;b=", "a.org/?a=1&amp;b=") + "&#39;&gt;&lt;script&gt;");
        let html = message("@<script> @ann\"onclick=x", &people(&["ann"]));
        assert_eq!(html, "@&lt;script&gt; <a href=\"/user/ann\">@ann</a>&quot;onclick=x");
    }

    #[test]
    fn addresses_become_links_with_their_beginning() {
        let long = "https://example.org/a/very/long/path/that/goes/on";
        assert_eq!(message(long, &[]), link(long, "example.org/a/very/long/path/t ..."));
        assert_eq!(message("(see HTTP://a.org/x).", &[]), format!("(see {}).", link("HTTP://a.org/x", "a.org/x")));
        assert_eq!(
            message("javascript:alert('http://a.org')", &[]),
            format!("javascript:alert(&#39;{}&#39;)", link("http://a.org", "a.org"))
        );
        assert_eq!(profile("a\r\nb\nhttp://a.org"), format!("a<br />b<br />{}", link("http://a.org", "a.org")));
    }

    #[test]
    fn names_of_those_who_are_meant_become_links() {
        let all = people(&["userA", "user", "a.b", "Ольга"]);
        let name = |of: &str, typed: &str| format!("<a href=\"/user/{of}\">{typed}</a>");
        assert_eq!(message("@USERA, @user!", &all), format!("{}, {}!", name("userA", "@USERA"), name("user", "@user")));
        assert_eq!(message("@a.b. x@user @nobody", &all), format!("{}. x@user @nobody", name("a.b", "@a.b")));
        assert_eq!(message("\u{3000}@ольга", &all), format!("\u{3000}{}", name("Ольга", "@ольга")));
    }

    #[test]
    fn names_in_a_text_stand_behind_white_space() {
        let first = |text: &str| names(text).into_iter().map(|names| names.join("|")).collect::<Vec<_>>();
        assert_eq!(first("@userA\t@userB\nx@no (@no @ @@two"), ["userA", "userB", "@two"]);
        assert_eq!(first("@ann.. hello"), ["ann..|ann.|ann"]);
        assert_eq!(first(&format!("@{}", "x".repeat(129))), [""; 0]);
        assert_eq!(
            first(&format!("@a{}", ".".repeat(100))),
            [(92..=100).rev().map(|n| format!("a{}", ".".repeat(n))).collect::<Vec<_>>().join("|")]
        );
    }

    #[test]
    fn a_thread_shows_its_beginning() {
        let all = people(&["me", "you"]);
        assert_eq!(beginning("@me @you sending a <b>message</b>", &all), "sending a &lt;b&gt;message&lt;/b&gt;");
        assert_eq!(beginning(&"é".repeat(76), &all), format!("{} ...", "é".repeat(75)));
        assert_eq!(beginning(&"é".repeat(75), &all), "é".repeat(75));
        let long = "https://example.org/a/very/long/path/that/goes/on";
        assert_eq!(beginning(long, &all), "example.org/a/very/long/path/t ...");
    }

    #[test]
    fn digests_tell_texts_apart() {
        assert_eq!(digest(&["1", "a"]), digest(&["1", "a"]));
        assert_ne!(digest(&["1", "a"]), digest(&["1", "b"]));
        assert_ne!(digest(&["1", "1a"]), digest(&["11", "a"]));
        assert_eq!(digest(&["1", "a"]).len(), 22);
    }
}
