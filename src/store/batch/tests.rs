//! Changes about more rows than a statement takes values: `SQLite` has an end at 32,766.

use super::*;
use crate::domain::SessionId;
use crate::domain::conversations::Kind;
use crate::domain::events::{Ended, Happening, Topic};
use crate::domain::messages::Message;
use crate::store::tests::{conversation, nobody_told, open, user};
use crate::store::{Change, MessageFilter, MessagePage, Sequencer, Store};
use tokio_util::sync::CancellationToken;

const CROWD: i64 = 33_000;
const ROOM: ConversationId = ConversationId(1);

fn everybody() -> impl Iterator<Item = UserId> {
    (1..=CROWD).map(UserId)
}

/// Makes everybody, and the room with everybody in it.
struct Gather;

impl Change for Gather {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        for id in everybody() {
            batch.insert_user(user(&format!("u{id}")));
            batch.emit(Topic::User(id), &Happening::SessionRevoked(Ended { id: SessionId(1) }));
        }
        let members = everybody().map(|user| (user, Role::Member)).collect();
        batch.insert_conversation(NewConversation { conversation: conversation(Kind::Direct), members });
        batch.emit(Topic::Conversation(ROOM), &Happening::SessionRevoked(Ended { id: SessionId(1) }));
        Ok(())
    }
}

/// Everybody says something, having asked for all there is to ask for beforehand. Tells how many were known.
struct Chorus;

impl Change for Chorus {
    type Output = usize;

    fn wants(&self, wants: &mut Wants) {
        for user in everybody() {
            wants.user(user);
            wants.membership(ROOM, user);
            // Conversations that are not there are asked for too.
            wants.membership(ConversationId(user.0), user);
            wants.direct(&[user]);
            wants.client_id(user, "a song");
        }
        wants.direct(&everybody().collect::<Vec<_>>());
    }

    async fn decide(&self, batch: &mut Batch) -> Result<usize, Abort> {
        let known = batch.set.users.len();
        assert_eq!(batch.set.stays.values().flatten().count(), known, "everybody is in the room");
        assert_eq!(batch.set.directs.len(), 1, "of all these conversations there is one");
        for user in everybody() {
            let author = batch.user(user).await?.ok_or(Refusal::NotFound("user"))?.reference();
            let message =
                Message { client_id: Some("a song".to_owned()), ..Message::by(Some(author), ROOM, "la".to_owned()) };
            batch.insert_message(NewMessage { message, body_hash: 0 });
        }
        Ok(known)
    }
}

/// Tells how many of the songs are known beforehand.
struct Encore;

impl Change for Encore {
    type Output = usize;

    fn wants(&self, wants: &mut Wants) {
        Chorus.wants(wants);
    }

    async fn decide(&self, batch: &mut Batch) -> Result<usize, Abort> {
        Ok(batch.set.client_ids.values().flatten().count())
    }
}

/// Decided by a writer that remembers nothing.
async fn decided<C: Change>(store: &Store, change: C) -> C::Output {
    let stop = CancellationToken::new();
    let (sequencer, writing) =
        Sequencer::new(store.clone(), 1, Box::new(|_, _| Box::pin(async {})), nobody_told(), stop.clone());
    let (told, ()) = tokio::join!(
        async {
            let told = sequencer.submit(change).await;
            stop.cancel();
            told
        },
        writing
    );
    told.expect("the database takes it")
}

#[tokio::test]
async fn more_people_than_a_statement_takes_values_are_read_and_written() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    let all = usize::try_from(CROWD).unwrap();
    decided(&store, Gather).await;
    assert_eq!(decided(&store, Chorus).await, all);
    assert_eq!(decided(&store, Encore).await, all);

    let snapshot = store.snapshot().await.expect("a snapshot");
    assert_eq!(snapshot.members(&[ROOM]).await.expect("members")[&ROOM].len(), all);
    let filter = MessageFilter { viewer: UserId(1), conversation: Some((ROOM, false)), ..MessageFilter::default() };
    let page = MessagePage { limit: 1_000_000, ..MessagePage::default() };
    assert_eq!(snapshot.messages(&filter, page).await.expect("messages").len(), all, "with an author each");
    snapshot.close().await.expect("it was open");
    store.close().await;
}
