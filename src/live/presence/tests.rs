//! Who is there by the word of sockets, polls and other nodes, and when that is looked at.

use super::*;

const ANN: UserId = UserId(1);

async fn moved(presence: &Presence) -> (Vec<Turn>, bool) {
    (presence.next(10).await, presence.standing(ANN).online)
}

/// Whether nothing is to be told for so long.
async fn quiet(presence: &Presence, span: Duration) -> bool {
    tokio::time::timeout(span, presence.next(10)).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn somebody_comes_at_once_and_goes_after_a_moment() {
    let presence = Presence::default();
    presence.came(ANN);
    presence.came(ANN);
    assert_eq!(moved(&presence).await, (vec![Turn::Moved(ANN)], true));
    presence.tell(ANN, true);
    presence.went(ANN);
    assert!(quiet(&presence, GRACE * 3).await, "another stream is open");
    presence.went(ANN);
    let start = Instant::now();
    assert_eq!(moved(&presence).await, (vec![Turn::Moved(ANN)], false));
    assert_eq!(start.elapsed(), GRACE);
    presence.forget(ANN);
    assert_eq!((presence.here(), presence.knows(ANN)), (vec![], false));
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_loaded_again_never_left() {
    let presence = Presence::default();
    presence.came(ANN);
    presence.next(10).await;
    presence.tell(ANN, true);
    presence.went(ANN);
    tokio::time::advance(GRACE / 2).await;
    presence.came(ANN);
    assert!(quiet(&presence, GRACE * 3).await);
    // The next time it counts anew.
    presence.went(ANN);
    assert_eq!(moved(&presence).await, (vec![Turn::Moved(ANN)], false));
}

#[tokio::test(start_paused = true)]
async fn who_polls_is_there_between_the_polls() {
    let presence = Presence::default();
    for _ in 0..3 {
        presence.came(ANN);
        if presence.standing(ANN).told.is_none() {
            presence.next(10).await;
            presence.tell(ANN, true);
        }
        presence.polled(ANN);
        assert!(quiet(&presence, POLL / 2).await);
    }
    assert!(presence.standing(ANN).online);
    let start = Instant::now();
    assert_eq!(moved(&presence).await, (vec![Turn::Moved(ANN)], false));
    assert_eq!(start.elapsed(), POLL / 2);
}

#[tokio::test(start_paused = true)]
async fn another_node_vouches_until_a_moment() {
    let presence = Presence::default();
    presence.vouch(ANN, Source::Node(2), Instant::now() + POLL);
    assert_eq!(moved(&presence).await, (vec![Turn::Moved(ANN)], true));
    presence.tell(ANN, true);
    presence.came(ANN);
    presence.went(ANN);
    assert!(quiet(&presence, POLL / 2).await, "it is there on the other node");
    // A node that says that he has gone there says so with a moment that is over.
    presence.vouch(ANN, Source::Node(2), Instant::now());
    assert_eq!(moved(&presence).await, (vec![Turn::Moved(ANN)], false));
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_one_entry_for_each_and_taken_in_parts() {
    let presence = Presence::default();
    for _ in 0..3 {
        for user in 0..100 {
            presence.came(UserId(user));
            presence.went(UserId(user));
        }
    }
    for user in 0..100_000 {
        presence.note(Turn::Settings(UserId(user)));
    }
    let mut taken = Vec::new();
    let expected = 100 + CHANGES;
    while taken.len() < expected {
        let part = presence.next(1_000).await;
        assert!(part.len() <= 1_000);
        taken.extend(part);
    }
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), expected);
    assert_eq!(presence.inner.lock().changes, 0);
}

#[tokio::test(start_paused = true)]
async fn other_nodes_hear_who_comes_here_and_who_has_gone() {
    let presence = Presence::default();
    let bob = UserId(2);
    presence.came(ANN);
    presence.announce();
    assert_eq!(presence.news(10).await, [(ANN, true)], "who was here before");
    // On another node too: that is no news of this one.
    presence.vouch(ANN, Source::Node(2), Instant::now() + POLL);
    presence.vouch(bob, Source::Node(2), Instant::now() + POLL);
    presence.came(ANN);
    presence.went(ANN);
    let quiet = async || tokio::time::timeout(GRACE * 3, presence.news(10)).await.is_err();
    assert!(quiet().await, "she is still here");
    presence.went(ANN);
    let look = async || loop {
        presence.next(10).await;
    };
    let news = tokio::select! {
        news = presence.news(10) => news,
        () = look() => unreachable!("it looks for ever"),
    };
    assert_eq!(news, [(ANN, false)]);
    assert!(presence.standing(ANN).online, "she is there on the other node");
    assert_eq!((presence.here(), presence.last_here()), (vec![], vec![]));
    // That one says that she has left it, and a third never said that she was with it.
    presence.left(bob, 3);
    presence.left(ANN, 2);
    while presence.standing(ANN).online {
        presence.next(10).await;
    }
    assert!(presence.standing(bob).online);
    presence.came(bob);
    assert_eq!(presence.news(10).await, [(bob, true)]);
}
