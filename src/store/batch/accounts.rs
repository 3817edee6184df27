//! Accounts in a batch: mailed links, invitations, and leaving for good.

use super::{Abort, Batch};
use crate::domain::contacts::Contact;
use crate::domain::departures::Departure;
use crate::domain::events::{Happening, Profile, Topic};
use crate::domain::invitations::Invitation;
use crate::domain::links::{Link, Purpose};
use crate::domain::users::{User, tombstone};
use crate::domain::{ConversationId, InvitationId, Timestamp, UserId};
use crate::store::{blocks, contacts, departures, entity, events, invitations, links, presence, stays, users};
use sea_orm::EntityTrait;

impl Batch {
    /// A link by the hash of its secret.
    pub async fn link(&mut self, secret_hash: &str) -> Result<Option<Link>, Abort> {
        self.write_pending().await?;
        Ok(links::by_secret(&self.db, secret_hash).await?)
    }

    /// How many links of one sort a user has that are still good.
    pub async fn open_links(&mut self, user: UserId, purpose: Purpose) -> Result<u64, Abort> {
        self.write_pending().await?;
        Ok(links::count(&self.db, user, purpose, self.at()).await?)
    }

    /// Makes a link.
    pub async fn insert_link(&mut self, link: &Link) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        entity::links::Entity::insert(links::row(link)).exec_without_returning(&self.db).await?;
        Ok(())
    }

    /// Takes away the links of a user: all, or those of one sort.
    pub async fn forget_links_of(&mut self, user: UserId, purpose: Option<Purpose>) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(links::forget_of(&self.db, user, purpose).await?)
    }

    /// Counts the links of one sort that a user has as used now.
    pub async fn use_links_of(&mut self, user: UserId, purpose: Purpose) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(links::use_of(&self.db, user, purpose, self.at()).await?)
    }

    /// Takes away links that ended, invitations that ended before a moment, and accounts that were never activated,
    /// whose names are free again.
    pub async fn forget_unused(&mut self, before: Timestamp, most: u64) -> Result<bool, Abort> {
        self.write_pending().await?;
        self.writes += 1;
        let links = links::forget(&self.db, self.at(), most).await?;
        let invitations = invitations::forget(&self.db, before, most).await?;
        let waited = self.at().minus(Purpose::Activate.lasts());
        let accounts = users::never_activated(&self.db, waited, most).await?;
        let more = [links, invitations, accounts.len() as u64].contains(&most);
        for user in accounts {
            self.forget_user(user);
        }
        Ok(more)
    }

    /// An invitation by the hash of its secret.
    pub async fn invitation_by_secret(&mut self, secret_hash: &str) -> Result<Option<Invitation>, Abort> {
        self.write_pending().await?;
        Ok(invitations::by_secret(&self.db, secret_hash).await?)
    }

    /// An invitation by number.
    pub async fn invitation(&mut self, id: InvitationId) -> Result<Option<Invitation>, Abort> {
        self.write_pending().await?;
        Ok(invitations::by_id(&self.db, id).await?)
    }

    /// Makes an invitation and returns it with its number.
    pub async fn insert_invitation(&mut self, new: Invitation) -> Result<Invitation, Abort> {
        self.write_pending().await?;
        self.writes += 1;
        self.clock.last_invitation.0 += 1;
        let invitation = Invitation { id: self.clock.last_invitation, created_at: self.at(), ..new };
        entity::invitations::Entity::insert(invitations::row(&invitation)).exec_without_returning(&self.db).await?;
        Ok(invitation)
    }

    /// Writes an invitation as it is now.
    pub async fn update_invitation(&mut self, invitation: &Invitation) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(invitations::update(&self.db, invitation).await?)
    }

    /// Takes an invitation back.
    pub async fn delete_invitation(&mut self, id: InvitationId) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(invitations::delete(&self.db, id).await?)
    }

    /// Leaves of an account no more than its number and a hash of its name. Of what ties it to others there may be much, which
    /// goes in parts: [`Self::forget_privately`] and the rest of the departure.
    pub async fn bury(&mut self, user: &User, departure: &Departure) -> Result<User, Abort> {
        self.write_pending().await?;
        self.writes += 1;
        let gone = user.clone().gone();
        users::update(&self.db, &gone).await?;
        users::rename_key(&self.db, user.id, &tombstone(&user.username.key())).await?;
        links::forget_of(&self.db, user.id, None).await?;
        presence::forget(&self.db, user.id).await?;
        // The log remembers the address and the bio, which only he heard of.
        let nothing = Happening::UserUpdated(Profile::of(gone.reference()));
        events::overwrite(&self.db, Topic::User(user.id), nothing.kind(), &nothing.data()).await?;
        departures::insert(&self.db, departure).await?;
        self.forget_user(user.id);
        self.set.users.insert(user.id, gone.clone());
        Ok(gone)
    }

    /// Remembers nothing of somebody that may not be true any more.
    fn forget_user(&mut self, id: UserId) {
        self.set.users.remove(&id);
        self.set.names.retain(|_, known| *known != Some(id));
        self.set.blocks.retain(|(blocker, _), _| *blocker != id);
        self.set.positions.retain(|(reader, _), _| *reader != id);
        // They show the author's name.
        self.set.messages.clear();
        self.set.client_ids.clear();
    }

    /// Some of the entries between him and others, in whosever list.
    pub async fn contacts_with(&mut self, user: UserId, most: u64) -> Result<Vec<Contact>, Abort> {
        self.write_pending().await?;
        Ok(contacts::with(&self.db, user, most).await?)
    }

    /// Some of those who have blocked him.
    pub async fn blockers_of(&mut self, user: UserId, most: u64) -> Result<Vec<UserId>, Abort> {
        self.write_pending().await?;
        Ok(blocks::blockers(&self.db, user, most).await?)
    }

    /// How far somebody has come who leaves for good; none if he is gone, or stays.
    pub async fn departure(&mut self, user: UserId) -> Result<Option<Departure>, Abort> {
        self.write_pending().await?;
        Ok(departures::of_user(&self.db, user).await?)
    }

    /// Takes away some of what only he could see. Whether there was any.
    pub async fn forget_privately(&mut self, user: UserId, most: u64) -> Result<bool, Abort> {
        self.write_pending().await?;
        self.set.positions.retain(|(reader, _), _| *reader != user);
        let any = departures::forget_some(&self.db, user, most).await?;
        self.writes += u64::from(any);
        Ok(any)
    }

    /// The next conversations that he is or ever was in.
    pub async fn conversations_behind(
        &mut self,
        departure: &Departure,
        most: u64,
    ) -> Result<Vec<ConversationId>, Abort> {
        self.write_pending().await?;
        Ok(stays::conversations_of(&self.db, departure.user, departure.after, most).await?)
    }

    /// Writes how far he has come.
    pub async fn update_departure(&mut self, departure: &Departure) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(departures::update(&self.db, departure).await?)
    }

    /// He is gone.
    pub async fn end_departure(&mut self, user: UserId) -> Result<(), Abort> {
        self.write_pending().await?;
        self.writes += 1;
        Ok(departures::delete(&self.db, user).await?)
    }
}
