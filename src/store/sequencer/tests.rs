//! The write path with what can go wrong in it: refusals, panics, failing statements, lost answers, other writers.

mod another_line;
mod bench;

use super::super::NewConversation;
use super::super::entity::commits;
use super::super::tests::{conversation, open, open_counting, user};
use super::*;
use crate::domain::conversations::{Kind, Role};
use crate::domain::events::{Ended, Happening, Topic};
use crate::domain::{ConversationId, Seq, SessionId, Timestamp, UserId};
use bench::{Act, Bench, ok, refused};
use futures_util::FutureExt;
use parking_lot::Mutex;
use sea_orm::{ConnectionTrait, DbBackend, DbErr, EntityTrait};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[tokio::test]
async fn a_refusal_uses_no_number_and_leaves_the_others_alone() {
    let bench = Bench::new().await;
    let told = bench.writer(8).all([Act::Emit, Act::Refuse, Act::Emit]).await;
    assert_eq!(told, [ok("2"), refused(), ok("3")]);
    bench.assert_dense(3).await;
}

#[tokio::test]
async fn what_a_change_wrote_before_it_was_refused_is_undone() {
    let bench = Bench::new().await;
    let mut writer = bench.writer(8);
    for broken in [Act::EmitAndRefuse, Act::SetBioAndRefuse] {
        let head = bench.store.clock().await.unwrap().head.0;
        let (one, two) = ((head + 1).to_string(), (head + 2).to_string());
        // Others wrote before it, so that nothing but its own writes can tell.
        let told = writer.all([Act::Emit, Act::SetBio("kept"), broken.clone(), Act::Emit]).await;
        assert_eq!(told, [ok(&one), ok("kept"), refused(), ok(&two)], "{broken:?}");
        assert_eq!(writer.one(broken.clone()).await, refused(), "{broken:?} alone");
        assert_eq!(writer.one(Act::Bio).await, ok("kept"), "{broken:?}");
        bench.assert_dense(head + 2).await;
    }
}

#[tokio::test]
async fn a_panicking_change_harms_nobody_else() {
    let bench = Bench::new().await;
    let mut writer = bench.writer(8);
    let told = writer.all([Act::Emit, Act::EmitAndPanic, Act::Emit]).await;
    assert_eq!(told, [ok("2"), Err(SubmitError::Broken), ok("3")]);
    assert_eq!(writer.one(Act::EmitAndPanic).await, Err(SubmitError::Broken));
    assert_eq!(writer.one(Act::Emit).await, ok("4"), "the writer lives on");
    bench.assert_dense(4).await;
}

#[tokio::test]
async fn of_what_a_writer_took_that_broke_off_nobody_is_told_that_nothing_happened() {
    let bench = Bench::new().await;
    let mut writer = bench.writer_committing_by(
        Box::new(|db| {
            Box::pin(async move {
                db.commit().await?;
                panic!("on purpose")
            })
        }),
        8,
    );
    let waiting = writer.sequencer.submit_in_turn(Act::Emit).expect("there is room");
    let task = AssertUnwindSafe(writer.task.take().expect("it was not started"));
    assert!(task.catch_unwind().await.is_err(), "the writer broke off");
    assert_eq!(waiting.await, Err(SubmitError::OutcomeUnknown));
    let refused = writer.sequencer.submit_in_turn(Act::Emit).map(|_| ()).unwrap_err();
    assert_eq!(refused, SubmitError::Unavailable, "what nobody takes does not happen");
    assert_eq!(bench.store.clock().await.expect("a clock").head, Seq(2), "it was committed");
}

#[tokio::test]
async fn when_a_statement_fails_the_other_changes_still_happen() {
    let bench = Bench::new().await;
    let mut writer = bench.writer(8);
    let told = writer.all([Act::Emit, Act::SetBio("kept"), Act::Collide, Act::Emit, Act::Make("bob")]).await;
    assert_eq!(told, [ok("2"), ok("kept"), Err(SubmitError::Broken), ok("3"), ok("2")]);
    assert_eq!(writer.one(Act::Bio).await, ok("kept"));
    bench.assert_dense(3).await;
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_happened_once() {
    let bench = Bench::new().await;
    let lost: Commit = Box::new(|db| {
        Box::pin(async move {
            db.commit().await?;
            Err(DbErr::Custom("the answer was lost".to_owned()))
        })
    });
    let mut writer = bench.writer_committing_by(lost, 8);
    assert_eq!(writer.all([Act::Emit, Act::Refuse, Act::Emit]).await, [ok("2"), refused(), ok("3")]);
    assert_eq!(writer.one(Act::Emit).await, ok("4"));
    bench.assert_dense(4).await;
}

#[tokio::test]
async fn a_commit_that_failed_is_tried_again() {
    let bench = Bench::new().await;
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    let fails_first: Commit = Box::new(move |db| {
        let first = counted.fetch_add(1, Ordering::Relaxed) == 0;
        Box::pin(async move {
            if first { db.rollback().await.and(Err(DbErr::Custom("lost".to_owned()))) } else { db.commit().await }
        })
    });
    let mut writer = bench.writer_committing_by(fails_first, 8);
    assert_eq!(writer.all([Act::Emit, Act::SetBio("kept"), Act::Emit]).await, [ok("2"), ok("kept"), ok("3")]);
    assert_eq!(commits.load(Ordering::Relaxed), 2);
    bench.assert_dense(3).await;
}

#[tokio::test]
async fn what_another_wrote_is_made_sure_of_by_a_commit_of_something() {
    let bench = Bench::new().await;
    let (mut writer, mut other) = (bench.writer(8), bench.writer(8));
    assert_eq!(writer.one(Act::Emit).await, ok("2"));
    let committed = async || commits::Entity::find().all(&bench.store.write).await.expect("rows").len();
    let before = committed().await;
    for _ in 0..2 {
        assert_eq!(other.one(Act::Bio).await, ok(""), "it has nothing to write");
    }
    // What the embedded database shows is on disk. A server's is made sure of once.
    let made = usize::from(bench.store.backend() != DbBackend::Sqlite);
    assert_eq!(committed().await, before + made);
    bench.assert_dense(2).await;
}

#[tokio::test]
async fn a_database_that_refuses_to_commit_is_not_asked_for_ever() {
    let bench = Bench::new().await;
    // What is deferred to COMMIT fails there, as a full disk does.
    bench.sql("CREATE TABLE fuse (n INTEGER REFERENCES users(id) DEFERRABLE INITIALLY DEFERRED)").await;
    bench.sql("CREATE TRIGGER blow AFTER INSERT ON commits BEGIN INSERT INTO fuse VALUES (-1); END").await;
    let mut writer = bench.writer(8);
    let told = tokio::time::timeout(Duration::from_secs(20), writer.all([Act::Emit, Act::Refuse])).await;
    assert_eq!(told.expect("there is an answer"), [Err(SubmitError::Unavailable), Err(SubmitError::Unavailable)]);
    bench.sql("DROP TRIGGER blow").await;
    assert_eq!(writer.one(Act::Emit).await, ok("2"), "afterwards it writes on");
    bench.assert_dense(2).await;
}

#[tokio::test]
async fn what_is_acknowledged_after_a_full_disk_is_on_disk() {
    let bench = Bench::new().await;
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&commits);
    // Where COMMIT finds no room, SQLite has rolled back by itself, and only the connection's own count says otherwise.
    let no_room: Commit = Box::new(move |db| {
        let first = counted.fetch_add(1, Ordering::Relaxed) < 2;
        Box::pin(async move {
            if !first {
                return db.commit().await;
            }
            db.execute_unprepared("ROLLBACK").await?;
            Err(DbErr::Custom("database or disk is full".to_owned()))
        })
    });
    let mut writer = bench.writer_committing_by(no_room, 8);
    assert_eq!(writer.one(Act::Emit).await, Err(SubmitError::Unavailable), "tried twice");
    assert_eq!(writer.one(Act::Emit).await, ok("2"));
    assert_eq!(writer.one(Act::Emit).await, ok("3"));
    let elsewhere = open(bench.home.path()).await;
    assert_eq!(elsewhere.clock().await.expect("a clock").head, Seq(3), "others see it");
    bench.assert_dense(3).await;
}

#[tokio::test]
async fn a_database_that_is_gone_is_not_asked_by_each_change_of_a_batch() {
    let Bench { home, store, handed, told } = Bench::new().await;
    drop(store);
    let (store, statements) = open_counting(home.path()).await;
    let bench = Bench { home, store, handed, told };
    let (writes, counted) = (bench.store.write.clone(), Arc::clone(&statements));
    // The batch is rolled back because of one change. Then the first of the others is committed, and the clock is gone.
    let goes: Commit = Box::new(move |db| {
        let (writes, counted) = (writes.clone(), Arc::clone(&counted));
        Box::pin(async move {
            db.commit().await?;
            writes.execute_unprepared("ALTER TABLE clock RENAME TO gone").await?;
            counted.store(0, Ordering::Relaxed);
            Ok(())
        })
    });
    let mut writer = bench.writer_committing_by(goes, 64);
    let mut acts = std::array::from_fn::<_, 50, _>(|_| Act::Emit);
    acts[7] = Act::Collide;
    let told = writer.all(acts).await;
    let [first, rest @ ..] = told;
    assert_eq!(first, ok("2"));
    assert!(rest.iter().all(|told| *told == Err(SubmitError::Unavailable)), "{rest:?}");
    assert!(statements.load(Ordering::Relaxed) < 10, "{statements:?} statements: the clock was asked for again");
    bench.sql("ALTER TABLE gone RENAME TO clock").await;
    assert_eq!(bench.writer(8).one(Act::Emit).await, ok("3"), "it is there again");
    bench.assert_dense(3).await;
}

#[tokio::test]
async fn a_full_queue_says_so_at_once() {
    let bench = Bench::new().await;
    let running = bench.writer(2);
    let waiting: Vec<_> = (0..2).map(|_| running.sequencer.submit_in_turn(Act::Emit).expect("there is room")).collect();
    assert_eq!(running.sequencer.submit(Act::Emit).await, Err(SubmitError::Overloaded));
    let task = tokio::spawn(running.task.expect("not started"));
    assert_eq!(futures_util::future::join_all(waiting).await, [ok("2"), ok("3")]);
    assert_eq!(running.sequencer.submit(Act::Emit).await, ok("4"), "there is room again");
    running.stop.cancel();
    task.await.expect("the writer ends");
    bench.assert_dense(4).await;
}

#[tokio::test]
async fn what_was_taken_is_written_before_the_writer_stops() {
    let bench = Bench::new().await;
    let running = bench.writer(8);
    let waiting: Vec<_> = (0..5).map(|_| running.sequencer.submit_in_turn(Act::Emit).expect("there is room")).collect();
    running.stop.cancel();
    running.task.expect("not started").await;
    assert_eq!(futures_util::future::join_all(waiting).await, [ok("2"), ok("3"), ok("4"), ok("5"), ok("6")]);
    assert_eq!(running.sequencer.submit(Act::Emit).await, Err(SubmitError::Unavailable));
    bench.assert_dense(6).await;
}

#[tokio::test]
async fn nobody_is_answered_before_the_hearers_have_it() {
    let bench = Bench::new().await;
    let running = bench.writer(8);
    let task = tokio::spawn(running.task.expect("not started"));
    for seq in 2..20 {
        assert_eq!(running.sequencer.submit(Act::Emit).await, ok(&seq.to_string()));
        assert_eq!(bench.handed.lock().last().map(|record| record.seq), Some(Seq(seq)), "handed over first");
    }
    running.stop.cancel();
    task.await.expect("the writer ends");
}

#[tokio::test]
async fn what_another_writer_changed_is_seen() {
    let bench = Bench::new().await;
    let elsewhere = Bench::at(tempfile::tempdir().unwrap(), open(bench.home.path()).await);
    let (mut one, mut other) = (bench.writer(8), elsewhere.writer(8));
    assert_eq!(one.all([Act::MakeRoom, Act::IsMember, Act::Bio]).await, [ok("2"), ok("true"), ok("")]);
    assert_eq!(other.all([Act::IsMember, Act::SetBio("elsewhere")]).await, [ok("true"), ok("elsewhere")]);
    assert_eq!(one.all([Act::Bio, Act::Leave]).await, [ok("elsewhere"), ok("3")], "also without any event");
    assert_eq!(other.one(Act::IsMember).await, ok("false"));
    assert_eq!(other.one(Act::Emit).await, ok("4"));
    assert_eq!(one.one(Act::Emit).await, ok("5"), "the numbers go on over both");
}

#[tokio::test]
async fn no_event_is_earlier_than_the_one_before() {
    let bench = Bench::new().await;
    let ahead = Timestamp::now().plus(Duration::from_hours(1));
    bench.sql(&format!("UPDATE clock SET last_at = {}", ahead.0)).await;
    assert_eq!(bench.writer(8).one(Act::Emit).await, ok("2"));
    assert!(bench.handed.lock().last().is_some_and(|record| record.at >= ahead), "the machine's clock went back");
}
