//! `goldcrest backup`: what it makes beside a server and without one, and what it refuses.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::operator::Operator;
use crate::support::{Log, Person, Server, seconds};

/// A place for a backup beside a data directory.
pub fn beside(operator: &Operator, name: &str) -> PathBuf {
    operator.data_dir().with_file_name(name)
}

/// Makes a backup.
pub async fn backs_up(operator: &Operator, name: &str) -> PathBuf {
    let place = beside(operator, name);
    let said = operator.types(&["backup", place.to_str().unwrap()]).await.succeeds();
    assert!(said.contains("backed up the database and the signing key"), "{said}");
    place
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn beside_a_server_it_holds_all_that_was_acknowledged_and_is_its_owners_alone() {
    let server = Server::start().await;
    let operator = Operator::beside(&server);
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    for number in 0..10 {
        alice.say(direct, &format!("before {number}")).await;
    }
    let head = alice.head().await;
    // People go on writing while the copy is made.
    let writing = async {
        for number in 0..50 {
            alice.say(direct, &format!("during {number}")).await;
        }
    };
    let (place, ()) = tokio::join!(backs_up(&operator, "backup"), writing);
    assert_eq!(names(&place), ["goldcrest.db", "jwt.key"]);
    assert_eq!(names(place.parent().unwrap()), ["backup", "data"], "nothing unfinished is left");
    assert_eq!(mode(&place), 0o700);
    for file in ["goldcrest.db", "jwt.key"] {
        assert_eq!(mode(&place.join(file)), 0o600, "{file}");
    }
    assert_eq!(fs::read(place.join("jwt.key")).unwrap(), fs::read(operator.file("jwt.key")).unwrap());
    let copy = Log::read(&place.join("goldcrest.db")).await;
    copy.assert_dense();
    assert!(copy.head() >= head, "{} of {head}", copy.head());
    alice.say(direct, "after").await;
}

#[tokio::test]
async fn without_a_server_it_is_made_under_the_lock() {
    let mut server = Server::start().await;
    let operator = Operator::beside(&server);
    Person::register(&server, "alice").await;
    // What a killed server committed last stands beside the database.
    server.kill().await;
    let place = backs_up(&operator, "backup").await;
    assert_eq!(Log::read(&place.join("goldcrest.db")).await.events.len(), server.events_on_disk().await.events.len());
    let lock = fs::File::open(operator.file("lock")).unwrap();
    lock.lock().unwrap();
    let other = beside(&operator, "other");
    let complaint = operator.types(&["backup", other.to_str().unwrap()]).await.complains();
    assert!(complaint.contains("is in use by another goldcrest process"), "{complaint}");
    assert_eq!(names(other.parent().unwrap()), ["backup", "data"], "nothing unfinished is left");
}

#[tokio::test]
async fn it_replaces_a_backup_if_told_to_and_nothing_else_ever() {
    let operator = Operator::alone();
    operator.adds("alice").await;
    let place = backs_up(&operator, "backup").await;
    let before = fs::read(place.join("goldcrest.db")).unwrap();
    operator.adds("bob").await;
    let path = place.to_str().unwrap();
    let complaint = operator.types(&["backup", path]).await.complains();
    assert!(complaint.contains("holds a backup already") && complaint.contains("--force"), "{complaint}");
    assert_eq!(fs::read(place.join("goldcrest.db")).unwrap(), before);
    operator.types(&["backup", path, "--force"]).await.succeeds();
    assert_ne!(fs::read(place.join("goldcrest.db")).unwrap(), before);
    assert_eq!(names(place.parent().unwrap()), ["backup", "data"]);
    fs::write(place.join("diary.txt"), "dear diary").unwrap();
    let data_dir = operator.data_dir().to_str().unwrap().to_owned();
    for elsewhere in [path, &data_dir] {
        let complaint = operator.types(&["backup", elsewhere, "--force"]).await.complains();
        assert!(complaint.contains("holds something else than a backup"), "{complaint}");
    }
    assert!(place.join("diary.txt").exists() && operator.file("goldcrest.db").exists());
}

#[tokio::test]
async fn a_place_within_the_data_directory_will_do() {
    let server = Server::start().await;
    let operator = Operator::beside(&server);
    let place = operator.file("backup");
    operator.types(&["backup", place.to_str().unwrap()]).await.succeeds();
    assert_eq!(names(&place), ["goldcrest.db", "jwt.key"]);
}

#[tokio::test]
async fn a_damaged_database_is_not_called_backed_up() {
    let mut server = Server::start().await;
    let operator = Operator::beside(&server);
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    for number in 0..100 {
        alice.say(direct, &format!("{number} {}", "x".repeat(1000))).await;
    }
    server.terminate(seconds(10)).await;
    damage(&operator.file("goldcrest.db"));
    let place = beside(&operator, "backup");
    let complaint = operator.types(&["backup", place.to_str().unwrap()]).await.complains();
    assert!(complaint.contains("malformed") || complaint.contains("damaged"), "{complaint}");
    assert_eq!(names(place.parent().unwrap()), ["data"], "nothing is left of it");
}

/// Overwrites the second half of a file.
pub fn damage(file: &Path) {
    let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
    let length = usize::try_from(file.metadata().unwrap().len()).unwrap();
    file.seek(SeekFrom::Start(length as u64 / 2)).unwrap();
    file.write_all(&vec![0x5a; length - length / 2]).unwrap();
}

#[tokio::test]
async fn what_is_not_in_a_file_is_left_to_the_tools_of_its_server() {
    let operator = Operator::alone().with("GOLDCREST_DATABASE_URL", "postgres://localhost/goldcrest");
    let complaint = operator.types(&["backup", "there"]).await.complains();
    for said in ["pg_dump", "goldcrest restore --renumber"] {
        assert!(complaint.contains(said), "{complaint}");
    }
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join("goldcrest.db"), "").unwrap();
    let complaint = operator.types(&["restore", home.path().to_str().unwrap()]).await.complains();
    assert!(complaint.contains("goldcrest restore --renumber"), "{complaint}");
    assert!(!operator.data_dir().exists(), "nothing was begun");
}

#[tokio::test]
async fn an_empty_place_has_nothing_to_back_up() {
    let operator = Operator::alone();
    let complaint = operator.types(&["backup", beside(&operator, "backup").to_str().unwrap()]).await.complains();
    assert!(complaint.contains("there is no database in") && complaint.contains("--data-dir"), "{complaint}");
    assert!(!operator.data_dir().exists());
}

#[tokio::test]
async fn what_keeps_a_backup_from_its_place_is_said() {
    let operator = Operator::alone();
    operator.adds("bob").await;
    let missing = beside(&operator, "not/there");
    let complaint = operator.types(&["backup", missing.to_str().unwrap()]).await.complains();
    let above = missing.parent().unwrap().display();
    assert!(
        complaint.contains(&format!("there is no directory {above}. Make it first: mkdir -p {above}")),
        "{complaint}"
    );
    assert!(!complaint.contains("unfinished"), "{complaint}");
    let locked = beside(&operator, "locked");
    fs::create_dir(&locked).unwrap();
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o500)).unwrap();
    let within = locked.join("backup");
    let complaint = operator.types_without_rights(&["backup", within.to_str().unwrap()]).await.complains();
    let said = format!("cannot make {}: {} is yours, and its permissions (0500)", within.display(), locked.display());
    assert!(complaint.contains(&said) && complaint.contains("that you may write to"), "{complaint}");
    let file = beside(&operator, "data/goldcrest.db").join("backup");
    let complaint = operator.types(&["backup", file.to_str().unwrap()]).await.complains();
    assert!(complaint.contains("goldcrest.db is no directory"), "{complaint}");
}
