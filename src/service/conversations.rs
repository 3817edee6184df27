//! Conversations: making them, seeing them, coming, going, and having a say.

mod changes;
mod commons;
mod kept;
mod named;

use super::page::{self, parse_pair};
use super::{Failure, Page, Services};
use crate::domain::conversations::{
    Conversation, DIRECT_LIMIT, FIRST_MEMBERS_LIMIT, Kind, LISTED_MEMBERS_LIMIT, Member, PostPolicy, Role, name_key,
    parse_name,
};
use crate::domain::events::ConversationView;
use crate::domain::messages::Message;
use crate::domain::receipts::UNREAD_LIMIT;
use crate::domain::sessions::Principal;
use crate::domain::users::{User, Username};
use crate::domain::{ConversationId, MessageId, Refusal, UserId};
use crate::store::Snapshot;
use changes::{Add, Create, Remove, SetRole, Update};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{HashMap, HashSet};

pub use kept::{KeptConversation, StayView};
pub use named::{NamedGroup, NewGroup};

pub(super) use changes::{blank, create, leave, reference, visible};
pub(super) use commons::{find_or_make, join};

/// What somebody asks for who makes a conversation.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Direct, group or channel.
    pub kind: Kind,
    /// Its name.
    pub name: Option<String>,
    /// Who may post.
    pub post: PostPolicy,
    /// Who else is in it, by name.
    pub members: Vec<String>,
}

/// A conversation as lists show it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ConversationItem {
    /// The conversation and who is in it.
    #[serde(flatten)]
    pub conversation: ConversationView,
    /// How many are in it.
    pub member_count: u64,
    /// What was said last.
    pub last_message: Option<Message>,
    /// How many unread messages name the caller.
    pub mention_count: u64,
    /// How many messages the caller has not read. 10,000 stands for that many or more.
    #[schemars(range(max = UNREAD_LIMIT))]
    pub unread: u64,
    /// Through which message he has read, if any.
    pub last_read_id: Option<MessageId>,
}

impl Services {
    /// Makes a conversation. A direct one that exists already is given back; the flag says whether it is new.
    pub async fn create_conversation(
        &self,
        principal: &Principal,
        wanted: Wanted,
    ) -> Result<(ConversationItem, bool), Failure> {
        principal.require_full()?;
        let name = parse_name(wanted.kind, wanted.name.as_deref())?;
        if wanted.kind == Kind::Direct && wanted.post == PostPolicy::Owners {
            return Err(Refusal::invalid("post", "In a direct conversation everybody may post.").into());
        }
        let others = self.people("members", &wanted.members).await?;
        let mut people = vec![principal.user];
        people.extend(others.into_iter().filter(|user| *user != principal.user));
        if wanted.kind == Kind::Direct && people.len() > DIRECT_LIMIT {
            let reason = format!("A direct conversation has at most {DIRECT_LIMIT} people. Make a group instead.");
            return Err(Refusal::invalid("members", reason).into());
        }
        let change = Create { creator: principal.user, kind: wanted.kind, name, post: wanted.post, people };
        let (id, new) = self.submit_as(principal, change)?.await?;
        Ok((self.conversation(principal, id).await?, new))
    }

    /// One conversation that the caller may see.
    pub async fn conversation(&self, principal: &Principal, id: ConversationId) -> Result<ConversationItem, Failure> {
        principal.require_read(Some(id))?;
        let snapshot = self.store().snapshot().await?;
        let found = snapshot.visible_conversation(principal.user, id).await?;
        let conversation = found.ok_or(Refusal::NotFound("conversation"))?;
        let item = complete(&snapshot, principal.user, vec![conversation], Roll::Whole).await?.pop();
        snapshot.close().await?;
        Ok(item.ok_or(Refusal::NotFound("conversation"))?)
    }

    /// The conversations that the caller is in, by last activity. `cursor` is the `next` of the part before.
    pub async fn conversations(
        &self,
        principal: &Principal,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<ConversationItem>, Failure> {
        principal.require_read(None)?;
        let below = cursor.map(parse_pair).transpose()?;
        let below = below.map(|(message, id)| (MessageId(message), ConversationId(id)));
        let snapshot = self.store().snapshot().await?;
        let places = snapshot.conversations_of(principal.user, below, limit).await?;
        let ids: Vec<ConversationId> = places.iter().map(|(_, id)| *id).collect();
        let mut found = snapshot.conversations(&ids).await?;
        found.sort_by_key(|conversation| ids.iter().position(|id| *id == conversation.id));
        let items = complete(&snapshot, principal.user, found, Roll::OfFew).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let next = page::next(&places, limit, |(message, id)| page::pair(message, id));
        Ok(Page { items, next, head })
    }

    /// All public channels by name, which anybody may join or follow.
    pub async fn channels(
        &self,
        principal: &Principal,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<ConversationView>, Failure> {
        // Where anybody may read channels, anybody may know which there are.
        if !principal.is_anonymous() {
            principal.require_read(None)?;
        }
        if cursor.is_some_and(|cursor| cursor.contains('\0')) {
            return Err(Refusal::MalformedCursor.into());
        }
        let snapshot = self.store().snapshot().await?;
        let channels = snapshot.channels(cursor, limit).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let next = page::next(&channels, limit, |last| last.name.as_deref().map(name_key));
        let items = channels.into_iter().map(|channel| ConversationView::new(channel, None)).collect();
        Ok(Page { items, next, head })
    }

    /// Renames a conversation or changes who may post.
    pub async fn update_conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
        name: Option<String>,
        post: Option<PostPolicy>,
    ) -> Result<ConversationItem, Failure> {
        principal.require_full()?;
        self.submit_as(principal, Update { by: principal.user, id, name, post })?.await?;
        self.conversation(principal, id).await
    }

    /// Lets somebody in: oneself into a channel, or others as an owner.
    pub async fn add_member(
        &self,
        principal: &Principal,
        id: ConversationId,
        username: Option<&str>,
    ) -> Result<Member, Failure> {
        principal.require_full()?;
        let user = match username {
            Some(name) => {
                let named = self.people("username", &[name.to_owned()]).await?.pop();
                named.ok_or(Refusal::NotFound("user"))?
            }
            None => principal.user,
        };
        self.submit_as(principal, Add { by: principal.user, id, user })?.await
    }

    /// Leaves, or removes somebody as an owner.
    pub async fn remove_member(
        &self,
        principal: &Principal,
        id: ConversationId,
        username: &str,
    ) -> Result<(), Failure> {
        principal.require_full()?;
        let user = self.user(username).await?.id;
        self.submit_as(principal, Remove { by: principal.user, id, user })?.await
    }

    /// Gives somebody another role, as an owner.
    pub async fn set_role(
        &self,
        principal: &Principal,
        id: ConversationId,
        username: &str,
        role: Role,
    ) -> Result<Member, Failure> {
        principal.require_full()?;
        let user = self.user(username).await?.id;
        self.submit_as(principal, SetRole { by: principal.user, id, user, role })?.await
    }

    /// The numbers of people given by name, each once, in the order in which they are named first.
    pub(super) async fn people(&self, field: &'static str, names: &[String]) -> Result<Vec<UserId>, Failure> {
        if names.len() > FIRST_MEMBERS_LIMIT {
            let reason = format!("At most {FIRST_MEMBERS_LIMIT} people at a time.");
            return Err(Refusal::invalid(field, reason).into());
        }
        let mut seen = HashSet::with_capacity(names.len());
        let mut wanted = Vec::with_capacity(names.len());
        for name in names {
            let key = Username::parse(field, name)?.key();
            if seen.insert(key.clone()) {
                wanted.push((key, name));
            }
        }
        let keys: Vec<String> = wanted.iter().map(|(key, _)| key.clone()).collect();
        let mut users = if keys.is_empty() { Vec::new() } else { self.store().users_by_names(&keys).await? };
        users.retain(User::is_present);
        let mut users: HashMap<String, UserId> = users.into_iter().map(|user| (user.username.key(), user.id)).collect();
        let (known, unknown): (Vec<_>, Vec<_>) = wanted.into_iter().partition(|(key, _)| users.contains_key(key));
        if unknown.is_empty() {
            return Ok(known.iter().filter_map(|(key, _)| users.remove(key)).collect());
        }
        Err(Refusal::UnknownNames { field, names: unknown.into_iter().map(|(_, name)| name.clone()).collect() }.into())
    }
}

/// Whose members are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Roll {
    /// Those of each conversation, however many they are.
    Whole,
    /// Those of conversations that have few: a page of a list must not cost more than a list does.
    OfFew,
}

/// Conversations with their people, what was said last and what the viewer has not read, in a few statements for all.
async fn complete(
    snapshot: &Snapshot,
    viewer: UserId,
    found: Vec<Conversation>,
    roll: Roll,
) -> Result<Vec<ConversationItem>, Failure> {
    let ids: Vec<ConversationId> = found.iter().map(|conversation| conversation.id).collect();
    let sizes = snapshot.sizes(&ids).await?;
    let size = |id: &ConversationId| sizes.get(id).copied().unwrap_or(0);
    let told = |id: &ConversationId| roll == Roll::Whole || size(id) <= LISTED_MEMBERS_LIMIT;
    let some: Vec<ConversationId> = ids.iter().copied().filter(told).collect();
    let mut members = snapshot.members(&some).await?;
    let mut newest = snapshot.newest_messages(viewer, &ids).await?;
    let mentions = snapshot.unread_mentions(viewer, &ids).await?;
    let unread = snapshot.unread(viewer, &ids).await?;
    let positions = snapshot.positions(viewer, &ids).await?;
    let item = |conversation: Conversation| {
        let id = conversation.id;
        let members = told(&id).then(|| members.remove(&id).unwrap_or_default());
        ConversationItem {
            conversation: ConversationView::new(conversation, members),
            member_count: size(&id),
            last_message: newest.remove(&id).map(|kept| kept.message),
            mention_count: mentions.get(&id).copied().unwrap_or(0),
            unread: unread.get(&id).copied().unwrap_or(0),
            last_read_id: positions.get(&id).copied(),
        }
    };
    Ok(found.into_iter().map(item).collect())
}
