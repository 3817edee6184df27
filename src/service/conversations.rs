//! Conversations: making them, seeing them, coming, going, and having a say.

use super::{Failure, Page, Services};
use crate::domain::conversations::{
    Conversation, DIRECT_LIMIT, FIRST_MEMBERS_LIMIT, Kind, Member, PostPolicy, Role, name_key, parse_name,
};
use crate::domain::events::{ConversationView, Happening, MemberChange, Topic};
use crate::domain::messages::Message;
use crate::domain::sessions::Principal;
use crate::domain::users::{UserRef, Username};
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp, UserId};
use crate::store::{Abort, Batch, Change, NewConversation, Snapshot};
use serde::Serialize;

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
#[derive(Debug, Serialize)]
pub struct ConversationItem {
    /// The conversation and who is in it.
    #[serde(flatten)]
    pub conversation: ConversationView,
    /// What was said last.
    pub last_message: Option<Message>,
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
        let item = complete(&snapshot, vec![conversation]).await?.pop();
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
        let below = cursor.map(parse_cursor).transpose()?;
        let snapshot = self.store().snapshot().await?;
        let places = snapshot.conversations_of(principal.user, below, limit).await?;
        let ids: Vec<ConversationId> = places.iter().map(|(_, id)| *id).collect();
        let mut found = snapshot.conversations(&ids).await?;
        found.sort_by_key(|conversation| ids.iter().position(|id| *id == conversation.id));
        let items = complete(&snapshot, found).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let full = places.len() as u64 == limit;
        let next = places.last().filter(|_| full).map(|(message, id)| format!("{message}-{id}"));
        Ok(Page { items, next, head })
    }

    /// All public channels by name, which anybody may join or follow.
    pub async fn channels(
        &self,
        principal: &Principal,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<ConversationView>, Failure> {
        principal.require_read(None)?;
        if cursor.is_some_and(|cursor| cursor.contains('\0')) {
            return Err(Refusal::MalformedCursor.into());
        }
        let snapshot = self.store().snapshot().await?;
        let channels = snapshot.channels(cursor, limit).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let full = channels.len() as u64 == limit;
        let next = channels.last().filter(|_| full).and_then(|last| last.name.as_deref()).map(name_key);
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
            Some(name) => self.user(name).await?.id,
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

    /// The numbers of people given by name, each once.
    pub(super) async fn people(&self, field: &'static str, names: &[String]) -> Result<Vec<UserId>, Failure> {
        if names.len() > FIRST_MEMBERS_LIMIT {
            let reason = format!("At most {FIRST_MEMBERS_LIMIT} people at a time.");
            return Err(Refusal::invalid(field, reason).into());
        }
        let mut keys = Vec::with_capacity(names.len());
        for name in names {
            keys.push(Username::parse(field, name)?.key());
        }
        keys.sort_unstable();
        keys.dedup();
        let users = if keys.is_empty() { Vec::new() } else { self.store().users_by_names(&keys).await? };
        if users.len() < keys.len() {
            return Err(Refusal::NotFound("user").into());
        }
        Ok(users.into_iter().map(|user| user.id).collect())
    }
}

fn parse_cursor(cursor: &str) -> Result<(MessageId, ConversationId), Refusal> {
    let parsed = cursor.split_once('-').and_then(|(message, id)| Some((message.parse().ok()?, id.parse().ok()?)));
    let (message, id) = parsed.ok_or(Refusal::MalformedCursor)?;
    Ok((MessageId(message), ConversationId(id)))
}

/// Conversations with their people and what was said last, in a few statements for all.
async fn complete(snapshot: &Snapshot, found: Vec<Conversation>) -> Result<Vec<ConversationItem>, Failure> {
    let ids: Vec<ConversationId> = found.iter().map(|conversation| conversation.id).collect();
    let mut members = snapshot.members(&ids).await?;
    let mut newest = snapshot.newest_messages(&ids).await?;
    let item = |conversation: Conversation| {
        let id = conversation.id;
        let members = members.remove(&id).unwrap_or_default();
        ConversationItem {
            conversation: ConversationView::new(conversation, Some(members)),
            last_message: newest.remove(&id).map(|kept| kept.message),
        }
    };
    Ok(found.into_iter().map(item).collect())
}

/// Makes a conversation under the clock, with the event by which its people join.
pub(super) async fn create(
    batch: &mut Batch,
    conversation: Conversation,
    members: Vec<(UserId, Role)>,
) -> Result<Conversation, Abort> {
    let mut shown = Vec::with_capacity(members.len());
    for (user, role) in &members {
        shown.push(Member { user: reference(batch, *user).await?, role: *role });
    }
    let conversation = batch.insert_conversation(NewConversation { conversation, members });
    let happening = Happening::ConversationCreated { conversation: conversation.clone(), members: shown };
    batch.emit(Topic::Conversation(conversation.id), &happening);
    Ok(conversation)
}

/// A conversation that is still to get its number.
pub(super) fn blank(kind: Kind, name: Option<String>, post: PostPolicy) -> Conversation {
    Conversation { id: ConversationId(0), kind, name, post, created_at: Timestamp(0) }
}

/// A conversation that somebody may see, with his role if he is in it. For others there is none.
pub(super) async fn visible(
    batch: &mut Batch,
    id: ConversationId,
    viewer: UserId,
) -> Result<(Conversation, Option<Role>), Abort> {
    let conversation = batch.conversation(id).await?.ok_or(Refusal::NotFound("conversation"))?;
    let role = batch.role(id, viewer).await?;
    if role.is_none() && conversation.kind != Kind::Channel {
        return Err(Refusal::NotFound("conversation").into());
    }
    Ok((conversation, role))
}

async fn owned(batch: &mut Batch, id: ConversationId, by: UserId) -> Result<Conversation, Abort> {
    let (conversation, role) = visible(batch, id, by).await?;
    match role {
        Some(Role::Owner) => Ok(conversation),
        Some(Role::Member) => Err(Refusal::NotOwner.into()),
        None => Err(Refusal::NotMember.into()),
    }
}

pub(super) async fn reference(batch: &mut Batch, user: UserId) -> Result<UserRef, Abort> {
    Ok(batch.user(user).await?.ok_or(Refusal::NotFound("user"))?.reference())
}

struct Create {
    creator: UserId,
    kind: Kind,
    name: Option<String>,
    post: PostPolicy,
    people: Vec<UserId>,
}

impl Change for Create {
    type Output = (ConversationId, bool);

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        match (self.kind, &self.name) {
            (Kind::Direct, _) => {
                if let Some(known) = batch.direct(&self.people).await? {
                    return Ok((known.id, false));
                }
            }
            (Kind::Channel, Some(name)) if batch.channel_by_name(&name_key(name)).await?.is_some() => {
                return Err(Refusal::ChannelNameTaken.into());
            }
            _ => {}
        }
        let role = |user: UserId| match self.kind {
            Kind::Group | Kind::Channel if user == self.creator => Role::Owner,
            _ => Role::Member,
        };
        let members = self.people.iter().map(|user| (*user, role(*user))).collect();
        let conversation = create(batch, blank(self.kind, self.name.clone(), self.post), members).await?;
        Ok((conversation.id, true))
    }
}

struct Update {
    by: UserId,
    id: ConversationId,
    name: Option<String>,
    post: Option<PostPolicy>,
}

impl Change for Update {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let (conversation, _) = visible(batch, self.id, self.by).await?;
        conversation.check_open_membership()?;
        let mut conversation = owned(batch, self.id, self.by).await?;
        if let Some(name) = &self.name {
            let name = parse_name(conversation.kind, Some(name))?;
            if conversation.kind == Kind::Channel
                && let Some(name) = &name
                && batch.channel_by_name(&name_key(name)).await?.is_some_and(|other| other.id != self.id)
            {
                return Err(Refusal::ChannelNameTaken.into());
            }
            conversation.name = name;
        }
        if let Some(post) = self.post {
            conversation.post = post;
        }
        batch.update_conversation(&conversation).await?;
        batch.emit(Topic::Conversation(self.id), &Happening::ConversationUpdated(conversation));
        Ok(())
    }
}

struct Add {
    by: UserId,
    id: ConversationId,
    user: UserId,
}

impl Change for Add {
    type Output = Member;

    async fn decide(&self, batch: &mut Batch) -> Result<Member, Abort> {
        let (conversation, role) = visible(batch, self.id, self.by).await?;
        conversation.check_open_membership()?;
        let joining = conversation.kind == Kind::Channel && self.user == self.by;
        if !joining && role.is_none() {
            return Err(Refusal::NotMember.into());
        }
        if batch.role(self.id, self.user).await?.is_some() {
            return Err(Refusal::AlreadyMember.into());
        }
        if !joining && role != Some(Role::Owner) {
            return Err(Refusal::NotOwner.into());
        }
        // Where nobody is left, whoever comes is the owner: somebody has to have a say.
        let role = if batch.members(self.id).await?.is_empty() { Role::Owner } else { Role::Member };
        let member = Member { user: reference(batch, self.user).await?, role };
        let by = Some(reference(batch, self.by).await?);
        batch.insert_stay(self.id, self.user, member.role);
        let change = MemberChange { user: member.user.clone(), role: Some(member.role), by };
        batch.emit(Topic::Conversation(self.id), &Happening::MemberAdded(change));
        Ok(member)
    }
}

struct Remove {
    by: UserId,
    id: ConversationId,
    user: UserId,
}

impl Change for Remove {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let (conversation, role) = visible(batch, self.id, self.by).await?;
        conversation.check_open_membership()?;
        let role = role.ok_or(Refusal::NotMember)?;
        if self.user != self.by && role != Role::Owner {
            return Err(Refusal::NotOwner.into());
        }
        let members = batch.members(self.id).await?;
        if !members.iter().any(|(user, _)| *user == self.user) {
            return Err(Refusal::NotFound("member").into());
        }
        let user = reference(batch, self.user).await?;
        let by = Some(reference(batch, self.by).await?);
        // A conversation that people are in always has an owner: the one who is there longest follows.
        let mut rest = members.iter().filter(|(user, _)| *user != self.user);
        let orphaned = !rest.clone().any(|(_, role)| *role == Role::Owner);
        let heir = match rest.next() {
            Some((heir, _)) if orphaned => Some((*heir, reference(batch, *heir).await?)),
            _ => None,
        };
        batch.end_stay(self.id, self.user).await?;
        let change = MemberChange { user, role: None, by: by.clone() };
        batch.emit(Topic::Conversation(self.id), &Happening::MemberRemoved(change));
        if let Some((heir, user)) = heir {
            batch.set_role(self.id, heir, Role::Owner).await?;
            let change = MemberChange { user, role: Some(Role::Owner), by };
            batch.emit(Topic::Conversation(self.id), &Happening::MemberUpdated(change));
        }
        Ok(())
    }
}

struct SetRole {
    by: UserId,
    id: ConversationId,
    user: UserId,
    role: Role,
}

impl Change for SetRole {
    type Output = Member;

    async fn decide(&self, batch: &mut Batch) -> Result<Member, Abort> {
        let (conversation, _) = visible(batch, self.id, self.by).await?;
        conversation.check_open_membership()?;
        owned(batch, self.id, self.by).await?;
        let members = batch.members(self.id).await?;
        let known = members.iter().find(|(user, _)| *user == self.user).map(|(_, role)| *role);
        let known = known.ok_or(Refusal::NotFound("member"))?;
        let member = Member { user: reference(batch, self.user).await?, role: self.role };
        if known == self.role {
            return Ok(member);
        }
        let others = members.iter().any(|(user, role)| *user != self.user && *role == Role::Owner);
        if known == Role::Owner && !others {
            return Err(
                Refusal::invalid("role", "A conversation needs an owner. Make somebody else owner first.").into()
            );
        }
        let by = Some(reference(batch, self.by).await?);
        batch.set_role(self.id, self.user, self.role).await?;
        let change = MemberChange { user: member.user.clone(), role: Some(self.role), by };
        batch.emit(Topic::Conversation(self.id), &Happening::MemberUpdated(change));
        Ok(member)
    }
}
