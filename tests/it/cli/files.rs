//! Options whose value stands in a file: they count wherever the option does, and what is wrong with the file is told without it.

use std::io::Write;

use tempfile::NamedTempFile;

use super::operator::Operator;

fn file(contents: &str) -> (NamedTempFile, String) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(contents.as_bytes()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    (file, path)
}

#[tokio::test]
async fn a_file_counts_wherever_its_option_does() {
    let (_url, url) = file("localhost/secret-name\n");
    for command in [
        &[][..],
        &["serve"],
        &["migrate"],
        &["user", "list"],
        &["backup", "b"],
        &["restore", "b"],
        &["key", "list", "bob"],
        &["doctor"],
    ] {
        let operator = Operator::alone().with("GOLDCREST_DATABASE_URL_FILE", &url);
        let complaint = operator.types(command).await.misuses();
        assert!(complaint.contains("postgres:// or mysql://"), "{command:?}: {complaint}");
        assert!(!complaint.contains("secret-name"), "{complaint}");
    }
    let (_server, server) = file("postgres://goldcrest:secret@localhost/goldcrest\n");
    let complaint = Operator::alone().types(&["--database-url-file", &server, "backup", "b"]).await.complains();
    assert!(complaint.contains("pg_dump") && !complaint.contains("secret"), "{complaint}");

    let (_nats, nats) = file("nats://node:secret@localhost:4222\n");
    let (_smtp, smtp) = file("smtp://user:secret@localhost\n");
    for (arguments, said) in [
        (["--nats-url-file", &nats], "--nats-url ties nodes of one database server together"),
        (["--smtp-url-file", &smtp], "--mail-from must be given"),
    ] {
        let complaint = Operator::alone().with("GOLDCREST_LISTEN", "127.0.0.1:0").types(&arguments).await.complains();
        assert!(complaint.contains(said) && !complaint.contains("secret"), "{arguments:?}: {complaint}");
    }
}

#[tokio::test]
async fn a_value_is_given_once() {
    let (_file, path) = file("postgres://goldcrest:secret@localhost/goldcrest\n");
    let url = "postgres://goldcrest:secret@localhost/other";
    for arguments in [
        &["--database-url", url, "--database-url-file", &path, "user", "list"][..],
        &["--database-url", url, "user", "list", "--database-url-file", &path],
        &["user", "list", "--database-url", url, "--database-url-file", &path],
        &["--nats-url", "nats://a:secret@h", "--nats-url-file", &path],
        &["--smtp-url", "smtp://a:secret@h", "--smtp-url-file", &path],
    ] {
        let complaint = Operator::alone().types(arguments).await.misuses();
        assert!(complaint.contains("-url-file") && !complaint.contains("secret"), "{arguments:?}: {complaint}");
    }
    let operator = Operator::alone().with("GOLDCREST_DATABASE_URL", url).with("GOLDCREST_DATABASE_URL_FILE", &path);
    let complaint = operator.types(&["user", "list"]).await.misuses();
    assert!(complaint.contains("--database-url-file") && !complaint.contains("secret"), "{complaint}");
}

#[tokio::test]
async fn a_file_that_is_of_no_use_is_told_with_what_belongs_there() {
    let (_empty, empty) = file("\n");
    let (_long, long) = file("secret-1\nsecret-2\n");
    let (_wrong, wrong) = file("http://secret@h");
    for (option, path, said) in [
        ("--database-url-file", "/nowhere/at/all", "cannot be read"),
        ("--smtp-url-file", &empty, "is empty"),
        ("--database-url-file", &long, "more than one line"),
        ("--nats-url-file", &wrong, "nats://user:password@10.0.0.5:4222"),
    ] {
        let complaint = Operator::alone().types(&[option, path]).await.misuses();
        assert!(complaint.contains(said) && complaint.contains(path), "{option}: {complaint}");
        assert!(!complaint.contains("secret"), "{complaint}");
    }
}
