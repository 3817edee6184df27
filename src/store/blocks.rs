//! Blocks in the database.

use super::entity::blocks::{ActiveModel, Column, Entity};
use super::pairs;
use crate::domain::{Timestamp, UserId};
use sea_orm::sea_query::ExprTrait;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
};

/// Those of these pairs of whom the first has blocked the second.
pub(super) async fn among(
    db: &impl ConnectionTrait,
    pairs: &[(UserId, UserId)],
) -> Result<Vec<(UserId, UserId)>, DbErr> {
    let mut rows = Vec::new();
    let values = pairs.iter().map(|(blocker, blocked)| (blocker.0, blocked.0));
    for these in pairs::conditions(Column::BlockerId, Column::BlockedId, values) {
        rows.extend(Entity::find().filter(these).all(db).await?);
    }
    Ok(rows.into_iter().map(|row| (UserId(row.blocker_id), UserId(row.blocked_id))).collect())
}

/// A part of whom somebody has blocked and since when, the newest first.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    blocker: UserId,
    below: Option<(Timestamp, UserId)>,
    limit: u64,
) -> Result<Vec<(UserId, Timestamp)>, DbErr> {
    let mut query = Entity::find().filter(Column::BlockerId.eq(blocker.0));
    if let Some((at, blocked)) = below {
        let same = Column::CreatedAt.eq(at.0).and(Column::BlockedId.lt(blocked.0));
        query = query.filter(Column::CreatedAt.lt(at.0).or(same));
    }
    let rows = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::BlockedId).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| (UserId(row.blocked_id), Timestamp(row.created_at))).collect())
}

/// The same from the oldest on, behind so many that are left out.
pub(super) async fn oldest(
    db: &impl ConnectionTrait,
    blocker: UserId,
    skip: u64,
    limit: u64,
) -> Result<Vec<(UserId, Timestamp)>, DbErr> {
    let query = Entity::find().filter(Column::BlockerId.eq(blocker.0));
    let query = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::BlockedId);
    let rows = query.offset(skip).limit(limit).all(db).await?;
    Ok(rows.into_iter().map(|row| (UserId(row.blocked_id), Timestamp(row.created_at))).collect())
}

/// How many somebody has blocked.
pub(super) async fn count(db: &impl ConnectionTrait, blocker: UserId) -> Result<u64, DbErr> {
    Entity::find().filter(Column::BlockerId.eq(blocker.0)).count(db).await
}

pub(super) async fn insert(
    db: &impl ConnectionTrait,
    blocker: UserId,
    blocked: UserId,
    at: Timestamp,
) -> Result<(), DbErr> {
    let row = ActiveModel { blocker_id: Set(blocker.0), blocked_id: Set(blocked.0), created_at: Set(at.0) };
    Entity::insert(row).exec_without_returning(db).await.map(drop)
}

pub(super) async fn delete(db: &impl ConnectionTrait, blocker: UserId, blocked: UserId) -> Result<(), DbErr> {
    Entity::delete_by_id((blocker.0, blocked.0)).exec(db).await.map(drop)
}

/// Some of those who have blocked somebody.
pub(super) async fn blockers(db: &impl ConnectionTrait, blocked: UserId, most: u64) -> Result<Vec<UserId>, DbErr> {
    let rows = Entity::find().filter(Column::BlockedId.eq(blocked.0)).limit(most).all(db).await?;
    Ok(rows.into_iter().map(|row| UserId(row.blocker_id)).collect())
}
