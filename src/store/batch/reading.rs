//! What a batch knows of how far people have read, and writes of it.

use super::{Abort, Batch, ROWS};
use crate::domain::access::Stay;
use crate::domain::{ConversationId, MessageId, Seq, UserId};
use crate::store::messages::Kept;
use crate::store::receipts::{self, Position, Unread};
use crate::store::{messages, stays};
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

    /// Somebody has read a conversation through this message.
    pub fn move_position(&mut self, user: UserId, conversation: ConversationId, message: MessageId) {
        let position = Position { user, conversation, message, at: self.at };
        self.pending.positions.insert((user, conversation), position);
        self.set.positions.insert((user, conversation), Some(message));
        self.writes += 1;
    }

    /// The oldest messages that somebody has not read, in order.
    pub async fn oldest_unread(&mut self, which: Unread, limit: u64) -> Result<Vec<Kept>, Abort> {
        self.write_pending().await?;
        let user = which.user;
        let ids: Vec<MessageId> =
            receipts::oldest_unread(&self.db, which, limit).await?.into_iter().map(|(message, _)| message).collect();
        let mut found = if ids.is_empty() { Vec::new() } else { messages::by_ids(&self.db, &ids).await? };
        found.sort_unstable_by_key(|kept| kept.message.id);
        Ok(messages::as_seen_by(&self.db, user, found).await?)
    }

    /// Writes the positions that have gathered.
    pub(super) async fn write_positions(&mut self) -> Result<(), DbErr> {
        let positions: HashMap<_, Position> = std::mem::take(&mut self.pending.positions);
        let positions: Vec<_> = positions.into_values().collect();
        for some in positions.chunks(ROWS) {
            receipts::put(&self.db, some).await?;
        }
        Ok(())
    }
}
