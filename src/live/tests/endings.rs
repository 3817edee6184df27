//! Revocation, and a database that is not the one that it was.

use super::bench::{Act, Bench, drain, next};
use crate::domain::conversations::Kind;
use crate::domain::{ConversationId, Seq, SessionId, Timestamp, UserId};
use crate::live::hub::Applied;
use crate::live::{Cursor, Ending, FollowerOptions, Gap, Hub, HubOptions, Step};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);
const ROOM: ConversationId = ConversationId(1);
const ROOMY: usize = 1 << 20;
const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn revoking_a_session_ends_its_streams_and_those_that_come_too_late() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    let mut open = bench.open(ANN, Cursor::Now).await;
    let mut other = bench.open(BOB, Cursor::Now).await;
    assert_eq!(drain(&mut open).await, [0; 0]);
    bench.happen(Act::Revoke(ANN, SessionId(ANN.0))).await;
    assert!(matches!(next(&mut open).await, Some(Step::End(Ending::Revoked))));
    assert_eq!(drain(&mut other).await, [0; 0], "others live on");
    // His token was checked before, his stream enters after.
    let mut late = bench.open(ANN, Cursor::Now).await;
    assert!(matches!(next(&mut late).await, Some(Step::End(Ending::Revoked))));
    assert!(bench.hub().is_revoked(SessionId(ANN.0)));
    bench.hub().forget_revocations(Timestamp::now());
    assert!(bench.hub().is_revoked(SessionId(ANN.0)), "its tokens may still be shown");
    bench.hub().forget_revocations(Timestamp::now().plus(Duration::from_secs(61)));
    assert!(!bench.hub().is_revoked(SessionId(ANN.0)), "nobody has a token of it any more");
    drop((open, other, late));
    assert_eq!(bench.hub().streams(), 0);
}

#[test]
fn a_hub_knows_what_was_revoked_before_it_began() {
    let options = HubOptions { ring_bytes: 1, stream_queue: 1, revocations_kept: LONG };
    let hub = Hub::new(options, Seq(0), [SessionId(7)]);
    assert!(hub.is_revoked(SessionId(7)) && !hub.is_revoked(SessionId(8)));
}

#[tokio::test]
async fn what_is_missing_before_a_commit_is_read_from_the_log() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    bench.commit(Act::Room(Kind::Group, vec![ANN])).await;
    bench.commit(Act::Say(ROOM)).await;
    // Another node's, of which this one has not heard.
    bench.take_committed();
    bench.commit(Act::Say(ROOM)).await;
    let own = bench.take_committed();
    bench.follower.committed(own, Seq(0)).await;
    assert_eq!(drain(&mut stream).await, [1, 2, 3]);
}

#[tokio::test]
async fn what_an_answer_rests_on_is_told_before_it_though_others_wrote_it() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    assert_eq!(drain(&mut stream).await, [0; 0]);
    bench.commit(Act::Room(Kind::Group, vec![ANN])).await;
    bench.commit(Act::Say(ROOM)).await;
    bench.take_committed();
    // Nothing was written here: what was asked for is there.
    bench.follower.committed(Vec::new(), Seq(2)).await;
    assert_eq!(drain(&mut stream).await, [1, 2]);
}

#[tokio::test]
async fn what_nobody_published_is_found_by_reading_the_head() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    assert_eq!(drain(&mut stream).await, [0; 0]);
    bench.commit(Act::Room(Kind::Group, vec![ANN])).await;
    let stop = CancellationToken::new();
    let options = FollowerOptions { every: Duration::from_millis(1), patience: LONG };
    let follower = Arc::clone(&bench.follower);
    let following = tokio::spawn({
        let stop = stop.clone();
        async move { follower.follow(options, stop).await }
    });
    let heard = tokio::time::timeout(LONG, std::future::poll_fn(|context| stream.poll_next(context))).await;
    assert!(matches!(heard, Ok(Step::Event(event)) if event.seq == Seq(1)));
    stop.cancel();
    following.await.expect("it ends");
}

/// The log does not hold what the number line promises: whoever hands a commit over must not wait for it for ever.
#[tokio::test]
async fn a_log_with_a_hole_ends_the_streams_and_holds_nobody_up() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    assert_eq!(drain(&mut stream).await, [0; 0]);
    bench.commit(Act::Room(Kind::Group, vec![ANN])).await;
    bench.commit(Act::Say(ROOM)).await;
    bench.commit(Act::Forget(2)).await;
    bench.take_committed();
    bench.commit(Act::Say(ROOM)).await;
    let own = bench.take_committed();
    tokio::time::timeout(LONG, bench.follower.committed(own, Seq(0))).await.expect("the writer goes on");
    assert!(matches!(next(&mut stream).await, Some(Step::Reset(Gap::HistoryReplaced))));
    assert!(bench.hub().is_closed());
}

#[tokio::test]
async fn another_batch_at_a_known_place_is_another_database() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    bench.commit(Act::Room(Kind::Group, vec![ANN])).await;
    let mut records = bench.take_committed();
    bench.follower.committed(records.clone(), Seq(0)).await;
    bench.follower.committed(records.clone(), Seq(0)).await;
    assert!(!bench.hub().is_closed(), "to hear of the same twice is nothing");
    records[0].batch += 1;
    let again = Arc::new(crate::live::Event::new(&records[0]));
    assert_eq!(bench.hub().apply(&again), Applied::Diverged);
    bench.follower.committed(records, Seq(0)).await;
    assert!(bench.hub().is_closed());
}
