//! Somebody at the machine, who types commands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::support::deadline::PATIENCE;
use crate::support::{Server, within};

const BINARY: &str = env!("CARGO_BIN_EXE_goldcrest");
pub const PASSWORD: &str = "correct horse";

pub struct Operator {
    data_dir: PathBuf,
    /// Variables of his environment, which is empty otherwise: no test depends on its runner's.
    environment: Vec<(String, String)>,
    _home: Option<TempDir>,
}

/// What a command did.
#[derive(Debug)]
pub struct Done {
    pub code: Option<i32>,
    pub out: String,
    pub errors: String,
}

impl Operator {
    /// With a machine of his own, on which nothing runs and nothing is.
    pub fn alone() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { data_dir: home.path().join("data"), environment: Vec::new(), _home: Some(home) }
    }

    /// At the machine on which this server runs.
    pub fn beside(server: &Server) -> Self {
        Self { data_dir: server.data_dir(), environment: server.database().environment(), _home: None }
            .with("GOLDCREST_SERVER", &format!("http://{}", server.address))
            .with("GOLDCREST_LISTEN", &server.address.to_string())
    }

    #[must_use]
    pub fn with(mut self, variable: &str, value: &str) -> Self {
        self.environment.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Who acts at the server by this token.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        self.with("GOLDCREST_TOKEN", token)
    }

    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.data_dir.join(name)
    }

    /// The permissions of a file in the data directory; `.` is the directory.
    pub fn mode(&self, name: &str) -> u32 {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}")).permissions().mode() & 0o777
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(arguments);
        self.prepare(command)
    }

    fn prepare(&self, mut command: Command) -> Command {
        command.env_clear().env("GOLDCREST_DATA_DIR", &self.data_dir);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub async fn types(&self, arguments: &[&str]) -> Done {
        self.types_with(arguments, "").await
    }

    /// Types a command as somebody whom permissions hold back, which they do not as root.
    pub async fn types_without_rights(&self, arguments: &[&str]) -> Done {
        if !rustix::process::geteuid().is_root() {
            return self.types(arguments).await;
        }
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-dac_override,-dac_read_search", BINARY]).args(arguments);
        Self::done(self.prepare(command), "").await
    }

    /// Types a command at a terminal, and gives all that stands there in the end.
    pub async fn types_at_a_terminal(&self, arguments: &[&str]) -> String {
        // Two passwords, should they be asked for, that are not the same: nothing comes of it.
        self.answers_at_a_terminal(arguments, "one\ntwo\n").await.out
    }

    /// Types a command at a terminal, and this when it asks. All that stands there in the end is its output.
    pub async fn answers_at_a_terminal(&self, arguments: &[&str], answer: &str) -> Done {
        let mut command = Command::new("script");
        command.args(["-qec", &[&[BINARY], arguments].concat().join(" "), "/dev/null"]);
        Self::done(self.prepare(command), answer).await
    }

    /// Types a command that reads this.
    pub async fn types_with(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Done {
        Self::done(self.command(arguments), input).await
    }

    async fn done(mut command: Command, input: impl AsRef<[u8]>) -> Done {
        let mut child = command.spawn().expect("the command starts");
        // A command that does not read its input may be gone before it is written.
        drop(child.stdin.take().unwrap().write_all(input.as_ref()).await);
        let output = within(PATIENCE, "the command to end", child.wait_with_output()).await.unwrap();
        let errors = String::from_utf8(output.stderr).expect("messages are UTF-8");
        // On a machine that has much else to do this may be said of any database; where it belongs it is looked for elsewhere.
        let slow = |line: &str| line.contains(" does not answer yet; waiting for it for up to ");
        Done {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("output is UTF-8"),
            errors: errors.split_inclusive('\n').filter(|line| !slow(line)).collect(),
        }
    }

    /// Makes an account with the usual password.
    pub async fn adds(&self, name: &str) {
        self.types_with(&["user", "add", name, "--password-stdin"], PASSWORD).await.succeeds();
    }
}

impl Done {
    /// What it printed. It succeeded, and had nothing else to say.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert_eq!((self.code, self.errors.as_str()), (Some(0), ""), "{self:?}");
        self.out
    }

    /// The one line that it printed.
    #[track_caller]
    pub fn line(self) -> String {
        let out = self.succeeds();
        let line = out.strip_suffix('\n').unwrap_or_else(|| panic!("a line: {out:?}"));
        assert!(!line.contains('\n'), "one line: {line:?}");
        line.to_owned()
    }

    /// What it complained of, in one line. It failed, and printed nothing.
    #[track_caller]
    pub fn complains(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(1), ""), "{self:?}");
        let line = self.errors.strip_suffix('\n').unwrap_or_else(|| panic!("a line: {self:?}"));
        assert!(!line.contains('\n'), "one line: {line:?}");
        line.strip_prefix("goldcrest: ").unwrap_or_else(|| panic!("says who complains: {line:?}")).to_owned()
    }

    /// It was not understood; the message says how it is used.
    #[track_caller]
    pub fn misuses(self) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(2), ""), "{self:?}");
        self.errors
    }
}
