//! A request to listen, each part by chance, and what has to come back for it.

use super::Truth;
use crate::support::Chance;
use std::collections::BTreeSet;
use std::fmt::Write as _;

const NAMES: &[&str] = &[
    "after",
    "after",
    "after",
    "limit",
    "limit",
    "wait",
    "channel",
    "channel",
    "channel",
    "AFTER",
    "afte%72",
    "after%00",
    "chann%65l",
    "last_event_id",
    "",
    "zqx",
    "%ff",
    "%",
    "token",
];

const VALUES: &[&str] = &[
    "0",
    "0",
    "1",
    "2",
    "3",
    "5",
    "9",
    "007",
    "100",
    "1000",
    "1001",
    "news",
    "news",
    "more",
    "secret",
    "NEWS",
    "nobody",
    "news%00",
    "n%65ws",
    "-1",
    "-0",
    "%2B1",
    "+1",
    "1+",
    "%201",
    "1.0",
    "1e3",
    "0x1",
    "",
    "%",
    "%zz",
    "%ff",
    "%ed%a0%80",
    "%f0%9f%98%80",
    "%d9%a1",
    "%31",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "1%00",
    "1%0a",
    "null",
    "NaN",
    "61",
    "60%20",
    "1;limit=1",
    "%26after=1",
    "a%2fb",
    "..",
    "*",
    "zqx",
];

const CURSORS: &[&[u8]] = &[
    b"0",
    b"1",
    b"3",
    b"5",
    b"007",
    b"99",
    b"9223372036854775807",
    b"9223372036854775808",
    b"-1",
    b"+1",
    b"1.0",
    b"",
    b"   ",
    b"1 ",
    b"1, 2",
    b"zqx",
    b"\"1\"",
    b"\xd9\xa1",
    b"\xff\xfe",
    b"1\t2",
    b"null",
    b"%31",
    b"99999999999999999999999999999999999999",
];

/// Events that a poll gives, and gives if nobody says how many; the seconds that it is held.
pub const LIMIT: (u64, u64) = (1_000, 100);
const WAIT: u64 = 60;
const CHANNELS: usize = 100;

/// What has to come back.
#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    /// One of these refusals.
    Refused(&'static [&'static str]),
    Open(Start),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    Now,
    At(u64),
    Reset(&'static str),
}

/// A request in its parts.
#[derive(Debug)]
pub struct Request {
    pub path: &'static str,
    pub query: String,
    /// As the URL says it.
    pub ticket: Option<String>,
    cursors: Vec<&'static [u8]>,
}

impl Request {
    pub fn by_chance(chance: &mut Chance, ticket: &str) -> Self {
        let path = *chance.pick(&["/stream", "/stream", "/api/v1/events", "/api/v1/events", "/ws"]);
        let mut query = String::new();
        for _ in 0..chance.between(0, 4) {
            let nearly = chance.percent(60);
            let names = if nearly { &NAMES[..9] } else { NAMES };
            let name = *chance.pick(names);
            let value = match name {
                "channel" if nearly => *chance.pick(&["news", "more", "news"]),
                "after" | "limit" if nearly => *chance.pick(&VALUES[..11]),
                "wait" if nearly => "0",
                _ => *chance.pick(VALUES),
            };
            write!(query, "{}{name}={value}", if query.is_empty() { "" } else { "&" }).unwrap();
        }
        if chance.percent(3) {
            let many = chance.between(CHANNELS - 2, CHANNELS + 2);
            (0..many).for_each(|number| write!(query, "&channel=c{number}").unwrap());
        }
        if chance.percent(2) {
            query.push_str(&"&zqx=%00".repeat(chance.between(100, 5_000)));
        }
        if chance.percent(10) {
            let more: &&str = chance.pick(&["&", "&&=&", "&after", "=", "&channel", "?", "&after=1=2", ";"]);
            query.push_str(more);
        }
        let ticket = chance.percent(30).then(|| match chance.between(0, 5) {
            0 => "zqx".to_owned(),
            1 => format!("{ticket}="),
            2 => String::new(),
            _ => ticket.to_owned(),
        });
        if let Some(ticket) = &ticket {
            write!(query, "&ticket={ticket}").unwrap();
        }
        let many = *chance.pick(&[0, 0, 1, 1, 2]);
        let cursors = (0..many).map(|_| *chance.pick(CURSORS)).collect();
        Self { path, query, ticket, cursors }
    }

    /// Its parameters, as anybody reads them.
    fn parameters(&self) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.query.as_bytes()).into_owned().collect()
    }

    pub fn channels(&self) -> BTreeSet<String> {
        self.parameters().into_iter().filter(|(name, _)| name == "channel").map(|(_, value)| value).collect()
    }

    /// The last of this name, where all of them are numbers up to this one; an error where one is not.
    pub fn number(&self, wanted: &str, most: u64) -> Result<Option<u64>, ()> {
        let parameters = self.parameters();
        let values = parameters.iter().filter(|(name, _)| name == wanted);
        values.map(|(_, value)| number(value, most).ok_or(())).try_fold(None, |_, number| number.map(Some))
    }

    pub fn expected(&self, truth: &Truth, ticket: &str) -> Expected {
        const SEQ: u64 = i64::MAX as u64;
        let is_poll = self.path == "/api/v1/events";
        if self.parameters().iter().any(|(name, _)| name == "token") {
            return Expected::Refused(&["token_in_url"]);
        }
        let read = (self.number("after", SEQ), self.number("limit", u64::MAX), self.number("wait", u64::MAX));
        let (Ok(after), Ok(limit), Ok(wait)) = read else { return Expected::Refused(&["malformed_request"]) };
        let channels = self.channels();
        let beyond = limit.is_some_and(|limit| limit == 0 || limit > LIMIT.0) || wait.is_some_and(|wait| wait > WAIT);
        if channels.len() > CHANNELS || is_poll && beyond {
            return Expected::Refused(&["malformed_request"]);
        }
        if !is_poll && self.ticket.as_ref().is_some_and(|shown| shown != ticket) {
            return Expected::Refused(&["unauthorized"]);
        }
        if channels.iter().any(|name| !truth.channels.contains_key(&*name.to_lowercase())) {
            return Expected::Refused(&["not_found"]);
        }
        let header = self.cursors.first().map(|cursor| cursor.trim_ascii()).filter(|cursor| !cursor.is_empty());
        let Some(cursor) = header else {
            return Expected::Open(after.map_or(Start::Now, |after| truth.start(after)));
        };
        let cursor = std::str::from_utf8(cursor).ok().and_then(|text| number(text, SEQ));
        Expected::Open(cursor.map_or(Start::Reset("malformed_cursor"), |cursor| truth.start(cursor)))
    }

    pub fn shown(&self) -> String {
        let cursors: Vec<_> = self.cursors.iter().map(|cursor| cursor.escape_ascii().to_string()).collect();
        format!("{}?{}, Last-Event-ID {cursors:?}", self.path, &self.query[..self.query.len().min(2_000)])
    }

    pub fn headers(&self, bearer: &str) -> Vec<u8> {
        let mut headers = Vec::new();
        if self.ticket.is_none() || self.path == "/api/v1/events" {
            headers.extend(format!("Authorization: Bearer {bearer}\r\n").into_bytes());
        }
        for cursor in &self.cursors {
            headers.extend([b"Last-Event-ID: ", *cursor, b"\r\n"].concat());
        }
        headers
    }
}

fn number(text: &str, most: u64) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number <= most)
}
