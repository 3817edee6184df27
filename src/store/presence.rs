//! Who may see of whom whether he is there, and when people were last.

use super::entity::{blocks, contacts, conversations, stays, users};
use super::sizes::rounded;
use super::{Store, StoreError, to_word};
use crate::domain::contacts::State;
use crate::domain::ephemeral::CLOSE_LIMIT;
use crate::domain::users::{Status, UserRef, Username};
use crate::domain::{ConversationId, Timestamp, UserId};
use sea_orm::sea_query::{Expr, ExprTrait, Query, SimpleExpr};
use sea_orm::{ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use std::collections::{HashMap, HashSet};

/// Values in one statement at most.
const VALUES: usize = 10_000;

/// What decides who may see of somebody whether he is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regards {
    /// Who.
    pub user: UserRef,
    /// Whether anybody may: he shows it, and his account is in use.
    pub shown: bool,
    /// When he was last there, as it was written last.
    pub last_seen_at: Option<Timestamp>,
    /// The conversations that he is in whose members see each other.
    pub close: Vec<ConversationId>,
    /// Those whom he has approved as contacts.
    pub approved: HashSet<UserId>,
    /// Those whom he has blocked.
    pub blocked: HashSet<UserId>,
}

impl Store {
    /// What decides who may see each of these people, in a few statements for all. One who is not there any more is left
    /// out.
    pub async fn regards(&self, people: &[UserId]) -> Result<Vec<Regards>, StoreError> {
        let db = &self.read;
        let mut found = persons(db, people).await?;
        let pairs = present(db, people).await?;
        let places: HashSet<ConversationId> = pairs.iter().map(|(_, conversation)| *conversation).collect();
        let close = close(db, &places.into_iter().collect::<Vec<_>>()).await?;
        for (user, conversation) in pairs {
            if let (Some(regards), true) = (found.get_mut(&user), close.contains(&conversation)) {
                regards.close.push(conversation);
            }
        }
        for some in people.chunks(VALUES) {
            let these = contacts::Column::OwnerId.is_in(rounded(some.iter().map(|id| id.0)));
            for (owner, other) in approved(db, these).await? {
                if let Some(regards) = found.get_mut(&owner) {
                    regards.approved.insert(other);
                }
            }
            let these = blocks::Column::BlockerId.is_in(rounded(some.iter().map(|id| id.0)));
            for row in blocks::Entity::find().filter(these).all(db).await? {
                if let Some(regards) = found.get_mut(&UserId(row.blocker_id)) {
                    regards.blocked.insert(UserId(row.blocked_id));
                }
            }
        }
        Ok(found.into_values().collect())
    }

    /// All whom somebody may see for what they share or as whose contact he is approved, himself left out. That they show
    /// themselves, and have not blocked him, is not looked at.
    pub async fn acquaintances(&self, viewer: UserId) -> Result<HashSet<UserId>, StoreError> {
        let db = &self.read;
        let mut found = HashSet::new();
        for some in self.close_to(viewer).await?.chunks(VALUES) {
            found.extend(members(db, some).await?);
        }
        let these = contacts::Column::OtherId.eq(viewer.0);
        found.extend(approved(db, these).await?.into_iter().map(|(owner, _)| owner));
        found.remove(&viewer);
        Ok(found)
    }

    /// Those of these people of whom somebody may see whether they are there, and when they were last.
    pub async fn seen_by(
        &self,
        viewer: UserId,
        people: &[UserId],
    ) -> Result<HashMap<UserId, Option<Timestamp>>, StoreError> {
        let mut seen = HashMap::new();
        let mut places: Option<HashSet<ConversationId>> = None;
        for regards in self.regards(people).await? {
            if regards.blocked.contains(&viewer) || !regards.shown {
                continue;
            }
            let known = if regards.approved.contains(&viewer) {
                true
            } else {
                let places = match &mut places {
                    Some(places) => places,
                    none => none.insert(self.close_to(viewer).await?.into_iter().collect()),
                };
                regards.close.iter().any(|conversation| places.contains(conversation))
            };
            if known {
                seen.insert(regards.user.id, regards.last_seen_at);
            }
        }
        Ok(seen)
    }

    /// The conversations that somebody is in whose members see each other.
    async fn close_to(&self, user: UserId) -> Result<Vec<ConversationId>, StoreError> {
        let pairs = present(&self.read, &[user]).await?;
        let places: Vec<ConversationId> = pairs.into_iter().map(|(_, conversation)| conversation).collect();
        Ok(close(&self.read, &places).await?.into_iter().collect())
    }

    /// Whether a conversation has few enough members that they see each other.
    pub async fn is_close(&self, conversation: ConversationId) -> Result<bool, StoreError> {
        Ok(!close(&self.read, &[conversation]).await?.is_empty())
    }

    /// Who is in a conversation, unless it has more than so many members.
    pub async fn members_within(
        &self,
        conversation: ConversationId,
        most: u64,
    ) -> Result<Option<Vec<UserId>>, StoreError> {
        let rows: Vec<i64> = stays::Entity::find()
            .select_only()
            .column(stays::Column::UserId)
            .filter(stays::Column::ConversationId.eq(conversation.0))
            .filter(stays::Column::LeftSeq.is_null())
            .limit(most + 1)
            .into_tuple()
            .all(&self.read)
            .await?;
        Ok((rows.len() as u64 <= most).then(|| rows.into_iter().map(UserId).collect()))
    }
}

/// The accounts, with nothing yet of what they say to others.
async fn persons(db: &impl ConnectionTrait, people: &[UserId]) -> Result<HashMap<UserId, Regards>, DbErr> {
    let mut found = HashMap::new();
    for some in people.chunks(VALUES) {
        let rows: Vec<(i64, String, bool, String, Option<i64>)> = users::Entity::find()
            .select_only()
            .columns([users::Column::Id, users::Column::Username, users::Column::ShowPresence])
            .columns([users::Column::Status, users::Column::LastSeenAt])
            .filter(users::Column::Id.is_in(rounded(some.iter().map(|id| id.0))))
            .into_tuple()
            .all(db)
            .await?;
        for (id, username, shows, status, last_seen_at) in rows {
            let user = UserRef { id: UserId(id), username: Username::stored(username) };
            let regards = Regards {
                user,
                shown: shows && status == to_word(Status::Active),
                last_seen_at: last_seen_at.map(Timestamp),
                close: Vec::new(),
                approved: HashSet::new(),
                blocked: HashSet::new(),
            };
            found.insert(UserId(id), regards);
        }
    }
    Ok(found)
}

/// Which of these people are in which conversations.
async fn present(db: &impl ConnectionTrait, people: &[UserId]) -> Result<Vec<(UserId, ConversationId)>, DbErr> {
    let mut found = Vec::new();
    for some in people.chunks(VALUES) {
        let rows: Vec<(i64, i64)> = stays::Entity::find()
            .select_only()
            .columns([stays::Column::UserId, stays::Column::ConversationId])
            .filter(stays::Column::UserId.is_in(rounded(some.iter().map(|id| id.0))))
            .filter(stays::Column::LeftSeq.is_null())
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(|(user, conversation)| (UserId(user), ConversationId(conversation))));
    }
    Ok(found)
}

/// Those of these conversations that have few enough members. None is counted through.
async fn close(db: &impl ConnectionTrait, places: &[ConversationId]) -> Result<HashSet<ConversationId>, DbErr> {
    let one_too_many = Query::select()
        .column((stays::Entity, stays::Column::UserId))
        .from(stays::Entity)
        .and_where(
            Expr::col((stays::Entity, stays::Column::ConversationId))
                .equals((conversations::Entity, conversations::Column::Id)),
        )
        .and_where(Expr::col((stays::Entity, stays::Column::LeftSeq)).is_null())
        .limit(1)
        .offset(CLOSE_LIMIT)
        .to_owned();
    let mut found = HashSet::new();
    for some in places.chunks(VALUES) {
        let rows: Vec<i64> = conversations::Entity::find()
            .select_only()
            .column(conversations::Column::Id)
            .filter(conversations::Column::Id.is_in(rounded(some.iter().map(|id| id.0))))
            .filter(SimpleExpr::SubQuery(None, Box::new(one_too_many.clone().into())).is_null())
            .into_tuple()
            .all(db)
            .await?;
        found.extend(rows.into_iter().map(ConversationId));
    }
    Ok(found)
}

async fn members(db: &impl ConnectionTrait, places: &[ConversationId]) -> Result<Vec<UserId>, DbErr> {
    let rows: Vec<i64> = stays::Entity::find()
        .select_only()
        .column(stays::Column::UserId)
        .distinct()
        .filter(stays::Column::ConversationId.is_in(rounded(places.iter().map(|id| id.0))))
        .filter(stays::Column::LeftSeq.is_null())
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(UserId).collect())
}

/// Who of these has approved whom.
async fn approved(db: &impl ConnectionTrait, these: SimpleExpr) -> Result<Vec<(UserId, UserId)>, DbErr> {
    let rows: Vec<(i64, i64)> = contacts::Entity::find()
        .select_only()
        .columns([contacts::Column::OwnerId, contacts::Column::OtherId])
        .filter(Condition::all().add(these).add(contacts::Column::State.eq(to_word(State::Approved))))
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|(owner, other)| (UserId(owner), UserId(other))).collect())
}

/// Writes when these people were last there. Of a deleted account nothing is kept.
pub(super) async fn seen(db: &impl ConnectionTrait, people: &[UserId], at: Timestamp) -> Result<(), DbErr> {
    users::Entity::update_many()
        .col_expr(users::Column::LastSeenAt, Expr::value(at.0))
        .filter(users::Column::Id.is_in(rounded(people.iter().map(|id| id.0))))
        .filter(users::Column::Status.ne(to_word(Status::Deleted)))
        .exec(db)
        .await
        .map(drop)
}

/// Forgets when somebody was last there.
pub(super) async fn forget(db: &impl ConnectionTrait, user: UserId) -> Result<(), DbErr> {
    users::Entity::update_many()
        .col_expr(users::Column::LastSeenAt, Expr::value(None::<i64>))
        .filter(users::Column::Id.eq(user.0))
        .exec(db)
        .await
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::{Crowd, open, together};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// What decides who may see so many people who are in one group, and how many statements it took to read that.
    async fn regards(people: i64) -> (Vec<Regards>, usize) {
        let home = tempfile::tempdir().expect("a directory");
        let mut store = open(home.path()).await;
        let statements: Arc<AtomicUsize> = Arc::default();
        let count = Arc::clone(&statements);
        store.read.watch(move |_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        let said = together(&store, [Crowd(people)]).await.pop().expect("a crowd").expect("it gathers");
        let ids: Vec<UserId> = said.iter().map(|(user, _)| *user).collect();
        statements.store(0, Ordering::Relaxed);
        let regards = store.regards(&ids).await.expect("they are read");
        let counted = statements.load(Ordering::Relaxed);
        let seen = store.seen_by(ids[0], &ids).await.expect("they are read");
        assert_eq!(seen.len(), if people <= 500 { ids.len() } else { 0 });
        assert_eq!(store.acquaintances(ids[0]).await.expect("they are read").len() + 1, seen.len().max(1));
        (regards, counted)
    }

    #[tokio::test]
    async fn many_who_come_at_once_take_no_more_statements_than_a_few() {
        let (few, statements) = regards(3).await;
        assert!((1..=6).contains(&statements), "{statements} are counted");
        assert_eq!(few.len(), 3);
        assert_eq!(regards(400).await.1, statements);
    }

    #[tokio::test]
    async fn people_are_close_in_conversations_of_at_most_500() {
        assert!(regards(500).await.0.iter().all(|regards| regards.close.len() == 1 && regards.shown));
        assert!(regards(501).await.0.iter().all(|regards| regards.close.is_empty()));
    }
}
