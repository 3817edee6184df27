//! What changes will ask for, and reading it for all of them together.

use super::Batch;
use crate::domain::conversations::{Kind, direct_key};
use crate::domain::mentions::Named;
use crate::domain::reach::Way;
use crate::domain::{ConversationId, MessageId, SessionId, UserId};
use crate::store::sizes::ROWS;
use crate::store::{conversations, messages, stays, users};
use sea_orm::DbErr;
use std::collections::{HashMap, HashSet};

/// What a change will ask for, so that a batch reads it for all its changes in a few statements.
#[derive(Debug, Default)]
pub struct Wants {
    pub(super) users: HashSet<UserId>,
    pub(super) conversations: HashSet<ConversationId>,
    pub(super) stays: HashSet<(ConversationId, UserId)>,
    pub(super) directs: HashSet<String>,
    pub(super) client_ids: HashSet<(UserId, String)>,
    pub(super) messages: HashSet<MessageId>,
    pub(super) names: HashSet<String>,
    pub(super) mentions: Vec<(ConversationId, Vec<String>)>,
    pub(super) posts: HashSet<(ConversationId, UserId)>,
    pub(super) ways: HashSet<(UserId, UserId, Way)>,
    pub(super) positions: HashSet<(UserId, ConversationId)>,
    pub(super) edits: Vec<(MessageId, UserId, Vec<String>)>,
    pub(super) hidden: HashSet<(UserId, MessageId)>,
    pub(super) sessions: HashSet<SessionId>,
}

impl Wants {
    /// A user will be asked for.
    pub fn user(&mut self, id: UserId) {
        self.users.insert(id);
    }

    /// Whether a session was revoked may be asked for.
    pub fn session(&mut self, id: SessionId) {
        self.sessions.insert(id);
    }

    /// A conversation and somebody's stay in it will be asked for.
    pub fn membership(&mut self, conversation: ConversationId, user: UserId) {
        self.conversations.insert(conversation);
        self.stays.insert((conversation, user));
    }

    /// Somebody will post into a conversation: his stay will be asked for and, where it is a direct one, what the
    /// others say to him.
    pub fn post(&mut self, conversation: ConversationId, author: UserId) {
        self.membership(conversation, author);
        self.posts.insert((conversation, author));
    }

    /// What these people say to one who wants to reach them will be asked for.
    pub fn reach(&mut self, from: UserId, people: &[UserId], way: Way) {
        for to in people.iter().filter(|to| **to != from) {
            self.users.insert(*to);
            self.ways.insert((from, *to, way));
        }
    }

    /// Somebody's stay in a conversation will be asked for, and how far he has read it.
    pub fn reading(&mut self, user: UserId, conversation: ConversationId) {
        self.user(user);
        self.membership(conversation, user);
        self.positions.insert((user, conversation));
    }

    /// The direct conversation of these people will be asked for.
    pub fn direct(&mut self, people: &[UserId]) {
        self.directs.insert(direct_key(people));
    }

    /// What this author sent under this name will be asked for.
    pub fn client_id(&mut self, author: UserId, client_id: &str) {
        self.client_ids.insert((author, client_id.to_owned()));
    }

    /// A message will be asked for.
    pub fn message(&mut self, id: MessageId) {
        self.messages.insert(id);
    }

    /// Somebody will say a message anew, with these names in it: it will be asked for, and where it stands all that
    /// posting asks for.
    pub fn edit(&mut self, id: MessageId, author: UserId, named: &Named) {
        self.message(id);
        self.mentions(None, named);
        self.edits.push((id, author, named.keys().cloned().collect()));
    }

    /// A message will be asked for, and whether a user has hidden it from himself.
    pub fn shown(&mut self, id: MessageId, user: UserId) {
        self.message(id);
        self.hidden.insert((user, id));
    }

    /// Who has these names will be asked for, and who of them is in the conversation, if there is one yet.
    pub fn mentions(&mut self, conversation: Option<ConversationId>, named: &Named) {
        self.names.extend(named.keys().cloned());
        if let Some(conversation) = conversation {
            self.mentions.push((conversation, named.keys().cloned().collect()));
        }
    }
}

impl Batch {
    /// Reads what the changes will ask for.
    pub(in crate::store) async fn prefetch(&mut self, mut wants: Wants) -> Result<(), DbErr> {
        // They are read when the first is asked for, where another node has committed what this one has not heard of.
        self.sessions = std::mem::take(&mut wants.sessions);
        wants.directs.retain(|key| !self.set.directs.contains_key(key));
        wants.stays.retain(|pair| !self.set.stays.contains_key(pair));
        wants.client_ids.retain(|key| !self.set.client_ids.contains_key(key));
        wants.names.retain(|key| !self.set.names.contains_key(key));
        wants.messages.retain(|id| !self.set.messages.contains_key(id));
        self.prefetch_messages(std::mem::take(&mut wants.messages).into_iter().collect()).await?;
        for (id, author, names) in std::mem::take(&mut wants.edits) {
            let Some(Some(kept)) = self.set.messages.get(&id) else { continue };
            let place = kept.message.conversation_id;
            wants.mentions.push((place, names));
            wants.conversations.insert(place);
            wants.posts.insert((place, author));
            wants.stays.extend(Some((place, author)).filter(|pair| !self.set.stays.contains_key(pair)));
        }
        self.prefetch_hidden(std::mem::take(&mut wants.hidden).into_iter().collect()).await?;
        self.prefetch_names(std::mem::take(&mut wants.names).into_iter().collect()).await?;
        for (conversation, keys) in std::mem::take(&mut wants.mentions) {
            let people = keys.iter().filter_map(|key| *self.set.names.get(key)?).map(|user| (conversation, user));
            wants.stays.extend(people.filter(|pair| !self.set.stays.contains_key(pair)));
        }
        let keys: Vec<_> = std::mem::take(&mut wants.directs).into_iter().collect();
        for some in keys.chunks(ROWS) {
            for (key, conversation) in conversations::by_people(&self.db, some).await? {
                wants.conversations.remove(&conversation.id);
                self.set.directs.insert(key, conversation.id);
                self.set.conversations.insert(conversation.id, conversation);
            }
        }
        wants.conversations.retain(|id| !self.set.conversations.contains_key(id));
        let ids: Vec<_> = std::mem::take(&mut wants.conversations).into_iter().collect();
        for some in ids.chunks(ROWS) {
            let found = conversations::by_ids(&self.db, some).await?;
            self.set.conversations.extend(found.into_iter().map(|conversation| (conversation.id, conversation)));
        }
        for (id, author) in std::mem::take(&mut wants.posts) {
            if let Some(conversation) = self.set.conversations.get(&id).filter(|it| it.kind == Kind::Direct) {
                wants.reach(author, &conversation.people, Way::direct(conversation.people.len()));
            }
        }
        wants.users.retain(|id| !self.set.users.contains_key(id));
        let users: Vec<_> = wants.users.into_iter().collect();
        for some in users.chunks(ROWS) {
            let found = users::by_ids(&self.db, some).await?;
            self.set.users.extend(found.into_iter().map(|user| (user.id, user)));
        }
        self.prefetch_reaching(wants.ways).await?;
        self.prefetch_reading(wants.positions).await?;
        let pairs: Vec<_> = wants.stays.into_iter().collect();
        self.prefetch_stays(&pairs).await?;
        let client_ids: Vec<_> = wants.client_ids.into_iter().collect();
        for some in client_ids.chunks(ROWS) {
            for key in some {
                self.set.client_ids.insert(key.clone(), None);
            }
            for kept in messages::by_client_ids(&self.db, some).await? {
                if let (Some(author), Some(id)) = (&kept.message.author, &kept.message.client_id) {
                    self.set.client_ids.insert((author.id, id.clone()), Some(kept.clone()));
                }
            }
        }
        Ok(())
    }

    pub(super) async fn prefetch_stays(&mut self, pairs: &[(ConversationId, UserId)]) -> Result<(), DbErr> {
        for some in pairs.chunks(ROWS) {
            let mut found: HashMap<_, _> = stays::lasting_among(&self.db, some)
                .await?
                .into_iter()
                .map(|stay| ((stay.conversation, stay.user), stay))
                .collect();
            for pair in some {
                self.set.stays.insert(*pair, found.remove(pair));
            }
        }
        Ok(())
    }
}
