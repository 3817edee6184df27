//! Entering the hub while things go on, and going live: the moments in which an event is lost or doubled most easily.

use super::bench::{Act, Bench, drain, glance, next, wish};
use crate::domain::conversations::Kind;
use crate::domain::events::{Ended, Happening, Record, Topic};
use crate::domain::{ConversationId, Seq, SessionId, Timestamp, UserId};
use crate::live::event::Event;
use crate::live::slot::Listener;
use crate::live::{Cursor, Ending, Gap, Manner, RegisterError, Step, Wish};
use futures_util::FutureExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);
const ROOM: ConversationId = ConversationId(1);
const ROOMY: usize = 1 << 20;

fn note(seq: i64, whose: UserId) -> Arc<Event> {
    let happening = Happening::SessionRevoked(Ended { id: SessionId(0) });
    Arc::new(Event::new(&Record {
        seq: Seq(seq),
        topic: Topic::User(whose),
        kind: happening.kind().to_owned(),
        at: Timestamp(0),
        data: happening.data(),
        batch: 1,
        message: None,
    }))
}

#[tokio::test]
async fn who_joins_while_his_stays_are_read_hears_what_comes() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    let bob = Listener { user: BOB, session: SessionId(BOB.0), manner: Manner::Stream };
    let (slot, audience) = bench.hub().enter(bob, None).expect("no limit");
    let stays = bench.store.stays_of(BOB, Seq(0)).await.expect("stays");
    bench.happen(Act::Join(ROOM, BOB)).await;
    bench.happen(Act::Leave(ROOM, BOB)).await;
    bench.happen(Act::Join(ROOM, BOB)).await;
    bench.hub().settle(&audience, stays);
    let sees: Vec<bool> = (1..=5).map(|seq| audience.covers(ROOM, Seq(seq))).collect();
    assert_eq!(sees, [false, true, true, true, true], "he joined at 2, left at 3, and came back at 4");
    bench.hub().exit(&slot, &audience, &[]);
    assert_eq!(bench.hub().streams(), 0);
}

#[tokio::test]
async fn what_is_answered_at_once_takes_nobodys_place() {
    let bench = Bench::new(&["ann"], ROOMY, 64).await;
    let listening = |manner| {
        let limit = (manner != Manner::Glance).then_some(1);
        bench.follower.subscribe(Wish { manner, limit, ..wish(ANN, Cursor::Now) })
    };
    let glances = [listening(Manner::Glance).await, listening(Manner::Glance).await];
    let stream = listening(Manner::Stream).await;
    assert!(stream.is_ok() && glances.iter().all(Result::is_ok));
    assert!(matches!(listening(Manner::Poll).await, Err(RegisterError::TooMany)));
    assert!(listening(Manner::Glance).await.is_ok());
    drop(stream);
    assert!(listening(Manner::Poll).await.is_ok());
}

#[tokio::test]
async fn who_joins_while_his_stream_opens_misses_nothing() {
    for round in 0..20 {
        let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
        bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
        let mut opening = Box::pin(bench.follower.subscribe(wish(BOB, Cursor::After(Seq(0)))));
        let begun = (&mut opening).now_or_never();
        // The read may come before or after; either way nothing is lost.
        if round % 2 == 0 {
            std::thread::yield_now();
        }
        bench.happen(Act::Join(ROOM, BOB)).await;
        // A quick disk may have answered already.
        let opened = match begun {
            Some(opened) => opened,
            None => opening.await,
        };
        let mut stream = opened.expect("a stream opens");
        bench.happen(Act::Say(ROOM)).await;
        assert_eq!(drain(&mut stream).await, [2, 3]);
        bench.happen(Act::Say(ROOM)).await;
        assert_eq!(drain(&mut stream).await, [4]);
    }
}

#[tokio::test]
async fn between_replay_and_live_there_is_no_gap_and_nothing_twice() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    for _ in 0..10 {
        bench.happen(Act::Say(ROOM)).await;
    }
    for before in 0..11 {
        let head = bench.head().await.0;
        let mut stream = bench.open(ANN, Cursor::After(Seq(head - 11))).await;
        let mut got = Vec::new();
        for _ in 0..before {
            let Some(Step::Event(event)) = next(&mut stream).await else { panic!("there are eleven") };
            got.push(event.seq.0);
        }
        bench.happen(Act::Say(ROOM)).await;
        got.extend(drain(&mut stream).await);
        bench.happen(Act::Say(ROOM)).await;
        got.extend(drain(&mut stream).await);
        assert_eq!(got, (head - 10..=head + 2).collect::<Vec<_>>(), "after {before}");
    }
}

#[tokio::test]
async fn a_cursor_ahead_of_this_node_waits_and_hears_nothing_twice() {
    let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    for _ in 0..3 {
        bench.commit(Act::Say(ROOM)).await;
    }
    let mut stream = bench.open(ANN, Cursor::After(Seq(3))).await;
    assert_eq!(stream.gap(), None, "the database has it, only this node does not");
    assert_eq!(stream.position(), Seq(3));
    for _ in 0..3 {
        assert!(stream.position() >= Seq(3) && glance(&mut stream).is_pending() || bench.hub().applied() > Seq(3));
        bench.apply(1);
    }
    assert_eq!(drain(&mut stream).await, [4]);
    let mut beyond = bench.open(ANN, Cursor::After(Seq(5))).await;
    assert_eq!(beyond.gap(), Some(Gap::BeyondHead));
    assert_eq!(beyond.position(), Seq(4));
}

#[tokio::test]
async fn whose_stay_ended_ahead_of_this_node_hears_it_out() {
    let gone = [Act::Say(ROOM), Act::Leave(ROOM, BOB), Act::Say(ROOM)];
    let back = [&gone[..], &[Act::Join(ROOM, BOB), Act::Say(ROOM)]].concat();
    for (acts, expected) in [(gone.to_vec(), vec![2, 3]), (back, vec![2, 3, 5, 6])] {
        let bench = Bench::new(&["ann", "bob"], ROOMY, 64).await;
        bench.happen(Act::Room(Kind::Group, vec![ANN, BOB])).await;
        for act in &acts {
            bench.commit(act.clone()).await;
        }
        let mut stream = bench.open(BOB, Cursor::Now).await;
        assert_eq!(drain(&mut stream).await, [0; 0]);
        let mut got = Vec::new();
        for _ in &acts {
            bench.apply(1);
            got.extend(drain(&mut stream).await);
        }
        assert_eq!(got, expected, "what came while he was in, and nothing of the time between");
    }
}

#[tokio::test]
async fn a_queue_that_runs_over_is_read_on_from_the_log_without_a_gap() {
    // The ring keeps the newest event only, the queue two.
    let bench = Bench::new(&["ann", "bob"], 1, 2).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    assert_eq!(drain(&mut stream).await, [0; 0]);
    for round in 0..4 {
        for _ in 0..10 {
            bench.happen(Act::Say(ROOM)).await;
        }
        let from = round * 10 + 2;
        assert_eq!(drain(&mut stream).await, (from..from + 10).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_reader_that_retention_overtakes_in_mid_page_is_told() {
    let bench = Bench::new(&["ann", "bob"], 1, 2).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    for _ in 0..900 {
        bench.commit(Act::Say(ROOM)).await;
    }
    bench.apply_all();
    let mut stream = bench.open(ANN, Cursor::After(Seq(0))).await;
    let Some(Step::Event(first)) = next(&mut stream).await else { panic!("history is there") };
    assert_eq!(first.seq, Seq(1));
    // A page is in its hands; what lies behind it goes.
    bench.commit(Act::Forget(700)).await;
    let mut last = 1;
    let reset = loop {
        match next(&mut stream).await {
            Some(Step::Event(event)) => {
                assert_eq!(event.seq.0, last + 1, "no silent gap");
                last = event.seq.0;
            }
            Some(Step::Reset(gap)) => break gap,
            other => panic!("{other:?} after {last}"),
        }
    };
    assert_eq!((reset, stream.position()), (Gap::HistoryExpired, Seq(901)));
    assert!(last < 700, "what was in its hands was given, and no more: {last}");
    bench.happen(Act::Say(ROOM)).await;
    assert_eq!(drain(&mut stream).await, [902]);
}

#[tokio::test]
async fn slow_hearers_who_began_to_read_hold_nobody_up() {
    let bench = Bench::new(&["ann", "bob"], 1, 2).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    for _ in 0..100 {
        bench.happen(Act::Say(ROOM)).await;
    }
    let mut slow = Vec::new();
    for _ in 0..10 {
        let mut stream = bench.open(ANN, Cursor::After(Seq(0))).await;
        assert!(glance(&mut stream).is_pending() && !stream.is_live(), "it reads");
        slow.push(stream);
    }
    let mut quick = bench.open(ANN, Cursor::After(Seq(0))).await;
    let mut last = 0;
    while last < 101 {
        let step = std::future::poll_fn(|context| {
            for stream in &mut slow {
                stream.keep_reading(context);
            }
            quick.poll_next(context)
        });
        let step = tokio::time::timeout(Duration::from_secs(20), step).await;
        let Ok(Step::Event(event)) = step else { panic!("{step:?} after {last}") };
        last = event.seq.0;
    }
    for mut stream in slow {
        assert_eq!(drain(&mut stream).await, (1..=101).collect::<Vec<_>>(), "and none of it is lost");
    }
}

#[tokio::test]
async fn a_stream_that_cannot_read_ends_and_may_be_looked_at_once_more() {
    let bench = Bench::new(&["ann"], 1, 2).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    bench.happen(Act::Say(ROOM)).await;
    let mut stream = bench.open(ANN, Cursor::After(Seq(0))).await;
    bench.store.clone().close().await;
    assert!(matches!(next(&mut stream).await, Some(Step::End(Ending::DatabaseLost))));
    std::future::poll_fn(|context| {
        stream.keep_reading(context);
        Poll::Ready(())
    })
    .await;
    assert!(matches!(next(&mut stream).await, Some(Step::End(Ending::DatabaseLost))));
}

/// The hub applies on one thread while the stream is looked at on another: whatever the stream says that it has
/// passed, it has given.
#[tokio::test]
async fn a_position_never_runs_ahead_of_what_was_given() {
    const MANY: i64 = 30_000;
    let bench = Bench::new(&["ann", "bob"], usize::MAX, usize::MAX).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    assert_eq!(drain(&mut stream).await, [0; 0]);
    let hub = Arc::clone(bench.follower.hub());
    let over = Arc::new(AtomicBool::new(false));
    let done = Arc::clone(&over);
    let applying = std::thread::spawn(move || {
        for seq in 1..=MANY {
            hub.apply(&note(seq, ANN));
        }
        done.store(true, Ordering::Release);
    });
    let mut last = 0;
    loop {
        let was_over = over.load(Ordering::Acquire);
        match glance(&mut stream) {
            Poll::Ready(Step::Event(event)) => {
                assert_eq!(event.seq.0, last + 1, "nothing is skipped");
                last += 1;
            }
            Poll::Ready(other) => panic!("{other:?}"),
            Poll::Pending => {
                assert_eq!(stream.position().0, last, "all up to the position was given");
                if was_over {
                    break;
                }
            }
        }
    }
    assert_eq!(last, MANY);
    applying.join().expect("all is applied");
}
