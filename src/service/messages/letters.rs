//! Letters: what one person says to another directly, or to himself, in parts by number, as older systems list it.

use super::addressed::people;
use super::lists::{ListWish, within};
use crate::domain::MessageId;
use crate::domain::messages::Message;
use crate::domain::sessions::Principal;
use crate::domain::users::UserRef;
use crate::service::page::{Leaf, Numbered, locate};
use crate::service::{Failure, Services};
use crate::store::{Directs, Kept, MessagePage, Snapshot};

/// A message with the one person whom it was said to.
#[derive(Debug)]
pub struct Letter {
    /// What was said, by whom and when.
    pub message: Message,
    /// To whom: the other one of the two, or its author where he is alone.
    pub to: UserRef,
}

impl Services {
    /// The letters that the caller wrote or got and wishes to see, oldest first, those deleted left out. A part that
    /// there is not is refused as not found.
    pub async fn letters(
        &self,
        principal: &Principal,
        wish: ListWish,
        leaf: Leaf,
        size: u64,
    ) -> Result<Numbered<Letter>, Failure> {
        let wish = ListWish { directs: Some(Directs::UpToTwo), said: true, ..wish };
        let filter = self.filter(principal, &wish).await?;
        let snapshot = self.store().snapshot().await?;
        let filter = within(&snapshot, principal, &wish, filter).await?;
        let total = snapshot.message_count(&filter).await?;
        let place = locate(leaf, total, size)?;
        let mut found = snapshot.messages(&filter, nearest(place.skip, size, total)).await?;
        found.sort_unstable_by_key(|kept| kept.message.id);
        let items = to_whom(&snapshot, found).await?;
        snapshot.close().await?;
        Ok(Numbered { items, total, number: place.number, numbers: place.numbers })
    }
}

/// A part of a list, reckoned from its nearer end: what is left out is gone through all the same.
fn nearest(skip: u64, size: u64, total: u64) -> MessagePage {
    let after = total.saturating_sub(skip.saturating_add(size));
    if skip <= after {
        return MessagePage { after: Some(MessageId(0)), before: None, skip, limit: size };
    }
    MessagePage { after: None, before: None, skip: after, limit: size.min(total - skip) }
}

/// Messages of direct conversations with whom each was said to, in two statements for all.
async fn to_whom(snapshot: &Snapshot, found: Vec<Kept>) -> Result<Vec<Letter>, Failure> {
    let people = people(snapshot, &found).await?;
    let letter = |Kept { message, .. }: Kept| {
        let author = message.author.as_ref()?;
        let other = people.get(&message.conversation_id)?.iter().find(|user| user.id != author.id);
        let to = other.unwrap_or(author).clone();
        Some(Letter { message, to })
    };
    Ok(found.into_iter().filter_map(letter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a part begins, counted from its end of the list, and how long it is.
    fn reckoned(skip: u64, total: u64) -> (bool, u64, u64) {
        let page = nearest(skip, 20, total);
        (page.after.is_some(), page.skip, page.limit)
    }

    #[test]
    fn a_part_is_reckoned_from_its_nearer_end() {
        assert_eq!(reckoned(0, 0), (true, 0, 20));
        assert_eq!(reckoned(0, 45), (true, 0, 20));
        assert_eq!(reckoned(20, 45), (false, 5, 20));
        assert_eq!(reckoned(40, 45), (false, 0, 5));
        assert_eq!(reckoned(99_980, 100_000), (false, 0, 20));
        assert_eq!(reckoned(40_000, 100_000), (true, 40_000, 20));
    }
}
