//! `tail`: each event once and in order, whatever happens to the server; nothing that would act on the terminal.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

use super::operator::Operator;
use crate::support::deadline::PATIENCE;
use crate::support::signal::{Signal, signal};
use crate::support::{Person, Server, eventually, seconds, within};

/// A `tail` that runs.
struct Tail {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Tail {
    fn start(operator: &Operator, arguments: &[&str]) -> Self {
        let mut child = operator.command(&[&["tail"], arguments].concat()).spawn().expect("the binary starts");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    async fn line(&mut self) -> String {
        let line = within(PATIENCE, "a line of tail", self.lines.next_line()).await.unwrap();
        line.expect("tail goes on")
    }

    /// The text of the next message.
    async fn text(&mut self) -> String {
        loop {
            let line = self.line().await;
            if !line.contains(" *: [") {
                return line.split_once(": ").expect("an author and a text").1.to_owned();
            }
        }
    }

    /// Its exit code and what it complained of, when it has ended by itself.
    async fn end(mut self) -> (Option<i32>, String) {
        // What it still prints is read: one that nobody reads ends without a word.
        while within(PATIENCE, "tail to end", self.lines.next_line()).await.unwrap().is_some() {}
        let status = within(PATIENCE, "tail to end", self.child.wait()).await.unwrap();
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).await.unwrap();
        (status.code(), errors)
    }
}

#[tokio::test]
async fn each_message_is_printed_once_and_in_order_though_the_server_dies() {
    let mut server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let mut tail = Tail::start(&Operator::beside(&server).with_token(&bob.access_token), &["--after", "0"]);
    for number in 0..3 {
        alice.say(direct, &format!("before {number}")).await;
    }
    for number in 0..3 {
        assert_eq!(tail.text().await, format!("before {number}"));
    }
    for round in 0..2 {
        server.kill().await;
        server.restart().await;
        for number in 0..20 {
            alice.say(direct, &format!("round {round}, {number}")).await;
        }
        for number in 0..20 {
            assert_eq!(tail.text().await, format!("round {round}, {number}"));
        }
    }
    server.terminate(seconds(10)).await;
    server.restart().await;
    alice.say(direct, "after a farewell").await;
    assert_eq!(tail.text().await, "after a farewell");
}

#[tokio::test]
async fn a_line_is_time_place_author_and_text_and_does_nothing_to_the_terminal() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let evil = "\u{1b}[2J\u{1b}]0;title\u{7}\r\u{9b}31m\u{202e}txt\nbob: forged";
    let said = alice.say(direct, evil).await;
    let operator = Operator::beside(&server).with_token(&bob.access_token);

    let mut tail = Tail::start(&operator, &["--after", "0"]);
    let line = loop {
        let line = tail.line().await;
        if line.contains("alice: ") {
            break line;
        }
    };
    let escaped = "\\u{1b}[2J\\u{1b}]0;title\\u{7}\\r\\u{9b}31m\\u{202e}txt\\nbob: forged";
    assert_eq!(line, format!("{} #{direct} alice: {escaped}", said["created_at"].as_str().unwrap()));

    let mut tail = Tail::start(&operator, &["--after", "0", "--json"]);
    let (line, envelope) = loop {
        let line = tail.line().await;
        let envelope: Value = serde_json::from_str(&line).unwrap();
        if envelope["type"] == "message.created" {
            break (line, envelope);
        }
    };
    assert!(!line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
    assert_eq!(envelope["data"], said, "the same message, however it is written");
}

#[tokio::test]
async fn a_channel_can_be_followed_with_a_key_and_from_now_on() {
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let channel = alice.channel("news").await;
    alice.say(channel, "old").await;
    let operator = Operator::beside(&server);
    let key = operator.types(&["key", "add", "bob", "--name", "feed", "--scope", "read"]).await.line();
    let operator = operator.with_token(&key);
    let mut tail = Tail::start(&operator, &["--channel", "news"]);
    // Nobody sees from outside when it begins to listen, so it is spoken to until it does.
    let heard = loop {
        alice.say(channel, "new").await;
        if let Ok(text) = tokio::time::timeout(Duration::from_millis(200), tail.text()).await {
            break text;
        }
    };
    assert_eq!(heard, "new");
    let (code, errors) = Tail::start(&operator, &["--channel", "nowhere"]).end().await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("the server says 404"), "{errors}");
    drop(bob);
}

#[tokio::test]
async fn a_reader_who_leaves_ends_it_quietly() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[]).await;
    alice.say(notes, "one").await;
    let mut tail = Tail::start(&Operator::beside(&server).with_token(&alice.access_token), &["--after", "0"]);
    assert_eq!(tail.text().await, "one");
    drop(std::mem::replace(&mut tail.lines, BufReader::new(no_output().await).lines()));
    alice.say(notes, "two").await;
    assert_eq!(tail.end().await, (Some(0), String::new()));
}

/// The output of something that is over.
async fn no_output() -> ChildStdout {
    let mut child = Operator::alone().command(&["--version"]).spawn().unwrap();
    let output = child.stdout.take().unwrap();
    child.wait().await.unwrap();
    output
}

#[tokio::test]
async fn it_ends_when_it_is_interrupted() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    for (how, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let mut tail = Tail::start(&Operator::beside(&server).with_token(&alice.access_token), &["--after", "0"]);
        tail.line().await;
        signal(how, tail.child.id().unwrap());
        assert_eq!(tail.end().await, (Some(code), String::new()));
    }
}

#[tokio::test]
async fn it_says_why_it_cannot_go_on() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let operator = Operator::beside(&server);
    let (code, errors) = Tail::start(&Operator::beside(&server).with_token("nonsense"), &[]).end().await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("the server says 401"), "{errors}");
    let (code, errors) = Tail::start(&Operator::beside(&server).with_token(""), &[]).end().await;
    assert_eq!(code, Some(1), "{errors}");
    assert!(errors.contains("who are you?"), "{errors}");

    let mut tail = Tail::start(&Operator::beside(&server).with_token(&alice.access_token), &["--after", "0"]);
    tail.line().await;
    operator.types(&["user", "suspend", "alice"]).await.line();
    let (code, errors) = tail.end().await;
    assert_eq!((code, errors.as_str()), (Some(1), "goldcrest: the session or key behind this token has ended\n"));
}

#[tokio::test]
async fn a_new_token_in_the_file_is_taken() {
    let server = Server::options().set("--access-token-lifetime", "10s").start().await;
    let operator = Operator::beside(&server);
    operator.adds("alice").await;
    let make_key = async || operator.types(&["key", "add", "alice", "--name", "k", "--scope", "read"]).await.line();
    let file = tempfile::NamedTempFile::new().unwrap();
    let token = operator.types(&["token", "alice"]).await.line();
    std::fs::write(&file, &token).unwrap();
    let mut tail = Tail::start(&operator, &["--after", "0", "--json", "--token-file", file.path().to_str().unwrap()]);
    assert!(tail.line().await.contains("session.created"));
    std::fs::write(&file, make_key().await).unwrap();
    assert!(tail.line().await.contains("key.created"));
    eventually(PATIENCE, "the token to expire", async || {
        let answer = server.stranger().with_bearer(&token).get("/api/v1/me").await;
        (answer.status == 401).then_some(())
    })
    .await;
    make_key().await;
    assert!(tail.line().await.contains("key.created"));
}

#[tokio::test]
async fn a_gap_is_told() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let operator = Operator::beside(&server).with_token(&alice.access_token);
    let mut tail = Tail::start(&operator, &["--after", "999999", "--json"]);
    let gap: Value = serde_json::from_str(&tail.line().await).unwrap();
    assert_eq!((gap["type"].as_str(), gap["reason"].as_str()), (Some("reset"), Some("beyond_head")), "{gap}");
}

#[tokio::test]
async fn a_gap_says_where_it_goes_on() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let head = alice.head().await;
    let operator = Operator::beside(&server).with_token(&alice.access_token);
    let mut tail = Tail::start(&operator, &["--after", "999999"]);
    let mut errors = BufReader::new(tail.child.stderr.take().unwrap()).lines();
    let note = within(PATIENCE, "a note", errors.next_line()).await.unwrap().unwrap();
    assert!(note.ends_with(&format!("(beyond_head), and goes on after event {head}")), "{note}");
}
