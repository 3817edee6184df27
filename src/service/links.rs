//! Mailed links: confirming an address, changing it, and setting a new password without the old one.

mod changes;

use super::accounts::Delivery;
use super::sessions::{Right, Who};
use super::{Failure, Services, tokens};
use crate::domain::links::{Link, Purpose};
use crate::domain::sessions::Principal;
use crate::domain::users::{self, Status, User, Username, fold};
use crate::domain::{Refusal, Timestamp};
use crate::mail::{self, Letter, NoRoom, Place, Writer};
use changes::{ConfirmAddress, Issue, RemoveAddress, ResetPassword};
use tokio_util::sync::CancellationToken;

pub(super) use changes::{NewLink, issue, void_links};

/// A place for a letter, kept while it is decided what stands in it.
pub(super) struct Desk {
    place: Place,
    writer: Writer,
}

impl Desk {
    /// Sends what the writer makes of it.
    pub(super) fn send(self, write: impl FnOnce(&Writer) -> Letter) {
        let letter = write(&self.writer);
        self.place.put(letter);
    }

    /// Sends a link to the address that it is for.
    pub(super) fn send_link(self, user: &User, link: &NewLink) {
        let NewLink { purpose, email, token, .. } = link;
        self.send(|writer| writer.with_link(*purpose, user.id, &user.username, email, token));
    }

    /// Sends a password that was made up, and the link that goes with it.
    pub(super) fn send_password(self, user: &User, link: &NewLink, password: &str) {
        let NewLink { purpose, email, token, .. } = link;
        self.send(|writer| writer.with_password(*purpose, user.id, &user.username, email, token, password));
    }
}

impl Services {
    /// Whether this server sends mail.
    pub fn sends_mail(&self) -> bool {
        self.inner.post.is_some()
    }

    /// Keeps a place for a letter before anything is promised.
    pub(super) fn desk(&self) -> Result<Desk, Failure> {
        let post = self.inner.post.as_ref().ok_or(Refusal::MailNotConfigured)?;
        let place = post.outbox.reserve().map_err(|NoRoom| Failure::Overloaded)?;
        Ok(Desk { place, writer: post.writer.clone() })
    }

    /// Asks for a link to set a new password. Whether there is such an account is found out later, by the post, so that
    /// the answer and the time that it takes do not depend on it.
    pub fn request_reset(&self, who: Who) -> Result<(), Failure> {
        if !self.sends_mail() {
            return Err(Refusal::MailNotConfigured.into());
        }
        self.inner.orders.0.try_send(who).map_err(|_| Failure::Overloaded)
    }

    /// Does what was asked for by those who did not wait, until told to stop.
    pub async fn keep_post(&self, stop: CancellationToken) {
        let mut orders = self.inner.orders.1.lock().await;
        loop {
            let who = tokio::select! {
                () = stop.cancelled() => return,
                order = orders.recv() => match order {
                    Some(who) => who,
                    None => return,
                },
            };
            if let Err(error) = self.reset(who).await {
                tracing::warn!(%error, "a new password was asked for in vain");
            }
        }
    }

    /// Mails a link to the confirmed address of an account; to one that waits for its activation, that link again.
    async fn reset(&self, who: Who) -> Result<(), Failure> {
        let Some(user) = self.find(&who).await? else { return Ok(()) };
        let purpose = match user.status {
            Status::Active if user.email_confirmed => Purpose::Password,
            Status::Pending => Purpose::Activate,
            _ => return Ok(()),
        };
        let Some(email) = &user.email else { return Ok(()) };
        let desk = self.desk()?;
        let link = NewLink::new(purpose, email.clone());
        match self.sequencer().submit(Issue { user: user.id, link: link.clone(), right: None }).await {
            Ok(user) => {
                desk.send_link(&user, &link);
                tracing::info!(user.id = user.id.0, mail.kind = purpose.word(), "a link was asked for");
                Ok(())
            }
            // Whoever fills somebody's mailbox is not told how far he got.
            Err(Failure::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Somebody by name or by confirmed address, whatever state the account is in.
    pub(super) async fn find(&self, who: &Who) -> Result<Option<User>, Failure> {
        Ok(match who {
            Who::Username(name) => match Username::parse("username", name) {
                Ok(name) => self.store().user_by_name(&name.key()).await?,
                Err(_) => None,
            },
            // Nobody's address has one, and PostgreSQL takes none.
            Who::Email(email) if email.contains('\0') => None,
            Who::Email(email) => self.store().user_by_email(&fold(email)).await?,
        })
    }

    /// Asks for another address, which counts when the link that goes there is used.
    pub async fn change_email(&self, principal: &Principal, email: String, password: String) -> Result<(), Failure> {
        principal.require_full()?;
        check_mailable(&email)?;
        let right = Some(self.right_by_password(principal, password).await?);
        self.issue_for_address(principal, email, right, Delivery::Mail).await
    }

    /// The same for older systems, whose clients do not ask for the password again: being logged in is enough. If
    /// nothing is mailed, the address counts at once.
    pub async fn change_email_unproven(
        &self,
        principal: &Principal,
        email: String,
        delivery: Delivery,
    ) -> Result<(), Failure> {
        principal.require_full()?;
        check_mailable(&email)?;
        self.issue_for_address(principal, email, None, delivery).await
    }

    async fn issue_for_address(
        &self,
        principal: &Principal,
        email: String,
        right: Option<Right>,
        delivery: Delivery,
    ) -> Result<(), Failure> {
        let desk = self.desk_for(delivery)?;
        let link = NewLink::new(Purpose::Email, email);
        let change = Issue { user: principal.user, link: link.clone(), right };
        let user = self.submit_as(principal, change)?.await?;
        match desk {
            Some(desk) => self.send_or_tell(desk, &user, &link).await,
            None => drop(self.sequencer().submit(ConfirmAddress::by(&link)).await?),
        }
        Ok(())
    }

    /// Sends a link that confirms an address there; if it is somebody else's, tells him instead that it was asked for.
    /// Whoever asked hears the same, for he may only want to know whether there is an account.
    pub(super) async fn send_or_tell(&self, desk: Desk, user: &User, link: &NewLink) {
        match self.store().user_by_email(&fold(&link.email)).await.map_err(Failure::from) {
            Ok(Some(owner)) if owner.id != user.id => {
                // As he gave it: before the @ some mail servers tell large letters from small.
                let to = owner.email.as_ref().unwrap_or(&link.email);
                desk.send(|writer| writer.email_wanted(owner.id, &owner.username, to));
                tracing::info!(user.id = user.id.0, owner.id = owner.id.0, "somebody else's address was asked for");
            }
            Ok(_) => desk.send_link(user, link),
            // He asks again if nothing comes.
            Err(error) => tracing::warn!(user.id = user.id.0, %error, "a link was not sent"),
        }
    }

    /// Keeps a place for a letter, if one is to be sent.
    pub(super) fn desk_for(&self, delivery: Delivery) -> Result<Option<Desk>, Failure> {
        match delivery {
            Delivery::Mail => self.desk().map(Some),
            Delivery::Answer => Ok(None),
        }
    }

    /// Takes one's address away.
    pub async fn remove_email(&self, principal: &Principal, password: String) -> Result<(), Failure> {
        principal.require_full()?;
        if self.rules().email_required {
            return Err(Refusal::EmailRequired.into());
        }
        let right = self.right_by_password(principal, password).await?;
        let (user, old) = self.submit_as(principal, RemoveAddress { user: principal.user, right })?.await?;
        if let (Some(old), Ok(desk)) = (old, self.desk()) {
            desk.send(|writer| writer.email_removed(user.id, &user.username, &old));
        }
        Ok(())
    }

    /// Whether a link would do this now.
    pub async fn link_is_good(&self, purpose: Purpose, token: &str) -> Result<(), Failure> {
        self.look_at(purpose, token).await.map(drop)
    }

    async fn look_at(&self, purpose: Purpose, token: &str) -> Result<Link, Failure> {
        let hash = tokens::link_hash(token).ok_or(Refusal::LinkInvalid)?;
        let link = self.store().link(&hash).await?.filter(|link| link.is_good(purpose, Timestamp::now()));
        Ok(link.ok_or(Refusal::LinkInvalid)?)
    }

    /// Uses a link that confirms an address.
    pub async fn confirm_address(&self, purpose: Purpose, token: &str) -> Result<(), Failure> {
        let secret_hash = self.look_at(purpose, token).await?.secret_hash;
        let (user, old) = self.sequencer().submit(ConfirmAddress { secret_hash, purpose }).await?;
        tracing::info!(user.id = user.id.0, mail.kind = purpose.word(), "an address was confirmed");
        if let (Some(old), Ok(desk)) = (old, self.desk()) {
            desk.send(|writer| writer.email_changed(user.id, &user.username, &old));
        }
        Ok(())
    }

    /// Uses a link that activates an account. Once more, for as long as the link would have been good, it does nothing
    /// and is no error: for older systems, whose links are opened as often as one likes.
    pub async fn activate(&self, token: &str) -> Result<(), Failure> {
        let outcome = self.confirm_address(Purpose::Activate, token).await;
        if let Err(Failure::Refused(Refusal::LinkInvalid)) = &outcome
            && let Some(hash) = tokens::link_hash(token)
            && let Some(link) = self.store().link(&hash).await?
            && link.was_used(Purpose::Activate, Timestamp::now())
        {
            return Ok(());
        }
        outcome
    }

    /// Uses a link that sets a new password. All sessions end; keys stay, since they do not rest on the password.
    pub async fn reset_password(&self, token: &str, new: String) -> Result<(), Failure> {
        // Made-up links cost no hashing.
        let secret_hash = self.look_at(Purpose::Password, token).await?.secret_hash;
        users::check_password("password", &new, self.rules().password_min_length)?;
        let hash = self.inner.passwords.hash(new).await?;
        let user = self.sequencer().submit(ResetPassword { secret_hash, hash }).await?;
        self.tell_of_password(&user);
        Ok(())
    }

    /// Tells the owner of an account that its password is another now, if he has a confirmed address and mail is sent.
    pub(super) fn tell_of_password(&self, user: &User) {
        let Some(email) = user.email.as_ref().filter(|_| user.email_confirmed) else { return };
        match self.desk() {
            Ok(desk) => desk.send(|writer| writer.password_changed(user.id, &user.username, email, Timestamp::now())),
            Err(Failure::Refused(_)) => {}
            // The password is changed, and stays so.
            Err(error) => tracing::warn!(user.id = user.id.0, %error, "nobody is told that a password was changed"),
        }
    }

    /// What a caller may do who has just given his password again.
    pub(super) async fn right_by_password(&self, principal: &Principal, password: String) -> Result<Right, Failure> {
        let hash = self.me(principal).await?.password_hash;
        if !self.inner.passwords.verify(password, hash.clone()).await? {
            return Err(Refusal::InvalidCredentials.into());
        }
        // Two changes at once must not both rest on the old password.
        Ok(Right::Password(hash))
    }
}

/// Takes an address to which a letter will go.
pub(super) fn check_mailable(email: &str) -> Result<(), Refusal> {
    users::check_email(email)?;
    if mail::is_address(email) {
        Ok(())
    } else {
        Err(Refusal::invalid("email", "No mail can be sent to this address."))
    }
}
