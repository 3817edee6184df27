//! `goldcrest copy`: all that was in the embedded database is in the database server, which goes on with it; or nothing starts there.
//!
//! These tests start a database server of their own, of either kind (`scripts/databases`), whatever the others run on.

mod contents;
mod endings;

use super::operator::{Done, Operator};
use crate::support::database::{change_file, open_file};
use crate::support::database_server::on_each_kind;
use crate::support::deadline::PATIENCE;
use crate::support::{Database, DatabaseServer, Ear, Heard, Person, Server, SseClient, seconds, within};
use contents::{Columns, Contents, assert_same};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncBufReadExt, BufReader};

/// Texts that one database or another might change: in four bytes, composed and not, by case, with spaces at the ends.
const TEXTS: [&str; 6] =
    ["👩‍👩‍👧‍👦 \u{10FFFF}", "e\u{301} \u{e9}", "Straße STRASSE", "  trailing  ", "\t\n\\' \" % _ \u{1}", "@bob مرحبا"];

on_each_kind! {
    all_is_there_and_goes_on_as_if_nothing_had_been by goes_on,
    what_cannot_be_done_is_refused_and_changes_nothing by refuses,
    a_copy_that_was_broken_off_is_served_by_nobody_and_begins_anew by is_broken_off,
    what_comes_back_otherwise_than_it_was_written_is_found by comes_back_otherwise,
}

fn url_of(database: &Database) -> String {
    database.environment().into_iter().find(|(name, _)| name == "GOLDCREST_DATABASE_URL").expect("a URL").1
}

async fn copies(operator: &Operator, to: &str) -> Done {
    operator.types(&["copy", to]).await
}

fn file(server: &Server) -> std::path::PathBuf {
    server.data_dir().join("goldcrest.db")
}

/// A server that was used for whatever can be done with one, and the key of somebody's script.
async fn lively(server: &Server) -> (Person, Person, u64, String) {
    let root = Person::administrator(server, "root").await;
    let [alice, bob, carol] = Person::register_all(server, ["alice", "bob", "carol"]).await;
    root.post("/api/v1/invitations", &json!({"name": "friends", "uses": 2})).await.expect(201);
    let group = alice.group("Ünion 👋", &[&bob, &carol]).await;
    let mut said = Vec::new();
    for text in TEXTS {
        said.push(alice.say(group, text).await);
    }
    let path = |message: &Value| format!("/api/v1/messages/{}", message["id"]);
    let reply = json!({"conversation_id": group, "thread_id": said[0]["id"], "text": "so it is"});
    bob.post("/api/v1/messages", &reply).await.expect(201);
    alice.patch(&path(&said[2]), &json!({"text": "strasse"})).await.expect(200);
    alice.delete(&path(&said[3])).await.expect(204);
    bob.delete(&format!("{}?for=me", path(&said[4]))).await.expect(204);
    bob.read(group, &said[5]).await;
    alice.remove(group, &carol).await;
    carol.ask(&alice).await;
    alice.answer(&carol, "approved").await;
    carol.block(&bob).await;
    carol.logout().await;
    alice.channel("news").await;
    SseClient::open(server.address, &bob.stream_by_ticket().await).await.expect("a stream");
    let key = alice.post("/api/v1/keys", &json!({"name": "script", "scopes": ["read", "send"]})).await.expect(201);
    (alice, bob, group, key["key"].as_str().expect("a key").to_owned())
}

async fn contents(columns: &Columns, database: DatabaseConnection) -> Contents {
    let contents = columns.contents(&database).await;
    database.close().await.expect("the database can be closed");
    contents
}

async fn goes_on(database_server: &DatabaseServer) {
    let mut server = Server::start().await;
    let (alice, bob, group, key) = lively(&server).await;
    alice.say(group, "the last that she saw").await;
    let cursor = alice.head().await;
    bob.say(group, "the first that she missed").await;
    let head = alice.head().await;
    server.terminate(seconds(10)).await;
    // What nobody can make in the time of a test.
    for statement in [
        "INSERT INTO links VALUES ('Hash', 1, 'password', NULL, -9223372036854775808, 9223372036854775807, NULL), \
         ('hash', 1, 'email', 'É@example.org ', 0, 9007199254740993, 1)",
        "INSERT INTO departures VALUES (900, 1, 7), (901, 0, 0)",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
         INSERT INTO hidden SELECT 800 + i / 1100, i FROM n",
        "INSERT INTO used_tickets VALUES ('Ab', 1, 4102444800000), ('aB', 1, 4102444800000), ('ab', 1, 4102444800000)",
    ] {
        change_file(&file(&server), statement).await;
    }
    let embedded = open_file(&file(&server)).await;
    let columns = Columns::of(&embedded).await;
    let before = contents(&columns, embedded).await;
    for table in columns.tables() {
        assert!(!before[table].is_empty(), "there is something in {table} to copy");
    }

    let target = database_server.database().await;
    let operator = Operator::beside(&server);
    let said = copies(&operator, &url_of(&target)).await.succeeds();
    assert!(said.contains(&format!("the last event is {head}")) && said.contains("copied hidden: 25"), "{said}");
    assert!(said.contains("--jwt-key-file") && said.contains("restore --renumber"), "{said}");
    assert_same(&contents(&columns, target.connect().await).await, &before);
    assert_same(&contents(&columns, open_file(&file(&server)).await).await, &before);
    let again = copies(&operator, &url_of(&target)).await.complains();
    assert!(again.contains("was copied to the database") && again.contains("start the server there"), "{again}");

    // Nobody has left, and no key is at that place but the one that comes along.
    target.sql("DELETE FROM departures").await;
    std::fs::copy(server.data_dir().join("jwt.key"), target.data_dir().join("jwt.key")).expect("the key comes along");
    let there = Server::options().start_on(target).await;
    let as_before = there.stranger().with_bearer(&alice.access_token);
    let me = as_before.get("/api/v1/me").await.expect(200);
    assert_eq!(me["username"], "alice", "her token is good");
    assert_eq!(as_before.head().await, head);
    let mut stream = SseClient::open(there.address, &alice.stream().last_event_id(cursor)).await.unwrap();
    let alice = alice.login(&there).await;
    let script = there.stranger().with_bearer(&key);
    script.post("/api/v1/messages", &json!({"conversation_id": group, "text": "new"})).await.expect(201);
    let mut heard = Vec::new();
    within(PATIENCE, "the new message", async {
        loop {
            match stream.next().await {
                Heard::Control(control) => assert_eq!(control.kind, "ready", "never `reset`"),
                Heard::Event(event) => {
                    heard.push((event.seq, event.data()["text"].as_str().unwrap_or_default().to_owned()));
                }
                Heard::End(_) => panic!("it ended"),
                _ => {}
            }
            if heard.last().is_some_and(|(_, text)| text == "new") {
                break;
            }
        }
    })
    .await;
    let log = there.events_on_disk().await;
    log.assert_dense();
    assert_eq!(heard.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), log.visible(alice.id, &[], cursor));
    let texts: Vec<&str> = heard.iter().map(|(_, text)| text.as_str()).filter(|text| !text.is_empty()).collect();
    assert_eq!(texts, ["the first that she missed", "new"]);
    let items = alice.get(&format!("/api/v1/conversations/{group}/messages?limit=100")).await.expect(200);
    let texts: Vec<&str> = items["items"].as_array().unwrap().iter().filter_map(|item| item["text"].as_str()).collect();
    for text in TEXTS.iter().enumerate().filter(|(place, _)| ![2, 3].contains(place)).map(|(_, text)| text) {
        assert!(texts.contains(text), "{text:?} in {texts:?}");
    }
    let found = alice.get("/api/v1/messages?text=strasse").await.expect(200);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1), "words are found: {found}");

    // The embedded database is not served beside it, but after the jump that a restored one takes.
    server.fails_to_start().await;
    assert!(server.log().contains("was copied to the database server at 127.0.0.1"), "{}", server.log());
    let doctor = operator.types(&["doctor"]).await;
    assert!(doctor.code == Some(1) && doctor.out.contains("was copied to the database server"), "{doctor:?}");
    operator.types(&["restore", "--renumber", "--keep-logins"]).await.succeeds();
    change_file(&file(&server), "DELETE FROM departures").await;
    server.restart().await;
    assert!(alice.login(&server).await.head().await > 1 << 32);
}

async fn refuses(database_server: &DatabaseServer) {
    let target = database_server.database().await;
    let to = url_of(&target);
    let alone = Operator::alone();
    assert!(copies(&alone, &to).await.complains().contains("there is no database in"));
    let mut server = Server::start().await;
    let operator = Operator::beside(&server);
    Person::register(&server, "alice").await;
    let complaint = copies(&operator, &to).await.complains();
    assert!(complaint.contains("is in use by another") && complaint.contains("Stop it first"), "{complaint}");
    server.terminate(seconds(10)).await;

    let elsewhere = to.replace("goldcrest@127.0.0.1", "nobody:s3cret@127.0.0.1");
    let (nowhere, nothing) =
        (format!("{to}_not"), to.split("://").next().unwrap().to_owned() + "://g:s3cret@127.0.0.1:1/d");
    for (url, says) in [
        ("sqlite://s3cret", "begins with postgres:// or mysql://"),
        (elsewhere.as_str(), "cannot open the database at 127.0.0.1"),
        (nowhere.as_str(), "cannot open the database at 127.0.0.1"),
        (nothing.as_str(), "no database server listens there"),
    ] {
        // A warning may stand before it, that somebody is waited for.
        let Done { code, out, errors } = copies(&operator, url).await;
        assert_eq!((code, out.as_str()), (Some(1), ""), "{errors}");
        assert!(errors.contains(says) && !errors.contains("s3cret"), "{url}: {errors}");
    }
    let complaint = operator.types(&["copy"]).await.complains();
    assert!(complaint.contains("name the database to copy to"), "{complaint}");

    let foreign = database_server.database().await;
    foreign.sql("CREATE TABLE users (id INT)").await;
    let complaint = copies(&operator, &url_of(&foreign)).await.complains();
    assert!(complaint.contains("has a table users that is not Goldcrest's"), "{complaint}");
    assert_eq!(foreign.count("users", "1 = 1").await, 0, "it is as it was");

    let other = Server::options().start_on(database_server.database().await).await;
    Person::register(&other, "olga").await;
    let complaint = copies(&operator, &url_of(other.database())).await.complains();
    assert!(complaint.contains("is not empty") && complaint.contains("make a new database"), "{complaint}");
    Person::register(&other, "pavel").await;
    assert_eq!(other.count("users", "1 = 1").await, 2);

    // One on which a server was started, and nothing done, is empty. The URL may also come from the environment.
    let mut unused = Server::options().start_on(target).await;
    unused.terminate(seconds(10)).await;
    change_file(
        &file(&server),
        "UPDATE seaql_migrations SET version = 'm20991231_000001_fly' WHERE version LIKE '%line'",
    )
    .await;
    assert!(copies(&operator, &to).await.complains().contains("from a newer Goldcrest"));
    change_file(&file(&server), "DELETE FROM seaql_migrations WHERE version LIKE '%fly'").await;
    assert!(copies(&operator, &to).await.complains().contains("goldcrest migrate"));
    operator.types(&["migrate"]).await.succeeds();
    let operator = operator.with("GOLDCREST_DATABASE_URL", &to);
    operator.types(&["copy"]).await.succeeds();
    unused.restart().await;
    assert_eq!(unused.count("users", "username = 'alice'").await, 1);
}

/// Has each message that comes to this database wait for whoever holds this lock.
async fn holds_up(target: &Database) -> DatabaseConnection {
    let holder = target.connect().await;
    let statements: &[&str] = match holder.get_database_backend() {
        DbBackend::Postgres => &[
            "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_lock(1); RETURN NEW; END'",
            "CREATE TRIGGER wait BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION wait()",
            "SELECT pg_advisory_lock(1)",
        ],
        _ => &[
            "CREATE TRIGGER wait BEFORE INSERT ON messages FOR EACH ROW DO GET_LOCK('held', 600)",
            "SELECT GET_LOCK('held', 1)",
        ],
    };
    for statement in statements {
        holder.execute_unprepared(statement).await.unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
    holder
}

async fn is_broken_off(database_server: &DatabaseServer) {
    let mut server = Server::start().await;
    let (alice, _, group, _) = lively(&server).await;
    server.terminate(seconds(10)).await;
    let target = database_server.database().await;
    let operator = Operator::beside(&server);
    let there = Operator::alone().with("GOLDCREST_DATABASE_URL", &url_of(&target));
    there.types(&["migrate"]).await.succeeds();
    let holder = holds_up(&target).await;
    let mut copying = operator.command(&["copy", &url_of(&target)]).spawn().expect("the command starts");
    let mut lines = BufReader::new(copying.stdout.take().unwrap()).lines();
    within(PATIENCE, "the copy to come to the messages", async {
        while !lines.next_line().await.unwrap().expect("it goes on").starts_with("copied stays") {}
    })
    .await;
    let complaint = copies(&operator, &url_of(&target)).await.complains();
    assert!(complaint.contains("is in use by another"), "one at a time: {complaint}");
    let second = Operator::alone();
    second.adds("zoe").await;
    let complaint = copies(&second, &url_of(&target)).await.complains();
    assert!(complaint.contains("another process copies into the database"), "one at a time: {complaint}");
    copying.kill().await.expect("the process can be killed");
    holder.close().await.expect("the lock ends with the connection");

    assert_eq!(target.count("users", "1 = 1").await, 4, "half of it is there");
    std::fs::copy(server.data_dir().join("jwt.key"), target.data_dir().join("jwt.key")).expect("the key comes along");
    let key = text(&target.data_dir().join("jwt.key")).to_owned();
    for command in [&["serve", "--listen", "127.0.0.1:0", "--jwt-key-file", &key][..], &["restore", "--renumber"]] {
        let failed = there.types(command).await;
        assert!(failed.code == Some(1) && failed.errors.contains("a copy into it was broken off"), "{failed:?}");
    }
    let doctor = there.types(&["doctor", "--jwt-key-file", &key]).await;
    assert!(doctor.out.contains("a copy into this database was broken off"), "{doctor:?}");
    // Where it came from all goes on.
    server.restart().await;
    alice.say(group, "meanwhile").await;
    server.kill().await;
    assert!(operator.file("goldcrest.db-wal").metadata().unwrap().len() > 0, "the commits stand in the log");
    copies(&operator, &url_of(&target)).await.succeeds();
    let embedded = open_file(&file(&server)).await;
    let columns = Columns::of(&embedded).await;
    let source = contents(&columns, embedded).await;
    assert_same(&contents(&columns, target.connect().await).await, &source);
    let there = Server::options().start_on(target).await;
    alice.login(&there).await.say(group, "on").await;
    there.events_on_disk().await.assert_dense();
}

async fn comes_back_otherwise(database_server: &DatabaseServer) {
    let mut server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    for text in TEXTS {
        alice.say(notes, text).await;
    }
    server.terminate(seconds(10)).await;
    let target = database_server.database().await;
    let operator = Operator::beside(&server);
    Operator::alone().with("GOLDCREST_DATABASE_URL", &url_of(&target)).types(&["migrate"]).await.succeeds();
    let (change, stop) = if url_of(&target).starts_with("postgres") {
        target
            .sql(
                "CREATE FUNCTION trimmed() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN NEW.text = rtrim(NEW.text); RETURN NEW; END'",
            )
            .await;
        (
            "CREATE TRIGGER trimmed BEFORE INSERT ON messages FOR EACH ROW EXECUTE FUNCTION trimmed()",
            "DROP TRIGGER trimmed ON messages",
        )
    } else {
        (
            "CREATE TRIGGER trimmed BEFORE INSERT ON messages FOR EACH ROW SET NEW.text = rtrim(NEW.text)",
            "DROP TRIGGER trimmed",
        )
    };
    target.sql(change).await;
    let done = copies(&operator, &url_of(&target)).await;
    assert!(done.code == Some(1) && done.errors.contains("of the table messages is not what was written"), "{done:?}");
    assert!(!done.errors.contains("trailing"), "nobody's words are shown: {done:?}");
    assert_eq!(target.count("clock", "id = 1").await, 0, "no server starts there");
    // Nor is the source given up.
    server.restart().await;
    server.terminate(seconds(10)).await;
    target.sql(stop).await;
    copies(&operator, &url_of(&target)).await.succeeds();
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
