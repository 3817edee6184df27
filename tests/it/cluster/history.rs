//! The verdict: what was acknowledged, what is in the database, and what everybody heard, compared with each other.

use super::listeners::Record;
use super::takers::Given;
use super::writers::{Outcome, Sent};
use crate::support::database::rows;
use crate::support::log::Logged;
use crate::support::{Database, Log, Seen};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

/// How much of the neighbourhood of a difference is shown.
const AROUND: usize = 4;

/// A message as the database has it.
#[derive(Debug)]
struct Kept {
    id: u64,
    conversation: u64,
    author: Option<u64>,
    text: String,
    client_id: Option<String>,
    deleted: bool,
}

/// Everything that is compared.
pub struct History {
    pub log: Log,
    head: u64,
    last_message: u64,
    steps_back: i64,
    messages: Vec<Kept>,
}

impl History {
    pub async fn of(database: &Database) -> Self {
        let log = database.log().await;
        let connection = database.connect().await;
        let clock = rows(&connection, "SELECT head, last_message FROM clock").await;
        let back = "SELECT COUNT(*) AS n FROM events a JOIN events b ON b.seq = a.seq + 1 WHERE b.at < a.at";
        let back = rows(&connection, back).await;
        let all = "SELECT id, conversation_id, author_id, text, client_id, deleted_at FROM messages ORDER BY id";
        let messages = rows(&connection, all).await;
        drop(connection.close().await);
        let unsigned = |number: i64| u64::try_from(number).unwrap();
        let kept = |row: &sea_orm::QueryResult| Kept {
            id: unsigned(row.try_get("", "id").unwrap()),
            conversation: unsigned(row.try_get("", "conversation_id").unwrap()),
            author: row.try_get::<Option<i64>>("", "author_id").unwrap().map(unsigned),
            text: row.try_get("", "text").unwrap(),
            client_id: row.try_get("", "client_id").unwrap(),
            deleted: row.try_get::<Option<i64>>("", "deleted_at").unwrap().is_some(),
        };
        Self {
            log,
            head: unsigned(clock[0].try_get("", "head").unwrap()),
            last_message: unsigned(clock[0].try_get("", "last_message").unwrap()),
            steps_back: back[0].try_get("", "n").unwrap(),
            messages: messages.iter().map(kept).collect(),
        }
    }

    /// The first thing that is wrong, if there is one.
    pub fn wrong(&self, sent: &[Sent], records: &[Record], given: &[(u64, Given)]) -> Option<String> {
        self.line()
            .or_else(|| self.writing(sent))
            .or_else(|| records.iter().find_map(|record| self.hearing(record)))
            .or_else(|| records.iter().find_map(|record| independently(record, sent)))
            .or_else(|| self.words(records))
            .or_else(|| given.iter().find_map(|(place, given)| given.wrong(&self.in_place(*place))))
    }

    /// Numbers have no gap, and time does not go back.
    fn line(&self) -> Option<String> {
        let seqs = self.log.events.iter().map(|event| event.seq);
        if let Some((found, wanted)) = seqs.zip(1..).find(|(seq, wanted)| seq != wanted) {
            return Some(format!("where event {wanted} should be there is {found}\n{}", self.around(wanted)));
        }
        if self.log.head() != self.head {
            return Some(format!("the head is {}, and the last event {}", self.head, self.log.head()));
        }
        let numbers = |ids: Vec<u64>, what: &str| {
            let dense = ids.iter().copied().eq(1..=self.last_message);
            (!dense).then(|| format!("the messages in {what} are not 1 to {}: {ids:?}", self.last_message))
        };
        let told = self.log.messages().map(|event| event.data["id"].as_u64().unwrap_or(0)).collect();
        let steps_back = self.steps_back;
        numbers(self.messages.iter().map(|message| message.id).collect(), "their table")
            .or_else(|| numbers(told, "the log"))
            .or_else(|| (steps_back > 0).then(|| format!("{steps_back} events happened before the one before them")))
    }

    /// What was acknowledged is there, what was refused is not, and nothing is there twice.
    fn writing(&self, sent: &[Sent]) -> Option<String> {
        let mut by_client_id: HashMap<(u64, &str), Vec<&Kept>> = HashMap::new();
        let mut by_text: HashMap<&str, Vec<&Kept>> = HashMap::new();
        for message in &self.messages {
            if let (Some(author), Some(client_id)) = (message.author, &message.client_id) {
                by_client_id.entry((author, client_id)).or_default().push(message);
            } else {
                by_text.entry(&message.text).or_default().push(message);
            }
        }
        sent.iter().find_map(|sent| {
            let found = match &sent.client_id {
                Some(client_id) => by_client_id.get(&(sent.author, client_id.as_str())),
                // What has no `client_id` is never changed.
                None => by_text.get(sent.text.as_str()),
            };
            let found: &[&Kept] = found.map_or(&[], Vec::as_slice);
            let as_promised = match (sent.outcome, found) {
                (Outcome::Acknowledged(id), [message]) => {
                    let place = message.id == id && message.conversation == sent.conversation;
                    place && message.author == Some(sent.author) && (message.deleted || !sent.deleted)
                }
                (Outcome::Refused, []) => true,
                (Outcome::Unknown, found) => found.len() <= 1,
                _ => false,
            };
            (!as_promised).then(|| format!("{sent:?}\nand in the database is {found:?}"))
        })
    }

    /// Who listened heard all that he may see and nothing else, in order.
    fn hearing(&self, record: &Record) -> Option<String> {
        if let Some(strange) = record.strange.first() {
            return Some(format!("{} was told {strange}", record.name));
        }
        let expected = self.log.visible(record.user, &record.followed, record.start);
        let heard: Vec<u64> = record.seen.iter().map(|(seen, _)| seen.seq).collect();
        let at = (0..expected.len().max(heard.len())).find(|at| expected.get(*at) != heard.get(*at))?;
        let window = |all: &[u64]| {
            let end = (at + AROUND).min(all.len());
            all[at.saturating_sub(AROUND).min(end)..end].to_vec()
        };
        let mut told = format!(
            "{}, from {} on, should have heard as the {at}. event {:?} and heard {:?}: …{:?}… and not …{:?}… ({} of {} in all)",
            record.name,
            record.start,
            expected.get(at),
            heard.get(at),
            window(&heard),
            window(&expected),
            heard.len(),
            expected.len(),
        );
        for (seen, connection) in record.seen.iter().skip(at.saturating_sub(AROUND)).take(2 * AROUND) {
            write!(told, "\n  heard {} {} over {}", seen.seq, seen.kind, record.connections[*connection]).unwrap();
        }
        let stays = self.log.stays.iter().filter(|stay| u64::try_from(stay.user) == Ok(record.user));
        write!(told, "\n  stays: {:?}", stays.collect::<Vec<_>>()).unwrap();
        write!(told, "\n{}", self.around(expected.get(at).or(heard.get(at)).copied().unwrap_or(0))).unwrap();
        Some(told)
    }

    /// An event says the same to everybody, and what is in the log, unless it was taken back meanwhile.
    fn words(&self, records: &[Record]) -> Option<String> {
        let by_seq: HashMap<u64, &Logged> = self.log.events.iter().map(|event| (event.seq, event)).collect();
        let mut first: HashMap<u64, &Seen> = HashMap::new();
        let mut all = records.iter().flat_map(|record| &record.seen);
        all.find_map(|(seen, _)| {
            let logged = by_seq[&seen.seq];
            let envelope = seen.json();
            let place = (logged.topic > 0).then_some(logged.topic);
            let erased = |data: &Value| data["deleted_at"].is_string();
            let same_place = envelope.get("conversation_id").and_then(Value::as_i64) == place;
            let same = same_place
                && seen.kind == logged.kind
                && envelope["data"]["id"] == logged.data["id"]
                && (envelope["data"] == logged.data || erased(&logged.data));
            if !same {
                return Some(format!("{} was told, and {logged:?} is in the log", seen.raw));
            }
            let before = *first.entry(seen.seq).or_insert(seen);
            let differs = before.raw != seen.raw && !erased(&before.data()) && !erased(&envelope["data"]);
            differs.then(|| format!("{} was told, and {} to somebody else", seen.raw, before.raw))
        })
    }

    fn in_place(&self, user: u64) -> BTreeSet<u64> {
        let places: BTreeSet<i64> = self
            .log
            .stays
            .iter()
            .filter(|stay| u64::try_from(stay.user) == Ok(user))
            .map(|stay| stay.conversation)
            .collect();
        let there = |message: &&Kept| {
            places.contains(&i64::try_from(message.conversation).unwrap()) && message.author != Some(user)
        };
        self.messages.iter().filter(there).map(|message| message.id).collect()
    }

    /// The neighbourhood of an event.
    fn around(&self, seq: u64) -> String {
        let near = self.log.events.iter().filter(|event| event.seq.abs_diff(seq) <= AROUND as u64);
        let line = |event: &Logged| format!("  log {} topic {} {} {}", event.seq, event.topic, event.kind, event.data);
        near.map(line).collect::<Vec<_>>().join("\n")
    }
}

/// By the acknowledgements alone, whatever the log says: who was there all the time heard each message once.
fn independently(record: &Record, sent: &[Sent]) -> Option<String> {
    let mut heard: BTreeMap<u64, usize> = BTreeMap::new();
    for (seen, _) in record.seen.iter().filter(|(seen, _)| seen.kind == "message.created") {
        *heard.entry(seen.data()["id"].as_u64().unwrap_or(0)).or_default() += 1;
    }
    if let Some((id, count)) = heard.iter().find(|(_, count)| **count > 1) {
        return Some(format!("{} heard of message {id} {count} times", record.name));
    }
    // Who began in the midst of it knows of nothing before.
    let from_the_beginning = record.start == 0;
    let missed = sent.iter().filter(|sent| from_the_beginning && record.always_in.contains(&sent.conversation));
    missed.into_iter().find_map(|sent| match sent.outcome {
        Outcome::Acknowledged(id) if !heard.contains_key(&id) => Some(format!("{} did not hear {sent:?}", record.name)),
        _ => None,
    })
}
