//! Streams that are written to without their task, and when they are not.

use super::bench::{Act, Bench, drain, glance, next, shown, wish};
use crate::domain::conversations::Kind;
use crate::domain::{ConversationId, MessageId, Seq, SessionId, UserId};
use crate::live::{Cursor, Ending, Event, Full, Hub, Outlet, Step, Subscription};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Wake};

const ANN: UserId = UserId(1);
const ROOM: ConversationId = ConversationId(1);

/// An outlet that remembers what it was given, and takes so many events and a byte of the next one.
pub(crate) struct Tap {
    hub: Arc<Hub>,
    heard: Mutex<Vec<(Arc<Event>, Seq)>>,
    room: AtomicUsize,
}

impl Tap {
    pub(crate) fn new(bench: &Bench, room: usize) -> Arc<Self> {
        let hub = Arc::clone(bench.follower.hub());
        Arc::new(Self { hub, heard: Mutex::default(), room: AtomicUsize::new(room) })
    }

    /// What it was given, and what was applied then.
    pub(super) fn take(&self) -> Vec<(Arc<Event>, Seq)> {
        std::mem::take(&mut self.heard.lock())
    }

    pub(super) fn applied(&self) -> Seq {
        self.hub.applied()
    }

    fn seqs(&self) -> Vec<i64> {
        self.heard.lock().iter().map(|(event, _)| event.seq.0).collect()
    }
}

impl Outlet for Tap {
    fn put(&self, events: &VecDeque<Arc<Event>>) -> Result<(), Full> {
        for (place, event) in events.iter().enumerate() {
            if self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(1)).is_err() {
                return Err(Full { event: place, taken: 1 });
            }
            self.heard.lock().push((Arc::clone(event), self.hub.applied()));
        }
        Ok(())
    }
}

/// Whether the task of a stream was woken.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Woken {
    fn was(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// A stream of ann's that has heard of her room, and an outlet of this size.
async fn listening(room: usize) -> (Bench, Subscription, Arc<Tap>, Arc<Woken>) {
    let bench = Bench::new(&["ann"], 1 << 20, 4).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    let mut stream = bench.open(ANN, Cursor::Now).await;
    let woken = Arc::new(Woken::default());
    assert!(stream.poll_next(&mut Context::from_waker(&Arc::clone(&woken).into())).is_pending());
    let tap = Tap::new(&bench, room);
    (bench, stream, tap, woken)
}

fn open(stream: &Subscription, tap: &Arc<Tap>) -> bool {
    stream.open(&(Arc::clone(tap) as _))
}

/// Lets those who pump have their turn until nothing is left to be done.
async fn turns() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_comes_while_the_outlet_is_open_wakes_nobody() {
    let (bench, mut stream, tap, woken) = listening(100).await;
    bench.pump();
    turns().await;
    assert!(open(&stream, &tap));
    for _ in 0..3 {
        bench.happen(Act::Say(ROOM)).await;
        turns().await;
    }
    assert_eq!(tap.seqs(), [2, 3, 4]);
    assert!(!woken.was());
    let passage = stream.close();
    assert!(passage.written.is_some() && passage.rest.is_none());
    assert_eq!(stream.position(), Seq(4));
    bench.happen(Act::Say(ROOM)).await;
    assert!(woken.was(), "the task is back");
    assert_eq!(drain(&mut stream).await, [5]);
    assert_eq!(tap.seqs(), [2, 3, 4], "what went through comes once");
}

#[tokio::test]
async fn what_the_outlet_does_not_take_is_given_back_in_order() {
    let (bench, mut stream, tap, woken) = listening(2).await;
    bench.pump();
    turns().await;
    assert!(open(&stream, &tap));
    for _ in 0..4 {
        bench.commit(Act::Say(ROOM)).await;
    }
    bench.apply_all();
    turns().await;
    bench.happen(Act::Say(ROOM)).await;
    assert!(woken.was());
    let passage = stream.close();
    let rest = passage.rest.expect("two are left");
    let left: Vec<i64> = rest.events.iter().map(|event| event.seq.0).collect();
    assert_eq!((tap.seqs(), left, rest.taken), (vec![2, 3], vec![4, 5], 1));
    assert_eq!(stream.position(), Seq(5));
    assert_eq!(drain(&mut stream).await, [6]);
}

#[tokio::test]
async fn what_runs_over_before_it_is_written_is_read_by_the_task() {
    let (bench, mut stream, tap, woken) = listening(100).await;
    bench.pump();
    turns().await;
    assert!(open(&stream, &tap));
    for _ in 0..6 {
        bench.commit(Act::Say(ROOM)).await;
    }
    // Nobody has a turn in between.
    bench.apply_all();
    assert!(woken.was());
    turns().await;
    assert_eq!(tap.seqs(), [0; 0]);
    assert!(stream.close().written.is_none());
    assert_eq!(drain(&mut stream).await, [2, 3, 4, 5, 6, 7]);
}

#[tokio::test]
async fn what_is_deleted_before_it_is_written_is_left_to_the_task() {
    let (bench, mut stream, tap, woken) = listening(100).await;
    bench.pump();
    turns().await;
    assert!(open(&stream, &tap));
    bench.commit(Act::Say(ROOM)).await;
    bench.commit(Act::Erase(ROOM, MessageId(1))).await;
    bench.apply_all();
    turns().await;
    assert!(woken.was());
    assert_eq!(tap.seqs(), [0; 0]);
    stream.close();
    let Some(Step::Event(event)) = next(&mut stream).await else { panic!("it comes") };
    assert_eq!(shown(&event), Some((MessageId(1), false)));
}

#[tokio::test]
async fn what_comes_after_the_end_of_a_session_does_not_go_out() {
    let (bench, mut stream, tap, woken) = listening(100).await;
    bench.pump();
    turns().await;
    assert!(open(&stream, &tap));
    bench.commit(Act::Say(ROOM)).await;
    bench.apply_all();
    turns().await;
    // The stream's own task does not have its turn yet.
    bench.commit(Act::Revoke(ANN, SessionId(ANN.0))).await;
    bench.commit(Act::Say(ROOM)).await;
    bench.apply_all();
    turns().await;
    assert!(woken.was());
    assert_eq!(tap.seqs(), [2]);
    stream.close();
    assert!(matches!(next(&mut stream).await, Some(Step::End(Ending::Revoked))));
    assert_eq!(stream.position(), Seq(2));
}

#[tokio::test]
async fn where_nobody_pumps_nothing_is_left_to_the_outlet() {
    let (bench, mut stream, tap, woken) = listening(100).await;
    assert!(!open(&stream, &tap), "nobody has begun to");
    let stop = bench.pump();
    turns().await;
    assert!(open(&stream, &tap));
    stop.cancel();
    turns().await;
    bench.happen(Act::Say(ROOM)).await;
    assert!(woken.was(), "nobody does so any more");
    assert!(!open(&stream, &tap), "something waits");
    stream.close();
    assert_eq!(drain(&mut stream).await, [2]);
}

#[tokio::test]
async fn only_what_is_all_for_the_stream_goes_to_its_outlet() {
    let (bench, stream, tap, _) = listening(100).await;
    bench.pump();
    turns().await;
    let mut bound = wish(ANN, Cursor::Now);
    bound.only = Some(ROOM);
    let mut bound = bench.follower.subscribe(bound).await.expect("a stream opens");
    bench.commit(Act::Say(ROOM)).await;
    let mut ahead = bench.open(ANN, Cursor::After(Seq(2))).await;
    for stream in [&mut bound, &mut ahead] {
        assert!(glance(stream).is_pending() && stream.is_live());
        assert!(!open(stream, &tap));
    }
    bench.apply_all();
    assert_eq!(drain(&mut ahead).await, [0; 0], "it has heard that elsewhere");
    assert!(open(&ahead, &tap));
    drop(stream);
}

#[tokio::test]
async fn a_stream_that_is_gone_lets_its_outlet_go() {
    let (bench, stream, tap, _) = listening(100).await;
    bench.pump();
    turns().await;
    assert!(open(&stream, &tap));
    bench.commit(Act::Say(ROOM)).await;
    bench.apply_all();
    // It is on the list of those who pump.
    drop(stream);
    assert_eq!(Arc::strong_count(&tap), 1);
    turns().await;
    assert_eq!(tap.seqs(), [0; 0]);
}
