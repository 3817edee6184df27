//! `send`: one message, from a terminal or a script.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::operator::Operator;
use crate::support::deadline::PATIENCE;
use crate::support::{Person, Server, seconds, within};

async fn texts(person: &Person) -> Vec<String> {
    let answer = person.get("/api/v1/messages?box=all&after=0").await.expect(200);
    answer["items"].as_array().unwrap().iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_text_comes_as_words_or_on_standard_input() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let terminal = Operator::beside(&server).with_token(&alice.access_token);
    assert_eq!(terminal.types(&["send", "--to", "bob", "the", "backup is done"]).await.succeeds(), "");
    terminal.types_with(&["send", "--to", "bob"], "two\nlines\n").await.succeeds();
    let direct = alice.direct(&[&bob]).await.to_string();
    let json = terminal.types(&["send", "--conversation", &direct, "--json", "--", "--to me"]).await.line();
    let sent: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((sent["text"].as_str(), sent["id"].as_u64()), (Some("--to me"), Some(3)), "{sent}");
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&token, format!("{}\n", bob.access_token)).unwrap();
    let file = token.path().to_str().unwrap();
    terminal.types(&["send", "--token-file", file, "--to", "alice", "thank you"]).await.succeeds();
    assert_eq!(texts(&bob).await, ["the backup is done", "two\nlines", "--to me", "thank you"]);
}

#[tokio::test]
async fn what_cannot_be_sent_is_explained() {
    let server = Server::start().await;
    let [alice, _bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let terminal = Operator::beside(&server).with_token(&alice.access_token);
    let refused = terminal.types(&["send", "--to", "nobody", "hi"]).await.complains();
    assert!(refused.starts_with("not sent: the server says 404: "), "{refused}");
    let refused = terminal.types_with(&["send", "--to", "bob"], "\n").await.complains();
    assert!(refused.starts_with("not sent: the server says 422: "), "{refused}");
    let refused = terminal.types_with(&["send", "--to", "bob"], b"\xff").await.complains();
    assert_eq!(refused, "the text is not UTF-8");
    let refused = terminal.types_with(&["send", "--to", "bob"], "x".repeat(300_000)).await.complains();
    assert_eq!(refused, "the text is longer than any message may be");
    let refused = terminal.types(&["send", "--token", "nonsense", "--to", "bob", "hi"]).await.complains();
    assert!(refused.starts_with("not sent: the server says 401: "), "{refused}");
    let refused = Operator::beside(&server).types(&["send", "--to", "bob", "hi"]).await.complains();
    assert!(refused.contains("GOLDCREST_TOKEN"), "{refused}");
    for misuse in [&["send", "hi"][..], &["send", "--to", "bob", "--conversation", "1", "hi"]] {
        terminal.types(misuse).await.misuses();
    }
    let misuse = terminal.types(&["send", "--server", "localhost:1", "--to", "bob", "hi"]).await.misuses();
    assert!(misuse.contains("http://"), "{misuse}");
}

#[tokio::test]
async fn one_name_is_one_message() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let terminal = Operator::beside(&server).with_token(&alice.access_token);
    let send = ["send", "--to", "bob", "--client-id", "tonight", "done"];
    terminal.types(&send).await.succeeds();
    terminal.types(&send).await.succeeds();
    assert_eq!(texts(&bob).await, ["done"]);
    let other = terminal.types(&["send", "--to", "bob", "--client-id", "tonight", "failed"]).await.complains();
    assert!(other.starts_with("not sent: the server says 409: "), "{other}");
}

#[tokio::test]
async fn a_server_that_is_away_for_a_while_gets_it_when_it_is_back() {
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let terminal = Operator::beside(&server).with_token(&alice.access_token);
    server.kill().await;
    let given_up = terminal.types(&["send", "--to", "bob", "--retry-for", "100ms", "hi"]).await.complains();
    assert!(given_up.contains("does not answer") && given_up.ends_with("The server was never reached"), "{given_up}");
    let (done, ()) = tokio::join!(terminal.types(&["send", "--to", "bob", "still here"]), server.restart());
    done.succeeds();
    assert_eq!(texts(&bob).await, ["still here"]);
}

#[tokio::test]
async fn what_broke_off_may_have_been_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let terminal = Operator::alone().with("GOLDCREST_SERVER", &url).with_token("t");
    let server = tokio::spawn(async move { answers(listener, [""; 2]).await });
    let send = ["send", "--to", "bob", "--client-id", "tonight", "--retry-for", "2s", "hi"];
    let given_up = terminal.types(&send).await.complains();
    assert!(given_up.contains("It may have been sent; --client-id tonight"), "{given_up}");
    drop(server);
}

/// Answers one request after the other, each on a connection of its own, and gives back what was asked.
async fn answers(listener: TcpListener, answers: [&str; 2]) -> Vec<String> {
    let mut asked = Vec::new();
    for answer in answers {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"}") {
            assert!(socket.read_buf(&mut request).await.unwrap() > 0, "a whole request");
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        asked.push(String::from_utf8(request).unwrap());
    }
    asked
}

#[tokio::test]
async fn retry_after_is_kept_to_and_the_name_of_the_message_stays() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let terminal = Operator::alone().with("GOLDCREST_SERVER", &url).with_token("t");
    let overloaded =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let sent = r#"{"id":1,"conversation_id":1}"#;
    let sent = format!("HTTP/1.1 201 Created\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{sent}", sent.len());
    let started = tokio::time::Instant::now();
    let server = tokio::spawn(async move { answers(listener, [overloaded, &sent]).await });
    terminal.types(&["send", "--to", "bob", "hi"]).await.succeeds();
    assert!(started.elapsed() >= seconds(1), "it came back too soon");
    let asked = within(PATIENCE, "two requests", server).await.unwrap();
    let body = |request: &str| -> Value { serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap() };
    assert_eq!(body(&asked[0]), body(&asked[1]));
    assert_eq!(body(&asked[0])["to"], json!(["bob"]));
    assert!(body(&asked[0])["client_id"].as_str().unwrap().len() >= 16, "{}", asked[0]);
}
