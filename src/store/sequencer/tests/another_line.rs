//! A database whose line is not the one that is known: what was given out there is not given out again.

use super::*;

/// The batch of the event at a place.
async fn batch_at(bench: &Bench, seq: i64) -> Option<i64> {
    bench.store.batch_at(Seq(seq)).await.expect("an answer")
}

#[tokio::test]
async fn a_database_whose_head_went_back_is_not_written_to() {
    let bench = Bench::new().await;
    let mut writer = bench.writer(8);
    assert_eq!(writer.one(Act::Emit).await, ok("2"));
    bench.sql("DELETE FROM events WHERE seq = 2").await;
    bench.sql("UPDATE clock SET head = 1").await;
    assert_eq!(writer.one(Act::Emit).await, Err(SubmitError::Replaced));
    bench.sql("UPDATE clock SET head = 7").await;
    assert_eq!(writer.one(Act::Emit).await, Err(SubmitError::Replaced), "until it is started anew");
}

#[tokio::test]
async fn a_database_with_another_batch_at_a_known_place_is_not_written_to() {
    let bench = Bench::new().await;
    let mut writer = bench.writer(8);
    assert_eq!(writer.all([Act::Emit, Act::SetBio("known")]).await, [ok("2"), ok("known")]);
    // A batch without events does not make the place of the last one unknown.
    assert_eq!(writer.one(Act::SetBio("later")).await, ok("later"));
    bench.sql("UPDATE events SET batch = batch + 1 WHERE seq = 2").await;
    bench.sql("UPDATE clock SET head = 9, batch = batch + 1").await;
    assert_eq!(writer.one(Act::Emit).await, Err(SubmitError::Replaced));
}

#[tokio::test]
async fn a_known_place_that_retention_took_is_no_other_database() {
    let bench = Bench::new().await;
    let mut writer = bench.writer(8);
    assert_eq!(writer.one(Act::Emit).await, ok("2"));
    bench.sql("DELETE FROM events").await;
    bench.sql("UPDATE clock SET head = 9, beginning = 10, batch = batch + 1").await;
    assert_eq!(writer.one(Act::Emit).await, ok("10"));
    bench.sql("DELETE FROM events").await;
    bench.sql("UPDATE clock SET batch = batch + 1").await;
    assert_eq!(writer.one(Act::Emit).await, Err(SubmitError::Replaced), "nobody may take what history keeps");
}

#[tokio::test]
async fn a_number_that_another_node_told_is_not_given_again() {
    // Of a writer that has written nothing here yet, and of one that wrote last before it.
    for writes in [false, true] {
        let bench = Bench::new().await;
        let mut writer = bench.writer(8);
        if writes {
            assert_eq!(writer.one(Act::Emit).await, ok("2"));
        }
        // Event 3 was told, and a standby took over that does not have it.
        *bench.told.lock() = (Seq(3), Some(7));
        assert_eq!(writer.one(Act::Emit).await, Err(SubmitError::Replaced), "{writes}");
        *bench.told.lock() = (Seq(0), None);
        assert_eq!(writer.one(Act::Emit).await, Err(SubmitError::Replaced), "until it is started anew");
    }
}

#[tokio::test]
async fn a_number_that_was_told_under_another_batch_is_not_gone_on_from() {
    for writes in [false, true] {
        let bench = Bench::new().await;
        let mut writer = bench.writer(8);
        if writes {
            assert_eq!(writer.one(Act::Emit).await, ok("2"));
        }
        assert_eq!(bench.writer(8).all([Act::Emit, Act::Emit]).await.map(|told| told.is_ok()), [true; 2]);
        let told = bench.store.clock().await.unwrap().head;
        let batch = batch_at(&bench, told.0).await.unwrap();
        *bench.told.lock() = (told, Some(batch));
        assert!(writer.one(Act::Emit).await.is_ok(), "the line is the one that was told");
        let mut writer = if writes { writer } else { bench.writer(8) };
        *bench.told.lock() = (told, Some(batch + 1));
        bench.sql("UPDATE clock SET batch = batch + 1").await;
        let known = writer.one(Act::Emit).await;
        assert_eq!(known.is_ok(), writes, "its own event comes after that one, and stands there: {known:?}");
        if !writes {
            assert_eq!(known, Err(SubmitError::Replaced));
        }
    }
}

#[tokio::test]
async fn what_was_told_is_looked_for_only_where_others_wrote_and_only_while_it_is_kept() {
    let Bench { home, store, handed, told } = Bench::new().await;
    drop(store);
    let (store, statements) = open_counting(home.path()).await;
    let bench = Bench { home, store, handed, told };
    let mut writer = bench.writer(8);
    assert_eq!(writer.one(Act::Emit).await, ok("2"));
    let mut cost = async |told: (i64, Option<i64>)| {
        *bench.told.lock() = (Seq(told.0), told.1);
        let before = statements.load(Ordering::Relaxed);
        assert!(writer.one(Act::Emit).await.is_ok(), "{told:?}");
        statements.load(Ordering::Relaxed) - before
    };
    let (unknown, known) = (cost((0, None)).await, cost((3, batch_at(&bench, 3).await)).await);
    assert_eq!(unknown, known, "nobody else wrote");
    bench.sql("UPDATE clock SET head = 9, beginning = 10, batch = batch + 1").await;
    assert!(cost((9, Some(7))).await > known, "history does not keep it any more");
}

#[tokio::test]
async fn what_a_lost_commit_shows_of_another_line_is_not_taken_for_known() {
    let bench = Bench::new().await;
    let (writes, first) = (bench.store.write.clone(), Arc::new(AtomicUsize::new(0)));
    // The second COMMIT is lost, and the standby that is found then lacks the first too.
    let fails_over: Commit = Box::new(move |db| {
        let (writes, round) = (writes.clone(), first.fetch_add(1, Ordering::Relaxed));
        Box::pin(async move {
            if round != 1 {
                return db.commit().await;
            }
            db.rollback().await?;
            writes.execute_unprepared("DELETE FROM events WHERE seq = 2").await?;
            writes.execute_unprepared("UPDATE clock SET head = 1, batch = batch + 1").await?;
            Err(DbErr::Custom("the answer was lost".to_owned()))
        })
    });
    let mut writer = bench.writer_committing_by(fails_over, 8);
    assert_eq!(writer.one(Act::Emit).await, ok("2"));
    assert_eq!(writer.one(Act::Emit).await, Err(SubmitError::Replaced));
}
