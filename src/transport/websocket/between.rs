//! Whether a socket is between two messages, by the frames that came over it.

/// Follows the frames' heads (RFC 6455, section 5.2), and looks at nothing else: what they may hold is tungstenite's part,
/// which does not tell whether it holds the beginning of one.
#[derive(Debug, Default)]
pub(super) struct Between {
    /// The first bytes of a frame, as far as they tell how long it is.
    head: [u8; 10],
    known: u8,
    /// What is still to come of the frame behind them.
    left: u64,
    /// Whether a message goes on in the next frame.
    goes_on: bool,
}

impl Between {
    /// Notes what has come in next.
    pub(super) fn note(&mut self, mut bytes: &[u8]) {
        while let Some(first) = bytes.first() {
            if self.left > 0 {
                let passed = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                self.left -= passed as u64;
                bytes = &bytes[passed..];
                continue;
            }
            self.head[usize::from(self.known)] = *first;
            self.known += 1;
            bytes = &bytes[1..];
            self.measure();
        }
    }

    /// Whether nothing of a message has come whose rest has not.
    pub(super) fn messages(&self) -> bool {
        self.known == 0 && self.left == 0 && !self.goes_on
    }

    fn measure(&mut self) {
        if self.known < 2 {
            return;
        }
        let [first, second, length @ ..] = self.head;
        let (length, head) = match second & 0x7f {
            126 => (u64::from(u16::from_be_bytes([length[0], length[1]])), 4),
            127 => (u64::from_be_bytes(length), 10),
            length => (u64::from(length), 2),
        };
        if self.known < head {
            return;
        }
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        self.left = length.saturating_add(mask);
        self.known = 0;
        // Control frames come also between the parts of a message.
        if first & 0x08 == 0 {
            self.goes_on = first & 0x80 == 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of the client's with so much in it.
    fn frame(first: u8, length: usize) -> Vec<u8> {
        let mut frame = vec![first];
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(length), _) if length < 126 => frame.push(0x80 | length),
            (_, Ok(length)) => frame.extend([[0xfe].as_slice(), &length.to_be_bytes()].concat()),
            _ => frame.extend([[0xff].as_slice(), &(length as u64).to_be_bytes()].concat()),
        }
        frame.resize(frame.len() + 4 + length, 0x88);
        frame
    }

    #[test]
    fn it_is_between_messages_where_one_has_ended_however_they_come() {
        // A text, one in two parts with a ping between them, an empty one, and a close.
        let frames = [
            (frame(0x81, 5), true),
            (frame(0x01, 125), false),
            (frame(0x89, 3), false),
            (frame(0x80, 126), true),
            (frame(0x82, 0), true),
            (frame(0x81, 70_000), true),
            (frame(0x88, 2), true),
        ];
        for step in [1, 2, 3, 7, usize::MAX] {
            let mut between = Between::default();
            assert!(between.messages());
            for (frame, whole) in &frames {
                let mut left = frame.len();
                for bytes in frame.chunks(step.min(frame.len())) {
                    between.note(bytes);
                    left -= bytes.len();
                    assert_eq!(between.messages(), left == 0 && *whole, "{left} left of {:x}, by {step}", frame[0]);
                }
            }
        }
    }
}
