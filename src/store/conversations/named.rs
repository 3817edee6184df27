//! Somebody's groups in a namespace, by what was said or made last.

use super::{Column, by_activity, stays_of};
use crate::domain::{ConversationId, MessageId, UserId};
use crate::store::entity::{messages, stays};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query, SelectStatement, SimpleExpr};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, QueryFilter};

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
    let stays = stays_of(user).filter(Column::Namespace.eq(namespace));
    by_activity(db, stays, &last_activity(activity.through), activity.below, limit).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tests::open;

    const USER: UserId = UserId(1);

    /// A group made behind a message.
    async fn group(db: &impl ConnectionTrait, id: i64, behind: i64, namespace: &str) {
        let rows = format!(
            "INSERT INTO conversations (id, kind, name, name_key, post, created_at, namespace)
                VALUES ({id}, 'group', 'g{id}', '{namespace}-g{id}', 'members', 0, '{namespace}');
             INSERT INTO stays (conversation_id, user_id, joined_seq, role, joined_message)
                VALUES ({id}, 1, {id}, 'owner', {behind}), ({id}, 2, {id} + 1, 'member', {behind} + 7)"
        );
        db.execute_unprepared(&rows).await.expect("a group");
    }

    async fn say(db: &impl ConnectionTrait, conversation: i64, id: i64) {
        let row = format!(
            "INSERT INTO messages (id, seq, conversation_id, author_id, text, body_hash, created_at)
                VALUES ({id}, {id}, {conversation}, 2, 'text', 0, 0)"
        );
        db.execute_unprepared(&row).await.expect("a message");
    }

    #[tokio::test]
    async fn groups_stand_by_what_was_said_or_made_last_also_while_something_is_said() {
        let home = tempfile::tempdir().expect("a directory");
        let store = open(home.path()).await;
        let db = &store.write;
        // Said: 1 in group 10, 2 in 11, 3 in 12. Groups 20 and 21 were made behind 1 and 3, and are silent.
        for (id, behind) in [(10, 0), (11, 0), (12, 0), (20, 1), (21, 3), (22, 3)] {
            group(db, id, behind, "ours").await;
        }
        group(db, 30, 3, "theirs").await;
        for (conversation, id) in [(10, 1), (11, 2), (12, 3), (30, 4)] {
            say(db, conversation, id).await;
        }
        let mut activity = Activity { through: MessageId(4), below: None };
        let mut order = Vec::new();
        let mut next = 5;
        loop {
            let found = named_of_user(&store.read, USER, "ours", activity, 2).await.expect("a part");
            let Some(last) = found.last() else { break };
            activity.below = Some(*last);
            order.extend(found.iter().map(|(_, id)| id.0));
            // What was not reached yet moves on, and somebody makes another one.
            say(db, 10, next).await;
            group(db, 100 + next, next, "ours").await;
            next += 1;
        }
        assert_eq!(order, [22, 21, 12, 11, 20, 10]);
    }
}
