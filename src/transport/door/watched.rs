//! A connection's socket as hyper has it, which tells whether everything is out and gives up whom nothing reaches.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// What is known of a connection that hyper has.
#[derive(Debug, Default)]
pub(super) struct Signs {
    unsent: AtomicBool,
    received: AtomicU64,
}

impl Signs {
    /// Whether something of an answer is not out yet.
    pub(super) fn has_unsent(&self) -> bool {
        self.unsent.load(Ordering::Acquire)
    }

    /// How many bytes have come.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// So many bytes have come.
    pub(super) fn note_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// A socket that remembers whether its last write was taken: hyper does not tell whether all of an answer is out. It
/// fails when for long enough none was.
pub(super) struct Watched {
    pub(super) socket: TcpStream,
    signs: Arc<Signs>,
    patience: Duration,
    /// Runs while something waits to be taken.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl Watched {
    pub(super) fn new(socket: TcpStream, patience: Duration, signs: Arc<Signs>) -> Self {
        Self { socket, signs, patience, stalled: None }
    }

    fn note<T>(&mut self, written: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.signs.unsent.store(written.is_pending(), Ordering::Release);
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timer = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(self.patience)));
        timer.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.socket).poll_read(context, into);
        self.signs.note_received(into.filled().len() - before);
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write(context, bytes);
        self.note(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.socket).poll_write_vectored(context, slices);
        self.note(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::super::listen;
    use super::*;
    use std::net::SocketAddr;
    use tokio::io::AsyncWriteExt;

    /// Two ends of a connection, the first watched.
    async fn pair(patience: Duration) -> (Watched, TcpStream) {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        (Watched::new(near.unwrap(), patience, Arc::default()), far.unwrap().0)
    }

    /// Writes until nothing more is taken. Time stands still unless there is nothing else to wait for.
    async fn fill(watched: &mut Watched) -> io::Error {
        loop {
            if let Err(error) = watched.write(&[0; 16 * 1024]).await {
                return error;
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up_after_a_while() {
        let patience = Duration::from_mins(1);
        let (mut watched, _far) = pair(patience).await;
        let start = tokio::time::Instant::now();
        assert_eq!(fill(&mut watched).await.kind(), io::ErrorKind::TimedOut);
        assert!(start.elapsed() >= patience);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_something_now_and_then_is_waited_for() {
        let patience = Duration::from_mins(1);
        let (mut watched, _far) = pair(patience).await;
        let mut context = Context::from_waker(std::task::Waker::noop());
        for _ in 0..3 {
            assert!(watched.note::<()>(Poll::Pending, &mut context).is_pending());
            tokio::time::advance(patience / 2).await;
            assert!(watched.note::<()>(Poll::Pending, &mut context).is_pending());
            assert!(watched.note(Poll::Ready(Ok(1)), &mut context).is_ready());
            tokio::time::advance(patience * 2).await;
        }
    }
}
