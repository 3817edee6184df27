//! Messages in a batch: posting, editing and deleting them, who is named in them, and from whom they are hidden.

use super::{Abort, Batch, NewMessage};
use crate::domain::events::{Deleted, Happening, Hidden, Topic};
use crate::domain::mentions::Named;
use crate::domain::messages::{Message, erased_payload};
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, MessageId, Seq, UserId};
use crate::store::messages::Kept;
use crate::store::sizes::ROWS;
use crate::store::{events, hidden, mentions, messages, threads, users, words};
use sea_orm::DbErr;
use std::collections::{HashMap, HashSet};

impl Batch {
    pub(super) async fn prefetch_messages(&mut self, ids: Vec<MessageId>) -> Result<(), DbErr> {
        if ids.is_empty() {
            return Ok(());
        }
        let found = messages::by_ids(&self.db, &ids).await?;
        self.set.messages.extend(ids.into_iter().map(|id| (id, None)));
        self.set.messages.extend(found.into_iter().map(|kept| (kept.message.id, Some(kept))));
        Ok(())
    }

    pub(super) async fn prefetch_names(&mut self, keys: Vec<String>) -> Result<(), DbErr> {
        for some in keys.chunks(ROWS) {
            self.set.names.extend(some.iter().map(|key| (key.clone(), None)));
            for user in users::by_names(&self.db, some).await? {
                self.set.names.insert(user.username.key(), Some(user.id));
                self.set.users.insert(user.id, user);
            }
        }
        Ok(())
    }

    /// A message by number, with the place at which it came.
    pub async fn message(&mut self, id: MessageId) -> Result<Option<Kept>, Abort> {
        Ok(self.messages(&[id]).await?.pop())
    }

    /// Those of these messages that there are.
    pub async fn messages(&mut self, ids: &[MessageId]) -> Result<Vec<Kept>, Abort> {
        let missing: Vec<_> = ids.iter().filter(|id| !self.set.messages.contains_key(id)).copied().collect();
        if !missing.is_empty() {
            self.write_pending().await?;
            self.prefetch_messages(missing).await?;
        }
        Ok(ids.iter().filter_map(|id| self.set.messages.get(id)?.clone()).collect())
    }

    /// The messages of an author after one that are not deleted, oldest first.
    pub async fn messages_of(&mut self, author: UserId, after: MessageId, most: u64) -> Result<Vec<Kept>, Abort> {
        self.write_pending().await?;
        Ok(messages::of_author(&self.db, author, after, most).await?)
    }

    /// Whether a user was in a conversation when something happened there.
    pub async fn was_there(&mut self, user: UserId, conversation: ConversationId, at: Seq) -> Result<bool, Abort> {
        Ok(self.stays_around(user, conversation, at).await?.iter().any(|stay| stay.covers(at)))
    }

    /// Who is named, of those who are in the conversation and see what stands at this place; by number.
    pub async fn mentioned(
        &mut self,
        conversation: ConversationId,
        at: Seq,
        named: &Named,
    ) -> Result<Vec<UserRef>, Abort> {
        if named.is_empty() {
            return Ok(Vec::new());
        }
        let missing: Vec<_> = named.keys().filter(|key| !self.set.names.contains_key(*key)).cloned().collect();
        let people = |names: &HashMap<String, Option<UserId>>| -> Vec<(ConversationId, UserId)> {
            named.keys().filter_map(|key| *names.get(key)?).map(|user| (conversation, user)).collect()
        };
        if !missing.is_empty() {
            self.write_pending().await?;
            self.prefetch_names(missing).await?;
        }
        let mut unknown = people(&self.set.names);
        unknown.retain(|pair| !self.set.stays.contains_key(pair));
        if !unknown.is_empty() {
            self.write_pending().await?;
            self.prefetch_stays(&unknown).await?;
        }
        let mut mentioned = named.resolve(|key| {
            let user = (*self.set.names.get(key)?)?;
            let stay = (*self.set.stays.get(&(conversation, user))?)?;
            (stay.joined <= at).then_some(user)
        });
        mentioned.sort_unstable();
        let mut references = Vec::with_capacity(mentioned.len());
        for user in mentioned {
            references.extend(self.user(user).await?.map(|user| user.reference()));
        }
        Ok(references)
    }

    /// Posts a message: its row and its event, with the same moment. Returns it with its number.
    pub fn insert_message(&mut self, new: NewMessage) -> Message {
        self.clock.last_message.0 += 1;
        let message = Message { id: self.clock.last_message, created_at: self.at, ..new.message };
        let kept = Kept { message, seq: self.upcoming(), edited_seq: None, body_hash: new.body_hash };
        self.pending.messages.push(messages::row(&kept));
        self.pending.message_words.extend(words::row(&kept.message));
        self.note_people(&kept.message);
        if let (Some(author), Some(client_id)) = (&kept.message.author, &kept.message.client_id) {
            self.set.client_ids.insert((author.id, client_id.clone()), Some(kept.clone()));
        }
        // It may have been looked for before it was there.
        if let Some(known) = self.set.messages.get_mut(&kept.message.id) {
            *known = Some(kept.clone());
        }
        let topic = Topic::Conversation(kept.message.conversation_id);
        let happening = Happening::MessageCreated(kept.message);
        self.emit(topic, &happening);
        match happening {
            Happening::MessageCreated(message) => message,
            _ => unreachable!("it was made two lines above"),
        }
    }

    /// Who is named in a message, who replies and whoever named takes part in its thread.
    fn note_people(&mut self, message: &Message) {
        self.pending.mentions.extend(mentions::rows(message));
        let author = message.author.as_ref().filter(|_| message.thread_id.is_some());
        let people = message.mentions.iter().chain(author);
        let thread = message.thread_id.unwrap_or(message.id);
        self.pending.threads.extend(people.map(|user| threads::row(user.id, thread)));
    }

    /// Lets the author of a message take part in the thread that a reply to it makes.
    pub fn join_thread(&mut self, root: &Message) {
        self.pending.threads.extend(root.author.iter().map(|author| threads::row(author.id, root.id)));
    }

    /// Says a message anew: what it says now, and its event. Earlier events keep what it said before, which is history,
    /// until it is deleted. `named_before` says whether it named anybody until now.
    pub fn update_message(&mut self, kept: &Kept, named_before: bool) {
        let kept = Kept { edited_seq: Some(self.upcoming()), ..kept.clone() };
        let message = kept.message.clone();
        self.pending.message_words.retain(|row| row.message_id.as_ref() != &message.id.0);
        self.pending.reworded.push(message.id);
        self.pending.message_words.extend(words::row(&message));
        if named_before {
            // It may have been said in this batch.
            self.pending.mentions.retain(|row| row.message_id.as_ref() != &message.id.0);
            self.pending.unnamed.push(message.id);
        }
        self.note_people(&message);
        self.remember(&kept);
        self.pending.edited.insert(message.id, kept);
        self.emit(Topic::Conversation(message.conversation_id), &Happening::MessageUpdated(message));
    }

    /// Deletes messages for all. What they said is gone with this transaction from their rows, from who was named in
    /// them, from their events in the log, and from those that this batch has yet to hand over.
    pub fn erase_messages(&mut self, all: Vec<Kept>) {
        let at = self.at;
        let ids: HashSet<MessageId> = all.iter().map(|kept| kept.message.id).collect();
        for record in &mut self.records {
            if record.message.is_some_and(|id| ids.contains(&id)) {
                record.data = erased_payload(&record.data, at);
            }
        }
        for mut kept in all {
            self.pending.erased.push((kept.message.id, !kept.message.mentions.is_empty()));
            kept.erase(at);
            self.remember(&kept);
            let Message { id, conversation_id, thread_id, .. } = kept.message;
            let deleted = Deleted { id, conversation_id, thread_id, deleted_at: at };
            self.emit(Topic::Conversation(conversation_id), &Happening::MessageDeleted(deleted));
        }
    }

    /// Empties what the database holds of the messages that were deleted, once it holds all that this batch wrote.
    pub(super) async fn erase_pending(&mut self) -> Result<(), DbErr> {
        let erased = std::mem::take(&mut self.pending.erased);
        self.erased |= !erased.is_empty();
        for some in erased.chunks(ROWS) {
            let ids: Vec<MessageId> = some.iter().map(|(id, _)| *id).collect();
            let naming: Vec<MessageId> = some.iter().filter(|(_, names)| *names).map(|(id, _)| *id).collect();
            messages::erase(&self.db, &ids, self.at).await?;
            events::erase(&self.db, &ids, self.at).await?;
            words::forget(&self.db, &ids).await?;
            if !naming.is_empty() {
                mentions::forget(&self.db, &naming).await?;
            }
        }
        Ok(())
    }

    /// Hides messages from a user, those that he has not hidden yet, and says which these are.
    pub async fn hide_messages(&mut self, user: UserId, all: &[Message]) -> Result<Vec<MessageId>, Abort> {
        self.ensure_hidden(all.iter().map(|message| (user, message.id))).await?;
        let mut new = Vec::new();
        for message in all {
            if self.set.hidden.insert((user, message.id), true) == Some(true) {
                continue;
            }
            new.push(message.id);
            self.pending.hidden.push(hidden::row(user, message.id));
            let hidden = Hidden { id: message.id, conversation_id: message.conversation_id };
            self.emit(Topic::User(user), &Happening::MessageHidden(hidden));
        }
        Ok(new)
    }

    /// Lets the rest of the batch see a message as it is now.
    fn remember(&mut self, kept: &Kept) {
        if let Some(known) = self.set.messages.get_mut(&kept.message.id) {
            *known = Some(kept.clone());
        }
        if let (Some(author), Some(client_id)) = (&kept.message.author, &kept.message.client_id)
            && let Some(known) = self.set.client_ids.get_mut(&(author.id, client_id.clone()))
        {
            *known = Some(kept.clone());
        }
    }
}
