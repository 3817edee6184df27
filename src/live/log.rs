//! Reading the log for streams: few at a time, in bounded pages, with nothing held while bytes are written.

use super::event::Event;
use super::heard::Heard;
use crate::domain::Seq;
use crate::domain::events::Topic;
use crate::store::{LOG_PAGE_ROWS, Store, StoreError};
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Streams that read the log at the same time: more would only queue at the database.
const READERS: usize = 4;
/// Events in one page.
const ROWS: u64 = LOG_PAGE_ROWS as u64;
/// Places passed in one page when only some topics are read: these are looked up by topic, so many can be passed.
const SPAN_BY_TOPIC: i64 = 200_000;
/// Places passed in one page when all topics are read.
const SPAN_BY_SEQ: i64 = 1_024;
/// With more topics than this it is cheaper to read everything and pick.
const TOPICS: usize = 64;

/// The log as streams read it.
#[derive(Debug)]
pub(super) struct Log {
    store: Store,
    readers: Semaphore,
    heard: Arc<Heard>,
}

/// A page of events, some of which the reader may not see.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) events: Vec<Arc<Event>>,
    pub(super) passed: Seq,
    pub(super) beginning: Seq,
}

impl Log {
    pub(super) fn new(store: Store, heard: Arc<Heard>) -> Self {
        Self { store, readers: Semaphore::new(READERS), heard }
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// Events after a place through another at most, of these topics and perhaps others.
    pub(super) async fn page(&self, after: Seq, through: Seq, topics: &[Topic]) -> Result<Page, StoreError> {
        let (_reading, began) = (self.heard.reading.raise(), Instant::now());
        // The semaphore is never closed; if it were, reading unbounded would still be right.
        let _permit = self.readers.acquire().await.ok();
        let by_topic = topics.len() <= TOPICS;
        let span = if by_topic { SPAN_BY_TOPIC } else { SPAN_BY_SEQ };
        let through = through.min(Seq(after.0.saturating_add(span)));
        let page = self.store.log_page(after, through, by_topic.then_some(topics), ROWS).await?;
        self.heard.pages.one();
        self.heard.page_events.add_all(page.records.len());
        self.heard.page_time.took(began.elapsed());
        let events = page.records.iter().map(|record| Arc::new(Event::new(record))).collect();
        Ok(Page { events, passed: page.passed, beginning: page.beginning })
    }
}
