//! What shows that a publication was made by a node with the same signing key, and when: a code before its text.
//!
//! Whoever may publish on NATS is not believed for that alone. The code (HMAC-SHA-256) is made with a key of its own, derived
//! from the one that signs tokens, over the subject, the moment and the text: what was said of one database, or as another
//! kind of thing, is not taken for something else.

use crate::domain::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// What the derived key is for, and nothing else.
const PURPOSE: &[u8] = b"goldcrest relay v1";
/// The bytes of a code.
const CODE: usize = 32;
/// The bytes that the hash works on at a time, which is what a key is filled up to.
const BLOCK: usize = 64;
/// The bytes of a moment: milliseconds, the highest first.
const MOMENT: usize = 8;
/// What stands before a text.
pub(super) const SEAL: usize = CODE + MOMENT;

type Code = Hmac<Sha256>;

/// What publications are signed with: the current key, and the one before it, whose word is taken too.
#[derive(Clone)]
pub struct RelayKeys {
    current: Code,
    previous: Option<Code>,
}

impl std::fmt::Debug for RelayKeys {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RelayKeys").finish_non_exhaustive()
    }
}

impl RelayKeys {
    /// Derived from the keys that sign tokens.
    pub fn new(current: &[u8], previous: Option<&[u8]>) -> Self {
        Self { current: derived(current), previous: previous.map(derived) }
    }

    /// A text as it is published.
    pub(super) fn seal(&self, subject: &str, at: Timestamp, text: &str) -> Vec<u8> {
        let at = at.0.to_be_bytes();
        let code = over(&self.current, subject, &at, text.as_bytes()).finalize().into_bytes();
        [code.as_slice(), &at, text.as_bytes()].concat()
    }

    /// When it was published, and the text, if a node with one of these keys did that under this subject.
    pub(super) fn open<'a>(&self, subject: &str, payload: &'a [u8]) -> Option<(Timestamp, &'a [u8])> {
        let (code, rest) = payload.split_at_checked(CODE)?;
        let (at, text) = rest.split_first_chunk::<MOMENT>()?;
        let keys = [Some(&self.current), self.previous.as_ref()].into_iter().flatten();
        // Compared in a time that does not depend on where they differ.
        let mut good = keys.map(|key| over(key, subject, at, text).verify_slice(code).is_ok());
        good.any(|good| good).then(|| (Timestamp(i64::from_be_bytes(*at)), text))
    }
}

fn derived(key: &[u8]) -> Code {
    code(&code(key).chain_update(PURPOSE).finalize().into_bytes())
}

/// Keys have any length: a hash of them does not.
fn code(key: &[u8]) -> Code {
    let mut block = [0; BLOCK];
    block[..CODE].copy_from_slice(&Sha256::digest(key));
    Code::new(&block.into())
}

fn over(key: &Code, subject: &str, at: &[u8], text: &[u8]) -> Code {
    // No subject has a zero in it, and the moment is of one length: no two of these read alike.
    key.clone().chain_update(subject).chain_update([0]).chain_update(at).chain_update(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp(1_795_255_200_123);

    #[test]
    fn what_was_sealed_is_opened_as_it_was() {
        let keys = RelayKeys::new(&[1; 32], None);
        for text in ["", "{}", r#"{"text":"é"}"#] {
            let sealed = keys.seal("a.events", AT, text);
            assert_eq!(sealed.len(), SEAL + text.len());
            assert_eq!(keys.open("a.events", &sealed), Some((AT, text.as_bytes())));
        }
        assert!(!format!("{keys:?}").contains('1'));
    }

    #[test]
    fn what_was_changed_anywhere_is_not_opened() {
        let keys = RelayKeys::new(&[1; 32], None);
        let sealed = keys.seal("a.events", AT, "{}");
        for place in 0..sealed.len() {
            let mut other = sealed.clone();
            other[place] ^= 1;
            assert_eq!(keys.open("a.events", &other), None, "{place}");
            assert_eq!(keys.open("a.events", &sealed[..place]), None, "{place}");
        }
        assert_eq!(keys.open("a.events", &[sealed.as_slice(), b" "].concat()), None);
        assert_eq!(keys.open("a.passing", &sealed), None, "it was said elsewhere");
        assert_eq!(keys.open("a.events", b"{}"), None, "nobody signed it");
    }

    #[test]
    fn a_key_rolls_on_while_nodes_go_on() {
        let (old, new) = ([1; 32], [2; 32]);
        // Each step on one node while the other is at the step before it.
        let steps = [(&old, None), (&old, Some(&new)), (&new, Some(&old)), (&new, None)];
        let keys = steps.map(|(current, previous)| RelayKeys::new(current, previous.map(<[u8; 32]>::as_slice)));
        for pair in keys.windows(2) {
            for (from, to) in [(&pair[0], &pair[1]), (&pair[1], &pair[0])] {
                assert!(to.open("a", &from.seal("a", AT, "{}")).is_some());
            }
        }
        assert_eq!(keys[0].open("a", &keys[3].seal("a", AT, "{}")), None, "another key is no key");
        // Tokens are signed with the key itself, and what was signed so is no publication.
        let bare = over(&code(&old), "a", &AT.0.to_be_bytes(), b"{}").finalize().into_bytes();
        assert_eq!(keys[0].open("a", &[bare.as_slice(), &AT.0.to_be_bytes(), b"{}"].concat()), None);
    }
}
