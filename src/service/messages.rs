//! Messages: sending, reading one, and listing.

use super::conversations::{blank, create, visible};
use super::{Failure, Page, Services, tokens};
use crate::domain::conversations::{DIRECT_LIMIT, Kind, PostPolicy, Role, direct_key};
use crate::domain::messages::{Message, check_client_id, check_text};
use crate::domain::sessions::Principal;
use crate::domain::users::Status;
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp, UserId};
use crate::store::{Abort, Batch, Change, Kept, MessageFilter, MessagePage, NewMessage, Wants};
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

#[derive(Debug)]
enum Target {
    Conversation(ConversationId),
    Direct(Vec<UserId>),
}

/// What tells a retry from another message under the same `client_id`.
fn body_hash(to: &Target, thread: Option<MessageId>, text: &str) -> i64 {
    // This is stored: what is hashed is written out, so that no change of the code makes a retry another message.
    let to = match to {
        Target::Conversation(id) => format!("conversation {id}"),
        Target::Direct(people) => format!("people {}", direct_key(people)),
    };
    let thread = thread.map_or(0, |thread| thread.0);
    let hash = tokens::hash(format!("{to}\n{thread}\n{text}").as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(first)
}

struct Send {
    author: UserId,
    to: Target,
    text: String,
    thread_id: Option<MessageId>,
    client_id: Option<String>,
    body_hash: i64,
}

impl Change for Send {
    type Output = (Message, bool);

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.author);
        match &self.to {
            Target::Conversation(id) => wants.membership(*id, self.author),
            Target::Direct(people) => {
                wants.direct(people);
                for user in people {
                    wants.user(*user);
                }
            }
        }
        if let Some(client_id) = &self.client_id {
            wants.client_id(self.author, client_id);
        }
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let author = batch.user(self.author).await?.ok_or(Refusal::Unauthorized)?;
        if author.status != Status::Active {
            return Err(Refusal::Suspended.into());
        }
        if let Some(client_id) = &self.client_id
            && let Some(Kept { message, body_hash, .. }) = batch.sent(self.author, client_id).await?
        {
            let same = body_hash == self.body_hash;
            return if same { Ok((message, false)) } else { Err(Refusal::IdempotencyConflict.into()) };
        }
        let known = match &self.to {
            Target::Conversation(id) => {
                let (conversation, role) = visible(batch, *id, self.author).await?;
                conversation.may_post(role.ok_or(Refusal::NotMember)?)?;
                Some(conversation)
            }
            Target::Direct(people) => batch.direct(people).await?,
        };
        if let Some(root) = self.thread_id {
            let conversation = known.as_ref().map(|conversation| conversation.id);
            self.check_root(batch, root, conversation).await?;
        }
        let conversation = match (known, &self.to) {
            (Some(conversation), _) => conversation,
            (None, Target::Direct(people)) => {
                let members = people.iter().map(|user| (*user, Role::Member)).collect();
                create(batch, blank(Kind::Direct, None, PostPolicy::Members), members).await?
            }
            (None, Target::Conversation(_)) => return Err(Refusal::NotFound("conversation").into()),
        };
        let message = Message {
            id: MessageId(0),
            conversation_id: conversation.id,
            author: Some(author.reference()),
            text: self.text.clone(),
            thread_id: self.thread_id,
            created_at: Timestamp(0),
            edited_at: None,
            client_id: self.client_id.clone(),
        };
        Ok((batch.insert_message(NewMessage { message, body_hash: self.body_hash }), true))
    }
}

impl Send {
    /// Threads are flat: a reply names a root message of the same conversation that its author may read.
    async fn check_root(
        &self,
        batch: &mut Batch,
        root: MessageId,
        conversation: Option<ConversationId>,
    ) -> Result<(), Abort> {
        let here = |kept: &Kept| Some(kept.message.conversation_id) == conversation;
        let root = batch.message(root).await?.filter(here).ok_or(Refusal::NotFound("message"))?;
        let id = root.message.conversation_id;
        let public = batch.conversation(id).await?.is_some_and(|conversation| conversation.kind == Kind::Channel);
        if !public && !batch.stays_in(self.author, id).await?.iter().any(|stay| stay.covers(root.seq)) {
            return Err(Refusal::NotFound("message").into());
        }
        if root.message.thread_id.is_some() {
            return Err(
                Refusal::invalid("thread_id", "This is a reply itself. Give the root message of its thread.").into()
            );
        }
        Ok(())
    }
}
