//! Who people are: usernames, passwords, e-mail addresses, and what state an account is in.

use super::{Refusal, Timestamp, UserId};
use icu_casemap::CaseMapper;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::time::Duration;
use unicode_normalization::UnicodeNormalization;

/// The longest username, in Unicode scalar values.
pub const USERNAME_LIMIT: usize = 64;
/// The longest biography, in Unicode scalar values.
pub const BIO_LIMIT: usize = 2_000;
/// The longest password, in bytes: argon2 takes more, but hashing must stay bounded.
pub const PASSWORD_LIMIT: usize = 1_024;
/// The longest e-mail address, in bytes (RFC 5321, section 4.5.3.1.3, less the brackets).
pub const EMAIL_LIMIT: usize = 254;

/// A username in NFC: 1 to 64 letters and digits of any script and `_ . - @ +`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Username(String);

impl<'de> Deserialize<'de> for Username {
    /// Reads back what this server wrote into a payload. What somebody typed is parsed instead.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::stored)
    }
}

impl Username {
    /// Takes a username as somebody typed it.
    pub fn parse(field: &'static str, typed: &str) -> Result<Self, Refusal> {
        // A text that is far too long is refused before work is spent on it.
        if typed.len() > USERNAME_LIMIT * 16 {
            return Err(Refusal::invalid(field, format!("A username has at most {USERNAME_LIMIT} characters.")));
        }
        let name: String = typed.nfc().collect();
        let length = name.chars().count();
        if length == 0 || length > USERNAME_LIMIT {
            return Err(Refusal::invalid(field, format!("A username has 1 to {USERNAME_LIMIT} characters.")));
        }
        let mark = unicode_normalization::char::is_combining_mark;
        if !name.chars().all(is_part_of_name) || name.chars().next().is_some_and(mark) {
            return Err(Refusal::invalid(field, "A username holds only letters, digits and _ . - @ +."));
        }
        Ok(Self(name))
    }

    /// A username that was checked before, as the store gives it back.
    pub fn stored(name: String) -> Self {
        Self(name)
    }

    /// The name as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes it unique: the same for names that differ only in case.
    pub fn key(&self) -> String {
        fold(&self.0)
    }
}

impl JsonSchema for Username {
    fn schema_name() -> Cow<'static, str> {
        "Username".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "Letters and digits of any script, and `_ . - @ +`. Two that differ only in case are the same.",
            "minLength": 1,
            "maxLength": USERNAME_LIMIT,
        })
    }
}

/// What the names of deleted accounts begin with.
const DELETED: &str = "deleted-user-";

impl Username {
    /// What a deleted account is called from then on.
    pub fn deleted(id: UserId) -> Self {
        Self(format!("{DELETED}{id}"))
    }

    /// Whether somebody may take this name: nobody passes for one who is gone.
    pub fn check_free(&self) -> Result<(), Refusal> {
        if self.key().starts_with(DELETED) {
            return Err(Refusal::invalid("username", "Such names are kept for deleted accounts. Choose another one."));
        }
        Ok(())
    }
}

/// What stays of a deleted account's name, so that nobody gets it again: a hash, and a mark that no name begins with.
pub fn tombstone(key: &str) -> String {
    let mut text = String::from("!");
    for byte in Sha256::digest(key.as_bytes()) {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether a username may hold this character, though perhaps not as its first.
pub fn is_part_of_name(c: char) -> bool {
    is_part_of_word(c) || "_.-@+".contains(c)
}

/// Letters and digits of any script. Marks belong to letters in many (Devanagari, Thai), so they count as letters.
pub fn is_part_of_word(c: char) -> bool {
    c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c)
}

/// A text without its case: Unicode's full folding, in NFC before and after so that equal looks give equal keys.
pub fn fold(text: &str) -> String {
    let composed: String = text.nfc().collect();
    CaseMapper::new().fold_string(&composed).nfc().collect()
}

/// Takes an e-mail address: only what is plainly none is refused, the rest a mail decides.
pub fn check_email(address: &str) -> Result<(), Refusal> {
    let (local, domain) = address.rsplit_once('@').unwrap_or(("", ""));
    let plain = |part: &str| !part.is_empty() && !part.chars().any(|c| c.is_whitespace() || c.is_control());
    if address.len() > EMAIL_LIMIT || !plain(local) || !plain(domain) || !domain.contains('.') && domain != "localhost"
    {
        return Err(Refusal::invalid("email", "This is not an e-mail address."));
    }
    Ok(())
}

/// Takes a biography: at most 2,000 characters, no NUL.
pub fn check_bio(bio: &str) -> Result<(), Refusal> {
    if bio.chars().count() > BIO_LIMIT {
        return Err(Refusal::invalid("bio", format!("A bio has at most {BIO_LIMIT} characters.")));
    }
    if bio.contains('\0') {
        return Err(Refusal::invalid("bio", "A bio holds no NUL character."));
    }
    Ok(())
}

/// Takes a password by its length alone (NIST SP 800-63B, section 3.1.1.2: no rules of composition).
pub fn check_password(field: &'static str, password: &str, least: usize) -> Result<(), Refusal> {
    if password.chars().count() < least {
        return Err(Refusal::invalid(field, format!("A password has at least {least} characters.")));
    }
    if password.len() > PASSWORD_LIMIT {
        return Err(Refusal::invalid(field, format!("A password has at most {PASSWORD_LIMIT} bytes.")));
    }
    Ok(())
}

/// What state an account is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "AccountStatus")]
pub enum Status {
    /// Registered, not yet activated.
    Pending,
    /// In use.
    Active,
    /// Shut out by the operator; nothing of it is deleted.
    Suspended,
    /// Deleted by its owner: a name that nobody gets again, and perhaps messages that were left.
    Deleted,
}

/// Who may do or see something of a user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Circle {
    /// Everyone with an account here.
    Everyone,
    /// Those whom he approved as contacts.
    Contacts,
}

/// A password that was mailed to somebody who lost his own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparePassword {
    /// The argon2id hash in PHC form.
    pub hash: String,
    /// How long it is good.
    pub until: Timestamp,
}

/// A hash over a user's password and whether he is trusted without one: another once either is another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Mark([u8; 32]);

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Nothing that is made of a password belongs into a log.
        f.write_str("Mark")
    }
}

/// How long a mailed password is good beside the other.
pub const SPARE_PASSWORD_LASTS: Duration = Duration::from_hours(24);

impl SparePassword {
    /// Whether it is good at this moment.
    pub fn is_good(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// An account as the server keeps it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact about an account that has nothing to do with the others"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its number.
    pub id: UserId,
    /// Its name as shown.
    pub username: Username,
    /// Its private address, if it gave one. It counts (for logging in, for mail, as taken) only once it is confirmed.
    pub email: Option<String>,
    /// Whether somebody who reads mail there said so.
    pub email_confirmed: bool,
    /// The argon2id hash in PHC form; none for users who cannot log in with a password.
    pub password_hash: Option<String>,
    /// What it says of itself.
    pub bio: String,
    /// Who may read that.
    pub bio_visible: Circle,
    /// Who may write to it directly.
    pub inbox: Circle,
    /// Whether those who may see when it is there do.
    pub show_presence: bool,
    /// Pending, active, suspended or deleted.
    pub status: Status,
    /// Made an administrator at the machine.
    pub admin: bool,
    /// Made without a password, for protocols that know none: see [`User::is_trusted`].
    pub open: bool,
    /// The older system through whose interface it registered.
    pub via: Option<String>,
    /// A password that was mailed, good beside the other until it is first used.
    pub spare_password: Option<SparePassword>,
    /// When it registered.
    pub created_at: Timestamp,
}

impl User {
    /// An account that has nothing yet but its name.
    pub fn named(username: Username) -> Self {
        Self {
            id: UserId(0),
            username,
            email: None,
            email_confirmed: false,
            password_hash: None,
            bio: String::new(),
            bio_visible: Circle::Everyone,
            inbox: Circle::Everyone,
            show_presence: true,
            status: Status::Active,
            admin: false,
            open: false,
            via: None,
            spare_password: None,
            created_at: Timestamp(0),
        }
    }

    /// What is left of the account when it is deleted.
    #[must_use]
    pub fn gone(self) -> Self {
        let Self { id, via, created_at, .. } = self;
        Self { id, status: Status::Deleted, via, created_at, ..Self::named(Username::deleted(id)) }
    }

    /// Whether a protocol without credentials may act as this user, where the operator lets it trust its callers: only as
    /// one who was made for that, and has no password that would keep others out.
    pub fn is_trusted(&self) -> bool {
        self.open && self.password_hash.is_none()
    }

    /// What lets this user in without a session, as it is now.
    pub fn mark(&self) -> Mark {
        let mut hash = Sha256::new();
        hash.update([u8::from(self.open)]);
        hash.update(self.password_hash.as_deref().unwrap_or_default());
        Mark(hash.finalize().into())
    }

    /// The user once the spare password was used: it is the password from then on.
    #[must_use]
    pub fn with_spare_taken_up(self) -> Self {
        let hash = self.spare_password.map(|spare| spare.hash);
        Self { password_hash: hash.or(self.password_hash), spare_password: None, open: false, ..self }
    }

    /// Whether this user may act now, and why not.
    pub fn check_active(&self) -> Result<(), Refusal> {
        match self.status {
            Status::Active => Ok(()),
            Status::Suspended => Err(Refusal::Suspended),
            Status::Pending => Err(Refusal::NotActivated),
            Status::Deleted => Err(Refusal::InvalidCredentials),
        }
    }

    /// Whether others may know of this user: not yet while it waits to be activated, and no more once it is deleted.
    pub fn is_present(&self) -> bool {
        match self.status {
            Status::Active | Status::Suspended => true,
            Status::Pending | Status::Deleted => false,
        }
    }

    /// How others name it.
    pub fn reference(&self) -> UserRef {
        UserRef { id: self.id, username: self.username.clone() }
    }
}

/// A user as others see him in messages and lists: `{"id":1,"username":"alice"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserRef {
    /// The user's number.
    pub id: UserId,
    /// The name as shown.
    pub username: Username,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_of_any_script_are_taken_and_compare_without_case() {
        for name in ["bob", "Bücher", "Ольга", "नमस्ते", "a.b-c_d@e+f", "王"] {
            assert!(Username::parse("username", name).is_ok(), "{name}");
        }
        let key = |name| Username::parse("username", name).map(|n| n.key());
        assert_eq!(key("STRASSE"), key("straße"));
        assert_eq!(key("e\u{301}"), key("É"));
    }

    #[test]
    fn what_is_no_username_is_refused() {
        for name in ["", " ", "a b", "a/b", "a\0", "\u{301}a", "a\u{202e}b", &"x".repeat(65)] {
            assert!(Username::parse("username", name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn nobody_passes_for_one_who_is_gone() {
        let name = |name| Username::parse("username", name).and_then(|name| name.check_free());
        for kept in ["deleted-user-7", "DELETED-user-", "Deleted-User-x"] {
            assert!(name(kept).is_err(), "{kept}");
        }
        assert!(name("deleted-users").is_ok());
        assert!(Username::parse("username", &tombstone("alice")).is_err());
        assert_ne!(tombstone("alice"), tombstone("bob"));
    }

    #[test]
    fn what_lets_somebody_in_is_another_with_the_password_and_with_the_trust() {
        let user = |open: bool, hash: Option<&str>| User {
            id: UserId(1),
            password_hash: hash.map(str::to_owned),
            open,
            ..User::named(Username::stored("ann".to_owned()))
        };
        let marks = [user(false, Some("a")), user(false, Some("b")), user(true, Some("a")), user(true, None)];
        for (number, first) in marks.iter().enumerate() {
            for second in &marks[number + 1..] {
                assert_ne!(first.mark(), second.mark());
            }
        }
        assert_eq!(user(false, Some("a")).mark(), User { bio: "new".to_owned(), ..user(false, Some("a")) }.mark());
        assert_eq!(format!("{:?}", user(false, Some("a")).mark()), "Mark");
    }

    #[test]
    fn plain_nonsense_is_no_address() {
        assert!(check_email("a@b.org").is_ok());
        for address in ["", "a", "@b.org", "a@", "a b@c.org", "a@b"] {
            assert!(check_email(address).is_err(), "{address}");
        }
    }
}
