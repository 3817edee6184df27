//! Mailed links in the database.

use super::entity::links::{ActiveModel, Column, Entity, Model};
use super::sizes::rounded;
use super::{to_word, word};
use crate::domain::links::{Link, Purpose};
use crate::domain::{Timestamp, UserId};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect,
};

fn link(row: Model) -> Result<Link, DbErr> {
    Ok(Link {
        secret_hash: row.secret_hash,
        user: UserId(row.user_id),
        purpose: word("links.purpose", &row.purpose)?,
        email: row.email.unwrap_or_default(),
        created_at: Timestamp(row.created_at),
        expires_at: Timestamp(row.expires_at),
        used_at: row.used_at.map(Timestamp),
    })
}

pub(super) fn row(link: &Link) -> ActiveModel {
    ActiveModel {
        secret_hash: Set(link.secret_hash.clone()),
        user_id: Set(link.user.0),
        purpose: Set(to_word(link.purpose)),
        email: Set(Some(link.email.clone())),
        created_at: Set(link.created_at.0),
        expires_at: Set(link.expires_at.0),
        used_at: Set(link.used_at.map(|at| at.0)),
    }
}

pub(super) async fn by_secret(db: &impl ConnectionTrait, hash: &str) -> Result<Option<Link>, DbErr> {
    Entity::find_by_id(hash).one(db).await?.map(link).transpose()
}

/// How many links of one sort a user has that are still good.
pub(super) async fn count(
    db: &impl ConnectionTrait,
    user: UserId,
    purpose: Purpose,
    now: Timestamp,
) -> Result<u64, DbErr> {
    let open = Entity::find()
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Purpose.eq(to_word(purpose)))
        .filter(Column::UsedAt.is_null())
        .filter(Column::ExpiresAt.gt(now.0));
    open.count(db).await
}

/// Takes away the links of a user: all, or those of one sort.
pub(super) async fn forget_of(db: &impl ConnectionTrait, user: UserId, purpose: Option<Purpose>) -> Result<(), DbErr> {
    let mut these = Entity::delete_many().filter(Column::UserId.eq(user.0));
    if let Some(purpose) = purpose {
        these = these.filter(Column::Purpose.eq(to_word(purpose)));
    }
    these.exec(db).await.map(drop)
}

/// Counts the links of one sort that a user has as used from a moment on.
pub(super) async fn use_of(
    db: &impl ConnectionTrait,
    user: UserId,
    purpose: Purpose,
    at: Timestamp,
) -> Result<(), DbErr> {
    let these = Entity::update_many()
        .col_expr(Column::UsedAt, Expr::value(at.0))
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Purpose.eq(to_word(purpose)));
    these.exec(db).await.map(drop)
}

/// Takes away the links that ended before a moment, at most so many. Returns how many there were.
pub(super) async fn forget(db: &impl ConnectionTrait, before: Timestamp, most: u64) -> Result<u64, DbErr> {
    let ended =
        Entity::find().select_only().column(Column::SecretHash).filter(Column::ExpiresAt.lte(before.0)).limit(most);
    let ended: Vec<String> = ended.into_tuple().all(db).await?;
    if ended.is_empty() {
        return Ok(0);
    }
    Ok(Entity::delete_many().filter(Column::SecretHash.is_in(rounded(ended))).exec(db).await?.rows_affected)
}
