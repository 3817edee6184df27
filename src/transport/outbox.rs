//! Frames on their way into a socket: shared bytes, several in one write.

use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use tokio::net::TcpStream;

/// Frames in one write: more do not make it cheaper.
const SLICES: usize = 32;

/// What still has to be written, in order. Nothing is allocated while it is empty.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<Bytes>,
    written: u64,
    bytes: usize,
}

impl Outbox {
    pub(super) fn push(&mut self, frame: Bytes) {
        if !frame.is_empty() {
            self.bytes += frame.len();
            self.frames.push_back(frame);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// How many bytes still have to be written.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many bytes the socket has taken in all.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// Writes until all is written (ready) or the socket takes no more (pending).
    pub(super) fn poll_write(&mut self, socket: &TcpStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.frames.is_empty() {
            match self.try_write(socket) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(taken) => self.advance(taken),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match socket.poll_write_ready(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                },
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        // A burst's memory is not kept by an idle stream.
        if self.frames.capacity() > 8 {
            self.frames = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    /// Writes what fits without asking first whether the socket is writable, and returns whether anything did: the
    /// kernel calls a socket writable only when a third of its buffer is free, but takes bytes as soon as any of it is.
    pub(super) fn squeeze(&mut self, socket: &TcpStream) -> bool {
        let before = self.written;
        while let Some(front) = self.frames.front() {
            match socket2::SockRef::from(socket).send(front) {
                Ok(taken) if taken > 0 => self.advance(taken),
                _ => break,
            }
        }
        self.written != before
    }

    fn try_write(&self, socket: &TcpStream) -> io::Result<usize> {
        if self.frames.len() == 1 {
            return socket.try_write(&self.frames[0]);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            *slice = IoSlice::new(frame);
            count += 1;
        }
        socket.try_write_vectored(&slices[..count])
    }

    fn advance(&mut self, mut taken: usize) {
        self.written += taken as u64;
        self.bytes -= taken;
        while let Some(front) = self.frames.front_mut() {
            if taken < front.len() {
                front.advance(taken);
                return;
            }
            taken -= front.len();
            self.frames.pop_front();
            if taken == 0 {
                return;
            }
        }
    }
}
