//! Who is there: answering who asks, and telling those who may see it when it changes.

mod teller;

use super::page;
use super::{Failure, Services};
use crate::domain::sessions::Principal;
use crate::domain::users::{User, UserRef, Username};
use crate::domain::{Refusal, Timestamp, UserId};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// The most names that one may ask about at once.
pub const NAMES_LIMIT: usize = 100;

/// Whether somebody is there, as the caller sees it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Presence")]
pub struct PresenceItem {
    /// Who.
    pub user: Somebody,
    /// Whether he has a stream open, or has polled within half a minute.
    pub online: bool,
    /// When he was last there; none while he is, and where it is not known or not to be seen.
    pub last_seen_at: Option<Timestamp>,
}

/// Somebody who was asked for by name.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Somebody {
    /// His number; none if nobody has this name.
    pub id: Option<UserId>,
    /// His name.
    pub username: Username,
}

impl From<UserRef> for Somebody {
    fn from(user: UserRef) -> Self {
        Self { id: Some(user.id), username: user.username }
    }
}

/// Who is there, as it was at a moment.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PresenceList {
    /// The part.
    pub items: Vec<PresenceItem>,
    /// What to ask with for the next part; none at the end.
    pub next: Option<String>,
    /// When it was so.
    pub at: Timestamp,
}

impl Services {
    /// Those who are there of all of whom the caller may see it, by number.
    pub async fn presence(
        &self,
        principal: &Principal,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<PresenceList, Failure> {
        principal.require_read(None)?;
        let after = cursor.map_or(Ok(0), page::parse_number)?;
        let viewer = principal.user;
        let at = Timestamp::now();
        let acquaintances = self.store().acquaintances(viewer).await?;
        let online = self.follower().hub().presence().online_among(acquaintances);
        let mut online: Vec<UserId> = online.into_iter().filter(|user| user.0 > after).collect();
        online.sort_unstable();
        online.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let next = page::next(&online, limit, ToString::to_string);
        let seen = self.store().seen_by(viewer, &online).await?;
        online.retain(|user| seen.contains_key(user));
        let mut items: Vec<PresenceItem> = self
            .store()
            .users_by_ids(&online)
            .await?
            .into_iter()
            .map(|user| PresenceItem { user: user.reference().into(), online: true, last_seen_at: None })
            .collect();
        items.sort_unstable_by_key(|item| item.user.id);
        Ok(PresenceList { items, next, at })
    }

    /// Whether these are there, in the order in which they were asked for. Who may not be seen looks as if he were not.
    pub async fn presence_of(&self, principal: &Principal, names: &[String]) -> Result<PresenceList, Failure> {
        principal.require_read(None)?;
        if names.len() > NAMES_LIMIT {
            return Err(Refusal::invalid("user", format!("Ask about at most {NAMES_LIMIT} people at once.")).into());
        }
        let mut asked = Vec::with_capacity(names.len());
        for name in names {
            let name = Username::parse("user", name)?;
            if !asked.iter().any(|(_, key)| *key == name.key()) {
                let key = name.key();
                asked.push((name, key));
            }
        }
        let viewer = principal.user;
        let at = Timestamp::now();
        let keys: Vec<String> = asked.iter().map(|(_, key)| key.clone()).collect();
        let mut found = self.store().users_by_names(&keys).await?;
        found.retain(User::is_present);
        let found: HashMap<String, UserRef> =
            found.into_iter().map(|user| (user.username.key(), user.reference())).collect();
        let ids: Vec<UserId> = found.values().map(|user| user.id).collect();
        let mut seen = self.store().seen_by(viewer, &ids).await?;
        if ids.contains(&viewer) {
            // Everybody sees himself.
            seen.insert(viewer, None);
        }
        let online = self.follower().hub().presence().online_among(seen.keys().copied());
        let item = |(username, key): (Username, String)| {
            let user = found.get(&key).cloned();
            let id = user.as_ref().map(|user| user.id);
            let online = id.is_some_and(|id| online.contains(&id));
            let last_seen_at = id.filter(|_| !online).and_then(|id| seen.get(&id).copied().flatten());
            PresenceItem { user: user.map_or(Somebody { id: None, username }, Somebody::from), online, last_seen_at }
        };
        Ok(PresenceList { items: asked.into_iter().map(item).collect(), next: None, at })
    }
}
