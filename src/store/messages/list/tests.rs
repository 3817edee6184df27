//! How the database goes about each way of asking, among a hundred thousand messages.

use super::*;
use crate::store::entity::conversations::Entity as Conversations;
use crate::store::tests::open;
use crate::store::{mentions, threads};
use sea_orm::{DbBackend, Statement};

const VIEWER: UserId = UserId(1);
const SPAN: Span = Span { above: 5, below: 90_000, oldest_first: false };

/// The steps that `SQLite` takes.
async fn plan(db: &impl ConnectionTrait, query: Statement) -> Vec<String> {
    let sql = format!("EXPLAIN QUERY PLAN {}", query.sql);
    let explained = Statement { sql, ..query };
    let rows = db.query_all_raw(explained).await.expect("a plan");
    rows.iter().map(|row| row.try_get::<String>("", "detail").expect("a step")).collect()
}

#[tokio::test]
async fn every_way_of_asking_has_its_index() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
        INSERT INTO messages (id, seq, conversation_id, author_id, text, thread_id, body_hash, created_at)
        SELECT i, i, i % 50, i % 7, 'text', CASE WHEN i % 100 = 1 THEN 1 END, 0, i FROM n";
    store.write.execute_unprepared(fill).await.expect("many messages");
    let filter = MessageFilter { viewer: VIEWER, ..MessageFilter::default() };
    let here = Some((ConversationId(7), true));
    let paged = |query: Select<Entity>| within(query, SPAN).order_by(Column::Id, Order::Desc).limit(50);
    let one = async |filter: MessageFilter| {
        let query = of_one_index(&store.read, &filter).await.expect("a query").expect("that has an index");
        paged(query).build(DbBackend::Sqlite)
    };
    let place = Place {
        conversation: 7,
        stays: vec![Stay { joined: Seq(1), left: None }],
        above: 0,
        not_author: None,
        backend: DbBackend::Sqlite,
    };
    let cases = [
        (
            "a conversation",
            one(MessageFilter { conversation: here, ..filter.clone() }).await,
            "messages_by_conversation",
        ),
        (
            "a conversation's unread",
            one(MessageFilter { conversation: here, unread: true, ..filter.clone() }).await,
            "messages_by_conversation",
        ),
        (
            "a thread",
            one(MessageFilter { conversation: here, thread: Some(MessageId(1)), ..filter.clone() }).await,
            "messages_by_thread",
        ),
        ("an author", one(MessageFilter { author: Some(UserId(3)), ..filter.clone() }).await, "messages_by_author"),
        (
            "one of many conversations",
            paged(place.query(&MessageFilter { unread: true, ..filter.clone() }, SPAN).column(Column::Id))
                .build(DbBackend::Sqlite),
            "messages_by_conversation",
        ),
        (
            "an author in one of many conversations",
            paged(place.query(&MessageFilter { author: Some(UserId(3)), ..filter.clone() }, SPAN).column(Column::Id))
                .build(DbBackend::Sqlite),
            "messages_by_conversation",
        ),
        ("where many begin", beginnings(&[1, 2, 3], SPAN).build(DbBackend::Sqlite), "messages_by_conversation"),
        ("a moment", from_moment(Timestamp(500)).build(DbBackend::Sqlite), "messages_by_time"),
    ];
    for (what, query, index) in cases {
        let plan = plan(&store.read, query).await;
        println!("{what}: {plan:#?}");
        assert!(
            plan.iter().any(|step| step.contains("SEARCH messages USING") && step.contains(index)),
            "{what}: {plan:#?}"
        );
        assert!(!plan.iter().any(|step| step.starts_with("SCAN")), "{what}: {plan:#?}");
        assert!(!plan.iter().any(|step| step.contains("B-TREE FOR ORDER BY")), "{what}: {plan:#?}");
    }
    // Those that another file asks are only run: their joins begin with the key of the user.
    for page in [
        MessagePage { limit: 5, ..MessagePage::default() },
        MessagePage { after: Some(MessageId(0)), limit: 5, ..MessagePage::default() },
    ] {
        assert!(mentions::list(&store.read, VIEWER, page).await.expect("a list").is_empty());
    }
    assert!(threads::of_user(&store.read, VIEWER, None, None, 5).await.expect("a list").is_empty());
    assert!(Conversations::find().one(&store.read).await.expect("none").is_none());
    assert_eq!(count(&store.read, &MessageFilter { conversation: here, ..filter.clone() }).await.ok(), Some(2_000));
    let hundred =
        MessageFilter { conversation: here, since: Some(Timestamp(50_000)), until: Some(Timestamp(55_000)), ..filter };
    assert_eq!(count(&store.read, &hundred).await.ok(), Some(100));
}

#[tokio::test]
async fn lists_can_be_counted_skipped_and_kept_to_one_sort_of_conversation() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    // Notes of 1, the pairs 1,2 and 1,3, three people, and a group; each with ten messages by their last member.
    let fill = "INSERT INTO conversations (id, kind, direct_key, post, created_at) VALUES
            (1, 'direct', '1', 'members', 0), (2, 'direct', '1,2', 'members', 0), (3, 'direct', '1,3', 'members', 0),
            (4, 'direct', '1,2,3', 'members', 0), (5, 'group', NULL, 'members', 0);
        INSERT INTO stays (conversation_id, user_id, joined_seq, role) VALUES
            (1, 1, 0, 'member'), (2, 1, 0, 'member'), (3, 1, 0, 'member'), (4, 1, 0, 'member'), (5, 1, 21, 'member');
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50)
        INSERT INTO messages (id, seq, conversation_id, author_id, text, body_hash, created_at)
        SELECT i, i, 1 + i % 5, CASE i % 5 WHEN 0 THEN 1 WHEN 1 THEN 2 ELSE 3 END, 'text', 0, i FROM n";
    store.write.execute_unprepared(fill).await.expect("messages");
    let filter = MessageFilter { viewer: VIEWER, ..MessageFilter::default() };
    let ids = async |filter: &MessageFilter, skip, limit| -> Vec<i64> {
        let page = MessagePage { after: Some(MessageId(0)), skip, limit, before: None };
        let found = list(&store.read, filter, page).await.expect("a list");
        found.into_iter().map(|kept| kept.message.id.0).collect()
    };
    let of_group = (1..=50).filter(|id| id % 5 == 4 && *id >= 21);
    let all: Vec<i64> = (1..=50)
        .filter(|id| id % 5 != 4)
        .chain(of_group)
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(ids(&filter, 0, 100).await, all);
    assert_eq!(ids(&filter, 7, 5).await, all[7..12]);
    assert_eq!(ids(&filter, 44, 5).await, all[44..]);
    assert_eq!(ids(&filter, 100, 5).await, [0; 0]);
    assert_eq!(count(&store.read, &filter).await.ok(), Some(all.len() as u64));
    for (directs, rest) in [
        (Directs::Alone, vec![0]),
        (Directs::Pairs, vec![1, 2]),
        (Directs::UpToTwo, vec![0, 1, 2]),
        (Directs::All, vec![0, 1, 2, 3]),
    ] {
        let filter = MessageFilter { directs: Some(directs), ..filter.clone() };
        let expected: Vec<i64> = (1..=50).filter(|id| rest.contains(&(id % 5))).collect();
        assert_eq!(ids(&filter, 0, 100).await, expected, "{directs:?}");
        assert_eq!(ids(&filter, 3, 4).await, expected[3..7], "{directs:?}");
        assert_eq!(count(&store.read, &filter).await.ok(), Some(expected.len() as u64));
    }
    // Who comes and goes all the time has more stays than a statement takes terms.
    let restless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO stays (conversation_id, user_id, joined_seq, left_seq, role) SELECT 5, 1, -i, -i, 'member' FROM n";
    store.write.execute_unprepared(restless).await.expect("stays");
    assert_eq!(ids(&filter, 0, 100).await, all);
    let in_group = MessageFilter { conversation: Some((ConversationId(5), false)), ..filter.clone() };
    assert_eq!(ids(&in_group, 0, 100).await, [24, 29, 34, 39, 44, 49]);
    let to_three = MessageFilter { recipient: Some(UserId(3)), ..filter.clone() };
    assert_eq!(ids(&to_three, 0, 100).await, [0; 0], "he wrote all of it himself");
    let to_me = MessageFilter { recipient: Some(VIEWER), directs: Some(Directs::Pairs), ..filter };
    assert_eq!(count(&store.read, &to_me).await.ok(), Some(20));
}

#[tokio::test]
async fn a_far_part_is_the_same_as_one_that_was_walked_to() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    // Thirty pairs; most is said in the first of them, and nothing in every fourth number.
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30)
        INSERT INTO conversations (id, kind, direct_key, post, created_at)
        SELECT i, 'direct', '1,' || (i + 1), 'members', 0 FROM n;
        INSERT INTO stays (conversation_id, user_id, joined_seq, role) SELECT id, 1, 0, 'member' FROM conversations;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
        INSERT INTO messages (id, seq, conversation_id, author_id, text, body_hash, created_at)
        SELECT i, i, CASE WHEN i < 5000 THEN 1 ELSE 1 + i % 30 END, 2 - i % 2, 'text', 0, i FROM n WHERE i % 4 > 0";
    store.write.execute_unprepared(fill).await.expect("messages");
    for filter in [
        MessageFilter { viewer: VIEWER, ..MessageFilter::default() },
        MessageFilter {
            viewer: VIEWER,
            author: Some(VIEWER),
            directs: Some(Directs::Pairs),
            ..MessageFilter::default()
        },
        MessageFilter {
            viewer: VIEWER,
            since: Some(Timestamp(1_000)),
            until: Some(Timestamp(7_500)),
            ..MessageFilter::default()
        },
    ] {
        for after in [Some(MessageId(0)), None] {
            let part = async |skip, limit| -> Vec<i64> {
                let found = list(&store.read, &filter, MessagePage { after, before: None, skip, limit }).await;
                found.expect("a list").into_iter().map(|kept| kept.message.id.0).collect()
            };
            let all = part(0, 10_000).await;
            assert_eq!(count(&store.read, &filter).await.ok(), Some(all.len() as u64));
            for skip in
                [0, 999, 1_000, 1_001, 1_777, 2_950, all.len() - 20, all.len() - 1, all.len(), all.len() + 5_000]
            {
                let walked: Vec<i64> = all.iter().skip(skip).take(20).copied().collect();
                assert_eq!(part(skip as u64, 20).await, walked, "{skip} of {} {after:?} {filter:?}", all.len());
            }
        }
    }
}

#[tokio::test]
async fn what_was_said_anew_after_one_left_is_not_found_by_its_words() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    // He left the group and the channel at 20. Each has a message that was not said anew, one that was while he was
    // there, and one that was when he was gone.
    let fill = "INSERT INTO conversations (id, kind, post, created_at) VALUES
            (1, 'group', 'members', 0), (2, 'channel', 'members', 0);
        INSERT INTO stays (conversation_id, user_id, joined_seq, left_seq, left_message, role) VALUES
            (1, 1, 1, 20, 6, 'member'), (2, 1, 1, 20, 6, 'member');
        INSERT INTO messages (id, seq, conversation_id, author_id, text, body_hash, created_at, edited_seq) VALUES
            (1, 5, 1, 2, 'needle', 0, 0, NULL), (2, 6, 1, 2, 'needle', 0, 0, 10), (3, 7, 1, 2, 'needle', 0, 0, 30),
            (4, 8, 2, 2, 'needle', 0, 0, NULL), (5, 9, 2, 2, 'needle', 0, 0, 11), (6, 10, 2, 2, 'needle', 0, 0, 31);
        INSERT INTO message_words (message_id, words) SELECT id, 'wwneedle' FROM messages;";
    store.write.execute_unprepared(fill).await.expect("messages");
    for (text, sought) in [("a word", "needle"), ("its beginning", "nee*")] {
        let sought = Some(Sought::parse("text", sought).expect("a word"));
        let filter = MessageFilter { viewer: VIEWER, sought, ..MessageFilter::default() };
        let within = |conversation, public| Some((ConversationId(conversation), public));
        let said_by = Some(UserId(2));
        for (filter, expected) in [
            (filter.clone(), vec![1, 2, 4, 5, 6]),
            (MessageFilter { author: said_by, ..filter.clone() }, vec![1, 2, 4, 5, 6]),
            (MessageFilter { conversation: within(1, false), ..filter.clone() }, vec![1, 2]),
            (MessageFilter { conversation: within(2, true), ..filter.clone() }, vec![4, 5, 6]),
            // Conversation by conversation.
            (MessageFilter { directs: Some(Directs::All), unread: true, ..filter.clone() }, vec![]),
            (MessageFilter { unread: true, ..filter.clone() }, vec![1, 2, 4, 5, 6]),
        ] {
            let page = MessagePage { after: Some(MessageId(0)), limit: 10, ..MessagePage::default() };
            let found = list(&store.read, &filter, page).await.expect("a list");
            let ids: Vec<i64> = found.iter().map(|kept| kept.message.id.0).collect();
            assert_eq!(ids, expected, "{text}: {filter:?}");
            assert_eq!(count(&store.read, &filter).await.ok(), Some(expected.len() as u64), "{text}: {filter:?}");
        }
    }
}
