//! A stream's socket: its task writes to it, and, while that has nothing to do, whoever pumps.

use super::outbox::SLICES;
use super::traffic::{Traffic, Way};
use crate::live::{Event, Full, Outlet};
use bytes::Bytes;
use socket2::SockRef;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use tokio::net::TcpStream;

/// The frame of an event as all have it who listen in one way.
pub(super) type Frame = fn(&Event) -> &Bytes;

/// A socket, and as what is counted what goes over it.
pub(super) struct Line {
    pub(super) socket: TcpStream,
    pub(super) traffic: Arc<Traffic>,
    pub(super) way: fn(&Traffic) -> &Way,
    /// None where frames are made for each stream, which nobody else does.
    pub(super) frame: Option<Frame>,
}

impl Line {
    pub(super) fn way(&self) -> &Way {
        (self.way)(&self.traffic)
    }

    /// Writes to the socket, of which nobody knows whether it takes anything. The kernel is asked at once, and tokio's
    /// memory of what it said last is left alone: it lies elsewhere for each socket, and whoever goes on where this
    /// ends asks it.
    fn send(&self, frames: &[IoSlice<'_>]) -> io::Result<usize> {
        match frames {
            [frame] => SockRef::from(&self.socket).send(frame),
            frames => SockRef::from(&self.socket).send_vectored(frames),
        }
    }
}

impl Outlet for Line {
    fn put(&self, events: &VecDeque<Arc<Event>>) -> Result<(), Full> {
        let Some(frame) = self.frame else { return Err(Full { event: 0, taken: 0 }) };
        let (mut event, mut bytes) = (0, 0);
        let full = loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, event) in slices.iter_mut().zip(events.range(event..)) {
                *slice = IoSlice::new(frame(event));
                count += 1;
            }
            if count == 0 {
                break None;
            }
            let mut taken = match self.send(&slices[..count]) {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => 0,
            };
            bytes += taken as u64;
            let whole = slices[..count].iter().take_while(|slice| {
                let fits = slice.len() <= taken;
                taken -= if fits { slice.len() } else { 0 };
                fits
            });
            let whole = whole.count();
            event += whole;
            if whole < count {
                break Some(Full { event, taken });
            }
        };
        let way = self.way();
        // Also what is left is in hands that let nothing fall.
        way.deliveries.add_all(events.len());
        way.bytes.add(bytes);
        full.map_or(Ok(()), Err)
    }
}
