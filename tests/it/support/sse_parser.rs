//! A reference parser of event streams, written after the WHATWG standard ("9.2.6 Interpreting an event stream"), strict where the
//! standard forgives: it takes bytes in any cuts, and what is not UTF-8 is a failure.

use std::time::Duration;

/// What a blank line brought forth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parsed {
    /// An event that a browser would dispatch.
    Event { kind: String, data: String, id: String },
    /// No data, so no event; but the block set the last event id.
    Id(String),
}

#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    after_carriage_return: bool,
    past_first_line: bool,
    data: Option<String>,
    kind: String,
    id_buffer: String,
    block_has_id: bool,
    last_event_id: String,
    retry: Option<Duration>,
}

impl SseParser {
    /// The string that a browser would send as `Last-Event-ID` if the stream ended now.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The reconnection time that the stream last asked for.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// Takes the next bytes, wherever they were cut.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Parsed> {
        let mut parsed = Vec::new();
        for &byte in bytes {
            let ends_carriage_return = std::mem::take(&mut self.after_carriage_return);
            match byte {
                b'\n' if ends_carriage_return => {}
                b'\n' => parsed.extend(self.end_line()),
                b'\r' => {
                    self.after_carriage_return = true;
                    parsed.extend(self.end_line());
                }
                _ => self.line.push(byte),
            }
        }
        parsed
    }

    fn end_line(&mut self) -> Option<Parsed> {
        let bytes = std::mem::take(&mut self.line);
        let mut line = std::str::from_utf8(&bytes).expect("an event stream is UTF-8");
        if !std::mem::replace(&mut self.past_first_line, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return self.dispatch();
        }
        match line.split_once(':') {
            Some(("", _comment)) => {}
            Some((field, value)) => self.field(field, value.strip_prefix(' ').unwrap_or(value)),
            None => self.field(line, ""),
        }
        None
    }

    fn field(&mut self, field: &str, value: &str) {
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                let data = self.data.get_or_insert_default();
                data.push_str(value);
                data.push('\n');
            }
            "id" if !value.contains('\0') => {
                value.clone_into(&mut self.id_buffer);
                self.block_has_id = true;
            }
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = Some(Duration::from_millis(value.parse().expect("retry is a sensible number")));
            }
            _ => {}
        }
    }

    fn dispatch(&mut self) -> Option<Parsed> {
        let has_id = std::mem::take(&mut self.block_has_id);
        self.last_event_id.clone_from(&self.id_buffer);
        let kind = std::mem::take(&mut self.kind);
        match self.data.take() {
            Some(mut data) => {
                data.pop();
                let kind = if kind.is_empty() { "message".to_owned() } else { kind };
                Some(Parsed::Event { kind, data, id: self.last_event_id.clone() })
            }
            None => has_id.then(|| Parsed::Id(self.last_event_id.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Parsed, SseParser};

    fn event(kind: &str, data: &str, id: &str) -> Parsed {
        Parsed::Event { kind: kind.into(), data: data.into(), id: id.into() }
    }

    #[test]
    fn the_examples_of_the_standard() {
        let mut parser = SseParser::default();
        let stream = ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\ndata\n\ndata\ndata\n\ndata:";
        assert_eq!(
            parser.feed(stream.as_bytes()),
            [
                event("message", "first event", "1"),
                event("message", "second event", ""),
                event("message", " third event", ""),
                event("message", "", ""),
                event("message", "\n", "")
            ]
        );
    }

    #[test]
    fn every_line_end_counts_once() {
        for end in ["\n", "\r", "\r\n"] {
            let mut parser = SseParser::default();
            let stream = format!(
                "\u{feff}event: a{end}data: 1{end}data: 2{end}id: 7{end}{end}id: 8{end}{end}retry: 10{end}{end}"
            );
            let parsed: Vec<_> = stream.bytes().flat_map(|byte| parser.feed(&[byte])).collect();
            assert_eq!(parsed, [event("a", "1\n2", "7"), Parsed::Id("8".into())], "with {end:?}");
            assert_eq!(parser.last_event_id(), "8");
        }
    }

    #[test]
    fn an_id_counts_only_when_its_block_is_whole() {
        let mut parser = SseParser::default();
        assert_eq!(parser.feed(b"id: 5\ndata: x\n"), []);
        assert_eq!(parser.last_event_id(), "");
        assert_eq!(parser.feed(b"\n"), [event("message", "x", "5")]);
        assert_eq!(parser.feed(b"id: 6\0\ndata: y\n\n"), [event("message", "y", "5")]);
    }
}
