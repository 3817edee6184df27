//! Reading what is said in direct conversations, with the people that it is said among: for older systems, whose messages
//! go to people and not to a place.

use super::lists::{complete, visible, within};
use super::{ListWish, MessageItem};
use crate::domain::messages::Message;
use crate::domain::sessions::Principal;
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, MessageId, Refusal};
use crate::service::{Failure, Services};
use crate::store::{Directs, Kept, MessagePage, Snapshot};
use std::collections::HashMap;

/// A message with the people of its direct conversation, its author among them.
#[derive(Debug)]
pub struct Addressed {
    /// The message.
    pub item: MessageItem,
    /// All who may read it.
    pub people: Vec<UserRef>,
}

/// A thread with the people of its direct conversation.
#[derive(Debug)]
pub struct AddressedThread {
    /// The message that it is about.
    pub root: Message,
    /// How many replies there are.
    pub reply_count: u64,
    /// The newest of them, if there is any.
    pub last_reply: Option<Message>,
    /// All who may read it.
    pub people: Vec<UserRef>,
}

impl Services {
    /// One message of a direct conversation that the caller may read.
    pub async fn direct_message(&self, principal: &Principal, id: MessageId) -> Result<Addressed, Failure> {
        let snapshot = self.store().snapshot().await?;
        let kept = visible(&snapshot, principal, id).await?;
        let found = addressed(&snapshot, principal, vec![kept]).await?.pop();
        snapshot.close().await?;
        Ok(found.ok_or(Refusal::NotFound("message"))?)
    }

    /// Such messages of all direct conversations, newest first, or from `after` on oldest first.
    pub async fn direct_messages(
        &self,
        principal: &Principal,
        wish: ListWish,
        page: MessagePage,
    ) -> Result<Vec<Addressed>, Failure> {
        let wish = ListWish { directs: Some(Directs::All), ..wish };
        let filter = self.filter(principal, &wish).await?;
        let snapshot = self.store().snapshot().await?;
        let filter = within(&snapshot, principal, &wish, filter).await?;
        let found = snapshot.messages(&filter, page).await?;
        let items = addressed(&snapshot, principal, found).await?;
        snapshot.close().await?;
        Ok(items)
    }

    /// The threads of all direct conversations, also those without replies, by what was said last in each.
    pub async fn direct_threads(
        &self,
        principal: &Principal,
        skip: u64,
        limit: u64,
    ) -> Result<Vec<AddressedThread>, Failure> {
        principal.require_read(None)?;
        let snapshot = self.store().snapshot().await?;
        let found = snapshot.threads_in_directs(principal.user, skip, limit).await?;
        let mut all: Vec<MessageId> = found.iter().flat_map(|(root, last)| [*root, *last]).collect();
        all.sort_unstable();
        all.dedup();
        let messages = snapshot.messages_by_ids(principal.user, &all).await?;
        let roots: Vec<MessageId> = found.iter().map(|(root, _)| *root).collect();
        let counts = snapshot.reply_counts(principal.user, &roots).await?;
        let people = people(&snapshot, &messages).await?;
        snapshot.close().await?;
        let messages: HashMap<MessageId, Message> =
            messages.into_iter().map(|kept| (kept.message.id, kept.message)).collect();
        let thread = |(root, last): (MessageId, MessageId)| {
            let root = messages.get(&root)?.clone();
            Some(AddressedThread {
                reply_count: counts.get(&root.id).copied().unwrap_or(0),
                last_reply: messages.get(&last).filter(|last| last.id != root.id).cloned(),
                people: people.get(&root.conversation_id)?.clone(),
                root,
            })
        };
        Ok(found.into_iter().filter_map(thread).collect())
    }
}

/// Those of these messages that stand in direct conversations, complete.
async fn addressed(snapshot: &Snapshot, principal: &Principal, found: Vec<Kept>) -> Result<Vec<Addressed>, Failure> {
    let people = people(snapshot, &found).await?;
    let items = complete(snapshot, principal, found).await?.into_iter();
    let with_people =
        |item: MessageItem| Some(Addressed { people: people.get(&item.message.conversation_id)?.clone(), item });
    Ok(items.filter_map(with_people).collect())
}

/// The people of the direct conversations in which these messages stand.
pub(super) async fn people(
    snapshot: &Snapshot,
    found: &[Kept],
) -> Result<HashMap<ConversationId, Vec<UserRef>>, Failure> {
    let mut places: Vec<ConversationId> = found.iter().map(|kept| kept.message.conversation_id).collect();
    places.sort_unstable();
    places.dedup();
    Ok(snapshot.people_of_directs(&places).await?)
}
