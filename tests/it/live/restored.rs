//! After a backup was restored: no number is given twice, older cursors are told, and nobody gets in who should not.

use std::path::PathBuf;

use serde_json::json;

use super::cursors::{alice_and_bob, greet};
use crate::support::listener::TRANSPORTS;
use crate::support::{Ear, Person, Server};

const JUMP: u64 = 1 << 32;

/// Backs up the data of a server, into a directory that goes away with it.
async fn back_up(server: &Server) -> PathBuf {
    let place = server.data_dir().with_file_name("backup");
    server.command(&["backup", place.to_str().unwrap()]).await;
    place
}

/// Loses everything since a backup, as a broken disk would.
async fn lose_and_restore(server: &mut Server, backup: &std::path::Path, options: &[&str]) {
    server.kill().await;
    server.restores(backup, options).await;
    server.restart().await;
}

#[tokio::test]
async fn every_older_cursor_is_told_on_every_transport() {
    let mut server = Server::start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    let backup = back_up(&server).await;
    let kept = bob.head().await;
    for number in 0..5 {
        alice.say(direct, &format!("lost {number}")).await;
    }
    let lost = bob.head().await;
    lose_and_restore(&mut server, &backup, &[]).await;
    let (alice, bob) = (alice.login(&server).await, bob.login(&server).await);
    // From before the backup, its end, between it and the loss, and the last that anybody saw.
    for after in [0, 1, kept - 1, kept, kept + 1, lost] {
        for transport in TRANSPORTS {
            let mut greeting = greet(transport, &bob, &bob.stream().after(after)).await;
            greeting.reset_because("history_expired");
            assert!(greeting.position >= kept + JUMP, "{transport:?} after {after}: {}", greeting.position);
            alice.say(direct, "new").await;
            let seen = greeting.listener.until_text("new").await;
            assert!(seen.iter().all(|seen| seen.seq > greeting.position), "{transport:?}: {seen:?}");
        }
    }
    let texts = bob.get(&format!("/api/v1/conversations/{direct}/messages?limit=100")).await.expect(200).to_string();
    assert!(texts.contains("old 9") && !texts.contains("lost"), "{texts}");
    // What messages are found by was copied with them.
    let found = bob.get("/api/v1/messages?text=old%209").await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
}

#[tokio::test]
async fn numbers_go_on_without_a_gap_behind_the_jump() {
    let mut server = Server::start().await;
    let (alice, _, direct) = alice_and_bob(&server).await;
    let backup = back_up(&server).await;
    let kept = alice.head().await;
    let last = alice.say(direct, "lost").await["id"].as_u64().unwrap();
    lose_and_restore(&mut server, &backup, &[]).await;
    let alice = alice.login(&server).await;
    // Message ids are counted by clients of older systems, and have no gap.
    assert_eq!(alice.say(direct, "new").await["id"], last);
    for number in 0..20 {
        alice.say(direct, &format!("more {number}")).await;
    }
    let seqs: Vec<u64> = server.events_on_disk().await.events.iter().map(|event| event.seq).collect();
    let first = kept + JUMP + 1;
    assert_eq!(seqs, (first..first + seqs.len() as u64).collect::<Vec<_>>());
    assert!(seqs.len() > 20);
}

#[tokio::test]
async fn a_second_restore_of_the_same_backup_jumps_as_well() {
    let mut server = Server::start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    let backup = back_up(&server).await;
    lose_and_restore(&mut server, &backup, &[]).await;
    let alice = alice.login(&server).await;
    alice.say(direct, "after the first").await;
    let second = server.data_dir().with_file_name("second");
    server.command(&["backup", second.to_str().unwrap()]).await;
    let head = alice.head().await;
    lose_and_restore(&mut server, &second, &[]).await;
    let bob = bob.login(&server).await;
    assert!(bob.head().await >= head + JUMP);
    greet(TRANSPORTS[0], &bob, &bob.stream().after(head)).await.reset_because("history_expired");
}

#[tokio::test]
async fn a_send_is_still_known_by_its_client_id() {
    let mut server = Server::start().await;
    let (alice, _, direct) = alice_and_bob(&server).await;
    let body = json!({"conversation_id": direct, "text": "once", "client_id": "c1"});
    let first = alice.post("/api/v1/messages", &body).await.expect(201);
    let backup = back_up(&server).await;
    lose_and_restore(&mut server, &backup, &[]).await;
    let alice = alice.login(&server).await;
    let again = alice.post("/api/v1/messages", &body).await.expect(200);
    assert_eq!(again["id"], first["id"]);
    assert_eq!(server.count("messages", "client_id = 'c1'").await, 1);
}

#[tokio::test]
async fn what_let_somebody_in_lets_nobody_in_any_more() {
    let mut server = Server::start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    let administrator = Person::administrator(&server, "admin").await;
    let key = server.command(&["key", "add", "bob", "--name", "k", "--scope", "read,send"]).await;
    let invited = administrator
        .post("/api/v1/invitations", &json!({"name": "for Dave", "uses": 2, "expires_in": 3600}))
        .await
        .expect(201);
    let stolen = bob.login(&server).await;
    let ticket = bob.stream_by_ticket().await;
    let backup = back_up(&server).await;
    // After the backup: a session ends, another begins, and somebody comes whom it does not know.
    stolen.logout().await;
    let late = alice.login(&server).await;
    let carol = Person::register(&server, "carol").await;
    lose_and_restore(&mut server, &backup, &[]).await;
    let mallory = Person::register(&server, "mallory").await;
    assert_eq!(mallory.id, carol.id, "numbers of people have no gap either");
    let key = server.stranger().with_bearer(key.trim());
    for (who, caller) in
        [("before", &*bob), ("revoked", &*stolen), ("after", &*late), ("unknown", &*carol), ("key", &key)]
    {
        let answer = caller.get("/api/v1/conversations").await;
        assert_eq!(answer.status, 401, "{who}: {}", answer.describe());
    }
    for person in [&bob, &stolen, &late, &carol] {
        let body = json!({"refresh_token": person.refresh_token});
        let answer = server.stranger().post("/api/v1/sessions/refresh", &body).await;
        assert_eq!(answer.status, 401, "{}: {}", person.name, answer.describe());
    }
    let opened = crate::support::SseClient::open(server.address, &ticket).await;
    assert_eq!(opened.err().expect("no stream").answer().status, 401);
    let token = invited["token"].as_str().expect("an invitation has a token");
    let body = json!({"username": "dave", "password": "password of dave", "invitation": token});
    server.terminate(crate::support::seconds(10)).await;
    server.restart_with(Server::options().set("--registration", "invite")).await;
    server.stranger().post("/api/v1/users", &body).await.refused(403, "invitation_invalid");
    // The passwords are those of the backup.
    bob.login(&server).await.say(direct, "here again").await;
}

#[tokio::test]
async fn logins_stay_where_the_operator_says_that_nothing_happened_since() {
    let mut server = Server::start().await;
    let (alice, bob, direct) = alice_and_bob(&server).await;
    let key = server.command(&["key", "add", "bob", "--name", "k", "--scope", "send"]).await;
    server.terminate(crate::support::seconds(10)).await;
    let backup = back_up(&server).await;
    // Another machine: neither database nor key are there.
    std::fs::remove_dir_all(server.data_dir()).unwrap();
    let said = server.command(&["restore", backup.to_str().unwrap(), "--keep-logins"]).await;
    assert!(said.contains("as they are then") || said.contains("as they were then"), "{said}");
    server.restart().await;
    let head = alice.head().await;
    alice.say(direct, "moved").await;
    let body = json!({"conversation_id": direct, "text": "by key"});
    server.stranger().with_bearer(key.trim()).post("/api/v1/messages", &body).await.expect(201);
    let body = json!({"refresh_token": bob.refresh_token});
    server.stranger().post("/api/v1/sessions/refresh", &body).await.expect(200);
    greet(TRANSPORTS[0], &bob, &bob.stream().after(head - JUMP)).await.reset_because("history_expired");
}
