//! An event, ready to be sent to all who hear of it.

use super::frames::Frames;
use crate::domain::events::{Effect, Record, Topic};
use crate::domain::messages::erased_payload;
use crate::domain::{MessageId, Seq, Timestamp};
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::sync::OnceCell;

/// A committed event, ready to be sent. Nothing in it depends on who receives it.
#[derive(Debug)]
pub struct Event {
    /// Its place on the line.
    pub seq: Seq,
    /// Who hears of it.
    pub topic: Topic,
    /// When it happened.
    pub at: Timestamp,
    /// The batch that it was committed in.
    pub batch: i64,
    /// What it changes in who hears what.
    pub effect: Option<Effect>,
    /// The message whose text it shows.
    pub message: Option<MessageId>,
    /// As it is sent.
    pub frames: Frames,
    /// Frames in the languages of older systems, each made when the first of its listeners wants it. They go with the
    /// event, so that none outlives the deletion of a message.
    translations: Mutex<Vec<(&'static str, Translation)>>,
}

/// A frame in another language, which takes some time to make. Whoever wants it meanwhile waits for the one that is
/// being made.
pub type Translation = Arc<OnceCell<Bytes>>;

impl Event {
    /// Encodes what the log holds.
    pub fn new(record: &Record) -> Self {
        let Record { seq, kind, at, data, .. } = record;
        let lines = format_args!("id: {seq}\nevent: {kind}\n");
        let frames = match record.topic {
            Topic::Conversation(id) => Frames::new(
                lines,
                format_args!(r#""seq":{seq},"type":"{kind}","at":"{at}","conversation_id":{id},"#),
                data,
            ),
            Topic::User(_) => Frames::new(lines, format_args!(r#""seq":{seq},"type":"{kind}","at":"{at}","#), data),
        };
        Self {
            seq: record.seq,
            topic: record.topic,
            at: record.at,
            batch: record.batch,
            effect: record.effect(),
            message: record.message,
            frames,
            translations: Mutex::default(),
        }
    }

    /// Its `type`, such as `message.created`.
    pub fn kind(&self) -> &str {
        // It stands in the second line of the frame.
        let mut lines = self.frames.sse().split(|byte| *byte == b'\n');
        let line = lines.nth(1).and_then(|line| line.strip_prefix(b"event: "));
        line.and_then(|kind| std::str::from_utf8(kind).ok()).unwrap_or("")
    }

    /// The frame in the language of this name, made or to be made.
    pub fn translation(&self, language: &'static str) -> Translation {
        let mut translations = self.translations.lock();
        if let Some((_, known)) = translations.iter().find(|(known, _)| *known == language) {
            return Arc::clone(known);
        }
        let new = Translation::default();
        translations.push((language, Arc::clone(&new)));
        new
    }

    /// The same event as it is once its message is deleted, as the log has it then.
    #[must_use]
    pub fn erased(&self, at: Timestamp) -> Self {
        #[derive(Deserialize)]
        struct Envelope<'a> {
            r#type: &'a str,
            #[serde(borrow)]
            data: &'a RawValue,
        }
        let envelope: Option<Envelope<'_>> = serde_json::from_slice(self.frames.envelope()).ok();
        // It is our own JSON; were it not, less is shown rather than more.
        let (kind, data) =
            envelope.map_or(("message.created", "{}"), |envelope| (envelope.r#type, envelope.data.get()));
        Self::new(&Record {
            seq: self.seq,
            topic: self.topic,
            kind: kind.to_owned(),
            at: self.at,
            data: erased_payload(data, at),
            batch: self.batch,
            message: self.message,
        })
    }

    /// The memory that it keeps, about. The WebSocket frame is counted whether it is made yet or not, so that the
    /// weight never changes; translations, which are made only of what older systems' listeners hear, are not.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + 2 * self.frames.sse().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ConversationId;

    fn event(data: &str) -> Event {
        Event::new(&Record {
            seq: Seq(124),
            topic: Topic::Conversation(ConversationId(7)),
            kind: "message.created".to_owned(),
            at: Timestamp(1_795_255_200_123),
            data: data.to_owned(),
            batch: 1,
            message: None,
        })
    }

    #[test]
    fn an_event_has_one_envelope_in_three_forms() {
        let envelope =
            r#"{"seq":124,"type":"message.created","at":"2026-11-21T10:00:00.123Z","conversation_id":7,"data":{}}"#;
        let event = event("{}");
        assert_eq!(event.frames.envelope(), envelope);
        assert_eq!(event.frames.sse(), format!("id: 124\nevent: message.created\ndata: {envelope}\n\n").as_str());
        assert_eq!(event.frames.websocket()[..2], [0x81, u8::try_from(envelope.len()).unwrap_or(0)]);
        assert_eq!(event.frames.websocket()[2..], envelope.as_bytes()[..]);
        assert_eq!(event.kind(), "message.created");
    }

    #[tokio::test]
    async fn a_translation_is_made_once_and_does_not_outlive_its_message() {
        let event = event(r#"{"id":3}"#);
        for expected in ["first", "first"] {
            let cell = event.translation("fax");
            let frame = cell.get_or_init(async || Bytes::from_static(expected.as_bytes())).await;
            assert_eq!(frame, "first");
        }
        assert!(!event.translation("telex").initialized(), "each language has its own");
        assert!(!event.erased(Timestamp(0)).translation("fax").initialized());
    }
}
