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

    fn put_all(&self, events: &VecDeque<Arc<Event>>, frame: Frame, bytes: &mut u64) -> Result<(), Full> {
        let mut event = 0;
        while event < events.len() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, event) in slices.iter_mut().zip(events.range(event..)) {
                *slice = IoSlice::new(frame(event));
                count += 1;
            }
            self.write(&slices[..count], bytes).map_err(|full| Full { event: event + full.event, ..full })?;
            event += count;
        }
        Ok(())
    }

    /// Writes these frames as far as they are taken, and counts the bytes.
    fn write(&self, frames: &[IoSlice<'_>], bytes: &mut u64) -> Result<(), Full> {
        let mut taken = loop {
            match self.send(frames) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                sent => break sent.unwrap_or(0),
            }
        };
        *bytes += taken as u64;
        for (event, frame) in frames.iter().enumerate() {
            if frame.len() > taken {
                return Err(Full { event, taken });
            }
            taken -= frame.len();
        }
        Ok(())
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
        let mut bytes = 0;
        let full = if let (Some(event), 1) = (events.front(), events.len()) {
            // Most often there is one, for which no list is made.
            self.write(&[IoSlice::new(frame(event))], &mut bytes).err()
        } else {
            self.put_all(events, frame, &mut bytes).err()
        };
        let way = self.way();
        // Also what is left is in hands that let nothing fall.
        way.deliveries.add_all(events.len());
        way.bytes.add(bytes);
        full.map_or(Ok(()), Err)
    }
}
