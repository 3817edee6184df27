//! What is written: a template for each letter, whose first line is its subject.

use crate::domain::links::Purpose;
use crate::domain::users::Username;
use crate::domain::{Timestamp, UserId};
use std::fmt;
use url::Url;

/// A letter to one person.
#[derive(Clone)]
pub struct Letter {
    /// Whom it is about, for the log.
    pub user: UserId,
    /// What it is, for the log.
    pub kind: &'static str,
    /// Where it goes.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: String,
    /// The link that stands in it.
    pub link: Option<Url>,
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("user", &self.user).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Writes letters, with links to where the server is reached from outside.
#[derive(Debug, Clone)]
pub struct Writer {
    base: Url,
}

impl Writer {
    /// With this public address, which no request can change.
    pub fn new(public_url: &Url) -> Self {
        let mut base = public_url.clone();
        base.set_query(None);
        base.set_fragment(None);
        Self { base }
    }

    /// A letter with a link that does something.
    pub fn with_link(&self, purpose: Purpose, user: UserId, name: &Username, to: &str, token: &str) -> Letter {
        let (kind, template) = match purpose {
            Purpose::Activate => ("activate", include_str!("letters/activate.txt")),
            Purpose::Password => ("password", include_str!("letters/password.txt")),
            Purpose::Email => ("email", include_str!("letters/email.txt")),
        };
        self.fill(kind, template, user, name, to, Some(self.link(purpose, token)))
    }

    fn link(&self, purpose: Purpose, token: &str) -> Url {
        let mut link = self.base.clone();
        link.set_path(&format!("{}links/{}", self.base.path(), purpose.word()));
        link.query_pairs_mut().append_pair("token", token);
        link
    }

    /// A letter with a password that was made up, and a link that goes with it.
    pub fn with_password(
        &self,
        purpose: Purpose,
        user: UserId,
        name: &Username,
        to: &str,
        token: &str,
        password: &str,
    ) -> Letter {
        let (kind, template) = match purpose {
            Purpose::Activate => ("first_password", include_str!("letters/first_password.txt")),
            Purpose::Password | Purpose::Email => ("spare_password", include_str!("letters/spare_password.txt")),
        };
        let template = template.replace("{password}", password);
        self.fill(kind, &template, user, name, to, Some(self.link(purpose, token)))
    }

    /// Tells the old address that another one took its place.
    pub fn email_changed(&self, user: UserId, name: &Username, to: &str) -> Letter {
        self.fill("email_changed", include_str!("letters/email_changed.txt"), user, name, to, None)
    }

    /// Tells an address that it belongs to no account any more.
    pub fn email_removed(&self, user: UserId, name: &Username, to: &str) -> Letter {
        self.fill("email_removed", include_str!("letters/email_removed.txt"), user, name, to, None)
    }

    /// Tells the owner of an address that somebody else asks for it.
    pub fn email_wanted(&self, user: UserId, name: &Username, to: &str) -> Letter {
        self.fill("email_wanted", include_str!("letters/email_wanted.txt"), user, name, to, None)
    }

    /// Tells the owner of an account when its password became another, and what to do if that was not he.
    pub fn password_changed(&self, user: UserId, name: &Username, to: &str, at: Timestamp) -> Letter {
        let mut letter =
            self.fill("password_changed", include_str!("letters/password_changed.txt"), user, name, to, None);
        letter.text = letter.text.replace("{when}", &for_people(at));
        letter
    }

    fn fill(
        &self,
        kind: &'static str,
        template: &str,
        user: UserId,
        name: &Username,
        to: &str,
        link: Option<Url>,
    ) -> Letter {
        let server = self.base.host_str().unwrap_or_default();
        let shown = link.as_ref().map_or("", Url::as_str);
        let fill = |text: &str| {
            // The name last: nothing that somebody calls himself is taken for a place in the template.
            text.replace("{server}", server).replace("{link}", shown).replace("{username}", name.as_str())
        };
        let (subject, text) = template.split_once("\n\n").unwrap_or(("", template));
        Letter { user, kind, to: to.to_owned(), subject: fill(subject), text: fill(text), link }
    }
}

/// A moment to the minute, as in `2026-11-21 at 10:00 UTC`.
fn for_people(at: Timestamp) -> String {
    let text = at.to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} at {} UTC", time.get(..5).unwrap_or(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer(url: &str) -> Writer {
        Writer::new(&Url::parse(url).unwrap())
    }

    #[test]
    fn every_template_is_whole() {
        let writer = writer("https://chat.example.org");
        let name = Username::parse("username", "zoe").unwrap();
        let mut letters: Vec<Letter> = [Purpose::Activate, Purpose::Password, Purpose::Email]
            .map(|purpose| writer.with_link(purpose, UserId(1), &name, "zoe@example.org", "secret"))
            .into();
        for letter in &letters {
            let link = letter.link.as_ref().unwrap().as_str();
            assert_eq!(link, format!("https://chat.example.org/links/{}?token=secret", letter.kind));
            assert!(letter.text.lines().any(|line| line == link), "the link has a line of its own: {}", letter.text);
        }
        for purpose in [Purpose::Activate, Purpose::Password] {
            letters.push(writer.with_password(purpose, UserId(1), &name, "zoe@example.org", "secret", "khd7vj4m"));
            let text = &letters.last().unwrap().text;
            let link = format!("https://chat.example.org/links/{}?token=secret", purpose.word());
            for wanted in [link.as_str(), "khd7vj4m"] {
                assert!(text.lines().any(|line| line.trim() == wanted), "{wanted} has a line of its own: {text}");
            }
        }
        letters.push(writer.email_changed(UserId(1), &name, "zoe@example.org"));
        letters.push(writer.email_removed(UserId(1), &name, "zoe@example.org"));
        letters.push(writer.email_wanted(UserId(1), &name, "zoe@example.org"));
        letters.push(writer.password_changed(UserId(1), &name, "zoe@example.org", Timestamp(1_795_255_200_124)));
        assert!(letters.last().unwrap().text.contains("changed on 2026-11-21 at 10:00 UTC."), "to the minute");
        for letter in letters {
            assert!(!letter.subject.is_empty() && !letter.subject.contains('\n'), "{}", letter.subject);
            assert!(letter.text.contains("zoe") && letter.text.contains("chat.example.org"), "{}", letter.text);
            assert!(!(letter.subject + &letter.text).contains(['{', '}']));
        }
    }

    #[test]
    fn a_link_leads_to_the_origin_of_the_public_address() {
        let name = Username::parse("username", "zoe").unwrap();
        for base in ["https://example.org", "https://example.org/?x#y"] {
            let letter = writer(base).with_link(Purpose::Password, UserId(1), &name, "zoe@example.org", "s");
            assert_eq!(letter.link.unwrap().as_str(), "https://example.org/links/password?token=s");
        }
    }
}
