//! What changes in contacts, decided under the clock.

use crate::domain::contacts::{Answer, Contact, ContactChange, ContactGone, ContactView, Direction, told};
use crate::domain::conversations::{Kind, PostPolicy, Role};
use crate::domain::events::{Happening, Topic};
use crate::domain::messages::Message;
use crate::domain::reach::Way;
use crate::domain::users::{Status, UserRef};
use crate::domain::{Refusal, UserId};
use crate::service::conversations::{blank, create, reference};
use crate::service::reach;
use crate::store::{Abort, Batch, Change, NewMessage, Wants};

/// Asks to be in somebody's list, and approves him in one's own: whoever asks wants to talk.
pub(super) struct Ask {
    pub from: UserId,
    pub to: UserId,
}

impl Change for Ask {
    type Output = ContactView;

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.from);
        wants.reach(self.from, &[self.to], Way::Request);
    }

    async fn decide(&self, batch: &mut Batch) -> Result<ContactView, Abort> {
        let (from, to) = (reference(batch, self.from).await?, reference(batch, self.to).await?);
        reach::check(batch, self.from, &[self.to], Way::Request).await?;
        let known = batch.contact(self.to, self.from).await?;
        let asked = Contact::asked(known, self.to, self.from, batch.at())?;
        let own = batch.contact(self.from, self.to).await?;
        batch.put_contact(asked).await?;
        let happening = if asked.waits() { Happening::ContactRequested } else { Happening::ContactUpdated };
        tell(batch, &asked, &to, &from, happening);
        say(batch, own, (&from, &to), Answer::Approved).await?;
        Ok(asked.view(to))
    }
}

/// Approves or rejects somebody.
pub(super) struct Say {
    pub owner: UserId,
    pub other: UserId,
    pub answer: Answer,
    /// Whether he must stand in the list already.
    pub known_only: bool,
}

impl Change for Say {
    type Output = ContactView;

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.owner);
        wants.reach(self.owner, &[self.other], Way::Request);
    }

    async fn decide(&self, batch: &mut Batch) -> Result<ContactView, Abort> {
        let (owner, other) = (reference(batch, self.owner).await?, still_here(batch, self.other).await?);
        let known = batch.contact(self.owner, self.other).await?;
        if self.known_only && known.is_none() {
            return Err(Refusal::NotFound("contact").into());
        }
        let waits = known.is_some_and(|known| known.waits());
        let news = Contact::answered(known, owner.id, other.id, self.answer, batch.at()).is_some();
        // The other one hears of it. Who has blocked the owner hears only what he himself asked for.
        if news && !waits {
            reach::check(batch, self.owner, &[self.other], Way::Request).await?;
        }
        let said = say(batch, known, (&owner, &other), self.answer).await?;
        Ok(said.or(known).ok_or(Refusal::NotFound("contact"))?.view(other))
    }
}

/// Forgets an entry of one's own list, and takes a request back that waits in the other's.
pub(super) struct Forget {
    pub owner: UserId,
    pub other: UserId,
}

impl Change for Forget {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let (owner, other) = (reference(batch, self.owner).await?, reference(batch, self.other).await?);
        let own = batch.contact(self.owner, self.other).await?;
        // What was answered stays: otherwise asking anew would undo a rejection.
        let request = batch.contact(self.other, self.owner).await?.filter(Contact::waits);
        if own.is_none() && request.is_none() {
            return Err(Refusal::NotFound("contact").into());
        }
        if own.is_some() {
            forget(batch, &owner, &other).await?;
        }
        if request.is_some() {
            forget(batch, &other, &owner).await?;
        }
        Ok(())
    }
}

/// Somebody who has not gone since he was looked up: nobody would take him out of lists that he comes into later.
pub(in crate::service) async fn still_here(batch: &mut Batch, id: UserId) -> Result<UserRef, Abort> {
    let user = batch.user(id).await?.filter(|user| user.status != Status::Deleted);
    Ok(user.ok_or(Refusal::NotFound("user"))?.reference())
}

/// Writes what an owner says to another, if it is news. Who waited for it is told by a message as well.
async fn say(
    batch: &mut Batch,
    known: Option<Contact>,
    (owner, other): (&UserRef, &UserRef),
    answer: Answer,
) -> Result<Option<Contact>, Abort> {
    let Some(said) = Contact::answered(known, owner.id, other.id, answer, batch.at()) else { return Ok(None) };
    batch.put_contact(said).await?;
    tell(batch, &said, owner, other, Happening::ContactUpdated);
    if known.is_some_and(|known| known.waits()) {
        let people = [owner.id, other.id];
        let conversation = if let Some(conversation) = batch.direct(&people).await? {
            conversation
        } else {
            let members = people.map(|user| (user, Role::Member)).to_vec();
            create(batch, blank(Kind::Direct, None, PostPolicy::Members), members).await?
        };
        let message = Message::by_the_system(conversation.id, told(owner, said.state));
        batch.insert_message(NewMessage { message, body_hash: 0 });
    }
    Ok(Some(said))
}

/// Both hear of an entry, each from his side.
fn tell(
    batch: &mut Batch,
    contact: &Contact,
    owner: &UserRef,
    other: &UserRef,
    happening: fn(ContactChange) -> Happening,
) {
    let received = ContactChange { direction: Direction::Received, contact: contact.view(other.clone()) };
    let sent = ContactChange { direction: Direction::Sent, contact: contact.view(owner.clone()) };
    batch.emit(Topic::User(owner.id), &happening(received));
    batch.emit(Topic::User(other.id), &happening(sent));
}

async fn forget(batch: &mut Batch, owner: &UserRef, other: &UserRef) -> Result<(), Abort> {
    batch.delete_contact(owner.id, other.id).await?;
    let received = ContactGone { direction: Direction::Received, user: other.clone() };
    let sent = ContactGone { direction: Direction::Sent, user: owner.clone() };
    batch.emit(Topic::User(owner.id), &Happening::ContactDeleted(received));
    batch.emit(Topic::User(other.id), &Happening::ContactDeleted(sent));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::store::SubmitError;
    use crate::store::tests::{OneIsGone, open, writer};

    /// Writes what somebody said to one who is gone, as it stands until that one is taken out of others' lists.
    struct Leftover(Contact);

    impl Change for Leftover {
        type Output = ();

        async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
            batch.put_contact(self.0).await
        }
    }

    #[tokio::test]
    async fn nothing_new_is_said_to_who_has_just_gone_but_what_was_said_can_be_forgotten() {
        let home = tempfile::tempdir().expect("a directory");
        let sequencer = writer(&open(home.path()).await);
        let (owner, other) = sequencer.submit(OneIsGone).await.expect("two accounts");
        let nobody = SubmitError::Refused(Refusal::NotFound("user"));
        assert_eq!(sequencer.submit(Ask { from: owner, to: other }).await, Err(nobody.clone()));
        let answer = Answer::Approved;
        assert_eq!(sequencer.submit(Say { owner, other, answer, known_only: false }).await, Err(nobody));
        let said = Contact::answered(None, owner, other, answer, Timestamp(1)).expect("it is news");
        sequencer.submit(Leftover(said)).await.expect("an entry");
        assert_eq!(sequencer.submit(Forget { owner, other }).await, Ok(()));
        let none = Err(SubmitError::Refused(Refusal::NotFound("contact")));
        assert_eq!(sequencer.submit(Forget { owner, other }).await, none);
    }
}
