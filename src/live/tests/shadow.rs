//! Streams beside the model, with random joins, leaves, overflows, lost connections and retention; the seed is printed.

use super::bench::{Act, Bench, glance, shown, wish};
use super::model::Model;
use super::outlets::Tap;
use crate::domain::conversations::Kind;
use crate::domain::{ConversationId, Seq, UserId};
use crate::live::{Cursor, Event, Gap, RegisterError, Step, Subscription};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::task::Poll;
use tokio::task::JoinHandle;

const PEOPLE: [&str; 3] = ["ann", "bob", "cid"];
const GROUP: ConversationId = ConversationId(1);
const CHANNEL: ConversationId = ConversationId(2);

/// One listener and all that it was promised.
struct Ear {
    user: UserId,
    stream: Subscription,
    follows: Option<(ConversationId, i64)>,
    /// Everything up to here was compared with the model.
    checked: i64,
    /// What it hears while nobody asks.
    tap: Option<Arc<Tap>>,
}

/// A listener whose registration is under way.
struct Opening {
    user: UserId,
    cursor: Option<i64>,
    follows: bool,
    task: JoinHandle<Result<Subscription, RegisterError>>,
}

impl Opening {
    async fn begin(bench: &Bench, user: UserId, cursor: Option<i64>, follows: bool) -> Self {
        let mut wish = wish(user, cursor.map_or(Cursor::Now, |seq| Cursor::After(Seq(seq))));
        wish.follows.extend(follows.then_some(CHANNEL));
        let follower = Arc::clone(&bench.follower);
        let task = tokio::spawn(async move { follower.subscribe(wish).await });
        // Far enough that what happens next happens while it is under way.
        tokio::task::yield_now().await;
        Self { user, cursor, follows, task }
    }

    async fn finish(self, model: &Model) -> Ear {
        let mut stream = self.task.await.expect("no panic").expect("a stream opens");
        let checked = stream.position().0;
        match (stream.gap(), self.cursor) {
            (None, None) => {}
            (None, Some(cursor)) => assert_eq!(checked, cursor, "an honoured cursor is where it goes on from"),
            (Some(Gap::HistoryExpired), Some(cursor)) => assert!(cursor + 1 < model.beginning, "{cursor} is kept"),
            (gap, cursor) => panic!("{gap:?} for {cursor:?}"),
        }
        Ear { user: self.user, stream, follows: self.follows.then_some((CHANNEL, 0)), checked, tap: None }
    }
}

impl Ear {
    /// Compares what came with what the user was to hear up to where the stream says that it is.
    fn judge(&mut self, model: &Model, applied: Seq, step: Option<&Step>) {
        let position = self.stream.position().0;
        match step {
            Some(Step::Reset(Gap::HistoryExpired)) => {
                assert!(self.checked + 1 < model.beginning, "{} is kept and was skipped", self.checked);
                assert!(self.checked <= position);
            }
            Some(Step::Event(event)) => {
                let expected = model.heard_by(self.user, self.follows, self.checked, position);
                assert_eq!(
                    (vec![event.seq.0], event.seq.0),
                    (expected, position),
                    "{:?} after {}",
                    self.user,
                    self.checked
                );
                judge_text(model, event, applied);
            }
            None => {
                let missed = model.heard_by(self.user, self.follows, self.checked, position);
                assert_eq!(missed, [0; 0], "{:?} is at {position} after {}", self.user, self.checked);
            }
            other => panic!("{other:?}"),
        }
        self.checked = self.checked.max(position);
    }

    /// Lets it be written to from here on, if it has nothing else to do, and takes so many events.
    fn open_tap(&mut self, bench: &Bench, room: usize) {
        let tap = Tap::new(bench, room);
        if self.tap.is_none() && self.stream.open(&(Arc::clone(&tap) as _)) {
            self.tap = Some(tap);
        }
    }

    /// Compares what it heard meanwhile, and goes on by itself. Returns where it has to come back to if what was left cannot be
    /// told any more.
    fn close_tap(&mut self, model: &Model) -> Option<i64> {
        let tap = self.tap.take()?;
        let passage = self.stream.close();
        let mut heard = tap.take();
        let mut position = self.stream.position().0;
        let mut lost = None;
        if let Some(rest) = passage.rest {
            let applied = tap.applied();
            for event in rest.events {
                let Some(now) = self.stream.as_it_is_now(&event, rest.minded) else {
                    position = event.seq.0 - 1;
                    lost = Some(position);
                    break;
                };
                heard.push((now, applied));
            }
        }
        let seqs: Vec<i64> = heard.iter().map(|(event, _)| event.seq.0).collect();
        let expected = model.heard_by(self.user, self.follows, self.checked, position);
        assert_eq!(seqs, expected, "{:?} was written to after {}", self.user, self.checked);
        for (event, applied) in &heard {
            judge_text(model, event, *applied);
        }
        self.checked = self.checked.max(position);
        lost
    }
}

/// Whether an event that was handed out with so much applied shows the text that it is to show.
fn judge_text(model: &Model, event: &Event, applied: Seq) {
    if let Some((message, shows)) = shown(event) {
        // The log forgets a text before this node hears of it, but neither forgets one that stands.
        match model.erased_at(message) {
            Some(erased) if erased <= applied.0 => assert!(!shows, "{message:?} was deleted at {erased}"),
            Some(_) => {}
            None => assert!(shows, "{message:?} stands"),
        }
    }
}

struct Play {
    random: StdRng,
    bench: Bench,
    model: Model,
    ears: Vec<Ear>,
    openings: Vec<Opening>,
    /// Cursors of streams that were lost.
    cursors: Vec<i64>,
    resets: usize,
    /// How often somebody was written to.
    written_to: usize,
}

impl Play {
    async fn new(seed: u64) -> Self {
        let bench = Bench::new(&PEOPLE, 4_000, 3).await;
        bench.pump();
        let mut play = Self {
            random: StdRng::seed_from_u64(seed),
            bench,
            model: Model::new(),
            ears: Vec::new(),
            openings: Vec::new(),
            cursors: vec![0],
            resets: 0,
            written_to: 0,
        };
        play.commit(Act::Room(Kind::Group, vec![UserId(1), UserId(2)])).await;
        play.commit(Act::Room(Kind::Channel, vec![UserId(2)])).await;
        play
    }

    fn below(&mut self, count: usize) -> usize {
        self.random.random_range(0..count)
    }

    fn anybody(&mut self) -> UserId {
        UserId(self.random.random_range(1..=3))
    }

    async fn commit(&mut self, act: Act) {
        self.bench.commit(act.clone()).await;
        self.model.note(act);
    }

    async fn something_happens(&mut self) {
        let user = self.anybody();
        let room = if self.random.random() { GROUP } else { CHANNEL };
        let standing = self.model.standing();
        let act = match self.below(10) {
            0..3 => Act::Say(room),
            8.. if !standing.is_empty() => {
                let (room, message) = standing[self.below(standing.len())];
                Act::Erase(room, message)
            }
            3 => Act::Note(user),
            _ if self.model.is_in(room, user) => Act::Leave(room, user),
            _ => Act::Join(room, user),
        };
        self.commit(act).await;
    }

    async fn forget(&mut self) {
        let most = self.random.random_range(1..30);
        self.bench.commit(Act::Forget(most)).await;
        self.model.beginning = self.bench.store.clock().await.expect("a clock").beginning.0;
    }

    async fn expire(&mut self) {
        let most = self.random.random_range(1..12);
        self.bench.commit(Act::Expire(most)).await;
        self.model.expire(usize::try_from(most).expect("a few"));
    }

    async fn begin_listening(&mut self) {
        let user = self.anybody();
        let cursor = match self.below(4) {
            0 => None,
            // As one who heard it over another node, which was ahead of this one.
            1 => Some(self.model.head()),
            _ => Some(self.cursors[self.random.random_range(0..self.cursors.len())]),
        };
        let follows = self.below(3) == 0;
        let opening = Opening::begin(&self.bench, user, cursor, follows).await;
        self.openings.push(opening);
    }

    async fn finish_opening(&mut self) {
        if !self.openings.is_empty() {
            let at = self.below(self.openings.len());
            let ear = self.openings.swap_remove(at).finish(&self.model).await;
            self.ears.push(ear);
        }
    }

    async fn somebody_listens(&mut self, most: usize, patiently: bool) {
        if self.ears.is_empty() {
            return;
        }
        let at = self.below(self.ears.len());
        let mut ear = self.ears.swap_remove(at);
        if let Some(cursor) = self.close_tap(&mut ear) {
            self.cursors.push(cursor);
            return;
        }
        for _ in 0..most {
            let step = if patiently {
                next_among(&mut ear.stream, &mut self.ears).await
            } else {
                match glance(&mut ear.stream) {
                    Poll::Ready(step) => Some(step),
                    Poll::Pending => None,
                }
            };
            ear.judge(&self.model, self.bench.hub().applied(), step.as_ref());
            self.resets += usize::from(matches!(step, Some(Step::Reset(_))));
            if step.is_none() {
                break;
            }
        }
        self.ears.push(ear);
    }

    fn close_tap(&mut self, ear: &mut Ear) -> Option<i64> {
        let before = ear.checked;
        let lost = ear.close_tap(&self.model);
        self.written_to += usize::from(ear.checked > before);
        lost
    }

    fn somebody_is_written_to(&mut self) {
        let room = self.below(6);
        if let Some(ear) = self.ears.last_mut().filter(|ear| ear.tap.is_none()) {
            ear.open_tap(&self.bench, room);
        }
    }

    fn somebody_is_cut_off(&mut self) {
        if !self.ears.is_empty() {
            let at = self.below(self.ears.len());
            let mut ear = self.ears.swap_remove(at);
            let lost = self.close_tap(&mut ear);
            self.cursors.push(lost.unwrap_or(ear.stream.position().0));
        }
    }

    fn somebody_follows(&mut self) {
        let Some(ear) = self.ears.last_mut().filter(|ear| ear.follows.is_none() && ear.tap.is_none()) else { return };
        let since = ear.stream.follow(CHANNEL).0;
        assert_eq!(since, self.bench.hub().applied().0);
        ear.follows = Some((CHANNEL, since));
    }

    async fn step(&mut self) {
        if self.random.random() {
            // Whoever pumps has a turn.
            tokio::task::yield_now().await;
        }
        match self.below(100) {
            0..40 => self.something_happens().await,
            40..60 => {
                let some = self.random.random_range(1..6);
                self.bench.apply(some);
            }
            60..65 => self.begin_listening().await,
            65..69 => self.finish_opening().await,
            69..90 => {
                let most = self.random.random_range(1..12);
                let patiently = self.random.random();
                self.somebody_listens(most, patiently).await;
                // Mostly it has heard everything now.
                self.somebody_is_written_to();
            }
            90..94 => self.somebody_is_cut_off(),
            94..96 => self.somebody_follows(),
            96 => self.forget().await,
            97 => self.expire().await,
            _ => self.bench.apply_all(),
        }
    }

    async fn end(mut self) {
        self.bench.apply_all();
        while !self.openings.is_empty() {
            self.finish_opening().await;
        }
        let head = self.model.head();
        while let Some(mut ear) = self.ears.pop() {
            if self.close_tap(&mut ear).is_some() {
                continue;
            }
            // Even with the whole line to hear it is there long before.
            for _ in 0..10_000 {
                let step = next_among(&mut ear.stream, &mut self.ears).await;
                ear.judge(&self.model, self.bench.hub().applied(), step.as_ref());
                if step.is_none() {
                    break;
                }
            }
            assert_eq!(ear.stream.position().0, head, "in the end everybody is there");
        }
    }
}

/// The next step of one, while the others do what they have begun but take nothing.
async fn next_among(stream: &mut Subscription, others: &mut [Ear]) -> Option<Step> {
    std::future::poll_fn(|context| {
        for other in &mut *others {
            other.stream.keep_reading(context);
        }
        match stream.poll_next(context) {
            Poll::Ready(step) => Poll::Ready(Some(step)),
            Poll::Pending if stream.is_live() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the seed of a test is no option of the server")]
async fn every_stream_hears_what_the_model_says() {
    let given = std::env::var("GOLDCREST_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds: Vec<u64> = given.map_or_else(|| (0..8).map(|_| rand::random()).collect(), |seed| vec![seed]);
    for seed in seeds {
        println!("streams beside the model: GOLDCREST_TEST_SEED={seed}");
        let mut play = Play::new(seed).await;
        for _ in 0..600 {
            play.step().await;
        }
        let Play { cursors, resets, written_to, .. } = &play;
        println!("{} events, {} lost, {resets} resets, {written_to} written to", play.model.head(), cursors.len());
        assert!(*written_to > 0, "outlets are open");
        play.end().await;
    }
}
