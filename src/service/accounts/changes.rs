//! What changes in accounts, decided under the clock.

use crate::domain::events::{Happening, Topic};
use crate::domain::sessions::{Session, SessionKind};
use crate::domain::users::{self, Circle, Status, User};
use crate::domain::{Refusal, SessionId, UserId};
use crate::service::sessions::{Opening, Right, open_session, revoke_all};
use crate::store::{Abort, Batch, Change, NewUser};

/// Makes an account, and its first session if one is wanted.
pub(super) struct Register {
    pub user: User,
    pub session: Option<Opening>,
}

impl Change for Register {
    type Output = (User, Option<Session>);

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        if batch.user_by_name(&self.user.username.key()).await?.is_some() {
            return Err(Refusal::UsernameTaken.into());
        }
        if let Some(email) = &self.user.email
            && batch.user_by_email(&users::fold(email)).await?.is_some()
        {
            return Err(Refusal::EmailTaken.into());
        }
        let user = batch.insert_user(NewUser { user: self.user.clone() });
        let session = self.session.as_ref().map(|opening| open_session(batch, user.id, opening));
        Ok((user, session))
    }
}

/// Changes what somebody says of himself, and whom his inbox is for.
pub(super) struct UpdateProfile {
    pub user: UserId,
    pub bio: Option<String>,
    pub inbox: Option<Circle>,
}

impl Change for UpdateProfile {
    type Output = User;

    async fn decide(&self, batch: &mut Batch) -> Result<User, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?;
        let bio = self.bio.clone().unwrap_or(user.bio);
        let user = User { bio, inbox: self.inbox.unwrap_or(user.inbox), ..user };
        batch.update_user(&user).await?;
        let happening = Happening::UserUpdated { user: user.reference(), bio: user.bio.clone() };
        batch.emit(Topic::User(user.id), &happening);
        Ok(user)
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
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?;
        self.right.check(&user)?;
        batch.update_user(&User { password_hash: Some(self.hash.clone()), ..user }).await?;
        revoke_all(batch, self.user, |session| Some(session.id) != self.keep && session.kind != SessionKind::Key).await
    }
}

/// Shuts somebody out, or lets him in again.
pub(super) struct Suspend {
    pub user: UserId,
    pub suspended: bool,
}

impl Change for Suspend {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::NotFound("user"))?;
        let status = if self.suspended { Status::Suspended } else { Status::Active };
        if user.status == status {
            return Ok(());
        }
        batch.update_user(&User { status, ..user }).await?;
        if self.suspended { revoke_all(batch, self.user, |_| true).await } else { Ok(()) }
    }
}
