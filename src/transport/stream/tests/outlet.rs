//! What is written to a stream's socket while its task sleeps.

use super::*;
use crate::live::tests::outlets::Tap;

/// A stream of ann's that is live and idle, and the other end, where its head and `ready` were read.
async fn idle(bench: &Bench) -> (TcpStream, Stream<Sse>) {
    let (mut far, socket) = connection().await;
    let mut stream = stream(bench, socket, Sse).await;
    std::future::poll_fn(|context| {
        assert!(Pin::new(&mut stream).poll(context).is_pending());
        if stream.open { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let head = heard_until(&mut far, "event: ready").await;
    assert!(head.starts_with("head"), "{head}");
    (far, stream)
}

/// What comes until this has come and its event is over.
async fn heard_until(far: &mut TcpStream, last: &str) -> String {
    let mut heard = String::new();
    while !heard.split_once(last).is_some_and(|(_, rest)| rest.contains("\n\n")) {
        let mut bytes = [0; 4096];
        let count = far.read(&mut bytes).await.expect("the stream is open");
        assert!(count > 0, "it ended: {heard}");
        heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    heard
}

fn ids(heard: &str) -> Vec<i64> {
    heard.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect()
}

async fn room() -> Bench {
    let bench = Bench::new(&["ann"], 1 << 20, 64).await;
    bench.pump();
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    bench
}

#[tokio::test]
async fn what_comes_is_written_without_the_task() {
    let bench = room().await;
    let (mut far, mut stream) = idle(&bench).await;
    let traffic = Arc::clone(&stream.pipe.line.traffic);
    let (deliveries, bytes) = (traffic.sse.deliveries.total(), traffic.sse.bytes.total());
    for _ in 0..3 {
        bench.happen(Act::Say(ROOM)).await;
    }
    let heard = heard_until(&mut far, "id: 4\n").await;
    assert_eq!(ids(&heard), [2, 3, 4]);
    assert_eq!(traffic.sse.deliveries.total() - deliveries, 3);
    assert_eq!(traffic.sse.bytes.total() - bytes, heard.len() as u64);
    // The task goes on from there.
    let due = Instant::now();
    stream.heartbeat_at = due;
    stream.close_outlet();
    assert_eq!(stream.pipe.position(), Seq(4));
    assert!(stream.heartbeat_at > due && stream.owed.is_some(), "it was not idle");
    assert!(stream.heartbeat_at <= Instant::now() + stream.pace.heartbeat, "and says so in time");
    stream.end(CloseReason::ShuttingDown);
    let mut rest = String::new();
    let ((), read) = tokio::join!(stream, far.read_to_string(&mut rest));
    read.expect("text");
    assert_eq!(ids(&rest), [4], "bye: {rest}");
}

#[tokio::test]
async fn who_reads_too_little_is_written_to_by_the_task_from_where_it_stuck() {
    let bench = room().await;
    let (mut far, mut stream) = idle(&bench).await;
    let mut said = 1;
    while stream.open {
        bench.happen(Act::Say(ROOM)).await;
        said += 1;
        std::future::poll_fn(|context| {
            // As it would be polled if it is woken, and only then.
            let slot = Arc::clone(stream.pipe.subscription.as_ref().expect("a subscription").slot());
            if slot.is_open() {
                return Poll::Ready(());
            }
            assert!(Pin::new(&mut stream).poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        tokio::task::yield_now().await;
    }
    assert!(!stream.pipe.outbox.is_empty(), "a part of it is left");
    bench.happen(Act::Say(ROOM)).await;
    let last = format!("id: {}\n", said + 1);
    let heard = tokio::select! {
        () = &mut stream => panic!("it goes on"),
        heard = heard_until(&mut far, &last) => heard,
    };
    assert_eq!(ids(&heard), (2..=said + 1).collect::<Vec<_>>());
    assert_eq!(heard.matches("\n\n").count(), ids(&heard).len(), "no frame is torn");
    for event in heard.split_terminator("\n\n") {
        assert!(event.starts_with("id: ") && event.ends_with('}'), "{event}");
    }
    // And then it is idle again.
    std::future::poll_fn(|context| {
        assert!(Pin::new(&mut stream).poll(context).is_pending());
        if stream.open { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn a_deletion_reaches_what_was_left_of_a_write() {
    let bench = room().await;
    let (mut far, mut stream) = idle(&bench).await;
    // As if somebody else had filled the socket: nothing of the next event is taken.
    let mut filled = 0;
    while let Ok(count) = socket2::SockRef::from(&stream.pipe.line.socket).send(&[b'.'; 4096]) {
        filled += count;
    }
    bench.happen(Act::Say(ROOM)).await;
    let slot = Arc::clone(stream.pipe.subscription.as_ref().expect("a subscription").slot());
    while slot.is_open() {
        tokio::task::yield_now().await;
    }
    bench.happen(Act::Erase(ROOM, MessageId(1))).await;
    let heard = tokio::select! {
        () = &mut stream => panic!("it goes on"),
        heard = heard_until(&mut far, "id: 3\n") => heard,
    };
    let heard = &heard[filled..];
    assert_eq!(ids(heard), [2, 3]);
    assert!(!heard.contains("hello"), "{heard}");
}

#[tokio::test]
async fn of_a_frame_that_was_written_in_part_the_rest_follows() {
    let bench = room().await;
    let (mut far, mut stream) = idle(&bench).await;
    stream.close_outlet();
    let subscription = stream.pipe.subscription.as_ref().expect("a subscription");
    let slot = Arc::clone(subscription.slot());
    // A socket that took the first byte.
    stream.open = subscription.open(&(Tap::new(&bench, 0) as _));
    bench.happen(Act::Say(ROOM)).await;
    while slot.is_open() {
        tokio::task::yield_now().await;
    }
    bench.happen(Act::Say(ROOM)).await;
    let heard = tokio::select! {
        () = &mut stream => panic!("it goes on"),
        heard = heard_until(&mut far, "id: 3\n") => heard,
    };
    assert!(heard.starts_with("d: 2\nevent: message.created\n"), "{heard}");
}
