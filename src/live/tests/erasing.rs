//! A message is deleted while streams hold it: in their queue, in a page of the ring, in a page of the log.

use super::bench::{Act, Bench, drain, glance, next, shown};
use crate::domain::conversations::Kind;
use crate::domain::{ConversationId, MessageId, Seq, UserId};
use crate::live::{Cursor, Step, Subscription};
use std::task::Poll;

const ANN: UserId = UserId(1);
const BOB: UserId = UserId(2);
const ROOM: ConversationId = ConversationId(1);
const ROOMY: usize = 1 << 20;

/// Which messages the rest of the stream shows, in the order of their events.
async fn rest(stream: &mut Subscription) -> Vec<(i64, bool)> {
    let mut messages = Vec::new();
    while let Some(step) = next(stream).await {
        let Step::Event(event) = step else { panic!("{step:?}") };
        messages.extend(shown(&event).map(|(id, shows)| (id.0, shows)));
    }
    messages
}

async fn room_with_messages(ring: usize, queue: usize, messages: usize) -> Bench {
    let bench = Bench::new(&["ann", "bob"], ring, queue).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN, BOB])).await;
    for _ in 0..messages {
        bench.happen(Act::Say(ROOM)).await;
    }
    bench
}

async fn erase(bench: &Bench, id: i64) {
    bench.happen(Act::Erase(ROOM, MessageId(id))).await;
}

#[tokio::test]
async fn what_is_queued_for_a_stream_is_not_shown_once_it_is_deleted() {
    let bench = room_with_messages(ROOMY, 64, 0).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    assert!(glance(&mut stream).is_pending() && stream.is_live());
    for _ in 0..3 {
        bench.happen(Act::Say(ROOM)).await;
    }
    erase(&bench, 2).await;
    assert_eq!(rest(&mut stream).await, [(1, true), (2, false), (3, true)]);
    assert_eq!(stream.position(), Seq(5));
}

#[tokio::test]
async fn who_has_left_is_not_shown_what_is_deleted_then_either() {
    let bench = room_with_messages(ROOMY, 64, 0).await;
    let mut stream = bench.open(BOB, Cursor::Now).await;
    assert!(glance(&mut stream).is_pending());
    bench.happen(Act::Say(ROOM)).await;
    bench.happen(Act::Leave(ROOM, BOB)).await;
    erase(&bench, 1).await;
    assert_eq!(rest(&mut stream).await, [(1, false)]);
}

#[tokio::test]
async fn what_a_stream_has_read_and_not_handed_out_is_not_shown() {
    // Out of the ring, and out of the log.
    for ring in [ROOMY, 1] {
        let bench = room_with_messages(ring, 64, 6).await;
        let mut stream = bench.open(ANN, Cursor::After(Seq(1))).await;
        let Some(Step::Event(first)) = next(&mut stream).await else { panic!("there are six") };
        assert_eq!(shown(&first), Some((MessageId(1), true)));
        erase(&bench, 1).await;
        erase(&bench, 4).await;
        assert_eq!(rest(&mut stream).await, [(2, true), (3, true), (4, false), (5, true), (6, true)], "ring {ring}");
    }
}

#[tokio::test]
async fn a_page_that_is_being_read_meanwhile_shows_nothing_deleted() {
    for _ in 0..20 {
        let bench = room_with_messages(1, 64, 6).await;
        let mut stream = bench.open(ANN, Cursor::After(Seq(1))).await;
        let begun = glance(&mut stream);
        erase(&bench, 4).await;
        let mut messages = Vec::new();
        if let Poll::Ready(Step::Event(event)) = begun {
            messages.extend(shown(&event).map(|(id, shows)| (id.0, shows)));
        }
        messages.extend(rest(&mut stream).await);
        assert_eq!(messages, [(1, true), (2, true), (3, true), (4, false), (5, true), (6, true)]);
    }
}

#[tokio::test]
async fn a_stream_that_sleeps_through_more_than_is_remembered_reads_anew() {
    for ring in [ROOMY, 1] {
        let bench = room_with_messages(ring, 64, 8).await;
        let mut behind = bench.open(ANN, Cursor::After(Seq(1))).await;
        assert!(matches!(next(&mut behind).await, Some(Step::Event(_))));
        let mut live = bench.open(BOB, Cursor::Now).await;
        assert!(glance(&mut live).is_pending());
        for _ in 0..2 {
            bench.happen(Act::Say(ROOM)).await;
        }
        for id in [2, 4, 5, 6, 7, 9] {
            erase(&bench, id).await;
        }
        let expected = (2..=10).map(|id| (id, [3, 8, 10].contains(&id)));
        assert_eq!(rest(&mut behind).await, expected.collect::<Vec<_>>(), "ring {ring}");
        assert_eq!(rest(&mut live).await, [(9, false), (10, true)], "ring {ring}");
        assert_eq!((behind.position(), live.position()), (bench.hub().applied(), bench.hub().applied()));
    }
}

#[tokio::test]
async fn replayed_from_ring_or_log_a_deleted_message_is_the_same_bytes() {
    let bench = room_with_messages(ROOMY, 64, 3).await;
    erase(&bench, 2).await;
    let mut from_ring = bench.open(ANN, Cursor::After(Seq(1))).await;
    let mut ring = Vec::new();
    while let Some(Step::Event(event)) = next(&mut from_ring).await {
        ring.push(event.frames.sse().clone());
    }
    let page = bench.store.log_page(Seq(1), Seq(5), None, 10).await.expect("a page");
    let log: Vec<_> =
        page.records.iter().map(|record| crate::live::event::Event::new(record).frames.sse().clone()).collect();
    assert_eq!(ring, log);
    assert_eq!(ring.len(), 4);
    drop(drain(&mut from_ring).await);
}

#[tokio::test]
async fn what_expires_while_a_stream_holds_it_is_not_shown() {
    // In its queue, in a page of the ring, in a page of the log, and with more expiries than are remembered.
    for (ring, parts) in
        [(ROOMY, [4, 0, 0, 0, 0]), (1, [4, 0, 0, 0, 0]), (ROOMY, [1, 1, 1, 1, 0]), (1, [1, 1, 1, 1, 1])]
    {
        let bench = room_with_messages(ring, 64, 6).await;
        let mut behind = bench.open(ANN, Cursor::After(Seq(1))).await;
        let Some(Step::Event(first)) = next(&mut behind).await else { panic!("there are six") };
        assert_eq!(shown(&first), Some((MessageId(1), true)));
        let mut live = bench.open(BOB, Cursor::Now).await;
        assert!(glance(&mut live).is_pending());
        bench.happen(Act::Say(ROOM)).await;
        for most in parts {
            bench.happen(Act::Expire(most)).await;
        }
        let gone: i64 = parts.iter().sum::<u64>().try_into().expect("a few");
        let expected: Vec<_> = (2..=7).map(|id| (id, id > gone)).collect();
        assert_eq!(rest(&mut behind).await, expected, "ring {ring}, {parts:?}");
        assert_eq!(rest(&mut live).await, [(7, true)], "ring {ring}, {parts:?}");
        bench.happen(Act::Say(ROOM)).await;
        bench.happen(Act::Expire(99)).await;
        assert_eq!(rest(&mut live).await, [(8, false)], "ring {ring}, {parts:?}");
        assert_eq!((behind.position() < live.position(), live.position()), (true, bench.hub().applied()));
    }
}

#[tokio::test]
async fn replayed_from_ring_or_log_an_expired_message_is_the_same_bytes() {
    let bench = room_with_messages(ROOMY, 64, 6).await;
    erase(&bench, 2).await;
    for most in [1, 2, 1] {
        bench.happen(Act::Expire(most)).await;
    }
    let mut from_ring = bench.open(ANN, Cursor::After(Seq(1))).await;
    let mut ring = Vec::new();
    while let Some(Step::Event(event)) = next(&mut from_ring).await {
        ring.push(event.frames.sse().clone());
    }
    let page = bench.store.log_page(Seq(1), bench.head().await, None, 100).await.expect("a page");
    let log: Vec<_> =
        page.records.iter().map(|record| crate::live::event::Event::new(record).frames.sse().clone()).collect();
    assert_eq!(ring, log);
    let shows = log.iter().filter(|frame| String::from_utf8_lossy(frame).contains("hello")).count();
    assert_eq!((log.len(), shows), (10, 2));
}

#[tokio::test]
async fn said_and_deleted_in_one_batch_it_is_never_shown() {
    let bench = room_with_messages(ROOMY, 64, 0).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    assert!(glance(&mut stream).is_pending());
    bench.happen(Act::SayAndErase(ROOM)).await;
    assert_eq!(rest(&mut stream).await, [(1, false)]);
    let page = bench.store.log_page(Seq(0), Seq(9), None, 10).await.expect("a page");
    assert!(page.records.iter().all(|record| !record.data.contains("hello")));
}
