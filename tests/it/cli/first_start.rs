//! A first start that is cut short, as by a power cut or an impatient operator.

use std::time::Duration;

use serde_json::json;

use crate::support::{Chance, Ear, Person, Server, SseClient, seconds};

/// Directories, and how often the start in each is cut short.
const PLACES: usize = 6;
const KILLS: usize = 4;

#[tokio::test]
async fn what_a_first_start_began_the_next_takes_up() {
    let mut chance = Chance::for_test("what_a_first_start_began_the_next_takes_up");
    for place in 0..PLACES {
        let mut moment = || Duration::from_millis(u64::try_from(chance.between(0, 150)).unwrap());
        let kills: Vec<Duration> = (0..KILLS).map(|_| moment()).collect();
        println!("place {place}: killed after {kills:?}");
        let mut server = Server::options().start_after_kills(kills).await;
        let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
        let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
        stream.until_control("ready").await;
        let message = alice.post("/api/v1/messages", &json!({"to": ["bob"], "text": "hello"})).await.expect(201);
        stream.until_text("hello").await;
        drop(stream);
        server.command(&["user", "list"]).await;
        assert!(server.terminate(seconds(10)).await.success());
        server.restart().await;
        let kept = bob.get(&format!("/api/v1/messages/{}", message["id"])).await.expect(200);
        assert_eq!(kept["text"], "hello", "with the same key, and in the same place");
        server.events_on_disk().await.assert_dense();
    }
}
