//! Users in the database.

use super::entity::users::{ActiveModel, Column, Entity, Model};
use super::{to_word, word};
use crate::domain::users::{User, Username, fold};
use crate::domain::{Timestamp, UserId};
use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder};

pub(super) fn user(row: Model) -> Result<User, DbErr> {
    Ok(User {
        id: UserId(row.id),
        username: Username::stored(row.username),
        email: row.email,
        email_confirmed: row.email_confirmed,
        password_hash: row.password_hash,
        bio: row.bio,
        bio_visible: word("users.bio_visible", &row.bio_visible)?,
        inbox: word("users.inbox", &row.inbox)?,
        status: word("users.status", &row.status)?,
        admin: row.admin,
        created_at: Timestamp(row.created_at),
    })
}

pub(super) fn row(user: &User) -> ActiveModel {
    // An address that is not confirmed keeps nobody else from it.
    let email_key = user.email.as_deref().filter(|_| user.email_confirmed).map(fold);
    ActiveModel {
        id: Set(user.id.0),
        username: Set(user.username.as_str().to_owned()),
        username_key: Set(user.username.key()),
        email: Set(user.email.clone()),
        email_key: Set(email_key),
        password_hash: Set(user.password_hash.clone()),
        bio: Set(user.bio.clone()),
        status: Set(to_word(user.status)),
        admin: Set(user.admin),
        created_at: Set(user.created_at.0),
        email_confirmed: Set(user.email_confirmed),
        bio_visible: Set(to_word(user.bio_visible)),
        inbox: Set(to_word(user.inbox)),
    }
}

pub(super) async fn by_ids(db: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<User>, DbErr> {
    // A statement takes some ten thousands of values at most, and a conversation may have more people.
    let mut found = Vec::new();
    for some in ids.chunks(10_000) {
        let some = some.iter().map(|id| id.0);
        found.extend(Entity::find().filter(Column::Id.is_in(some)).all(db).await?);
    }
    found.into_iter().map(user).collect()
}

pub(super) async fn by_names(db: &impl ConnectionTrait, keys: &[String]) -> Result<Vec<User>, DbErr> {
    Entity::find().filter(Column::UsernameKey.is_in(keys)).all(db).await?.into_iter().map(user).collect()
}

pub(super) async fn by_email(db: &impl ConnectionTrait, key: &str) -> Result<Option<User>, DbErr> {
    Entity::find().filter(Column::EmailKey.eq(key)).one(db).await?.map(user).transpose()
}

pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<User>, DbErr> {
    Entity::find().order_by_asc(Column::Id).all(db).await?.into_iter().map(user).collect()
}

pub(super) async fn update(db: &impl ConnectionTrait, user: &User) -> Result<(), DbErr> {
    let mut row = row(user);
    row.created_at = sea_orm::ActiveValue::NotSet;
    Entity::update(row).exec(db).await.map(drop)
}
