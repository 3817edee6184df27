//! What changes in how far people have read, decided under the clock.

use crate::domain::conversations::{Conversation, Kind};
use crate::domain::events::{Happening, Topic};
use crate::domain::messages::Message;
use crate::domain::receipts::{Receipt, are_shared};
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, MessageId, Refusal, Seq, UserId};
use crate::store::{Abort, Batch, Change, Position, Unread, Wants};
use std::collections::BTreeMap;

/// Moves somebody's read position forward.
pub(super) struct MarkRead {
    pub user: UserId,
    pub conversation: ConversationId,
    pub message: MessageId,
    /// Where the message stands, if it is one of this conversation.
    pub seq: Option<Seq>,
}

impl Change for MarkRead {
    type Output = MessageId;

    fn wants(&self, wants: &mut Wants) {
        wants.reading(self.user, self.conversation);
    }

    async fn decide(&self, batch: &mut Batch) -> Result<MessageId, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?.reference();
        let conversation = batch.conversation(self.conversation).await?.ok_or(Refusal::NotFound("conversation"))?;
        let around = self.seq.unwrap_or_default();
        let stays = batch.stays_around(self.user, self.conversation, around).await?;
        if stays.is_empty() {
            return Err(stranger(&conversation).into());
        }
        let seq = self.seq.ok_or(Refusal::NotFound("message"))?;
        if conversation.kind != Kind::Channel && !stays.iter().any(|stay| stay.covers(seq)) {
            return Err(Refusal::NotFound("message").into());
        }
        if let Some(position) = batch.position(self.user, self.conversation).await?
            && position >= self.message
        {
            return Ok(position);
        }
        read(batch, user, &conversation, self.message).await?;
        Ok(self.message)
    }
}

/// Gives the oldest unread messages, and marks each conversation through the last that was given of it. They were looked
/// for before: what he may read and what came before what never changes, and a position only moves forward, so under
/// the clock it is enough to drop what he has read, hidden or lost meanwhile, and to add what came since.
pub(super) struct TakeUnread {
    pub which: Unread,
    pub limit: u64,
    /// The oldest that were unread, in order.
    pub found: Vec<(MessageId, ConversationId)>,
    /// The last message that there was then.
    pub last: MessageId,
    /// Whether fewer will do than were wanted, when others took some of them and there may be more.
    pub some_will_do: bool,
}

impl Change for TakeUnread {
    /// Nothing, if it must be looked for anew.
    type Output = Option<(Vec<Message>, Seq)>;

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.which.user);
        for (message, conversation) in &self.found {
            wants.shown(*message, self.which.user);
            wants.reading(self.which.user, *conversation);
        }
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let me = self.which.user;
        let user = batch.user(me).await?.ok_or(Refusal::Unauthorized)?.reference();
        let ids: Vec<MessageId> = self.found.iter().map(|(message, _)| *message).collect();
        let mut kept = batch.still_unread(me, &ids).await?;
        let missing = self.limit.saturating_sub(kept.len() as u64);
        if missing > 0 && ids.len() as u64 == self.limit {
            // What comes next was not looked for.
            if kept.is_empty() || !self.some_will_do {
                return Ok(None);
            }
        } else if missing > 0 {
            kept.extend(batch.unread_after(self.which, self.last, missing).await?);
        }
        let given: Vec<Message> = kept.into_iter().map(|kept| kept.message).collect();
        // They come in order, so the last one stays for each conversation.
        let last: BTreeMap<ConversationId, MessageId> =
            given.iter().map(|message| (message.conversation_id, message.id)).collect();
        for (id, message) in last {
            let conversation = batch.conversation(id).await?.ok_or(Refusal::NotFound("conversation"))?;
            read(batch, user.clone(), &conversation, message).await?;
        }
        Ok(Some((given, batch.upcoming().previous())))
    }
}

/// What somebody is told who was never in a conversation: of a channel, whose messages he may see, that he is no member.
pub(super) fn stranger(conversation: &Conversation) -> Refusal {
    match conversation.kind {
        Kind::Channel => Refusal::NotMember,
        Kind::Direct | Kind::Group => Refusal::NotFound("conversation"),
    }
}

/// Moves a position, and says so once: to the conversation if its members are told and he is one of them, who hears it
/// there himself; otherwise to himself.
async fn read(batch: &mut Batch, user: UserRef, conversation: &Conversation, message: MessageId) -> Result<(), Abort> {
    let is_member = batch.role(conversation.id, user.id).await?.is_some();
    let shared = is_member && are_shared(conversation.kind, batch.size(conversation.id).await?);
    let topic = if shared { Topic::Conversation(conversation.id) } else { Topic::User(user.id) };
    batch.move_position(Position { user: user.id, conversation: conversation.id, message, at: batch.at(), shared });
    let receipt = Receipt { user, conversation_id: conversation.id, message_id: message };
    batch.emit(topic, &Happening::ReceiptUpdated(receipt));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{Crowd, open_counting, together};
    use std::sync::atomic::Ordering;

    /// How many statements it takes when so many people at once take what is new to them.
    async fn statements(people: i64) -> usize {
        let home = tempfile::tempdir().expect("a directory");
        let (store, statements) = open_counting(home.path()).await;
        let said = together(&store, [Crowd(people)]).await.pop().expect("a crowd").expect("it gathers");
        let last = said.last().expect("somebody spoke").1.id;
        let found: Vec<_> = said.iter().map(|(_, message)| (message.id, message.conversation_id)).collect();
        let take = |(user, own): &(UserId, Message)| TakeUnread {
            which: Unread { user: *user, conversation: None, directs: None, notes: None },
            limit: 100,
            // His own is not unread, and what he hid he hid after it was looked for.
            found: found.iter().filter(|(id, _)| *id != own.id).copied().collect(),
            last,
            some_will_do: false,
        };
        statements.store(0, Ordering::Relaxed);
        for taken in together(&store, said.iter().map(take)).await {
            let (given, _) = taken.expect("he may").expect("there is something");
            assert_eq!(given.len(), said.len() - 2, "neither his own nor the hidden one");
        }
        statements.load(Ordering::Relaxed)
    }

    #[tokio::test]
    async fn many_who_take_at_once_cost_no_more_statements_than_a_few() {
        let few = statements(4).await;
        assert!(few > 3, "{few} are counted");
        // Rows are written in parts of powers of two, of which a larger number may have some more.
        let many = statements(32).await;
        assert!(many < few + 6, "{many} instead of {few}");
    }
}
