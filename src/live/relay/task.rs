//! The task that keeps the way to the other nodes open: one part says, the other hears.

use super::super::follower::Follower;
use super::RelayTask;
use super::hearing::Hearing;
use super::saying::Saying;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How long what still waits to be said has to be taken when the server stops.
const LAST_WORDS: Duration = Duration::from_secs(1);

impl RelayTask {
    /// Says and hears until told to stop, and then says what still waits.
    pub async fn run(self, follower: Arc<Follower>, stop: CancellationToken) {
        let Self { client, connections, subjects, words, counts } = self;
        // What tells this run of this node from all others.
        let node = rand::random();
        let hearing = Hearing::new(Arc::clone(&follower), Arc::clone(&counts));
        let said = CancellationToken::new();
        let saying = Saying::new(client.clone(), node, &subjects, follower, counts);
        let too_late = async {
            stop.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        let say = async {
            tokio::select! {
                () = saying.run(words, connections.clone(), stop.clone()) => {}
                () = too_late => tracing::debug!("NATS did not take what was left to say; the database says it too"),
            }
            said.cancel();
        };
        // It may be in the midst of a look at a database that says nothing.
        let hear = said.run_until_cancelled(hearing.run(&client, &subjects, connections.clone(), said.clone()));
        tokio::join!(say, hear);
    }
}
