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

/// How a user is named under the clock.
pub(in crate::service) async fn reference(batch: &mut Batch, user: UserId) -> Result<UserRef, Abort> {
    Ok(batch.user(user).await?.ok_or(Refusal::NotFound("user"))?.reference())
}

/// These people and what they are in a conversation will be asked for.
fn want_members(wants: &mut Wants, id: ConversationId, people: [UserId; 2]) {
    for user in people {
        wants.user(user);
        wants.membership(id, user);
    }
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
        if self.kind == Kind::Direct {
            wants.direct(&self.people);
        }
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

    fn wants(&self, wants: &mut Wants) {
        want_members(wants, self.id, [self.by, self.user]);
        wants.reach(self.by, &[self.user], Way::Membership);
    }

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
        let heir = joining && !conversation.is_commons() && batch.size(self.id).await? == 0;
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

    fn wants(&self, wants: &mut Wants) {
        want_members(wants, self.id, [self.by, self.user]);
    }

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
    let role = batch.role(id, leaver).await?.ok_or(Refusal::NotFound("member"))?;
    let user = reference(batch, leaver).await?;
    let by = Some(reference(batch, by).await?);
    let heir = if role == Role::Owner { heir(batch, id, leaver).await? } else { None };
    batch.end_stay(id, leaver).await?;
    let change = MemberChange { user, role: None, by: by.clone() };
    batch.emit(Topic::Conversation(id), &Happening::MemberRemoved(change));
    if let Some(user) = heir {
        batch.set_role(id, user.id, Role::Owner).await?;
        let change = MemberChange { user, role: Some(Role::Owner), by };
        batch.emit(Topic::Conversation(id), &Happening::MemberUpdated(change));
    }
    Ok(())
}

/// A conversation that people made and are in always has an owner: when the last one leaves, the one who is there longest
/// follows.
async fn heir(batch: &mut Batch, id: ConversationId, leaver: UserId) -> Result<Option<UserRef>, Abort> {
    if batch.conversation(id).await?.is_some_and(|conversation| conversation.is_commons()) {
        return Ok(None);
    }
    let others = others(batch, id, leaver).await?;
    match others.first() {
        Some((heir, _)) if !any_owner(&others) => Ok(Some(reference(batch, *heir).await?)),
        _ => Ok(None),
    }
}

/// The members but one, those first who are there longest.
async fn others(batch: &mut Batch, id: ConversationId, than: UserId) -> Result<Vec<(UserId, Role)>, Abort> {
    let mut members = batch.members(id).await?;
    members.retain(|(user, _)| *user != than);
    Ok(members)
}

fn any_owner(members: &[(UserId, Role)]) -> bool {
    members.iter().any(|(_, role)| *role == Role::Owner)
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

    fn wants(&self, wants: &mut Wants) {
        want_members(wants, self.id, [self.by, self.user]);
    }

    async fn decide(&self, batch: &mut Batch) -> Result<Member, Abort> {
        let (conversation, _) = visible(batch, self.id, self.by).await?;
        conversation.check_open_membership()?;
        owned(batch, self.id, self.by).await?;
        let known = batch.role(self.id, self.user).await?.ok_or(Refusal::NotFound("member"))?;
        let member = Member { user: reference(batch, self.user).await?, role: self.role };
        if known == self.role {
            return Ok(member);
        }
        if known == Role::Owner && !any_owner(&others(batch, self.id, self.user).await?) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::SubmitError;
    use crate::store::tests::{Crowd, OneIsGone, open, open_counting, together, writer};
    use std::sync::atomic::Ordering;

    /// How many statements it takes when so many people at once join a channel, and when they leave it again.
    async fn statements(people: i64) -> (usize, usize) {
        let home = tempfile::tempdir().expect("a directory");
        let (store, statements) = open_counting(home.path()).await;
        let crowd = together(&store, [Crowd(people + 2)]).await.pop().expect("a crowd").expect("it gathers");
        let crowd: Vec<UserId> = crowd.into_iter().map(|(user, _)| user).collect();
        let ([founder, second], crowd) = (crowd[..2].try_into().expect("two"), &crowd[2..]);
        let (kind, post) = (Kind::Channel, PostPolicy::Members);
        let make =
            Create { creator: founder, kind, name: Some("birds".to_owned()), post, people: vec![founder, second] };
        let (id, _) = together(&store, [make]).await.pop().expect("an answer").expect("a channel");
        statements.store(0, Ordering::Relaxed);
        for joined in together(&store, crowd.iter().map(|user| Add { by: *user, id, user: *user })).await {
            assert_eq!(joined.expect("it is public").role, Role::Member);
        }
        let joining = statements.swap(0, Ordering::Relaxed);
        for left in together(&store, crowd.iter().map(|user| Remove { by: *user, id, user: *user })).await {
            assert_eq!(left, Ok(()));
        }
        (joining, statements.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn many_who_come_take_no_more_statements_than_a_few_and_each_who_goes_three() {
        let (joining, leaving) = statements(3).await;
        assert!(joining > 3 && leaving > 3, "{joining} and {leaving} are counted");
        assert_eq!(
            statements(40).await,
            (joining, leaving + 3 * 37),
            "his end, his receipt, and the event of who went before"
        );
    }

    #[tokio::test]
    async fn who_has_just_gone_is_taken_nowhere() {
        let home = tempfile::tempdir().expect("a directory");
        let sequencer = writer(&open(home.path()).await);
        let (owner, gone) = sequencer.submit(OneIsGone).await.expect("two accounts");
        let nobody = SubmitError::Refused(Refusal::NotFound("user"));
        let make = |kind, name: Option<&str>, people| {
            let name = name.map(str::to_owned);
            Create { creator: owner, kind, name, post: PostPolicy::Members, people }
        };
        for (kind, name) in [(Kind::Group, None), (Kind::Channel, Some("birds"))] {
            let together = sequencer.submit(make(kind, name, vec![owner, gone])).await;
            assert_eq!(together, Err(nobody.clone()), "{kind:?}");
            let (id, _) = sequencer.submit(make(kind, name, vec![owner])).await.expect("one's own");
            let added = sequencer.submit(Add { by: owner, id, user: gone }).await;
            assert_eq!(added.map(|member| member.role), Err(nobody.clone()), "{kind:?}");
        }
        let direct = sequencer.submit(make(Kind::Direct, None, vec![owner, gone])).await;
        assert!(direct.is_ok(), "what was said to him stays where it was, and anew it does no harm: {direct:?}");
    }
}
