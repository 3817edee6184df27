//! Frames on their way into a socket: shared bytes, several in one write.

use crate::domain::Seq;
use crate::live::Event;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::TcpStream;

/// Frames in one write: more do not make it cheaper.
pub(super) const SLICES: usize = 32;

/// What still has to be written, in order. Nothing is allocated while it is empty.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: VecDeque<Frame>,
    written: u64,
    bytes: usize,
    /// Whether a part of the first frame is written: then the rest of it has to follow as it is.
    begun: bool,
}

#[derive(Debug)]
struct Frame {
    bytes: Bytes,
    /// What it shows, if that can still change.
    event: Option<Arc<Event>>,
}

impl Outbox {
    pub(super) fn push(&mut self, frame: Bytes) {
        self.push_frame(Frame { bytes: frame, event: None });
    }

    /// An event as a frame, which may have to be made anew before it is written.
    pub(super) fn push_event(&mut self, frame: Bytes, event: &Arc<Event>) {
        self.push_frame(Frame { bytes: frame, event: event.message.is_some().then(|| Arc::clone(event)) });
    }

    fn push_frame(&mut self, frame: Frame) {
        if !frame.bytes.is_empty() {
            self.bytes += frame.bytes.len();
            self.frames.push_back(frame);
        }
    }

    /// Looks at each event of which nothing is written yet: `revise` gives it as it is to be shown now, with its frame.
    /// Where it cannot, that event and all behind it are dropped, and its place is returned.
    pub(super) fn revise(&mut self, revise: impl Fn(&Arc<Event>) -> Option<(Bytes, Arc<Event>)>) -> Option<Seq> {
        for place in usize::from(self.begun)..self.frames.len() {
            let frame = &mut self.frames[place];
            let Some(event) = &frame.event else { continue };
            let dropped = event.seq;
            let Some((bytes, event)) = revise(event) else {
                self.frames.truncate(place);
                self.bytes = self.frames.iter().map(|frame| frame.bytes.len()).sum();
                return Some(dropped);
            };
            self.bytes = self.bytes - frame.bytes.len() + bytes.len();
            *frame = Frame { bytes, event: Some(event) };
        }
        None
    }

    /// Takes off what was written of the first frame before it came here.
    pub(super) fn begin_within(&mut self, taken: usize) {
        let written = self.written;
        self.advance(taken);
        self.written = written;
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
        // Most streams write here only when they beat: what comes for them goes past their tasks.
        self.frames = VecDeque::new();
        Poll::Ready(Ok(()))
    }

    /// Writes what fits without asking first whether the socket is writable, and returns whether anything did: the
    /// kernel calls a socket writable only when a third of its buffer is free, but takes bytes as soon as any of it is.
    pub(super) fn squeeze(&mut self, socket: &TcpStream) -> bool {
        let before = self.written;
        while let Some(front) = self.frames.front() {
            match socket2::SockRef::from(socket).send(&front.bytes) {
                Ok(taken) if taken > 0 => self.advance(taken),
                _ => break,
            }
        }
        self.written != before
    }

    fn try_write(&self, socket: &TcpStream) -> io::Result<usize> {
        if self.frames.len() == 1 {
            return socket.try_write(&self.frames[0].bytes);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.frames) {
            *slice = IoSlice::new(&frame.bytes);
            count += 1;
        }
        socket.try_write_vectored(&slices[..count])
    }

    fn advance(&mut self, mut taken: usize) {
        self.written += taken as u64;
        self.bytes -= taken;
        while let Some(front) = self.frames.front_mut() {
            if taken < front.bytes.len() {
                front.bytes.advance(taken);
                self.begun |= taken > 0;
                return;
            }
            taken -= front.bytes.len();
            self.frames.pop_front();
            self.begun = false;
            if taken == 0 {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::events::{Record, Topic};
    use crate::domain::{ConversationId, MessageId, Timestamp};

    fn event(id: i64) -> Arc<Event> {
        Arc::new(Event::new(&Record {
            seq: Seq(id),
            topic: Topic::Conversation(ConversationId(7)),
            kind: "message.created".to_owned(),
            at: Timestamp(0),
            data: format!(r#"{{"id":{id}}}"#),
            batch: 1,
            message: Some(MessageId(id)),
        }))
    }

    /// Three messages with a reply between them, and as many bytes of the first written.
    fn outbox(written: usize) -> Outbox {
        let mut outbox = Outbox::default();
        for id in 1..=3 {
            outbox.push_event(Bytes::from_static(b"a secret"), &event(id));
            outbox.push(Bytes::from_static(b"reply"));
        }
        outbox.advance(written);
        outbox
    }

    fn text(outbox: &Outbox) -> String {
        let all: Vec<u8> = outbox.frames.iter().flat_map(|frame| frame.bytes.to_vec()).collect();
        assert_eq!(outbox.bytes(), all.len());
        String::from_utf8_lossy(&all).into_owned()
    }

    #[test]
    fn frames_that_wait_are_made_anew_but_not_one_that_is_half_written() {
        let nothing = |event: &Arc<Event>| Some((Bytes::from_static(b"-"), Arc::clone(event)));
        for (written, expected) in [(0, "-reply-reply-reply"), (3, "ecretreply-reply-reply"), (8, "reply-reply-reply")]
        {
            let mut outbox = outbox(written);
            assert_eq!(outbox.revise(nothing), None);
            assert_eq!(text(&outbox), expected, "{written} bytes are written");
        }
    }

    #[test]
    fn what_nobody_can_judge_is_dropped_with_all_behind_it() {
        let mut outbox = outbox(3);
        assert_eq!(outbox.revise(|_| None), Some(Seq(2)));
        assert_eq!(text(&outbox), "ecretreply");
    }
}
