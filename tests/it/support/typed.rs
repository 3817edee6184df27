//! What an operator types beside a server: other commands of the program, on the same data.

use std::path::Path;
use std::process::Stdio;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::deadline::PATIENCE;
use super::options::{PROGRAM, without_settings};
use super::{Server, within};

impl Server {
    /// Puts what `goldcrest backup` made in the place of its data, which must not be in use.
    pub async fn restores(&self, backup: &Path, options: &[&str]) -> String {
        let from = backup.to_str().expect("a path in UTF-8");
        self.command(&[&["restore", from, "--force"], options].concat()).await
    }

    /// What another command, run at the machine, printed; it must succeed.
    pub async fn command(&self, arguments: &[&str]) -> String {
        self.command_with_input(arguments, "").await
    }

    pub async fn command_with_input(&self, arguments: &[&str], input: &str) -> String {
        let mut command = Command::new(PROGRAM);
        without_settings(&mut command);
        command.args(arguments).envs(self.database().environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the binary starts");
        // A command that does not read its input may be gone before it is written.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()).await);
        let output = within(PATIENCE, "the command to end", child.wait_with_output())
            .await
            .expect("the command can be waited for");
        let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "goldcrest {arguments:?}: {out}{errors}");
        out.into_owned()
    }
}
