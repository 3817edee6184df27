//! What changes in invitations, decided under the clock.

use crate::domain::invitations::Invitation;
use crate::domain::users::{Status, UserRef};
use crate::domain::{InvitationId, Refusal, Timestamp, UserId};
use crate::service::accounts::admin;
use crate::store::{Abort, Batch, Change};
use std::time::Duration;

/// Makes an invitation.
pub(super) struct Invite {
    pub by: Option<UserId>,
    pub name: String,
    pub uses: i64,
    pub lasts: Duration,
    pub secret_hash: String,
}

impl Change for Invite {
    type Output = (Invitation, Option<UserRef>);

    async fn decide(&self, batch: &mut Batch) -> Result<Self::Output, Abort> {
        let by = match self.by {
            Some(by) => Some(admin(batch, by).await?.reference()),
            None => None,
        };
        let new = Invitation {
            id: InvitationId(0),
            secret_hash: self.secret_hash.clone(),
            name: self.name.clone(),
            created_by: self.by,
            uses_left: self.uses,
            used: 0,
            created_at: Timestamp(0),
            expires_at: batch.at().plus(self.lasts),
        };
        Ok((batch.insert_invitation(new).await?, by))
    }

    fn done(&self, (invitation, _): &Self::Output) {
        let (id, by) = (invitation.id.0, self.by.map(|by| by.0));
        tracing::info!(event.name = "invitation_made", invitation.id = id, by.id = by, "an invitation was made");
    }
}

/// Takes an invitation back.
pub(super) struct Withdraw {
    pub by: UserId,
    pub id: InvitationId,
}

impl Change for Withdraw {
    type Output = ();

    async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
        admin(batch, self.by).await?;
        batch.invitation(self.id).await?.ok_or(Refusal::NotFound("invitation"))?;
        batch.delete_invitation(self.id).await
    }
}

/// The invitation of this secret, with one use less; the caller writes it once he has refused all that he refuses.
pub(in crate::service) async fn accept(batch: &mut Batch, secret_hash: &str) -> Result<Invitation, Abort> {
    let now = batch.at();
    let found = batch.invitation_by_secret(secret_hash).await?.filter(|invitation| invitation.is_good(now));
    let invitation = found.ok_or(Refusal::InvitationInvalid)?;
    // Whoever is shut out does not go on letting others in.
    if let Some(by) = invitation.created_by
        && !batch.user(by).await?.is_some_and(|user| user.admin && user.status == Status::Active)
    {
        return Err(Refusal::InvitationInvalid.into());
    }
    Ok(Invitation { uses_left: invitation.uses_left - 1, used: invitation.used + 1, ..invitation })
}
