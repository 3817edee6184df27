//! A real mail server that catches what a server sends.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::deadline::PATIENCE;
use super::{Options, Server, within};

/// Where `scripts/test` puts what it installs, and the interpreter that has the package.
const FIND: &str = r#"
    PATH="$PATH:${XDG_CACHE_HOME:-$HOME/.cache}/goldcrest/pip/bin"
    program=$(command -v aiosmtpd) || { echo 'there is no aiosmtpd here: pip install aiosmtpd' >&2; exit 1; }
    exec "$(head -n 1 "$program" | cut -c 3-)" "$@"
"#;

/// One mail server and what it has caught and not shown yet.
pub struct Postbox {
    pub port: u64,
    lines: Lines<BufReader<ChildStdout>>,
    _input: ChildStdin,
    _process: Child,
}

/// A letter as it arrived.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub sender: String,
    pub subject: String,
    pub text: String,
}

impl Postbox {
    pub async fn open() -> Self {
        Self::open_with("0", "0").await
    }

    /// One that puts off so many letters before it takes the first.
    pub async fn open_late(put_off: u32) -> Self {
        Self::open_with(&put_off.to_string(), "0").await
    }

    /// One that takes its time over each letter.
    pub async fn open_slow(seconds: f32) -> Self {
        Self::open_with("0", &seconds.to_string()).await
    }

    async fn open_with(put_off: &str, seconds: &str) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/catcher.py");
        let mut command = Command::new("sh");
        command.args(["-c", FIND, "sh", script, put_off, seconds]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().expect("sh runs");
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let input = process.stdin.take().unwrap();
        let mut postbox = Self { port: 0, lines, _input: input, _process: process };
        postbox.port = postbox.line().await["port"].as_u64().expect("a port");
        postbox
    }

    async fn line(&mut self) -> Value {
        let line = within(PATIENCE, "a letter", self.lines.next_line()).await.expect("the mail server can be read");
        serde_json::from_str(&line.expect("the mail server runs")).expect("a line of JSON")
    }

    /// The options of a server that sends its mail here.
    pub fn options(&self) -> Options {
        Server::options()
            .set("--smtp-url", &format!("smtp://127.0.0.1:{}", self.port))
            .set("--mail-from", "Goldcrest <chat@example.org>")
            .set("--public-url", "http://chat.example.org")
    }

    /// Waits for the letter that it puts off.
    pub async fn puts_off(&mut self) {
        let line = self.line().await;
        assert!(line["put_off"].is_array(), "{line}");
    }

    /// The next letter.
    pub async fn next(&mut self) -> Mail {
        let mail = self.line().await;
        let text = |field: &str| mail[field].as_str().unwrap_or_else(|| panic!("{field} in {mail}")).to_owned();
        assert_eq!(mail["auto"], "auto-generated", "no machine answers");
        assert_eq!(mail["to"].as_array().map(Vec::len), Some(1), "{mail}");
        Mail {
            to: mail["to"][0].as_str().unwrap().to_owned(),
            sender: text("sender"),
            subject: text("subject"),
            text: text("text"),
        }
    }

    /// The next letter, which goes to this address and has a link for this.
    pub async fn next_link(&mut self, to: &str, purpose: &str) -> String {
        let mail = self.next().await;
        assert_eq!(mail.to, to, "{mail:?}");
        mail.token(purpose)
    }
}

impl Mail {
    /// The token of the link in it, which is for this.
    #[track_caller]
    pub fn token(&self, purpose: &str) -> String {
        let start = format!("http://chat.example.org/links/{purpose}?token=");
        let links: Vec<&str> = self.text.lines().filter_map(|line| line.strip_prefix(&start)).collect();
        assert_eq!(links.len(), 1, "one link for {purpose}: {}", self.text);
        links[0].to_owned()
    }
}
