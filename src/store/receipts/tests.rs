//! What is unread is found by indexes alone: no plan of the database walks through a table.

use super::super::tests::open;
use super::*;
use sea_orm::sea_query::SqliteQueryBuilder;
use sea_orm::{DbBackend, Statement};

const ANN: UserId = UserId(1);

/// The steps of the plan of a statement.
async fn plan(db: &impl ConnectionTrait, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Sqlite, format!("EXPLAIN QUERY PLAN {sql}"));
    let rows = db.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get::<String>("", "detail").unwrap()).collect()
}

#[tokio::test]
async fn what_is_unread_is_found_without_walking_through_a_table() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).await;
    let rooms = [ConversationId(3), ConversationId(4)];
    let all = Unread { user: ANN, conversation: None, directs: None, notes: Some(ConversationId(9)) };
    for (what, query) in [
        ("counting", counting(ANN, &rooms)),
        ("the first of all", finding_the_first(all)),
        ("the first of one", finding_the_first(Unread { conversation: Some(rooms[0]), ..all })),
        ("the first of some", finding_the_first(Unread { directs: Some(Directs::UpToTwo), ..all })),
        ("from the first on", part(all, MessageId(5), rooms[0], 50)),
    ] {
        let sql = query.to_string(SqliteQueryBuilder);
        let plan = plan(&store.read, &sql).await;
        let walks = plan.iter().filter(|step| step.starts_with("SCAN ") && !step.ends_with(" part")).count();
        assert_eq!(walks, 0, "{what}: {sql}\n{}", plan.join("\n"));
        // Within a conversation only what lies behind the position is looked at.
        let bounded =
            |step: &String| step.contains("messages_by_conversation (conversation_id=? AND ") && step.contains("id>");
        assert!(plan.iter().any(bounded), "{what}: {sql}\n{}", plan.join("\n"));
    }
}
