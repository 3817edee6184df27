//! What goes with an account, decided under the clock.

use crate::domain::contacts::{ContactGone, Direction};
use crate::domain::conversations::Kind;
use crate::domain::departures::{Departure, Legacy};
use crate::domain::events::{About, Happening, Profile, Topic};
use crate::domain::users::{Status, UserRef};
use crate::domain::{ConversationId, Refusal, UserId};
use crate::service::conversations::leave;
use crate::service::sessions::{Right, revoke_all};
use crate::store::{Abort, Batch, Change};

/// Conversations that somebody is taken out of in one change: each that he owns reads its members.
const CONVERSATIONS: u64 = 50;
/// Entries of others' lists that somebody is taken out of in one change.
const TIES: u64 = 200;
/// Rows of each kind of what only he could see that are deleted in one change.
const PRIVATE: u64 = 500;

/// Ends an account, its sessions and keys, and whatever shows who it was. What is left to do is written down beside it.
pub(super) struct Bury {
    pub user: UserId,
    pub right: Right,
    pub legacy: Legacy,
}

impl Change for Bury {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::NotFound("user"))?;
        self.right.check(&user)?;
        if user.status == Status::Deleted {
            return Err(Refusal::NotFound("user").into());
        }
        let departure = Departure { user: self.user, legacy: self.legacy, after: ConversationId(0) };
        batch.bury(&user, &departure).await?;
        revoke_all(batch, self.user, |_| true).await
    }

    fn done(&self, (): &()) {
        tracing::info!(event.name = "account_deleted", user.id = self.user.0, "an account was deleted");
    }
}

/// How far somebody has come who leaves for good.
pub(super) enum Progress {
    /// Out of some conversations more.
    Parted,
    /// Out of all; what becomes of his messages.
    Out(Legacy),
    /// There was nothing left to do.
    Gone,
}

/// Takes away what only the owner of a deleted account could see, then the account out of others' lists of contacts and
/// blocks, then out of its conversations: some of that in each change.
/// Each conversation hears how it is named from now on: also those that it left before, which show its name at old
/// messages.
pub(super) struct PartWith {
    pub user: UserId,
}

impl Change for PartWith {
    type Output = Progress;

    async fn decide(&self, batch: &mut Batch) -> Result<Progress, Abort> {
        let Some(mut departure) = batch.departure(self.user).await? else { return Ok(Progress::Gone) };
        let user = batch.user(self.user).await?.ok_or(Refusal::NotFound("user"))?.reference();
        // All of that is gone before he is taken out of the first conversation, and he makes no more of it.
        let is_tied = departure.after == ConversationId(0);
        if is_tied && (batch.forget_privately(self.user, PRIVATE).await? || untie(batch, &user).await?) {
            return Ok(Progress::Parted);
        }
        let conversations = batch.conversations_behind(&departure, CONVERSATIONS).await?;
        let Some(last) = conversations.last() else { return Ok(Progress::Out(departure.legacy)) };
        departure.after = *last;
        for id in conversations {
            batch.emit(Topic::Conversation(id), &Happening::UserUpdated(Profile::of(user.clone())));
            // The people of a direct conversation never change: it stays what it was, with one who does not answer.
            let open = batch.conversation(id).await?.is_some_and(|conversation| conversation.kind != Kind::Direct);
            if open && batch.role(id, self.user).await?.is_some() {
                leave(batch, id, self.user, self.user).await?;
            }
        }
        batch.update_departure(&departure).await?;
        Ok(Progress::Parted)
    }
}

/// Takes somebody out of some of others' lists, who hear of it. Whether there were any.
async fn untie(batch: &mut Batch, gone: &UserRef) -> Result<bool, Abort> {
    let contacts = batch.contacts_with(gone.id, TIES).await?;
    let blockers = batch.blockers_of(gone.id, TIES).await?;
    let any = !contacts.is_empty() || !blockers.is_empty();
    for contact in contacts {
        batch.delete_contact(contact.owner, contact.other).await?;
        let (hearer, direction) = if contact.owner == gone.id {
            (contact.other, Direction::Sent)
        } else {
            (contact.owner, Direction::Received)
        };
        let entry = ContactGone { direction, user: gone.clone() };
        batch.emit(Topic::User(hearer), &Happening::ContactDeleted(entry));
    }
    for blocker in blockers {
        batch.delete_block(blocker, gone.id).await?;
        batch.emit(Topic::User(blocker), &Happening::BlockDeleted(About { user: gone.clone() }));
    }
    Ok(any)
}

/// Notes that nothing is left to do.
pub(super) struct Rest {
    pub user: UserId,
}

impl Change for Rest {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        batch.end_departure(self.user).await
    }
}
