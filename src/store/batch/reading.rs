//! What a batch knows of how far people have read, and writes of it.

use super::{Abort, Batch};
use crate::domain::access::Stay;
use crate::domain::{ConversationId, MessageId, Seq, UserId};
use crate::store::messages::{self, Kept};
use crate::store::receipts::{self, Position, Unread};
use crate::store::sizes::{ROWS, parts};
use crate::store::{hidden, stays};
use sea_orm::DbErr;
use std::collections::{HashMap, HashSet};

impl Batch {
    /// Reads how far people have read, and how many are there to be told.
    pub(super) async fn prefetch_reading(&mut self, pairs: HashSet<(UserId, ConversationId)>) -> Result<(), DbErr> {
        let mut sizes: Vec<ConversationId> = pairs.iter().map(|(_, conversation)| *conversation).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes.retain(|conversation| !self.set.sizes.contains_key(conversation));
        for some in sizes.chunks(ROWS) {
            self.set.sizes.extend(some.iter().map(|conversation| (*conversation, 0)));
            self.set.sizes.extend(stays::sizes(&self.db, some).await?);
        }
        let pairs: Vec<_> = pairs.into_iter().filter(|pair| !self.set.positions.contains_key(pair)).collect();
        for some in pairs.chunks(ROWS) {
            self.set.positions.extend(some.iter().map(|pair| (*pair, None)));
            for position in receipts::among(&self.db, some).await? {
                self.set.positions.insert((position.user, position.conversation), Some(position.message));
            }
        }
        Ok(())
    }

    /// Reads which of these messages their users have hidden from themselves.
    pub(super) async fn prefetch_hidden(&mut self, pairs: Vec<(UserId, MessageId)>) -> Result<(), DbErr> {
        for some in pairs.chunks(ROWS) {
            self.set.hidden.extend(some.iter().map(|pair| (*pair, false)));
            for pair in hidden::of(&self.db, some).await? {
                self.set.hidden.insert(pair, true);
            }
        }
        Ok(())
    }

    /// The same for those that are not known yet.
    pub(super) async fn ensure_hidden(
        &mut self,
        pairs: impl Iterator<Item = (UserId, MessageId)> + Send,
    ) -> Result<(), DbErr> {
        let unknown: Vec<_> = pairs.filter(|pair| !self.set.hidden.contains_key(pair)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        self.write_pending().await?;
        self.prefetch_hidden(unknown).await
    }

    /// Through which message somebody has read a conversation.
    pub async fn position(&mut self, user: UserId, conversation: ConversationId) -> Result<Option<MessageId>, Abort> {
        if let Some(position) = self.set.positions.get(&(user, conversation)) {
            return Ok(*position);
        }
        self.write_pending().await?;
        let found = receipts::among(&self.db, &[(user, conversation)]).await?.pop().map(|position| position.message);
        self.set.positions.insert((user, conversation), found);
        Ok(found)
    }

    /// The stays of somebody in a conversation; only the present one, which is known, if it covers this place.
    pub async fn stays_around(
        &mut self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
    ) -> Result<Vec<Stay>, Abort> {
        match self.stay(conversation, user).await? {
            Some(stay) if stay.joined <= seq => Ok(vec![Stay { joined: stay.joined, left: None }]),
            _ => self.stays_in(user, conversation).await,
        }
    }

    /// How many are in a conversation.
    pub async fn size(&mut self, conversation: ConversationId) -> Result<u64, Abort> {
        if let Some(size) = self.set.sizes.get(&conversation) {
            return Ok(*size);
        }
        self.write_pending().await?;
        let size = stays::sizes(&self.db, &[conversation]).await?.get(&conversation).copied().unwrap_or(0);
        self.set.sizes.insert(conversation, size);
        Ok(size)
    }

    /// Somebody has read a conversation through a message, as of now.
    pub fn move_position(&mut self, position: Position) {
        let pair = (position.user, position.conversation);
        self.pending.positions.insert(pair, position);
        self.set.positions.insert(pair, Some(position.message));
        self.writes += 1;
    }

    /// What of these messages, which somebody had not read a moment ago, he has not read yet, in the same order.
    pub async fn still_unread(&mut self, user: UserId, ids: &[MessageId]) -> Result<Vec<Kept>, Abort> {
        let found = self.messages(ids).await?;
        self.ensure_hidden(ids.iter().map(|id| (user, *id))).await?;
        let mut unread = Vec::with_capacity(found.len());
        for kept in found {
            let message = &kept.message;
            let position = self.position(user, message.conversation_id).await?;
            if message.deleted_at.is_none()
                && self.set.hidden.get(&(user, message.id)) != Some(&true)
                && position.is_none_or(|position| position < message.id)
            {
                unread.push(kept);
            }
        }
        self.as_seen_by(user, unread).await
    }

    /// These messages as a user sees them who may see them.
    async fn as_seen_by(&mut self, user: UserId, found: Vec<Kept>) -> Result<Vec<Kept>, Abort> {
        // Only what was said anew may look otherwise.
        if found.iter().all(|kept| kept.edited_seq.is_none()) {
            return Ok(found);
        }
        self.write_pending().await?;
        Ok(messages::as_seen_by(&self.db, user, found).await?)
    }

    /// The oldest messages that somebody has not read of those that came after one, in order.
    pub async fn unread_after(&mut self, which: Unread, after: MessageId, limit: u64) -> Result<Vec<Kept>, Abort> {
        if self.clock.last_message <= after {
            return Ok(Vec::new());
        }
        self.write_pending().await?;
        let ids = receipts::arrived(&self.db, which, after, limit).await?;
        let found = self.messages(&ids).await?;
        self.as_seen_by(which.user, found).await
    }

    /// Writes the positions that have gathered.
    pub(super) async fn write_positions(&mut self) -> Result<(), DbErr> {
        let positions: HashMap<_, Position> = std::mem::take(&mut self.pending.positions);
        let positions: Vec<_> = positions.into_values().collect();
        for some in parts(&positions) {
            receipts::put(&self.db, some).await?;
        }
        Ok(())
    }
}
