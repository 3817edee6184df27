//! What changes in how far people have read, decided under the clock.

use super::Taking;
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

/// Gives the oldest unread messages, and marks each conversation through the last that was given of it.
pub(super) struct TakeUnread {
    pub user: UserId,
    pub taking: Taking,
}

impl Change for TakeUnread {
    type Output = (Vec<Message>, Seq);

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.user);
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::Unauthorized)?.reference();
        if let Some(id) = self.taking.conversation {
            let conversation = batch.conversation(id).await?.ok_or(Refusal::NotFound("conversation"))?;
            if batch.stays_in(self.user, id).await?.is_empty() {
                return Err(stranger(&conversation).into());
            }
        }
        let notes = if self.taking.include_own_notes { batch.direct(&[self.user]).await? } else { None };
        let which =
            Unread { user: self.user, conversation: self.taking.conversation, notes: notes.map(|notes| notes.id) };
        let given: Vec<Message> =
            batch.oldest_unread(which, self.taking.limit).await?.into_iter().map(|kept| kept.message).collect();
        // They come in order, so the last one stays for each conversation.
        let last: BTreeMap<ConversationId, MessageId> =
            given.iter().map(|message| (message.conversation_id, message.id)).collect();
        for (id, message) in last {
            let conversation = batch.conversation(id).await?.ok_or(Refusal::NotFound("conversation"))?;
            read(batch, user.clone(), &conversation, message).await?;
        }
        Ok((given, batch.upcoming().previous()))
    }
}

/// What somebody is told who was never in a conversation: of a channel, whose messages he may see, that he is no member.
fn stranger(conversation: &Conversation) -> Refusal {
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
