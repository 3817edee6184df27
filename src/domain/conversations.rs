//! Where people talk: direct conversations, groups and channels, and who has a say in them.

use super::users::{UserRef, fold};
use super::{ConversationId, Refusal, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest name of a group or channel, in Unicode scalar values.
pub const NAME_LIMIT: usize = 100;
/// The namespace of channels that are the server's own.
pub const COMMONS: &str = "commons";
/// The most people in one direct conversation.
pub const DIRECT_LIMIT: usize = 32;
/// The most people that one call makes members of a new group or channel.
pub const FIRST_MEMBERS_LIMIT: usize = 1_000;
/// A list of conversations tells the members of those that have no more.
pub const LISTED_MEMBERS_LIMIT: u64 = 200;

/// What sort of conversation it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "ConversationKind")]
pub enum Kind {
    /// A fixed set of one or more people, one conversation per set; alone it is notes to self.
    Direct,
    /// Members come and go, the name is free.
    Group,
    /// Public, with a unique name: anyone may join or follow it and read its history.
    Channel,
}

/// Who may post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PostPolicy {
    /// Every member.
    #[default]
    Members,
    /// Only its owners.
    Owners,
}

/// What a member may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Renames, adds and removes.
    Owner,
    /// Reads and writes.
    Member,
}

/// A conversation as the server keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its number.
    pub id: ConversationId,
    /// Direct, group or channel.
    pub kind: Kind,
    /// Its name; direct conversations have none.
    pub name: Option<String>,
    /// Who may post.
    pub post: PostPolicy,
    /// Of a group, whose names are unique among those of the same namespace, if they are. Of a channel, that it is the
    /// server's own: see [`Conversation::is_commons`].
    pub namespace: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The fixed people of a direct conversation, by number; those of others come and go and are not told here.
    pub people: Vec<UserId>,
}

/// One member, as lists and events show him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Member {
    /// Who.
    pub user: UserRef,
    /// What he may do.
    pub role: Role,
}

impl Conversation {
    /// What no other conversation may have: of a channel the key of its name, of a group in a namespace that too.
    pub fn unique_name(&self) -> Option<String> {
        let name = self.name.as_deref()?;
        match (self.kind, &self.namespace) {
            (Kind::Channel, _) => Some(name_key(name)),
            (Kind::Group, Some(namespace)) => Some(name_key_in(namespace, name)),
            (Kind::Group | Kind::Direct, _) => None,
        }
    }

    /// The refusal of its name, since another one has it.
    pub fn name_taken(&self) -> Refusal {
        if self.kind == Kind::Channel { Refusal::ChannelNameTaken } else { Refusal::GroupNameTaken }
    }

    /// Whether this is a channel that the server made itself: whoever is in it, nobody owns it.
    pub fn is_commons(&self) -> bool {
        self.kind == Kind::Channel && self.namespace.is_some()
    }

    /// Whether a member with this role may post here.
    pub fn may_post(&self, role: Role) -> Result<(), Refusal> {
        match self.post {
            PostPolicy::Members => Ok(()),
            PostPolicy::Owners if role == Role::Owner => Ok(()),
            PostPolicy::Owners => Err(Refusal::NotOwner),
        }
    }

    /// Whether people may come and go.
    pub fn check_open_membership(&self) -> Result<(), Refusal> {
        if self.kind == Kind::Direct { Err(Refusal::FixedMembers) } else { Ok(()) }
    }
}

/// Takes the name of a group or channel: 1 to 100 characters, one line, in NFC.
pub fn parse_name(kind: Kind, name: Option<&str>) -> Result<Option<String>, Refusal> {
    let Some(name) = name else {
        return match kind {
            Kind::Channel => Err(Refusal::invalid("name", "A channel needs a name.")),
            Kind::Group | Kind::Direct => Ok(None),
        };
    };
    if kind == Kind::Direct {
        return Err(Refusal::invalid("name", "A direct conversation has no name. Make a group instead."));
    }
    let name: String = name.trim().nfc().take(NAME_LIMIT + 1).collect();
    if name.is_empty() || name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
        return Err(Refusal::invalid("name", format!("A name has 1 to {NAME_LIMIT} characters and no line breaks.")));
    }
    Ok(Some(name))
}

/// What makes a channel's name unique.
pub fn name_key(name: &str) -> String {
    fold(name)
}

/// What makes a group's name unique among those of its namespace. No name holds a control character.
pub fn name_key_in(namespace: &str, name: &str) -> String {
    format!("{namespace}\u{1f}{}", fold(name))
}

/// What makes a direct conversation unique: its people's numbers, in order, once each.
pub fn direct_key(people: &[UserId]) -> String {
    let mut ids: Vec<i64> = people.iter().map(|user| user.0).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(",")
}

/// The people of a direct conversation, in order.
pub fn people_of(direct_key: &str) -> Vec<UserId> {
    direct_key.split(',').filter_map(|id| id.parse().ok()).map(UserId).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_people_has_one_key() {
        assert_eq!(direct_key(&[UserId(3), UserId(1), UserId(3)]), direct_key(&[UserId(1), UserId(3)]));
        assert_ne!(direct_key(&[UserId(13)]), direct_key(&[UserId(1), UserId(3)]));
        assert_eq!(people_of(&direct_key(&[UserId(30), UserId(4)])), [UserId(4), UserId(30)]);
    }

    #[test]
    fn names_fit_their_kind() {
        assert!(parse_name(Kind::Channel, None).is_err());
        assert!(parse_name(Kind::Direct, Some("x")).is_err());
        assert!(parse_name(Kind::Group, Some("two\nlines")).is_err());
        assert_eq!(parse_name(Kind::Group, Some(" team ")).ok().flatten().as_deref(), Some("team"));
        assert!(parse_name(Kind::Group, Some(&"x".repeat(101))).is_err());
    }
}
