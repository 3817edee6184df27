//! What changes in conversations, decided under the clock.

use crate::domain::conversations::{Conversation, Kind, Member, PostPolicy, Role, parse_name};
use crate::domain::events::{ConversationView, Happening, MemberChange, Topic};
use crate::domain::reach::Way;
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, Refusal, Timestamp, UserId};
use crate::service::reach;
use crate::store::{Abort, Batch, Change, NewConversation, Wants};

/// Makes a conversation under the clock, with the event by which its people join.
pub(in crate::service) async fn create(
    batch: &mut Batch,
    conversation: Conversation,
    members: Vec<(UserId, Role)>,
) -> Result<Conversation, Abort> {
    let mut shown = Vec::with_capacity(members.len());
    for (user, role) in &members {
        shown.push(Member { user: reference(batch, *user).await?, role: *role });
    }
    let conversation = batch.insert_conversation(NewConversation { conversation, members });
    let happening = Happening::ConversationCreated(ConversationView::new(conversation.clone(), Some(shown)));
    batch.emit(Topic::Conversation(conversation.id), &happening);
    Ok(conversation)
}

/// A conversation that is still to get its number.
pub(in crate::service) fn blank(kind: Kind, name: Option<String>, post: PostPolicy) -> Conversation {
    Conversation {
        id: ConversationId(0),
        kind,
        name,
        post,
        namespace: None,
        created_at: Timestamp(0),
        people: Vec::new(),
    }
}

/// Refuses a name that another one has, where names are unique.
pub(super) async fn check_name_free(batch: &mut Batch, conversation: &Conversation) -> Result<(), Abort> {
    let Some(key) = conversation.unique_name() else { return Ok(()) };
    let other = batch.by_unique_name(&key).await?.filter(|other| other.id != conversation.id);
    if other.is_some() { Err(conversation.name_taken().into()) } else { Ok(()) }
}

/// A conversation that somebody may see, with his role if he is in it. For others there is none.
pub(in crate::service) async fn visible(
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

async fn reference(batch: &mut Batch, user: UserId) -> Result<UserRef, Abort> {
    Ok(batch.user(user).await?.ok_or(Refusal::NotFound("user"))?.reference())
}

/// Makes a conversation, or finds the direct one of these people.
pub(super) struct Create {
    pub creator: UserId,
    pub kind: Kind,
    pub name: Option<String>,
    pub post: PostPolicy,
    pub people: Vec<UserId>,
}

impl Change for Create {
    type Output = (ConversationId, bool);

    fn wants(&self, wants: &mut Wants) {
        wants.user(self.creator);
        wants.reach(self.creator, &self.people, self.way());
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        if self.kind == Kind::Direct
            && let Some(known) = batch.direct(&self.people).await?
        {
            return Ok((known.id, false));
        }
        let new = blank(self.kind, self.name.clone(), self.post);
        check_name_free(batch, &new).await?;
        reach::check(batch, self.creator, &self.people, self.way()).await?;
        let role = |user: UserId| match self.kind {
            Kind::Group | Kind::Channel if user == self.creator => Role::Owner,
            _ => Role::Member,
        };
        let members = self.people.iter().map(|user| (*user, role(*user))).collect();
        Ok((create(batch, new, members).await?.id, true))
    }
}

impl Create {
    fn way(&self) -> Way {
        match self.kind {
            Kind::Direct => Way::direct(self.people.len()),
            Kind::Group | Kind::Channel => Way::Membership,
        }
    }
}

/// Renames a conversation, or changes who may post.
pub(super) struct Update {
    pub by: UserId,
    pub id: ConversationId,
    pub name: Option<String>,
    pub post: Option<PostPolicy>,
}

impl Change for Update {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        let (conversation, _) = visible(batch, self.id, self.by).await?;
        conversation.check_open_membership()?;
        let mut conversation = owned(batch, self.id, self.by).await?;
        if let Some(name) = &self.name {
            conversation.name = parse_name(conversation.kind, Some(name))?;
            check_name_free(batch, &conversation).await?;
        }
        if let Some(post) = self.post {
            conversation.post = post;
        }
        batch.update_conversation(&conversation).await?;
        let view = ConversationView::new(conversation, None);
        batch.emit(Topic::Conversation(self.id), &Happening::ConversationUpdated(view));
        Ok(())
    }
}

/// Lets somebody in.
pub(super) struct Add {
    pub by: UserId,
    pub id: ConversationId,
    pub user: UserId,
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
        if !joining {
            reach::check(batch, self.by, &[self.user], Way::Membership).await?;
        }
        // Where nobody is left, whoever comes is the owner: somebody has to have a say.
        let heir = !conversation.is_commons() && batch.members(self.id).await?.is_empty();
        let role = if heir { Role::Owner } else { Role::Member };
        admit(batch, self.id, self.user, role, self.by).await
    }
}

/// Lets somebody in under the clock, with the event of that.
pub(super) async fn admit(
    batch: &mut Batch,
    id: ConversationId,
    user: UserId,
    role: Role,
    by: UserId,
) -> Result<Member, Abort> {
    let member = Member { user: reference(batch, user).await?, role };
    let by = Some(reference(batch, by).await?);
    batch.insert_stay(id, user, role);
    let change = MemberChange { user: member.user.clone(), role: Some(role), by };
    batch.emit(Topic::Conversation(id), &Happening::MemberAdded(change));
    Ok(member)
}

/// Lets somebody out, by himself or by an owner.
pub(super) struct Remove {
    pub by: UserId,
    pub id: ConversationId,
    pub user: UserId,
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
        leave(batch, self.id, self.user, self.by).await
    }
}

/// Takes somebody out under the clock, with the events of that.
pub(in crate::service) async fn leave(
    batch: &mut Batch,
    id: ConversationId,
    leaver: UserId,
    by: UserId,
) -> Result<(), Abort> {
    let members = batch.members(id).await?;
    if !members.iter().any(|(user, _)| *user == leaver) {
        return Err(Refusal::NotFound("member").into());
    }
    let user = reference(batch, leaver).await?;
    let by = Some(reference(batch, by).await?);
    // A conversation that people made and are in always has an owner: the one who is there longest follows.
    let commons = batch.conversation(id).await?.is_some_and(|conversation| conversation.is_commons());
    let mut rest = members.iter().filter(|(user, _)| *user != leaver);
    let orphaned = !commons && !rest.clone().any(|(_, role)| *role == Role::Owner);
    let heir = match rest.next() {
        Some((heir, _)) if orphaned => Some((*heir, reference(batch, *heir).await?)),
        _ => None,
    };
    batch.end_stay(id, leaver).await?;
    let change = MemberChange { user, role: None, by: by.clone() };
    batch.emit(Topic::Conversation(id), &Happening::MemberRemoved(change));
    if let Some((heir, user)) = heir {
        batch.set_role(id, heir, Role::Owner).await?;
        let change = MemberChange { user, role: Some(Role::Owner), by };
        batch.emit(Topic::Conversation(id), &Happening::MemberUpdated(change));
    }
    Ok(())
}

/// Gives somebody another role.
pub(super) struct SetRole {
    pub by: UserId,
    pub id: ConversationId,
    pub user: UserId,
    pub role: Role,
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
