//! Contacts in the database: what each says to those who want to write to him.

use super::entity::contacts::{ActiveModel, Column, Entity, Model};
use super::{pairs, to_word, word};
use crate::domain::contacts::{Contact, Direction, State};
use crate::domain::{Timestamp, UserId};
use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

fn contact(row: &Model) -> Result<Contact, DbErr> {
    Ok(Contact {
        owner: UserId(row.owner_id),
        other: UserId(row.other_id),
        state: word("contacts.state", &row.state)?,
        asked: row.asked,
        created_at: Timestamp(row.created_at),
        answered_at: row.answered_at.map(Timestamp),
    })
}

/// What owners say to others, each of these pairs.
pub(super) async fn among(db: &impl ConnectionTrait, pairs: &[(UserId, UserId)]) -> Result<Vec<Contact>, DbErr> {
    let mut rows = Vec::new();
    let values = pairs.iter().map(|(owner, other)| (owner.0, other.0));
    for these in pairs::conditions(Column::OwnerId, Column::OtherId, values) {
        rows.extend(Entity::find().filter(these).all(db).await?);
    }
    rows.iter().map(contact).collect()
}

/// Whether an owner has approved another.
pub(super) async fn approved(db: &impl ConnectionTrait, owner: UserId, other: UserId) -> Result<bool, DbErr> {
    Ok(among(db, &[(owner, other)]).await?.iter().any(|contact| contact.state == State::Approved))
}

/// A part of what somebody says to others, or of what others say to him, the newest first.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    user: UserId,
    direction: Direction,
    state: Option<State>,
    below: Option<(Timestamp, UserId)>,
    limit: u64,
) -> Result<Vec<Contact>, DbErr> {
    let (of, about) = match direction {
        Direction::Received => (Column::OwnerId, Column::OtherId),
        Direction::Sent => (Column::OtherId, Column::OwnerId),
    };
    let mut query = Entity::find().filter(of.eq(user.0));
    if let Some(state) = state {
        query = query.filter(Column::State.eq(to_word(state)));
    }
    if let Some((at, other)) = below {
        let same = Column::CreatedAt.eq(at.0).and(about.lt(other.0));
        query = query.filter(Column::CreatedAt.lt(at.0).or(same));
    }
    let rows = query.order_by_desc(Column::CreatedAt).order_by_desc(about).limit(limit).all(db).await?;
    rows.iter().map(contact).collect()
}

/// Writes an entry as it is now.
pub(super) async fn put(db: &impl ConnectionTrait, contact: &Contact) -> Result<(), DbErr> {
    let row = ActiveModel {
        owner_id: Set(contact.owner.0),
        other_id: Set(contact.other.0),
        state: Set(to_word(contact.state)),
        asked: Set(contact.asked),
        created_at: Set(contact.created_at.0),
        answered_at: Set(contact.answered_at.map(|at| at.0)),
    };
    let again = OnConflict::columns([Column::OwnerId, Column::OtherId])
        .update_columns([Column::State, Column::Asked, Column::CreatedAt, Column::AnsweredAt])
        .to_owned();
    Entity::insert(row).on_conflict(again).exec_without_returning(db).await.map(drop)
}

pub(super) async fn delete(db: &impl ConnectionTrait, owner: UserId, other: UserId) -> Result<(), DbErr> {
    Entity::delete_by_id((owner.0, other.0)).exec(db).await.map(drop)
}

/// Some of the entries between somebody and others, in whosever list.
pub(super) async fn with(db: &impl ConnectionTrait, user: UserId, most: u64) -> Result<Vec<Contact>, DbErr> {
    let mut rows = Entity::find().filter(Column::OwnerId.eq(user.0)).limit(most).all(db).await?;
    if (rows.len() as u64) < most {
        let rest = most - rows.len() as u64;
        rows.extend(Entity::find().filter(Column::OtherId.eq(user.0)).limit(rest).all(db).await?);
    }
    rows.iter().map(contact).collect()
}
