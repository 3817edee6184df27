//! The truth: the event log and the stays, read from the database, and who may see what by the rule of the design.

use std::collections::BTreeSet;
use std::path::Path;

use super::database::{open_file, rows};
use sea_orm::{DatabaseConnection, QueryResult};
use serde_json::Value;

/// One row of the log.
#[derive(Debug, Clone)]
pub struct Logged {
    pub seq: u64,
    /// A conversation, or a user as a negative number.
    pub topic: i64,
    pub kind: String,
    pub data: Value,
}

/// One stay of one user in one conversation; both ends are seen.
#[derive(Debug, Clone, Copy)]
pub struct Stay {
    pub conversation: i64,
    pub user: i64,
    pub joined: u64,
    pub left: Option<u64>,
}

pub struct Log {
    pub events: Vec<Logged>,
    pub stays: Vec<Stay>,
}

impl Log {
    /// What is in the database in a file.
    pub async fn read(file: &Path) -> Self {
        let database = open_file(file).await;
        let log = Self::of(&database).await;
        database.close().await.expect("the database file can be closed");
        log
    }

    pub async fn of(database: &DatabaseConnection) -> Self {
        let events = rows(database, "SELECT seq, topic, kind, data FROM events ORDER BY seq").await;
        let stays = rows(database, "SELECT conversation_id, user_id, joined_seq, left_seq FROM stays").await;
        Self {
            events: events
                .iter()
                .map(|row| Logged {
                    seq: number(row, "seq"),
                    topic: row.try_get("", "topic").unwrap(),
                    kind: row.try_get("", "kind").unwrap(),
                    data: serde_json::from_str(&row.try_get::<String>("", "data").unwrap()).expect("a payload is JSON"),
                })
                .collect(),
            stays: stays
                .iter()
                .map(|row| Stay {
                    conversation: row.try_get("", "conversation_id").unwrap(),
                    user: row.try_get("", "user_id").unwrap(),
                    joined: number(row, "joined_seq"),
                    left: row.try_get::<Option<i64>>("", "left_seq").unwrap().map(|seq| u64::try_from(seq).unwrap()),
                })
                .collect(),
        }
    }

    pub fn head(&self) -> u64 {
        self.events.last().map_or(0, |event| event.seq)
    }

    /// Whether a user, following these channels, may see an event, by the stays at the event's own `seq`.
    pub fn may_see(&self, event: &Logged, user: u64, followed: &[u64]) -> bool {
        let user = i64::try_from(user).unwrap();
        event.topic == -user
            || followed.iter().any(|channel| i64::try_from(*channel).unwrap() == event.topic)
            || self.stays.iter().any(|stay| {
                stay.user == user
                    && stay.conversation == event.topic
                    && stay.joined <= event.seq
                    && stay.left.is_none_or(|left| event.seq <= left)
            })
    }

    /// What a listener hears who starts behind this `seq`.
    pub fn visible(&self, user: u64, followed: &[u64], after: u64) -> Vec<u64> {
        self.events
            .iter()
            .filter(|event| event.seq > after && self.may_see(event, user, followed))
            .map(|event| event.seq)
            .collect()
    }

    /// The messages that were sent, in the order of the log.
    pub fn messages(&self) -> impl Iterator<Item = &Logged> {
        self.events.iter().filter(|event| event.kind == "message.created")
    }

    /// One line of events without a gap from 1, and one of messages that grows alike.
    pub fn assert_dense(&self) {
        let seqs: Vec<u64> = self.events.iter().map(|event| event.seq).collect();
        assert_eq!(seqs, (1..=self.head()).collect::<Vec<_>>(), "seq has no gap");
        let ids: Vec<u64> =
            self.messages().map(|event| event.data["id"].as_u64().expect("a message has an id")).collect();
        assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>(), "message ids are dense, in the order of the log");
        let conversations: BTreeSet<i64> =
            self.events.iter().map(|event| event.topic).filter(|topic| *topic > 0).collect();
        for conversation in conversations {
            let first = self.events.iter().find(|event| event.topic == conversation).unwrap();
            assert_eq!(first.kind, "conversation.created", "a conversation begins with its making");
        }
    }
}

fn number(row: &QueryResult, column: &str) -> u64 {
    u64::try_from(row.try_get::<i64>("", column).unwrap()).expect("a seq is not negative")
}
