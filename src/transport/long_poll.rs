//! Long-polling: a stream held for one answer.

use super::close::CloseReason;
use super::control::Control;
use super::traffic::{LEFT, Way};
use crate::domain::Seq;
use crate::live::{Event, Passing, Step, Subscription};
use crate::meter::Raised;
use bytes::{BufMut, Bytes, BytesMut};
use std::io::Write;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tokio::time::Instant;

/// Bytes of events in one answer, more or less one event.
const ANSWER_BYTES: usize = 1024 * 1024;

/// Takes events until there are `limit`, or some and no more for now, or the wait is over. Returns the answer's JSON:
/// the same envelopes as on the other transports, `next`, and `head`.
pub async fn collect(
    subscription: Subscription,
    limit: usize,
    wait: Duration,
    way: &Way,
) -> Result<Bytes, CloseReason> {
    let mut counted = Counted::begin(way);
    let collected = collect_from(subscription, limit, wait).await;
    counted.why = collected.as_ref().map_or_else(|reason| reason.word(), |_| "answered");
    let (answer, json) = collected?;
    way.deliveries.add_all(answer.events.len());
    way.bytes.add_all(json.len());
    Ok(json)
}

/// A poll as it is counted: whoever goes before his answer takes it with him.
struct Counted<'a> {
    way: &'a Way,
    _open: Raised,
    why: &'static str,
}

impl<'a> Counted<'a> {
    fn begin(way: &'a Way) -> Self {
        way.opened.one();
        Self { way, _open: way.open.raise(), why: LEFT }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.way.ended.of(&self.why).one();
    }
}

async fn collect_from(
    mut subscription: Subscription,
    limit: usize,
    wait: Duration,
) -> Result<(Answer, Bytes), CloseReason> {
    let deadline = Instant::now() + wait;
    let mut answer = Answer::default();
    if let Some(gap) = subscription.gap() {
        let (position, head) = (subscription.position(), subscription.head());
        answer.control = Some(Control::reset(gap, position, head));
        let json = answer.json(position, head);
        return Ok((answer, json));
    }
    let mut bytes = 0;
    let minded = subscription.newest_erasure();
    let mut timer = Box::pin(tokio::time::sleep_until(deadline));
    std::future::poll_fn(|context| {
        loop {
            if answer.events.len() >= limit || bytes >= ANSWER_BYTES {
                return Poll::Ready(Ok(()));
            }
            match subscription.poll_next(context) {
                Poll::Ready(Step::Event(event)) => {
                    bytes += event.frames.envelope().len();
                    answer.events.push(event);
                }
                Poll::Ready(Step::Passing(passing)) => answer.passing.push(passing),
                Poll::Ready(Step::Reset(gap)) => {
                    // What was taken before the gap is given first; the next poll will be told of the gap.
                    if answer.events.is_empty() {
                        let (position, head) = (subscription.position(), subscription.head());
                        answer.control = Some(Control::reset(gap, position, head));
                    }
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Step::End(ending)) if answer.events.is_empty() => {
                    return Poll::Ready(Err(CloseReason::from(ending)));
                }
                Poll::Ready(Step::End(_)) => return Poll::Ready(Ok(())),
                Poll::Pending if !subscription.is_live() => return Poll::Pending,
                Poll::Pending if !answer.events.is_empty() || !answer.passing.is_empty() => return Poll::Ready(Ok(())),
                Poll::Pending => return timer.as_mut().poll(context).map(Ok),
            }
        }
    })
    .await?;
    // An answer may be long in the making; what was deleted meanwhile is not in it.
    let mut next = subscription.position();
    if subscription.newest_erasure() != minded {
        next = answer.revise(next, |event| subscription.as_it_is_now(event, minded));
    }
    // With events in hand the next poll goes on from the last of them, whatever came up behind it.
    let position = answer.events.last().map_or(next, |last| last.seq);
    let json = answer.json(position, subscription.head());
    Ok((answer, json))
}

#[derive(Default)]
struct Answer {
    events: Vec<Arc<Event>>,
    /// What passed while it was waited for.
    passing: Vec<Arc<Passing>>,
    control: Option<Control>,
}

impl Answer {
    /// Shows each event as it is to be shown now, up to the first of which nobody can tell. Returns from where the next
    /// poll goes on if nothing is left: what was dropped is read anew then.
    fn revise(&mut self, position: Seq, revise: impl Fn(&Arc<Event>) -> Option<Arc<Event>>) -> Seq {
        let now: Vec<_> = self.events.iter().map_while(revise).collect();
        let dropped = self.events.get(now.len()).map(|event| event.seq.previous());
        self.events = now;
        dropped.unwrap_or(position)
    }

    /// `head` is what was applied when it was looked at: an event is told of a moment before it counts as that.
    fn json(&self, next: Seq, head: Seq) -> Bytes {
        let head = head.max(next);
        let envelopes = || {
            let events = self.events.iter().map(|event| event.frames.envelope());
            events.chain(self.passing.iter().map(|passing| passing.frames.envelope()))
        };
        let size: usize = envelopes().map(|envelope| envelope.len() + 1).sum();
        let mut json = BytesMut::with_capacity(size + 160);
        json.put_slice(br#"{"events":["#);
        if let Some(control) = &self.control {
            json.put_slice(control.json().as_bytes());
        }
        for (number, envelope) in envelopes().enumerate() {
            if number > 0 || self.control.is_some() {
                json.put_u8(b',');
            }
            json.put_slice(envelope);
        }
        let mut json = json.writer();
        // Writing to memory does not fail.
        let _ = write!(json, r#"],"next":{next},"head":{head}}}"#);
        json.into_inner().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::events::{Record, Topic};
    use crate::domain::{ConversationId, MessageId, Timestamp};

    fn event(seq: i64) -> Arc<Event> {
        Arc::new(Event::new(&Record {
            seq: Seq(seq),
            topic: Topic::Conversation(ConversationId(7)),
            kind: "message.created".to_owned(),
            at: Timestamp(0),
            data: format!(r#"{{"id":{seq}}}"#),
            batch: 1,
            message: Some(MessageId(seq)),
        }))
    }

    #[test]
    fn the_head_is_never_before_what_is_told() {
        let answer = Answer { events: vec![event(3)], ..Answer::default() };
        let json = String::from_utf8(answer.json(Seq(3), Seq(2)).to_vec()).unwrap();
        assert!(json.ends_with(r#""next":3,"head":3}"#), "{json}");
    }

    #[test]
    fn the_next_poll_goes_on_before_what_nobody_can_judge() {
        for (unknown, left, next) in [(5, vec![], 4), (7, vec![5], 6), (9, vec![5, 7], 8), (10, vec![5, 7, 9], 20)] {
            let mut answer = Answer { events: [5, 7, 9].map(event).to_vec(), ..Answer::default() };
            let found = answer.revise(Seq(20), |event| (event.seq < Seq(unknown)).then(|| Arc::clone(event)));
            let seqs: Vec<i64> = answer.events.iter().map(|event| event.seq.0).collect();
            assert_eq!((seqs, found), (left, Seq(next)), "from {unknown} on nobody knows");
        }
    }
}
