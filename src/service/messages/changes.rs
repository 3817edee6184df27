//! What changes in messages, decided under the clock.

use crate::domain::conversations::{Conversation, Kind, PostPolicy, Role, direct_key};
use crate::domain::mentions::Named;
use crate::domain::messages::Message;
use crate::domain::reach::Way;
use crate::domain::users::{Status, User};
use crate::domain::{ConversationId, MessageId, Refusal, Seq, UserId};
use crate::service::conversations::{blank, create, find_or_make, join, visible};
use crate::service::{reach, tokens};
use crate::store::{Abort, Batch, Change, Kept, NewMessage, Wants};

/// Where a message goes, with people by number.
#[derive(Debug)]
pub(super) enum Target {
    Conversation(ConversationId),
    Direct(Vec<UserId>),
    Commons { name: &'static str, known: Option<ConversationId>, joins: bool },
}

/// What tells a retry from another message under the same `client_id`.
pub(super) fn body_hash(to: &Target, thread: Option<MessageId>, text: &str) -> i64 {
    // This is stored: what is hashed is written out, so that no change of the code makes a retry another message.
    let to = match to {
        Target::Conversation(id) => format!("conversation {id}"),
        Target::Direct(people) => format!("people {}", direct_key(people)),
        Target::Commons { name, .. } => format!("commons {name}"),
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
    pub named: Named,
    pub thread_id: Option<MessageId>,
    pub client_id: Option<String>,
    pub body_hash: i64,
}

impl Change for Send {
    type Output = (Message, bool);

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.author);
        match &self.to {
            Target::Conversation(id) => {
                wants.post(*id, self.author);
                wants.mentions(Some(*id), &self.named);
            }
            Target::Direct(people) => {
                wants.mentions(None, &self.named);
                wants.direct(people);
                wants.reach(self.author, people, Way::direct(people.len()));
            }
            Target::Commons { known, .. } => {
                wants.mentions(*known, &self.named);
                if let Some(id) = known {
                    wants.post(*id, self.author);
                }
            }
        }
        if let Some(client_id) = &self.client_id {
            wants.client_id(self.author, client_id);
        }
        if let Some(root) = self.thread_id {
            wants.message(root);
        }
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let author = active(batch, self.author).await?.reference();
        if let Some(client_id) = &self.client_id
            && let Some(Kept { message, body_hash, .. }) = batch.sent(self.author, client_id).await?
        {
            // Of what was deleted nothing is left to compare with.
            let same = message.deleted_at.is_some() || body_hash == self.body_hash;
            return if same { Ok((message, false)) } else { Err(Refusal::IdempotencyConflict.into()) };
        }
        let known = match &self.to {
            Target::Conversation(id) => Some(postable(batch, *id, self.author).await?),
            Target::Direct(people) => batch.direct(people).await?,
            Target::Commons { name, known, joins } => {
                let id = find_or_make(batch, name, *known).await?.id;
                if *joins {
                    join(batch, id, self.author).await?;
                }
                Some(postable(batch, id, self.author).await?)
            }
        };
        if let Target::Direct(people) = &self.to {
            reach::check(batch, self.author, people, Way::direct(people.len())).await?;
        }
        let root = match self.thread_id {
            Some(root) => Some(self.root(batch, root, known.as_ref()).await?),
            None => None,
        };
        let conversation = match (known, &self.to) {
            (Some(conversation), _) => conversation,
            (None, Target::Direct(people)) => {
                let members = people.iter().map(|user| (*user, Role::Member)).collect();
                create(batch, blank(Kind::Direct, None, PostPolicy::Members), members).await?
            }
            (None, Target::Conversation(_) | Target::Commons { .. }) => {
                return Err(Refusal::NotFound("conversation").into());
            }
        };
        let mentions = batch.mentioned(conversation.id, batch.upcoming(), &self.named).await?;
        if let Some(root) = root {
            batch.join_thread(&root);
        }
        let message = Message {
            mentions,
            thread_id: self.thread_id,
            client_id: self.client_id.clone(),
            ..Message::by(Some(author), conversation.id, self.text.clone())
        };
        Ok((batch.insert_message(NewMessage { message, body_hash: self.body_hash }), true))
    }

    fn done(&self, (message, new): &(Message, bool)) {
        if *new {
            tracing::info!(
                event.name = "message",
                user.id = self.author.0,
                message.id = message.id.0,
                conversation.id = message.conversation_id.0,
                "sent"
            );
        }
    }
}

impl Send {
    /// Threads are flat: a reply names a root message of the same conversation that its author may read.
    async fn root(&self, batch: &mut Batch, root: MessageId, known: Option<&Conversation>) -> Result<Message, Abort> {
        let conversation = known.ok_or(Refusal::NotFound("message"))?;
        let Kept { message, seq, .. } = batch.message(root).await?.ok_or(Refusal::NotFound("message"))?;
        if message.conversation_id != conversation.id || !sees(batch, self.author, conversation, seq).await? {
            return Err(Refusal::NotFound("message").into());
        }
        if message.thread_id.is_some() {
            return Err(
                Refusal::invalid("thread_id", "This is a reply itself. Give the root message of its thread.").into()
            );
        }
        Ok(message)
    }
}

/// Says one's own message anew.
pub(super) struct Edit {
    pub author: UserId,
    /// The one conversation that the credentials are for.
    pub within: Option<ConversationId>,
    pub id: MessageId,
    pub text: String,
    pub named: Named,
}

impl Change for Edit {
    type Output = Message;

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.author);
        wants.edit(self.id, self.author, &self.named);
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Message, Abort> {
        active(batch, self.author).await?;
        let mut kept = batch.message(self.id).await?.ok_or(Refusal::NotFound("message"))?;
        let id = kept.message.conversation_id;
        let conversation = batch.conversation(id).await?.ok_or(Refusal::NotFound("message"))?;
        let reached = self.within.is_none_or(|only| only == id);
        if !reached || !sees(batch, self.author, &conversation, kept.seq).await? {
            return Err(Refusal::NotFound("message").into());
        }
        if kept.message.author.as_ref().is_none_or(|author| author.id != self.author) {
            return Err(Refusal::NotAuthor.into());
        }
        if kept.message.deleted_at.is_some() {
            return Err(Refusal::MessageDeleted.into());
        }
        let role = batch.role(id, self.author).await?;
        may_post(batch, &conversation, role, self.author).await?;
        if kept.message.text == self.text {
            return Ok(kept.message);
        }
        let named_before = !kept.message.mentions.is_empty();
        kept.message.mentions = batch.mentioned(id, kept.seq, &self.named).await?;
        kept.message.text.clone_from(&self.text);
        kept.message.edited_at = Some(batch.at());
        batch.update_message(&kept, named_before);
        Ok(kept.message)
    }
}

/// An account that is in use.
pub(super) async fn active(batch: &mut Batch, id: UserId) -> Result<&User, Abort> {
    let user = batch.known_user(id).await?.ok_or(Refusal::Unauthorized)?;
    if user.status == Status::Active { Ok(user) } else { Err(Refusal::Suspended.into()) }
}

/// A conversation in which somebody may post.
async fn postable(batch: &mut Batch, id: ConversationId, author: UserId) -> Result<Conversation, Abort> {
    let (conversation, role) = visible(batch, id, author).await?;
    may_post(batch, &conversation, role, author).await?;
    Ok(conversation)
}

/// Refuses who may not say anything in a conversation: by what he is there, or by what the others in it say to him.
async fn may_post(
    batch: &mut Batch,
    conversation: &Conversation,
    role: Option<Role>,
    author: UserId,
) -> Result<(), Abort> {
    conversation.may_post(role.ok_or(Refusal::NotMember)?)?;
    reach::check(batch, author, &conversation.people, Way::direct(conversation.people.len())).await
}

/// Whether somebody may read what was said in a conversation at this place.
pub(super) async fn sees(batch: &mut Batch, user: UserId, conversation: &Conversation, at: Seq) -> Result<bool, Abort> {
    Ok(conversation.kind == Kind::Channel || batch.was_there(user, conversation.id, at).await?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{Crowd, open_counting, together};
    use std::sync::atomic::Ordering;

    /// How many statements it takes when so many people at once say anew what they wrote, each naming another.
    async fn statements(people: i64) -> usize {
        let home = tempfile::tempdir().expect("a directory");
        let (store, statements) = open_counting(home.path()).await;
        let said = together(&store, [Crowd(people)]).await.pop().expect("a crowd").expect("it gathers");
        let edits = |word: &str| -> Vec<Edit> {
            let edit = |(author, message): &(UserId, Message)| {
                let text = format!("{word} to @u{}", author.0 % people);
                let named = Named::in_text(&text);
                Edit { author: *author, within: None, id: message.id, text, named }
            };
            said.iter().map(edit).collect()
        };
        // Once more, so that there is somebody named before to be forgotten.
        together(&store, edits("once")).await;
        statements.store(0, Ordering::Relaxed);
        for ((author, _), edited) in said.iter().zip(together(&store, edits("more")).await) {
            let edited = edited.expect("one's own");
            let named: Vec<i64> = edited.mentions.iter().map(|user| user.id.0).collect();
            assert_eq!(
                (edited.text.as_str(), &named[..]),
                (&*format!("more to @u{}", author.0 % people), &[author.0 % people + 1][..])
            );
        }
        let counted = statements.load(Ordering::Relaxed);
        let snapshot = store.snapshot().await.expect("a snapshot");
        let ids: Vec<MessageId> = said.iter().map(|(_, message)| message.id).collect();
        for kept in snapshot.messages_by_ids(UserId(1), &ids).await.expect("messages") {
            assert!(kept.message.text.starts_with("more") && kept.message.mentions.len() == 1, "{kept:?}");
        }
        counted
    }

    #[tokio::test]
    async fn many_edits_take_no_more_statements_than_a_few() {
        let few = statements(3).await;
        assert!(few > 3, "{few} are counted");
        assert_eq!(statements(40).await, few);
    }
}
