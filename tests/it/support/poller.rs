//! A listener that polls.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::heard::{FrameHead, is_passing};
use super::{Answer, Caller, Control, Credentials, Ear, Heard, NotOpened, Passing, Seen, StreamRequest};

/// The body of one poll, its events byte for byte.
#[derive(Deserialize)]
pub struct Poll<'a> {
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
    pub next: u64,
    pub head: u64,
}

pub struct Poller {
    caller: Caller,
    request: StreamRequest,
    /// How many events at most an answer is to hold.
    pub limit: usize,
    /// How long an answer may wait for an event, in seconds.
    pub wait: u64,
    heard: VecDeque<(Heard, u64)>,
    cursor: Option<u64>,
}

impl Poller {
    /// Takes credentials, cursor and channels from the request; the first poll is made by `next`.
    pub fn new(caller: &Caller, request: &StreamRequest) -> Self {
        let caller = match &request.credentials {
            Credentials::Bearer(token) => caller.with_bearer(token),
            _ => caller.clone(),
        };
        Self { caller, request: request.clone(), limit: 100, wait: 1, heard: VecDeque::new(), cursor: None }
    }

    /// One poll from where this one is, or what else the server answered.
    pub async fn poll(&self) -> Result<Answer, NotOpened> {
        let mut request = self.request.clone();
        request.credentials = Credentials::None;
        if let Some(cursor) = self.cursor {
            request.after = Some(cursor.to_string());
        }
        let target = request.target("/api/v1/events");
        let separator = if target.contains('?') { '&' } else { '?' };
        let target = format!("{target}{separator}limit={}&wait={}", self.limit, self.wait);
        match self.caller.try_call(http::Method::GET, &target, None).await {
            Ok(answer) if answer.status == 200 => Ok(answer),
            Ok(answer) => Err(NotOpened::Answered(answer)),
            Err(error) => Err(NotOpened::Unreachable(format!("{error:?}"))),
        }
    }
}

impl Ear for Poller {
    /// The next thing heard; an answer without events is a heartbeat, and a failed poll an end.
    async fn next(&mut self) -> Heard {
        if self.heard.is_empty() {
            let Ok(answer) = self.poll().await else { return Heard::End(None) };
            let poll: Poll =
                serde_json::from_slice(&answer.body).unwrap_or_else(|error| panic!("{error}: {}", answer.describe()));
            for raw in poll.events {
                let frame = FrameHead::of(raw.get());
                super::spoken::heard("polling", raw.get());
                let raw = raw.get().to_owned();
                self.heard.push_back(match frame.seq {
                    Some(seq) => (Heard::Event(Seen { seq, kind: frame.kind, raw }), seq),
                    // It moves no cursor; behind it, that is at the `next` of its answer.
                    None if is_passing(&frame.kind) => (Heard::Passing(Passing { kind: frame.kind, raw }), poll.next),
                    None => (
                        Heard::Control(Control { kind: frame.kind, raw }),
                        frame.position.expect("reset has a position"),
                    ),
                });
            }
            // The last event of an answer moves the cursor on to its `next`, as a client does that has worked it off.
            match self.heard.back_mut() {
                Some((_, cursor)) => {
                    assert!(*cursor <= poll.next, "next is not behind the last event: {}", answer.describe());
                    *cursor = poll.next;
                }
                None => self.heard.push_back((Heard::Heartbeat(poll.next), poll.next)),
            }
        }
        let (heard, cursor) = self.heard.pop_front().expect("something was heard");
        self.cursor = Some(cursor);
        heard
    }

    fn cursor(&self) -> Option<u64> {
        self.cursor
    }
}
