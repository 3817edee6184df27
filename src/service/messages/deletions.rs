//! What is deleted, for all or for oneself, decided under the clock.

use super::changes::active;
use crate::domain::deletion::{Audience, Standing, Verdict};
use crate::domain::{ConversationId, MessageId, UserId};
use crate::store::{Abort, Batch, Change, Kept, Wants};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What became of the messages that were to be deleted, by their numbers.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Deletions {
    /// Deleted for all, now or before.
    pub deleted: Vec<MessageId>,
    /// Hidden from whoever asked.
    pub hidden: Vec<MessageId>,
    /// Those of them that were not hidden before.
    #[serde(skip)]
    pub newly_hidden: Vec<MessageId>,
    /// To be deleted for all by somebody who may not.
    pub not_allowed: Vec<MessageId>,
    /// There are none, or none that he may see.
    pub not_found: Vec<MessageId>,
}

/// Deletes messages, each as far as it is allowed.
pub(super) struct Delete {
    pub by: UserId,
    /// Whether the credentials are good for no more than what their user wrote himself.
    pub own_only: bool,
    /// What he may read, with where it stands. Neither ever changes, so neither is asked under the clock.
    pub readable: BTreeMap<MessageId, ConversationId>,
    pub audience: Option<Audience>,
}

impl Change for Delete {
    type Output = Deletions;

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.by);
        for (id, conversation) in &self.readable {
            if self.audience == Some(Audience::All) {
                wants.message(*id);
            } else {
                wants.shown(*id, self.by);
            }
            wants.membership(*conversation, self.by);
        }
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Deletions, Abort> {
        let admin = active(batch, self.by).await?.admin;
        let mut done = Deletions::default();
        let (mut erased, mut hidden) = (Vec::new(), Vec::new());
        let ids: Vec<MessageId> = self.readable.keys().copied().collect();
        let found = batch.messages(&ids).await?;
        // What has expired since it was looked for is there no more.
        let there: BTreeSet<MessageId> = found.iter().map(|kept| kept.message.id).collect();
        done.not_found.extend(ids.into_iter().filter(|id| !there.contains(id)));
        for kept in found {
            let id = kept.message.id;
            match self.judge(batch, &kept, admin).await? {
                Verdict::NotFound => done.not_found.push(id),
                Verdict::NotAllowed => done.not_allowed.push(id),
                Verdict::Hide => {
                    done.hidden.push(id);
                    hidden.push(kept.message);
                }
                Verdict::Erase => {
                    done.deleted.push(id);
                    erased.extend(Some(kept).filter(|kept| kept.message.deleted_at.is_none()));
                }
            }
        }
        batch.erase_messages(erased);
        if !hidden.is_empty() {
            done.newly_hidden = batch.hide_messages(self.by, &hidden).await?;
        }
        Ok(done)
    }
}

impl Delete {
    async fn judge(&self, batch: &mut Batch, kept: &Kept, admin: bool) -> Result<Verdict, Abort> {
        let id = kept.message.conversation_id;
        let Some(conversation) = batch.conversation(id).await? else { return Ok(Verdict::NotFound) };
        let standing = Standing {
            sees: self.readable.contains_key(&kept.message.id),
            wrote: kept.message.author.as_ref().is_some_and(|author| author.id == self.by),
            kind: conversation.kind,
            role: batch.role(id, self.by).await?,
            admin,
        };
        Ok(match standing.judge(self.audience) {
            Verdict::Hide => {
                if self.own_only {
                    Verdict::NotAllowed
                } else {
                    Verdict::Hide
                }
            }
            Verdict::Erase if self.own_only && !standing.wrote => Verdict::NotAllowed,
            verdict => verdict,
        })
    }
}

/// Deletes for all what a user wrote, some at a time.
pub(super) struct EraseOf {
    pub author: UserId,
    pub after: MessageId,
    pub most: u64,
}

impl Change for EraseOf {
    type Output = Option<MessageId>;

    async fn decide(&self, batch: &mut Batch) -> Result<Option<MessageId>, Abort> {
        let found = batch.messages_of(self.author, self.after, self.most).await?;
        let last = found.last().map(|kept| kept.message.id);
        batch.erase_messages(found);
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::conversations::{Kind, Role};
    use crate::domain::messages::Message;
    use crate::store::tests::{Crowd, conversation, nobody_told, open, open_counting, together, user};
    use crate::store::{HandOver, NewConversation, NewMessage, Sequencer};
    use std::sync::atomic::Ordering;
    use tokio_util::sync::CancellationToken;

    /// Two people who wrote ten messages in turn.
    struct Said;

    impl Change for Said {
        type Output = (UserId, UserId);

        async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
            let people = [batch.insert_user(user("ann")), batch.insert_user(user("bob"))];
            let members = people.iter().map(|user| (user.id, Role::Member)).collect();
            let place = batch.insert_conversation(NewConversation { conversation: conversation(Kind::Group), members });
            for author in people.iter().cycle().take(20) {
                let message = Message::by(Some(author.reference()), place.id, "words".to_owned());
                batch.insert_message(NewMessage { message, body_hash: 1 });
            }
            Ok((people[0].id, people[1].id))
        }
    }

    #[tokio::test]
    async fn what_somebody_wrote_goes_in_parts_also_after_an_interruption() {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        let hand_over: HandOver = Box::new(|_, _| Box::pin(std::future::ready(())));
        let (sequencer, writing) =
            Sequencer::new(store.clone(), 64, hand_over, nobody_told(), CancellationToken::new());
        tokio::spawn(writing);
        let (ann, bob) = sequencer.submit(Said).await.expect("it is said");
        let erase = |after: i64| EraseOf { author: ann, after: MessageId(after), most: 4 };
        assert_eq!(sequencer.submit(erase(0)).await, Ok(Some(MessageId(7))), "1, 3, 5 and 7");
        assert_eq!(sequencer.submit(erase(0)).await, Ok(Some(MessageId(15))), "begun anew it goes on");
        assert_eq!(sequencer.submit(erase(15)).await, Ok(Some(MessageId(19))));
        assert_eq!(sequencer.submit(erase(19)).await, Ok(None));
        let snapshot = store.snapshot().await.expect("a snapshot");
        let all: Vec<MessageId> = (1..=20).map(MessageId).collect();
        for kept in snapshot.messages_by_ids(ann, &all).await.expect("messages") {
            let by_bob = kept.message.author.as_ref().is_some_and(|author| author.id == bob);
            assert_eq!((kept.message.text == "words", kept.message.deleted_at.is_none()), (by_bob, by_bob));
            assert_eq!(kept.body_hash, i64::from(by_bob));
        }
        let page = store.log_page(crate::domain::Seq(0), snapshot.head(), None, 100).await.expect("the log");
        assert_eq!(page.records.iter().filter(|record| record.data.contains("words")).count(), 10);
        assert_eq!(page.records.iter().filter(|record| record.kind == "message.deleted").count(), 10);
    }

    #[tokio::test]
    async fn what_is_gone_by_the_time_it_is_to_be_deleted_is_not_found() {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        let hand_over: HandOver = Box::new(|_, _| Box::pin(std::future::ready(())));
        let (sequencer, writing) =
            Sequencer::new(store.clone(), 64, hand_over, nobody_told(), CancellationToken::new());
        tokio::spawn(writing);
        let (ann, _) = sequencer.submit(Said).await.expect("it is said");
        let readable = [1, 99].map(|id| (MessageId(id), ConversationId(1))).into();
        let done =
            sequencer.submit(Delete { by: ann, own_only: false, readable, audience: None }).await.expect("she may");
        assert_eq!((done.deleted, done.not_found), (vec![MessageId(1)], vec![MessageId(99)]));
    }

    /// How many statements it takes when so many people at once hide a message of another.
    async fn statements(people: i64) -> usize {
        let home = tempfile::tempdir().expect("a directory");
        let (store, statements) = open_counting(home.path()).await;
        let said = together(&store, [Crowd(people)]).await.pop().expect("a crowd").expect("it gathers");
        // Each has hidden the message of the next already.
        let hide = |((by, _), (_, message)): (&(UserId, Message), &(UserId, Message))| Delete {
            by: *by,
            own_only: false,
            readable: BTreeMap::from([(message.id, message.conversation_id)]),
            audience: Some(Audience::Me),
        };
        for (further, new) in [(2, true), (2, false), (1, false)] {
            let before = store.clock().await.expect("a clock").head.0;
            for hidden in together(&store, said.iter().zip(said.iter().cycle().skip(further)).map(hide)).await {
                assert_eq!(hidden.expect("he may").hidden.len(), 1);
            }
            let events = store.clock().await.expect("a clock").head.0 - before;
            assert_eq!(events, if new { people } else { 0 }, "what is hidden already has no event");
        }
        statements.store(0, Ordering::Relaxed);
        together(&store, said.iter().zip(said.iter().cycle().skip(3)).map(hide)).await;
        statements.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn many_who_hide_take_no_more_statements_than_a_few() {
        let few = statements(5).await;
        assert!(few > 3, "{few} are counted");
        assert_eq!(statements(40).await, few);
    }
}
