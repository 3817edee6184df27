//! `user` and `token`: the same words do the same with a server beside them and without one.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::operator::{Operator, PASSWORD};
use crate::support::{Ear, Heard, Person, Server, SseClient};

async fn accounts_come_and_go(operator: &Operator, founds: bool) {
    let add = ["user", "add", "alice", "--admin", "--email", "alice@example.org", "--password-stdin"];
    let added = operator.types_with(&add, format!("{PASSWORD}\n")).await.line();
    // Without a server there is no database yet: whoever is in the wrong directory learns of it.
    let founds =
        if founds { format!(", in a new database in {}", operator.data_dir().display()) } else { String::new() };
    assert_eq!(added, format!("added the administrator alice with number 1{founds}"));
    let added = operator.types_with(&["user", "add", "Ольга", "--password-stdin"], PASSWORD).await.line();
    assert_eq!(added, "added the user Ольга with number 2");

    assert_eq!(
        operator.types(&["user", "suspend", "Ольга"]).await.line(),
        "suspended Ольга, whose sessions and API keys have ended for good"
    );
    let table = operator.types(&["user", "list"]).await.succeeds();
    let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["ID", "NAME", "STATUS", "ROLE", "E-MAIL", "SINCE"]);
    assert_eq!(rows[1][..5], ["1", "alice", "active", "admin", "alice@example.org"]);
    assert_eq!(rows[2][..3], ["2", "Ольга", "suspended"]);

    let role = async |role: &str| operator.types(&["user", "role", "alice", role]).await.line();
    assert_eq!(role("user").await, "alice is no administrator any more");
    let list: Value = serde_json::from_str(&operator.types(&["user", "list", "--json"]).await.line()).unwrap();
    assert_eq!(list[0]["admin"], false, "{list}");
    assert_eq!(role("admin").await, "alice is an administrator now");

    assert_eq!(operator.types(&["user", "unsuspend", "ольга"]).await.line(), "ольга may log in again");
    let list: Value = serde_json::from_str(&operator.types(&["user", "list", "--json"]).await.line()).unwrap();
    assert_eq!(list[1]["status"], "active", "{list}");
    assert_eq!(list[0]["admin"], true, "{list}");
}

async fn wrong_input_is_explained(operator: &Operator) {
    operator.adds("alice").await;
    let add = async |name: &str, password: &str| {
        operator.types_with(&["user", "add", name, "--password-stdin"], password).await.complains()
    };
    assert_eq!(add("ALICE", PASSWORD).await, "This username is taken. Choose another one.");
    assert_eq!(add("a b", PASSWORD).await, "A username holds only letters, digits and _ . - @ +.");
    assert_eq!(add("bob", "short").await, "A password has at least 8 characters.");
    assert_eq!(add("bob", "").await, "there is no password on standard input");
    let at_no_terminal = operator.types(&["user", "add", "bob"]).await.complains();
    assert!(at_no_terminal.contains("--password-stdin"), "{at_no_terminal}");
    let email = ["user", "add", "bob", "--email", "nonsense", "--password-stdin"];
    let email = operator.types_with(&email, PASSWORD).await.complains();
    assert_eq!(email, "This is not an e-mail address.");
    let no_bob = "there is no user bob; see `goldcrest user list`";
    for nobody in [
        &["user", "suspend", "bob"][..],
        &["user", "unsuspend", "bob"],
        &["user", "role", "bob", "admin"],
        &["key", "list", "bob"],
        &["token", "bob"],
    ] {
        assert_eq!(operator.types(nobody).await.complains(), no_bob);
    }
    let passwd = operator.types_with(&["user", "passwd", "bob", "--password-stdin"], PASSWORD).await.complains();
    assert_eq!(passwd, no_bob);
    let add = ["key", "add", "bob", "--name", "feed", "--scope", "read"];
    assert_eq!(operator.types(&add).await.complains(), no_bob);
    let add = ["key", "add", "alice", "--name", "feed", "--scope", "read", "--conversation", "7"];
    assert_eq!(operator.types(&add).await.complains(), "there is no conversation 7 that alice is in");
    let revoke = operator.types(&["key", "revoke", "alice", "7"]).await.complains();
    assert_eq!(revoke, "there is no key 7 of alice; see `goldcrest key list alice`");
    let on_the_command_line = operator.types(&["user", "add", "bob", "--password", "hunter22"]).await.complains();
    let example = "echo 'correct horse' | goldcrest user add NAME --password-stdin";
    assert!(
        on_the_command_line.contains(example) && !on_the_command_line.contains("hunter22"),
        "{on_the_command_line}"
    );
    operator.types(&["user", "add", "bot", "--open"]).await.line();
    let bot = operator.types(&["user", "role", "bot", "admin"]).await.complains();
    assert!(bot.starts_with("Whoever acts without a password is no administrator."), "{bot}");
    assert!(operator.types(&["user", "role", "alice", "root"]).await.misuses().contains("admin or user"));
    assert!(operator.types(&["user", "add"]).await.misuses().contains("<NAME>"));
    assert!(operator.types(&["user", "frobnicate"]).await.misuses().contains("frobnicate"));
}

#[tokio::test]
async fn accounts_come_and_go_without_a_server() {
    accounts_come_and_go(&Operator::alone(), true).await;
}

#[tokio::test]
async fn accounts_come_and_go_beside_a_server() {
    let server = Server::start().await;
    accounts_come_and_go(&Operator::beside(&server), false).await;
}

#[tokio::test]
async fn wrong_input_is_explained_without_a_server() {
    wrong_input_is_explained(&Operator::alone()).await;
}

#[tokio::test]
async fn wrong_input_is_explained_beside_a_server() {
    let server = Server::start().await;
    wrong_input_is_explained(&Operator::beside(&server)).await;
}

#[tokio::test]
async fn the_operators_deeds_are_felt_at_once() {
    let server = Server::start().await;
    let operator = Operator::beside(&server);
    operator.adds("bob").await;
    let log_in = async |password: &str| {
        server.stranger().post("/api/v1/sessions", &json!({"username": "bob", "password": password})).await
    };
    let bob = Person::from_login(&server.stranger(), PASSWORD, &log_in(PASSWORD).await.expect(201));

    operator.types_with(&["user", "passwd", "bob", "--password-stdin"], "another horse").await.line();
    bob.get("/api/v1/me").await.refused(401, "unauthorized");
    log_in(PASSWORD).await.refused(401, "invalid_credentials");
    let bob = Person::from_login(&server.stranger(), "another horse", &log_in("another horse").await.expect(201));

    bob.get("/api/v1/admin/users").await.refused(403, "not_admin");
    let mut stream = SseClient::open(server.address, &bob.stream()).await.unwrap();
    operator.types(&["user", "role", "bob", "admin"]).await.line();
    let is_told = |heard: &Heard| matches!(heard, Heard::Event(seen) if seen.kind == "user.updated" && seen.data()["admin"] == true);
    stream.until("him to hear of it", is_told).await;
    bob.get("/api/v1/admin/users").await.expect(200);
    operator.types(&["user", "role", "bob", "user"]).await.line();
    bob.get("/api/v1/admin/users").await.refused(403, "not_admin");

    operator.types(&["user", "suspend", "bob"]).await.line();
    bob.get("/api/v1/me").await.refused(401, "unauthorized");
    let complaint = operator.types(&["token", "bob"]).await.complains();
    assert!(complaint.contains("suspended"), "{complaint}");
    operator.types(&["user", "unsuspend", "bob"]).await.line();
    log_in("another horse").await.expect(201);

    for secret in [PASSWORD, "another horse", &bob.access_token] {
        assert!(!server.log().contains(secret), "the log has a secret");
    }
}

#[tokio::test]
async fn a_token_is_good_whether_a_server_made_it_or_not() {
    let mut server = Server::start().await;
    Operator::beside(&server).adds("bob").await;
    let made_beside = Operator::beside(&server).types(&["token", "bob"]).await.line();
    server.kill().await;
    let made_without = Operator::beside(&server).types(&["token", "bob"]).await.line();
    server.restart().await;
    for token in [made_beside, made_without] {
        let me = server.stranger().with_bearer(&token).get("/api/v1/me").await.expect(200);
        assert_eq!(me["username"], "bob");
    }
}

#[tokio::test]
async fn the_rules_of_the_server_hold_without_it() {
    let operator = Operator::alone().with("GOLDCREST_PASSWORD_MIN_LENGTH", "20");
    let complaint = operator.types_with(&["user", "add", "bob", "--password-stdin"], PASSWORD).await.complains();
    assert_eq!(complaint, "A password has at least 20 characters.");
    let flag = ["--password-min-length", "4", "user", "add", "bob", "--password-stdin"];
    operator.types_with(&flag, "four").await.line();
}

#[tokio::test]
async fn a_wrong_name_is_told_before_a_password_is_asked_for() {
    let server = Server::start().await;
    for operator in [Operator::alone(), Operator::beside(&server)] {
        operator.adds("alice").await;
        for (arguments, said) in [
            (["user", "passwd", "bob"], "there is no user bob"),
            (["user", "add", "Alice"], "This username is taken."),
            (["user", "add", "a/b"], "A username holds only letters"),
        ] {
            let screen = operator.types_at_a_terminal(&arguments).await;
            assert!(screen.contains(said) && !screen.contains("password for"), "{arguments:?}: {screen}");
        }
        let screen = operator.types_at_a_terminal(&["user", "passwd", "alice"]).await;
        assert!(screen.contains("New password for alice"), "a name that is right is asked about: {screen}");
    }
    let screen = Operator::alone().types_at_a_terminal(&["user", "add", "alice"]).await;
    assert!(screen.contains("New password for alice"), "the first account founds a server: {screen}");
}

#[tokio::test]
async fn an_account_is_not_deleted_by_a_slip_at_a_terminal() {
    let server = Server::start().await;
    for operator in [Operator::alone(), Operator::beside(&server)] {
        for name in ["alice", "bob", "carol", "dave"] {
            operator.adds(name).await;
        }
        let remain = async || operator.types(&["user", "list"]).await.succeeds();
        let delete = ["user", "delete", "ALICE", "--messages", "delete"];
        let screen = operator.answers_at_a_terminal(&delete, "alive\n").await;
        assert_eq!(screen.code, Some(1), "{screen:?}");
        for said in ["deletes the user alice", "deleted for all", "nobody gets the name again", "Nothing was changed"] {
            assert!(screen.out.contains(said), "{said}: {screen:?}");
        }
        assert!(remain().await.contains("alice"));
        let screen = operator.answers_at_a_terminal(&delete, "alice\n").await;
        assert!(screen.code == Some(0) && screen.out.contains("deleted ALICE"), "{screen:?}");
        let screen = operator.answers_at_a_terminal(&["user", "delete", "bob", "--yes"], "").await;
        assert!(screen.code == Some(0) && !screen.out.contains("to go on"), "{screen:?}");
        let screen = operator.answers_at_a_terminal(&["user", "delete", "bbo"], "bbo\n").await;
        assert!(screen.out.contains("there is no user bbo") && !screen.out.contains("to go on"), "{screen:?}");
        // Scripts are not asked, with the word or without it.
        assert_eq!(operator.types(&["user", "delete", "carol"]).await.line(), "deleted carol");
        assert_eq!(operator.types(&["user", "delete", "dave", "--yes"]).await.line(), "deleted dave");
        for gone in ["alice", "bob", "carol", "dave"] {
            assert!(!remain().await.contains(gone), "{gone}");
        }
    }
}

#[tokio::test]
async fn a_server_of_another_version_is_not_taken_to_miss_somebody() {
    let operator = Operator::alone();
    operator.adds("alice").await;
    let listener = UnixListener::bind(operator.file("admin.sock")).unwrap();
    let says = r#"{"detail":"This server does not know this command.","refused":true}"#;
    let older = async {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut asked, mut buffer) = (Vec::new(), [0; 1024]);
            while !asked.ends_with(b"}") {
                let read = socket.read(&mut buffer).await.unwrap();
                asked.extend_from_slice(&buffer[..read]);
            }
            let head = format!("HTTP/1.1 400 Bad Request\r\ncontent-length: {}\r\n\r\n", says.len());
            socket.write_all(format!("{head}{says}").as_bytes()).await.unwrap();
        }
    };
    let screens = async {
        for arguments in [["user", "passwd", "alice"], ["user", "add", "bob"]] {
            let screen = operator.types_at_a_terminal(&arguments).await;
            assert!(screen.contains("does not know this command"), "{arguments:?}: {screen}");
            assert!(!screen.contains("no user") && !screen.contains("password for"), "{arguments:?}: {screen}");
        }
    };
    tokio::select! {
        () = screens => {}
        () = older => {}
    }
}

#[tokio::test]
async fn an_invitation_says_what_to_do_with_it() {
    let operator = Operator::alone();
    operator.adds("alice").await;
    let bare = operator.types(&["user", "invite"]).await;
    assert_eq!(bare.out.trim_end().len(), 22, "standard output is the token alone: {bare:?}");
    for words in [
        "/invitations/TOKEN",
        "POST /api/v1/users",
        "start the server with --public-url",
        "set GOLDCREST_PUBLIC_URL for this command where none runs",
    ] {
        assert!(bare.errors.contains(words), "{words}: {bare:?}");
    }
    let named = |operator: Operator| operator.with("GOLDCREST_PUBLIC_URL", "https://chat.example.org");
    let link = named(operator).types(&["user", "invite"]).await.line();
    assert!(link.starts_with("https://chat.example.org/invitations/"), "{link}");

    // Where a server runs, it is the one that knows.
    let server = Server::start().await;
    Operator::beside(&server).adds("alice").await;
    let bare = named(Operator::beside(&server)).types(&["user", "invite"]).await;
    assert_eq!(bare.out.trim_end().len(), 22, "{bare:?}");
    let server = Server::options().set("--public-url", "https://chat.example.org").start().await;
    Operator::beside(&server).adds("alice").await;
    let link = Operator::beside(&server).types(&["user", "invite"]).await.line();
    assert!(link.starts_with("https://chat.example.org/invitations/"), "{link}");
}
