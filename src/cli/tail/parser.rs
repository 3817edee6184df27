//! Server-sent events as they arrive, byte by byte, by the rules of the HTML standard (section 9.2.6).

use std::mem;

/// The longest line: an event is far shorter than this, and what is longer is no stream of ours.
const LINE_BYTES: usize = 4 * 1024 * 1024;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Event {
    /// Its type; empty if it has none.
    pub kind: String,
    /// Its data, lines joined.
    pub data: String,
}

/// What a stream has said so far.
#[derive(Debug, Default)]
pub(in crate::cli) struct Parser {
    line: Vec<u8>,
    /// The last byte was a carriage return, so that a line feed now belongs to it.
    after_return: bool,
    begun: bool,
    id: Option<String>,
    kind: String,
    data: String,
    has_data: bool,
    /// Where to go on from: what the last event, or a bare `id:`, said.
    pub last_id: Option<String>,
    /// Milliseconds to wait before coming back.
    pub retry: Option<u64>,
}

/// A line without end: this is not a stream of events.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::cli) struct TooLong;

impl Parser {
    /// A parser for a new connection, that goes on from where another one was.
    pub fn going_on(last_id: Option<String>) -> Self {
        Self { id: last_id.clone(), last_id, ..Self::default() }
    }

    /// Takes the first event out of some bytes; what is left of them stays in `bytes`.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Event>, TooLong> {
        while let Some((&byte, rest)) = bytes.split_first() {
            *bytes = rest;
            let follows_return = mem::take(&mut self.after_return);
            match byte {
                b'\n' if follows_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    if let Some(event) = self.end_line() {
                        return Ok(Some(event));
                    }
                }
                _ if self.line.len() >= LINE_BYTES => return Err(TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(None)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = mem::take(&mut self.line);
        let mut line = String::from_utf8_lossy(&line);
        if !mem::replace(&mut self.begun, true)
            && let Some(rest) = line.strip_prefix('\u{feff}')
        {
            line = rest.to_owned().into();
        }
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.kind),
            "data" => {
                if mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            "retry" if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.retry = value.parse().ok().or(self.retry);
            }
            _ => {}
        }
        None
    }

    fn dispatch(&mut self) -> Option<Event> {
        // Before looking for data: that is how a heartbeat moves the position without an event.
        self.last_id.clone_from(&self.id);
        let kind = mem::take(&mut self.kind);
        let data = mem::take(&mut self.data);
        mem::take(&mut self.has_data).then_some(Event { kind, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(parser: &mut Parser, mut bytes: &[u8]) -> Vec<(String, String)> {
        std::iter::from_fn(|| parser.next(&mut bytes).unwrap()).map(|event| (event.kind, event.data)).collect()
    }

    const STREAM: &str = "\u{feff}retry: 2000\nid: 5\nevent: ready\ndata: {}\n\n:comment\nid: 7\n\n\
        id: 9\r\nevent:message.created\r\ndata: a\r\ndata:  b\r\n\r\ndata\n\n";

    #[test]
    fn events_heartbeats_and_retry_are_understood() {
        let mut parser = Parser::default();
        let (head, rest) = STREAM.split_at(STREAM.find(":comment").unwrap());
        assert_eq!(parse(&mut parser, head.as_bytes()), [("ready".to_owned(), "{}".to_owned())]);
        assert_eq!((parser.last_id.as_deref(), parser.retry), (Some("5"), Some(2000)));
        let (beat, rest) = rest.split_at(rest.find("id: 9").unwrap());
        assert_eq!(parse(&mut parser, beat.as_bytes()), []);
        assert_eq!(parser.last_id.as_deref(), Some("7"));
        let events = parse(&mut parser, rest.as_bytes());
        assert_eq!(events, [("message.created".to_owned(), "a\n b".to_owned()), (String::new(), String::new())]);
        assert_eq!(parser.last_id.as_deref(), Some("9"));
    }

    #[test]
    fn where_the_bytes_are_cut_does_not_matter() {
        let mut whole = Parser::default();
        let expected = parse(&mut whole, STREAM.as_bytes());
        let mut parser = Parser::default();
        let events: Vec<_> = STREAM.as_bytes().chunks(1).flat_map(|byte| parse(&mut parser, byte)).collect();
        assert_eq!(events, expected);
    }

    #[test]
    fn what_was_cut_off_does_not_count() {
        let mut parser = Parser::going_on(Some("3".into()));
        assert_eq!(parse(&mut parser, b"id: 4\nevent: message.created\ndata: half\n"), []);
        assert_eq!(parser.last_id.as_deref(), Some("3"));
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut parser = Parser::default();
        assert_eq!(parser.next(&mut vec![b'a'; LINE_BYTES + 1].as_slice()), Err(TooLong));
    }
}
