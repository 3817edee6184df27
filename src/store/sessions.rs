//! Sessions, cookies and API keys in the database, and the tickets that were used.

use super::entity::sessions::{ActiveModel, Column, Entity, Model};
use super::entity::used_tickets;
use super::sizes::rounded;
use super::{to_word, word};
use crate::domain::sessions::{Reach, Session, SessionKind};
use crate::domain::{ConversationId, SessionId, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, SimpleExpr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

fn session(row: Model) -> Result<Session, DbErr> {
    let kind: SessionKind = word("sessions.kind", &row.kind)?;
    let reach = match kind {
        SessionKind::Token | SessionKind::Cookie | SessionKind::Adapter => Reach::Full,
        SessionKind::Key => Reach::Key {
            read: row.scopes.split(' ').any(|scope| scope == "read"),
            send: row.scopes.split(' ').any(|scope| scope == "send"),
            conversation: row.conversation_id.map(ConversationId),
        },
    };
    Ok(Session {
        id: SessionId(row.id),
        user: UserId(row.user_id),
        kind,
        name: row.name,
        reach,
        audience: row.audience,
        refresh_hash: row.refresh_hash,
        refresh_generation: row.refresh_generation,
        refreshed_at: row.refreshed_at.map(Timestamp),
        created_at: Timestamp(row.created_at),
        expires_at: row.expires_at.map(Timestamp),
        revoked_at: row.revoked_at.map(Timestamp),
    })
}

pub(super) fn row(session: &Session, secret_hash: Option<Vec<u8>>) -> ActiveModel {
    let (scopes, conversation) = match session.reach {
        Reach::Full | Reach::Anonymous => (String::new(), None),
        Reach::Key { read, send, conversation } => {
            let words = [(read, "read"), (send, "send")];
            let scopes: Vec<_> = words.into_iter().filter(|(has, _)| *has).map(|(_, word)| word).collect();
            (scopes.join(" "), conversation)
        }
    };
    ActiveModel {
        id: Set(session.id.0),
        user_id: Set(session.user.0),
        kind: Set(to_word(session.kind)),
        name: Set(session.name.clone()),
        scopes: Set(scopes),
        conversation_id: Set(conversation.map(|id| id.0)),
        secret_hash: Set(secret_hash),
        refresh_hash: Set(session.refresh_hash.clone()),
        refresh_generation: Set(session.refresh_generation),
        refreshed_at: Set(session.refreshed_at.map(|at| at.0)),
        created_at: Set(session.created_at.0),
        expires_at: Set(session.expires_at.map(|at| at.0)),
        revoked_at: Set(session.revoked_at.map(|at| at.0)),
        audience: Set(session.audience.clone()),
    }
}

pub(super) async fn by_id(db: &impl ConnectionTrait, id: SessionId) -> Result<Option<Session>, DbErr> {
    Entity::find_by_id(id.0).one(db).await?.map(session).transpose()
}

pub(super) async fn by_secret(db: &impl ConnectionTrait, hash: &[u8]) -> Result<Option<Session>, DbErr> {
    Entity::find().filter(Column::SecretHash.eq(hash.to_vec())).one(db).await?.map(session).transpose()
}

/// The sessions of a user that were not revoked, oldest first, expired ones included.
pub(super) async fn of_user(db: &impl ConnectionTrait, user: UserId) -> Result<Vec<Session>, DbErr> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.0))
        .filter(Column::RevokedAt.is_null())
        .order_by_asc(Column::Id)
        .all(db)
        .await?;
    rows.into_iter().map(session).collect()
}

/// Sessions revoked after a moment: whose access tokens may not have run out yet.
pub(super) async fn revoked_since(db: &impl ConnectionTrait, moment: Timestamp) -> Result<Vec<SessionId>, DbErr> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::RevokedAt.gte(moment.0))
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(SessionId).collect())
}

/// Those of these that were revoked.
pub(super) async fn revoked_among(db: &impl ConnectionTrait, ids: &[SessionId]) -> Result<Vec<SessionId>, DbErr> {
    let ids: Vec<i64> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(rounded(ids.iter().map(|id| id.0))))
        .filter(Column::RevokedAt.is_not_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(ids.into_iter().map(SessionId).collect())
}

pub(super) async fn renew(db: &impl ConnectionTrait, session: &Session) -> Result<(), DbErr> {
    let row = ActiveModel {
        id: Set(session.id.0),
        refresh_hash: Set(session.refresh_hash.clone()),
        refresh_generation: Set(session.refresh_generation),
        refreshed_at: Set(session.refreshed_at.map(|at| at.0)),
        expires_at: Set(session.expires_at.map(|at| at.0)),
        ..Default::default()
    };
    Entity::update(row).exec(db).await.map(drop)
}

pub(super) async fn revoke(db: &impl ConnectionTrait, ids: &[SessionId], at: Timestamp) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::RevokedAt, Expr::value(at.0))
        .filter(Column::Id.is_in(rounded(ids.iter().map(|id| id.0))))
        .exec(db)
        .await
        .map(drop)
}

/// Sessions that ran out before a moment and were not revoked, at most so many.
pub(super) async fn expired(db: &impl ConnectionTrait, at: Timestamp, most: u64) -> Result<Vec<Session>, DbErr> {
    expired_at(at, most).all(db).await?.into_iter().map(session).collect()
}

fn expired_at(at: Timestamp, most: u64) -> Select<Entity> {
    Entity::find().filter(Column::RevokedAt.is_null()).filter(Column::ExpiresAt.lte(at.0)).limit(most)
}

/// Deletes sessions and tickets that ended before a moment, at most so many of each: they are of no use to anybody. Returns
/// whether there may be more.
pub(super) async fn forget(db: &impl ConnectionTrait, before: Timestamp, most: u64) -> Result<bool, DbErr> {
    let ended = Entity::find().select_only().column(Column::Id).filter(ended_before(before)).limit(most);
    let ended: Vec<i64> = ended.into_tuple().all(db).await?;
    let used = used_tickets::Entity::find().select_only().column(used_tickets::Column::Id);
    let used = used.filter(used_tickets::Column::ExpiresAt.lt(before.0)).limit(most);
    let used: Vec<String> = used.into_tuple().all(db).await?;
    let more = [ended.len(), used.len()].iter().any(|found| *found as u64 == most);
    if !ended.is_empty() {
        Entity::delete_many().filter(Column::Id.is_in(rounded(ended))).exec(db).await?;
    }
    if !used.is_empty() {
        used_tickets::Entity::delete_many().filter(used_tickets::Column::Id.is_in(rounded(used))).exec(db).await?;
    }
    Ok(more)
}

fn ended_before(moment: Timestamp) -> SimpleExpr {
    Column::RevokedAt.lt(moment.0).or(Column::ExpiresAt.lt(moment.0))
}

pub(super) async fn ticket_was_used(db: &impl ConnectionTrait, id: &str) -> Result<bool, DbErr> {
    Ok(used_tickets::Entity::find_by_id(id).one(db).await?.is_some())
}

pub(super) async fn use_ticket(
    db: &impl ConnectionTrait,
    id: &str,
    session: SessionId,
    expires_at: Timestamp,
) -> Result<(), DbErr> {
    let row =
        used_tickets::ActiveModel { id: Set(id.to_owned()), session_id: Set(session.0), expires_at: Set(expires_at.0) };
    used_tickets::Entity::insert(row).exec_without_returning(db).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sessions::tests::session as lasting;
    use crate::store::tests::open;
    use sea_orm::{DbBackend, QueryTrait};
    use std::time::Duration;

    #[tokio::test]
    async fn what_ended_is_forgotten_in_parts() {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        for id in 1..=7 {
            let ended = if id == 7 { Timestamp(9) } else { Timestamp(2) };
            let (id, expires_at) = (SessionId(id), Some(ended));
            let session = Session { id, expires_at, ..lasting(SessionKind::Token, Duration::ZERO) };
            Entity::insert(row(&session, None)).exec_without_returning(&store.write).await.expect("a session");
            use_ticket(&store.write, &id.to_string(), id, ended).await.expect("a ticket");
        }
        let mut left = Vec::new();
        while forget(&store.write, Timestamp(5), 4).await.expect("some are gone") {
            let sessions = Entity::find().all(&store.read).await.expect("sessions").len();
            left.push((sessions, used_tickets::Entity::find().all(&store.read).await.expect("tickets").len()));
        }
        assert_eq!(left, [(3, 3)], "four at a time");
        let kept = Entity::find().all(&store.read).await.expect("sessions");
        assert_eq!(kept.iter().map(|session| session.id).collect::<Vec<_>>(), [7]);
        assert!(ticket_was_used(&store.read, "7").await.expect("a look"));
    }

    /// What housekeeping asks each minute, under the clock, must not cost all sessions that there ever were.
    #[tokio::test]
    async fn sessions_that_ended_are_found_by_an_index() {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        let ended = Entity::find().filter(ended_before(Timestamp(5)));
        for (query, index) in [(expired_at(Timestamp(5), 10), "sessions_by_end"), (ended, "sessions_by_expiry")] {
            let mut query = query.build(DbBackend::Sqlite);
            query.sql = format!("EXPLAIN QUERY PLAN {}", query.sql);
            let steps = store.read.query_all_raw(query).await.expect("a plan");
            let steps: Vec<String> = steps.iter().map(|row| row.try_get("", "detail").expect("a step")).collect();
            assert!(steps.iter().any(|step| step.contains(index)), "{steps:?}");
            assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:?}");
        }
    }
}
