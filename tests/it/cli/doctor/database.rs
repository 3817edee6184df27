//! Databases of other versions, without their log, damaged, or with numbers that do not fit.

use std::os::unix::fs::FileExt;

use super::super::operator::Operator;
use super::Diagnosis;
use crate::support::{Person, Server, seconds};

const HERE: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// A database with something in it, which no server has open.
async fn lived_in() -> (Server, Operator) {
    let mut server = Server::start().await;
    Person::register(&server, "alice").await;
    server.terminate(seconds(10)).await;
    let operator = Operator::beside(&server);
    (server, operator)
}

#[tokio::test]
async fn a_schema_that_is_behind_is_worth_a_word_and_one_ahead_is_wrong() {
    let (server, operator) = lived_in().await;
    server.sql("DELETE FROM seaql_migrations WHERE version LIKE '%_remember_used_links'").await;
    let diagnosis = Diagnosis::of(&operator, &HERE).await;
    diagnosis.ails_only(&["schema"]).says("schema", "warning", "1 step behind", "goldcrest migrate");
    server.sql("INSERT INTO seaql_migrations VALUES ('m20991231_000001_think', 0)").await;
    let diagnosis = Diagnosis::of(&operator, &HERE).await;
    diagnosis.ails_only(&["schema"]).says("schema", "wrong", "m20991231_000001_think", "later");
}

#[tokio::test]
async fn numbers_that_do_not_fit_are_wrong() {
    let (server, operator) = lived_in().await;
    server.sql("UPDATE clock SET head = head + 5").await;
    Diagnosis::of(&operator, &HERE).await.ails_only(&["numbers"]).says("numbers", "wrong", "the log's is", "backup");
    server.sql("UPDATE clock SET head = head - 5, last_at = last_at + 3600000").await;
    let diagnosis = Diagnosis::of(&operator, &HERE).await;
    diagnosis.ails_only(&["clock"]).says("clock", "wrong", "in 59m", "NTP");
}

mod embedded {
    use super::*;

    #[tokio::test]
    async fn a_damaged_file_is_found() {
        let (_server, operator) = lived_in().await;
        let file = std::fs::OpenOptions::new().write(true).open(operator.file("goldcrest.db")).unwrap();
        let pages = file.metadata().unwrap().len() / 4096;
        // Not the first two, in which the schema stands.
        for page in 3..pages {
            file.write_all_at(&[0xA5; 64], page * 4096).unwrap();
        }
        let diagnosis = Diagnosis::of(&operator, &HERE).await;
        let damaged = [diagnosis.all("pages"), diagnosis.all("reachable")].concat();
        let is = |said: &super::super::Said| said.0 == "wrong" && said.2.contains("goldcrest restore");
        assert!(damaged.iter().any(is), "{diagnosis:#?}");
        std::fs::write(operator.file("goldcrest.db"), "no database at all, but a text of some length").unwrap();
        Diagnosis::of(&operator, &HERE).await.says("reachable", "wrong", "is not a database", "goldcrest restore");
    }

    #[tokio::test]
    async fn a_database_that_was_replaced_under_a_server_is_wrong() {
        let server = Server::start().await;
        let operator = Operator::beside(&server);
        let copy = operator.file("copy.db");
        std::fs::copy(operator.file("goldcrest.db"), &copy).unwrap();
        std::fs::rename(&copy, operator.file("goldcrest.db")).unwrap();
        let diagnosis = Diagnosis::of(&operator, &[]).await;
        diagnosis.says("replaced", "wrong", "writes nothing any more", "restart");
        diagnosis.says("listening", "wrong", "is not ready", "");
    }

    #[tokio::test]
    async fn a_missing_write_ahead_log_is_worth_a_word() {
        let (server, operator) = lived_in().await;
        server.sql("PRAGMA journal_mode = DELETE").await;
        let diagnosis = Diagnosis::of(&operator, &HERE).await;
        diagnosis.ails_only(&["durability"]).says("durability", "warning", "no write-ahead log", "turns it on");
    }
}
