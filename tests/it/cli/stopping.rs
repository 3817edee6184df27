//! Who is asked to end before he is done: heard at any moment, and what is left is said.
//!
//! Some of these tests start a database server of their own (`scripts/databases`), whatever the others run on.

use std::process::Stdio;

use sea_orm::{ConnectionTrait, DatabaseConnection};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};

use super::operator::{Done, Operator};
use crate::support::database::open_file;
use crate::support::server::http_client;
use crate::support::signal::{Signal, signal};
use crate::support::{Database, DatabaseServer, FreeAddress, eventually, seconds, within};

/// How soon whoever is asked to end has done so: what he waited for never comes.
const SOON: std::time::Duration = seconds(5);

/// What a command said that was ended by this signal.
pub async fn ended_by(how: Signal, child: Child) -> Done {
    signal(how, child.id().expect("it runs"));
    let output = within(SOON, "the command to end", child.wait_with_output()).await.expect("it can be waited for");
    Done {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("output is UTF-8"),
        errors: String::from_utf8(output.stderr).expect("messages are UTF-8"),
    }
}

fn spawn(mut command: Command) -> Child {
    command.stdin(Stdio::null()).spawn().expect("the command starts")
}

#[tokio::test]
async fn a_server_that_waits_for_its_embedded_database_is_told_to_stop() {
    for how in [Signal::TERM, Signal::INT] {
        let operator = Operator::alone();
        operator.adds("bob").await;
        let lock = open_file(&operator.file("goldcrest.db")).await;
        lock.execute_unprepared("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").await.unwrap();
        let free = FreeAddress::take();
        let address = free.address;
        let child = spawn(operator.command(&["serve", "--listen", &address.to_string()]));
        let http = http_client().build().unwrap();
        eventually(seconds(20), "an answer before the server is there", async || {
            http.get(format!("http://{address}/healthz")).send().await.ok()
        })
        .await;
        let Done { code, errors, out } = ended_by(how, child).await;
        assert_eq!((code, out.as_str()), (Some(0), ""), "{how:?}: {errors}");
        assert!(errors.contains("stopped before anything was served"), "{errors}");
    }
}

/// A database in which somebody has the turn at the schema, as one who migrates for long.
async fn another_is_at_it(database: &Database) -> DatabaseConnection {
    let holder = database.connect().await;
    holder.execute_unprepared("SELECT pg_advisory_lock(7164789243)").await.expect("the turn is free");
    holder
}

#[tokio::test]
async fn who_waits_for_another_at_the_schema_is_told_to_stop() {
    let database_server = DatabaseServer::start("postgres").await;
    let database = database_server.database().await;
    let holder = another_is_at_it(&database).await;
    let mut operator = Operator::alone();
    for (name, value) in database.environment() {
        operator = operator.with(&name, &value);
    }
    let asks = "query LIKE 'SELECT CASE WHEN pg_try_advisory_lock%'";
    let here = "pg_stat_activity";
    for (arguments, code, says) in [
        (&["serve", "--listen", "127.0.0.1:0"][..], 0, "stopped before anything was served"),
        (&["migrate"], 1, "ended by SIGTERM: the database may not be up to date"),
        (&["restore", "--renumber"], 1, "ended by SIGTERM: whether the numbers were moved is not known"),
        (&["user", "add", "bob", "--password-stdin"], 1, "ended by SIGTERM: nothing was done"),
    ] {
        let mut command = operator.command(arguments);
        command.stdin(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let mut input = child.stdin.take().unwrap();
        drop(tokio::io::AsyncWriteExt::write_all(&mut input, super::operator::PASSWORD.as_bytes()).await);
        drop(input);
        eventually(seconds(20), "it to ask whose turn it is", async || {
            (database.count(here, asks).await > 0).then_some(())
        })
        .await;
        let done = ended_by(Signal::TERM, child).await;
        assert_eq!((done.code, done.out.as_str()), (Some(code), ""), "{arguments:?}: {}", done.errors);
        assert!(done.errors.contains(says), "{arguments:?}: {}", done.errors);
        eventually(seconds(20), "its connection to end", async || {
            (database.count(here, asks).await == 0).then_some(())
        })
        .await;
    }
    holder.close().await.expect("the turn ends with the connection");
}

#[tokio::test]
async fn a_server_that_waits_for_a_database_server_is_told_to_stop() {
    let database_server = DatabaseServer::start("postgres").await;
    let database = database_server.database().await;
    let mut operator = Operator::alone();
    for (name, value) in database.environment() {
        operator = operator.with(&name, &value);
    }
    database_server.freezes();
    let mut child = spawn(operator.command(&["serve", "--listen", "127.0.0.1:0"]));
    let mut errors = child.stderr.take().unwrap();
    let mut said = String::new();
    within(seconds(20), "a word on whom it waits for", async {
        let mut some = [0; 1024];
        while !said.contains("does not answer yet; waiting for it") {
            let count = errors.read(&mut some).await.unwrap();
            assert!(count > 0, "it ended: {said}");
            said.push_str(&String::from_utf8_lossy(&some[..count]));
        }
    })
    .await;
    let done = ended_by(Signal::TERM, child).await;
    assert_eq!(done.code, Some(0), "{said}");
    database_server.thaws();
}
