//! `goldcrest restore`: when it does it, when it does not, and what becomes of what was there.

use std::fs;
use std::path::Path;

use super::backup::{backs_up, beside, damage};
use super::operator::Operator;
use crate::support::database::change_file;
use crate::support::{Person, Server, seconds};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn users(operator: &Operator) -> usize {
    // One line is the heading.
    operator.types(&["user", "list"]).await.succeeds().lines().count() - 1
}

#[tokio::test]
async fn an_empty_place_becomes_what_the_backup_was() {
    let (operator, elsewhere) = (Operator::alone(), Operator::alone());
    operator.adds("alice").await;
    operator.adds("bob").await;
    operator.types(&["key", "add", "bob", "--name", "nightly", "--scope", "read"]).await.succeeds();
    let place = backs_up(&operator, "backup").await;
    let before = fs::read(place.join("goldcrest.db")).unwrap();
    let said = elsewhere.types(&["restore", text(&place)]).await.succeeds();
    assert!(said.contains("restored") && said.contains("people log in again"), "{said}");
    assert!(said.contains("and 1 API key,") && said.ends_with("ended: the key nightly of bob\n"), "{said}");
    assert_eq!(users(&elsewhere).await, 2);
    for file in ["goldcrest.db", "jwt.key"] {
        assert_eq!(elsewhere.mode(file), 0o600, "{file}");
    }
    for gone in [".restoring", "restore-unfinished"] {
        assert!(!elsewhere.file(gone).exists(), "{gone}");
    }
    assert_eq!(fs::read(place.join("goldcrest.db")).unwrap(), before, "the backup is as it was");
}

#[tokio::test]
async fn where_a_server_runs_it_does_nothing() {
    let server = Server::start().await;
    let operator = Operator::beside(&server);
    let place = backs_up(&operator, "backup").await;
    for arguments in [&["restore", text(&place), "--force"][..], &["restore", "--renumber"]] {
        let complaint = operator.types(arguments).await.complains();
        assert!(complaint.contains("is in use by another") && complaint.contains("Stop it first"), "{complaint}");
    }
    Person::register(&server, "alice").await;
}

#[tokio::test]
async fn what_is_there_is_kept_and_only_replaced_if_told_to() {
    let operator = Operator::alone();
    operator.adds("alice").await;
    let place = backs_up(&operator, "backup").await;
    operator.adds("bob").await;
    let complaint = operator.types(&["restore", text(&place)]).await.complains();
    assert!(complaint.contains("there is data in") && complaint.contains("--force"), "{complaint}");
    assert_eq!(users(&operator).await, 2);
    let said = operator.types(&["restore", text(&place), "--force"]).await.succeeds();
    assert_eq!(users(&operator).await, 1);
    let kept = said.lines().find_map(|line| line.strip_prefix("what was there before is in ")).expect("it says where");
    // It is a whole data directory, that could be gone back to.
    let back = Operator::alone();
    back.types(&["restore", kept]).await.succeeds();
    assert_eq!(users(&back).await, 2);
}

#[tokio::test]
async fn what_is_no_whole_backup_of_this_version_changes_nothing() {
    let operator = Operator::alone();
    operator.adds("alice").await;
    let backup = async |name: &str| backs_up(&operator, name).await;
    let foreign = beside(&operator, "foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("goldcrest.db"), "dear diary").unwrap();
    let other = backup("other").await;
    change_file(&other.join("goldcrest.db"), "DROP TABLE clock").await;
    let newer = backup("newer").await;
    change_file(&newer.join("goldcrest.db"), "INSERT INTO seaql_migrations VALUES ('m20991231_000001_fly', 0)").await;
    let damaged = backup("damaged").await;
    damage(&damaged.join("goldcrest.db"));
    let empty = beside(&operator, "empty");
    fs::create_dir(&empty).unwrap();
    let before = fs::read(operator.file("goldcrest.db")).unwrap();
    for (place, said, remedy) in [
        (
            &foreign,
            "is not a database of Goldcrest",
            "Nothing was changed: name a directory that `goldcrest backup` made",
        ),
        (
            &other,
            "is not a database of Goldcrest",
            "Nothing was changed: name a directory that `goldcrest backup` made",
        ),
        (&newer, "is from a newer Goldcrest (it has m20991231_000001_fly)", "Nothing was changed"),
        (&damaged, "is damaged", "Nothing was changed: take another backup"),
        (&empty, "there is no goldcrest.db in", "Name a directory that `goldcrest backup` made"),
    ] {
        let complaint = operator.types(&["restore", text(place), "--force"]).await.complains();
        assert!(complaint.contains(said) && complaint.contains(remedy), "{said}: {complaint}");
        assert!(complaint.contains(text(place)) && !complaint.contains(".restoring"), "{said}: {complaint}");
        let elsewhere = Operator::alone();
        elsewhere.types(&["restore", text(place)]).await.complains();
        assert!(!elsewhere.data_dir().exists(), "{said}: nothing is left where nothing was");
        assert_eq!(fs::read(operator.file("goldcrest.db")).unwrap(), before, "{said}");
        assert!(!operator.file(".restoring").exists(), "{said}");
    }
}

#[tokio::test]
async fn a_copy_of_a_data_directory_is_taken_with_its_last_commits() {
    let mut server = Server::start().await;
    let operator = Operator::beside(&server);
    Person::register(&server, "alice").await;
    server.kill().await;
    assert!(operator.file("goldcrest.db-wal").metadata().unwrap().len() > 0, "the commits stand in the log");
    let elsewhere = Operator::alone();
    elsewhere.types(&["restore", text(operator.data_dir())]).await.succeeds();
    assert_eq!(users(&elsewhere).await, 1);
}

#[tokio::test]
async fn a_restore_that_was_broken_off_is_done_again_before_anything_else() {
    let operator = Operator::alone();
    operator.adds("alice").await;
    let place = backs_up(&operator, "backup").await;
    fs::write(operator.file("restore-unfinished"), "").unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["user", "list"], &["migrate"]] {
        let complaint = operator.types(command).await.complains();
        assert!(complaint.contains("was broken off") && complaint.contains("goldcrest restore"), "{complaint}");
    }
    operator.types(&["restore", text(&place)]).await.succeeds();
    assert_eq!(users(&operator).await, 1);
}

#[tokio::test]
async fn a_database_that_was_put_back_by_other_means_is_renumbered() {
    let mut server = Server::start().await;
    let operator = Operator::beside(&server);
    let alice = Person::register(&server, "alice").await;
    let head = alice.head().await;
    server.terminate(seconds(10)).await;
    let said = operator.types(&["restore", "--renumber"]).await.succeeds();
    assert!(said.contains(&format!("it ends with event {head}")), "{said}");
    assert!(said.contains("ended 1 session and 0 API keys"), "{said}");
    server.restart().await;
    assert!(alice.login(&server).await.head().await > 1 << 32);
    assert_eq!(alice.get("/api/v1/me").await.status, 401);
}

#[tokio::test]
async fn what_belongs_to_the_other_way_is_not_taken() {
    let operator = Operator::alone();
    for arguments in [&["restore"][..], &["restore", "there", "--renumber"], &["restore", "--renumber", "--force"]] {
        operator.types(arguments).await.misuses();
    }
    let complaint = operator.types(&["restore", "--renumber"]).await.complains();
    assert!(complaint.contains("there is no database in"), "{complaint}");
}
