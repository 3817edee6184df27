//! Texts of others on the operator's terminal: shown as they are, but for what would act on the terminal or deceive
//! its reader.

use std::fmt::{self, Display, Write};

/// A text with everything escaped that moves the cursor, colours, rings, breaks the line or turns the reading direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printable<'a>(pub &'a str);

impl Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if is_unsafe(c) => write!(f, "\\u{{{:x}}}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// A line of JSON with the same escaped in JSON's own way, so that it still says exactly the same.
#[derive(Debug, Clone, Copy)]
pub(super) struct PrintableJson<'a>(pub &'a str);

impl Display for PrintableJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                // Control characters that JSON allows at all stand between its tokens, where a blank does as well.
                '\n' | '\r' | '\t' => f.write_char(' ')?,
                c if is_unsafe(c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        write!(f, "\\u{unit:04x}")?;
                    }
                }
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Joiners stay: Persian, Hindi and emoji are spelt with them.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Marks, embeddings, overrides and isolates of the reading direction.
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Line and paragraph separators, the byte order mark, annotations.
            | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // Tags: invisible copies of ASCII.
            | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_act_on_a_terminal_is_escaped() {
        let shown = |text| Printable(text).to_string();
        assert_eq!(shown("\u{1b}[2J\u{7}a\r\n\tb"), "\\u{1b}[2J\\u{7}a\\r\\n\\tb");
        assert_eq!(shown("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(shown("abc\u{202e}fdp.exe\u{2066}"), "abc\\u{202e}fdp.exe\\u{2066}");
    }

    #[test]
    fn every_script_is_shown_as_it_is() {
        for text in ["Grüße", "नमस्ते", "می\u{200c}خواهم", "👩\u{200d}👩\u{200d}👧", "王", "\\d"]
        {
            assert_eq!(Printable(text).to_string(), text);
        }
    }

    #[test]
    fn json_says_the_same_after_it() {
        let json = "{\"text\":\"a\u{9b}\u{202e}\u{e0041}\u{7f}é\",\n\"n\":1}";
        let shown = PrintableJson(json).to_string();
        assert!(!shown.chars().any(is_unsafe), "{shown}");
        let (before, after): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(json).unwrap(), serde_json::from_str(&shown).unwrap());
        assert_eq!(before, after);
    }
}
