//! Passwords that the server makes up: for those who register through an older system that gives them theirs, and for
//! those who lost their own.

use super::changes::{GiveSpare, Register};
use super::{Registration, Through};
use crate::domain::Refusal;
use crate::domain::links::Purpose;
use crate::domain::users::{Status, User, fold};
use crate::service::links::{Desk, NewLink, check_mailable};
use crate::service::sessions::Who;
use crate::service::{Admission, Failure, Services};
use rand::RngExt as _;
use std::fmt;

/// The letters and digits of a made-up password.
const SIGNS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// How many of them it has, unless all passwords here are longer.
const LENGTH: usize = 8;

/// How what is secret reaches its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// By mail to his address.
    Mail,
    /// In the answer to whoever asks: for trying things out on one's own machine.
    Answer,
}

/// Somebody who registers and is given a password.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// The wanted name.
    pub username: String,
    /// His address, which he has to confirm.
    pub email: String,
    /// The older system through whose interface he comes.
    pub through: Through,
}

/// What is told to whoever asks, where it is not mailed.
#[derive(Clone)]
pub struct Secrets {
    /// The password.
    pub password: String,
    /// The token of the link that activates the account.
    pub token: String,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}

impl Services {
    /// Makes an account with a made-up password, which waits for its address to be confirmed, whether others have to
    /// or not. Its secrets are given back unless they are mailed.
    pub async fn register_newcomer(
        &self,
        newcomer: Newcomer,
        delivery: Delivery,
    ) -> Result<(User, Option<Secrets>), Failure> {
        match self.rules().admission {
            Admission::Open => {}
            // The clients of older systems have no place for an invitation.
            Admission::Invite => return Err(Refusal::InvitationInvalid.into()),
            Admission::Closed => return Err(Refusal::RegistrationClosed.into()),
        }
        let Newcomer { username, email, through } = newcomer;
        check_mailable(&email)?;
        let desk = self.desk_for(delivery)?;
        let password = self.made_up_password();
        let registration = Registration {
            username,
            password: password.clone(),
            email: Some(email.clone()),
            bio: None,
            invitation: None,
            through: Some(through),
        };
        // Whoever lets only contacts write to him shows himself only to them.
        let prepared = self.prepare(registration).await?;
        let user = User { status: Status::Pending, bio_visible: through.inbox, ..prepared };
        let link = NewLink::new(Purpose::Activate, email);
        let change = Register { user, session: None, invitation: None, link: Some(link.clone()) };
        let (user, _) = self.sequencer().submit(change).await?;
        let secrets = hand_over(desk, &user, &link, password);
        Ok((user, secrets))
    }

    /// Makes up a password for somebody who lost his own, good beside that one until it is first used. One who waits for
    /// his activation is mailed that link again with it. The password is given back unless it is mailed. That there is
    /// nobody of this name with this address is told.
    pub async fn replace_lost_password(
        &self,
        username: &str,
        email: &str,
        delivery: Delivery,
    ) -> Result<(User, Option<Secrets>), Failure> {
        let desk = self.desk_for(delivery)?;
        let user = self.find(&Who::Username(username.to_owned())).await?;
        let his = |user: &User| user.email.as_deref().is_some_and(|known| fold(known) == fold(email));
        let user = user.filter(his).ok_or(Refusal::NotFound("user"))?;
        let purpose = match user.status {
            Status::Active if user.email_confirmed => Purpose::Password,
            Status::Pending => Purpose::Activate,
            _ => return Err(Refusal::NotFound("user").into()),
        };
        let password = self.made_up_password();
        let hash = self.inner.passwords.hash(password.clone()).await?;
        let link = NewLink::new(purpose, user.email.clone().unwrap_or_default());
        let change = GiveSpare { user: user.id, hash, link: link.clone(), mailed: desk.is_some() };
        match self.sequencer().submit(change).await {
            Ok(user) => {
                tracing::info!(user.id = user.id.0, mail.kind = purpose.word(), "a new password was asked for");
                let secrets = hand_over(desk, &user, &link, password);
                Ok((user, secrets))
            }
            // Whoever fills somebody's mailbox is not told how far he got.
            Err(Failure::Refused(Refusal::TooMany(_))) => Ok((user, None)),
            Err(failure) => Err(failure),
        }
    }

    fn made_up_password(&self) -> String {
        let mut random = rand::rng();
        let length = self.rules().password_min_length.max(LENGTH);
        (0..length).map(|_| char::from(SIGNS[random.random_range(0..SIGNS.len())])).collect()
    }
}

fn hand_over(desk: Option<Desk>, user: &User, link: &NewLink, password: String) -> Option<Secrets> {
    match desk {
        Some(desk) => {
            desk.send_password(user, link, &password);
            None
        }
        None => Some(Secrets { password, token: link.token.clone() }),
    }
}
