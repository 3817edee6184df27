//! Who may reach whom, decided under the clock: the one place through which sending, making conversations, adding
//! members and asking for contact go.

use super::{Failure, Services};
use crate::domain::conversations::Kind;
use crate::domain::reach::{self, Stance, Way};
use crate::domain::sessions::Principal;
use crate::domain::users::{Circle, Status, User, UserRef, fold};
use crate::domain::{ConversationId, Refusal, UserId};
use crate::store::{Abort, Batch};
use std::collections::HashMap;

/// Refuses if one of these people is not to be reached in this way; the first of them is named.
pub(super) async fn check(batch: &mut Batch, from: UserId, people: &[UserId], way: Way) -> Result<(), Abort> {
    for to in people.iter().copied().filter(|to| *to != from) {
        let user = batch.known_user(to).await?.ok_or(Refusal::NotFound("user"))?;
        // He may have gone since he was looked up, and nobody would take him out of what he comes into later. A direct
        // conversation stays what it was.
        if matches!(way, Way::Membership | Way::Request) && !user.is_present() {
            return Err(Refusal::NotFound("user").into());
        }
        let (user, inbox) = (user.reference(), user.inbox);
        let closed = way.asks_inbox() && inbox == Circle::Contacts;
        let contact = if closed { batch.contact(to, from).await?.map(|contact| contact.state) } else { None };
        let blocks = way.asks_blocks() && batch.has_blocked(to, from).await?;
        reach::check(way, Stance { user, inbox, contact, blocks })?;
    }
    Ok(())
}

impl Services {
    /// Refuses whoever could not post into a conversation now: for what is not worth a turn under the clock. Gives him as
    /// others name him.
    pub(super) async fn check_may_post(&self, user: UserId, place: ConversationId) -> Result<UserRef, Failure> {
        let author = self.store().user(user).await?.ok_or(Refusal::Unauthorized)?;
        if author.status != Status::Active {
            return Err(Refusal::Suspended.into());
        }
        let conversation = self.store().conversation(place).await?.ok_or(Refusal::NotFound("conversation"))?;
        let role = self.store().role(place, user).await?;
        if role.is_none() && conversation.kind != Kind::Channel {
            return Err(Refusal::NotFound("conversation").into());
        }
        conversation.may_post(role.ok_or(Refusal::NotMember)?)?;
        let others: Vec<UserId> = conversation.people.iter().copied().filter(|other| *other != user).collect();
        let pairs: Vec<(UserId, UserId)> = others.iter().map(|other| (*other, user)).collect();
        let contacts = self.store().contacts_among(&pairs).await?;
        let blocks = self.store().blocks_among(&pairs).await?;
        let way = Way::direct(conversation.people.len());
        for other in if others.is_empty() { Vec::new() } else { self.store().users_by_ids(&others).await? } {
            let contact = contacts.iter().find(|contact| contact.owner == other.id && contact.other == user);
            let blocks = blocks.contains(&(other.id, user));
            let contact = contact.map(|contact| contact.state);
            reach::check(way, Stance { user: other.reference(), inbox: other.inbox, contact, blocks })?;
        }
        Ok(author.reference())
    }

    /// Whom somebody could write to together now, each by the names that may be meant, the likeliest first, or why not.
    /// This only refuses earlier, and all at once: what counts is decided when the message is sent.
    pub async fn reachable(
        &self,
        principal: &Principal,
        wanted: &[Vec<String>],
    ) -> Result<Vec<Result<UserRef, Refusal>>, Failure> {
        principal.require_send(None)?;
        let keys: Vec<String> = wanted.iter().flatten().map(|name| fold(name)).collect();
        let mut found: Vec<User> =
            if keys.is_empty() { Vec::new() } else { self.store().users_by_names(&keys).await? };
        found.retain(User::is_present);
        let pairs: Vec<(UserId, UserId)> = found.iter().map(|user| (user.id, principal.user)).collect();
        let contacts = self.store().contacts_among(&pairs).await?;
        let blocks = self.store().blocks_among(&pairs).await?;
        let known: HashMap<String, User> = found.into_iter().map(|user| (user.username.key(), user)).collect();
        let chosen: Vec<Option<&User>> =
            wanted.iter().map(|names| names.iter().find_map(|name| known.get(&fold(name)))).collect();
        let mut people: Vec<UserId> = chosen.iter().flatten().map(|user| user.id).chain([principal.user]).collect();
        people.sort_unstable();
        people.dedup();
        let way = Way::direct(people.len());
        let judged = chosen.into_iter().map(|user| {
            let user = user.ok_or(Refusal::NotFound("user"))?;
            if user.id == principal.user {
                return Ok(user.reference());
            }
            let contact = contacts.iter().find(|contact| contact.owner == user.id && contact.other == principal.user);
            let blocks = blocks.contains(&(user.id, principal.user));
            let contact = contact.map(|contact| contact.state);
            reach::check(way, Stance { user: user.reference(), inbox: user.inbox, contact, blocks })?;
            Ok(user.reference())
        });
        Ok(judged.collect())
    }
}
