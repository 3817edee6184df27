//! Refresh tokens: a chain that only the server can follow, each link with a mark of who made it.

use super::{Key, SECRET, Tokens, mac};
use crate::domain::SessionId;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

/// A refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session that it refreshes.
    pub session: SessionId,
    /// How many came before it.
    pub generation: i64,
    /// Its secret.
    pub secret: Vec<u8>,
}

impl Tokens {
    /// The secrets that the refresh token after this one may have: by the current key first, and by the previous.
    ///
    /// They are the same each time, so that a retry after a lost answer gets the same successor; and nobody can go a
    /// step without the server's key.
    pub fn successors(&self, secret: &[u8]) -> Vec<Vec<u8>> {
        self.keys().map(|key| mac(&key.chain, secret)).collect()
    }

    /// A refresh token as its owner holds it, `gcr_SESSION_GENERATION_SECRET`, with a mark that this server made it.
    pub fn refresh_text(&self, token: &RefreshToken) -> String {
        let secret = [token.secret.as_slice(), &self.current.mark(token)].concat();
        format!("gcr_{}_{}_{}", token.session, token.generation, URL_SAFE_NO_PAD.encode(secret))
    }

    /// The refresh token of a text, and whether it is known to have been made here.
    ///
    /// Only the hash of the present token is kept, so one of the past has nothing but its mark to prove itself by. The
    /// present one needs none, and is good even where no key is left that marked it.
    pub fn read_refresh(&self, text: &str) -> Option<(RefreshToken, bool)> {
        let mut parts = text.strip_prefix("gcr_")?.splitn(3, '_');
        let session = SessionId(parts.next()?.parse().ok()?);
        let generation = parts.next()?.parse().ok().filter(|generation| *generation >= 0)?;
        let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
        let (secret, mark) = bytes.split_at_checked(SECRET)?;
        let token = RefreshToken { session, generation, secret: secret.to_vec() };
        let made_here = self.keys().any(|key| bool::from(key.mark(&token).ct_eq(mark)));
        Some((token, made_here))
    }
}

impl Key {
    /// By what a refresh token made with this key is known.
    fn mark(&self, token: &RefreshToken) -> Vec<u8> {
        let RefreshToken { session, generation, secret } = token;
        mac(&self.marks, &[format!("{session} {generation} ").as_bytes(), secret].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: u8) -> Tokens {
        Tokens::new(&[key; 32], None, "goldcrest")
    }

    #[test]
    fn a_refresh_token_proves_who_made_it() {
        let token = RefreshToken { session: SessionId(7), generation: 3, secret: vec![0xff; SECRET] };
        let text = tokens(1).refresh_text(&token);
        assert_eq!(tokens(1).read_refresh(&text), Some((token.clone(), true)));
        assert_eq!(Tokens::new(&[2; 32], Some(&[1; 32]), "any").read_refresh(&text), Some((token.clone(), true)));
        assert_eq!(tokens(2).read_refresh(&text), Some((token, false)));
        for (field, other) in [("gcr_7_", "gcr_8_"), ("_3_", "_2_"), ("_3__", "_3_-")] {
            let changed = text.replacen(field, other, 1);
            assert_ne!(changed, text);
            assert_eq!(tokens(1).read_refresh(&changed).map(|(_, made_here)| made_here), Some(false), "{changed}");
        }
        for none in ["gcr_1_x_y", "gcr_1_2_AAAA", "gcr_7_-3_", &text.replacen("_3_", "_-3_", 1)] {
            assert_eq!(tokens(1).read_refresh(none), None, "{none}");
        }
    }
}
