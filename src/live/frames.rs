//! What is sent to many, encoded once, in the forms that all its hearers share.

use bytes::{BufMut, Bytes, BytesMut};
use std::fmt::Arguments;
use std::io::Write;
use std::sync::OnceLock;

/// One envelope, as each transport sends it.
#[derive(Debug)]
pub struct Frames {
    /// The lines before it, `data: …`, and the blank line.
    sse: Bytes,
    /// The JSON inside it: a part of the same memory.
    envelope: Bytes,
    /// The unmasked text frame, made when the first WebSocket wants it.
    websocket: OnceLock<Bytes>,
}

impl Frames {
    /// Encodes an envelope of these fields, each with a comma behind it, and of `data`, which is JSON as `serde_json`
    /// writes it: without CR and LF, the only ends of line that SSE knows. `lines` stand before it in SSE.
    pub(super) fn new(lines: Arguments<'_>, fields: Arguments<'_>, data: &str) -> Self {
        let mut frame = BytesMut::with_capacity(data.len() + 192).writer();
        // Writing to memory does not fail.
        let _ = write!(frame, "{lines}data: ");
        let from = frame.get_ref().len();
        let _ = write!(frame, r#"{{{fields}"data":{data}}}"#);
        let to = frame.get_ref().len();
        let _ = write!(frame, "\n\n");
        let sse = frame.into_inner().freeze();
        Self { envelope: sse.slice(from..to), sse, websocket: OnceLock::new() }
    }

    /// As server-sent events (WHATWG HTML, section 9.2).
    pub fn sse(&self) -> &Bytes {
        &self.sse
    }

    /// As one JSON object.
    pub fn envelope(&self) -> &Bytes {
        &self.envelope
    }

    /// As one WebSocket text frame.
    pub fn websocket(&self) -> &Bytes {
        self.websocket.get_or_init(|| text_frame(&self.envelope))
    }
}

/// An unmasked, unfragmented text frame (RFC 6455, section 5.2), as servers send them.
pub fn text_frame(payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame.put_u8(0x81);
    match payload.len() {
        short @ 0..126 => frame.put_u8(u8::try_from(short).unwrap_or_default()),
        medium @ 126..0x1_0000 => {
            frame.put_u8(126);
            frame.put_u16(u16::try_from(medium).unwrap_or_default());
        }
        long => {
            frame.put_u8(127);
            frame.put_u64(long as u64);
        }
    }
    frame.put_slice(payload);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_frame_has_three_forms() {
        assert_eq!(text_frame(&[b'x'; 125])[..2], [0x81, 125]);
        assert_eq!(text_frame(&[b'x'; 126])[..4], [0x81, 126, 0, 126]);
        assert_eq!(text_frame(&vec![b'x'; 65_535])[..4], [0x81, 126, 0xff, 0xff]);
        assert_eq!(text_frame(&vec![b'x'; 65_536])[..10], [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
