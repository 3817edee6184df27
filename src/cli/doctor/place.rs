//! The data directory: whose it is, who may read it, and whether the disk below it is one to keep messages on.

use super::Patient;
use super::finding::{Finding, Report};
use super::server::Running;
use crate::cli::failed::Failed;
use crate::cli::progress::bytes;
use crate::config::DataDir;
use rustix::fs::{Access, access, statvfs};
use std::fs::{Metadata, metadata};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// What lies in a data directory and is for its owner alone.
const FILES: [&str; 6] = ["goldcrest.db", "goldcrest.db-wal", "goldcrest.db-shm", "jwt.key", "lock", "admin.sock"];
/// Free space below which nothing may be written soon, and below which that is worth a word.
const NO_SPACE: u64 = 100 << 20;
const LITTLE_SPACE: u64 = 1 << 30;

pub(super) fn look(patient: &Patient<'_>, report: &mut Report) -> Result<(), Failed> {
    let path = &patient.options.place.data_dir;
    let place = path.display();
    let Some(data_dir) = &patient.data_dir else {
        return report.tell(&if path.exists() {
            Finding::wrong("directory", format!("{place} is no directory"), "name another one with --data-dir")
        } else {
            let says = format!(
                "{place} is not there; the server makes it when it starts. If it should be there, name it with --data-dir"
            );
            Finding::skipped("directory", says)
        });
    };
    let about = match metadata(data_dir.path()) {
        Ok(about) => about,
        Err(error) => {
            let advice = "run this as the user that the server runs as";
            return report.tell(&Finding::wrong("directory", format!("{place} cannot be looked at: {error}"), advice));
        }
    };
    report.tell(&owners(data_dir, &about))?;
    report.tell(&permissions(data_dir, &about))?;
    if data_dir.unfinished_restore().exists() {
        let says = "a restore was broken off, and the files here may be of two databases";
        report.tell(&Finding::wrong("restore", says, "run `goldcrest restore` again"))?;
    }
    if patient.options.place.database_url().is_none()
        && let Err(moved) = data_dir.stayed()
    {
        report.tell(&Finding::wrong("moved", moved.to_string(), "say --database-url, or go back (docs/moving.md)"))?;
    }
    report.tell(&writable(data_dir.path(), &patient.server))?;
    report.tell_all(space(data_dir.path()))?;
    report.tell_all(filesystem(data_dir.path(), patient.options.place.database_url().is_none()))
}

/// The usual accident: a command typed as root leaves a file that the server's user cannot open.
fn owners(data_dir: &DataDir, about: &Metadata) -> Finding {
    const CHECK: &str = "owner";
    let (place, owner, group) = (data_dir.path().display(), about.uid(), about.gid());
    let me = rustix::process::geteuid();
    if !me.is_root() && me.as_raw() != owner {
        let says = format!(
            "{place} belongs to user {owner}, and you are user {}: much of it cannot be looked at",
            me.as_raw()
        );
        return Finding::wrong(
            CHECK,
            says,
            format!("run this as the user that the server runs as: sudo -u '#{owner}' goldcrest doctor"),
        );
    }
    let others: Vec<&str> = FILES
        .into_iter()
        .filter(|name| metadata(data_dir.path().join(name)).is_ok_and(|file| file.uid() != owner))
        .collect();
    if others.is_empty() {
        return Finding::fine(CHECK, format!("{place} and what is in it belong to user {owner}"));
    }
    let says = format!("{place} belongs to user {owner}, and {} in it to another", others.join(", "));
    Finding::wrong(CHECK, says, format!("chown -R {owner}:{group} {place}"))
}

fn permissions(data_dir: &DataDir, about: &Metadata) -> Finding {
    const CHECK: &str = "permissions";
    let place = data_dir.path().display();
    let mode = about.permissions().mode() & 0o777;
    let lets_others_in = mode & 0o077 != 0;
    if !lets_others_in {
        return Finding::fine(CHECK, format!("{place} is open to its owner alone ({mode:04o})"));
    }
    let open: Vec<&str> = FILES
        .into_iter()
        .filter(|name| {
            let file = metadata(data_dir.path().join(name));
            file.is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
        })
        .collect();
    if open.is_empty() {
        let says = format!("others may look into {place} ({mode:04o}), though into none of its files");
        return Finding::warning(CHECK, says, format!("chmod 700 {place}"));
    }
    let says = format!("others than the owner can open {} in {place}: with it, everybody's messages", open.join(", "));
    Finding::wrong(CHECK, says, format!("chmod 700 {place}; chmod 600 {place}/{}", open.join(&format!(" {place}/"))))
}

fn writable(path: &Path, server: &Running) -> Finding {
    const CHECK: &str = "writable";
    let place = path.display();
    match access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => Finding::fine(CHECK, format!("{place} can be written to")),
        Err(error) => {
            let says = format!("{place} cannot be written to: {error}");
            let advice = match server {
                Running::Here(_) => "run this as the server's user; if that cannot write either, nothing is kept",
                _ => "mount it for writing, and give it to the user that the server runs as",
            };
            Finding::wrong(CHECK, says, advice)
        }
    }
}

fn space(path: &Path) -> Vec<Finding> {
    match statvfs(path) {
        Ok(disk) => {
            let inodes = (disk.f_files > 0).then_some(disk.f_favail);
            vec![judge_space(disk.f_bavail.saturating_mul(disk.f_frsize), inodes)]
        }
        Err(error) => vec![Finding::skipped("space", format!("how much space is left is not known: {error}"))],
    }
}

fn judge_space(free: u64, inodes: Option<u64>) -> Finding {
    const CHECK: &str = "space";
    const ADVICE: &str = "make room, or move the data to a larger disk (docs/backup.md)";
    let says = format!("{} are free", bytes(free));
    if inodes == Some(0) {
        return Finding::wrong(CHECK, format!("{says}, and not one file more can be made there"), ADVICE);
    }
    match free {
        0..NO_SPACE => {
            Finding::wrong(CHECK, format!("{says}: soon nothing can be written, and every message is refused"), ADVICE)
        }
        NO_SPACE..LITTLE_SPACE => Finding::warning(CHECK, says, ADVICE),
        _ => Finding::fine(CHECK, says),
    }
}

/// File systems by the numbers that Linux has for them (`linux/magic.h`).
#[cfg(target_os = "linux")]
fn filesystem(path: &Path, embedded: bool) -> Vec<Finding> {
    match rustix::fs::statfs(path) {
        // The kernel's type of this number differs between machines; its low half is the same on all of them.
        #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "only these bits carry the number")]
        Ok(disk) => vec![judge_filesystem(disk.f_type as u32, embedded)],
        Err(error) => vec![Finding::skipped("filesystem", format!("its kind is not known: {error}"))],
    }
}

#[cfg(not(target_os = "linux"))]
fn filesystem(_: &Path, _: bool) -> Vec<Finding> {
    Vec::new()
}

#[cfg(target_os = "linux")]
fn judge_filesystem(kind: u32, embedded: bool) -> Finding {
    const CHECK: &str = "filesystem";
    let network = match kind {
        0x0000_6969 => "NFS",
        0x0000_517B | 0xFF53_4D42 | 0xFE53_4D42 => "SMB",
        0x5346_414F => "AFS",
        0x7375_7245 => "Coda",
        0x0102_1997 => "9p",
        0x00C3_6400 => "Ceph",
        _ => "",
    };
    if !network.is_empty() {
        let says = format!(
            "it lies on a network file system ({network}), where the locks of SQLite do not hold: the database breaks"
        );
        let advice = "move the data to a disk of this machine, or keep it in PostgreSQL or MariaDB (--database-url)";
        return if embedded {
            Finding::wrong(CHECK, says, advice)
        } else {
            Finding::fine(CHECK, format!("it lies on a network file system ({network}), and the database elsewhere"))
        };
    }
    match kind {
        0x0102_1994 | 0x8584_58F6 if embedded => Finding::warning(
            CHECK,
            "it lies in memory (tmpfs): all messages are gone when this machine stops",
            "name a directory on a disk with --data-dir",
        ),
        0x794C_7630 if embedded => Finding::warning(
            CHECK,
            "it lies in a container's own layer (overlayfs): all messages go with the container",
            "keep it in a volume, as docker-compose.yml does; outside of containers nothing is wrong with it",
        ),
        0x6573_5546 if embedded => Finding::warning(
            CHECK,
            "it lies on a file system of a program (FUSE); some of them keep no locks, or do not write when asked to",
            "move the data to a disk of this machine unless you know that this one does both",
        ),
        _ => Finding::fine(CHECK, "it lies on a file system of this machine"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_full_disk_is_wrong_and_a_filling_one_worth_a_word() {
        let verdict = |free, inodes| judge_space(free, inodes).verdict;
        assert_eq!(verdict(0, None), Verdict::Wrong);
        assert_eq!(verdict(NO_SPACE, Some(1)), Verdict::Warning);
        assert_eq!(verdict(LITTLE_SPACE, Some(1)), Verdict::Fine);
        assert_eq!(verdict(LITTLE_SPACE, Some(0)), Verdict::Wrong);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_database_file_is_not_for_the_network() {
        let verdict = |kind, embedded| judge_filesystem(kind, embedded).verdict;
        assert_eq!(verdict(0x6969, true), Verdict::Wrong);
        assert_eq!(verdict(0x6969, false), Verdict::Fine);
        assert_eq!(verdict(0x0102_1994, true), Verdict::Warning);
        assert_eq!(verdict(0xEF53, true), Verdict::Fine);
    }
}
