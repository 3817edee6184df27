//! Contacts: asking to be one, answering, changing one's mind, and the lists of both sides.

mod changes;

use super::page::{self, parse_pair};
use super::{Failure, Page, Services};
use crate::domain::contacts::{Answer, ContactView, Direction, State};
use crate::domain::sessions::Principal;
use crate::domain::{Refusal, Timestamp, UserId};
use changes::{Ask, Forget, Say};

pub(super) use changes::still_here;

/// Which part of one's contacts a list is about.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// What one says to others, or what they say to oneself.
    pub direction: Direction,
    /// Only entries that say this.
    pub state: Option<State>,
    /// The `next` of the part before.
    pub cursor: Option<&'a str>,
    /// At most so many.
    pub limit: u64,
}

impl Services {
    /// Asks to be in somebody's contacts, and approves him in one's own.
    pub async fn ask_contact(&self, principal: &Principal, username: &str) -> Result<ContactView, Failure> {
        principal.require_full()?;
        let to = self.somebody_else(principal, username).await?;
        self.submit_as(principal, Ask { from: principal.user, to })?.await
    }

    /// Approves or rejects somebody, whether he asked or not, and whatever one said before.
    pub async fn answer_contact(
        &self,
        principal: &Principal,
        username: &str,
        answer: Answer,
    ) -> Result<ContactView, Failure> {
        principal.require_full()?;
        let other = self.somebody_else(principal, username).await?;
        self.submit_as(principal, Say { owner: principal.user, other, answer })?.await
    }

    /// Forgets what one said to somebody, and takes a request to him back that he has not answered.
    pub async fn forget_contact(&self, principal: &Principal, username: &str) -> Result<(), Failure> {
        principal.require_full()?;
        let other = self.user(username).await?.id;
        self.submit_as(principal, Forget { owner: principal.user, other })?.await
    }

    /// What one says to others, or they to oneself, the newest first.
    pub async fn contacts(&self, principal: &Principal, wanted: Wanted<'_>) -> Result<Page<ContactView>, Failure> {
        principal.require_full()?;
        let below = wanted.cursor.map(parse_pair).transpose()?;
        let below = below.map(|(at, user)| (Timestamp(at), UserId(user)));
        let snapshot = self.store().snapshot().await?;
        let found = snapshot.contacts(principal.user, wanted.direction, wanted.state, below, wanted.limit).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let next = page::next(&found, wanted.limit, |(last, user)| page::pair(last.created_at.0, user.id));
        let items = found.into_iter().map(|(contact, user)| contact.view(user)).collect();
        Ok(Page { items, next, head })
    }

    /// Somebody by name, who is not the caller: with oneself there is nothing to settle.
    pub(super) async fn somebody_else(&self, principal: &Principal, username: &str) -> Result<UserId, Failure> {
        let other = self.user(username).await?.id;
        if other == principal.user {
            return Err(Refusal::invalid("username", "This is you. Name somebody else.").into());
        }
        Ok(other)
    }
}
