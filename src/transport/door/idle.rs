//! How long a connection may take to send the head of a request: the first one, and those after it.
//!
//! A connection on which a request was answered may be idle before the next for longer than proxies keep those that they do not
//! use (Caddy two minutes, Traefik 90 seconds, nginx 60). If it were closed sooner, a proxy would send a request on it now and
//! then in the very moment in which that happens. It cannot know whether that was handled, so it repeats no POST, and whoever
//! is behind it gets a 502.

use super::watched::Signs;
use hyper::rt::{Sleep, Timer};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// How long a connection may be idle between two requests.
const IDLE: Duration = Duration::from_secs(130);
/// Where fewer than one place in so many is free, nobody keeps one for nothing.
const SCARCE: usize = 8;

/// hyper's timer for the heads of one connection's requests, which it sets for the time that one may take. Of those after the
/// first it is not known when they begin, so each time it rings it is looked at what came since.
pub(super) struct Patience {
    head: Duration,
    places: Arc<Semaphore>,
    connections: usize,
    signs: Arc<Signs>,
    /// Whether a request was waited for already.
    has_begun: AtomicBool,
}

impl Patience {
    /// Of one of so many connections, which has this long for a head.
    pub(super) fn new(head: Duration, places: Arc<Semaphore>, connections: usize, signs: Arc<Signs>) -> Self {
        Self { head, places, connections, signs, has_begun: AtomicBool::new(false) }
    }
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let deadline = tokio::time::Instant::from_std(deadline);
        let more =
            if self.has_begun.swap(true, Ordering::Relaxed) { IDLE.saturating_sub(self.head) } else { Duration::ZERO };
        Box::pin(Waiting {
            timer: Box::pin(tokio::time::sleep_until(deadline)),
            end: deadline + more,
            head: self.head,
            places: Arc::clone(&self.places),
            connections: self.connections,
            known: self.signs.received(),
            signs: Arc::clone(&self.signs),
        })
    }
}

/// Rings when a head was waited for long enough.
struct Waiting {
    timer: Pin<Box<tokio::time::Sleep>>,
    end: tokio::time::Instant,
    head: Duration,
    places: Arc<Semaphore>,
    connections: usize,
    /// What had been received when it began.
    known: u64,
    signs: Arc<Signs>,
}

impl Waiting {
    /// Whether nothing has come yet, and there is room for those who say nothing.
    fn may_go_on(&self) -> bool {
        let free = self.places.available_permits();
        self.signs.received() == self.known && free >= self.connections / SCARCE
    }
}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(context));
            let now = tokio::time::Instant::now();
            if now >= self.end || !self.may_go_on() {
                return Poll::Ready(());
            }
            let next = self.end.min(now + self.head);
            self.timer.as_mut().reset(next);
        }
    }
}

impl Sleep for Waiting {}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Duration = Duration::from_secs(10);

    /// For how long each of two heads is waited for, and what may be said meanwhile of the second.
    async fn waited(free: usize, meanwhile: impl FnOnce(&Signs)) -> [u64; 2] {
        let signs = Arc::new(Signs::default());
        let patience = Patience::new(HEAD, Arc::new(Semaphore::new(free)), 80, Arc::clone(&signs));
        let mut start = tokio::time::Instant::now();
        patience.sleep(HEAD).await;
        let first = start.elapsed();
        start = tokio::time::Instant::now();
        let mut second = patience.sleep(HEAD);
        assert!(futures_util::poll!(second.as_mut()).is_pending());
        tokio::time::sleep(Duration::from_secs(5)).await;
        meanwhile(&signs);
        second.await;
        [first.as_secs(), start.elapsed().as_secs()]
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_kept_for_longer_than_one_that_never_said_anything() {
        assert_eq!(waited(80, |_| {}).await, [10, 130]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_has_begun_has_no_more_time_than_any() {
        let [first, second] = waited(80, |signs| signs.note_received(1)).await;
        assert_eq!([first, second], [10, 10]);
    }

    #[tokio::test(start_paused = true)]
    async fn where_places_are_scarce_nobody_keeps_one_for_nothing() {
        let [first, second] = waited(9, |_| {}).await;
        assert_eq!([first, second], [10, 10]);
    }
}
