//! Contacts in the database: what each says to those who want to write to him.

use super::entity::contacts::Entity;
use crate::domain::UserId;
use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

/// Whether an owner has approved another.
pub(super) async fn approved(db: &impl ConnectionTrait, owner: UserId, other: UserId) -> Result<bool, DbErr> {
    let row = Entity::find_by_id((owner.0, other.0)).one(db).await?;
    Ok(row.is_some_and(|row| row.state == "approved"))
}
