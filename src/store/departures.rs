//! Deleted accounts in the database that are not out of their conversations yet, and what goes with them.

use super::entity::departures::{ActiveModel, Column, Entity, Model};
use super::entity::{blocks, hidden, mentions, reads, threads};
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
    let blocked =
        forget::<blocks::Entity>(db, blocks::Column::BlockerId, blocks::Column::BlockedId, user, most).await?;
    Ok(reads || named || took_part || hid || blocked)
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

#[cfg(test)]
mod tests {
    use super::super::tests::{Crowd, open, together};
    use super::*;
    use crate::store::entity::blocks;
    use crate::store::{Abort, Batch, Change, Store};
    use sea_orm::PaginatorTrait;

    const GONE: UserId = UserId(1);
    const BLOCKED: u64 = 25;
    const MOST: u64 = 10;

    struct Block;

    impl Change for Block {
        type Output = ();

        async fn decide(&self, batch: &mut Batch) -> Result<(), Abort> {
            for other in 2..i64::try_from(BLOCKED).unwrap() + 2 {
                batch.insert_block(GONE, UserId(other)).await?;
            }
            Ok(())
        }
    }

    struct Bury;

    impl Change for Bury {
        type Output = bool;

        async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
            let user = batch.user(GONE).await?.expect("somebody");
            let departure = Departure { user: GONE, legacy: Legacy::Keep, after: ConversationId(0) };
            batch.bury(&user, &departure).await?;
            Ok(true)
        }
    }

    struct Forget;

    impl Change for Forget {
        type Output = bool;

        async fn decide(&self, batch: &mut Batch) -> Result<bool, Abort> {
            batch.forget_privately(GONE, MOST).await
        }
    }

    async fn one<C: Change>(store: &Store, change: C) -> C::Output {
        together(store, [change]).await.pop().expect("an answer").expect("it is done")
    }

    /// Whoever has blocked thousands does not hold up everybody when the account goes.
    #[tokio::test]
    async fn whom_somebody_has_blocked_is_forgotten_in_parts() {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        one(&store, Crowd(i64::try_from(BLOCKED).unwrap() + 1)).await;
        one(&store, Block).await;
        let left = async || blocks::Entity::find().count(&store.read).await.expect("a count");
        let mut before = left().await;
        assert_eq!(before, BLOCKED);
        let mut more = one(&store, Bury).await;
        loop {
            let now = left().await;
            assert!(before - now <= MOST, "{before} and then {now}");
            before = now;
            if !more {
                break;
            }
            more = one(&store, Forget).await;
        }
        assert_eq!(before, 0);
    }
}
