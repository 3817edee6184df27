//! What nodes say to each other, and how it is written: JSON, so that nodes of two versions understand what both know.

use crate::domain::events::{Record, Topic};
use crate::domain::users::UserRef;
use crate::domain::{ConversationId, MessageId, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::fmt::Write;

/// People in one publication at most.
pub(super) const PEOPLE: usize = 1_000;

/// What passes: said once, and kept by nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Passing {
    /// Somebody types, or no longer, in a conversation whose others may hear of that.
    Typing {
        conversation: ConversationId,
        user: UserRef,
        stopped: bool,
        /// In milliseconds, like all moments here.
        at: i64,
    },
    /// These are on the node of this number, for a while from now.
    Here { node: u64, users: Vec<UserId> },
    /// These have left it.
    Left { node: u64, users: Vec<UserId> },
    /// Somebody shows himself, or no longer does.
    Shown { user: UserId },
}

/// A committed batch, as another node hears of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Publication {
    /// The first of its events.
    pub(super) first: Seq,
    /// The last.
    pub(super) last: Seq,
    /// All of them in order, or none if they are too many to be sent along.
    pub(super) records: Vec<Record>,
    /// How many bytes it came in.
    pub(super) bytes: usize,
}

#[derive(Deserialize)]
struct WrittenBatch<'a> {
    first: i64,
    last: i64,
    batch: i64,
    #[serde(borrow, default)]
    events: Vec<WrittenEvent<'a>>,
}

#[derive(Deserialize)]
struct WrittenEvent<'a> {
    topic: i64,
    kind: String,
    at: i64,
    #[serde(default)]
    message: Option<i64>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Begins a batch by its numbers.
pub(super) fn write_numbers(first: Seq, last: Seq, batch: i64) -> String {
    format!(r#"{{"first":{first},"last":{last},"batch":{batch}"#)
}

/// Writes a batch with its events, if that makes no more than so many bytes. An empty batch is nothing to write.
pub(super) fn write_batch(records: &[Record], most: usize) -> Option<String> {
    let (first, last) = (records.first()?, records.last()?);
    let mut text = write_numbers(first.seq, last.seq, first.batch);
    text.push_str(r#","events":["#);
    for record in records {
        if record.seq != first.seq {
            text.push(',');
        }
        // Kinds are words of ours, and `data` is JSON already. Writing to memory does not fail.
        let _ = write!(
            text,
            r#"{{"topic":{},"kind":"{}","at":{},"data":{}"#,
            record.topic.number(),
            record.kind,
            record.at.0,
            record.data
        );
        if let Some(message) = record.message {
            let _ = write!(text, r#","message":{message}"#);
        }
        text.push('}');
        if text.len() + 2 > most {
            return None;
        }
    }
    text.push_str("]}");
    Some(text)
}

/// Reads a batch; none if it is not one, or not a whole one.
pub(super) fn read_batch(payload: &[u8]) -> Option<Publication> {
    let batch: WrittenBatch<'_> = serde_json::from_slice(payload).ok()?;
    let count = usize::try_from(batch.last.checked_sub(batch.first)?.checked_add(1)?).ok()?;
    if batch.first < 1 || count == 0 || !(batch.events.is_empty() || batch.events.len() == count) {
        return None;
    }
    // What is put into frames as it is has no end of line in it, and no quote.
    let sound = |event: &WrittenEvent<'_>| {
        let kind = event.kind.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte));
        // Nobody has the number 0, and the lowest of all has no counterpart above zero.
        let topic = event.topic != 0 && event.topic != i64::MIN;
        kind && topic && !event.data.get().contains(['\n', '\r'])
    };
    if !batch.events.iter().all(sound) {
        return None;
    }
    let records = (batch.first..=batch.last).zip(batch.events).map(|(seq, event)| Record {
        seq: Seq(seq),
        topic: Topic::from_number(event.topic),
        kind: event.kind,
        at: Timestamp(event.at),
        data: event.data.get().to_owned(),
        batch: batch.batch,
        message: event.message.map(MessageId),
    });
    Some(Publication {
        first: Seq(batch.first),
        last: Seq(batch.last),
        records: records.collect(),
        bytes: payload.len(),
    })
}

/// Writes what passes.
pub(super) fn write_passing(passing: &Passing) -> String {
    // Names and numbers always have JSON.
    serde_json::to_string(passing).unwrap_or_default()
}

/// Reads what passes; none if it is nothing that this version knows.
pub(super) fn read_passing(payload: &[u8]) -> Option<Passing> {
    let passing = serde_json::from_slice(payload).ok()?;
    match &passing {
        Passing::Here { users, .. } | Passing::Left { users, .. } if users.len() > PEOPLE => None,
        _ => Some(passing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::users::Username;

    fn record(seq: i64, data: &str) -> Record {
        Record {
            seq: Seq(seq),
            topic: if seq % 2 == 0 { Topic::User(UserId(3)) } else { Topic::Conversation(ConversationId(7)) },
            kind: "message.created".to_owned(),
            at: Timestamp(1_795_255_200_123),
            data: data.to_owned(),
            batch: -5,
            message: (seq == 2).then_some(MessageId(9)),
        }
    }

    #[test]
    fn a_batch_is_read_as_it_was_written() {
        let records = [record(1, r#"{"text":"\" \\ é \u0000"}"#), record(2, "{}"), record(3, "[1, 2]")];
        let text = write_batch(&records, 10_000).expect("a text");
        let read = read_batch(text.as_bytes()).expect("a batch");
        assert_eq!((read.first, read.last, read.records.as_slice()), (Seq(1), Seq(3), records.as_slice()));
        assert_eq!(read.bytes, text.len());
    }

    #[test]
    fn a_large_batch_is_its_numbers_alone() {
        let records = [record(1, &format!("\"{}\"", "x".repeat(500))), record(2, "{}")];
        let whole = write_batch(&records, 10_000).expect("a text");
        assert_eq!(write_batch(&records, whole.len()), Some(whole.clone()));
        assert_eq!(write_batch(&records, whole.len() - 1), None);
        let text = write_numbers(Seq(1), Seq(2), -5) + "}";
        assert_eq!(text, r#"{"first":1,"last":2,"batch":-5}"#);
        let read = read_batch(text.as_bytes()).expect("a batch");
        assert_eq!((read.first, read.last, read.records.len()), (Seq(1), Seq(2), 0));
        assert_eq!(write_batch(&[], 10_000), None);
    }

    #[test]
    fn what_is_no_whole_batch_is_none() {
        let event = r#"{"topic":7,"kind":"a","at":1,"data":{}}"#;
        for bad in [
            String::new(),
            "{}".to_owned(),
            r#"{"first":2,"last":1,"batch":1}"#.to_owned(),
            r#"{"first":0,"last":1,"batch":1}"#.to_owned(),
            format!(r#"{{"first":{},"last":{},"batch":1}}"#, i64::MIN, i64::MAX),
            format!(r#"{{"first":1,"last":2,"batch":1,"events":[{event}]}}"#),
            format!(r#"{{"first":1,"last":2,"batch":1,"events":[{event},{{}}]}}"#),
            format!(r#"{{"first":1,"last":1,"batch":1,"events":[{}]}}"#, event.replace("{}", "{\n}")),
            format!(r#"{{"first":1,"last":1,"batch":1,"events":[{}]}}"#, event.replace("\"a\"", r#""a\nid: 9""#)),
            format!(r#"{{"first":1,"last":1,"batch":1,"events":[{}]}}"#, event.replace('7', "0")),
            format!(r#"{{"first":1,"last":1,"batch":1,"events":[{}]}}"#, event.replace('7', &i64::MIN.to_string())),
        ] {
            assert_eq!(read_batch(bad.as_bytes()), None, "{bad}");
        }
        let newer = format!(r#"{{"first":1,"last":1,"batch":1,"colour":"red","events":[{event}]}}"#);
        assert!(read_batch(newer.as_bytes()).is_some(), "a newer node may say more");
        let last = format!(r#"{{"first":{0},"last":{0},"batch":1,"events":[{event}]}}"#, i64::MAX);
        assert!(read_batch(last.as_bytes()).is_some());
    }

    #[test]
    fn what_passes_is_read_as_it_was_written() {
        let user = UserRef { id: UserId(2), username: Username::stored("bob".to_owned()) };
        for passing in [
            Passing::Typing { conversation: ConversationId(7), user, stopped: false, at: 5 },
            Passing::Here { node: u64::MAX, users: vec![UserId(1), UserId(2)] },
            Passing::Left { node: 1, users: vec![UserId(1)] },
            Passing::Shown { user: UserId(1) },
        ] {
            assert_eq!(read_passing(write_passing(&passing).as_bytes()), Some(passing));
        }
        for unknown in ["", "{}", r#"{"dance":{}}"#] {
            assert_eq!(read_passing(unknown.as_bytes()), None, "{unknown}");
        }
    }
}
