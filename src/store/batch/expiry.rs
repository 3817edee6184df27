//! Messages that are kept no longer: the oldest go, some at a time, with all that knew of them.

use super::{Abort, Batch};
use crate::domain::events::{Expired, Happening, Topic};
use crate::domain::messages::erased_payload;
use crate::domain::{MessageId, Timestamp};
use crate::store::messages::Kept;
use crate::store::sizes::ROWS;
use crate::store::{events, hidden, mentions, messages, threads, words};
use sea_orm::DbErr;
use std::collections::BTreeSet;

/// Events that are emptied in one change: a message that was often edited has many.
const EMPTIED: u64 = 400;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten {
    /// So many messages were too old.
    pub messages: usize,
    /// Whether there may be more.
    pub more: bool,
}

impl Batch {
    /// Deletes the oldest messages that are older than a moment, at most so many. The root of a thread that lives on
    /// leaves a tombstone, which goes with the last reply. What they said is gone with this transaction from everywhere,
    /// the log's earlier events included.
    pub async fn expire_messages(&mut self, before: Timestamp, most: u64) -> Result<Forgotten, Abort> {
        self.write_pending().await?;
        let mut old = messages::oldest(&self.db, self.clock.first_message, before, most).await?;
        let full = old.len() as u64 == most;
        let (Some(first), Some(last)) = (old.first(), old.last()) else {
            return Ok(Forgotten { messages: 0, more: false });
        };
        let mut emptied = 0;
        let counted = events::about(&self.db, first.id, last.id).await?;
        let too_many = counted.into_iter().find(|(_, events)| {
            emptied += events;
            emptied > EMPTIED
        });
        // One message goes in any case.
        let least = first.id;
        if let Some((end, _)) = too_many {
            old.retain(|message| message.id < end || message.id == least);
        }
        let up_to = old.last().map_or(least, |last| last.id);

        let roots: BTreeSet<MessageId> = old.iter().map(|message| message.thread.unwrap_or(message.id)).collect();
        let asked: Vec<MessageId> = roots.iter().copied().collect();
        let lasting = messages::replied_to_after(&self.db, &asked, up_to).await?;
        let mut gone: BTreeSet<MessageId> = old.iter().map(|message| message.id).collect();
        // A root from before that has had its last reply is among these.
        gone.extend(roots);
        let (tombs, gone): (Vec<_>, Vec<_>) = gone.into_iter().partition(|id| lasting.contains(id));
        self.forget_what_is_known(&gone, &tombs, up_to);
        events::erase_between(&self.db, least, up_to, self.at).await?;
        self.delete_for_good(&gone, &tombs).await?;

        let conversations: BTreeSet<_> = old.iter().map(|message| message.conversation).collect();
        for conversation in conversations {
            self.emit(Topic::Conversation(conversation), &Happening::MessagesExpired(Expired { up_to }));
        }
        self.clock.first_message = MessageId(up_to.0 + 1);
        self.erased = true;
        self.writes += 1;
        Ok(Forgotten { messages: old.len(), more: full || too_many.is_some() })
    }

    /// Lets the rest of the batch see no more than there is, and hand nothing else over.
    fn forget_what_is_known(&mut self, gone: &[MessageId], tombs: &[MessageId], up_to: MessageId) {
        let at = self.at;
        for record in &mut self.records {
            if record.message.is_some_and(|id| id <= up_to) {
                record.data = erased_payload(&record.data, at);
            }
        }
        let (messages, sent) = (self.set.messages.values_mut(), self.set.client_ids.values_mut());
        for known in messages.chain(sent) {
            match known.as_mut().map(|kept: &mut Kept| (kept.message.id, kept)) {
                Some((id, _)) if gone.contains(&id) => *known = None,
                Some((id, kept)) if tombs.contains(&id) => kept.erase(at),
                _ => {}
            }
        }
    }

    async fn delete_for_good(&mut self, gone: &[MessageId], tombs: &[MessageId]) -> Result<(), DbErr> {
        for some in tombs.chunks(ROWS) {
            messages::erase(&self.db, some, self.at).await?;
            words::forget(&self.db, some).await?;
            mentions::forget(&self.db, some).await?;
        }
        for some in gone.chunks(ROWS) {
            words::forget(&self.db, some).await?;
            mentions::forget(&self.db, some).await?;
            hidden::forget(&self.db, some).await?;
            threads::forget(&self.db, some).await?;
            messages::delete(&self.db, some).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Change;
    use crate::store::tests::{Crowd, open_noting, plan, together};

    struct Forget;

    impl Change for Forget {
        type Output = Forgotten;

        async fn decide(&self, batch: &mut Batch) -> Result<Forgotten, Abort> {
            batch.expire_messages(Timestamp(i64::MAX), 50).await
        }
    }

    #[tokio::test]
    async fn what_goes_is_found_without_walking_through_a_table() {
        let home = tempfile::tempdir().expect("a directory");
        let (store, statements) = open_noting(home.path()).await;
        together(&store, [Crowd(20)]).await.pop().expect("a crowd").expect("it gathers");
        statements.lock().clear();
        let done = together(&store, [Forget]).await.pop().expect("an answer").expect("they go");
        assert!(done.messages > 10, "{done:?}");
        let run: Vec<String> = statements.lock().clone();
        let deleted = run.iter().filter(|sql| sql.starts_with("DELETE")).count();
        assert!(deleted >= 5, "words, mentions, threads, what was hidden, and the messages: {run:?}");
        for sql in run.iter().filter(|sql| ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb))) {
            let plan = plan(&store, sql).await;
            assert!(!plan.iter().any(|step| step.starts_with("SCAN ")), "{sql}\n{}", plan.join("\n"));
        }
    }
}
