//! Reading: how far somebody has read, how far others have, and taking what is new.

mod changes;

use super::{Failure, Page, Services};
use crate::domain::messages::Message;
use crate::domain::receipts::{ReceiptView, UNREAD_LIMIT, are_shared};
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, MessageId, Refusal};
use crate::store::{Directs, Position, Unread};
use changes::{MarkRead, TakeUnread, stranger};
use schemars::JsonSchema;
use serde::Serialize;

/// How often as many unread messages are looked for as were wanted, while others take them too.
const ATTEMPTS: u32 = 3;

/// How far the caller has read a conversation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ReadState {
    /// Which conversation.
    pub conversation_id: ConversationId,
    /// Through which message.
    pub message_id: MessageId,
    /// How many he has not read. 10,000 stands for that many or more.
    #[schemars(range(max = UNREAD_LIMIT))]
    pub unread: u64,
}

/// Which unread messages somebody takes.
#[derive(Debug, Clone, Copy)]
pub struct Taking {
    /// Only those of this conversation.
    pub conversation: Option<ConversationId>,
    /// Only those of these direct conversations.
    pub directs: Option<Directs>,
    /// At most so many.
    pub limit: u64,
    /// Whether what he wrote to himself counts as new, as it does for clients that fetch their notes like any message.
    pub include_own_notes: bool,
}

impl Services {
    /// Says that the caller has read a conversation through a message. It only moves forward.
    pub async fn mark_read(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        message: MessageId,
    ) -> Result<ReadState, Failure> {
        principal.require_read(Some(conversation))?;
        // Where a message stands never changes, so it need not be read under the clock.
        let place = self.store().place_of(message).await?;
        let seq = place.filter(|(here, _)| *here == conversation).map(|(_, seq)| seq);
        let change = MarkRead { user: principal.user, conversation, message, seq };
        let message_id = self.submit_as(principal, change)?.await?;
        let snapshot = self.store().snapshot().await?;
        let unread = snapshot.unread(principal.user, &[conversation]).await?;
        snapshot.close().await?;
        let unread = unread.get(&conversation).copied().unwrap_or(0);
        Ok(ReadState { conversation_id: conversation, message_id, unread })
    }

    /// How far the members of a conversation have read, where they tell each other; elsewhere how far the caller has.
    pub async fn receipts(&self, principal: &Principal, id: ConversationId) -> Result<Page<ReceiptView>, Failure> {
        principal.require_read(Some(id))?;
        let snapshot = self.store().snapshot().await?;
        let conversation = snapshot.visible_conversation(principal.user, id).await?;
        let conversation = conversation.ok_or(Refusal::NotFound("conversation"))?;
        let size = snapshot.size(id).await?;
        let found = if are_shared(conversation.kind, size) {
            snapshot.receipts(principal.user, id).await?
        } else {
            snapshot.receipts_of(principal.user, id).await?
        };
        let head = snapshot.head();
        snapshot.close().await?;
        let view = |(Position { message, at, .. }, user)| ReceiptView { user, message_id: message, read_at: at };
        Ok(Page { items: found.into_iter().map(view).collect(), next: None, head })
    }

    /// Gives the oldest unread messages and marks them as read, as one change: nobody is given a message twice, however
    /// many take at once, and none is passed over.
    pub async fn take(&self, principal: &Principal, taking: Taking) -> Result<Page<Message>, Failure> {
        let conversation = taking.conversation.or(principal.bound_to());
        principal.require_read(conversation)?;
        let user = principal.user;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let snapshot = self.store().snapshot().await?;
            if let Some(id) = conversation {
                let here = snapshot.conversation(id).await?.ok_or(Refusal::NotFound("conversation"))?;
                if snapshot.stays_in(user, id).await?.is_empty() {
                    return Err(stranger(&here).into());
                }
            }
            let notes = if taking.include_own_notes { snapshot.direct(&[user]).await? } else { None };
            let which = Unread { user, conversation, directs: taking.directs, notes };
            let found = snapshot.oldest_unread(which, taking.limit).await?;
            let (head, last) = (snapshot.head(), snapshot.last_message());
            snapshot.close().await?;
            // Who has nothing new does not ask for the clock, and looking for it took none of its time.
            if found.is_empty() {
                return Ok(Page { items: Vec::new(), next: None, head });
            }
            let some_will_do = attempt >= ATTEMPTS;
            let change = TakeUnread { which, limit: taking.limit, found, last, some_will_do };
            if let Some((items, head)) = self.submit_as(principal, change)?.await? {
                return Ok(Page { items, next: None, head });
            }
        }
    }
}
