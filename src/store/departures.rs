//! Deleted accounts in the database that are not out of their conversations yet, and what goes with an account.

use super::entity::departures::{ActiveModel, Column, Entity, Model};
use super::entity::{blocks, hidden, mentions, reads, stays, threads};
use crate::domain::departures::{Departure, Legacy};
use crate::domain::{ConversationId, UserId};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

fn departure(row: &Model) -> Departure {
    Departure {
        user: UserId(row.user_id),
        legacy: if row.erase_messages { Legacy::Delete } else { Legacy::Keep },
        after: ConversationId(row.after_conversation),
    }
}

fn row(departure: &Departure) -> ActiveModel {
    ActiveModel {
        user_id: Set(departure.user.0),
        erase_messages: Set(departure.legacy == Legacy::Delete),
        after_conversation: Set(departure.after.0),
    }
}

pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<UserId>, DbErr> {
    Ok(Entity::find().order_by_asc(Column::UserId).all(db).await?.iter().map(|row| UserId(row.user_id)).collect())
}

pub(super) async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Departure>, DbErr> {
    Ok(Entity::find_by_id(user.0).one(db).await?.as_ref().map(departure))
}

pub(super) async fn insert(db: &impl ConnectionTrait, departure: &Departure) -> Result<(), DbErr> {
    Entity::insert(row(departure)).exec_without_returning(db).await.map(drop)
}

pub(super) async fn update(db: &impl ConnectionTrait, departure: &Departure) -> Result<(), DbErr> {
    Entity::update(row(departure)).exec(db).await.map(drop)
}

pub(super) async fn delete(db: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    Entity::delete_by_id(user.0).exec(db).await.map(drop)
}

/// The conversations that somebody is or ever was in, after one, by number.
pub(super) async fn conversations(
    db: &impl ConnectionTrait,
    departure: &Departure,
    most: u64,
) -> Result<Vec<ConversationId>, DbErr> {
    let ids: Vec<i64> = stays::Entity::find()
        .select_only()
        .column(stays::Column::ConversationId)
        .distinct()
        .filter(stays::Column::UserId.eq(departure.user.0))
        .filter(stays::Column::ConversationId.gt(departure.after.0))
        .order_by_asc(stays::Column::ConversationId)
        .limit(most)
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(ConversationId).collect())
}

/// Takes away what only a person himself could see. What others see of him in their lists goes with events.
pub(super) async fn forget_person(db: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    let id = user.0;
    blocks::Entity::delete_many().filter(blocks::Column::BlockerId.eq(id)).exec(db).await?;
    reads::Entity::delete_many().filter(reads::Column::UserId.eq(id)).exec(db).await?;
    mentions::Entity::delete_many().filter(mentions::Column::UserId.eq(id)).exec(db).await?;
    threads::Entity::delete_many().filter(threads::Column::UserId.eq(id)).exec(db).await?;
    hidden::Entity::delete_many().filter(hidden::Column::UserId.eq(id)).exec(db).await.map(drop)
}
