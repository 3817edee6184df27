//! Marks in messages: which message it is and when it was sent, and what that tells of how messages arrive.

use memchr::memmem::Finder;
use std::ops::Range;

/// How a mark begins. It occurs in nothing else that a server sends.
const SIGN: &[u8] = b"~#";
/// Bytes of a mark: the sign, and in hexadecimal the line (4), the number (8) and the time (16).
pub const LENGTH: usize = 30;

/// What a message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Which of several conversations it was said in.
    pub line: u16,
    /// Its place among those said there, from 0 on.
    pub number: u32,
    /// When it was sent, in nanoseconds of this process's clock.
    pub sent: u64,
}

impl Mark {
    /// A text of so many bytes (at least [`LENGTH`]) that begins with the mark.
    pub fn text(self, length: usize) -> String {
        format!("{:x<length$}", format!("~#{:04x}{:08x}{:016x}", self.line, self.number, self.sent))
    }

    /// Reads a mark that begins with the first byte and is there in full.
    fn read(bytes: &[u8]) -> Option<Self> {
        let digits = bytes.get(SIGN.len()..LENGTH)?;
        Some(Self {
            line: u16::try_from(hexadecimal(&digits[..4])?).ok()?,
            number: u32::try_from(hexadecimal(&digits[4..12])?).ok()?,
            sent: hexadecimal(&digits[12..])?,
        })
    }
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u64::from(digit))
    })
}

/// Finds marks in what is received, wherever the pieces begin and end.
#[derive(Debug)]
pub struct Scanner(Finder<'static>);

impl Default for Scanner {
    fn default() -> Self {
        Self(Finder::new(SIGN))
    }
}

impl Scanner {
    /// Tells all marks that end in this piece, each with what stands before it there. `rest` is what the piece before left over,
    /// and gets what this one does.
    pub fn scan(&self, rest: &mut Vec<u8>, piece: &[u8], mut found: impl FnMut(Mark, &[u8])) {
        let mut from = 0;
        if !rest.is_empty() {
            let carried = rest.len();
            let more = piece.len().min(LENGTH);
            rest.extend_from_slice(&piece[..more]);
            let read = self.whole(rest, &mut found);
            if more == piece.len() {
                rest.drain(..keep(rest, read));
                return;
            }
            // Marks that end within the joined bytes are told; the piece goes on behind them.
            from = read.saturating_sub(carried);
            rest.clear();
        }
        let piece = &piece[from..];
        let read = self.whole(piece, &mut found);
        rest.extend_from_slice(&piece[keep(piece, read)..]);
    }

    /// Tells the marks that are there in full, and returns the place behind the last of them.
    fn whole(&self, bytes: &[u8], found: &mut impl FnMut(Mark, &[u8])) -> usize {
        let mut from = 0;
        let mut behind = 0;
        while let Some(place) = self.0.find(&bytes[from..]) {
            let start = from + place;
            match Mark::read(&bytes[start..]) {
                Some(mark) => {
                    found(mark, &bytes[..start]);
                    from = start + LENGTH;
                    behind = from;
                }
                None => from = start + SIGN.len(),
            }
        }
        behind
    }
}

/// From where on bytes may be the beginning of a mark whose end is still to come.
fn keep(bytes: &[u8], read: usize) -> usize {
    let last = bytes.len().saturating_sub(LENGTH - 1).max(read);
    bytes[last..].iter().position(|byte| *byte == SIGN[0]).map_or(bytes.len(), |place| last + place)
}

/// How a message came, compared with those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// None is missing before it.
    InOrder,
    /// Some before it have not come yet.
    Ahead,
    /// It was missing, and others came before it.
    Late,
    /// It was there already.
    Doubled,
}

/// What one listener has heard of one conversation.
#[derive(Debug, Default, Clone)]
pub struct Track {
    next: u32,
    missing: Vec<Range<u32>>,
}

impl Track {
    /// A listener who hears from this number on.
    pub fn from(number: u32) -> Self {
        Self { next: number, missing: Vec::new() }
    }

    /// Takes note of a message.
    pub fn hear(&mut self, number: u32) -> Arrival {
        if number == self.next {
            self.next += 1;
            return Arrival::InOrder;
        }
        if number > self.next {
            self.missing.push(self.next..number);
            self.next = number + 1;
            return Arrival::Ahead;
        }
        let Some(place) = self.missing.iter().position(|gap| gap.contains(&number)) else { return Arrival::Doubled };
        let gap = self.missing.swap_remove(place);
        self.missing.extend([gap.start..number, number + 1..gap.end].into_iter().filter(|part| !part.is_empty()));
        Arrival::Late
    }

    /// The highest number heard, if there is one.
    pub fn highest(&self) -> Option<u32> {
        self.next.checked_sub(1)
    }

    /// How many are missing of those up to a number (not included).
    pub fn lost(&self, end: u32) -> u64 {
        let between: u64 = self.missing.iter().map(|gap| u64::from(gap.end - gap.start)).sum();
        between + u64::from(end.saturating_sub(self.next))
    }
}

#[cfg(test)]
mod tests {
    use super::Arrival::{Ahead, Doubled, InOrder, Late};
    use super::*;

    fn marks(count: u32) -> Vec<Mark> {
        (0..count).map(|number| Mark { line: 7, number, sent: 1_000_000_007 * u64::from(number) }).collect()
    }

    fn stream(marks: &[Mark]) -> Vec<u8> {
        marks
            .iter()
            .flat_map(|mark| format!("id: 1\ndata: ~{{\"text\":\"{}\"}}\n\n", mark.text(40)).into_bytes())
            .collect()
    }

    #[test]
    fn a_text_is_as_long_as_asked_and_says_its_mark() {
        let mark = Mark { line: 0xabc, number: 12, sent: u64::MAX };
        let text = mark.text(100);
        assert_eq!(text.len(), 100);
        assert_eq!(Mark::read(text.as_bytes()), Some(mark));
    }

    #[test]
    fn marks_are_found_however_the_bytes_are_cut() {
        let sent = marks(9);
        let bytes = stream(&sent);
        for size in 1..=bytes.len() {
            let (scanner, mut rest, mut heard) = (Scanner::default(), Vec::new(), Vec::new());
            for piece in bytes.chunks(size) {
                scanner.scan(&mut rest, piece, |mark, _| heard.push(mark));
                assert!(rest.len() < 2 * LENGTH, "{} bytes are kept of pieces of {size}", rest.len());
            }
            assert_eq!(heard, sent, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_mark_is_passed_over() {
        let (scanner, mut rest, mut heard) = (Scanner::default(), Vec::new(), 0);
        let bytes = format!("~~#~#nothing here, no number at all{}~#", marks(1)[0].text(30));
        scanner.scan(&mut rest, bytes.as_bytes(), |_, _| heard += 1);
        assert_eq!((heard, rest.as_slice()), (1, SIGN));
    }

    #[test]
    fn what_is_lost_doubled_or_out_of_order_is_told_apart() {
        let mut track = Track::default();
        let arrivals: Vec<Arrival> = [0, 1, 5, 3, 3, 1, 6].into_iter().map(|number| track.hear(number)).collect();
        assert_eq!(arrivals, [InOrder, InOrder, Ahead, Late, Doubled, Doubled, InOrder]);
        assert_eq!(track.lost(7), 2, "2 and 4");
        assert_eq!(track.lost(10), 5, "and 7, 8, 9");
    }
}
