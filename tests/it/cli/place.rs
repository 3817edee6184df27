//! The data directory: who may read it, who holds it, and what is said when it is the wrong one.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::operator::{Operator, PASSWORD};
use crate::support::deadline::PATIENCE;
use crate::support::{FreeAddress, Server, within};

#[tokio::test]
async fn what_is_in_it_is_its_owners_alone() {
    let server = Server::start().await;
    let operator = Operator::beside(&server);
    operator.adds("bob").await;
    assert_eq!(operator.mode("."), 0o700);
    for file in ["admin.sock", "jwt.key", "lock", "goldcrest.db", "goldcrest.db-wal", "goldcrest.db-shm"] {
        assert_eq!(operator.mode(file), 0o600, "{file}");
    }
    assert!(!operator.file(".admin").exists(), "the socket's first place is gone");
}

#[tokio::test]
async fn the_socket_goes_with_the_server_and_a_dead_ones_is_replaced() {
    let mut server = Server::start().await;
    let operator = Operator::beside(&server);
    server.kill().await;
    assert!(operator.file("admin.sock").exists(), "nobody was left to remove it");
    operator.adds("alice").await;
    server.restart().await;
    assert_eq!(operator.mode("admin.sock"), 0o600);
    operator.adds("bob").await;
    server.terminate(crate::support::seconds(10)).await;
    assert!(!operator.file("admin.sock").exists());
    assert_eq!(operator.types(&["user", "list"]).await.succeeds().lines().count(), 3);
}

#[tokio::test]
async fn a_second_server_is_told_who_has_the_directory() {
    let server = Server::start().await;
    let operator = Operator::beside(&server);
    let complaint = operator.types(&["serve", "--listen", "127.0.0.1:0"]).await.complains();
    let process = server.process_id();
    assert!(complaint.contains("is in use by another goldcrest process"), "{complaint}");
    assert!(complaint.contains(&format!("process {process}")), "{complaint}");
    let complaint = operator.types(&["migrate"]).await.complains();
    assert!(complaint.contains("brings its database up to date when it starts"), "{complaint}");
}

#[tokio::test]
async fn a_command_says_so_when_the_holder_does_not_answer() {
    let operator = Operator::alone();
    operator.adds("bob").await;
    let lock = File::open(operator.file("lock")).unwrap();
    lock.lock().unwrap();
    let complaint = operator.types(&["user", "list"]).await.complains();
    assert!(complaint.contains("is in use by another goldcrest process"), "{complaint}");
    assert!(complaint.contains("does not answer at"), "{complaint}");
    drop(lock);
    operator.types(&["user", "list"]).await.succeeds();
}

#[tokio::test]
async fn commands_side_by_side_take_turns() {
    let operator = Operator::alone();
    operator.adds("alice").await;
    let names = ["bob", "carol", "dave"];
    futures_util::future::join_all(names.map(|name| operator.adds(name))).await;
    assert_eq!(operator.types(&["user", "list"]).await.succeeds().lines().count(), 5);
}

#[tokio::test]
async fn an_empty_place_is_the_wrong_place() {
    let operator = Operator::alone();
    for command in [&["user", "list"][..], &["token", "bob"], &["key", "list", "bob"], &["user", "suspend", "bob"]] {
        let complaint = operator.types(command).await.complains();
        assert!(complaint.contains("there is no database in") && complaint.contains("--data-dir"), "{complaint}");
        assert!(!operator.data_dir().exists(), "nothing is made in the wrong place");
        assert!(!complaint.contains("--database-url"), "{complaint}");
    }
    // Where a node was that keeps its data elsewhere there is only its lock.
    fs::create_dir(operator.data_dir()).unwrap();
    fs::write(operator.file("lock"), "").unwrap();
    let complaint = operator.types(&["user", "list"]).await.complains();
    assert!(complaint.contains("give --database-url or --database-url-file"), "{complaint}");
}

#[tokio::test]
async fn a_place_of_somebody_else_is_not_taken_for_an_empty_one() {
    let operator = Operator::alone();
    operator.adds("bob").await;
    let data = operator.data_dir().display().to_string();
    // Root gives it away; whoever cannot do that locks himself out.
    let whose = if std::os::unix::fs::chown(operator.data_dir(), Some(65_534), None).is_ok() {
        format!("{data} belongs to the user nobody, and you are root; run this as that user: sudo -u nobody")
    } else {
        fs::set_permissions(operator.data_dir(), Permissions::from_mode(0o0)).unwrap();
        format!("{data} is yours, and its permissions (0000) do not let you; chmod u+rwx {data}")
    };
    let backup = operator.data_dir().with_file_name("backup");
    for command in [
        &["user", "list"][..],
        &["user", "add", "ann", "--open"],
        &["backup", backup.to_str().unwrap()],
        &["restore", "--renumber"],
        &["migrate"],
        &["serve", "--listen", "127.0.0.1:0"],
    ] {
        let complaint = operator.types_without_rights(command).await.complains();
        assert!(complaint.contains("permission to use") && complaint.contains(&whose), "{command:?}: {complaint}");
    }
    let found = operator.types_without_rights(&["doctor", "--listen", "127.0.0.1:0"]).await;
    let said = found.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(&whose) && !found.out.contains("there is no database"), "{found:?}");
    fs::set_permissions(operator.data_dir(), Permissions::from_mode(0o700)).unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_so() {
    let operator = Operator::alone();
    operator.adds("bob").await;
    fs::write(operator.file("goldcrest.db"), "something else, and long enough to be looked at ".repeat(100)).unwrap();
    for command in [&["user", "list"][..], &["migrate"], &["serve", "--listen", "127.0.0.1:0"]] {
        let complaint = operator.types(command).await.complains();
        assert!(complaint.contains("file is not a database. Keep a copy"), "{command:?}: {complaint}");
        assert!(complaint.contains("goldcrest restore") && !complaint.contains("code: 26"), "{command:?}: {complaint}");
    }
}

#[tokio::test]
async fn a_database_server_that_is_not_there_is_told_from_one_whose_name_is_wrong() {
    let free = FreeAddress::take();
    let nobody = free.address;
    let at = |place: &str| format!("postgres://goldcrest:hunter22@{place}/goldcrest");
    let [refused, unknown] = [at(&nobody.to_string()), at("database.invalid")];
    let migrate = async |url: &str| Operator::alone().types(&["migrate", "--database-url", url]).await.errors;
    let (refused, unknown) = tokio::join!(migrate(&refused), migrate(&unknown));
    assert!(refused.contains(&format!("at {nobody}: the connection is refused: no database server")), "{refused}");
    assert!(unknown.contains("at database.invalid:5432: there is no host of the name database.invalid"), "{unknown}");
    assert!(!refused.contains("hunter22") && !unknown.contains("hunter22"));
}

#[tokio::test]
async fn migrate_says_what_it_did() {
    let operator = Operator::alone();
    let said = operator.types(&["migrate"]).await.succeeds();
    let (new, steps) = said.split_once('\n').unwrap();
    assert!(new.starts_with("there was no database in ") && new.ends_with(": this one is new"), "{said}");
    assert!(!steps.is_empty() && steps.lines().all(|line| line.starts_with("applied m")), "{steps}");
    assert_eq!(operator.types(&["migrate"]).await.line(), "the database is up to date");
    operator.adds("bob").await;
}

#[tokio::test]
async fn a_key_that_others_can_read_signs_nothing() {
    let operator = Operator::alone();
    operator.adds("bob").await;
    let key = operator.file("jwt.key");
    fs::set_permissions(&key, Permissions::from_mode(0o640)).unwrap();
    for command in [&["serve", "--listen", "127.0.0.1:0"][..], &["token", "bob"]] {
        let complaint = operator.types(command).await.complains();
        assert!(complaint.contains(&format!("chmod 600 {}", key.display())), "{complaint}");
    }
    fs::write(&key, "short").unwrap();
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    let complaint = operator.types(&["token", "bob"]).await.complains();
    assert!(complaint.contains("at least 32"), "{complaint}");
}

#[tokio::test]
async fn a_named_key_file_is_not_made() {
    let operator = Operator::alone();
    let key = operator.data_dir().with_file_name("my.key");
    let named = ["--jwt-key-file", key.to_str().unwrap(), "user", "add", "bob", "--password-stdin"];
    let complaint = operator.types_with(&named, PASSWORD).await.complains();
    assert!(complaint.contains("there is no signing key at"), "{complaint}");
    assert!(!key.exists());
}

#[tokio::test]
async fn the_socket_takes_verbs_and_nothing_else() {
    let server = Server::start().await;
    let operator = Operator::beside(&server);
    let status = async |request: String| {
        let mut socket = UnixStream::connect(operator.file("admin.sock")).await.unwrap();
        // A server may answer and close before it has taken everything.
        drop(socket.write_all(request.as_bytes()).await);
        let mut answer = String::new();
        drop(within(PATIENCE, "an answer", socket.read_to_string(&mut answer)).await);
        answer.split(' ').nth(1).unwrap_or_else(|| panic!("a status: {answer:?}")).to_owned()
    };
    let post =
        |body: &str| format!("POST /v1/verbs HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(status("GET /v1/verbs HTTP/1.1\r\nHost: x\r\n\r\n".to_owned()).await, "405");
    assert_eq!(status("POST /else HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".to_owned()).await, "404");
    assert_eq!(status("nonsense\r\n\r\n".to_owned()).await, "400");
    for body in ["", "{}", "nonsense", r#"{"verb":"drop_everything"}"#, r#"{"verb":"list_users","and":1}"#, "\u{0}"] {
        assert_eq!(status(post(body)).await, "400", "{body}");
    }
    assert_eq!(status(post(&"x".repeat(100_000))).await, "400");
    assert_eq!(status(post(r#"{"verb":"suspend_user","name":"nobody"}"#)).await, "422");
    assert_eq!(status(post(r#"{"verb":"list_users"}"#)).await, "200");
}
