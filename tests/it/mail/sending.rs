//! How letters leave: again when they are put off, without anybody waiting, and never into the log unasked.

use serde_json::json;

use super::{PASSWORD, ask_for_reset, confirmed, log_in, redeem, register};
use crate::support::deadline::PATIENCE;
use crate::support::{Person, Postbox, Server, eventually, seconds};

#[tokio::test]
async fn a_letter_that_is_put_off_comes_later() {
    let mut postbox = Postbox::open_late(1).await;
    let server = postbox.options().start().await;
    register(&server, "zoe", "zoe@example.org").await.expect(201);
    postbox.puts_off().await;
    let token = postbox.next_link("zoe@example.org", "activate").await;
    redeem(&server, "activate", &json!({"token": token})).await.expect(204);
}

#[tokio::test]
async fn nobody_waits_for_a_mail_server() {
    // It takes connections and says nothing.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let options = Server::options().set("--smtp-url", &url).set("--mail-from", "chat@example.org");
    let mut server = options.set("--public-url", "http://chat.example.org").start().await;
    for name in ["ann", "ben", "cem", "dan", "eve", "fay"] {
        crate::support::within(seconds(5), "an answer", register(&server, name, &format!("{name}@example.org")))
            .await
            .expect(201);
    }
    assert!(server.terminate(seconds(20)).await.success(), "nor does the end of the server");
    assert!(server.log().contains("letters were not sent"), "{}", server.log());
}

#[tokio::test]
async fn letters_leave_before_the_server_does() {
    let mut postbox = Postbox::open_slow(0.2).await;
    let mut server = postbox.options().start().await;
    for number in 0..8 {
        register(&server, &format!("user{number}"), &format!("{number}@example.org")).await.expect(201);
    }
    server.terminate(seconds(20)).await;
    for _ in 0..8 {
        postbox.next().await;
    }
}

#[tokio::test]
async fn no_link_is_in_the_log() {
    let mut postbox = Postbox::open().await;
    let mut server = postbox.options().set("--log-level", "trace").start().await;
    confirmed(&server, &mut postbox, "zoe", "marked-zoe@example.org").await;
    ask_for_reset(&server.stranger(), &json!({"email": "marked-zoe@example.org"})).await.expect(202);
    ask_for_reset(&server.stranger(), &json!({"username": "marked-typed-name"})).await.expect(202);
    let reset = postbox.next_link("marked-zoe@example.org", "password").await;
    server.stranger().get(&format!("/links/password?token={reset}")).await;
    redeem(&server, "password", &json!({"token": reset, "password": "marked-password"})).await.expect(204);
    assert_eq!(postbox.next().await.to, "marked-zoe@example.org", "he is told of it");
    let zoe = Person::from_login(
        &server.stranger(),
        "marked-password",
        &log_in(&server, json!({"username": "zoe"}), "marked-password").await.expect(201),
    );
    let change = json!({"email": "marked-new@example.org", "password": "marked-password"});
    zoe.put("/api/v1/me/email", &change).await.expect(202);
    let email = postbox.next_link("marked-new@example.org", "email").await;
    redeem(&server, "email", &json!({"token": email})).await.expect(204);
    postbox.next().await;
    server.terminate(seconds(20)).await;
    let log = server.log();
    assert!(log.contains("a letter was sent"), "{log}");
    for secret in ["marked-", reset.as_str(), email.as_str(), PASSWORD] {
        assert_eq!(log.lines().find(|line| line.contains(secret)), None);
    }
}

#[tokio::test]
async fn for_trying_things_out_links_go_to_the_log_and_it_says_so() {
    let options = Server::options().set("--mail", "log").set("--public-url", "http://chat.example.org");
    let server = options.set("--email", "required").start().await;
    assert!(server.log().contains("--mail log"), "said loudly at the start: {}", server.log());
    register(&server, "zoe", "zoe@example.org").await.expect(201);
    let link = async || {
        server.log().split_once("http://chat.example.org/links/activate?token=").map(|(_, rest)| rest.to_owned())
    };
    let rest = eventually(PATIENCE, "the link in the log", link).await;
    let token: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_".contains(*c)).collect();
    redeem(&server, "activate", &json!({"token": token})).await.expect(204);
}

#[tokio::test]
async fn a_server_that_cannot_mail_as_it_is_told_does_not_start() {
    let smtp = |server: crate::support::Options| server.set("--smtp-url", "smtp://127.0.0.1:25");
    let from = "chat@example.org";
    for (options, said) in [
        (Server::options().set("--mail", "smtp"), "--smtp-url must be given"),
        (smtp(Server::options()), "--mail-from must be given"),
        (smtp(Server::options()).set("--mail-from", from), "--public-url must be given"),
        (Server::options().set("--mail", "log"), "--public-url must be given"),
        (smtp(Server::options()).set("--mail-from", "nonsense").set("--public-url", "http://x.org"), "--mail-from"),
        (
            Server::options()
                .set("--smtp-url", "http://u:hidden-password@x")
                .set("--mail-from", from)
                .set("--public-url", "http://x.org"),
            "--smtp-url is not the address",
        ),
    ] {
        let mut server = Server::start().await;
        server.kill().await;
        server.options_are(options);
        server.fails_to_start().await;
        assert!(server.log().contains(said), "{said}: {}", server.log());
        assert!(!server.log().contains("hidden-password"));
    }
}
