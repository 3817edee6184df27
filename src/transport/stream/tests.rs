//! A stream that is overtaken by more deletions than anybody remembers.

use super::*;
use crate::domain::conversations::Kind;
use crate::domain::{ConversationId, MessageId, UserId};
use crate::live::Cursor;
use crate::live::tests::bench::{Act, Bench};
use crate::transport::Addresses;
use crate::transport::sse::Sse;
use bytes::Bytes;
use std::net::Ipv4Addr;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

const ANN: UserId = UserId(1);
const ROOM: ConversationId = ConversationId(1);
const LONG: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_farewell_sends_back_to_before_what_was_dropped() {
    let bench = Bench::new(&["ann"], 1 << 20, 64).await;
    bench.happen(Act::Room(Kind::Group, vec![ANN])).await;
    for _ in 0..5 {
        bench.happen(Act::Say(ROOM)).await;
    }
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let far = TcpStream::connect(listener.local_addr().expect("an address"));
    let (far, near) = tokio::join!(far, listener.accept());
    let (mut far, socket) = (far.expect("a connection"), near.expect("a connection").0);
    // The socket takes nothing more until somebody reads.
    while socket2::SockRef::from(&socket).send(&[b'.'; 4096]).is_ok() {}

    let subscription = Box::new(bench.open(ANN, Cursor::After(Seq(1))).await);
    let closing = CancellationToken::new();
    let taken = Taken { socket, head: Bytes::from_static(b"head"), read_ahead: Bytes::new(), closing };
    let permit = Addresses::new(1).admit(Ipv4Addr::LOCALHOST.into()).expect("a place");
    let opening = Opening::Subscribed { subscription, expires: None };
    let pace = Pace { heartbeat: LONG, stall: LONG, auth: LONG };
    let mut stream = Stream::new(taken, Sse, opening, pace, permit);
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
