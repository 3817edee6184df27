//! A short stream that ends by itself: it shows what becomes of a stream's frames on their way.

use super::takeover::Taken;
use super::{AddressPermit, TakeOver};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Time that the last frames have to be taken in, and the other side to close.
const LINGER: Duration = Duration::from_secs(2);

/// A stream of these frames, each as long after the one before. It goes the way of every stream, on the bare socket, so
/// that what holds it back would hold back those too.
pub fn probe(frames: Vec<String>, pause: Duration, permit: AddressPermit) -> TakeOver {
    let count = u32::try_from(frames.len()).unwrap_or(u32::MAX);
    let patience = pause.saturating_mul(count) + LINGER;
    TakeOver::new(Box::new(move |taken| {
        Box::pin(async move {
            let closing = taken.closing.clone();
            tokio::select! {
                // Whoever does not take so little in that time, or closes, is not waited for.
                said = tokio::time::timeout(patience, say(taken, frames, pause)) => drop(said),
                () = closing.cancelled() => {}
            }
            drop(permit);
        })
    }))
}

async fn say(taken: Taken, frames: Vec<String>, pause: Duration) -> io::Result<()> {
    let Taken { mut socket, head, .. } = taken;
    socket.write_all(&head).await?;
    for (place, frame) in frames.iter().enumerate() {
        if place > 0 {
            tokio::time::sleep(pause).await;
        }
        socket.write_all(frame.as_bytes()).await?;
    }
    socket.shutdown().await?;
    let mut waste = [0; 512];
    while socket.read(&mut waste).await? > 0 {}
    Ok(())
}
