//! Deleting an account: at once who it was, then, a part at a time, what only he could see, his place with others and, if
//! wanted, his messages.

mod changes;

use super::sessions::Right;
use super::{Failure, Services};
use crate::domain::departures::Legacy;
use crate::domain::sessions::Principal;
use crate::domain::{MessageId, UserId};
use changes::{Bury, PartWith, Progress, Rest};
use std::time::Duration;

/// Messages that are deleted in one change: few enough that others hardly wait.
const MESSAGES: u64 = 500;
/// How long whoever deletes an account waits for the rest. Housekeeping takes up what is left.
const PATIENCE: Duration = Duration::from_secs(5);

impl Services {
    /// Deletes one's own account. When this is answered nobody can log in to it, and its name, address and bio are gone. In
    /// all but very large accounts so is the rest: what only he could see, his entries in others' lists, his conversations.
    pub async fn delete_me(&self, principal: &Principal, password: String, legacy: Legacy) -> Result<(), Failure> {
        principal.require_full()?;
        let right = self.right_by_password(principal, password).await?;
        let user = principal.user;
        self.submit_as(principal, Bury { user, right, legacy })?.await?;
        self.begin_to_see_off(user).await;
        Ok(())
    }

    /// Deletes somebody's account, as far as [`Self::delete_me`] does: for the operator.
    pub async fn delete_user(&self, name: &str, legacy: Legacy) -> Result<(), Failure> {
        let user = self.account(name).await?.id;
        self.sequencer().submit(Bury { user, right: Right::Operator, legacy }).await?;
        self.begin_to_see_off(user).await;
        Ok(())
    }

    /// Takes up what a crash or a long history left to do.
    pub(super) async fn see_off_all(&self) -> Result<(), Failure> {
        for user in self.store().departing().await? {
            if let Err(error) = self.see_off(user).await {
                not_out_yet(user, &error);
            }
        }
        Ok(())
    }

    /// Does the rest for as long as somebody waits for it. The deletion stands: what is left is written down, and will be
    /// taken up.
    async fn begin_to_see_off(&self, user: UserId) {
        if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, self.see_off(user)).await {
            not_out_yet(user, &error);
        }
    }

    /// Takes a deleted account out of its conversations and deletes its messages, a part at a time. Each part is
    /// written down with how far it came, so this may be cut off anywhere, and run twice at once.
    async fn see_off(&self, user: UserId) -> Result<(), Failure> {
        loop {
            match self.sequencer().submit(PartWith { user }).await? {
                Progress::Parted => {}
                Progress::Out(Legacy::Keep) => break,
                Progress::Out(Legacy::Delete) => {
                    let mut after = MessageId(0);
                    while let Some(last) = self.erase_messages_of(user, after, MESSAGES).await? {
                        after = last;
                    }
                    break;
                }
                Progress::Gone => return Ok(()),
            }
        }
        self.sequencer().submit(Rest { user }).await
    }
}

fn not_out_yet(user: UserId, error: &Failure) {
    tracing::warn!(user.id = user.0, %error, "a deleted account is not out of all yet; it will be tried again");
}
