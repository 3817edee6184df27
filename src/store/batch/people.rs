//! What a batch knows of people's inboxes, contacts and blocks, and writes of them.

#[cfg(test)]
mod tests;

use super::{Abort, Batch};
use crate::domain::contacts::Contact;
use crate::domain::reach::Way;
use crate::domain::users::Circle;
use crate::domain::{Timestamp, UserId};
use crate::store::sizes::ROWS;
use crate::store::{blocks, contacts, presence};
use sea_orm::DbErr;
use std::collections::HashSet;

impl Batch {
    /// Reads what the ways from some people to others will be judged by; the users themselves are known already.
    pub(super) async fn prefetch_reaching(&mut self, ways: HashSet<(UserId, UserId, Way)>) -> Result<(), DbErr> {
        let mut said = HashSet::new();
        let mut blocked = HashSet::new();
        for (from, to, way) in ways {
            let pair = (to, from);
            // Most inboxes are open, and then nobody's list matters.
            let asks = |user: &crate::domain::users::User| user.inbox == Circle::Contacts && way.asks_inbox();
            if self.set.users.get(&to).is_some_and(asks) && !self.set.contacts.contains_key(&pair) {
                said.insert(pair);
            }
            if way.asks_blocks() && !self.set.blocks.contains_key(&pair) {
                blocked.insert(pair);
            }
        }
        let said: Vec<_> = said.into_iter().collect();
        for some in said.chunks(ROWS) {
            self.set.contacts.extend(some.iter().map(|pair| (*pair, None)));
            for contact in contacts::among(&self.db, some).await? {
                self.set.contacts.insert((contact.owner, contact.other), Some(contact));
            }
        }
        let blocked: Vec<_> = blocked.into_iter().collect();
        for some in blocked.chunks(ROWS) {
            self.set.blocks.extend(some.iter().map(|pair| (*pair, false)));
            for pair in blocks::among(&self.db, some).await? {
                self.set.blocks.insert(pair, true);
            }
        }
        Ok(())
    }

    /// What an owner says to another, if anything.
    pub async fn contact(&mut self, owner: UserId, other: UserId) -> Result<Option<Contact>, Abort> {
        if let Some(contact) = self.set.contacts.get(&(owner, other)) {
            return Ok(*contact);
        }
        let found = contacts::among(&self.db, &[(owner, other)]).await?.pop();
        self.set.contacts.insert((owner, other), found);
        Ok(found)
    }

    /// Writes what an owner says as it is now.
    pub async fn put_contact(&mut self, contact: Contact) -> Result<(), Abort> {
        self.writes += 1;
        contacts::put(&self.db, &contact).await?;
        self.set.contacts.insert((contact.owner, contact.other), Some(contact));
        Ok(())
    }

    /// Takes an entry out of its owner's list.
    pub async fn delete_contact(&mut self, owner: UserId, other: UserId) -> Result<(), Abort> {
        self.writes += 1;
        contacts::delete(&self.db, owner, other).await?;
        self.set.contacts.insert((owner, other), None);
        Ok(())
    }

    /// Whether somebody has blocked another.
    pub async fn has_blocked(&mut self, blocker: UserId, blocked: UserId) -> Result<bool, Abort> {
        if let Some(has) = self.set.blocks.get(&(blocker, blocked)) {
            return Ok(*has);
        }
        let has = !blocks::among(&self.db, &[(blocker, blocked)]).await?.is_empty();
        self.set.blocks.insert((blocker, blocked), has);
        Ok(has)
    }

    /// Blocks somebody.
    pub async fn insert_block(&mut self, blocker: UserId, blocked: UserId) -> Result<(), Abort> {
        self.writes += 1;
        blocks::insert(&self.db, blocker, blocked, self.at).await?;
        self.set.blocks.insert((blocker, blocked), true);
        Ok(())
    }

    /// Says that these people were there at a moment.
    pub async fn seen(&mut self, people: &[UserId], at: Timestamp) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        for some in people.chunks(ROWS) {
            presence::seen(&self.db, some, at).await?;
        }
        Ok(())
    }

    /// Takes a block back.
    pub async fn delete_block(&mut self, blocker: UserId, blocked: UserId) -> Result<(), Abort> {
        self.writes += 1;
        blocks::delete(&self.db, blocker, blocked).await?;
        self.set.blocks.insert((blocker, blocked), false);
        Ok(())
    }
}
