//! Makes tokens that are wrong in one way or another, and says which of them must be refused.

use crate::api::tokens::signing_key;
use crate::live::fuzz::MARK;
use crate::live::fuzz::nonsense::{damaged, quoted, value};
use crate::support::Chance;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::Value;

/// The key of the server.
pub const KEY: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// How long a token is good, in seconds.
pub const LIFETIME: i64 = 86_400;

const ALGORITHMS: &[&str] = &[
    "\"none\"",
    "\"None\"",
    "\"nOnE\"",
    "\"HS384\"",
    "\"HS512\"",
    "\"RS256\"",
    "\"ES256\"",
    "\"PS256\"",
    "\"EdDSA\"",
    "\"hs256\"",
    "\"HS256 \"",
    "\"HS256\\u0000\"",
    "\"\"",
    "null",
    "[\"HS256\"]",
    "{\"HS256\":null}",
    "0",
];

const KEYS: &[&str] = &[
    "\"theirs\"",
    "\"\"",
    "0",
    "[]",
    "\"../../dev/null\"",
    "\"' OR 1=1 --\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "{}",
    "true",
    "\"KID \"",
];

const SUBJECTS: &[&str] = &[
    "\"1\"",
    "\"2\"",
    "\"2\"",
    "\"01\"",
    "\"+2\"",
    "\" 2\"",
    "\"2 \"",
    "\"-2\"",
    "\"0\"",
    "\"2.0\"",
    "\"2e0\"",
    "\"99\"",
    "\"9223372036854775807\"",
    "\"9223372036854775808\"",
    "\"-9223372036854775808\"",
    "\"\\u0662\"",
    "\"\\uff12\"",
    "\"bob\"",
    "\"\"",
    "2",
    "null",
    "[\"2\"]",
    "\"2\\u0000\"",
    "\"1,2\"",
];

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "-1",
    "1.5",
    "2.0",
    "99",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551615",
    "18446744073709551616",
    "1e18",
    "1e19",
    "1e308",
    "1e999",
    "-0",
    "253402300800",
    "9223372036854775",
    "9223372036854776",
    "-9223372036854776",
    "\"1\"",
    "\"253402300800\"",
    "null",
    "[]",
    "{}",
    "true",
    "NaN",
    "\"\"",
];

const AUDIENCES: &[&str] = &["null", "[]", "0", "\"\"", "\"elsewhere\"", "[\"elsewhere\"]", "[null]", "{}"];

/// A token, and what is known of it.
pub struct Made {
    pub token: Vec<u8>,
    /// Nobody must be let in by it.
    pub is_bad: bool,
}

/// Makes them, out of one that is good.
pub struct Forger<'a> {
    pub chance: &'a mut Chance,
    pub genuine: &'a str,
    pub header: Value,
    pub claims: Value,
}

impl Forger<'_> {
    pub fn make(&mut self) -> Made {
        match self.chance.between(0, 99) {
            0..4 => Made { token: self.genuine.into(), is_bad: false },
            4..34 => self.damaged(),
            34..50 => self.with_odd_header(),
            50..75 => self.with_odd_claims(),
            75..85 => self.signed_otherwise(),
            85..95 => self.in_other_parts(),
            _ => self.large(),
        }
    }

    fn damaged(&mut self) -> Made {
        let mut token = self.genuine.as_bytes().to_vec();
        if self.chance.percent(30) {
            // A part of it, as it is before it is written in base64.
            let mut all: Vec<Vec<u8>> =
                self.genuine.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
            let part = self.chance.between(0, 2);
            damaged(self.chance, &mut all[part]);
            token = all.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect::<Vec<_>>().join(".").into_bytes();
        } else {
            damaged(self.chance, &mut token);
        }
        let is_bad = token.trim_ascii() != self.genuine.as_bytes();
        Made { token, is_bad }
    }

    /// Signed with our key, whatever its header says.
    fn signed(header: &str, claims: &str, algorithm: Algorithm, key: &[u8]) -> Vec<u8> {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let key = EncodingKey::from_secret(key);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, algorithm).unwrap();
        format!("{message}.{signature}").into_bytes()
    }

    fn signed_by_us(header: &str, claims: &str) -> Vec<u8> {
        Self::signed(header, claims, Algorithm::HS256, &signing_key(KEY))
    }

    fn with_odd_header(&mut self) -> Made {
        let kid = self.header["kid"].to_string();
        let mut is_bad = false;
        let algorithm = if self.chance.percent(50) {
            let algorithm = *self.chance.pick(ALGORITHMS);
            // Another way to write the same, which the library reads too.
            is_bad = algorithm != "{\"HS256\":null}";
            algorithm
        } else {
            "\"HS256\""
        };
        let mut fields = vec![format!("\"alg\":{algorithm}")];
        match self.chance.between(0, 9) {
            0..3 => {
                is_bad = true;
                fields.push(format!("\"kid\":{}", self.chance.pick(KEYS).replace("KID", kid.trim_matches('"'))));
            }
            3 => {}
            _ => fields.push(format!("\"kid\":{kid}")),
        }
        for _ in 0..self.chance.between(0, 3) {
            let name = *self
                .chance
                .pick(&["typ", "alg", "kid", "crit", "jku", "jwk", "x5u", "x5c", "zip", "b64", "cty", "enc", "zqx"]);
            let written = if self.chance.percent(30) { quoted("JWT") } else { value(self.chance).0 };
            let at = self.chance.between(0, fields.len());
            fields.insert(at, format!("{}:{written}", quoted(name)));
        }
        let token = Self::signed_by_us(&format!("{{{}}}", fields.join(",")), &self.claims.to_string());
        Made { token, is_bad }
    }

    /// What it says of the user is what counts: it is our own word.
    fn with_odd_claims(&mut self) -> Made {
        let mut fields: Vec<String> = Vec::new();
        let mut is_bad = false;
        for (name, odd) in [("sub", SUBJECTS), ("sid", NUMBERS), ("aud", AUDIENCES), ("iat", NUMBERS), ("exp", NUMBERS)]
        {
            let right = self.claims[name].to_string();
            match self.chance.between(0, 9) {
                0..2 => {
                    let written = *self.chance.pick(odd);
                    is_bad |= !self.may_be(name, written);
                    fields.push(format!("\"{name}\":{written}"));
                }
                2 if self.chance.percent(30) => is_bad = true,
                3 if self.chance.percent(30) => {
                    // Twice, and each time otherwise.
                    fields.push(format!("\"{name}\":{right}"));
                    fields.push(format!("\"{name}\":{}", self.chance.pick(odd)));
                    is_bad = true;
                }
                4 if self.chance.percent(30) => fields.push(format!("\"{name}\":{}", value(self.chance).0)),
                _ => fields.push(format!("\"{name}\":{right}")),
            }
        }
        if self.chance.percent(20) {
            let name = *self.chance.pick(&["nbf", "iss", "jti", "scope", "admin", "zqx", ""]);
            fields.push(format!("{}:{}", quoted(name), value(self.chance).0));
        }
        let token = Self::signed_by_us(&self.header.to_string(), &format!("{{{}}}", fields.join(",")));
        Made { token, is_bad }
    }

    /// Whether a token with this claim can be a good one.
    fn may_be(&self, name: &str, written: &str) -> bool {
        let is_after = |moment: i64| written.parse().is_ok_and(|seconds: i64| seconds > moment);
        let made = self.claims["iat"].as_i64().unwrap();
        match name {
            "sub" => written.starts_with('"') && written.trim_matches('"').parse().is_ok_and(|id: i64| id > 0),
            "sid" => is_after(0),
            "exp" => is_after(made),
            "iat" => is_after(made - LIFETIME),
            _ => false,
        }
    }

    fn signed_otherwise(&mut self) -> Made {
        let (header, claims) = (self.header.to_string(), self.claims.to_string());
        let kid = self.header["kid"].as_str().unwrap().to_owned();
        let half = &KEY[..32];
        let keys: [&[u8]; 7] = [
            b"",
            b"\0",
            b"secret",
            kid.as_bytes(),
            half.as_bytes(),
            b"another key, quite as long as ours is",
            &[0; 64],
        ];
        let key = *self.chance.pick(&keys);
        let token = match self.chance.between(0, 3) {
            0 => Self::signed(&header, &claims, Algorithm::HS256, key),
            1 => Self::signed(&header.replace("HS256", "HS512"), &claims, Algorithm::HS512, &signing_key(KEY)),
            2 => Self::signed(&header.replace("HS256", "HS384"), &claims, Algorithm::HS384, &signing_key(KEY)),
            _ => Self::signed(&header, &claims, Algorithm::HS512, &signing_key(KEY)),
        };
        Made { token, is_bad: true }
    }

    fn in_other_parts(&mut self) -> Made {
        let all: Vec<&str> = self.genuine.split('.').collect();
        let [header, claims, signature] = all[..] else { unreachable!("a token has three parts") };
        let standard = STANDARD.encode(URL_SAFE_NO_PAD.decode(signature).unwrap());
        let padded = URL_SAFE.encode(URL_SAFE_NO_PAD.decode(claims).unwrap()) + "=";
        // The last letter has bits that mean nothing.
        let (most, last) = signature.split_at(signature.len() - 1);
        let other = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let place = other.find(last).unwrap() ^ self.chance.between(1, 3);
        let token = match self.chance.between(0, 13) {
            0 => format!("{header}.{claims}"),
            1 => format!("{header}.{claims}."),
            2 => format!("{header}.{claims}.{signature}."),
            3 => format!("{header}.{claims}.{signature}.{signature}.{signature}"),
            4 => format!("{claims}.{header}.{signature}"),
            5 => format!(".{claims}.{signature}"),
            6 => format!("{header}..{signature}"),
            7 => format!("{header}.{claims}.{standard}"),
            8 => format!("{header}.{padded}.{signature}"),
            9 => format!("{header}.{claims}.{signature}="),
            10 => format!("{header}.{claims}.{most}{}", &other[place..=place]),
            11 => format!("Bearer {}", self.genuine),
            12 => format!("\"{}\"", self.genuine),
            _ => (*self
                .chance
                .pick(&["", ".", "..", "...", "gck_", "gck_zqx", "gcr_zqx", "gcc_zqx", "null", "{}", "=.=.="]))
            .to_owned(),
        };
        Made { token: token.into_bytes(), is_bad: true }
    }

    fn large(&mut self) -> Made {
        let much = self.chance.between(1_000, 40_000);
        let token = match self.chance.between(0, 3) {
            0 => "a".repeat(much).into_bytes(),
            1 => ".".repeat(much).into_bytes(),
            2 => {
                let deep = format!("{}1{}", "{\"a\":".repeat(much / 16), "}".repeat(much / 16));
                Self::signed_by_us(&self.header.to_string(), &deep)
            }
            _ => {
                let header = format!("{{\"alg\":\"HS256\",\"kid\":{}}}", quoted(&MARK.repeat(much / 8)));
                Self::signed_by_us(&header, &self.claims.to_string())
            }
        };
        Made { token, is_bad: true }
    }
}
