//! What the operator can do to the data: one list, the same beside a running server and without one.

use super::secret::Secret;
use crate::domain::departures::Legacy;
use crate::domain::events::KeyView;
use crate::domain::sessions::Scope;
use crate::domain::users::{Status, User};
use crate::domain::{ConversationId, Refusal, SessionId, Timestamp};
use crate::service::accounts::Registration;
use crate::service::condition::Condition;
use crate::service::invitations::{NewInvitation, Wanted};
use crate::service::sessions::{Credentials, Device, Keeps};
use crate::service::{CopyError, Failure, Services};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// One deed of the operator, as JSON on the admin socket: `{"verb":"suspend_user","name":"bob"}`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "verb", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Verb {
    /// Makes an account.
    AddUser { name: String, password: Secret, email: Option<String>, admin: bool },
    /// Makes an account without a password, for protocols that carry no credentials.
    AddOpenUser { name: String },
    /// Sets a password, which ends the user's sessions.
    SetPassword { name: String, password: Secret },
    /// Shuts somebody out, which ends all he has open, keys included.
    SuspendUser { name: String },
    /// Lets him in again.
    UnsuspendUser { name: String },
    /// Makes somebody an administrator, or makes him none.
    SetAdmin { name: String, admin: bool },
    /// Deletes somebody's account.
    DeleteUser { name: String, messages: Legacy },
    /// Makes an invitation.
    Invite { name: String, uses: i64, seconds: u64 },
    /// Tells who there is.
    // With braces: serde lets a plain word carry fields that nobody knows.
    ListUsers {},
    /// Tells of one account, if there is one.
    FindUser { name: String },
    /// Logs somebody in without a password.
    OpenSession { name: String },
    /// Makes an API key.
    AddKey { user: String, name: String, scopes: Vec<Scope>, conversation_id: Option<ConversationId> },
    /// Tells which keys somebody has.
    ListKeys { user: String },
    /// Ends one of them.
    RevokeKey { user: String, id: SessionId },
    /// Tells how the server is.
    Describe {},
    /// Copies the embedded database into a new file, at an absolute path as the server sees it.
    CopyDatabase { to: String },
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Outcome {
    Done,
    User { user: UserRow },
    Users { users: Vec<UserRow> },
    Found { user: Option<UserRow> },
    Session { access_token: Secret, expires_in: i64 },
    Key { key: Secret, row: KeyRow },
    Keys { keys: Vec<KeyRow> },
    Invitation { token: Secret, url: Option<Secret> },
    Described { condition: Condition },
}

/// An account as the operator sees it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct UserRow {
    pub id: i64,
    pub username: String,
    pub status: Status,
    pub admin: bool,
    /// Whether protocols without credentials may act as this user.
    pub open: bool,
    pub email: Option<String>,
    pub created_at: Timestamp,
}

/// A key as the operator sees it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct KeyRow {
    pub id: SessionId,
    pub name: String,
    pub scopes: Vec<Scope>,
    pub conversation_id: Option<ConversationId>,
    pub created_at: Timestamp,
}

/// Why it was not done.
#[derive(Debug, Clone, Serialize, Deserialize, thiserror::Error)]
#[error("{detail}")]
pub struct Denied {
    /// In words.
    pub detail: String,
    /// Whether a rule said so, rather than the machine.
    pub refused: bool,
}

impl From<Failure> for Denied {
    fn from(failure: Failure) -> Self {
        Self { detail: failure.to_string(), refused: matches!(failure, Failure::Refused(_)) }
    }
}

impl From<CopyError> for Denied {
    fn from(error: CopyError) -> Self {
        Self { detail: error.to_string(), refused: matches!(error, CopyError::NotEmbedded) }
    }
}

impl From<User> for UserRow {
    fn from(user: User) -> Self {
        let open = user.is_trusted();
        let User { id, username, status, admin, email, created_at, .. } = user;
        Self { id: id.0, username: username.as_str().to_owned(), status, admin, open, email, created_at }
    }
}

impl From<KeyView> for KeyRow {
    fn from(key: KeyView) -> Self {
        let KeyView { id, name, scopes, conversation_id, created_at } = key;
        Self { id, name, scopes, conversation_id, created_at }
    }
}

impl Verb {
    /// Does it. Nothing is hidden from the operator, so what is not there is said plainly.
    pub async fn carry_out(self, services: &Services) -> Result<Outcome, Denied> {
        if let Self::CopyDatabase { to } = self {
            return Ok(services.copy_database(Path::new(&to)).await.map(|()| Outcome::Done)?);
        }
        let named = self.named();
        self.done(services).await.map_err(|failure| {
            let Failure::Refused(Refusal::NotFound(kind)) = failure else { return failure.into() };
            let detail = named.iter().find(|(named, _)| *named == kind).map(|(_, detail)| detail.clone());
            detail.map_or_else(|| failure.into(), |detail| Denied { detail, refused: true })
        })
    }

    /// How long a server has to do it: a commit on a slow disk, and a password hash in a queue of others; or a copy of
    /// all there is.
    pub fn patience(&self) -> Duration {
        match self {
            Self::CopyDatabase { .. } => Duration::from_hours(24),
            _ => Duration::from_secs(30),
        }
    }

    /// What is said if something that it names is not there, by the kind of thing.
    fn named(&self) -> Vec<(&'static str, String)> {
        let no_user = |name: &str| ("user", format!("there is no user {name}; see `goldcrest user list`"));
        match self {
            Self::SetPassword { name, .. }
            | Self::SuspendUser { name }
            | Self::UnsuspendUser { name }
            | Self::SetAdmin { name, .. }
            | Self::DeleteUser { name, .. }
            | Self::OpenSession { name } => vec![no_user(name)],
            Self::AddKey { user, conversation_id, .. } => {
                let id = conversation_id.map_or(0, |id| id.0);
                vec![no_user(user), ("conversation", format!("there is no conversation {id} that {user} is in"))]
            }
            Self::ListKeys { user } => vec![no_user(user)],
            Self::RevokeKey { user, id } => {
                let no_key = format!("there is no key {id} of {user}; see `goldcrest key list {user}`");
                vec![no_user(user), ("key", no_key)]
            }
            Self::AddUser { .. }
            | Self::AddOpenUser { .. }
            | Self::Invite { .. }
            | Self::ListUsers {}
            | Self::FindUser { .. }
            | Self::Describe {}
            | Self::CopyDatabase { .. } => Vec::new(),
        }
    }

    async fn done(self, services: &Services) -> Result<Outcome, Failure> {
        match self {
            Self::AddUser { name, password, email, admin } => {
                let password = password.reveal().to_owned();
                let registration =
                    Registration { username: name, password, email, bio: None, invitation: None, through: None };
                let user = services.add_user(registration, admin).await?.into();
                Ok(Outcome::User { user })
            }
            Self::AddOpenUser { name } => {
                let user = services.add_open_user(&name, None).await?.into();
                Ok(Outcome::User { user })
            }
            Self::SetPassword { name, password } => {
                services.set_password(&name, password.reveal().to_owned()).await?;
                Ok(Outcome::Done)
            }
            Self::SuspendUser { name } => services.set_suspended(&name, true).await.map(|()| Outcome::Done),
            Self::UnsuspendUser { name } => services.set_suspended(&name, false).await.map(|()| Outcome::Done),
            Self::SetAdmin { name, admin } => services.set_admin(&name, admin).await.map(|()| Outcome::Done),
            Self::DeleteUser { name, messages } => services.delete_user(&name, messages).await.map(|()| Outcome::Done),
            Self::Invite { name, uses, seconds } => {
                let lasts = Duration::from_secs(seconds);
                let NewInvitation { token, url, .. } = services.invite_for(Wanted { name, uses, lasts }).await?;
                Ok(Outcome::Invitation { token: token.into(), url: url.map(Secret::from) })
            }
            Self::ListUsers {} => {
                let users = services.users().await?.into_iter().map(UserRow::from).collect();
                Ok(Outcome::Users { users })
            }
            Self::FindUser { name } => match services.account(&name).await {
                Err(Failure::Refused(Refusal::NotFound(_))) => Ok(Outcome::Found { user: None }),
                found => Ok(Outcome::Found { user: Some(found?.into()) }),
            },
            Self::Describe {} => Ok(Outcome::Described { condition: services.condition().await }),
            Self::OpenSession { name } => open_session(services, &name).await,
            Self::AddKey { user, name, scopes, conversation_id } => {
                let user = services.user(&user).await?.id;
                let key = services.create_key_for(user, name, &scopes, conversation_id).await?;
                Ok(Outcome::Key { key: key.key.into(), row: key.view.into() })
            }
            Self::ListKeys { user } => {
                let user = services.user(&user).await?.id;
                let keys = services.keys_of(user).await?.items.into_iter().map(KeyRow::from).collect();
                Ok(Outcome::Keys { keys })
            }
            Self::RevokeKey { user, id } => {
                let user = services.user(&user).await?.id;
                services.revoke_key_of(user, id).await?;
                Ok(Outcome::Done)
            }
            // Carried out before, since what can go wrong there is no rule of the domain.
            Self::CopyDatabase { .. } => Err(Failure::Broken),
        }
    }
}

async fn open_session(services: &Services, name: &str) -> Result<Outcome, Failure> {
    let device = Device { name: "goldcrest token".to_owned(), keeps: Keeps::Tokens, address: None };
    match services.log_in_as(name, device).await?.credentials {
        Credentials::Tokens(pair) => {
            Ok(Outcome::Session { access_token: pair.access_token.into(), expires_in: pair.expires_in })
        }
        Credentials::Secret { .. } => Err(Failure::Broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verb_comes_back_from_json_as_it_was() {
        let verb = Verb::AddKey {
            user: "bob".into(),
            name: "backup".into(),
            scopes: vec![Scope::Send],
            conversation_id: None,
        };
        let json = serde_json::to_string(&verb).unwrap();
        assert_eq!(json, r#"{"verb":"add_key","user":"bob","name":"backup","scopes":["send"],"conversation_id":null}"#);
        assert!(matches!(serde_json::from_str(&json).unwrap(), Verb::AddKey { .. }));
        assert!(serde_json::from_str::<Verb>(r#"{"verb":"drop_everything"}"#).is_err());
    }

    #[test]
    fn a_password_is_not_in_debug_output() {
        let verb = Verb::SetPassword { name: "bob".into(), password: Secret::from("hunter22".to_owned()) };
        assert!(!format!("{verb:?}").contains("hunter22"));
    }
}
