//! Requests made up by chance: right in some parts, and wrong in others.

use std::fmt::Write as _;

use serde_json::json;

use super::routes::{Interface, Route, Shows, filled};
use crate::support::Chance;

/// The largest body that is read.
const LIMIT: usize = 256 * 1024;

/// What stands in the place of a name, a number, a date.
const VALUES: &[&str] = &[
    "1",
    "2",
    "0",
    "-1",
    "007",
    "1.5",
    "99999999999999999999",
    "ann",
    "ANN",
    "bob",
    "kin",
    "nobody",
    "board",
    "last",
    "",
    "%00",
    "%ff",
    "%f0%9f%98%80",
    "%ed%a0%80",
    "a%2fb",
    "%2e%2e",
    "..",
    "%",
    "%zz",
    "'",
    "%22",
    "%3Cscript%3E",
    "null",
    "2020-03-30",
    "2020-1-0",
    "2016-10-05T10%3A23%3A29.000000%2B00%3A00",
    "9999-12-31T23:59:60+99:99",
    "-9223372036854775808",
];

/// What it is likely to take, so that what is wrong beside it gets further than to the first check.
const LIKELY: &[&str] = &["1", "2", "ann", "bob", "2020-03-30"];

/// JSON values, most of which are not what is wanted, and some of which are none.
const LITERALS: &[&str] = &[
    "null",
    "true",
    "false",
    "0",
    "1",
    "2",
    "-1",
    "1.5",
    "1e308",
    "1e999",
    "-0",
    "18446744073709551616",
    "\"1\"",
    "\"ann\"",
    "\"bob\"",
    "\"@ann hi\"",
    "\"\"",
    "\" \"",
    "\"\\u0000\"",
    "\"a\\u0000b\"",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"<script>alert(1)</script>\"",
    "\"2020-03-30\"",
    "NaN",
    "[]",
    "{}",
];

/// The kinds of body that are mostly read.
const READ: &[&str] = &["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];

const KINDS: &[&str] = &[
    "application/json",
    "application/json",
    "application/json; charset=utf-16",
    "application/vnd.api+json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "text/plain",
    "application/octet-stream",
    "nonsense",
    "",
    ";;;=",
];

const HEADERS: &[&str] = &[
    "Authorization: Basic !!!",
    "Authorization: Basic",
    "Authorization: Basic /////w==",
    "Authorization: Basic OjphOmI=",
    "Authorization: Token",
    "Authorization: Token a b",
    "Authorization: Token %00",
    "Authorization: Bearer a.b.c",
    "Authorization: Bearer gck_x",
    "Authorization:",
    "Accept: text/html;q=x, */*",
    "Accept: text/event-stream",
    "Accept-Encoding: gzip;q=9, br",
    "Cookie: goldcrest_session=gcc_x; =;;",
    "Origin: null",
    "Origin: https://evil.example",
    "Sec-Fetch-Site: cross-site",
    "Range: bytes=5-1",
    "If-None-Match: *",
    "Last-Event-ID: -1",
    "Last-Event-ID: nonsense",
    "X-Forwarded-For: nobody, 999.1.1.1",
    "X-HTTP-Method-Override: BREW",
    "Content-Encoding: gzip",
    "Upgrade: websocket",
    "Host: evil.example",
    "Host: ::::",
];

/// A request to be, each part by chance.
pub struct Nonsense<'a> {
    chance: &'a mut Chance,
    interface: &'a Interface,
    route: &'a Route,
    method: &'a str,
    shown: &'a str,
    /// Whether it is right but for a value here and there, so that it gets to where those are looked at.
    nearly_right: bool,
}

impl<'a> Nonsense<'a> {
    pub fn new(
        chance: &'a mut Chance,
        interface: &'a Interface,
        route: &'a Route,
        method: &'a str,
        shown: &'a str,
    ) -> Self {
        let nearly_right = chance.percent(50);
        Self { chance, interface, route, method, shown, nearly_right }
    }

    /// The request as it goes over the wire.
    pub fn bytes(mut self) -> Vec<u8> {
        let target = self.target();
        let mut head = format!("{} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n", self.method);
        if !matches!(self.interface.shows, Shows::Query) && self.rightly(80) {
            head.push_str(self.shown);
        } else if self.wrongly(30) {
            write!(head, "{}\r\n", self.chance.pick(HEADERS)).unwrap();
        }
        if self.wrongly(20) {
            write!(head, "{}\r\n", self.chance.pick(HEADERS)).unwrap();
        }
        let mut bytes = head.into_bytes();
        if self.wrongly(5) {
            bytes.extend_from_slice(b"Authorization: \xff\xfe\r\n");
        }
        if self.wrongly(20) {
            // No body at all, and nothing said about one.
            bytes.extend_from_slice(b"\r\n");
            return bytes;
        }
        let kinds: &[&str] = if self.nearly_right { READ } else { KINDS };
        let kind: &&str = self.chance.pick(kinds);
        let body = self.body(kind);
        bytes.extend_from_slice(format!("Content-Type: {kind}\r\n").as_bytes());
        if self.wrongly(15) {
            bytes.extend_from_slice(format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(&body);
            bytes.extend_from_slice(if body.is_empty() { b"\r\n" } else { b"\r\n0\r\n\r\n" });
        } else {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
            bytes.extend_from_slice(&body);
        }
        bytes
    }

    fn target(&mut self) -> String {
        let path = filled(self.route.path, |_| self.word().to_owned());
        let slash = if self.wrongly(15) { "/" } else { "" };
        let mut target = format!("/compat/{}{}{path}{slash}?", self.interface.name, self.interface.base);
        if matches!(self.interface.shows, Shows::Query) && self.rightly(80) {
            target.push_str(self.shown);
        }
        for _ in 0..self.chance.between(0, 3) {
            let (name, value) = (*self.chance.pick(self.interface.fields), self.word());
            write!(target, "&{name}={value}").unwrap();
        }
        if self.chance.percent(3) {
            target.push_str(&"%00&=".repeat(500));
        }
        target
    }

    fn body(&mut self, kind: &str) -> Vec<u8> {
        match if self.nearly_right { 99 } else { self.chance.between(0, 99) } {
            0..5 => return Vec::new(),
            // Just as much as is read, and a byte too much.
            5..7 => return b" ".repeat(LIMIT + self.chance.between(0, 1)),
            7..9 => {
                let text = self.json();
                return text.repeat(LIMIT / text.len() + 1).into_bytes()[..LIMIT].to_vec();
            }
            9..15 => return (0..self.chance.between(1, 200)).map(|_| self.byte()).collect(),
            15..18 => return b"[".repeat(10_000),
            _ => {}
        }
        let mut body = match kind.split(';').next() {
            Some("application/x-www-form-urlencoded") => self.form(),
            Some("multipart/form-data") => self.parts(),
            _ => self.json(),
        }
        .into_bytes();
        if self.wrongly(15) {
            body.truncate(self.chance.between(0, body.len()));
        }
        if self.wrongly(10) && !body.is_empty() {
            let place = self.chance.between(0, body.len() - 1);
            body[place] = self.byte();
        }
        body
    }

    /// Whether something is as it should be: so many times in a hundred, and always in what is nearly right.
    fn rightly(&mut self, percent: usize) -> bool {
        self.nearly_right || self.chance.percent(percent)
    }

    /// Whether something is not: so many times in a hundred, and never in what is nearly right.
    fn wrongly(&mut self, percent: usize) -> bool {
        !self.nearly_right && self.chance.percent(percent)
    }

    fn word(&mut self) -> &'static str {
        let from: &'static [&'static str] = if self.chance.percent(50) { LIKELY } else { VALUES };
        let word: &&str = self.chance.pick(from);
        word
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.chance.between(0, 255)).expect("a byte")
    }

    fn json(&mut self) -> String {
        if self.wrongly(10) {
            return self.value(0);
        }
        let mut fields = Vec::new();
        for name in self.interface.fields {
            if self.rightly(70) {
                fields.push(format!("{}:{}", json!(name), self.value(0)));
            }
        }
        format!("{{{}}}", fields.join(","))
    }

    /// A JSON value, well-formed or nearly so.
    fn value(&mut self, depth: usize) -> String {
        if self.nearly_right && self.chance.percent(85) {
            return json!(self.chance.pick(LIKELY)).to_string();
        }
        match self.chance.between(0, 99) {
            0..30 => json!(self.chance.pick(LIKELY)).to_string(),
            30..60 => (*self.chance.pick(LITERALS)).to_owned(),
            60..75 => {
                let length = self.chance.between(1, 60);
                json!(self.chance.text(length)).to_string()
            }
            75..80 => {
                let length = self.chance.between(60, 20_000);
                format!("\"{}\"", "é".repeat(length))
            }
            _ if depth > 3 => "[[]]".to_owned(),
            80..90 => {
                let parts: Vec<String> = (0..self.chance.between(0, 4)).map(|_| self.value(depth + 1)).collect();
                format!("[{}]", parts.join(","))
            }
            _ => format!("{{\"id\":{},\"id\":{}}}", self.value(depth + 1), self.value(depth + 1)),
        }
    }

    fn form(&mut self) -> String {
        let mut pairs = Vec::new();
        for name in self.interface.fields {
            if self.rightly(70) {
                let value = match if self.nearly_right { 0 } else { self.chance.between(0, 2) } {
                    0 => self.word().to_owned(),
                    1 => url::form_urlencoded::byte_serialize(self.value(0).as_bytes()).collect(),
                    _ => {
                        let length = self.chance.between(1, 60);
                        url::form_urlencoded::byte_serialize(self.chance.text(length).as_bytes()).collect()
                    }
                };
                pairs.push(format!("{name}={value}"));
            }
        }
        pairs.join("&")
    }

    fn parts(&mut self) -> String {
        let mut body = String::new();
        for name in self.interface.fields {
            if self.rightly(70) {
                let value = if self.nearly_right { self.word().to_owned() } else { self.value(0) };
                let file = if self.wrongly(20) { "; filename=\"a/../b\"" } else { "" };
                write!(body, "--x\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n")
                    .unwrap();
            }
        }
        body + "--x--\r\n"
    }
}
