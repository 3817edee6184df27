//! What changes in messages, decided under the clock.

use crate::domain::conversations::{Kind, PostPolicy, Role, direct_key};
use crate::domain::messages::Message;
use crate::domain::reach::Way;
use crate::domain::users::Status;
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp, UserId};
use crate::service::conversations::{blank, create, visible};
use crate::service::{reach, tokens};
use crate::store::{Abort, Batch, Change, Kept, NewMessage, Wants};

/// Where a message goes, with people by number.
#[derive(Debug)]
pub(super) enum Target {
    Conversation(ConversationId),
    Direct(Vec<UserId>),
}

/// What tells a retry from another message under the same `client_id`.
pub(super) fn body_hash(to: &Target, thread: Option<MessageId>, text: &str) -> i64 {
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

/// Posts a message, and makes the direct conversation for it if there is none.
pub(super) struct Send {
    pub author: UserId,
    pub to: Target,
    pub text: String,
    pub thread_id: Option<MessageId>,
    pub client_id: Option<String>,
    pub body_hash: i64,
}

impl Change for Send {
    type Output = (Message, bool);

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.author);
        match &self.to {
            Target::Conversation(id) => wants.post(*id, self.author),
            Target::Direct(people) => {
                wants.direct(people);
                wants.reach(self.author, people, Way::direct(people.len()));
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
        let people = match (&known, &self.to) {
            (_, Target::Direct(people)) => people.as_slice(),
            (Some(conversation), _) => conversation.people.as_slice(),
            (None, _) => &[],
        };
        reach::check(batch, self.author, people, Way::direct(people.len())).await?;
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
