//! What the promise needs of a database: that what was committed is on disk, whole, and in the order of commits.

use super::finding::Finding;
use std::collections::BTreeMap;

type Settings = BTreeMap<String, String>;

/// The smallest packet that all of a large batch fits into.
const PACKET: u64 = 16 << 20;
/// What the server asks `PostgreSQL` for, in milliseconds: who swallows that swallows the rest too.
const IDLE: &str = "5000";

/// The embedded database, and the connection that the running server writes through.
pub(super) fn of_sqlite(keeps_log: bool, writer: &Settings) -> Vec<Finding> {
    const CHECK: &str = "durability";
    const ADVICE: &str = "restart the server; if it stays so, something else has the database open and changes it";
    let is = |name: &str, value: &str| writer.get(name).is_some_and(|is| is == value);
    if writer.is_empty() {
        return vec![Finding::skipped(CHECK, "the running server does not say how it writes")];
    }
    let mut found = Vec::new();
    if !keeps_log || !is("journal_mode", "wal") {
        let says = "the database keeps no write-ahead log: readers and the writer wait for each other";
        found.push(Finding::wrong(CHECK, says, ADVICE));
    }
    // FULL, or EXTRA.
    if !is("synchronous", "2") && !is("synchronous", "3") {
        let says = "the server does not sync what it writes (synchronous): a power cut loses what was acknowledged";
        found.push(Finding::wrong(CHECK, says, ADVICE));
    }
    if !is("foreign_keys", "1") {
        let says = "the server's connection does not check foreign keys";
        found.push(Finding::wrong(CHECK, says, ADVICE));
    }
    if found.is_empty() {
        let says = "it keeps a write-ahead log, and syncs it before anybody is answered (synchronous=FULL)";
        found.push(Finding::fine(CHECK, says));
    }
    found
}

/// `PostgreSQL`, as a connection of the server's finds it.
pub(super) fn of_postgres(settings: &Settings) -> Vec<Finding> {
    const CHECK: &str = "durability";
    const EDIT: &str = "in postgresql.conf, and reload it";
    let is = |name: &str, value: &str| settings.get(name).is_some_and(|is| is == value);
    let mut found = Vec::new();
    if is("synchronous_commit", "off") {
        let says = "synchronous_commit is off: a crash of the database server loses what was acknowledged";
        found.push(Finding::wrong(
            CHECK,
            says,
            format!("synchronous_commit = on {EDIT}, or ALTER ROLE … SET synchronous_commit = on"),
        ));
    }
    if is("fsync", "off") {
        let says = "fsync is off: a power cut loses what was acknowledged, and may break the database";
        found.push(Finding::wrong(CHECK, says, format!("fsync = on {EDIT}")));
    }
    if is("full_page_writes", "off") {
        let says = "full_page_writes is off: a power cut in the middle of a page breaks the database";
        found.push(Finding::wrong(
            CHECK,
            says,
            format!("full_page_writes = on {EDIT}, unless the file system never tears a page (ZFS)"),
        ));
    }
    if found.is_empty() {
        found.push(Finding::fine(
            CHECK,
            "what is committed is synced to disk (synchronous_commit, fsync, full_page_writes)",
        ));
    }
    if !is("idle_in_transaction_session_timeout", IDLE) {
        let says = "the database does not take the limits that the server sets for its sessions: a frozen server would keep \
                    all others from writing";
        let advice = "connect without a pooler in between, or have it pass session settings on";
        found.push(Finding::warning("sessions", says, advice));
    }
    if settings.get("server_encoding").is_some_and(|encoding| encoding != "UTF8") {
        let says = "the database is not in UTF-8: most scripts cannot be written in it";
        found.push(Finding::wrong(
            "encoding",
            says,
            "make a new one: createdb --encoding UTF8 --template template0 NAME",
        ));
    }
    found
}

/// `MariaDB`, as a connection of the server's finds it.
pub(super) fn of_mariadb(settings: &Settings, other_collations: &[String]) -> Vec<Finding> {
    const CHECK: &str = "durability";
    const EDIT: &str = "under [mysqld] in the server's configuration, and restart it";
    let is = |name: &str, value: &str| settings.get(name).is_some_and(|is| is.eq_ignore_ascii_case(value));
    let has_log = is("log_bin", "ON");
    let mut found = Vec::new();
    if !is("innodb_flush_log_at_trx_commit", "1") {
        let says = "innodb_flush_log_at_trx_commit is not 1: a power cut loses what was acknowledged";
        found.push(Finding::wrong(CHECK, says, format!("innodb_flush_log_at_trx_commit = 1 {EDIT}")));
    }
    if has_log && !is("sync_binlog", "1") {
        let says = "sync_binlog is not 1: after a power cut the binary log, and whoever replicates it, may lack what was \
                    acknowledged";
        found.push(Finding::warning(CHECK, says, format!("sync_binlog = 1 {EDIT}")));
    }
    if is("innodb_doublewrite", "OFF") {
        let says = "innodb_doublewrite is off: a power cut in the middle of a page breaks the database";
        found.push(Finding::warning(
            CHECK,
            says,
            format!("innodb_doublewrite = ON {EDIT}, unless the file system never tears a page (ZFS)"),
        ));
    }
    if found.is_empty() {
        found.push(Finding::fine(
            CHECK,
            "what is committed is synced to disk (innodb_flush_log_at_trx_commit, sync_binlog)",
        ));
    }
    if !is("tx_isolation", "READ-COMMITTED") && !is("transaction_isolation", "READ-COMMITTED") {
        let says =
            "writing sessions are not READ COMMITTED: after waiting for others they would not see what those wrote";
        found.push(Finding::wrong(
            "isolation",
            says,
            "connect without a proxy in between that takes session settings away",
        ));
    } else if has_log && is("binlog_format", "STATEMENT") {
        let says = "binlog_format is STATEMENT, with which READ COMMITTED sessions cannot write at all";
        found.push(Finding::wrong("isolation", says, format!("binlog_format = ROW {EDIT}")));
    }
    if let Some(packet) = settings.get("max_allowed_packet").and_then(|bytes| bytes.parse::<u64>().ok())
        && packet < PACKET
    {
        let says =
            format!("max_allowed_packet is {packet} bytes: many long messages at once are then written one by one");
        found.push(Finding::warning("packet", says, format!("max_allowed_packet = 64M {EDIT}")));
    }
    if !other_collations.is_empty() {
        let says = format!(
            "these tables are not utf8mb4_nopad_bin, so that names count as equal that are not, or cannot be written: {}",
            other_collations.join(", ")
        );
        let advice = "ALTER TABLE … CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin, while no server runs";
        found.push(Finding::wrong("encoding", says, advice));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn worst(found: &[Finding], is: Verdict, says: &str) {
        let bad: Vec<_> = found.iter().filter(|finding| finding.verdict != Verdict::Fine).collect();
        assert!(bad.len() == 1 && bad[0].verdict == is && bad[0].says.contains(says), "{found:#?}");
    }

    #[test]
    fn each_setting_that_breaks_the_promise_is_found() {
        let good = [("journal_mode", "wal"), ("synchronous", "2"), ("foreign_keys", "1")];
        assert!(of_sqlite(true, &settings(&good)).iter().all(|finding| finding.verdict == Verdict::Fine));
        worst(&of_sqlite(false, &settings(&good)), Verdict::Wrong, "write-ahead log");
        for (name, value, says) in [
            ("journal_mode", "delete", "write-ahead log"),
            ("synchronous", "1", "power cut"),
            ("foreign_keys", "0", "foreign"),
        ] {
            let mut bad = settings(&good);
            bad.insert(name.to_owned(), value.to_owned());
            worst(&of_sqlite(true, &bad), Verdict::Wrong, says);
        }
    }

    #[test]
    fn each_setting_of_a_database_server_that_breaks_it_is_found() {
        let good = settings(&[
            ("synchronous_commit", "on"),
            ("fsync", "on"),
            ("full_page_writes", "on"),
            ("idle_in_transaction_session_timeout", "5000"),
            ("server_encoding", "UTF8"),
        ]);
        assert!(of_postgres(&good).iter().all(|finding| finding.verdict == Verdict::Fine));
        for (name, value, verdict) in [
            ("synchronous_commit", "off", Verdict::Wrong),
            ("fsync", "off", Verdict::Wrong),
            ("full_page_writes", "off", Verdict::Wrong),
            ("idle_in_transaction_session_timeout", "0", Verdict::Warning),
            ("server_encoding", "SQL_ASCII", Verdict::Wrong),
        ] {
            let mut bad = good.clone();
            bad.insert(name.to_owned(), value.to_owned());
            worst(&of_postgres(&bad), verdict, "");
        }
        let good = settings(&[
            ("innodb_flush_log_at_trx_commit", "1"),
            ("log_bin", "ON"),
            ("sync_binlog", "1"),
            ("binlog_format", "MIXED"),
            ("innodb_doublewrite", "ON"),
            ("tx_isolation", "READ-COMMITTED"),
            ("max_allowed_packet", "16777216"),
        ]);
        assert!(of_mariadb(&good, &[]).iter().all(|finding| finding.verdict == Verdict::Fine));
        worst(&of_mariadb(&good, &["users".to_owned()]), Verdict::Wrong, "users");
        for (name, value, verdict) in [
            ("innodb_flush_log_at_trx_commit", "2", Verdict::Wrong),
            ("sync_binlog", "0", Verdict::Warning),
            ("innodb_doublewrite", "OFF", Verdict::Warning),
            ("tx_isolation", "REPEATABLE-READ", Verdict::Wrong),
            ("binlog_format", "STATEMENT", Verdict::Wrong),
            ("max_allowed_packet", "1048576", Verdict::Warning),
        ] {
            let mut bad = good.clone();
            bad.insert(name.to_owned(), value.to_owned());
            worst(&of_mariadb(&bad, &[]), verdict, "");
        }
    }
}
