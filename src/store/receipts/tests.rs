//! What is unread is found by indexes alone: no plan of the database walks through a table.

use super::super::tests::{open, plan};
use super::counting::{Crowded, counting, counting_some, finding_the_crowded};
use super::*;
use crate::domain::receipts::UNREAD_LIMIT;
use sea_orm::sea_query::SqliteQueryBuilder;

const ANN: UserId = UserId(1);

#[tokio::test]
async fn what_is_unread_is_found_without_walking_through_a_table() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).await;
    let rooms = [ConversationId(3), ConversationId(4)];
    let crowded =
        [3, 4].map(|id| Crowded { conversation_id: id, joined_seq: 1, left_seq: None, position: 5, last: i64::MAX });
    let all = Unread { user: ANN, conversation: None, directs: None, notes: Some(ConversationId(9)) };
    for (what, query) in [
        ("counting", counting(ANN, &rooms, &crowded)),
        ("finding the crowded", finding_the_crowded(ANN, &rooms)),
        ("counting some", counting_some(ANN, &crowded).unwrap()),
        ("the first of all", finding_the_first(all)),
        ("the first of one", finding_the_first(Unread { conversation: Some(rooms[0]), ..all })),
        ("the first of some", finding_the_first(Unread { directs: Some(Directs::UpToTwo), ..all })),
        ("from the first on", part(all, MessageId(5), rooms[0], 50)),
    ] {
        let sql = query.to_string(SqliteQueryBuilder);
        let plan = plan(&store, &sql).await;
        let walks = plan.iter().filter(|step| step.starts_with("SCAN ") && !step.ends_with(" part")).count();
        assert_eq!(walks, 0, "{what}: {sql}\n{}", plan.join("\n"));
        // Within a conversation only what lies behind the position is looked at.
        let bounded =
            |step: &String| step.contains("messages_by_conversation (conversation_id=? AND ") && step.contains("id>");
        assert!(plan.iter().any(bounded), "{what}: {sql}\n{}", plan.join("\n"));
    }
}

#[tokio::test]
async fn unread_messages_are_counted_as_far_as_somebody_counts_them() {
    let home = tempfile::tempdir().unwrap();
    let store = open(home.path()).await;
    let fill = async |sql: String| assert!(store.write.execute_unprepared(&sql).await.is_ok(), "{sql}");
    let stay = async |conversation: i64, from: i64, until: Option<i64>| {
        let left = until.map_or("NULL".to_owned(), |until| until.to_string());
        fill(format!(
            "INSERT INTO stays (conversation_id, user_id, joined_seq, left_seq, role, joined_message, left_message)
             VALUES ({conversation}, 1, {from}, {left}, 'member', {from} - 1, {left})"
        ))
        .await;
    };
    // A message's place is its number here. The first of some conversations are her own.
    let say = async |conversation: i64, from: i64, count: i64, own: i64| {
        fill(format!(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})
             INSERT INTO messages (id, seq, conversation_id, author_id, text, body_hash, created_at)
             SELECT {from} + i, {from} + i, {conversation}, CASE WHEN i < {own} THEN 1 ELSE 2 END, 'text', 0, i FROM n"
        ))
        .await;
    };
    for (conversation, from, count, own) in [
        (1, 20_001, 10_003, 0),
        (2, 40_001, 10_000, 0),
        (3, 60_001, 10_060, 70),
        // Each of two stays.
        (4, 80_001, 10, 0),
        (4, 80_041, 10_010, 30),
        (5, 100_001, 3, 1),
        (6, 140_001, 10_100, 10_095),
        (6, 160_001, 10_100, 10_000),
    ] {
        say(conversation, from, count, own).await;
    }
    for (conversation, from, until) in [
        (1, 1, None),
        (2, 1, None),
        (3, 1, None),
        (4, 80_001, Some(80_010)),
        (4, 80_041, None),
        (5, 1, None),
        (6, 140_001, Some(150_100)),
        (6, 160_001, None),
        (7, 1, None),
    ] {
        stay(conversation, from, until).await;
    }
    let rooms: Vec<_> = (1..=8).map(ConversationId).collect();
    let counted = async || {
        let counts = unread(&store.read, ANN, &rooms).await.unwrap();
        rooms.iter().map(|room| counts.get(room).copied()).collect::<Vec<_>>()
    };
    let most = Some(UNREAD_LIMIT);
    let (third, fourth, sixth) = (Some(9_990), Some(10 + 9_980), Some(5 + 100));
    assert_eq!(counted().await, [most, most, third, fourth, Some(2), sixth, None, None]);
    let read = |places: &[(i64, i64)]| -> Vec<Position> {
        let position = |(conversation, message): &(i64, i64)| Position {
            user: ANN,
            conversation: ConversationId(*conversation),
            message: MessageId(*message),
            at: Timestamp(0),
            shared: false,
        };
        places.iter().map(position).collect()
    };
    put(&store.write, &read(&[(1, 20_002), (4, 80_005), (5, 100_003)])).await.unwrap();
    assert_eq!(
        counted().await,
        [most, most, third, Some(5 + 9_980), None, sixth, None, None],
        "10,001 are left of one"
    );
    put(&store.write, &read(&[(1, 20_004), (4, 80_071), (6, 160_001)])).await.unwrap();
    assert_eq!(counted().await, [Some(9_999), most, third, Some(9_979), None, Some(100), None, None]);
}
