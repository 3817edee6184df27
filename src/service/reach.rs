//! Who may reach whom, decided under the clock: the one place through which sending, making conversations, adding
//! members and asking for contact go.

use crate::domain::reach::{self, Stance, Way};
use crate::domain::users::Circle;
use crate::domain::{Refusal, UserId};
use crate::store::{Abort, Batch};

/// Refuses if one of these people is not to be reached in this way; the first of them is named.
pub(super) async fn check(batch: &mut Batch, from: UserId, people: &[UserId], way: Way) -> Result<(), Abort> {
    for to in people.iter().copied().filter(|to| *to != from) {
        let user = batch.user(to).await?.ok_or(Refusal::NotFound("user"))?;
        let closed = way.asks_inbox() && user.inbox == Circle::Contacts;
        let contact = if closed { batch.contact(to, from).await?.map(|contact| contact.state) } else { None };
        let blocks = way.asks_blocks() && batch.has_blocked(to, from).await?;
        reach::check(way, Stance { user: user.reference(), inbox: user.inbox, contact, blocks })?;
    }
    Ok(())
}
