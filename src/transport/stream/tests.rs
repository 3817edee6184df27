//! A stream that is overtaken by deletions: by more than anybody remembers, and while a frame is still being made.

mod outlet;

use super::*;
use crate::domain::conversations::Kind;
use crate::domain::{ConversationId, MessageId, UserId};
use crate::live::tests::bench::{Act, Bench};
use crate::live::{Cursor, Event};
use crate::transport::Addresses;
use crate::transport::sse::{Dialect, Sse, Translated};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::net::Ipv4Addr;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

const ANN: UserId = UserId(1);
const ROOM: ConversationId = ConversationId(1);
const LONG: Duration = Duration::from_hours(1);

/// Both ends of a connection.
async fn connection() -> (TcpStream, TcpStream) {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let far = TcpStream::connect(listener.local_addr().expect("an address"));
    let (far, near) = tokio::join!(far, listener.accept());
    (far.expect("a connection"), near.expect("a connection").0)
}

/// A stream of ann's from the first event on.
async fn stream<P: Protocol>(bench: &Bench, socket: TcpStream, protocol: P) -> Stream<P> {
    let subscription = Box::new(bench.open(ANN, Cursor::After(Seq(1))).await);
    let closing = CancellationToken::new();
    let taken =
        Taken { socket, head: Bytes::from_static(b"head"), read_ahead: Bytes::new(), closing, traffic: Arc::default() };
    let permit = Addresses::new(1).admit(Ipv4Addr::LOCALHOST.into()).expect("a place");
    let opening = Opening::Subscribed { subscription, expires: None };
    let pace = Pace { heartbeat: LONG, stall: LONG, auth: LONG };
    Stream::new(taken, protocol, opening, pace, permit)
}

/// Tells of each message once it is let, and of how it was when it was asked.
struct Waiting(Arc<Semaphore>);

impl Dialect for Waiting {
    fn name(&self) -> &'static str {
        "waiting"
    }

    fn tells(&self, event: &Event) -> bool {
        event.kind() == "message.created"
    }

    fn data(&self, event: Arc<Event>) -> BoxFuture<'static, Result<Option<String>, CloseReason>> {
        let let_go = Arc::clone(&self.0);
        Box::pin(async move {
            let_go.acquire().await.map_err(|_| CloseReason::Unavailable)?.forget();
            Ok(Some(String::from_utf8_lossy(event.frames.envelope()).into_owned()))
        })
    }
}

/// Two messages, a stream that holds the first because its frame is not made yet, and what lets it go.
async fn holding() -> (Bench, TcpStream, Stream<Translated>, Arc<Semaphore>) {
    let bench = Bench::new(&["ann"], 1 << 20, 64).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    bench.happen(Act::Say(ROOM)).await;
    bench.happen(Act::Say(ROOM)).await;
    let (far, socket) = connection().await;
    let let_go = Arc::new(Semaphore::new(0));
    let mut stream = stream(&bench, socket, Translated(Arc::new(Waiting(Arc::clone(&let_go))))).await;
    std::future::poll_fn(|context| {
        assert!(Pin::new(&mut stream).poll(context).is_pending(), "it waits for the frame");
        if stream.pipe.held.is_some() && stream.pipe.outbox.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    (bench, far, stream, let_go)
}

/// What comes through until the stream ends.
async fn rest(mut far: TcpStream, stream: Stream<Translated>) -> String {
    let mut heard = String::new();
    let ((), read) = tokio::join!(stream, async { far.read_to_string(&mut heard).await });
    read.expect("text");
    heard
}

#[tokio::test]
async fn what_waits_for_its_frame_is_not_counted_as_sent() {
    let (_bench, far, mut stream, _) = holding().await;
    assert_eq!(stream.pipe.position(), Seq(1));
    stream.end(CloseReason::ShuttingDown);
    let heard = rest(far, stream).await;
    let ids: Vec<&str> = heard.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids, ["1", "1"], "where it begins, and bye: {heard}");
    assert!(heard.contains("event: bye") && !heard.contains("hello"), "{heard}");
}

#[tokio::test]
async fn what_cannot_be_told_ends_the_stream_before_it() {
    let (_bench, far, stream, let_go) = holding().await;
    let_go.close();
    let heard = rest(far, stream).await;
    let ids: Vec<&str> = heard.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids, ["1", "1"], "{heard}");
    assert!(heard.contains(r#""reason":"unavailable""#) && !heard.contains("hello"), "{heard}");
}

#[tokio::test]
async fn a_message_that_is_deleted_while_its_frame_is_made_is_not_told() {
    let (bench, mut far, mut stream, let_go) = holding().await;
    bench.happen(Act::Erase(ROOM, MessageId(1))).await;
    // It comes by once more before the frame is there, and minds what is in its outbox: nothing.
    std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut stream).poll(context).is_pending())).await;
    let_go.add_permits(2);
    let mut heard = String::new();
    tokio::select! {
        () = &mut stream => panic!("it goes on"),
        () = async {
            while !heard.contains("id: 3\n") {
                let mut bytes = [0; 1024];
                let count = far.read(&mut bytes).await.expect("the stream is open");
                heard.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        } => {}
    }
    assert_eq!(heard.matches("hello").count(), 1, "{heard}");
    assert!(heard.contains("id: 2\n\nid: 3\ndata: {"), "its place is passed all the same: {heard}");
}

#[tokio::test]
async fn a_farewell_sends_back_to_before_what_was_dropped() {
    let bench = Bench::new(&["ann"], 1 << 20, 64).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    for _ in 0..5 {
        bench.happen(Act::Say(ROOM)).await;
    }
    let (mut far, socket) = connection().await;
    // The socket takes nothing more until somebody reads.
    while socket2::SockRef::from(&socket).send(&[b'.'; 4096]).is_ok() {}

    let mut stream = stream(&bench, socket, Sse).await;
    // The head, `ready`, and the five messages.
    std::future::poll_fn(|context| {
        let over = Pin::new(&mut stream).poll(context).is_ready();
        assert!(!over, "it waits for its socket");
        if stream.pipe.outbox.len() == 7 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    // Three deletions are remembered in tests: of the first message it is known that it is gone, of the second nothing.
    for id in [2, 3, 4, 5, 1] {
        bench.happen(Act::Erase(ROOM, MessageId(id))).await;
    }
    let mut heard = String::new();
    let ((), read) = tokio::join!(stream, async move {
        let read = far.read_to_string(&mut heard).await;
        read.map(|_| heard)
    });
    let heard = read.expect("text");
    let heard = heard.trim_start_matches('.');
    let ids: Vec<&str> = heard.lines().filter_map(|line| line.strip_prefix("id: ")).collect();
    assert_eq!(ids, ["1", "2", "2"], "ready, the first message, and bye: {heard}");
    assert!(heard.contains("event: bye") && !heard.contains("hello"), "{heard}");
}
