//! How a poll ends that is held: with the credentials that it was made with, not only with its time.

use serde_json::json;

use crate::support::{Ear, NotOpened, Person, Poller, Server, SseClient, eventually, seconds, within};

#[tokio::test]
async fn a_held_poll_ends_with_its_token() {
    let server = Server::options().set("--access-token-lifetime", "6s").start().await;
    let bob = Person::register(&server, "bob").await;
    let head = bob.head().await;
    let mut poller = Poller::new(&bob, &bob.stream().after(head));
    poller.wait = 60;
    let answer = within(seconds(20), "the poll to end long before its time", poller.poll()).await.unwrap().expect(200);
    assert_eq!((&answer["events"], answer["next"].as_u64()), (&json!([]), Some(head)));
    bob.get("/api/v1/me").await.refused(401, "token_expired");
}

#[tokio::test]
async fn a_held_poll_ends_with_its_session() {
    // The poll holds the one place of the address, which tells when it waits.
    let server = Server::options().set("--max-streams-per-address", "1").start().await;
    let bob = Person::register(&server, "bob").await;
    let lost_device = bob.login(&server).await;
    let mut poller = Poller::new(&lost_device, &lost_device.stream().after(bob.head().await));
    poller.wait = 60;
    let poll = tokio::spawn(async move {
        loop {
            match poller.poll().await {
                // Whoever looks whether it waits may have the place at the moment.
                Err(NotOpened::Answered(answer)) if answer.status == 429 => {}
                ended => return ended,
            }
        }
    });
    eventually(seconds(20), "the poll to wait", async || {
        let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
        stream.next().await.is_control("bye").then_some(())
    })
    .await;
    assert!(!poll.is_finished(), "nothing has happened that it waits for");
    bob.delete(&format!("/api/v1/sessions/{}", lost_device.session)).await.expect(204);
    let ended = within(seconds(10), "the poll to end", poll).await.unwrap();
    ended.expect_err("no events").answer().refused(401, "unauthorized");
    eventually(seconds(10), "its place to be free", async || {
        let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
        stream.next().await.is_control("ready").then_some(())
    })
    .await;
}
