//! How much somebody has not read, counted up to an end.

use super::{PARTS, counts_for, during_the_stay, message, position_in_the_stay, stay, stays_with_positions};
use crate::domain::receipts::UNREAD_LIMIT;
use crate::domain::{ConversationId, UserId};
use crate::store::entity::{messages, stays};
use crate::store::messages::last_of_the_stay;
use crate::store::sizes::rounded;
use sea_orm::sea_query::{Alias, Condition, Expr, ExprTrait, Order, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};
use std::collections::HashMap;

/// How many messages somebody has not read in each of these conversations, at most `UNREAD_LIMIT`; none is not told.
///
/// Stays in which fewer messages than that lie behind his position are counted together. In the others no more than
/// that are looked for.
pub(in crate::store) async fn unread(
    db: &impl ConnectionTrait,
    user: UserId,
    conversations: &[ConversationId],
) -> Result<HashMap<ConversationId, u64>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        conversation_id: i64,
        unread: i64,
    }
    let backend = db.get_database_backend();
    let crowded = finding_the_crowded(user, conversations);
    let crowded = Crowded::find_by_statement(backend.build(&crowded)).all(db).await?;
    let mut queries = vec![counting(user, conversations, &crowded)];
    queries.extend(crowded.chunks(PARTS).filter_map(|some| counting_some(user, some)));
    let mut counts: HashMap<ConversationId, u64> = HashMap::new();
    for query in queries {
        for row in Row::find_by_statement(backend.build(&query)).all(db).await? {
            let unread = u64::try_from(row.unread).unwrap_or(0);
            if unread > 0 {
                let count = counts.entry(ConversationId(row.conversation_id)).or_default();
                *count = Ord::min(*count + unread, UNREAD_LIMIT);
            }
        }
    }
    Ok(counts)
}

/// A stay with more messages behind the position than are counted.
#[derive(FromQueryResult)]
pub(super) struct Crowded {
    pub(super) conversation_id: i64,
    pub(super) joined_seq: i64,
    pub(super) left_seq: Option<i64>,
    pub(super) position: i64,
    pub(super) last: i64,
}

/// Somebody's stays in these conversations in which more than `UNREAD_LIMIT` messages lie behind the position, whoever
/// wrote them: the index alone says so.
pub(super) fn finding_the_crowded(user: UserId, conversations: &[ConversationId]) -> SelectStatement {
    let one_too_many = Query::select()
        .expr(message(messages::Column::Id))
        .from(messages::Entity)
        .and_where(message(messages::Column::ConversationId).equals((stays::Entity, stays::Column::ConversationId)))
        .and_where(message(messages::Column::Id).gt(position_in_the_stay()))
        .and_where(message(messages::Column::Id).lte(last_of_the_stay()))
        .order_by((messages::Entity, messages::Column::Id), Order::Asc)
        .limit(1)
        .offset(UNREAD_LIMIT)
        .to_owned();
    stays_with_positions(user)
        .columns([stays::Column::JoinedSeq, stays::Column::LeftSeq].map(|column| (stays::Entity, column)))
        .expr_as(position_in_the_stay(), Alias::new("position"))
        .expr_as(last_of_the_stay(), Alias::new("last"))
        .and_where(stay(stays::Column::ConversationId).is_in(rounded(conversations.iter().map(|id| id.0))))
        .and_where(SimpleExpr::SubQuery(None, Box::new(one_too_many.into())).is_not_null())
        .to_owned()
}

/// Counts what is unread of each of these stays, at most so much.
pub(super) fn counting_some(user: UserId, some: &[Crowded]) -> Option<SelectStatement> {
    let mut parts = some.iter().map(|crowded| {
        let here = Query::select()
            .column((messages::Entity, messages::Column::Id))
            .from(messages::Entity)
            .and_where(message(messages::Column::ConversationId).eq(crowded.conversation_id))
            .and_where(message(messages::Column::Id).gt(crowded.position))
            .and_where(message(messages::Column::Id).lte(crowded.last))
            .and_where(message(messages::Column::Seq).gte(crowded.joined_seq))
            .and_where(message(messages::Column::Seq).lte(crowded.left_seq.unwrap_or(i64::MAX)))
            .cond_where(counts_for(user, None))
            .limit(UNREAD_LIMIT)
            .to_owned();
        Query::select()
            .expr_as(Expr::value(crowded.conversation_id), Alias::new("conversation_id"))
            .expr_as(Expr::col(messages::Column::Id).count(), Alias::new("unread"))
            .from_subquery(here, Alias::new("part"))
            .to_owned()
    });
    let mut query = parts.next()?;
    Some(query.unions(parts.map(|part| (UnionType::All, part))).to_owned())
}

/// Counts what is unread in these conversations, but for some stays there.
pub(super) fn counting(user: UserId, conversations: &[ConversationId], but: &[Crowded]) -> SelectStatement {
    let others = but.iter().fold(Condition::all(), |others, Crowded { conversation_id, joined_seq, .. }| {
        let elsewhere = stay(stays::Column::ConversationId).ne(*conversation_id);
        others.add(elsewhere.or(stay(stays::Column::JoinedSeq).ne(*joined_seq)))
    });
    stays_with_positions(user)
        .expr_as(message(messages::Column::Id).count(), Alias::new("unread"))
        .inner_join(messages::Entity, during_the_stay())
        .and_where(stay(stays::Column::ConversationId).is_in(rounded(conversations.iter().map(|id| id.0))))
        .cond_where(others)
        .cond_where(counts_for(user, None))
        .group_by_col((stays::Entity, stays::Column::ConversationId))
        .to_owned()
}
