//! Waiting for what a test needs, never for time to pass.

use std::future::Future;
use std::time::Duration;
use tokio::time::Instant;

/// How long an ordinary thing may take on a machine that does other work beside.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What the future gives, or a panic that says what was waited for.
pub async fn within<T>(limit: Duration, what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, future).await.unwrap_or_else(|_| panic!("waited {limit:?} in vain for {what}"))
}

/// Asks again and again until there is an answer, or panics when the limit is over.
pub async fn eventually<T>(limit: Duration, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe().await {
            return found;
        }
        assert!(start.elapsed() < limit, "waited {limit:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
