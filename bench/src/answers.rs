//! Answers over HTTP/1.1 as they come in: how far one is, and what its status was.

/// What is known of an answer by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There is more to come.
    Partly,
    /// It is there in full, so many bytes of it, with this status.
    Whole {
        /// Of three digits.
        status: u16,
        /// Where the head ends and the body begins.
        body: usize,
        /// Where the answer ends.
        end: usize,
    },
    /// This is no HTTP.
    Nonsense,
}

/// Looks at what has been received of an answer.
pub fn progress(received: &[u8]) -> Progress {
    let Some(body) = end_of_head(received) else { return Progress::Partly };
    let Ok(head) = std::str::from_utf8(&received[..body]) else { return Progress::Nonsense };
    let Some(status) = status(head) else { return Progress::Nonsense };
    let end = if let Some(length) = field(head, "content-length").and_then(|length| length.parse::<usize>().ok()) {
        body + length
    } else if field(head, "transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        match memchr::memmem::find(&received[body - 2..], b"\r\n0\r\n\r\n") {
            Some(place) => body - 2 + place + 7,
            None => return Progress::Partly,
        }
    } else {
        body
    };
    if received.len() < end { Progress::Partly } else { Progress::Whole { status, body, end } }
}

/// The place behind the empty line.
pub fn end_of_head(received: &[u8]) -> Option<usize> {
    memchr::memmem::find(received, b"\r\n\r\n").map(|place| place + 4)
}

/// The status of an answer whose head begins so.
pub fn status(head: &str) -> Option<u16> {
    head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()
}

/// Whether the connection ends with this answer.
pub fn is_last(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    field(&head, "connection").is_some_and(|options| options.eq_ignore_ascii_case("close"))
}

fn field<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_where_its_length_says() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 ";
        assert_eq!(progress(&answer[..30]), Progress::Partly);
        assert_eq!(progress(&answer[..44]), Progress::Partly);
        assert_eq!(progress(answer), Progress::Whole { status: 201, body: 43, end: 48 });
    }

    #[test]
    fn an_answer_in_chunks_ends_with_the_empty_one() {
        let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(progress(&answer[..answer.len() - 1]), Progress::Partly);
        assert_eq!(progress(answer), Progress::Whole { status: 200, body: 47, end: answer.len() });
        let empty = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(progress(empty), Progress::Whole { status: 200, body: 47, end: empty.len() });
    }

    #[test]
    fn the_last_answer_says_so() {
        assert!(is_last(b"HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n"));
        assert!(!is_last(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn an_answer_without_a_body_ends_with_its_head() {
        assert_eq!(progress(b"HTTP/1.1 101 Switching\r\n\r\n\x81"), Progress::Whole { status: 101, body: 26, end: 26 });
        assert_eq!(progress(b"SSH-2.0\r\n\r\n"), Progress::Nonsense);
    }
}
