//! What the `data` of events is made of.

use crate::domain::conversations::{Conversation, Kind, Member, PostPolicy, Role};
use crate::domain::sessions::{Scope, Session, SessionKind};
use crate::domain::users::{Circle, User, UserRef};
use crate::domain::{ConversationId, MessageId, SessionId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who came, went or changed, and by whom.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DeletedMessage")]
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
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ExpiredMessages")]
pub struct Expired {
    /// The last of them.
    pub up_to: MessageId,
}

/// A message that somebody does not want to see any more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[schemars(rename = "HiddenMessage")]
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Settings {
    /// Whether he is an administrator.
    pub admin: bool,
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
    /// Whether those who may see when he is there do.
    pub show_presence: bool,
}

/// An account: how it is named, and to its owner alone what else there is of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Profile {
    /// Who, as others name him.
    #[serde(flatten)]
    pub user: UserRef,
    /// What only he hears.
    #[serde(flatten)]
    pub own: Option<Box<Settings>>,
}

impl Profile {
    /// What the owner of an account hears of it.
    pub fn own(user: &User) -> Self {
        let own = Settings {
            admin: user.admin,
            email: user.email.clone(),
            email_confirmed: user.email_confirmed,
            bio: user.bio.clone(),
            bio_visible: user.bio_visible,
            inbox: user.inbox,
            show_presence: user.show_presence,
        };
        Self { user: user.reference(), own: Some(Box::new(own)) }
    }

    /// What others hear of it.
    pub fn of(user: UserRef) -> Self {
        Self { user, own: None }
    }
}

/// Whom it is about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct About {
    /// Who.
    pub user: UserRef,
}

/// A session or key that is no more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Ended {
    /// Its number.
    pub id: SessionId,
}
