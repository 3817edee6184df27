//! What posting asks of inboxes, contacts and blocks: only what can stand in its way, and no more than once.

use super::super::{NewConversation, Wants};
use super::*;
use crate::domain::ConversationId;
use crate::domain::conversations::{Kind, Role};
use crate::domain::events::{Ended, Happening, Topic};
use crate::domain::{SessionId, Timestamp};
use crate::store::tests::{conversation, nobody_told, open, user};
use crate::store::{Change, Sequencer};
use tokio_util::sync::CancellationToken;

const ANN: UserId = UserId(1);
const BEN: UserId = UserId(2);
/// Her inbox is for contacts.
const CAT: UserId = UserId(3);

const WITH_BEN: ConversationId = ConversationId(1);
const WITH_CAT: ConversationId = ConversationId(2);
const WITH_BOTH: ConversationId = ConversationId(3);
const GROUP: ConversationId = ConversationId(4);

/// Makes the three and where they talk. Cat has approved Ann, and Ben has blocked her.
struct Gather;

impl Change for Gather {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        for name in ["ann", "ben"] {
            batch.insert_user(user(name));
        }
        batch.insert_user(crate::domain::users::User { inbox: Circle::Contacts, ..user("cat") });
        let places: [(Kind, &[UserId]); 4] = [
            (Kind::Direct, &[ANN, BEN]),
            (Kind::Direct, &[ANN, CAT]),
            (Kind::Direct, &[ANN, BEN, CAT]),
            (Kind::Group, &[ANN, BEN, CAT]),
        ];
        for (kind, people) in places {
            let members = people.iter().map(|user| (*user, Role::Member)).collect();
            let made = batch.insert_conversation(NewConversation { conversation: conversation(kind), members });
            batch.emit(Topic::Conversation(made.id), &Happening::SessionRevoked(Ended { id: SessionId(1) }));
        }
        let answer = crate::domain::contacts::Answer::Approved;
        if let Some(contact) = Contact::answered(None, CAT, ANN, answer, Timestamp(1)) {
            batch.put_contact(contact).await?;
        }
        batch.insert_block(BEN, ANN).await
    }
}

/// Posts as far as asking goes, and tells whose word on whom is known before anything is asked for.
struct Post(Option<ConversationId>);

impl Change for Post {
    type Output = (Vec<(UserId, UserId, bool)>, Vec<(UserId, UserId, bool)>);

    fn wants(&self, wants: &mut Wants) {
        if let Some(conversation) = self.0 {
            wants.post(conversation, ANN);
        }
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let contacts = batch.set.contacts.iter().map(|((owner, other), it)| (*owner, *other, it.is_some()));
        let blocks = batch.set.blocks.iter().map(|((blocker, blocked), has)| (*blocker, *blocked, *has));
        let (mut contacts, mut blocks): (Vec<_>, Vec<_>) = (contacts.collect(), blocks.collect());
        contacts.sort_unstable();
        blocks.sort_unstable();
        Ok((contacts, blocks))
    }
}

#[tokio::test]
async fn posting_asks_only_what_can_stand_in_its_way_and_remembers_it() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).await;
    let approved = (CAT, ANN, true);
    let (blocked, not_blocked) = ((BEN, ANN, true), (CAT, ANN, false));
    for (place, contacts, blocks) in [
        (WITH_BEN, vec![], vec![blocked]),
        (WITH_CAT, vec![approved], vec![not_blocked]),
        (WITH_BOTH, vec![approved], vec![]),
        (GROUP, vec![], vec![]),
    ] {
        // Each time a writer that knows nothing, but for one commit of its own.
        let stop = CancellationToken::new();
        let (sequencer, writing) =
            Sequencer::new(store.clone(), 1, Box::new(|_, _| Box::pin(async {})), nobody_told(), stop.clone());
        let asking = async {
            if place == WITH_BEN {
                sequencer.submit(Gather).await.unwrap();
                sequencer.submit(Forgetful).await.unwrap();
            }
            sequencer.submit(Commit).await.unwrap();
            let asked = sequencer.submit(Post(Some(place))).await.unwrap();
            let remembered = sequencer.submit(Post(None)).await.unwrap();
            stop.cancel();
            (asked, remembered)
        };
        let ((asked, remembered), ()) = tokio::join!(asking, writing);
        assert_eq!(asked, (contacts, blocks), "{place:?}");
        assert_eq!(remembered, asked, "{place:?}: who posts again asks nothing");
    }
}

/// Commits something.
struct Commit;

impl Change for Commit {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        batch.emit(Topic::User(ANN), &Happening::SessionRevoked(Ended { id: SessionId(1) }));
        Ok(())
    }
}

/// Forgets what the batch remembers, as another writer's commit would make it.
struct Forgetful;

impl Change for Forgetful {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        batch.set = super::super::WorkingSet::default();
        Ok(())
    }
}
