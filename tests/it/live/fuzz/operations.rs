//! Frames and operations by chance: each text is answered, with its `ref`, or the socket ends with a code that is documented.

use super::nonsense::{damaged, quoted, value};
use super::{MARK, Rounds, is_well, refusal};
use crate::support::frames::{BINARY, CLOSE, CONTINUATION, Frames, LAST, PING, PONG, TEXT, frame, text};
use crate::support::{Chance, Person, Server, seconds, within};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A field, and what it is likely to be.
type Field = (&'static str, &'static [&'static str]);

/// The operations, and what their fields are likely to be.
const OPERATIONS: &[(&str, &[Field])] = &[
    ("auth", &[("token", &["TOKEN", "TOKEN", "OTHER", "\"zqx.a.b\""]), ("after", &["0", "1", "null"])]),
    (
        "send",
        &[
            ("to", &["[\"ann\"]", "[\"bob\"]", "[\"bob\",\"ann\"]", "[\"nobody\"]", "null"]),
            ("text", &["\"zqx hello\"", "\"@bob zqx\"", "\"zqx\\n\\u2028\""]),
            ("client_id", &["\"one\"", "\"two\"", "null"]),
            ("thread_id", &["1", "2", "null"]),
        ],
    ),
    (
        "send",
        &[("conversation_id", &["1", "2", "3", "99"]), ("text", &["\"zqx there\""]), ("thread_id", &["1", "null"])],
    ),
    ("edit", &[("id", &["1", "2", "3", "99"]), ("text", &["\"zqx again\""])]),
    ("delete", &[("ids", &["[1]", "[1,2,3]", "[99]", "[]"]), ("for", &["\"me\"", "\"all\"", "null"])]),
    ("read", &[("conversation_id", &["1", "2", "99"]), ("message_id", &["1", "2", "99"])]),
    ("follow", &[("channel", &["\"news\"", "\"zqx\"", "\"secret\""])]),
    ("unfollow", &[("channel", &["\"news\"", "\"zqx\""])]),
    ("typing", &[("conversation_id", &["1", "2", "99"]), ("stopped", &["true", "false"])]),
    ("ping", &[]),
    ("zqx", &[("a", &["1"])]),
    ("", &[]),
];

/// The most bytes of a message, and of the first one on a socket that belongs to nobody.
const MESSAGE: usize = 256 * 1024;
const FIRST_MESSAGE: usize = 8 * 1024;
/// The most bytes of a `ref`.
const REFERENCE: usize = 256;

/// A reply, its `ref` as it is written.
#[derive(Deserialize)]
struct Reply<'a> {
    r#type: String,
    #[serde(rename = "ref", borrow)]
    reference: Option<&'a RawValue>,
    ok: Option<bool>,
    error: Option<Value>,
    request_id: Option<String>,
}

/// What goes over the wire, and what has to come back.
struct Step {
    bytes: Vec<u8>,
    /// A text gets one reply, whatever it says.
    replies: usize,
    reference: Repeated,
    pongs: usize,
    /// The code by which the socket has to end.
    end: Option<u16>,
}

impl Step {
    fn ends(bytes: Vec<u8>, code: u16) -> Self {
        Self { bytes, replies: 0, reference: Repeated::Anything, pongs: 0, end: Some(code) }
    }

    fn shown(&self) -> String {
        let some = &self.bytes[..self.bytes.len().min(2_000)];
        format!("{} bytes, ends {:?}: {}", self.bytes.len(), self.end, some.escape_ascii())
    }
}

/// What is known of the `ref` in a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Repeated {
    This(String),
    Nothing,
    Anything,
}

/// Who has the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Ann,
    AnnByTicket,
    Nobody,
}

struct Fuzz<'a> {
    chance: &'a mut Chance,
    token: &'a str,
    other: &'a str,
    count: usize,
}

impl Fuzz<'_> {
    /// An operation as JSON, with its `ref` if that is sure to come back.
    fn operation(&mut self) -> (Vec<u8>, Repeated) {
        let (op, fields) = *self.chance.pick(OPERATIONS);
        self.count += 1;
        let mut sound = true;
        let reference = match self.chance.between(0, 99) {
            0..60 => Some(self.count.to_string()),
            60..70 => None,
            70..75 => Some(quoted(&"r".repeat(self.chance.between(REFERENCE - 4, REFERENCE + 2)))),
            _ => {
                let (reference, kept) = value(self.chance);
                sound &= kept;
                Some(reference)
            }
        };
        let mut parts = Vec::new();
        if self.chance.percent(97) {
            parts.push(format!("\"op\":{}", quoted(op)));
        }
        parts.extend(reference.as_ref().map(|reference| format!("\"ref\":{reference}")));
        for (name, likely) in fields {
            if self.chance.percent(93) {
                let written = if self.chance.percent(88) {
                    let likely = *self.chance.pick(likely);
                    likely.replace("TOKEN", &quoted(self.token)).replace("OTHER", &quoted(self.other))
                } else {
                    let (written, kept) = value(self.chance);
                    sound &= kept;
                    written
                };
                parts.push(format!("{}:{written}", quoted(name)));
            }
        }
        if self.chance.percent(6) {
            let name = *self.chance.pick(&["op", "ref", "text", "token", "zqx", "", "__proto__", "\u{1f600}"]);
            let (written, kept) = value(self.chance);
            sound &= kept && !["op", "ref"].contains(&name);
            parts.push(format!("{}:{written}", quoted(name)));
        }
        for at in (1..parts.len()).rev() {
            parts.swap(at, self.chance.between(0, at));
        }
        let space = *self.chance.pick(&["", "", " ", "\r\n\t"]);
        let mut json = format!("{{{}}}", parts.join(&format!("{space},{space}"))).into_bytes();
        if self.chance.percent(12) {
            damaged(self.chance, &mut json);
            sound = false;
        }
        if self.chance.percent(2) {
            // Not an object at all.
            json = value(self.chance).0.into_bytes();
            return (json, Repeated::Anything);
        }
        let kept = reference.filter(|reference| reference != "null" && reference.len() <= REFERENCE);
        let repeated = if sound { kept.map_or(Repeated::Nothing, Repeated::This) } else { Repeated::Anything };
        (json, repeated)
    }

    /// Many things at once, none of which ends a socket by itself: replies to them overtake each other.
    fn burst(&mut self, most: usize) -> Step {
        let mut all = Step { bytes: Vec::new(), replies: 0, reference: Repeated::Anything, pongs: 0, end: None };
        for _ in 0..self.chance.between(2, 100) {
            let step = self.step(most);
            if step.end.is_none() {
                all.bytes.extend(step.bytes);
                all.replies += step.replies;
                all.pongs += step.pongs;
            }
        }
        all
    }

    /// The next thing to send on a socket that takes messages of so many bytes.
    fn step(&mut self, most: usize) -> Step {
        let (json, reference) = self.operation();
        let chance = &mut *self.chance;
        match chance.between(0, 199) {
            0..150 => {}
            150..170 => return fragmented(chance, &json, reference, most),
            170..176 => {
                let payload: Vec<u8> = json.into_iter().take(chance.between(0, 125)).collect();
                let bytes = frame(LAST | PING, &payload);
                return Step { bytes, replies: 0, reference: Repeated::Anything, pongs: 1, end: None };
            }
            176..180 => {
                let bytes = frame(LAST | PONG, MARK.as_bytes());
                return Step { bytes, replies: 0, reference: Repeated::Anything, pongs: 0, end: None };
            }
            180..183 => return Step::ends(frame(LAST | BINARY, &json[..json.len().min(most)]), 1003),
            183..186 => return closing(chance),
            186..189 => {
                let bit = *chance.pick(&[0x10, 0x20, 0x40]);
                return Step::ends(frame(LAST | bit | TEXT, b"{}"), 1002);
            }
            189..191 => return Step::ends(frame(LAST | *chance.pick(&[3, 7, 11, 15]), b""), 1002),
            191..193 => return Step::ends(frame(LAST | CONTINUATION, b"{}"), 1002),
            193..195 => return Step::ends(frame(*chance.pick(&[PING, PONG, CLOSE]), b""), 1002),
            195..197 => return Step::ends(frame(LAST | PING, &[b'x'; 126]), 1002),
            197 => return Step::ends(frame(LAST | TEXT, &vec![b' '; most + 1]), 1009),
            198 => {
                let bytes = text(&" ".repeat(most));
                return Step { bytes, replies: 1, reference: Repeated::Nothing, pongs: 0, end: None };
            }
            // A client's frames must have a mask.
            _ => return Step::ends(vec![LAST | TEXT, 2, b'{', b'}'], 1002),
        }
        whole(frame(LAST | TEXT, &json), &json, reference, most)
    }
}

/// What comes back for a text, by what it is.
fn whole(bytes: Vec<u8>, json: &[u8], reference: Repeated, most: usize) -> Step {
    if json.len() > most {
        return Step::ends(bytes, 1009);
    }
    if std::str::from_utf8(json).is_err() {
        return Step::ends(bytes, 1007);
    }
    Step { bytes, replies: 1, reference, pongs: 0, end: None }
}

/// A text in many frames, with pings between them.
fn fragmented(chance: &mut Chance, json: &[u8], reference: Repeated, most: usize) -> Step {
    let (mut bytes, mut pongs, mut first) = (Vec::new(), 0, TEXT);
    let size = chance.between(1, json.len().div_ceil(4).max(1));
    for part in json.chunks(size) {
        bytes.extend(frame(first, part));
        first = CONTINUATION;
        if chance.percent(10) {
            pongs += 1;
            bytes.extend(frame(LAST | PING, b"between"));
        }
    }
    bytes.extend(frame(LAST | first, b""));
    let mut step = whole(bytes, json, reference, most);
    // How many it answers before it ends is its own.
    step.pongs = if step.end.is_none() { pongs } else { 0 };
    step
}

fn closing(chance: &mut Chance) -> Step {
    let codes: [(&[u8], u16); 8] = [
        (&[], 1005),
        (&[3], 1002),
        (&[0x03, 0xe8], 1000),
        (&[0x03, 0xe8, b'z', b'q', b'x'], 1000),
        (&[0x0f, 0xa0], 4000),
        (&[0x03, 0xed], 1002),
        (&[0, 0], 1002),
        (&[0x03, 0xe8, 0xff], 1007),
    ];
    let (payload, code) = *chance.pick(&codes);
    Step::ends(frame(LAST | CLOSE, payload), code)
}

#[tokio::test]
async fn every_frame_is_answered_or_ends_the_socket_as_is_documented() {
    let options = Server::options().set("--access-token-lifetime", "24h");
    let server = options.set("--log-level", "warn,goldcrest=debug").start().await;
    let [ann, bob] = Person::register_all(&server, ["ann", "bob"]).await;
    ann.direct(&[&bob]).await;
    ann.group(MARK, &[&bob]).await;
    bob.channel("news").await;
    bob.group("secret", &[]).await;
    let sockets = server.sockets();
    let mut chance = Chance::for_test("operations");
    let mut fuzz = Fuzz { chance: &mut chance, token: &ann.access_token, other: &bob.access_token, count: 0 };
    let (mut rounds, mut steps, mut done) = (Rounds::begin(), 0, 0);
    while rounds.go_on() {
        let owner = *fuzz.chance.pick(&[Owner::Ann, Owner::Ann, Owner::Ann, Owner::AnnByTicket, Owner::Nobody]);
        let (target, headers) = match owner {
            Owner::Ann => ("/ws".to_owned(), format!("Authorization: Bearer {}\r\n", ann.access_token)),
            Owner::AnnByTicket => (format!("/ws?ticket={}&after=0", ann.ticket().await), String::new()),
            Owner::Nobody => ("/ws".to_owned(), String::new()),
        };
        let mut socket = Frames::open(server.address, &target, &headers).await.unwrap().expect("a WebSocket");
        let mut most = if owner == Owner::Nobody { FIRST_MESSAGE } else { MESSAGE };
        for _ in 0..fuzz.chance.between(1, 60) {
            steps += 1;
            let step = if fuzz.chance.percent(5) { fuzz.burst(most) } else { fuzz.step(most) };
            match answered(&mut socket, &step, most == FIRST_MESSAGE, &mut done).await {
                Left::Open => most = MESSAGE,
                Left::Ended => break,
            }
        }
    }
    assert!(done > 0, "some is done");
    println!("{} sockets, {steps} steps, {done} done, {} MiB", rounds.count, server.memory() >> 20);
    is_well(&server, sockets, &[signature(&ann.access_token), signature(&bob.access_token), &ann.password]).await;
}

fn signature(token: &str) -> &str {
    token.rsplit_once('.').expect("a token has parts").1
}

enum Left {
    Open,
    Ended,
}

/// Sends a step and behind it a ping, and hears all that has to come back for both.
async fn answered(socket: &mut Frames, step: &Step, is_nobodys: bool, done: &mut usize) -> Left {
    let fence = "\"fence\"";
    let bytes = [&step.bytes[..], &text(&format!("{{\"op\":\"ping\",\"ref\":{fence}}}"))].concat();
    // Who has ended does not take it all.
    drop(within(seconds(20), "the frames to be taken", socket.send(bytes)).await);
    let (mut replies, mut pongs, mut fenced) = (0, 0, false);
    loop {
        if fenced && replies == step.replies && pongs == step.pongs {
            assert_eq!(step.end, None, "it goes on after {}", step.shown());
            return Left::Open;
        }
        let next = within(seconds(20), &format!("an answer to {}", step.shown()), socket.next()).await;
        // A socket that ended with bytes of ours unread is reset.
        let Ok(Some((opcode, payload))) = next else { panic!("it ended without a word after {}", step.shown()) };
        match opcode {
            TEXT => {
                let reply: Reply = serde_json::from_slice(&payload)
                    .unwrap_or_else(|error| panic!("{error}: {}: {}", payload.escape_ascii(), step.shown()));
                if reply.r#type != "reply" {
                    continue;
                }
                assert_eq!(reply.request_id, None, "the server failed: {}", step.shown());
                if let Some(error) = &reply.error {
                    refusal(error, || step.shown());
                }
                assert_eq!(reply.ok, Some(reply.error.is_none()), "{}", step.shown());
                let reference = reply.reference.map(RawValue::get);
                if reference == Some(fence) {
                    assert!(!std::mem::replace(&mut fenced, true), "twice: {}", step.shown());
                    continue;
                }
                replies += 1;
                *done += usize::from(reply.error.is_none());
                let repeated = reference.map_or(Repeated::Nothing, |written| Repeated::This(written.to_owned()));
                assert!(
                    [&repeated, &Repeated::Anything].contains(&&step.reference),
                    "{repeated:?} to {}",
                    step.shown()
                );
            }
            PONG => pongs += 1,
            PING => {}
            CLOSE => {
                let code = if payload.is_empty() { 1005 } else { u16::from_be_bytes([payload[0], payload[1]]) };
                let expected = match step.end {
                    Some(expected) => code == expected,
                    // The ping at the latest ends a socket that still belongs to nobody.
                    None => is_nobodys && [4401, 4408].contains(&code),
                };
                assert!(expected, "it ended with {code} after {}", step.shown());
                let rest = within(seconds(20), "the end", socket.next()).await;
                assert!(!matches!(rest, Ok(Some(_))), "{rest:?} follows the close frame after {}", step.shown());
                return Left::Ended;
            }
            _ => panic!("a frame of opcode {opcode} after {}", step.shown()),
        }
    }
}
