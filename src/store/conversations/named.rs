//! Somebody's groups in a namespace, by what was said or made last.

use super::{Column, Entity};
use crate::domain::{ConversationId, MessageId, UserId};
use crate::store::entity::{messages, stays};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, JoinType, Order, QueryFilter, QueryOrder,
    QuerySelect,
};

/// Which part of such a list, in an order that nothing said meanwhile disturbs.
#[derive(Debug, Clone, Copy)]
pub struct Activity {
    /// What was said after this message does not count.
    pub through: MessageId,
    /// Only those behind this place of the order.
    pub below: Option<(i64, ConversationId)>,
}

fn number(query: SelectStatement) -> SimpleExpr {
    Expr::expr(SimpleExpr::SubQuery(None, Box::new(query.into())))
}

/// The last moment in which something happened in a group, as a number that orders such moments exactly: of a message twice
/// its number, and of a group in which nothing was said yet the odd number behind the message after which it was made.
fn last_activity(through: MessageId) -> SimpleExpr {
    let first = Alias::new("first");
    let said = Query::select()
        .expr(Expr::col((messages::Entity, messages::Column::Id)).max())
        .from(messages::Entity)
        .and_where(
            Expr::col((messages::Entity, messages::Column::ConversationId))
                .equals((stays::Entity, stays::Column::ConversationId)),
        )
        .and_where(Expr::col((messages::Entity, messages::Column::Id)).lte(through.0))
        .to_owned();
    let made = Query::select()
        .expr(Expr::col((first.clone(), stays::Column::JoinedMessage)).min())
        .from_as(stays::Entity, first.clone())
        .and_where(
            Expr::col((first, stays::Column::ConversationId)).equals((stays::Entity, stays::Column::ConversationId)),
        )
        .to_owned();
    number(said).mul(2i64).if_null(number(made).mul(2i64).add(1i64))
}

/// The groups of a namespace that a user is in, the last activity first, each with its place in that order.
pub(in crate::store) async fn named_of_user(
    db: &impl ConnectionTrait,
    user: UserId,
    namespace: &str,
    activity: Activity,
    limit: u64,
) -> Result<Vec<(i64, ConversationId)>, DbErr> {
    #[derive(FromQueryResult)]
    struct Row {
        conversation_id: i64,
        last: i64,
    }
    let last = || last_activity(activity.through);
    let mut query = stays::Entity::find()
        .select_only()
        .column(stays::Column::ConversationId)
        .column_as(last(), "last")
        .join(
            JoinType::InnerJoin,
            stays::Entity::belongs_to(Entity).from(stays::Column::ConversationId).to(Column::Id).into(),
        )
        .filter(stays::Column::UserId.eq(user.0))
        .filter(stays::Column::LeftSeq.is_null())
        .filter(Column::Namespace.eq(namespace));
    if let Some((place, conversation)) = activity.below {
        let same = last().eq(place).and(stays::Column::ConversationId.lt(conversation.0));
        query = query.filter(last().lt(place).or(same));
    }
    let rows = query
        .order_by(Expr::col(Alias::new("last")), Order::Desc)
        .order_by_desc(stays::Column::ConversationId)
        .limit(limit)
        .into_model::<Row>()
        .all(db)
        .await?;
    Ok(rows.into_iter().map(|row| (row.last, ConversationId(row.conversation_id))).collect())
}
