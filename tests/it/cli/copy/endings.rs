//! Copies that somebody ends, or that come to no good end by themselves: what stands there then, and what is said of it.

use super::{holds_up, lively, url_of};
use crate::cli::operator::Operator;
use crate::cli::stopping::ended_by;
use crate::support::database_server::on_each_kind;
use crate::support::deadline::PATIENCE;
use crate::support::{DatabaseServer, Server, seconds, within};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};

on_each_kind! {
    whoever_ends_a_copy_is_told_what_is_left by is_ended,
}

/// A copy that has come to the messages, each of which waits for whoever holds them up.
async fn half_way(operator: &Operator, to: &str) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut copying = operator.command(&["copy", to]).spawn().expect("the command starts");
    let mut lines = BufReader::new(copying.stdout.take().unwrap()).lines();
    within(PATIENCE, "the copy to come to the messages", async {
        while !lines.next_line().await.unwrap().expect("it goes on").starts_with("copied stays") {}
    })
    .await;
    (copying, lines)
}

async fn is_ended(database_server: &DatabaseServer) {
    let mut server = Server::start().await;
    lively(&server).await;
    server.terminate(seconds(10)).await;
    let target = database_server.database().await;
    let operator = Operator::beside(&server);
    let there = Operator::alone().with("GOLDCREST_DATABASE_URL", &url_of(&target));
    there.types(&["migrate"]).await.succeeds();
    let holder = holds_up(&target).await;
    let (copying, _lines) = half_way(&operator, &url_of(&target)).await;
    let done = ended_by("TERM", copying).await;
    assert_eq!(done.code, Some(1), "{}", done.errors);
    assert!(done.errors.contains("ended by SIGTERM: not all of it was copied"), "{}", done.errors);
    holder.close().await.expect("the lock ends with the connection");
    server.restart().await;
}
