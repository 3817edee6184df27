//! Deleted accounts in the database that are not out of their conversations yet, and what goes with them.

use super::entity::departures::{ActiveModel, Column, Entity, Model};
use super::entity::{hidden, mentions, reads, threads};
use super::sizes::rounded;
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

/// Takes away some of what only a person himself could see, which may be much. Whether there was any. What others see of
/// him in their lists goes with events.
pub(super) async fn forget_some(db: &impl ConnectionTrait, user: UserId, most: u64) -> Result<bool, DbErr> {
    let reads = forget::<reads::Entity>(db, reads::Column::UserId, reads::Column::ConversationId, user, most).await?;
    let named =
        forget::<mentions::Entity>(db, mentions::Column::UserId, mentions::Column::MessageId, user, most).await?;
    let took_part =
        forget::<threads::Entity>(db, threads::Column::UserId, threads::Column::ThreadId, user, most).await?;
    let hid = forget::<hidden::Entity>(db, hidden::Column::UserId, hidden::Column::MessageId, user, most).await?;
    Ok(reads || named || took_part || hid)
}

/// Deletes some rows of a user, told apart by the other column of their key.
async fn forget<E: EntityTrait>(
    db: &impl ConnectionTrait,
    whose: E::Column,
    which: E::Column,
    user: UserId,
    most: u64,
) -> Result<bool, DbErr> {
    let some = E::find().select_only().column(which).filter(whose.eq(user.0)).order_by_asc(which).limit(most);
    let some: Vec<i64> = some.into_tuple().all(db).await?;
    if some.is_empty() {
        return Ok(false);
    }
    let deleted = E::delete_many().filter(whose.eq(user.0)).filter(which.is_in(rounded(some))).exec(db).await?;
    Ok(deleted.rows_affected > 0)
}
