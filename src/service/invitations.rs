//! Invitations: letting people in where registration is not open to all.

mod changes;

use super::page::{self, parse_number};
use super::{Failure, Page, Services, tokens};
use crate::domain::invitations::{self, Invitation};
use crate::domain::sessions::Principal;
use crate::domain::users::UserRef;
use crate::domain::{InvitationId, Refusal, Timestamp, UserId};
use changes::{Invite, Withdraw};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;
use std::time::Duration;

pub(super) use changes::accept;

/// What somebody wants of a new invitation.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What it is for.
    pub name: String,
    /// How many people it lets in.
    pub uses: i64,
    /// How long it is good.
    pub lasts: Duration,
}

/// An invitation as administrators see it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Invitation")]
pub struct InvitationItem {
    /// Its number.
    pub id: InvitationId,
    /// What it is for.
    pub name: String,
    /// How many it still lets in.
    pub uses_left: i64,
    /// How many it has let in.
    pub used: i64,
    /// Who made it; nobody if the operator did.
    pub created_by: Option<UserRef>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// An invitation as it is shown once.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewInvitation {
    /// The invitation as lists show it.
    #[serde(flatten)]
    pub item: InvitationItem,
    /// What is given with a registration.
    pub token: String,
    /// Where to register with it, if it is known where the server is reached.
    pub url: Option<String>,
}

impl InvitationItem {
    fn new(invitation: Invitation, created_by: Option<UserRef>) -> Self {
        let Invitation { id, name, uses_left, used, created_at, expires_at, .. } = invitation;
        Self { id, name, uses_left, used, created_by, created_at, expires_at }
    }
}

impl Services {
    /// Makes an invitation, as an administrator.
    pub async fn invite(&self, principal: &Principal, wanted: Wanted) -> Result<NewInvitation, Failure> {
        principal.require_full()?;
        let (change, token) = new_invitation(wanted, Some(principal.user))?;
        let (invitation, by) = self.submit_as(principal, change)?.await?;
        Ok(self.shown_once(invitation, by, token))
    }

    /// Makes an invitation: for the operator.
    pub async fn invite_for(&self, wanted: Wanted) -> Result<NewInvitation, Failure> {
        let (change, token) = new_invitation(wanted, None)?;
        let (invitation, by) = self.sequencer().submit(change).await?;
        Ok(self.shown_once(invitation, by, token))
    }

    fn shown_once(&self, invitation: Invitation, by: Option<UserRef>, token: String) -> NewInvitation {
        let url = self.rules().public_url.clone().map(|mut url| {
            url.set_query(None);
            // An address has no segments only if nothing can stand behind its host.
            if let Ok(mut segments) = url.path_segments_mut() {
                segments.pop_if_empty().extend(["invitations", &token]);
            }
            url.into()
        });
        NewInvitation { item: InvitationItem::new(invitation, by), token, url }
    }

    /// All invitations, the newest first, to administrators.
    pub async fn invitations(
        &self,
        principal: &Principal,
        cursor: Option<&str>,
        limit: u64,
    ) -> Result<Page<InvitationItem>, Failure> {
        self.require_admin(principal).await?;
        let below = cursor.map(parse_number).transpose()?.map(InvitationId);
        let snapshot = self.store().snapshot().await?;
        let found = snapshot.invitations(below, limit).await?;
        let mut makers: Vec<UserId> = found.iter().filter_map(|invitation| invitation.created_by).collect();
        makers.sort_unstable();
        makers.dedup();
        let makers = snapshot.users_by_ids(&makers).await?;
        let makers: HashMap<UserId, UserRef> = makers.into_iter().map(|user| (user.id, user.reference())).collect();
        let head = snapshot.head();
        snapshot.close().await?;
        let next = page::next(&found, limit, |last| last.id.to_string());
        let item = |invitation: Invitation| {
            let by = invitation.created_by.and_then(|user| makers.get(&user).cloned());
            InvitationItem::new(invitation, by)
        };
        Ok(Page { items: found.into_iter().map(item).collect(), next, head })
    }

    /// Takes an invitation back, as an administrator.
    pub async fn withdraw(&self, principal: &Principal, id: InvitationId) -> Result<(), Failure> {
        principal.require_full()?;
        self.submit_as(principal, Withdraw { by: principal.user, id })?.await
    }
}

fn new_invitation(wanted: Wanted, by: Option<UserId>) -> Result<(Invite, String), Refusal> {
    let Wanted { name, uses, lasts } = wanted;
    invitations::check(&name, uses, lasts)?;
    let (token, secret_hash) = tokens::link_secret();
    Ok((Invite { by, name, uses, lasts, secret_hash }, token))
}
