//! What anybody may see of accounts, where a public place is read without an account.

use crate::domain::messages::Message;
use crate::domain::sessions::Principal;
use crate::domain::users::{Circle, User, Username};
use crate::domain::{ConversationId, Refusal, Timestamp, UserId};
use crate::service::messages::ListWish;
use crate::service::{Failure, MessagePage, Services};
use std::collections::HashMap;

/// Somebody as anybody sees him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUser {
    /// His number.
    pub id: UserId,
    /// His name as shown.
    pub username: Username,
    /// What he says of himself, if anything, and not to his contacts alone.
    pub bio: Option<String>,
    /// When he registered.
    pub created_at: Timestamp,
}

impl From<User> for PublicUser {
    fn from(user: User) -> Self {
        let bio = (user.bio_visible == Circle::Everyone && !user.bio.is_empty()).then_some(user.bio);
        Self { id: user.id, username: user.username, bio, created_at: user.created_at }
    }
}

/// Of whom a public place knows: those who came to it, and those who wrote there.
#[derive(Debug, Clone, Copy)]
pub struct Acquaintance {
    /// The older system through whose interface one came.
    pub system: &'static str,
    /// The public channel where one wrote, if there is one yet.
    pub channel: Option<ConversationId>,
}

impl Services {
    /// Those who wrote these messages, by number.
    pub async fn authors<'a>(
        &self,
        messages: impl IntoIterator<Item = &'a Message>,
    ) -> Result<HashMap<UserId, PublicUser>, Failure> {
        let mut ids: Vec<UserId> =
            messages.into_iter().filter_map(|message| Some(message.author.as_ref()?.id)).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found = self.store().users_by_ids(&ids).await?;
        Ok(found.into_iter().map(|user| (user.id, user.into())).collect())
    }

    /// Somebody by number, among those of whom a public place knows.
    pub async fn acquainted(&self, among: Acquaintance, id: UserId) -> Result<PublicUser, Failure> {
        self.if_acquainted(among, self.store().user(id).await?).await
    }

    /// The same by name.
    pub async fn acquainted_by_name(&self, among: Acquaintance, name: &str) -> Result<PublicUser, Failure> {
        let name = Username::parse("username", name).map_err(|_| Refusal::NotFound("user"))?;
        self.if_acquainted(among, self.known(&name).await?).await
    }

    async fn if_acquainted(&self, among: Acquaintance, user: Option<User>) -> Result<PublicUser, Failure> {
        let present = user.filter(User::is_present);
        let user = present.ok_or(Refusal::NotFound("user"))?;
        let came = user.via.as_deref() == Some(among.system);
        if came || self.has_written(&user, among.channel).await? {
            return Ok(user.into());
        }
        Err(Refusal::NotFound("user").into())
    }

    async fn has_written(&self, user: &User, channel: Option<ConversationId>) -> Result<bool, Failure> {
        if channel.is_none() {
            return Ok(false);
        }
        let sender = Some(user.username.as_str().to_owned());
        let wish = ListWish { conversation: channel, sender, said: true, ..ListWish::default() };
        let page = MessagePage { limit: 1, ..MessagePage::default() };
        Ok(!self.messages(&Principal::anonymous(), wish, page).await?.items.is_empty())
    }
}
