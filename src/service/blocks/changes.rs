//! What changes in blocks, decided under the clock. Only the blocker hears of it.

use crate::domain::blocks::BlockView;
use crate::domain::events::{About, Happening, Topic};
use crate::domain::{Refusal, UserId};
use crate::service::contacts::still_here;
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
        let user = still_here(batch, self.blocked).await?;
        if batch.has_blocked(self.blocker, self.blocked).await? {
            return Ok(false);
        }
        batch.insert_block(self.blocker, self.blocked).await?;
        let block = BlockView { user, created_at: batch.at() };
        batch.emit(Topic::User(self.blocker), &Happening::BlockCreated(block));
        Ok(true)
    }

    fn done(&self, new: &bool) {
        if !new {
            return;
        }
        let (blocker, blocked) = (self.blocker.0, self.blocked.0);
        tracing::info!(event.name = "block", user.id = blocker, blocked.id = blocked, "blocked a user");
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
        batch.emit(Topic::User(self.blocker), &Happening::BlockDeleted(About { user }));
        Ok(())
    }

    fn done(&self, (): &()) {
        let (blocker, blocked) = (self.blocker.0, self.blocked.0);
        tracing::info!(event.name = "unblock", user.id = blocker, blocked.id = blocked, "unblocked a user");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SubmitError;
    use crate::store::tests::{OneIsGone, open, writer};

    /// Writes a block of somebody who is gone, as it stands until he is taken out of others' lists.
    struct Leftover(UserId, UserId);

    impl Change for Leftover {
        type Output = ();

        async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
            batch.insert_block(self.0, self.1).await
        }
    }

    #[tokio::test]
    async fn who_has_just_gone_is_blocked_no_more_but_can_be_unblocked() {
        let home = tempfile::tempdir().expect("a directory");
        let sequencer = writer(&open(home.path()).await);
        let (blocker, blocked) = sequencer.submit(OneIsGone).await.expect("two accounts");
        let nobody = Err(SubmitError::Refused(Refusal::NotFound("user")));
        assert_eq!(sequencer.submit(Block { blocker, blocked }).await, nobody);
        sequencer.submit(Leftover(blocker, blocked)).await.expect("a block");
        assert_eq!(sequencer.submit(Unblock { blocker, blocked }).await, Ok(()));
        let none = Err(SubmitError::Refused(Refusal::NotFound("block")));
        assert_eq!(sequencer.submit(Unblock { blocker, blocked }).await, none);
    }
}
