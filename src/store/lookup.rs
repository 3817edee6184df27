//! Single looks at the database, each true at a moment of its own: for what needs no head to stream from.

use super::{
    Store, StoreError, blocks, contacts, conversations, departures, invitations, links, messages, sessions, stays,
    users,
};
use crate::domain::access::Stay;
use crate::domain::contacts::Contact;
use crate::domain::conversations::{Conversation, Kind, Role};
use crate::domain::invitations::Invitation;
use crate::domain::links::Link;
use crate::domain::sessions::Session;
use crate::domain::users::User;
use crate::domain::{ConversationId, MessageId, Seq, SessionId, Timestamp, UserId};

impl Store {
    /// A user by number.
    pub async fn user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        Ok(users::by_ids(&self.read, &[id]).await?.pop())
    }

    /// A user by the key of the name.
    pub async fn user_by_name(&self, key: &str) -> Result<Option<User>, StoreError> {
        Ok(users::by_names(&self.read, &[key.to_owned()]).await?.pop())
    }

    /// Users by number, in no order.
    pub async fn users_by_ids(&self, ids: &[UserId]) -> Result<Vec<User>, StoreError> {
        Ok(users::by_ids(&self.read, ids).await?)
    }

    /// A conversation by number.
    pub async fn conversation(&self, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
        Ok(conversations::by_ids(&self.read, &[id]).await?.pop())
    }

    /// Users by the keys of their names.
    pub async fn users_by_names(&self, keys: &[String]) -> Result<Vec<User>, StoreError> {
        Ok(users::by_names(&self.read, keys).await?)
    }

    /// A user by the key of the address.
    pub async fn user_by_email(&self, key: &str) -> Result<Option<User>, StoreError> {
        Ok(users::by_email(&self.read, key).await?)
    }

    /// All users, by number.
    pub async fn users(&self) -> Result<Vec<User>, StoreError> {
        Ok(users::all(&self.read).await?)
    }

    /// Whether an owner has approved another as a contact.
    pub async fn is_contact(&self, owner: UserId, other: UserId) -> Result<bool, StoreError> {
        Ok(contacts::approved(&self.read, owner, other).await?)
    }

    /// What owners say to others, each of these pairs.
    pub async fn contacts_among(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<Contact>, StoreError> {
        Ok(if pairs.is_empty() { Vec::new() } else { contacts::among(&self.read, pairs).await? })
    }

    /// Those of these pairs of whom the first has blocked the second.
    pub async fn blocks_among(&self, pairs: &[(UserId, UserId)]) -> Result<Vec<(UserId, UserId)>, StoreError> {
        Ok(if pairs.is_empty() { Vec::new() } else { blocks::among(&self.read, pairs).await? })
    }

    /// A mailed link by the hash of its secret.
    pub async fn link(&self, secret_hash: &str) -> Result<Option<Link>, StoreError> {
        Ok(links::by_secret(&self.read, secret_hash).await?)
    }

    /// An invitation by the hash of its secret.
    pub async fn invitation_by_secret(&self, secret_hash: &str) -> Result<Option<Invitation>, StoreError> {
        Ok(invitations::by_secret(&self.read, secret_hash).await?)
    }

    /// Those who have deleted their accounts and are not out of their conversations yet.
    pub async fn departing(&self) -> Result<Vec<UserId>, StoreError> {
        Ok(departures::all(&self.read).await?)
    }

    /// A session by number.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        Ok(sessions::by_id(&self.read, id).await?)
    }

    /// A cookie's or key's session by the hash of its secret.
    pub async fn session_by_secret(&self, hash: &[u8]) -> Result<Option<Session>, StoreError> {
        Ok(sessions::by_secret(&self.read, hash).await?)
    }

    /// The sessions revoked after a moment.
    pub async fn revoked_since(&self, moment: Timestamp) -> Result<Vec<SessionId>, StoreError> {
        Ok(sessions::revoked_since(&self.read, moment).await?)
    }

    /// Whether a ticket opened a stream before.
    pub async fn ticket_was_used(&self, id: &str) -> Result<bool, StoreError> {
        Ok(sessions::ticket_was_used(&self.read, id).await?)
    }

    /// In which conversation a message stands, and where on the line. Neither ever changes.
    pub async fn place_of(&self, id: MessageId) -> Result<Option<(ConversationId, Seq)>, StoreError> {
        Ok(messages::places(&self.read, &[id]).await?.remove(&id))
    }

    /// What somebody is in a conversation, if he is in it.
    pub async fn role(&self, conversation: ConversationId, user: UserId) -> Result<Option<Role>, StoreError> {
        let lasting = stays::lasting_among(&self.read, &[(conversation, user)]).await?;
        Ok(lasting.first().map(|stay| stay.role))
    }

    /// All stays of a user that last or ended at or after a place.
    pub async fn stays_of(&self, user: UserId, since: Seq) -> Result<Vec<(ConversationId, Stay)>, StoreError> {
        Ok(stays::of_user(&self.read, user, since).await?)
    }

    /// A channel by the key of its name.
    pub async fn channel_by_name(&self, key: &str) -> Result<Option<Conversation>, StoreError> {
        let found = conversations::by_unique_name(&self.read, key).await?;
        // Whatever somebody makes up for a key: a group is not found by its name.
        Ok(found.filter(|conversation| conversation.kind == Kind::Channel))
    }
}
