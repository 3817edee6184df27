//! Groups whose names are unique in a namespace of their own, as older systems have them: making one, finding one, and
//! somebody's by last activity.

use super::changes::{check_name_free, create};
use super::{Failure, Page, Services, blank};
use crate::domain::conversations::{Conversation, FIRST_MEMBERS_LIMIT, Kind, PostPolicy, Role, parse_name};
use crate::domain::reach::Way;
use crate::domain::sessions::Principal;
use crate::domain::{ConversationId, MessageId, Refusal, Timestamp, UserId};
use crate::service::{page, reach};
use crate::store::{Abort, Activity, Batch, Change, Wants};
use std::collections::{HashMap, HashSet};

/// What somebody asks for who makes such a group.
#[derive(Debug, Clone)]
pub struct NewGroup {
    namespace: &'static str,
    name: String,
    people: Vec<UserId>,
}

impl NewGroup {
    /// Who is to be in it, each once.
    pub fn people(&self) -> &[UserId] {
        &self.people
    }
}

/// Such a group, with its people by number.
#[derive(Debug, Clone)]
pub struct NamedGroup {
    /// Its number.
    pub id: ConversationId,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who is in it, in the order in which they came.
    pub people: Vec<UserId>,
}

impl NamedGroup {
    fn new(conversation: Conversation, people: Option<Vec<UserId>>) -> Self {
        let Conversation { id, name, created_at, .. } = conversation;
        Self { id, name: name.unwrap_or_default(), created_at, people: people.unwrap_or_default() }
    }
}

impl Services {
    /// What it takes to make a group whose name is unique in a namespace, of any number of people. Whoever does not exist is
    /// found out here, some at a time, and not while the clock is held for all the others.
    pub async fn gather(
        &self,
        namespace: &'static str,
        name: String,
        mut people: Vec<UserId>,
    ) -> Result<NewGroup, Failure> {
        let mut seen = HashSet::with_capacity(people.len());
        people.retain(|user| seen.insert(*user));
        for some in people.chunks(FIRST_MEMBERS_LIMIT) {
            let found = self.store().users_by_ids(some).await?;
            if found.iter().filter(|user| user.is_present()).count() < some.len() {
                return Err(Refusal::NotFound("user").into());
            }
        }
        Ok(NewGroup { namespace, name, people })
    }

    /// Makes a group in a namespace. Its maker is one of its people and becomes its owner; without one nobody is in it.
    pub async fn create_named_group(
        &self,
        maker: Option<&Principal>,
        group: NewGroup,
    ) -> Result<ConversationId, Failure> {
        let NewGroup { namespace, name, people } = group;
        let name = parse_name(Kind::Group, Some(&name))?;
        let conversation =
            Conversation { namespace: Some(namespace.to_owned()), ..blank(Kind::Group, name, PostPolicy::Members) };
        let change = CreateNamed { maker: maker.map(|principal| principal.user), conversation, people };
        match maker {
            Some(principal) => {
                principal.require_full()?;
                self.submit_as(principal, change)?.await
            }
            None => self.sequencer().submit(change).await,
        }
    }

    /// Refuses unless there is a group with this number in the namespace, whoever is in it.
    pub async fn check_named_group(&self, namespace: &str, id: ConversationId) -> Result<(), Failure> {
        let found = self.store().conversation(id).await?;
        in_namespace(namespace, found).map(drop)
    }

    /// Whether somebody is in a group of a namespace now; refuses unless there is one with this number.
    pub async fn is_in_named_group(&self, namespace: &str, id: ConversationId, user: UserId) -> Result<bool, Failure> {
        let snapshot = self.store().snapshot().await?;
        in_namespace(namespace, snapshot.conversation(id).await?)?;
        let stays = snapshot.stays_in(user, id).await?;
        snapshot.close().await?;
        Ok(stays.iter().any(|stay| stay.left.is_none()))
    }

    /// A group of a namespace with its people. Whoever asks has to see to it that it may be told.
    pub async fn named_group(&self, namespace: &str, id: ConversationId) -> Result<NamedGroup, Failure> {
        let snapshot = self.store().snapshot().await?;
        let conversation = in_namespace(namespace, snapshot.conversation(id).await?)?;
        let people = snapshot.people_in(&[id]).await?.remove(&id);
        snapshot.close().await?;
        Ok(NamedGroup::new(conversation, people))
    }

    /// The groups of a namespace that the caller is in: first where something was said last, or which was made last if
    /// nothing was said there. `cursor` is the `next` of the part before; all parts show the order in which they were at
    /// the first, so that none is left out because something is said meanwhile.
    pub async fn named_groups(
        &self,
        principal: &Principal,
        namespace: &str,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<NamedGroup>, Failure> {
        principal.require_read(None)?;
        let known = cursor.map(parse_activity).transpose()?;
        let snapshot = self.store().snapshot().await?;
        let activity = known.unwrap_or(Activity { through: snapshot.last_message(), below: None });
        let places = snapshot.named_groups_of(principal.user, namespace, activity, limit).await?;
        let ids: Vec<ConversationId> = places.iter().map(|(_, id)| *id).collect();
        let found = snapshot.conversations(&ids).await?;
        let mut people = snapshot.people_in(&ids).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let mut found: HashMap<_, _> = found.into_iter().map(|conversation| (conversation.id, conversation)).collect();
        let group = |id: &ConversationId| Some(NamedGroup::new(found.remove(id)?, people.remove(id)));
        let items = ids.iter().filter_map(group).collect();
        let next = page::next(&places, limit, |(place, id)| format!("{}-{place}-{id}", activity.through));
        Ok(Page { items, next, head })
    }
}

fn in_namespace(namespace: &str, found: Option<Conversation>) -> Result<Conversation, Failure> {
    let found = found.filter(|conversation| conversation.namespace.as_deref() == Some(namespace));
    Ok(found.ok_or(Refusal::NotFound("conversation"))?)
}

/// What a part of the list ended with.
fn parse_activity(cursor: &str) -> Result<Activity, Refusal> {
    let (through, place) = cursor.split_once('-').ok_or(Refusal::MalformedCursor)?;
    let (place, id) = page::parse_pair(place)?;
    Ok(Activity { through: MessageId(page::parse_number(through)?), below: Some((place, ConversationId(id))) })
}

/// Makes a group in a namespace.
struct CreateNamed {
    maker: Option<UserId>,
    conversation: Conversation,
    people: Vec<UserId>,
}

impl Change for CreateNamed {
    type Output = ConversationId;

    fn wants(&self, wants: &mut Wants) {
        self.people.iter().for_each(|user| wants.user(*user));
        if let Some(maker) = self.maker {
            wants.reach(maker, &self.people, Way::Membership);
        }
    }

    async fn decide(&self, batch: &mut Batch) -> Result<ConversationId, Abort> {
        // Before anything else: who names somebody whom nobody knows is told so, whoever he is himself.
        for user in &self.people {
            if !batch.user(*user).await?.is_some_and(|user| user.is_present()) {
                return Err(Refusal::NotFound("user").into());
            }
        }
        match self.maker {
            Some(maker) if self.people.contains(&maker) => {
                reach::check(batch, maker, &self.people, Way::Membership).await?;
            }
            Some(_) => return Err(Refusal::NotMember.into()),
            // Somebody has to stand behind it that people are taken somewhere.
            None if !self.people.is_empty() => return Err(Refusal::Unauthorized.into()),
            None => {}
        }
        check_name_free(batch, &self.conversation).await?;
        let role = |user: UserId| if Some(user) == self.maker { Role::Owner } else { Role::Member };
        let members = self.people.iter().map(|user| (*user, role(*user))).collect();
        Ok(create(batch, self.conversation.clone(), members).await?.id)
    }
}
