//! The task that keeps the way to the other nodes open: one part says, the other hears.

use super::super::follower::Follower;
use super::RelayTask;
use super::hearing::Hearing;
use super::saying::Saying;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

impl RelayTask {
    /// Says and hears until told to stop, and then says what still waits.
    pub async fn run(self, follower: Arc<Follower>, stop: CancellationToken) {
        let Self { client, told, subjects, keys, words, moved, counts } = self;
        // What tells this run of this node from all others.
        let node = rand::random();
        let hearing = Hearing::new(Arc::clone(&follower), &subjects, &keys, moved, Arc::clone(&counts));
        let said = CancellationToken::new();
        let saying = Saying::new(client.clone(), node, &subjects, &keys, follower, counts);
        let say = async {
            saying.run(words, told.connections.clone(), stop).await;
            said.cancel();
        };
        tokio::join!(say, hearing.run(&client, told.clone(), said.clone()));
    }
}
