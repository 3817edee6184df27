//! Messages: sending, reading one, and listing.

mod changes;
mod deletions;

use super::{Failure, Page, Services};
use crate::domain::conversations::{DIRECT_LIMIT, Kind};
use crate::domain::messages::{Message, check_client_id, check_text};
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, MessageId, Refusal, UserId};
use crate::store::{MessageFilter, MessagePage};
use changes::{Send, Target, body_hash};
use deletions::EraseOf;
use serde::Deserialize;

/// Where a message goes.
#[derive(Debug, Clone)]
pub enum Destination {
    /// Into a conversation.
    Conversation(ConversationId),
    /// To these people, by name: into their direct conversation, which is made if there is none.
    People(Vec<String>),
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

/// Which of the caller's messages a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MessageBox {
    /// All.
    #[default]
    All,
    /// By others.
    Inbox,
    /// By the caller.
    Sent,
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
                people.sort_unstable();
                Target::Direct(people)
            }
        };
        let change = Send {
            author: principal.user,
            body_hash: body_hash(&to, outgoing.thread_id, &outgoing.text),
            to,
            text: outgoing.text,
            thread_id: outgoing.thread_id,
            client_id: outgoing.client_id,
        };
        self.submit_as(principal, change)
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

    /// One message that the caller may read.
    pub async fn message(&self, principal: &Principal, id: MessageId) -> Result<Message, Failure> {
        if !principal.is_anonymous() {
            principal.require_read(principal.bound_to())?;
        }
        let snapshot = self.store().snapshot().await?;
        let kept = snapshot.message(id).await?.ok_or(Refusal::NotFound("message"))?;
        let conversation_id = kept.message.conversation_id;
        principal.require_read(Some(conversation_id)).map_err(|_| Refusal::NotFound("message"))?;
        let conversation = snapshot.conversation(conversation_id).await?;
        let public = conversation.is_some_and(|conversation| conversation.kind == Kind::Channel);
        let stays = snapshot.stays_in(principal.user, conversation_id).await?;
        snapshot.close().await?;
        if public || stays.iter().any(|stay| stay.covers(kept.seq)) {
            Ok(kept.message)
        } else {
            Err(Refusal::NotFound("message").into())
        }
    }

    /// The messages of a conversation that the caller may see, newest first, or from `after` on oldest first.
    pub async fn messages_in(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        page: MessagePage,
    ) -> Result<Page<Message>, Failure> {
        self.messages(principal, Some(conversation), MessageBox::All, page).await
    }

    /// The messages that the caller may read: of one conversation or of all of his, by himself, by others, or all.
    pub async fn messages(
        &self,
        principal: &Principal,
        conversation: Option<ConversationId>,
        which: MessageBox,
        page: MessagePage,
    ) -> Result<Page<Message>, Failure> {
        let conversation = conversation.or(principal.bound_to());
        principal.require_read(conversation)?;
        let snapshot = self.store().snapshot().await?;
        let within = match conversation {
            Some(id) => {
                let found = snapshot.conversation(id).await?;
                let found = found.ok_or(Refusal::NotFound("conversation"))?;
                let public = found.kind == Kind::Channel;
                // Who was once in it may read what came while he was.
                if !public && snapshot.stays_in(principal.user, id).await?.is_empty() {
                    return Err(Refusal::NotFound("conversation").into());
                }
                Some((id, public))
            }
            None => None,
        };
        let own = Some(principal.user);
        let filter = MessageFilter {
            viewer: principal.user,
            conversation: within,
            author: own.filter(|_| which == MessageBox::Sent),
            not_author: own.filter(|_| which == MessageBox::Inbox),
        };
        let found = snapshot.messages(&filter, page).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let full = found.len() as u64 == page.limit;
        let next = found.last().filter(|_| full).map(|last| last.message.id.to_string());
        Ok(Page { items: found.into_iter().map(|kept| kept.message).collect(), next, head })
    }
}
