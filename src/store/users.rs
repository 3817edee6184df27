//! Users in the database.

use super::entity::links;
use super::entity::users::{ActiveModel, Column, Entity, Model};
use super::sizes::rounded;
use super::{to_word, word};
use crate::domain::users::{SparePassword, Status, User, Username, fold};
use crate::domain::{Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// Which users a list is about. All conditions hold together.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Only those in this state.
    pub status: Option<Status>,
    /// Only those whose name's key begins so.
    pub prefix: Option<String>,
    /// Only those behind this name's key.
    pub after: Option<String>,
}

pub(super) fn user(row: Model) -> Result<User, DbErr> {
    let spare_password = row.spare_password_hash.zip(row.spare_until);
    let spare_password = spare_password.map(|(hash, until)| SparePassword { hash, until: Timestamp(until) });
    Ok(User {
        id: UserId(row.id),
        username: Username::stored(row.username),
        email: row.email,
        email_confirmed: row.email_confirmed,
        password_hash: row.password_hash,
        bio: row.bio,
        bio_visible: word("users.bio_visible", &row.bio_visible)?,
        inbox: word("users.inbox", &row.inbox)?,
        show_presence: row.show_presence,
        status: word("users.status", &row.status)?,
        admin: row.admin,
        open: row.open,
        via: row.via,
        spare_password,
        created_at: Timestamp(row.created_at),
    })
}

pub(super) fn row(user: &User) -> ActiveModel {
    // An address that is not confirmed keeps nobody else from it.
    let email_key = user.email.as_deref().filter(|_| user.email_confirmed).map(fold);
    ActiveModel {
        id: Set(user.id.0),
        username: Set(user.username.as_str().to_owned()),
        // What a deleted account leaves of its name is written by itself.
        username_key: if user.status == Status::Deleted { NotSet } else { Set(user.username.key()) },
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
        open: Set(user.open),
        via: Set(user.via.clone()),
        spare_password_hash: Set(user.spare_password.as_ref().map(|spare| spare.hash.clone())),
        spare_until: Set(user.spare_password.as_ref().map(|spare| spare.until.0)),
        show_presence: Set(user.show_presence),
        // Written by itself, for many at once.
        last_seen_at: NotSet,
    }
}

pub(super) async fn by_ids(db: &impl ConnectionTrait, ids: &[UserId]) -> Result<Vec<User>, DbErr> {
    // A statement takes some ten thousands of values at most, and a conversation may have more people.
    let mut found = Vec::new();
    for some in ids.chunks(10_000) {
        let some = some.iter().map(|id| id.0);
        found.extend(Entity::find().filter(Column::Id.is_in(rounded(some))).all(db).await?);
    }
    found.into_iter().map(user).collect()
}

pub(super) async fn by_names(db: &impl ConnectionTrait, keys: &[String]) -> Result<Vec<User>, DbErr> {
    Entity::find().filter(Column::UsernameKey.is_in(rounded(keys))).all(db).await?.into_iter().map(user).collect()
}

pub(super) async fn by_email(db: &impl ConnectionTrait, key: &str) -> Result<Option<User>, DbErr> {
    Entity::find().filter(Column::EmailKey.eq(key)).one(db).await?.map(user).transpose()
}

/// The key of names, in an order that is the same everywhere: `PostgreSQL` has others too.
fn key(backend: DbBackend) -> SimpleExpr {
    let key = Expr::col((Entity, Column::UsernameKey));
    if backend == DbBackend::Postgres { Expr::cust_with_expr(r#"$1 COLLATE "C""#, key) } else { key }
}

/// Users by name, each with the key of his name, behind which the list goes on.
pub(super) async fn list(
    db: &impl ConnectionTrait,
    filter: &UserFilter,
    limit: u64,
) -> Result<Vec<(User, String)>, DbErr> {
    let key = || key(db.get_database_backend());
    let mut query = Entity::find();
    if let Some(status) = filter.status {
        query = query.filter(Column::Status.eq(to_word(status)));
    }
    if let Some(prefix) = &filter.prefix {
        // No name holds the last character that there is, and in UTF-8 it is behind all others.
        query = query.filter(key().gte(prefix.as_str())).filter(key().lt(format!("{prefix}\u{10ffff}")));
    }
    if let Some(after) = &filter.after {
        query = query.filter(key().gt(after.as_str()));
    }
    let rows = query.order_by(key(), sea_orm::Order::Asc).limit(limit).all(db).await?;
    let with_key = |row: Model| {
        let key = row.username_key.clone();
        Ok((user(row)?, key))
    };
    rows.into_iter().map(with_key).collect()
}

/// Takes away the accounts that waited for their activation since before a moment and have no link left for it, at most so
/// many.
pub(super) async fn never_activated(
    db: &impl ConnectionTrait,
    before: Timestamp,
    most: u64,
) -> Result<Vec<UserId>, DbErr> {
    let waiting = Column::Status.eq(to_word(Status::Pending)).and(Column::CreatedAt.lt(before.0));
    let with_link = links::Entity::find().select_only().column(links::Column::UserId);
    let with_link = sea_orm::QueryTrait::into_query(with_link);
    let forgotten = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(waiting)
        .filter(Column::Id.not_in_subquery(with_link))
        .limit(most);
    let ids: Vec<i64> = forgotten.into_tuple().all(db).await?;
    if !ids.is_empty() {
        Entity::delete_many().filter(Column::Id.is_in(rounded(ids.iter().copied()))).exec(db).await?;
    }
    Ok(ids.into_iter().map(UserId).collect())
}

/// Writes what makes a name unique, instead of what follows from the name.
pub(super) async fn rename_key(db: &impl ConnectionTrait, user: UserId, key: &str) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::UsernameKey, Expr::value(key))
        .filter(Column::Id.eq(user.0))
        .exec(db)
        .await
        .map(drop)
}

pub(super) async fn all(db: &impl ConnectionTrait) -> Result<Vec<User>, DbErr> {
    Entity::find().order_by_asc(Column::Id).all(db).await?.into_iter().map(user).collect()
}

pub(super) async fn update(db: &impl ConnectionTrait, user: &User) -> Result<(), DbErr> {
    let mut row = row(user);
    row.created_at = sea_orm::ActiveValue::NotSet;
    Entity::update(row).exec(db).await.map(drop)
}
