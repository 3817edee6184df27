//! Blocks: shutting somebody out, letting him in again, and whom one has shut out.

mod changes;

use super::page::{self, Leaf, Numbered, locate, parse_pair};
use super::{Failure, Page, Services};
use crate::domain::blocks::BlockView;
use crate::domain::sessions::Principal;
use crate::domain::{Timestamp, UserId};
use changes::{Block, Unblock};

impl Services {
    /// Blocks somebody. A second time changes nothing; the flag says whether it is new.
    pub async fn block(&self, principal: &Principal, username: &str) -> Result<bool, Failure> {
        principal.require_full()?;
        let blocked = self.somebody_else(principal, username).await?;
        self.block_known(principal, blocked).await
    }

    /// The same, of somebody else whose number is known.
    pub async fn block_known(&self, principal: &Principal, blocked: UserId) -> Result<bool, Failure> {
        principal.require_full()?;
        self.submit_as(principal, Block { blocker: principal.user, blocked })?.await
    }

    /// Takes a block back.
    pub async fn unblock(&self, principal: &Principal, username: &str) -> Result<(), Failure> {
        principal.require_full()?;
        let blocked = self.user(username).await?.id;
        self.submit_as(principal, Unblock { blocker: principal.user, blocked })?.await
    }

    /// Whom one has blocked, the newest first.
    pub async fn blocks(
        &self,
        principal: &Principal,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<BlockView>, Failure> {
        principal.require_full()?;
        let below = cursor.map(parse_pair).transpose()?.map(|(at, user)| (Timestamp(at), UserId(user)));
        let snapshot = self.store().snapshot().await?;
        let found = snapshot.blocks(principal.user, below, limit).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let next = page::next(&found, limit, |(user, at)| page::pair(at.0, user.id));
        let items = found.into_iter().map(|(user, created_at)| BlockView { user, created_at }).collect();
        Ok(Page { items, next, head })
    }

    /// The same in parts by number, the oldest first. A part that there is not is refused as not found.
    pub async fn numbered_blocks(
        &self,
        principal: &Principal,
        leaf: Leaf,
        size: u64,
    ) -> Result<Numbered<BlockView>, Failure> {
        principal.require_full()?;
        let snapshot = self.store().snapshot().await?;
        let total = snapshot.block_count(principal.user).await?;
        let part = locate(leaf, total, size)?;
        let found = snapshot.oldest_blocks(principal.user, part.skip, size).await?;
        snapshot.close().await?;
        let items = found.into_iter().map(|(user, created_at)| BlockView { user, created_at }).collect();
        Ok(Numbered { items, total, number: part.number, numbers: part.numbers })
    }
}
