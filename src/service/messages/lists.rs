//! Reading messages: one, a conversation's, all that one may read, threads, and what names oneself.

use crate::domain::contacts::all_told;
use crate::domain::conversations::Kind;
use crate::domain::messages::Message;
use crate::domain::search::{Part, Sought};
use crate::domain::sessions::Principal;
use crate::domain::users::{UserRef, Username};
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp, UserId};
use crate::service::page::{self, parse_number};
use crate::service::{Failure, Page, Services};
use crate::store::{Directs, Kept, MessageFilter, MessagePage, Snapshot};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which of the caller's messages a list is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
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

/// Which messages somebody wants to see. All wishes hold together.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a condition by itself, and any of them go together")]
pub struct ListWish {
    /// Of one conversation.
    pub conversation: Option<ConversationId>,
    /// By whom, seen from the caller.
    pub which: MessageBox,
    /// By this user.
    pub sender: Option<String>,
    /// Said directly to this user.
    pub recipient: Option<String>,
    /// Said directly to the caller, by others or by himself.
    pub to_oneself: bool,
    /// Of these direct conversations.
    pub directs: Option<Directs>,
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Not read yet.
    pub unread: bool,
    /// Replies to this message.
    pub thread: Option<MessageId>,
    /// No replies.
    pub roots: bool,
    /// What was not deleted for all: no tombstones.
    pub undeleted: bool,
    /// What somebody said and did not delete: nothing of the system's own, and no tombstones.
    pub said: bool,
    /// But what the system told for this user of his answers, where it shows as said by himself.
    pub not_answers_of: Option<UserRef>,
    /// With these words in them.
    pub sought: Option<Sought>,
}

/// A message as lists show it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MessageItem {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// How many replies there are to it; of a reply nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_count: Option<u64>,
    /// Where words were looked for, what stands around the first of them, in parts; those that are hits say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snippet: Option<Vec<Part>>,
}

/// A thread as lists show it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Thread")]
pub struct ThreadItem {
    /// The message that it is about.
    pub root: Message,
    /// How many replies there are.
    pub reply_count: u64,
    /// The newest of them.
    pub last_reply: Message,
    /// When that was said.
    pub last_activity_at: Timestamp,
}

impl Services {
    /// One message that the caller may read.
    pub async fn message(&self, principal: &Principal, id: MessageId) -> Result<MessageItem, Failure> {
        let snapshot = self.store().snapshot().await?;
        let kept = visible(&snapshot, principal, id).await?;
        let item = complete(&snapshot, principal, vec![kept]).await?.pop();
        snapshot.close().await?;
        Ok(item.ok_or(Refusal::NotFound("message"))?)
    }

    /// The messages of a conversation that the caller may see, newest first, or from `after` on oldest first.
    pub async fn messages_in(
        &self,
        principal: &Principal,
        conversation: ConversationId,
        page: MessagePage,
    ) -> Result<Page<MessageItem>, Failure> {
        let wish = ListWish { conversation: Some(conversation), ..ListWish::default() };
        self.messages(principal, wish, page).await
    }

    /// The replies to a message that the caller may read, oldest first.
    pub async fn replies(
        &self,
        principal: &Principal,
        id: MessageId,
        mut page: MessagePage,
    ) -> Result<Page<MessageItem>, Failure> {
        if page.before.is_none() {
            page.after = page.after.or(Some(MessageId(0)));
        }
        self.messages(principal, ListWish { thread: Some(id), ..ListWish::default() }, page).await
    }

    /// The messages that the caller may read and wishes to, newest first, or from `after` on oldest first.
    pub async fn messages(
        &self,
        principal: &Principal,
        wish: ListWish,
        page: MessagePage,
    ) -> Result<Page<MessageItem>, Failure> {
        let filter = self.filter(principal, &wish).await?;
        let snapshot = self.store().snapshot().await?;
        let filter = within(&snapshot, principal, &wish, filter).await?;
        let found = snapshot.messages(&filter, page).await?;
        let head = snapshot.head();
        let next = page::next(&found, page.limit, |last| last.message.id.to_string());
        let mut items = complete(&snapshot, principal, found).await?;
        snapshot.close().await?;
        if let Some(sought) = &wish.sought {
            for item in &mut items {
                item.snippet = Some(sought.snippet(&item.message.text));
            }
        }
        Ok(Page { items, next, head })
    }

    /// How many messages such a list has in all.
    pub async fn message_count(&self, principal: &Principal, wish: ListWish) -> Result<u64, Failure> {
        let filter = self.filter(principal, &wish).await?;
        let snapshot = self.store().snapshot().await?;
        let filter = within(&snapshot, principal, &wish, filter).await?;
        let count = snapshot.message_count(&filter).await?;
        snapshot.close().await?;
        Ok(count)
    }

    /// The threads in which the caller takes part, by last activity. `cursor` is the `next` of the part before.
    pub async fn threads(
        &self,
        principal: &Principal,
        conversation: Option<ConversationId>,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<ThreadItem>, Failure> {
        let conversation = conversation.or(principal.bound_to());
        principal.require_read(conversation)?;
        let below = cursor.map(parse_number).transpose()?.map(MessageId);
        let snapshot = self.store().snapshot().await?;
        if let Some(id) = conversation {
            readable(&snapshot, principal, id).await?;
        }
        let found = snapshot.threads_of(principal.user, conversation, below, limit).await?;
        let roots: Vec<MessageId> = found.iter().map(|(root, _)| *root).collect();
        let counts = snapshot.reply_counts(principal.user, &roots).await?;
        let all: Vec<MessageId> = found.iter().flat_map(|(root, last)| [*root, *last]).collect();
        let mut messages: std::collections::HashMap<MessageId, Message> = snapshot
            .messages_by_ids(principal.user, &all)
            .await?
            .into_iter()
            .map(|kept| (kept.message.id, kept.message))
            .collect();
        let head = snapshot.head();
        snapshot.close().await?;
        let next = page::next(&found, limit, |(_, last)| last.to_string());
        let items = found.into_iter().filter_map(|(root, last)| {
            let (root, last_reply) = (messages.remove(&root)?, messages.remove(&last)?);
            let (reply_count, last_activity_at) = (*counts.get(&root.id)?, last_reply.created_at);
            Some(ThreadItem { root, reply_count, last_reply, last_activity_at })
        });
        Ok(Page { items: items.collect(), next, head })
    }

    /// The messages that name the caller, newest first, or from `after` on oldest first.
    pub async fn mentions(&self, principal: &Principal, page: MessagePage) -> Result<Page<MessageItem>, Failure> {
        principal.require_read(None)?;
        let snapshot = self.store().snapshot().await?;
        let found = snapshot.mentions(principal.user, page).await?;
        let head = snapshot.head();
        let next = page::next(&found, page.limit, |last| last.message.id.to_string());
        let items = complete(&snapshot, principal, found).await?;
        snapshot.close().await?;
        Ok(Page { items, next, head })
    }

    /// The messages that the caller has hidden from himself, by number, behind one.
    pub async fn hidden_messages(
        &self,
        principal: &Principal,
        after: MessageId,
        limit: u64,
    ) -> Result<Page<MessageId>, Failure> {
        principal.require_full()?;
        let snapshot = self.store().snapshot().await?;
        let items = snapshot.hidden_of(principal.user, after, limit).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        Ok(Page { items, next: None, head })
    }

    /// What of a wish can be told without looking at conversations.
    pub(super) async fn filter(&self, principal: &Principal, wish: &ListWish) -> Result<MessageFilter, Failure> {
        let own = Some(principal.user);
        let sender = self.named("sender", wish.sender.as_deref()).await?;
        let named = self.named("recipient", wish.recipient.as_deref()).await?;
        let recipient = named.or(own.filter(|_| wish.to_oneself));
        let author = own.filter(|_| wish.which == MessageBox::Sent);
        Ok(MessageFilter {
            viewer: principal.user,
            conversation: None,
            author: author.or(sender),
            // Two who are not the same have written nothing together.
            nobody: author.is_some() && sender.is_some() && author != sender || wish.to_oneself && recipient != own,
            not_author: own.filter(|_| wish.which == MessageBox::Inbox),
            recipient,
            directs: wish.directs,
            unread: wish.unread,
            since: wish.since,
            until: wish.until,
            thread: wish.thread,
            roots: wish.roots,
            undeleted: wish.undeleted,
            said: wish.said,
            not_told: wish.not_answers_of.as_ref().map(all_told).unwrap_or_default(),
            sought: wish.sought.clone(),
        })
    }

    async fn named(&self, field: &'static str, name: Option<&str>) -> Result<Option<UserId>, Failure> {
        let Some(name) = name else { return Ok(None) };
        let parsed = Username::parse(field, name)?;
        let unknown = || Refusal::UnknownNames { field, names: vec![name.to_owned()] };
        Ok(Some(self.known(&parsed).await?.ok_or_else(unknown)?.id))
    }
}

/// The conversation that a list is about, if it is one that the caller may read.
pub(super) async fn within(
    snapshot: &Snapshot,
    principal: &Principal,
    wish: &ListWish,
    mut filter: MessageFilter,
) -> Result<MessageFilter, Failure> {
    let mut conversation = wish.conversation.or(principal.bound_to());
    if let Some(root) = wish.thread {
        let root = visible(snapshot, principal, root).await?;
        let here = root.message.conversation_id;
        filter.nobody |= conversation.is_some_and(|other| other != here);
        conversation = Some(here);
    }
    principal.require_read(conversation)?;
    if let Some(id) = conversation {
        filter.conversation = Some((id, readable(snapshot, principal, id).await?));
    }
    Ok(filter)
}

/// Refuses a conversation of which the caller may read nothing. Whether it is public.
async fn readable(snapshot: &Snapshot, principal: &Principal, id: ConversationId) -> Result<bool, Failure> {
    let found = snapshot.conversation(id).await?.ok_or(Refusal::NotFound("conversation"))?;
    let public = found.kind == Kind::Channel;
    // Who was once in it may read what came while he was.
    if !public && snapshot.stays_in(principal.user, id).await?.is_empty() {
        return Err(Refusal::NotFound("conversation").into());
    }
    Ok(public)
}

/// A message that the caller may read and has not hidden from himself.
pub(super) async fn visible(snapshot: &Snapshot, principal: &Principal, id: MessageId) -> Result<Kept, Failure> {
    if !principal.is_anonymous() {
        principal.require_read(principal.bound_to())?;
    }
    let place = snapshot.readable(principal.user, &[id]).await?.remove(&id).ok_or(Refusal::NotFound("message"))?;
    principal.require_read(Some(place)).map_err(|_| Refusal::NotFound("message"))?;
    if snapshot.is_hidden(principal.user, id).await? {
        return Err(Refusal::NotFound("message").into());
    }
    Ok(snapshot.messages_by_ids(principal.user, &[id]).await?.pop().ok_or(Refusal::NotFound("message"))?)
}

/// Messages with how many replies there are to each.
pub(super) async fn complete(
    snapshot: &Snapshot,
    principal: &Principal,
    found: Vec<Kept>,
) -> Result<Vec<MessageItem>, Failure> {
    let roots = found.iter().map(|kept| &kept.message).filter(|message| message.thread_id.is_none());
    let roots: Vec<MessageId> = roots.map(|message| message.id).collect();
    let counts = snapshot.reply_counts(principal.user, &roots).await?;
    let item = |message: Message| MessageItem {
        reply_count: message.thread_id.is_none().then(|| counts.get(&message.id).copied().unwrap_or(0)),
        message,
        snippet: None,
    };
    Ok(found.into_iter().map(|kept| item(kept.message)).collect())
}
