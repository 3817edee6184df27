//! Copies that somebody ends, or that come to no good end by themselves: what stands there then, and what is said of it.

use super::{copies, holds_up, lively, url_of};
use crate::cli::operator::Operator;
use crate::cli::stopping::ended_by;
use crate::cluster::proxy::{Gate, Proxy, Trap};
use crate::support::database::rows;
use crate::support::database_server::on_each_kind;
use crate::support::deadline::PATIENCE;
use crate::support::signal::Signal;
use crate::support::{Database, DatabaseServer, Person, Server, eventually, seconds, within};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

on_each_kind! {
    whoever_ends_a_copy_is_told_what_is_left by is_ended,
    two_copies_never_make_one_database by is_overtaken,
    what_became_of_the_last_step_is_looked_up by loses_a_word,
    who_runs_there_unused_notices by runs_there,
}

/// What was used, and stopped.
async fn used() -> (Server, Operator) {
    let mut server = Server::start().await;
    lively(&server).await;
    server.terminate(seconds(10)).await;
    let operator = Operator::beside(&server);
    (server, operator)
}

/// A database with tables and nothing in them.
async fn empty(database_server: &DatabaseServer) -> Database {
    let target = database_server.database().await;
    Operator::alone().with("GOLDCREST_DATABASE_URL", &url_of(&target)).types(&["migrate"]).await.succeeds();
    target
}

/// A copy that has come to the messages, the first of which waits for whoever holds them up.
async fn half_way(
    operator: &Operator,
    to: &str,
    holder: &DatabaseConnection,
) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut copying = operator.command(&["copy", to]).spawn().expect("the command starts");
    let mut lines = BufReader::new(copying.stdout.take().unwrap()).lines();
    within(PATIENCE, "the copy to come to the messages", async {
        while !lines.next_line().await.unwrap().expect("it goes on").starts_with("copied stays") {}
    })
    .await;
    waits(holder, "the first message to be held up").await;
    (copying, lines)
}

/// Until the copy waits for what this connection holds.
async fn waits(holder: &DatabaseConnection, what: &str) {
    eventually(PATIENCE, what, async || {
        is_any(
            holder,
            "SELECT COUNT(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
            "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE state = 'User lock'",
        )
        .await
        .then_some(())
    })
    .await;
}

/// How it ended, and what it complained of.
async fn end(copying: Child) -> (Option<i32>, String) {
    let output = within(seconds(60), "the copy to end", copying.wait_with_output()).await.unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

async fn is_ended(database_server: &DatabaseServer) {
    let (mut server, operator) = used().await;
    let target = empty(database_server).await;
    let holder = holds_up(&target).await;
    let (copying, _lines) = half_way(&operator, &url_of(&target), &holder).await;
    let done = ended_by(Signal::TERM, copying).await;
    assert_eq!(done.code, Some(1), "{}", done.errors);
    assert!(done.errors.contains("ended by SIGTERM: not all of it was copied"), "{}", done.errors);
    holder.close().await.expect("the lock ends with the connection");
    server.restart().await;
}

/// As if its turn had ended with a connection that was lost, and somebody else had taken it.
async fn is_overtaken(database_server: &DatabaseServer) {
    let (mut server, operator) = used().await;
    let target = empty(database_server).await;
    let holder = holds_up(&target).await;
    let (copying, mut lines) = half_way(&operator, &url_of(&target), &holder).await;
    let reading = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    // It waits for the part that is being written, if it comes after its begin, and the next part is another's.
    let taken = AtomicBool::new(false);
    let takes = async {
        target.sql("UPDATE clock SET line = line + 1 WHERE id = 0").await;
        taken.store(true, Ordering::Relaxed);
    };
    let ((), (code, said)) = tokio::join!(takes, async {
        eventually(PATIENCE, "somebody to take the clock, or to wait for it", async || {
            (taken.load(Ordering::Relaxed) || waits_for_clock(&holder).await).then_some(())
        })
        .await;
        holder.close().await.expect("the lock ends with the connection");
        end(copying).await
    });
    reading.await.expect("it ends");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("another copy into the database at") && said.contains("let that one run"), "{said}");
    assert_eq!(target.count("clock", "id = 1").await, 0, "no server starts there");
    server.restart().await;
}

async fn is_any(database: &DatabaseConnection, postgres: &str, mariadb: &str) -> bool {
    let query = if database.get_database_backend() == DbBackend::Postgres { postgres } else { mariadb };
    rows(database, query).await[0].try_get::<i64>("", "n").unwrap() > 0
}

async fn waits_for_clock(database: &DatabaseConnection) -> bool {
    is_any(
        database,
        "SELECT COUNT(*) AS n FROM pg_stat_activity WHERE query LIKE 'UPDATE clock%' AND wait_event_type = 'Lock'",
        // Of transactions it tells anew only whoever has not asked for a while.
        "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE info LIKE 'UPDATE clock%'",
    )
    .await
}

/// Has the last step wait for whoever holds this lock.
async fn holds_up_the_last_step(target: &Database) -> DatabaseConnection {
    let holder = target.connect().await;
    let statements: &[&str] = match holder.get_database_backend() {
        DbBackend::Postgres => &[
            "CREATE FUNCTION wait_last() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN IF NEW.id = 1 THEN PERFORM pg_advisory_lock(1); END IF; RETURN NEW; END'",
            "CREATE TRIGGER wait_last BEFORE INSERT ON clock FOR EACH ROW EXECUTE FUNCTION wait_last()",
        ],
        _ => &["CREATE TRIGGER wait_last BEFORE INSERT ON clock FOR EACH ROW \
                IF NEW.id = 1 THEN DO GET_LOCK('held', 600); END IF"],
    };
    for statement in statements {
        holder.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    holder
}

/// A copy by way of a proxy, in whose last COMMIT this happens.
async fn copies_into(trap: Trap, proxy: &Proxy, operator: &Operator, target: &Database) -> (Option<i32>, String) {
    let (own, port) = (target.port().expect("a port"), proxy.address.port());
    let to = url_of(target).replace(&format!(":{own}/"), &format!(":{port}/"));
    let holder = target.connect().await;
    let (hold, release) = match holder.get_database_backend() {
        DbBackend::Postgres => ("SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)"),
        _ => ("SELECT GET_LOCK('held', 1)", "SELECT RELEASE_LOCK('held')"),
    };
    holder.execute_unprepared(hold).await.expect("the lock is free");
    let copying = operator.command(&["copy", &to]).spawn().expect("the command starts");
    waits(&holder, "the last step to be begun").await;
    let sprung = proxy.lay(trap);
    holder.execute_unprepared(release).await.expect("it is held");
    let ended = end(copying).await;
    assert!(sprung.has_changed().unwrap(), "its COMMIT was seen: {ended:?}");
    holder.close().await.expect("the connection closes");
    ended
}

async fn proxy_before(target: &Database) -> Arc<Proxy> {
    Arc::new(Proxy::before(SocketAddr::from(([127, 0, 0, 1], target.port().expect("a port")))).await)
}

async fn loses_a_word(database_server: &DatabaseServer) {
    let (mut server, operator) = used().await;
    let target = empty(database_server).await;
    let proxy = proxy_before(&target).await;
    holds_up_the_last_step(&target).await.close().await.expect("the connection closes");
    let (code, said) = copies_into(Trap::LoseIt, &proxy, &operator, &target).await;
    assert!(code == Some(1) && said.contains("run the same again, and it begins anew"), "{said}");
    assert_eq!(target.count("clock", "id = 1").await, 0, "no server starts there");
    server.restart().await;
    server.terminate(seconds(10)).await;
    let (code, said) = copies_into(Trap::LoseAnswer(Box::new(|| {})), &proxy, &operator, &target).await;
    assert_eq!(code, Some(0), "it was done: {said}");
    server.fails_to_start().await;
    let there = Server::options().start_on(target).await;
    assert_eq!(there.count("users", "username = 'alice'").await, 1);
}

#[tokio::test]
async fn what_cannot_be_looked_up_is_said_not_to_be_known() {
    let database_server = DatabaseServer::start("postgres").await;
    let (mut server, operator) = used().await;
    let target = empty(&database_server).await;
    let proxy = proxy_before(&target).await;
    holds_up_the_last_step(&target).await.close().await.expect("the connection closes");
    let cut = Arc::clone(&proxy);
    let trap = Trap::LoseAnswer(Box::new(move || cut.set(Gate::Cut)));
    let (code, said) = copies_into(trap, &proxy, &operator, &target).await;
    assert!(code == Some(1) && said.contains("whether that was done is not known"), "{said}");
    server.fails_to_start().await;
    let again = copies(&operator, &url_of(&target)).await.complains();
    assert!(again.contains("was copied to the database") && again.contains("start the server there"), "{again}");
}

async fn runs_there(database_server: &DatabaseServer) {
    let (_server, operator) = used().await;
    let mut unused = Server::options().start_on(database_server.database().await).await;
    copies(&operator, &url_of(unused.database())).await.succeeds();
    let refused = eventually(PATIENCE, "the server to notice", async || {
        let answer = unused.stranger().get("/readyz").await;
        (answer.status == 503 && answer.json()["code"] == "database_replaced").then_some(answer)
    })
    .await;
    refused.refused(503, "database_replaced");
    let somebody = json!({"username": "zoe", "password": "long enough"});
    unused.stranger().post("/api/v1/users", &somebody).await.refused(503, "unavailable");
    unused.terminate(seconds(10)).await;
    unused.restart().await;
    assert_eq!(unused.count("users", "username = 'zoe'").await, 0);
    Person::register(&unused, "zoe").await;
    assert_eq!(unused.count("users", "username = 'alice'").await, 1);
}

#[tokio::test]
async fn a_database_server_that_stands_still_is_not_waited_for_without_an_end() {
    let database_server = DatabaseServer::start("postgres").await;
    let (mut server, operator) = used().await;
    let target = empty(&database_server).await;
    let holder = holds_up(&target).await;
    let (copying, _lines) = half_way(&operator, &url_of(&target), &holder).await;
    database_server.freezes();
    let (code, said) = end(copying).await;
    database_server.thaws();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("said nothing for 30 s") && said.contains("run the same again"), "{said}");
    holder.close().await.expect("the lock ends with the connection");
    server.restart().await;
}
