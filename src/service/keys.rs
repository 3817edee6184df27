//! API keys for scripts and bots: named, scoped, revocable, shown once.

use super::sessions::{Opening, open_session};
use super::tokens::opaque;
use super::{Failure, Page, Services, credentials};
use crate::domain::conversations::Kind;
use crate::domain::events::{Happening, KeyView, Topic};
use crate::domain::sessions::{Principal, Reach, Scope, Session, SessionKind, check_name};
use crate::domain::users::Status;
use crate::domain::{ConversationId, Refusal, UserId};
use crate::store::{Abort, Batch, Change};
use schemars::JsonSchema;
use serde::Serialize;

/// Keys that one user may have.
const KEYS: usize = 100;

/// A key as it is shown once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewKey {
    /// The key as lists show it.
    #[serde(flatten)]
    pub view: KeyView,
    /// The secret, to be sent as `Authorization: Bearer`.
    pub key: String,
}

impl Services {
    /// Makes a key.
    pub async fn create_key(
        &self,
        principal: &Principal,
        name: String,
        scopes: &[Scope],
        conversation: Option<ConversationId>,
    ) -> Result<NewKey, Failure> {
        principal.require_full()?;
        let (change, key) = new_key(principal.user, name, scopes, conversation)?;
        Ok(NewKey { view: self.submit_as(principal, change)?.await?, key })
    }

    /// Makes a key for a user: for the operator.
    pub async fn create_key_for(
        &self,
        user: UserId,
        name: String,
        scopes: &[Scope],
        conversation: Option<ConversationId>,
    ) -> Result<NewKey, Failure> {
        let (change, key) = new_key(user, name, scopes, conversation)?;
        Ok(NewKey { view: self.sequencer().submit(change).await?, key })
    }

    /// One's keys, oldest first.
    pub async fn keys(&self, principal: &Principal) -> Result<Page<KeyView>, Failure> {
        principal.require_full()?;
        self.keys_of(principal.user).await
    }

    /// The key by which somebody calls, if it is one.
    pub async fn key_at_hand(&self, principal: &Principal) -> Result<Option<KeyView>, Failure> {
        if !matches!(principal.reach, Reach::Key { .. }) {
            return Ok(None);
        }
        let session = self.store().session(principal.session).await?.ok_or(Refusal::Unauthorized)?;
        Ok(Some(view(&session)))
    }

    /// A user's keys: for the operator.
    pub async fn keys_of(&self, user: UserId) -> Result<Page<KeyView>, Failure> {
        let snapshot = self.store().snapshot().await?;
        let sessions = snapshot.sessions(user).await?;
        let head = snapshot.head();
        snapshot.close().await?;
        let keys = sessions.iter().filter(|session| session.kind == SessionKind::Key);
        Ok(Page { items: keys.map(view).collect(), next: None, head })
    }
}

/// The change that makes a key, and the key as its owner will hold it.
fn new_key(
    user: UserId,
    name: String,
    scopes: &[Scope],
    conversation: Option<ConversationId>,
) -> Result<(CreateKey, String), Refusal> {
    check_name(&name)?;
    if scopes.is_empty() {
        return Err(Refusal::invalid("scopes", "A key needs at least one scope: read or send."));
    }
    let has = |scope| scopes.contains(&scope);
    let reach = Reach::Key { read: has(Scope::Read), send: has(Scope::Send), conversation };
    let opening = Opening::key(name, reach);
    let key = opaque(credentials::KEY_MARK, opening.secret());
    Ok((CreateKey { user, opening, conversation }, key))
}

fn view(session: &Session) -> KeyView {
    let (scopes, conversation_id) = match session.reach {
        Reach::Full | Reach::Anonymous => (Vec::new(), None),
        Reach::Key { read, send, conversation } => {
            let scopes = [(read, Scope::Read), (send, Scope::Send)];
            (scopes.into_iter().filter(|(has, _)| *has).map(|(_, scope)| scope).collect(), conversation)
        }
    };
    KeyView { id: session.id, name: session.name.clone(), scopes, conversation_id, created_at: session.created_at }
}

struct CreateKey {
    user: UserId,
    opening: Opening,
    conversation: Option<ConversationId>,
}

impl Change for CreateKey {
    type Output = KeyView;

    async fn decide(&self, batch: &mut Batch) -> Result<KeyView, Abort> {
        let user = batch.user(self.user).await?.ok_or(Refusal::NotFound("user"))?;
        if user.status != Status::Active {
            return Err(Refusal::Suspended.into());
        }
        if let Some(id) = self.conversation {
            let conversation = batch.conversation(id).await?.ok_or(Refusal::NotFound("conversation"))?;
            if conversation.kind != Kind::Channel && batch.role(id, self.user).await?.is_none() {
                return Err(Refusal::NotFound("conversation").into());
            }
        }
        let keys = batch.sessions_of(self.user).await?;
        if keys.iter().filter(|session| session.kind == SessionKind::Key).count() >= KEYS {
            return Err(Refusal::TooMany("You have 100 API keys, which is the most. Revoke one first.").into());
        }
        let key = view(&open_session(batch, self.user, &self.opening));
        batch.emit(Topic::User(self.user), &Happening::KeyCreated(key.clone()));
        Ok(key)
    }

    fn done(&self, key: &KeyView) {
        tracing::info!(event.name = "key_made", user.id = self.user.0, session.id = key.id.0, "an API key was made");
    }
}
