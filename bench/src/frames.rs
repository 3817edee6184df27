//! Frames of a WebSocket as a server sends them (RFC 6455, section 5.2): looked through only for pings, which want an answer.

/// Where a stream of frames stands: whatever the pieces are in which it comes.
#[derive(Debug, Default)]
pub struct Frames {
    /// Bytes of a payload that are still to come and of no interest.
    left: u64,
    /// The beginning of a frame that is not there in full: its head, or a ping.
    begun: Vec<u8>,
}

const PING: u8 = 0x9;
const PONG: u8 = 0xa;

impl Frames {
    /// Looks through a piece, and tells what pings say.
    pub fn look(&mut self, mut piece: &[u8], mut pinged: impl FnMut(&[u8])) {
        while !piece.is_empty() {
            if self.left > 0 {
                let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(piece.len());
                self.left -= here as u64;
                piece = &piece[here..];
                continue;
            }
            if self.begun.is_empty()
                && let Some(Frame { opcode, head, payload }) = Frame::read(piece)
                && opcode != PING
            {
                self.left = payload;
                piece = &piece[head..];
                continue;
            }
            self.begun.push(piece[0]);
            piece = &piece[1..];
            let Some(Frame { opcode, head, payload }) = Frame::read(&self.begun) else { continue };
            if opcode != PING {
                self.left = payload;
                self.begun.clear();
            } else if (self.begun.len() - head) as u64 == payload {
                pinged(&self.begun[head..]);
                self.begun.clear();
            }
        }
    }
}

/// The answer to a ping, masked as a client's frames have to be, with a mask that changes nothing.
pub fn pong(said: &[u8]) -> Vec<u8> {
    let length = u8::try_from(said.len()).unwrap_or_default() & 0x7f;
    [&[0x80 | PONG, 0x80 | length, 0, 0, 0, 0], said].concat()
}

struct Frame {
    opcode: u8,
    head: usize,
    payload: u64,
}

impl Frame {
    /// The head of a frame, if it is there in full.
    fn read(bytes: &[u8]) -> Option<Self> {
        let (opcode, length) = (bytes.first()? & 0x0f, bytes.get(1)? & 0x7f);
        let (head, payload) = match length {
            126 => (4, bytes.get(2..4)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))),
            127 => (10, bytes.get(2..10)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))),
            _ => (2, u64::from(length)),
        };
        Some(Self { opcode, head, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
        let head = match u16::try_from(payload.len()) {
            Ok(length) if length < 126 => vec![0x80 | opcode, u8::try_from(length).unwrap()],
            Ok(length) => [&[0x80 | opcode, 126], length.to_be_bytes().as_slice()].concat(),
            Err(_) => [&[0x80 | opcode, 127], (payload.len() as u64).to_be_bytes().as_slice()].concat(),
        };
        [head.as_slice(), payload].concat()
    }

    #[test]
    fn pings_are_found_between_frames_however_the_bytes_are_cut() {
        let bytes = [
            frame(1, b"hello"),
            frame(PING, b""),
            frame(1, &[0x89; 300]),
            frame(PING, b"are you there?"),
            frame(2, &vec![0x89; 70_000]),
            frame(PING, b"x"),
        ]
        .concat();
        for size in [1, 2, 3, 7, 100, 4096, bytes.len()] {
            let (mut frames, mut pings) = (Frames::default(), Vec::new());
            for piece in bytes.chunks(size) {
                frames.look(piece, |said| pings.push(said.to_vec()));
            }
            assert_eq!(pings, [b"".as_slice(), b"are you there?", b"x"], "in pieces of {size}");
        }
    }

    #[test]
    fn a_pong_says_what_the_ping_said() {
        assert_eq!(pong(b"hi"), [0x8a, 0x82, 0, 0, 0, 0, b'h', b'i']);
    }
}
