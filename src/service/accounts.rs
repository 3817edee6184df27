//! Accounts: registering, looking somebody up, changing one's own, and what the operator does with them.

mod changes;

use super::sessions::{Device, Login, Right};
use super::{Failure, Services};
use crate::domain::sessions::Principal;
use crate::domain::users::{self, Circle, Status, User, Username};
use crate::domain::{Refusal, UserId};
use changes::{Register, SetPassword, Suspend, UpdateProfile};

/// What somebody gives who registers.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The wanted name.
    pub username: String,
    /// The password.
    pub password: String,
    /// A private address.
    pub email: Option<String>,
    /// What he says of himself.
    pub bio: Option<String>,
}

impl Services {
    /// Registers and logs in.
    pub async fn register(&self, registration: Registration, device: Device) -> Result<Login, Failure> {
        if !self.rules().open_registration {
            return Err(Refusal::RegistrationClosed.into());
        }
        let user = self.prepare(registration, false).await?;
        let session = self.new_session(device);
        let registered = self.sequencer().submit(Register { user, session: Some(session.clone()) }).await?;
        let (user, Some(opened)) = registered else { return Err(Failure::Broken) };
        tracing::info!(user.id = user.id.0, "registered");
        Ok(self.login(user, &opened, &session))
    }

    /// Makes an account without logging in: for the operator.
    pub async fn add_user(&self, registration: Registration, admin: bool) -> Result<User, Failure> {
        let user = self.prepare(registration, admin).await?;
        let (user, _) = self.sequencer().submit(Register { user, session: None }).await?;
        tracing::info!(user.id = user.id.0, admin, "added by the operator");
        Ok(user)
    }

    /// Checks all that can be checked without the clock, and hashes the password last, for it is dear.
    async fn prepare(&self, registration: Registration, admin: bool) -> Result<User, Failure> {
        let username = Username::parse("username", &registration.username)?;
        users::check_password("password", &registration.password, self.rules().password_min_length)?;
        if let Some(email) = &registration.email {
            users::check_email(email)?;
        }
        let bio = registration.bio.unwrap_or_default();
        users::check_bio(&bio)?;
        if self.store().user_by_name(&username.key()).await?.is_some() {
            return Err(Refusal::UsernameTaken.into());
        }
        let password_hash = Some(self.inner.passwords.hash(registration.password).await?);
        Ok(User {
            id: UserId(0),
            username,
            email: registration.email,
            email_confirmed: false,
            password_hash,
            bio,
            bio_visible: Circle::Everyone,
            inbox: Circle::Everyone,
            status: Status::Active,
            admin,
            created_at: crate::domain::Timestamp(0),
        })
    }

    /// One's own account.
    pub async fn me(&self, principal: &Principal) -> Result<User, Failure> {
        Ok(self.store().user(principal.user).await?.ok_or(Refusal::Unauthorized)?)
    }

    /// Somebody by name.
    pub async fn user(&self, name: &str) -> Result<User, Failure> {
        let name = Username::parse("username", name).map_err(|_| Refusal::NotFound("user"))?;
        let user = self.store().user_by_name(&name.key()).await?;
        Ok(user
            .filter(|user| !matches!(user.status, Status::Pending | Status::Deleted))
            .ok_or(Refusal::NotFound("user"))?)
    }

    /// The user with this number.
    pub async fn user_by_id(&self, id: UserId) -> Result<User, Failure> {
        let user = self.store().user(id).await?;
        Ok(user
            .filter(|user| !matches!(user.status, Status::Pending | Status::Deleted))
            .ok_or(Refusal::NotFound("user"))?)
    }

    /// Everybody, for the operator.
    pub async fn users(&self) -> Result<Vec<User>, Failure> {
        Ok(self.store().users().await?)
    }

    /// Changes what one says of oneself, and whom one's inbox is for.
    pub async fn update_me(
        &self,
        principal: &Principal,
        bio: Option<String>,
        inbox: Option<Circle>,
    ) -> Result<User, Failure> {
        principal.require_full()?;
        if bio.is_none() && inbox.is_none() {
            return self.me(principal).await;
        }
        bio.as_deref().map_or(Ok(()), users::check_bio)?;
        self.submit_as(principal, UpdateProfile { user: principal.user, bio, inbox })?.await
    }

    /// Changes one's own password. All other sessions end; keys stay, since they do not rest on the password.
    pub async fn change_password(&self, principal: &Principal, current: String, new: String) -> Result<(), Failure> {
        principal.require_full()?;
        users::check_password("new_password", &new, self.rules().password_min_length)?;
        let user = self.me(principal).await?;
        if !self.inner.passwords.verify(current, user.password_hash.clone()).await? {
            return Err(Refusal::InvalidCredentials.into());
        }
        let hash = self.inner.passwords.hash(new).await?;
        let keep = Some(principal.session);
        // Two changes at once must not both rest on the old password.
        let right = Right::Password(user.password_hash);
        self.submit_as(principal, SetPassword { user: principal.user, hash, keep, right })?.await
    }

    /// Sets somebody's password and ends all his sessions: for the operator.
    pub async fn set_password(&self, name: &str, new: String) -> Result<(), Failure> {
        users::check_password("password", &new, self.rules().password_min_length)?;
        let user = self.user(name).await?.id;
        let hash = self.inner.passwords.hash(new).await?;
        self.sequencer().submit(SetPassword { user, hash, keep: None, right: Right::Operator }).await
    }

    /// Shuts somebody out, or lets him in again. Shutting out ends all his sessions, keys included.
    pub async fn set_suspended(&self, name: &str, suspended: bool) -> Result<(), Failure> {
        let user = self.user(name).await?.id;
        self.sequencer().submit(Suspend { user, suspended }).await?;
        tracing::info!(user.id = user.0, suspended, "suspension changed by the operator");
        Ok(())
    }
}
