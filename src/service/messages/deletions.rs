//! What is deleted for all, decided under the clock.

use crate::domain::{MessageId, UserId};
use crate::store::{Abort, Batch, Change};

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
        let last = found.last().map(|message| message.id);
        if last.is_some() {
            batch.erase_messages(&found).await?;
        }
        Ok(last)
    }
}
