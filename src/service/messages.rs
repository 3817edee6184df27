//! Messages: sending, editing and deleting.

mod addressed;
mod changes;
mod deletions;
mod letters;
mod lists;
mod received;

use super::{Failure, Services};
use crate::domain::conversations::DIRECT_LIMIT;
use crate::domain::deletion::Audience;
use crate::domain::mentions::Named;
use crate::domain::messages::{Message, check_client_id, check_text};
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, MessageId, Refusal, UserId};
use changes::{Edit, Send, Target, body_hash};
use deletions::{Delete, EraseOf};

pub use addressed::{Addressed, AddressedThread};
pub use deletions::Deletions;
pub use letters::Letter;
pub use lists::{ListWish, MessageBox, MessageItem, ThreadItem};

/// The most messages that one call deletes.
pub const DELETE_LIMIT: usize = 500;

/// Where a message goes.
#[derive(Debug, Clone)]
pub enum Destination {
    /// Into a conversation.
    Conversation(ConversationId),
    /// To these people, by name: into their direct conversation, which is made if there is none.
    People(Vec<String>),
    /// The same to one whose number is known.
    Person(UserId),
    /// Into the public channel of this name, which the server makes if there is none. Whoever sends joins it.
    Commons(&'static str),
}

/// What somebody sends.
#[derive(Debug, Clone)]
pub struct Outgoing {
    /// Where to.
    pub to: Destination,
    /// What.
    pub text: String,
    /// In reply to which root message.
    pub thread_id: Option<MessageId>,
    /// The author's own name for it, under which a retry is the same message.
    pub client_id: Option<String>,
}

impl Services {
    /// Sends. The flag says whether it is new: a retry under the same `client_id` gives the first message back.
    pub async fn send(&self, principal: &Principal, outgoing: Outgoing) -> Result<(Message, bool), Failure> {
        self.send_in_turn(principal, outgoing).await?.await
    }

    /// Sends as far as the message's turn is taken, and gives back what waits for the rest: who calls this one message
    /// after the other has them posted in that order, without waiting for each.
    pub async fn send_in_turn(
        &self,
        principal: &Principal,
        outgoing: Outgoing,
    ) -> Result<impl Future<Output = Result<(Message, bool), Failure>> + use<>, Failure> {
        check_text(&outgoing.text)?;
        if let Some(client_id) = &outgoing.client_id {
            check_client_id(client_id)?;
        }
        let to = match outgoing.to {
            Destination::Conversation(id) => {
                principal.require_send(Some(id))?;
                Target::Conversation(id)
            }
            Destination::People(names) => {
                principal.require_send(None)?;
                if names.is_empty() {
                    return Err(Refusal::invalid("to", "Name at least one person.").into());
                }
                let mut people = self.people("to", &names).await?;
                if !people.contains(&principal.user) {
                    people.push(principal.user);
                }
                if people.len() > DIRECT_LIMIT {
                    let reason = format!("A direct conversation has at most {DIRECT_LIMIT} people. Make a group.");
                    return Err(Refusal::invalid("to", reason).into());
                }
                Target::Direct(people)
            }
            Destination::Person(user) => {
                principal.require_send(None)?;
                let mut people = vec![user, principal.user];
                people.dedup();
                Target::Direct(people)
            }
            Destination::Commons(name) => {
                let known = self.find_commons(name).await?;
                principal.require_send(known)?;
                // Keys do not join for their users.
                Target::Commons { name, known, joins: principal.require_full().is_ok() }
            }
        };
        let change = Send {
            author: principal.user,
            body_hash: body_hash(&to, outgoing.thread_id, &outgoing.text),
            to,
            named: Named::in_text(&outgoing.text),
            text: outgoing.text,
            thread_id: outgoing.thread_id,
            client_id: outgoing.client_id,
        };
        let author = principal.user;
        let sent = self.submit_as(principal, change)?;
        let services = self.clone();
        Ok(async move {
            let (message, new) = sent.await?;
            if new {
                let place = message.conversation_id;
                services.inner.typing.end(author, place);
            }
            Ok((message, new))
        })
    }

    /// Says one of the caller's own messages anew. A key may do so where it may send.
    pub async fn edit(&self, principal: &Principal, id: MessageId, text: String) -> Result<Message, Failure> {
        check_text(&text)?;
        principal.require_send(principal.bound_to())?;
        let named = Named::in_text(&text);
        self.submit_as(principal, Edit { author: principal.user, within: principal.bound_to(), id, text, named })?.await
    }

    /// Deletes one message: unless said otherwise, one's own for all, and another's for oneself.
    pub async fn delete(
        &self,
        principal: &Principal,
        id: MessageId,
        audience: Option<Audience>,
    ) -> Result<(), Failure> {
        let done = self.delete_all(principal, vec![id], audience).await?;
        if !done.not_found.is_empty() {
            return Err(Refusal::NotFound("message").into());
        }
        if done.not_allowed.is_empty() { Ok(()) } else { Err(Refusal::NotAuthor.into()) }
    }

    /// Deletes several messages as one change, and says what became of each. With a key only what its user wrote.
    pub async fn delete_all(
        &self,
        principal: &Principal,
        mut ids: Vec<MessageId>,
        audience: Option<Audience>,
    ) -> Result<Deletions, Failure> {
        if ids.is_empty() || ids.len() > DELETE_LIMIT {
            let reason = format!("Give the numbers of 1 to {DELETE_LIMIT} messages.");
            return Err(Refusal::invalid("ids", reason).into());
        }
        principal.require_send(principal.bound_to())?;
        ids.sort_unstable();
        ids.dedup();
        let snapshot = self.store().snapshot().await?;
        let mut readable = snapshot.readable(principal.user, &ids).await?;
        snapshot.close().await?;
        readable.retain(|_, conversation| principal.bound_to().is_none_or(|only| only == *conversation));
        let not_found: Vec<MessageId> = ids.into_iter().filter(|id| !readable.contains_key(id)).collect();
        // The clock is for what changes something: there is no waiting for it to be told that there is nothing.
        if readable.is_empty() {
            return Ok(Deletions { not_found, ..Deletions::default() });
        }
        let own_only = principal.require_full().is_err();
        let readable = readable.into_iter().collect();
        let change = Delete { by: principal.user, own_only, readable, audience };
        let mut done = self.submit_as(principal, change)?.await?;
        done.not_found.extend(not_found);
        done.not_found.sort_unstable();
        Ok(done)
    }

    /// Deletes for all what a user wrote after a message, oldest first and at most so many, as one change. Gives the
    /// last of them to go on behind, and none when nothing is left: whoever was interrupted begins anew.
    pub async fn erase_messages_of(
        &self,
        author: UserId,
        after: MessageId,
        most: u64,
    ) -> Result<Option<MessageId>, Failure> {
        self.sequencer().submit(EraseOf { author, after, most }).await
    }
}
