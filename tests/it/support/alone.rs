//! Tests that need what is theirs alone: a network in which nobody else is, or a small disk. Linux gives that to anybody whom
//! it lets make namespaces; where it does not, `scripts/test` leaves them out and says so.

use std::process::Command;
use tempfile::tempdir;

/// Set in the process that has it.
const ALONE: &str = "GOLDCREST_TEST_ALONE";

/// What a test has for itself.
#[derive(Debug, Clone, Copy)]
pub enum Own {
    /// A network, with nothing in it but itself.
    Network,
    /// A disk of so many MiB, on which all temporary directories are.
    Disk(u32),
}

/// Runs the test of this name anew, in a process that has this for itself. Whether this is already that process.
pub fn is_alone(test: &str, with: Own) -> bool {
    if std::env::vars_os().any(|(name, _)| name == ALONE) {
        return true;
    }
    let place = tempdir().expect("a directory");
    let (namespace, prepared) = match with {
        Own::Network => ("--net", "ip link set lo up".to_owned()),
        Own::Disk(size) => ("--mount", format!("mount -t tmpfs -o size={size}m tmpfs \"$TMPDIR\"")),
    };
    let this = std::env::current_exe().expect("this binary has a path");
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", namespace, "sh", "-ec", &format!("{prepared}; exec \"$@\""), "sh"]);
    command.arg(this).args(["--exact", test, "--nocapture"]).env(ALONE, "1");
    if let Own::Disk(_) = with {
        command.env("TMPDIR", place.path());
    }
    assert!(command.status().expect("unshare runs").success(), "it failed where it was alone, with {with:?}");
    false
}
