//! The closed list of what can happen, who may hear of it, and what it means for who hears what.

use super::blocks::BlockView;
use super::contacts::{ContactChange, ContactGone};
use super::conversations::{Conversation, Kind, Member, PostPolicy, Role};
use super::messages::Message;
use super::receipts::Receipt;
use super::sessions::{Scope, Session, SessionKind};
use super::users::{Circle, User, UserRef};
use super::{ConversationId, MessageId, Seq, SessionId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who hears of an event: exactly one audience. What two audiences hear is two events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// Everybody whose stay in the conversation covers the event, and who follows the channel.
    Conversation(ConversationId),
    /// One user's own streams.
    User(UserId),
}

impl Topic {
    /// The topic as one number, as the log keeps it: conversations above zero, users below.
    pub fn number(self) -> i64 {
        match self {
            Self::Conversation(id) => id.0,
            Self::User(id) => -id.0,
        }
    }

    /// The topic of such a number.
    pub fn from_number(number: i64) -> Self {
        if number > 0 { Self::Conversation(ConversationId(number)) } else { Self::User(UserId(-number)) }
    }
}

/// Everything that somebody can hear of. Each becomes `type` and `data` of the envelope.
#[derive(Debug, Clone)]
pub enum Happening {
    /// A conversation was made; its first members join by it.
    ConversationCreated {
        /// The conversation.
        conversation: Conversation,
        /// Its first members.
        members: Vec<Member>,
    },
    /// Its name or who may post changed.
    ConversationUpdated(Conversation),
    /// Somebody came.
    MemberAdded(MemberChange),
    /// Somebody left or was removed.
    MemberRemoved(MemberChange),
    /// Somebody's role changed.
    MemberUpdated(MemberChange),
    /// Somebody said something.
    MessageCreated(Message),
    /// Its author said it anew.
    MessageUpdated(Message),
    /// It was deleted for all; a tombstone is left.
    MessageDeleted(Deleted),
    /// The oldest messages of a conversation are kept no longer.
    MessagesExpired(Expired),
    /// The user deleted it for himself alone.
    MessageHidden(Hidden),
    /// Somebody has read on, and those hear it who are told.
    ReceiptUpdated(Receipt),
    /// Somebody asked to be somebody's contact: both hear it, each from his side.
    ContactRequested(ContactChange),
    /// What somebody says to somebody came about otherwise, or changed: both hear it.
    ContactUpdated(ContactChange),
    /// It was taken back or forgotten: both hear it.
    ContactDeleted(ContactGone),
    /// The user has blocked somebody.
    BlockCreated(BlockView),
    /// The user has taken a block back.
    BlockDeleted(UserRef),
    /// The user logged in somewhere.
    SessionCreated(SessionView),
    /// One of the user's sessions was used so that it lasts on.
    SessionUpdated(SessionView),
    /// One of the user's sessions ended.
    SessionRevoked(SessionId),
    /// The user made an API key.
    KeyCreated(KeyView),
    /// One of the user's keys ended.
    KeyRevoked(SessionId),
    /// An account changed: all of it to its owner, to others only how it is named now.
    UserUpdated {
        /// Who, as others name him.
        user: UserRef,
        /// What only he hears.
        own: Option<Box<Settings>>,
    },
}

/// Who came, went or changed, and by whom.
#[derive(Debug, Clone, Serialize)]
pub struct MemberChange {
    /// Whom it is about.
    pub user: UserRef,
    /// The role he has now; none once he is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Who did it.
    pub by: Option<UserRef>,
}

/// A message that is no more, and where it was.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deleted {
    /// Its number.
    pub id: MessageId,
    /// Where it was said.
    pub conversation_id: ConversationId,
    /// The root message of the thread that it replied in.
    pub thread_id: Option<MessageId>,
    /// Since when it is gone.
    pub deleted_at: Timestamp,
}

/// Messages that are kept no longer.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Expired {
    /// All up to this number are gone. Roots of threads that live on stay as tombstones until the last reply is gone.
    pub up_to: MessageId,
}

/// A message that somebody does not want to see any more.
#[derive(Debug, Clone, Serialize)]
pub struct Hidden {
    /// Its number.
    pub id: MessageId,
    /// Where it was said.
    pub conversation_id: ConversationId,
}

/// A session as its owner sees it: all that its list shows but which one asks.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Session")]
pub struct SessionView {
    /// Its number.
    pub id: SessionId,
    /// What its owner calls it.
    pub name: String,
    /// Token or cookie.
    pub kind: SessionKind,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its refresh token was last used, or, to the day, its cookie.
    pub last_used_at: Option<Timestamp>,
    /// When it ends if it is not used.
    pub expires_at: Option<Timestamp>,
}

impl SessionView {
    /// The view of a session.
    pub fn new(session: &Session) -> Self {
        let Session { id, kind, created_at, refreshed_at: last_used_at, expires_at, .. } = *session;
        Self { id, name: session.name.clone(), kind, created_at, last_used_at, expires_at }
    }
}

/// An API key as its owner sees it, without the secret.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Key")]
pub struct KeyView {
    /// Its number.
    pub id: SessionId,
    /// What its owner calls it.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// The one conversation that it is for.
    pub conversation_id: Option<ConversationId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A conversation as everybody in it sees it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "Conversation")]
pub struct ConversationView {
    /// Its number.
    pub id: ConversationId,
    /// Direct, group or channel.
    pub kind: Kind,
    /// Its name.
    pub name: Option<String>,
    /// Who may post.
    pub post: PostPolicy,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who is in it. Lists leave it out for channels that one is not in, and where more than 200 are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<Member>>,
}

impl ConversationView {
    /// The view of a conversation, with its members where they are told.
    pub fn new(conversation: Conversation, members: Option<Vec<Member>>) -> Self {
        let Conversation { id, kind, name, post, created_at, namespace: _, people: _ } = conversation;
        Self { id, kind, name, post, created_at, members }
    }
}

/// What only its owner sees of an account.
#[derive(Debug, Clone, Serialize)]
pub struct Settings {
    /// The private address, which counts once it is confirmed.
    pub email: Option<String>,
    /// Whether it is.
    pub email_confirmed: bool,
    /// What he says of himself.
    pub bio: String,
    /// Who may read that.
    pub bio_visible: Circle,
    /// Who may write to him directly.
    pub inbox: Circle,
}

impl Happening {
    /// What the owner of an account hears when something of it has changed.
    pub fn account_updated(user: &User) -> Self {
        let own = Settings {
            email: user.email.clone(),
            email_confirmed: user.email_confirmed,
            bio: user.bio.clone(),
            bio_visible: user.bio_visible,
            inbox: user.inbox,
        };
        Self::UserUpdated { user: user.reference(), own: Some(Box::new(own)) }
    }

    /// The `type` of the envelope.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ConversationCreated { .. } => "conversation.created",
            Self::ConversationUpdated(_) => "conversation.updated",
            Self::MemberAdded(_) => "member.added",
            Self::MemberRemoved(_) => "member.removed",
            Self::MemberUpdated(_) => "member.updated",
            Self::MessageCreated(_) => "message.created",
            Self::MessageUpdated(_) => "message.updated",
            Self::MessageDeleted(_) => "message.deleted",
            Self::MessagesExpired(_) => "messages.expired",
            Self::MessageHidden(_) => "message.hidden",
            Self::ReceiptUpdated(_) => "receipt.updated",
            Self::ContactRequested(_) => "contact.requested",
            Self::ContactUpdated(_) => "contact.updated",
            Self::ContactDeleted(_) => "contact.deleted",
            Self::BlockCreated(_) => "block.created",
            Self::BlockDeleted(_) => "block.deleted",
            Self::SessionCreated(_) => "session.created",
            Self::SessionUpdated(_) => "session.updated",
            Self::SessionRevoked(_) => "session.revoked",
            Self::KeyCreated(_) => "key.created",
            Self::KeyRevoked(_) => "key.revoked",
            Self::UserUpdated { .. } => "user.updated",
        }
    }

    /// The `data` of the envelope, as JSON.
    pub fn data(&self) -> String {
        #[derive(Serialize)]
        struct Id {
            id: SessionId,
        }
        #[derive(Serialize)]
        struct About<'a> {
            user: &'a UserRef,
        }
        #[derive(Serialize)]
        struct Profile<'a> {
            #[serde(flatten)]
            user: &'a UserRef,
            #[serde(flatten)]
            own: Option<&'a Settings>,
        }
        let json = match self {
            Self::ConversationCreated { conversation, members } => {
                serde_json::to_string(&ConversationView::new(conversation.clone(), Some(members.clone())))
            }
            Self::ConversationUpdated(conversation) => {
                serde_json::to_string(&ConversationView::new(conversation.clone(), None))
            }
            Self::MemberAdded(change) | Self::MemberRemoved(change) | Self::MemberUpdated(change) => {
                serde_json::to_string(change)
            }
            Self::MessageCreated(message) | Self::MessageUpdated(message) => serde_json::to_string(message),
            Self::MessageDeleted(deleted) => serde_json::to_string(deleted),
            Self::MessagesExpired(expired) => serde_json::to_string(expired),
            Self::MessageHidden(hidden) => serde_json::to_string(hidden),
            Self::ReceiptUpdated(receipt) => serde_json::to_string(receipt),
            Self::ContactRequested(change) | Self::ContactUpdated(change) => serde_json::to_string(change),
            Self::ContactDeleted(gone) => serde_json::to_string(gone),
            Self::BlockCreated(block) => serde_json::to_string(block),
            Self::BlockDeleted(user) => serde_json::to_string(&About { user }),
            Self::SessionCreated(session) | Self::SessionUpdated(session) => serde_json::to_string(session),
            Self::SessionRevoked(id) | Self::KeyRevoked(id) => serde_json::to_string(&Id { id: *id }),
            Self::KeyCreated(key) => serde_json::to_string(key),
            Self::UserUpdated { user, own } => serde_json::to_string(&Profile { user, own: own.as_deref() }),
        };
        // These types have neither maps with odd keys nor failing serializers, so there is always JSON.
        json.unwrap_or_else(|_| "null".to_owned())
    }

    /// The message whose text is in the `data`, and must not be any more once that is deleted.
    pub fn message(&self) -> Option<MessageId> {
        match self {
            Self::MessageCreated(message) | Self::MessageUpdated(message) => Some(message.id),
            _ => None,
        }
    }
}

/// An event as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place on the line.
    pub seq: Seq,
    /// Who hears of it.
    pub topic: Topic,
    /// Its `type`.
    pub kind: String,
    /// When it happened, never earlier than the one before.
    pub at: Timestamp,
    /// Its `data`, as JSON.
    pub data: String,
    /// The batch that it was committed in.
    pub batch: i64,
    /// The message whose text is in the `data`.
    pub message: Option<MessageId>,
}

/// What an event changes in who hears what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// These users hear the conversation from this event on.
    Join(ConversationId, Vec<UserId>),
    /// This user hears it up to this event.
    Leave(ConversationId, UserId),
    /// What was opened with this session ends.
    Revoke(SessionId),
    /// Earlier events show the text of this message no more, since then.
    Erase(MessageId, Timestamp),
    /// Earlier events show the text of no message up to this one any more, since then. Numbers and moments rise together
    /// over the whole server, so it holds in every conversation as soon as one has heard of it.
    Expire(MessageId, Timestamp),
}

impl Record {
    /// What the event changes in who hears what; most change nothing.
    pub fn effect(&self) -> Option<Effect> {
        #[derive(Deserialize)]
        struct Person {
            id: UserId,
        }
        #[derive(Deserialize)]
        struct Membership {
            user: Person,
        }
        #[derive(Deserialize)]
        struct Created {
            members: Vec<Membership>,
        }
        #[derive(Deserialize)]
        struct Revoked {
            id: SessionId,
        }
        match (self.kind.as_str(), self.topic) {
            ("conversation.created", Topic::Conversation(conversation)) => {
                let created: Created = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Join(conversation, created.members.into_iter().map(|member| member.user.id).collect()))
            }
            ("member.added", Topic::Conversation(conversation)) => {
                let added: Membership = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Join(conversation, vec![added.user.id]))
            }
            ("member.removed", Topic::Conversation(conversation)) => {
                let removed: Membership = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Leave(conversation, removed.user.id))
            }
            ("message.deleted", Topic::Conversation(_)) => {
                let deleted: Deleted = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Erase(deleted.id, deleted.deleted_at))
            }
            ("messages.expired", Topic::Conversation(_)) => {
                let expired: Expired = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Expire(expired.up_to, self.at))
            }
            ("session.revoked" | "key.revoked", Topic::User(_)) => {
                let revoked: Revoked = serde_json::from_str(&self.data).ok()?;
                Some(Effect::Revoke(revoked.id))
            }
            _ => None,
        }
    }
}
