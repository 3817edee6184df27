//! What is asked without an answer, and what its errors mean.

use super::*;
use crate::domain::UserId;
use crate::store::open::READERS;
use crate::store::tests::open;
use crate::store::{StoreError, SubmitError};
use std::task::Poll;

#[tokio::test(start_paused = true)]
async fn silence_comes_to_an_end_and_counts_as_passing() {
    let silence = std::future::pending::<Result<(), DbErr>>();
    let error = within(Some(PATIENCE), silence).await.unwrap_err();
    assert!(is_passing(&error) && error.to_string().contains("said nothing for 12 s"), "{error}");
}

/// All connections are taken by those who read for long; whether they are answered is what counts.
async fn refused_beside(answered: bool) -> StoreError {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(store.read.begin_reading(None).await.expect("a connection"));
    }
    let asks = async {
        let mut every = tokio::time::interval(Duration::from_millis(100));
        loop {
            every.tick().await;
            if answered {
                readers[0].execute_unprepared("SELECT 1").await.expect("an answer");
            }
        }
    };
    tokio::select! {
        clock = store.clock() => clock.expect_err("no connection is left"),
        () = asks => unreachable!("it asks for ever"),
    }
}

#[tokio::test]
async fn a_database_that_answers_others_is_busy_and_not_lost() {
    let (busy, lost) = tokio::join!(refused_beside(true), refused_beside(false));
    assert!(busy.is_busy() && is_passing(&busy.0), "{busy}");
    assert_eq!(SubmitError::from(busy), SubmitError::Overloaded);
    assert!(!lost.is_busy() && is_passing(&lost.0), "{lost}");
    assert_eq!(SubmitError::from(lost), SubmitError::Unavailable);
}

/// Asks, and goes away when it has to be waited for the so-manyth time.
async fn gives_up(asked: impl Future, waits: usize) {
    let mut asked = std::pin::pin!(asked);
    let mut left = waits;
    std::future::poll_fn(|context| {
        if asked.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        left -= 1;
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[tokio::test]
async fn who_goes_away_while_he_asks_leaves_nobody_a_connection_that_sees_the_past() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    for round in 0..10 {
        for waits in 1..=20 {
            gives_up(
                async {
                    let snapshot = store.snapshot().await?;
                    snapshot.users_by_ids(&[UserId(1)]).await?;
                    snapshot.close().await
                },
                waits,
            )
            .await;
            gives_up(store.clock(), waits).await;
        }
        store.write.execute_unprepared("UPDATE clock SET head = head + 1").await.expect("it is written");
        // All connections are looked at, each by somebody of its own.
        let mut seen = Vec::new();
        for _ in 0..READERS {
            let snapshot = store.snapshot().await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
            seen.push((snapshot.head().0, snapshot));
        }
        let heads: Vec<i64> = seen.iter().map(|(head, _)| *head).collect();
        assert_eq!(heads, vec![round + 1; READERS as usize], "round {round}");
        for (_, snapshot) in seen {
            snapshot.close().await.expect("it ends");
        }
    }
}

#[tokio::test]
async fn a_begin_that_is_given_up_leaves_nobody_a_connection_that_sees_the_past() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    // What is embedded is waited for.
    let Some(_) = store.read.limit else { return };
    let hasty = Patient { limit: Some(Duration::ZERO), ..store.read.clone() };
    let mut given_up = 0;
    for round in 0..10 {
        for _ in 0..READERS {
            // A quick answer may come all the same.
            given_up += u32::from(hasty.begin_reading(None).await.is_err());
        }
        // The first to read within such a transaction sees what is true now, and the next on that connection no more.
        for now in [round, round + 1] {
            for _ in 0..READERS {
                assert_eq!(store.clock().await.expect("a clock").head.0, now, "round {round}");
            }
            store
                .write
                .execute_unprepared(&format!("UPDATE clock SET head = {round} + 1"))
                .await
                .expect("it is written");
        }
    }
    assert!(given_up > 0, "nothing was tried");
}

#[test]
fn what_is_about_the_server_is_told_from_what_is_about_the_statement() {
    for code in ["08006", "57P01", "57P03", "53300", "40P01", "25006", "55P03", "70100"] {
        assert!(is_passing_state(code), "{code}");
    }
    // A table that is not there, a name that is taken, bytes that are no text.
    for code in ["42P01", "42S02", "23505", "22021"] {
        assert!(!is_passing_state(code), "{code}");
    }
    // BUSY, BUSY_SNAPSHOT, IOERR_WRITE, FULL; ERROR, CORRUPT, CONSTRAINT_UNIQUE.
    assert!([5, 517, 778, 13].into_iter().all(is_passing_result));
    assert!(![1, 11, 2067].into_iter().any(is_passing_result));
}

#[tokio::test]
async fn who_goes_away_while_he_waits_for_a_connection_asks_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let store = open(home.path()).await;
    let mut readers = Vec::new();
    for _ in 0..READERS {
        readers.push(store.read.begin_reading(None).await.expect("a connection"));
    }
    for _ in 0..100 {
        gives_up(store.clock(), 1).await;
    }
    assert_eq!(store.read.asking.len(), 0, "nobody is left to hear it");
    readers.pop().expect("a reader").rollback().await.expect("it ends");
    store.clock().await.expect("there is room for one");
}
