//! What changes in blocks, decided under the clock. Only the blocker hears of it.

use crate::domain::blocks::BlockView;
use crate::domain::events::{Happening, Topic};
use crate::domain::{Refusal, UserId};
use crate::store::{Abort, Batch, Change};

/// Blocks somebody.
pub(super) struct Block {
    pub blocker: UserId,
    pub blocked: UserId,
}

impl Change for Block {
    /// Whether it is new.
    type Output = bool;

    async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
        let user = batch.user(self.blocked).await?.ok_or(Refusal::NotFound("user"))?.reference();
        if batch.has_blocked(self.blocker, self.blocked).await? {
            return Ok(false);
        }
        batch.insert_block(self.blocker, self.blocked).await?;
        let block = BlockView { user, created_at: batch.at() };
        batch.emit(Topic::User(self.blocker), &Happening::BlockCreated(block));
        Ok(true)
    }
}

/// Takes a block back.
pub(super) struct Unblock {
    pub blocker: UserId,
    pub blocked: UserId,
}

impl Change for Unblock {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let user = batch.user(self.blocked).await?.ok_or(Refusal::NotFound("user"))?.reference();
        if !batch.has_blocked(self.blocker, self.blocked).await? {
            return Err(Refusal::NotFound("block").into());
        }
        batch.delete_block(self.blocker, self.blocked).await?;
        batch.emit(Topic::User(self.blocker), &Happening::BlockDeleted(user));
        Ok(())
    }
}
