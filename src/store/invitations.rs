//! Invitations in the database.

use super::entity::invitations::{ActiveModel, Column, Entity, Model};
use super::sizes::rounded;
use crate::domain::invitations::Invitation;
use crate::domain::{InvitationId, Timestamp, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// Who made an invitation when the operator did.
const OPERATOR: i64 = 0;

fn invitation(row: Model) -> Invitation {
    Invitation {
        id: InvitationId(row.id),
        secret_hash: row.secret_hash,
        name: row.name,
        created_by: (row.created_by != OPERATOR).then_some(UserId(row.created_by)),
        uses_left: row.uses_left,
        used: row.used,
        created_at: Timestamp(row.created_at),
        expires_at: Timestamp(row.expires_at),
    }
}

pub(super) fn row(invitation: &Invitation) -> ActiveModel {
    ActiveModel {
        id: Set(invitation.id.0),
        secret_hash: Set(invitation.secret_hash.clone()),
        name: Set(invitation.name.clone()),
        created_by: Set(invitation.created_by.map_or(OPERATOR, |user| user.0)),
        uses_left: Set(invitation.uses_left),
        used: Set(invitation.used),
        created_at: Set(invitation.created_at.0),
        expires_at: Set(invitation.expires_at.0),
    }
}

pub(super) async fn by_secret(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Invitation>, DbErr> {
    Ok(Entity::find().filter(Column::SecretHash.eq(hash)).one(db).await?.map(invitation))
}

pub(super) async fn by_id(db: &impl ConnectionTrait, id: InvitationId) -> Result<Option<Invitation>, DbErr> {
    Ok(Entity::find_by_id(id.0).one(db).await?.map(invitation))
}

/// Invitations below a number, the newest first.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    below: Option<InvitationId>,
    limit: u64,
) -> Result<Vec<Invitation>, DbErr> {
    let mut query = Entity::find();
    if let Some(below) = below {
        query = query.filter(Column::Id.lt(below.0));
    }
    let rows = query.order_by_desc(Column::Id).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(invitation).collect())
}

pub(super) async fn update(db: &impl ConnectionTrait, invitation: &Invitation) -> Result<(), DbErr> {
    Entity::update(row(invitation)).exec(db).await.map(drop)
}

pub(super) async fn delete(db: &impl ConnectionTrait, id: InvitationId) -> Result<(), DbErr> {
    Entity::delete_by_id(id.0).exec(db).await.map(drop)
}

/// Takes away the invitations that ended before a moment, at most so many. Returns how many there were.
pub(super) async fn forget(db: &impl ConnectionTrait, before: Timestamp, most: u64) -> Result<u64, DbErr> {
    let ended = Entity::find().select_only().column(Column::Id).filter(Column::ExpiresAt.lt(before.0)).limit(most);
    let ended: Vec<i64> = ended.into_tuple().all(db).await?;
    if ended.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::Id.is_in(rounded(ended))).exec(db).await?.rows_affected)
}
