//! Directories that others can read, that are full, or that cannot be written to; and keys.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use super::super::operator::Operator;
use super::Diagnosis;
use crate::support::deadline::PATIENCE;
use crate::support::options::without_settings;
use crate::support::{FreeAddress, within};

/// Without an address at which anybody could be.
const HERE: [&str; 2] = ["--listen", "127.0.0.1:0"];

fn opens(operator: &Operator, name: &str, mode: u32) {
    fs::set_permissions(operator.file(name), Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_key_that_others_can_read_is_wrong() {
    let operator = Operator::alone();
    operator.adds("bob").await;
    opens(&operator, "jwt.key", 0o640);
    let diagnosis = Diagnosis::of(&operator, &HERE).await;
    let remedy = format!("chmod 600 {}", operator.file("jwt.key").display());
    diagnosis.ails_only(&["signing_key"]).says("signing_key", "wrong", "others can read", &remedy);
    assert!(!diagnosis.all("signing_key")[0].1.contains("chmod"), "it is said once: {diagnosis:?}");
    opens(&operator, "jwt.key", 0o600);
    Diagnosis::of(&operator, &HERE).await.ails_only(&[]);
    fs::write(operator.file("jwt.key"), "short").unwrap();
    Diagnosis::of(&operator, &HERE).await.says("signing_key", "wrong", "at least 32", "/dev/urandom");
}

#[tokio::test]
async fn a_directory_that_others_can_read_is_worth_a_word_and_its_files_are_wrong() {
    let operator = Operator::alone();
    operator.adds("bob").await;
    opens(&operator, ".", 0o755);
    let diagnosis = Diagnosis::of(&operator, &HERE).await;
    diagnosis.ails_only(&["permissions"]).says("permissions", "warning", "0755", "chmod 700");
    opens(&operator, "goldcrest.db", 0o644);
    let diagnosis = Diagnosis::of(&operator, &HERE).await;
    diagnosis.ails_only(&["permissions"]).says("permissions", "wrong", "goldcrest.db", "chmod 600");
    opens(&operator, ".", 0o700);
    Diagnosis::of(&operator, &HERE).await.ails_only(&[]);
}

#[tokio::test]
async fn a_key_of_a_database_server_is_missed() {
    let operator = Operator::alone();
    let free = FreeAddress::take();
    let nobody = free.address;
    let url = format!("postgres://goldcrest:hunter22@{nobody}/goldcrest");
    let done = operator.types(&["doctor", "--listen", "127.0.0.1:0", "--database-url", &url]).await;
    assert!(done.out.contains("the signing key must be given: --jwt-key-file FILE"), "{done:?}");
    assert!(done.out.contains(&nobody.to_string()) && !done.out.contains("hunter22"), "{done:?}");
    assert_eq!(done.errors, "goldcrest: 2 things are wrong\n");
}

#[tokio::test]
async fn a_file_is_no_directory() {
    let operator = Operator::alone();
    fs::write(operator.data_dir(), "").unwrap();
    Diagnosis::of(&operator, &HERE).await.says("directory", "wrong", "is no directory", "--data-dir");
}

/// What the doctor says of a small disk of its own, on which a database was made, and to which this was done then.
async fn on_a_small_disk(done_to_it: &str) -> String {
    let home = tempfile::tempdir().unwrap();
    let script = format!(
        "mount -t tmpfs -o size=8m none \"$1\" && \"$0\" migrate --data-dir \"$1\" >&2 && {done_to_it} && \
         \"$0\" doctor --json --listen 127.0.0.1:0 --data-dir \"$1\""
    );
    let mut command = tokio::process::Command::new("unshare");
    // Namespaces of its own, in which anybody may mount.
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", &script, env!("CARGO_BIN_EXE_goldcrest")]);
    command.arg(home.path());
    without_settings(&mut command);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = within(PATIENCE, "the doctor to end", output).await.expect("unshare runs");
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(!out.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

fn verdict<'a>(out: &'a str, check: &str) -> &'a str {
    let line = out.lines().find(|line| line.contains(&format!("\"check\":\"{check}\"")));
    let line = line.unwrap_or_else(|| panic!("nothing is said of {check}: {out}"));
    line.split("\"verdict\":\"").nth(1).unwrap().split('"').next().unwrap()
}

#[tokio::test]
async fn a_full_disk_is_wrong_and_so_is_one_that_cannot_be_written_to() {
    let full = on_a_small_disk("{ head -c 9m /dev/zero >\"$1/filling\" 2>/dev/null; true; }").await;
    assert_eq!((verdict(&full, "space"), verdict(&full, "writable")), ("wrong", "fine"), "{full}");
    assert_eq!(verdict(&full, "filesystem"), "warning", "memory: {full}");
    assert_eq!(verdict(&full, "pages"), "fine", "{full}");
    let read_only = on_a_small_disk("mount -o remount,ro \"$1\"").await;
    assert_eq!(verdict(&read_only, "writable"), "wrong", "{read_only}");
    assert_eq!(verdict(&read_only, "pages"), "fine", "{read_only}");
}
