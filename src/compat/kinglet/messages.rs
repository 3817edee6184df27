//! `/messages`, as far as it is read: the stream, its pages, single messages, replies, threads, and what is new.

use super::answer::{Done, Wrong};
use super::said::{LoggedIn, Part, Said};
use super::{dates, text};
use crate::compat::{Front, THE_SERVER};
use crate::domain::contacts::read_told;
use crate::domain::messages::Message;
use crate::domain::users::UserRef;
use crate::domain::{MessageId, Refusal, Timestamp, UserId};
use crate::service::messages::{Addressed, AddressedThread, ListWish, MessageBox};
use crate::service::{Directs, Failure, MessagePage};
use axum::extract::State;
use serde::Serialize;
use std::borrow::Cow;

/// Rows on a page.
const PAGE: u64 = 20;
/// Replies that are shown at most, the newest: Kinglet shows all on one page.
const REPLIES: u64 = 1_000;
/// Behind so many pages nobody looks.
const LAST_PAGE: u64 = 100_000;

/// Who says something, and what.
struct Speech<'a> {
    author: &'a str,
    author_id: UserId,
    text: Cow<'a, str>,
    people: &'a [UserRef],
}

impl<'a> Speech<'a> {
    /// What the system tells of an answer to a request comes from whoever answered, in the original's words.
    fn of(message: &'a Message, people: &'a [UserRef]) -> Self {
        if let Some(author) = &message.author {
            let author_id = author.id;
            return Self { author: author.username.as_str(), author_id, text: Cow::Borrowed(&message.text), people };
        }
        let by_the_server =
            || Self { author: THE_SERVER, author_id: UserId(0), text: Cow::Borrowed(&message.text), people };
        let Some((owner, state)) = read_told(&message.text) else { return by_the_server() };
        // Whoever is not here by that name any more has nothing said for him.
        let answered = people.iter().find(|person| person.username.as_str() == owner);
        let Some(answered) = answered else { return by_the_server() };
        let asked = people.iter().find(|person| person.username.as_str() != owner);
        let asked = asked.map_or("", |person| person.username.as_str());
        let word = state.word();
        let text =
            format!("@{asked} System Message: Your request to be added to {owner}'s approved list has been {word}.");
        Self { author: owner, author_id: answered.id, text: Cow::Owned(text), people }
    }

    /// All who may read it, the author last.
    fn names(&self) -> Vec<&str> {
        let others = self.people.iter().map(|person| person.username.as_str()).filter(|name| *name != self.author);
        others
            .chain(self.people.iter().map(|person| person.username.as_str()).filter(|name| *name == self.author))
            .collect()
    }

    fn html(&self) -> String {
        text::message(&self.text, self.people)
    }
}

/// `o` for open; what was deleted for all keeps its place, without its text.
fn message_status(message: &Message) -> &'static str {
    if message.deleted_at.is_some() { "d" } else { "o" }
}

/// By what a reply shows that its author has read what he replies to. It changes with the text.
pub(super) fn content_digest(message: &Message) -> String {
    text::digest(&["message", &message.id.to_string(), &message.text])
}

fn parent_id(message: &Message) -> String {
    message.thread_id.map_or(0, |root| root.0).to_string()
}

/// A message by itself.
#[derive(Serialize)]
pub(super) struct Single {
    message_id: String,
    parent_id: String,
    reply_count: String,
    author_id: String,
    author_name: String,
    recipient_names: String,
    message_text: String,
    content_digest: String,
    created_date: String,
    message_status: &'static str,
}

/// A message in a list.
#[derive(Serialize)]
struct Row {
    message_id: String,
    parent_id: String,
    message_text: String,
    message_status: &'static str,
    author_name: String,
    author_type: &'static str,
    logged_in_user: String,
    reply_count: String,
    recipient_names: String,
    created_date: String,
}

impl Row {
    fn new(found: &Addressed, viewer: UserId, now: Timestamp) -> Self {
        let message = &found.item.message;
        let speech = Speech::of(message, &found.people);
        let own = speech.author_id == viewer;
        Self {
            message_id: message.id.to_string(),
            parent_id: parent_id(message),
            message_text: speech.html(),
            message_status: message_status(message),
            author_name: speech.author.to_owned(),
            author_type: if own { "you" } else { "others" },
            logged_in_user: viewer.to_string(),
            reply_count: found.item.reply_count.unwrap_or(0).to_string(),
            recipient_names: speech.names().join(" "),
            created_date: dates::age(message.created_at, now),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Rows {
    messages: Vec<Row>,
    next_link_bool: u8,
}

/// The number of a page, from 1 on. What is no number was refused as the original refused who is not logged in.
fn page_number(page: &str) -> Result<u64, Wrong> {
    if page.is_empty() || !page.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Wrong::not_logged_in());
    }
    match page.parse() {
        Ok(page @ 1..=LAST_PAGE) => Ok(page),
        _ => Err(Wrong::bad("Invalid data.", format!("Pages are numbered from 1 to {LAST_PAGE}."))),
    }
}

/// The number of a message.
pub(super) fn message_id(id: &str) -> Result<MessageId, Wrong> {
    let number = id.parse().ok().filter(|_| id.bytes().all(|byte| byte.is_ascii_digit()));
    number.map(MessageId).ok_or_else(|| Wrong::bad("Invalid data.", "ID is not numeric."))
}

/// `GET /messages`
pub(super) async fn stream(State(front): State<Front>, said: Said) -> Result<Done<Rows>, Wrong> {
    let caller = said.logged_in(&front).await?;
    rows(&front, &caller, 1).await
}

/// `GET /messages/page/N`
pub(super) async fn stream_page(State(front): State<Front>, Part(page): Part, said: Said) -> Result<Done<Rows>, Wrong> {
    let caller = said.logged_in(&front).await?;
    rows(&front, &caller, page_number(&page)?).await
}

async fn rows(front: &Front, caller: &LoggedIn, page: u64) -> Result<Done<Rows>, Wrong> {
    // One more than is shown tells whether there is more.
    let part = MessagePage { skip: (page - 1) * PAGE, limit: PAGE + 1, ..MessagePage::default() };
    let found = front.services.direct_messages(&caller.principal, ListWish::default(), part).await?;
    let now = Timestamp::now();
    let next_link_bool = u8::from(found.len() as u64 > PAGE);
    let shown = found.iter().zip(0..PAGE).map(|(found, _)| found);
    let messages = shown.map(|found| Row::new(found, caller.user.id, now)).collect();
    Ok(Done(Rows { messages, next_link_bool }))
}

/// `GET /messages/ID`
pub(super) async fn one(State(front): State<Front>, Part(id): Part, said: Said) -> Result<Done<Single>, Wrong> {
    let caller = said.logged_in(&front).await?;
    let found = front.services.direct_message(&caller.principal, message_id(&id)?).await;
    let found = found.map_err(|failure| match failure {
        Failure::Refused(Refusal::NotFound(_)) => Wrong::not_found("Message unavailable.", "Message ID not found"),
        failure => failure.into(),
    })?;
    let message = &found.item.message;
    let speech = Speech::of(message, &found.people);
    Ok(Done(Single {
        message_id: message.id.to_string(),
        parent_id: parent_id(message),
        reply_count: found.item.reply_count.unwrap_or(0).to_string(),
        author_id: speech.author_id.to_string(),
        author_name: speech.author.to_owned(),
        recipient_names: format!("|{}|", speech.names().join("|")),
        message_text: speech.html(),
        content_digest: content_digest(message),
        created_date: dates::exact(message.created_at),
        message_status: message_status(message),
    }))
}

/// `GET /messages/ID/replies`: the oldest first. Of what one may not see there are none, and no error.
pub(super) async fn replies(State(front): State<Front>, Part(id): Part, said: Said) -> Result<Done<Rows>, Wrong> {
    let caller = said.logged_in(&front).await?;
    let wish = ListWish { thread: Some(message_id(&id)?), ..ListWish::default() };
    let part = MessagePage { limit: REPLIES, ..MessagePage::default() };
    let found = match front.services.direct_messages(&caller.principal, wish, part).await {
        Err(Failure::Refused(Refusal::NotFound(_))) => Vec::new(),
        found => found?,
    };
    let now = Timestamp::now();
    let messages = found.iter().rev().map(|found| Row::new(found, caller.user.id, now)).collect();
    Ok(Done(Rows { messages, next_link_bool: 0 }))
}

/// A thread in the list.
#[derive(Serialize)]
struct ThreadRow {
    message_id: String,
    author_name: String,
    message_text: String,
    created_date: String,
    recipient_names: String,
    reply_count: String,
    last_message_id: String,
    last_message_author_name: String,
    last_message_date: String,
    logged_in_user: String,
}

impl ThreadRow {
    fn new(thread: &AddressedThread, viewer: UserId, now: Timestamp) -> Self {
        let root = Speech::of(&thread.root, &thread.people);
        let last = thread.last_reply.as_ref().unwrap_or(&thread.root);
        Self {
            message_id: thread.root.id.to_string(),
            author_name: root.author.to_owned(),
            message_text: text::beginning(&root.text, &thread.people),
            created_date: dates::age(thread.root.created_at, now),
            recipient_names: root.names().join(" "),
            reply_count: thread.reply_count.to_string(),
            last_message_id: thread.last_reply.as_ref().map_or(0, |last| last.id.0).to_string(),
            last_message_author_name: Speech::of(last, &thread.people).author.to_owned(),
            last_message_date: dates::age(last.created_at, now),
            logged_in_user: viewer.to_string(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct Threads {
    threads: Vec<ThreadRow>,
}

/// `GET /messages/threads`
pub(super) async fn threads(State(front): State<Front>, said: Said) -> Result<Done<Threads>, Wrong> {
    let caller = said.logged_in(&front).await?;
    thread_rows(&front, &caller, 1).await
}

/// `GET /messages/threads/N`
pub(super) async fn threads_page(
    State(front): State<Front>,
    Part(page): Part,
    said: Said,
) -> Result<Done<Threads>, Wrong> {
    let caller = said.logged_in(&front).await?;
    thread_rows(&front, &caller, page_number(&page)?).await
}

async fn thread_rows(front: &Front, caller: &LoggedIn, page: u64) -> Result<Done<Threads>, Wrong> {
    let found = front.services.direct_threads(&caller.principal, (page - 1) * PAGE, PAGE).await?;
    let now = Timestamp::now();
    Ok(Done(Threads { threads: found.iter().map(|thread| ThreadRow::new(thread, caller.user.id, now)).collect() }))
}

#[derive(Serialize)]
pub(super) struct News {
    new_message_count: u64,
}

/// `GET /messages/since/SECONDS`: what others said from this second on.
pub(super) async fn since(State(front): State<Front>, Part(moment): Part, said: Said) -> Result<Done<News>, Wrong> {
    let caller = said.logged_in(&front).await?;
    let seconds: Option<i64> = moment.parse().ok().filter(|_| moment.bytes().all(|byte| byte.is_ascii_digit()));
    let since = seconds.map(|seconds| Timestamp(seconds.saturating_mul(1_000))).ok_or_else(Wrong::not_logged_in)?;
    let wish = ListWish {
        which: MessageBox::Inbox,
        directs: Some(Directs::All),
        since: Some(since),
        undeleted: true,
        not_answers_of: Some(caller.user.reference()),
        ..ListWish::default()
    };
    let new_message_count = front.services.message_count(&caller.principal, wish).await?;
    Ok(Done(News { new_message_count }))
}
