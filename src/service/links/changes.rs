//! What mailed links change, decided under the clock.

use crate::domain::events::{Happening, Topic};
use crate::domain::links::{AT_A_TIME, Link, Purpose};
use crate::domain::sessions::SessionKind;
use crate::domain::users::{Status, User, fold};
use crate::domain::{Refusal, UserId};
use crate::service::sessions::{Right, revoke_all, tell_of_password};
use crate::service::tokens;
use crate::store::{Abort, Batch, Change};

/// A link about to be made: its token is mailed, and only the hash of it is kept.
#[derive(Clone)]
pub(in crate::service) struct NewLink {
    pub purpose: Purpose,
    pub email: String,
    pub token: String,
    pub secret_hash: String,
}

impl NewLink {
    pub(in crate::service) fn new(purpose: Purpose, email: String) -> Self {
        let (token, secret_hash) = tokens::link_secret();
        Self { purpose, email, token, secret_hash }
    }
}

/// Makes a link under the clock.
pub(in crate::service) async fn issue(batch: &mut Batch, user: UserId, new: &NewLink) -> Result<(), Abort> {
    let link = Link {
        secret_hash: new.secret_hash.clone(),
        user,
        purpose: new.purpose,
        email: new.email.clone(),
        created_at: batch.at(),
        expires_at: batch.at().plus(new.purpose.lasts()),
        used_at: None,
    };
    batch.insert_link(&link).await
}

/// Whether a confirmed address of somebody else stands in the way.
async fn check_untaken(batch: &mut Batch, user: UserId, email: &str) -> Result<(), Abort> {
    match batch.user_by_email(&fold(email)).await? {
        Some(other) if other.id != user => Err(Refusal::EmailTaken.into()),
        _ => Ok(()),
    }
}

/// Takes back the links that somebody may have asked for who was let in by a password that is another now, or not to be
/// let in any more: whoever knew it would get the account by setting a new one, or by an address of his own.
pub(in crate::service) async fn void_links(batch: &mut Batch, user: UserId) -> Result<(), Abort> {
    batch.forget_links_of(user, Some(Purpose::Password)).await?;
    batch.forget_links_of(user, Some(Purpose::Email)).await
}

/// Makes a link for an account that is there.
pub(super) struct Issue {
    pub user: UserId,
    pub link: NewLink,
    pub right: Option<Right>,
}

impl Change for Issue {
    type Output = User;

    async fn decide(&self, batch: &mut Batch) -> Result<User, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?;
        if let Some(right) = &self.right {
            right.check(&user)?;
        }
        let email = &self.link.email;
        let fits = match self.link.purpose {
            Purpose::Activate => user.status == Status::Pending && user.email.as_ref() == Some(email),
            Purpose::Password => {
                user.status == Status::Active && user.email_confirmed && user.email.as_ref() == Some(email)
            }
            Purpose::Email => user.status == Status::Active,
        };
        if !fits {
            return Err(Refusal::Unauthorized.into());
        }
        // Whoever asks for another address is not told here whose it is, and a link that nobody gets counts like any.
        if self.link.purpose == Purpose::Activate {
            check_untaken(batch, user.id, email).await?;
        }
        if batch.open_links(user.id, self.link.purpose).await? >= AT_A_TIME {
            return Err(Refusal::TooMany("Several such mails are on their way already. Use the link in one.").into());
        }
        issue(batch, user.id, &self.link).await?;
        Ok(user)
    }
}

/// A link that is good, with the account that it is for.
async fn good(batch: &mut Batch, secret_hash: &str, purpose: Purpose) -> Result<(Link, User), Abort> {
    let now = batch.at();
    let link = batch.link(secret_hash).await?.filter(|link| link.is_good(purpose, now)).ok_or(Refusal::LinkInvalid)?;
    let user = batch.user(link.user).await?.ok_or(Refusal::LinkInvalid)?;
    Ok((link, user))
}

/// Confirms an address, and activates the account if it waits for that. Tells the address that counted before.
pub(super) struct ConfirmAddress {
    pub secret_hash: String,
    pub purpose: Purpose,
}

impl ConfirmAddress {
    /// By a link that was just made.
    pub fn by(link: &NewLink) -> Self {
        Self { secret_hash: link.secret_hash.clone(), purpose: link.purpose }
    }
}

impl Change for ConfirmAddress {
    type Output = (User, Option<String>);

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let (link, user) = good(batch, &self.secret_hash, self.purpose).await?;
        let waits = user.status == Status::Pending && self.purpose == Purpose::Activate;
        if user.status != Status::Active && !waits {
            return Err(Refusal::LinkInvalid.into());
        }
        check_untaken(batch, user.id, &link.email).await?;
        let old = user.email.clone().filter(|old| user.email_confirmed && *old != link.email);
        let status = if user.status == Status::Pending { Status::Active } else { user.status };
        // Whatever else was mailed went to an address that may not be his any more; what waits for its activation has no
        // other, and was perhaps mailed its password there.
        let spare_password = user.spare_password.clone().filter(|_| self.purpose == Purpose::Activate);
        let email = Some(link.email.clone());
        let user = User { email, email_confirmed: true, status, spare_password, ..user };
        batch.update_user(&user).await?;
        if self.purpose == Purpose::Activate {
            void_links(batch, user.id).await?;
            // So that whoever asks again hears that it is done, by whichever letter.
            batch.use_links_of(user.id, Purpose::Activate).await?;
        } else {
            batch.forget_links_of(user.id, None).await?;
        }
        batch.emit(Topic::User(user.id), &Happening::account_updated(&user));
        Ok((user, old))
    }
}

/// Takes an address away, and gives it back if it counted.
pub(super) struct RemoveAddress {
    pub user: UserId,
    pub right: Right,
}

impl Change for RemoveAddress {
    type Output = (User, Option<String>);

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?;
        self.right.check(&user)?;
        // Also where there is none yet: one may have been asked for.
        batch.forget_links_of(user.id, None).await?;
        let old = user.email.clone().filter(|_| user.email_confirmed);
        if user.email.is_none() {
            return Ok((user, None));
        }
        let user = User { email: None, email_confirmed: false, spare_password: None, ..user };
        batch.update_user(&user).await?;
        batch.emit(Topic::User(user.id), &Happening::account_updated(&user));
        Ok((user, old))
    }
}

/// Sets a password by a link, and ends the sessions that rested on the old one.
pub(super) struct ResetPassword {
    pub secret_hash: String,
    pub hash: String,
}

impl Change for ResetPassword {
    type Output = User;

    async fn decide(&self, batch: &mut Batch) -> Result<User, Abort> {
        let (_, user) = good(batch, &self.secret_hash, Purpose::Password).await?;
        if user.status != Status::Active {
            return Err(Refusal::LinkInvalid.into());
        }
        let password_hash = Some(self.hash.clone());
        let user = User { password_hash, open: false, spare_password: None, ..user };
        batch.update_user(&user).await?;
        void_links(batch, user.id).await?;
        revoke_all(batch, user.id, |session| session.kind != SessionKind::Key).await?;
        Ok(user)
    }

    fn done(&self, user: &User) {
        tell_of_password(user.id);
    }
}
