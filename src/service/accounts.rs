//! Accounts: registering, looking somebody up, changing one's own, and what the operator and administrators do with them.

mod changes;
mod issued;
mod public;

use super::links::{Desk, NewLink, check_mailable};
use super::sessions::{Device, Login, Opening, Right};
use super::{Admission, Failure, Page, Services, page, tokens};
use crate::domain::links::Purpose;
use crate::domain::sessions::{Principal, Session, check_name};
use crate::domain::users::{self, Circle, Status, User, UserRef, Username, fold};
use crate::domain::{Refusal, Timestamp, UserId};
use crate::store::UserFilter;
use changes::{SetAdmin, SetPassword, Suspend, UpdateProfile};

pub(super) use changes::{Register, admin};
pub use issued::{Delivery, Newcomer, Secrets};
pub use public::{Acquaintance, PublicUser};

/// The fewest characters of a password through an older system's interface.
const OLD_PASSWORD: usize = 4;

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
    /// The secret of an invitation.
    pub invitation: Option<String>,
    /// The older system through whose interface he comes, if he does.
    pub through: Option<Through>,
}

/// An older system's interface, as far as the accounts that come through it are different.
#[derive(Debug, Clone, Copy)]
pub struct Through {
    /// Its name.
    pub system: &'static str,
    /// For whom the inbox is at first.
    pub inbox: Circle,
}

/// What came of registering.
#[derive(Debug)]
pub enum Registered {
    /// The account is there, and logged in.
    Active(Login),
    /// The account waits for its address to be confirmed.
    Pending(User),
}

/// What somebody changes of his own account.
#[derive(Debug, Clone, Default)]
pub struct Profile {
    /// What he says of himself.
    pub bio: Option<String>,
    /// Who may read that.
    pub bio_visible: Option<Circle>,
    /// Who may write to him directly.
    pub inbox: Option<Circle>,
    /// Whether those who may see when he is there do.
    pub show_presence: Option<bool>,
}

/// Which accounts an administrator wants to see.
#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    /// Only those in this state.
    pub status: Option<Status>,
    /// Only those whose name begins so.
    pub prefix: Option<String>,
}

impl Services {
    /// Registers and logs in; where an address is required, registers and mails the link that confirms it.
    pub async fn register(&self, registration: Registration, device: Device) -> Result<Registered, Failure> {
        check_name(&device.name)?;
        let session = (!self.rules().email_required).then(|| self.new_session(device));
        let (user, opened) = self.enroll(registration, session.clone()).await?;
        Ok(match (opened, session) {
            (Some(opened), Some(session)) => Registered::Active(self.login(user, &opened, &session)),
            _ => Registered::Pending(user),
        })
    }

    /// Registers without logging in: for whoever shows the password with each request.
    pub async fn register_only(&self, registration: Registration) -> Result<User, Failure> {
        Ok(self.enroll(registration, None).await?.0)
    }

    async fn enroll(
        &self,
        registration: Registration,
        session: Option<Opening>,
    ) -> Result<(User, Option<Session>), Failure> {
        let rules = self.rules();
        let invitation = match (rules.admission, &registration.invitation) {
            (Admission::Closed, _) => return Err(Refusal::RegistrationClosed.into()),
            (Admission::Open, _) => None,
            (Admission::Invite, secret) => {
                let hash = secret.as_deref().and_then(tokens::link_hash).ok_or(Refusal::InvitationInvalid)?;
                let known = self.store().invitation_by_secret(&hash).await?;
                known.filter(|known| known.is_good(Timestamp::now())).ok_or(Refusal::InvitationInvalid)?;
                Some(hash)
            }
        };
        let status = if rules.email_required { Status::Pending } else { Status::Active };
        let (desk, link) = self.confirmation(registration.email.as_deref())?.unzip();
        let user = User { status, ..self.prepare(registration).await? };
        let change = Register { user, session, invitation, link: link.clone() };
        let (user, opened) = self.sequencer().submit(change).await?;
        if let (Some(desk), Some(link)) = (desk, link) {
            self.send_or_tell(desk, &user, &link).await;
        }
        Ok((user, opened))
    }

    /// The link that will confirm an address, and a place for the letter with it. Where an address is optional, one
    /// that no letter can go to now is only a wish.
    fn confirmation(&self, email: Option<&str>) -> Result<Option<(Desk, NewLink)>, Failure> {
        let required = self.rules().email_required;
        let Some(email) = email else {
            self.check_email_optional()?;
            return Ok(None);
        };
        check_mailable(email)?;
        match self.desk() {
            Ok(desk) => Ok(Some((desk, NewLink::new(Purpose::Activate, email.to_owned())))),
            Err(error) if required => Err(error),
            Err(_) => Ok(None),
        }
    }

    /// Refuses whoever registers without an address where that is required.
    pub(super) fn check_email_optional(&self) -> Result<(), Refusal> {
        let missing = || Refusal::invalid("email", "Registering here takes an e-mail address.");
        if self.rules().email_required { Err(missing()) } else { Ok(()) }
    }

    /// Makes an account without logging in: for the operator, who answers for the address.
    pub async fn add_user(&self, registration: Registration, admin: bool) -> Result<User, Failure> {
        let user = self.prepare(registration).await?;
        let user = User { admin, email_confirmed: user.email.is_some(), ..user };
        let change = Register { user, session: None, invitation: None, link: None };
        Ok(self.sequencer().submit(change).await?.0)
    }

    /// Checks all that can be checked without the clock, and hashes the password last, for it is dear.
    async fn prepare(&self, registration: Registration) -> Result<User, Failure> {
        let username = Username::parse("username", &registration.username)?;
        username.check_free()?;
        // The clients of older systems know no rule for passwords, and cannot be told one.
        let usual = self.rules().password_min_length;
        let least = if registration.through.is_some() { usual.min(OLD_PASSWORD) } else { usual };
        users::check_password("password", &registration.password, least)?;
        if let Some(email) = &registration.email {
            users::check_email(email)?;
        }
        let bio = registration.bio.unwrap_or_default();
        users::check_bio(&bio)?;
        if self.store().user_by_name(&username.key()).await?.is_some() {
            return Err(Refusal::UsernameTaken.into());
        }
        let password_hash = Some(self.inner.passwords.hash(registration.password).await?);
        let through = registration.through;
        Ok(User {
            email: registration.email,
            password_hash,
            bio,
            inbox: through.map_or(Circle::Everyone, |through| through.inbox),
            via: through.map(|through| through.system.to_owned()),
            ..User::named(username)
        })
    }

    /// One's own account.
    pub async fn me(&self, principal: &Principal) -> Result<User, Failure> {
        Ok(self.store().user(principal.user).await?.ok_or(Refusal::Unauthorized)?)
    }

    /// Somebody's account by name, also one that waits for its activation: for the operator.
    pub async fn account(&self, name: &str) -> Result<User, Failure> {
        let name = Username::parse("username", name).map_err(|_| Refusal::NotFound("user"))?;
        Ok(self.store().user_by_name(&name.key()).await?.ok_or(Refusal::NotFound("user"))?)
    }

    /// Somebody by name, and whether the caller may read what he says of himself.
    pub async fn profile(&self, principal: &Principal, name: &str) -> Result<(User, bool), Failure> {
        principal.require_read(None)?;
        self.shown_to(principal, self.user(name).await?).await
    }

    /// The same for somebody by number.
    pub async fn profile_by_id(&self, principal: &Principal, id: UserId) -> Result<(User, bool), Failure> {
        principal.require_read(None)?;
        self.shown_to(principal, self.user_by_id(id).await?).await
    }

    /// The same for older systems in which nobody but contacts sees what somebody says of himself.
    pub async fn profile_to_contacts(&self, principal: &Principal, name: &str) -> Result<User, Failure> {
        principal.require_read(None)?;
        let user = self.user(name).await?;
        if user.id == principal.user || self.store().is_contact(user.id, principal.user).await? {
            return Ok(user);
        }
        Err(Refusal::NotAContact { user: user.reference(), state: None }.into())
    }

    async fn shown_to(&self, principal: &Principal, user: User) -> Result<(User, bool), Failure> {
        let visible = match user.bio_visible {
            _ if user.id == principal.user => true,
            Circle::Everyone => true,
            Circle::Contacts => self.store().is_contact(user.id, principal.user).await?,
        };
        Ok((user, visible))
    }

    /// Those who are in use of this server and whose names begin so, by name: for completing what somebody types.
    pub async fn names(
        &self,
        principal: &Principal,
        prefix: &str,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<UserRef>, Failure> {
        principal.require_read(None)?;
        if prefix.is_empty() {
            return Err(Refusal::invalid("prefix", "Give at least the first character of the names.").into());
        }
        let filter = UserFilter { status: Some(Status::Active), ..named("prefix", Some(prefix), cursor)? };
        Ok(self.by_name(filter, limit).await?.map(|user| user.reference()))
    }

    /// All accounts by name, to administrators.
    pub async fn accounts(
        &self,
        principal: &Principal,
        filter: AccountFilter,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<User>, Failure> {
        self.require_admin(principal).await?;
        let named = named("prefix", filter.prefix.as_deref(), cursor)?;
        self.by_name(UserFilter { status: filter.status, ..named }, limit).await
    }

    async fn by_name(&self, filter: UserFilter, limit: u64) -> Result<Page<User>, Failure> {
        let snapshot = self.store().snapshot().await?;
        let mut found = snapshot.users(&filter, limit).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let next = page::next(&found, limit, |(_, key)| key.clone());
        let items = found.drain(..).map(|(user, _)| user).collect();
        Ok(Page { items, next, head })
    }

    /// Refuses those who are no administrators. What they change is decided by that once more under the clock.
    pub async fn require_admin(&self, principal: &Principal) -> Result<(), Failure> {
        principal.require_full()?;
        let user = self.me(principal).await?;
        if user.admin && user.status == Status::Active { Ok(()) } else { Err(Refusal::NotAdmin.into()) }
    }

    /// Somebody by name.
    pub async fn user(&self, name: &str) -> Result<User, Failure> {
        let name = Username::parse("username", name).map_err(|_| Refusal::NotFound("user"))?;
        Ok(self.known(&name).await?.ok_or(Refusal::NotFound("user"))?)
    }

    /// Who has this name, unless he is not there yet or no more.
    pub(super) async fn known(&self, name: &Username) -> Result<Option<User>, Failure> {
        let user = self.store().user_by_name(&name.key()).await?;
        Ok(user.filter(User::is_present))
    }

    /// Somebody by number.
    pub async fn user_by_id(&self, id: UserId) -> Result<User, Failure> {
        present(self.store().user(id).await?)
    }

    /// Everybody, for the operator.
    pub async fn users(&self) -> Result<Vec<User>, Failure> {
        Ok(self.store().users().await?)
    }

    /// Changes what one says of oneself, and for whom that and one's inbox are.
    pub async fn update_me(&self, principal: &Principal, profile: Profile) -> Result<User, Failure> {
        principal.require_full()?;
        profile.bio.as_deref().map_or(Ok(()), users::check_bio)?;
        let (user, shown) = self.submit_as(principal, UpdateProfile { user: principal.user, profile })?.await?;
        if shown {
            // Of somebody who is not there no event tells whether it was otherwise before.
            self.follower().note_shown(user.id);
        }
        Ok(user)
    }

    /// Changes one's own password. All other sessions end; keys stay, since they do not rest on the password.
    pub async fn change_password(&self, principal: &Principal, current: String, new: String) -> Result<(), Failure> {
        principal.require_full()?;
        users::check_password("new_password", &new, self.rules().password_min_length)?;
        let right = self.right_by_password(principal, current).await?;
        let hash = self.inner.passwords.hash(new).await?;
        let keep = Some(principal.session);
        let user = self.submit_as(principal, SetPassword { user: principal.user, hash, keep, right })?.await?;
        self.tell_of_password(&user);
        Ok(())
    }

    /// Sets somebody's password and ends all his sessions: for the operator.
    pub async fn set_password(&self, name: &str, new: String) -> Result<(), Failure> {
        users::check_password("password", &new, self.rules().password_min_length)?;
        let user = self.user(name).await?.id;
        let hash = self.inner.passwords.hash(new).await?;
        let user = self.sequencer().submit(SetPassword { user, hash, keep: None, right: Right::Operator }).await?;
        self.tell_of_password(&user);
        Ok(())
    }

    /// Shuts somebody out, or lets him in again. Shutting out ends all his sessions, keys included.
    pub async fn set_suspended(&self, name: &str, suspended: bool) -> Result<(), Failure> {
        let user = self.user(name).await?.id;
        self.sequencer().submit(Suspend { user, suspended, by: None }).await?;
        Ok(())
    }

    /// Makes somebody an administrator, or makes him none, from his next request on: for the operator.
    pub async fn set_admin(&self, name: &str, admin: bool) -> Result<(), Failure> {
        let user = self.user(name).await?.id;
        self.sequencer().submit(SetAdmin { user, admin }).await?;
        Ok(())
    }

    /// The same, by an administrator.
    pub async fn set_suspended_by(&self, principal: &Principal, name: &str, suspended: bool) -> Result<(), Failure> {
        self.require_admin(principal).await?;
        let user = self.user(name).await?.id;
        if user == principal.user {
            return Err(Refusal::invalid("name", "Nobody suspends himself.").into());
        }
        self.submit_as(principal, Suspend { user, suspended, by: Some(principal.user) })?.await?;
        Ok(())
    }
}

/// Somebody whom others may know of.
fn present(user: Option<User>) -> Result<User, Failure> {
    let seen = user.filter(User::is_present);
    Ok(seen.ok_or(Refusal::NotFound("user"))?)
}

/// The condition on names, and where a list of them goes on.
fn named(field: &'static str, prefix: Option<&str>, cursor: Option<&str>) -> Result<UserFilter, Refusal> {
    let none = |text: &str| text.contains('\0') || text.chars().count() > users::USERNAME_LIMIT * 4;
    if cursor.is_some_and(none) {
        return Err(Refusal::MalformedCursor);
    }
    if prefix.is_some_and(none) {
        return Err(Refusal::invalid(field, "No name begins so."));
    }
    Ok(UserFilter { status: None, prefix: prefix.map(fold), after: cursor.map(str::to_owned) })
}
