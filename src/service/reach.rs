//! Who may reach whom, decided under the clock: the one place through which sending, making conversations, adding
//! members and asking for contact go.

use super::{Failure, Services};
use crate::domain::reach::{self, Stance, Way};
use crate::domain::sessions::Principal;
use crate::domain::users::{Circle, User, UserRef, fold};
use crate::domain::{Refusal, UserId};
use crate::store::{Abort, Batch};
use std::collections::HashMap;

/// Refuses if one of these people is not to be reached in this way; the first of them is named.
pub(super) async fn check(batch: &mut Batch, from: UserId, people: &[UserId], way: Way) -> Result<(), Abort> {
    for to in people.iter().copied().filter(|to| *to != from) {
        let user = batch.user(to).await?.ok_or(Refusal::NotFound("user"))?;
        // He may have gone since he was looked up, and nobody would take him out of what he comes into later. A direct
        // conversation stays what it was.
        if matches!(way, Way::Membership | Way::Request) && !user.is_present() {
            return Err(Refusal::NotFound("user").into());
        }
        let closed = way.asks_inbox() && user.inbox == Circle::Contacts;
        let contact = if closed { batch.contact(to, from).await?.map(|contact| contact.state) } else { None };
        let blocks = way.asks_blocks() && batch.has_blocked(to, from).await?;
        reach::check(way, Stance { user: user.reference(), inbox: user.inbox, contact, blocks })?;
    }
    Ok(())
}

impl Services {
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
