//! Long-polling: a stream held for one answer.

use super::close::CloseReason;
use super::control::Control;
use crate::domain::Seq;
use crate::live::{Event, Step, Subscription};
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
pub async fn collect(mut subscription: Subscription, limit: usize, wait: Duration) -> Result<Bytes, CloseReason> {
    let deadline = Instant::now() + wait;
    let mut answer = Answer::default();
    if let Some(gap) = subscription.gap() {
        let (position, head) = (subscription.position(), subscription.head());
        answer.control = Some(Control::reset(gap, position, head));
        return Ok(answer.json(position, head));
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
                    bytes += event.envelope().len();
                    answer.events.push(event);
                }
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
                Poll::Pending if !answer.events.is_empty() => return Poll::Ready(Ok(())),
                Poll::Pending => return timer.as_mut().poll(context).map(Ok),
            }
        }
    })
    .await?;
    // An answer may be long in the making; what was deleted meanwhile is not in it.
    if subscription.newest_erasure() != minded {
        let now = answer.events.iter().map_while(|event| subscription.as_it_is_now(event, minded)).collect();
        answer.events = now;
    }
    // With events in hand the next poll goes on from the last of them, whatever came up behind it.
    let position = answer.events.last().map_or_else(|| subscription.position(), |last| last.seq);
    Ok(answer.json(position, subscription.head()))
}

#[derive(Default)]
struct Answer {
    events: Vec<Arc<Event>>,
    control: Option<Control>,
}

impl Answer {
    fn json(&self, next: Seq, head: Seq) -> Bytes {
        let size: usize = self.events.iter().map(|event| event.envelope().len() + 1).sum();
        let mut json = BytesMut::with_capacity(size + 160);
        json.put_slice(br#"{"events":["#);
        if let Some(control) = &self.control {
            json.put_slice(control.json().as_bytes());
        }
        for (number, event) in self.events.iter().enumerate() {
            if number > 0 {
                json.put_u8(b',');
            }
            json.put_slice(event.envelope());
        }
        let mut json = json.writer();
        // Writing to memory does not fail.
        let _ = write!(json, r#"],"next":{next},"head":{head}}}"#);
        json.into_inner().freeze()
    }
}
