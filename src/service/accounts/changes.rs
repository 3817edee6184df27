//! What changes in accounts, decided under the clock.

use super::Profile;
use crate::domain::events::{Happening, Topic};
use crate::domain::links::{AT_A_TIME, Purpose};
use crate::domain::sessions::{Session, SessionKind};
use crate::domain::users::{self, SPARE_PASSWORD_LASTS, SparePassword, Status, User, tombstone};
use crate::domain::{Refusal, SessionId, UserId};
use crate::service::invitations::accept;
use crate::service::links::{NewLink, issue, void_links};
use crate::service::sessions::{Opening, Right, open_session, revoke_all, tell_of_password};
use crate::store::{Abort, Batch, Change};

/// Makes an account, and its first session if one is wanted.
pub(in crate::service) struct Register {
    pub user: User,
    pub session: Option<Opening>,
    /// The hash of an invitation's secret, where registering takes one.
    pub invitation: Option<String>,
    pub link: Option<NewLink>,
}

impl Change for Register {
    type Output = (User, Option<Session>);

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let key = self.user.username.key();
        // A name that somebody had who is gone is nobody's for ever: old messages must not become another's.
        if batch.user_by_name(&key).await?.is_some() || batch.user_by_name(&tombstone(&key)).await?.is_some() {
            return Err(Refusal::UsernameTaken.into());
        }
        // Whoever registers is not told whose an address is, for he may be anybody: its owner is. The operator answers for
        // it and has to know, and the clients of older systems expect to be told.
        if let Some(email) = self.user.email.as_ref().filter(|_| self.user.email_confirmed || self.user.via.is_some())
            && batch.user_by_email(&users::fold(email)).await?.is_some()
        {
            return Err(Refusal::EmailTaken.into());
        }
        if let Some(secret_hash) = &self.invitation {
            let invitation = accept(batch, secret_hash).await?;
            batch.update_invitation(&invitation).await?;
        }
        let user = batch.insert_user(self.user.clone());
        if let Some(link) = &self.link {
            issue(batch, user.id, link).await?;
        }
        let session = self.session.as_ref().map(|opening| open_session(batch, user.id, opening));
        Ok((user, session))
    }

    fn done(&self, (user, _): &Self::Output) {
        let User { id, status, admin, open, via, .. } = user;
        let (pending, via) = (*status == Status::Pending, via.as_deref());
        tracing::info!(event.name = "account_made", user.id = id.0, pending, admin, open, via, "an account was made");
    }
}

/// An administrator, as he is under the clock.
pub(in crate::service) async fn admin(batch: &mut Batch, id: UserId) -> Result<User, Abort> {
    let user = batch.user(id).await?.filter(|user| user.admin && user.status == Status::Active);
    Ok(user.ok_or(Refusal::NotAdmin)?)
}

/// Changes what somebody shows of himself, and to whom. Says too whether he shows otherwise than before when he is there.
pub(super) struct UpdateProfile {
    pub user: UserId,
    pub profile: Profile,
}

impl Change for UpdateProfile {
    type Output = (User, bool);

    async fn decide(&self, batch: &mut Batch) -> Result<(User, bool), Abort> {
        let old = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?;
        let Profile { bio, bio_visible, inbox, show_presence } = &self.profile;
        let new = User {
            bio: bio.clone().unwrap_or_else(|| old.bio.clone()),
            bio_visible: bio_visible.unwrap_or(old.bio_visible),
            inbox: inbox.unwrap_or(old.inbox),
            show_presence: show_presence.unwrap_or(old.show_presence),
            ..old.clone()
        };
        if new == old {
            return Ok((old, false));
        }
        batch.update_user(&new).await?;
        batch.emit(Topic::User(new.id), &Happening::account_updated(&new));
        let shown = new.show_presence != old.show_presence;
        Ok((new, shown))
    }
}

/// Changes a password and ends the sessions that rested on the old one.
pub(super) struct SetPassword {
    pub user: UserId,
    pub hash: String,
    pub keep: Option<SessionId>,
    pub right: Right,
}

impl Change for SetPassword {
    type Output = User;

    async fn decide(&self, batch: &mut Batch) -> Result<User, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?;
        self.right.check(&user)?;
        if user.status == Status::Deleted {
            return Err(Refusal::NotFound("user").into());
        }
        // Whoever has a password is no longer trusted without one, and needs none that was mailed.
        let password_hash = Some(self.hash.clone());
        let user = User { password_hash, open: false, spare_password: None, ..user };
        batch.update_user(&user).await?;
        void_links(batch, self.user).await?;
        revoke_all(batch, self.user, |session| Some(session.id) != self.keep && session.kind != SessionKind::Key)
            .await?;
        Ok(user)
    }

    fn done(&self, _user: &User) {
        tell_of_password(self.user);
    }
}

/// Shuts somebody out, or lets him in again.
pub(super) struct Suspend {
    pub user: UserId,
    pub suspended: bool,
    /// The administrator who does it, if it is not the operator.
    pub by: Option<UserId>,
}

impl Change for Suspend {
    /// Whether that was otherwise before.
    type Output = bool;

    async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
        if let Some(by) = self.by {
            admin(batch, by).await?;
        }
        let user = batch.user(self.user).await?.ok_or(Refusal::NotFound("user"))?;
        let status = if self.suspended { Status::Suspended } else { Status::Active };
        if user.status == status {
            return Ok(false);
        }
        // Since he was looked up he may have gone.
        if !user.is_present() {
            return Err(Refusal::NotFound("user").into());
        }
        batch.update_user(&User { status, ..user }).await?;
        if self.suspended {
            void_links(batch, self.user).await?;
            revoke_all(batch, self.user, |_| true).await?;
        }
        Ok(true)
    }

    fn done(&self, new: &bool) {
        if !new {
            return;
        }
        let (user, by, suspended) = (self.user.0, self.by.map(|by| by.0), self.suspended);
        let what = if suspended { "somebody was shut out" } else { "somebody was let in again" };
        tracing::info!(event.name = "suspension", user.id = user, by.id = by, suspended, "{what}");
    }
}

/// Makes somebody an administrator, or makes him none.
pub(super) struct SetAdmin {
    pub user: UserId,
    pub admin: bool,
}

impl Change for SetAdmin {
    /// Whether that was otherwise before.
    type Output = bool;

    async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
        let user = batch.user(self.user).await?.filter(User::is_present).ok_or(Refusal::NotFound("user"))?;
        if self.admin && user.is_trusted() {
            let detail = "Whoever acts without a password is no administrator. Set one first: `goldcrest user passwd`.";
            return Err(Refusal::invalid("name", detail).into());
        }
        if user.admin == self.admin {
            return Ok(false);
        }
        let user = User { admin: self.admin, ..user };
        batch.update_user(&user).await?;
        batch.emit(Topic::User(user.id), &Happening::account_updated(&user));
        Ok(true)
    }

    fn done(&self, new: &bool) {
        if !new {
            return;
        }
        let (user, admin) = (self.user.0, self.admin);
        let what = if admin { "somebody was made an administrator" } else { "somebody is no administrator any more" };
        tracing::info!(event.name = "role", user.id = user, admin, "{what}");
    }
}

/// Gives somebody a password beside the one that he lost.
pub(super) struct GiveSpare {
    pub user: UserId,
    pub hash: String,
    /// What is mailed with it.
    pub link: NewLink,
    /// Whether anything is mailed.
    pub mailed: bool,
}

impl Change for GiveSpare {
    type Output = User;

    async fn decide(&self, batch: &mut Batch) -> Result<User, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::NotFound("user"))?;
        let waits = user.status == Status::Pending;
        let fits = match self.link.purpose {
            Purpose::Activate => waits,
            Purpose::Password | Purpose::Email => user.status == Status::Active && user.email_confirmed,
        };
        if !fits || user.email.as_ref() != Some(&self.link.email) {
            return Err(Refusal::NotFound("user").into());
        }
        if self.mailed && batch.open_links(user.id, self.link.purpose).await? >= AT_A_TIME {
            return Err(Refusal::TooMany("Several such mails are on their way already.").into());
        }
        let until = batch.at().plus(SPARE_PASSWORD_LASTS);
        let spare_password = Some(SparePassword { hash: self.hash.clone(), until });
        let user = User { spare_password, ..user };
        batch.update_user(&user).await?;
        if self.mailed {
            issue(batch, user.id, &self.link).await?;
        }
        Ok(user)
    }
}
