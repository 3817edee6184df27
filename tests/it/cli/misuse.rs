//! What is said of a value that an option does not take: what it would take, with an example, and no library's words.

use tokio::io::{AsyncBufReadExt, BufReader};

use super::operator::Operator;
use crate::support::deadline::PATIENCE;
use crate::support::{FreeAddress, within};

#[tokio::test]
async fn a_wrong_value_is_answered_with_a_right_one() {
    let operator = Operator::alone();
    for (arguments, said) in [
        (&["--allow-origins", "127.0.0.1:9000"][..], "https://app.example.org"),
        (&["--allow-origins", "*"], "not offered"),
        (&["--public-url", "chat.example.org"], "https://chat.example.org"),
        (&["--public-url", "https://example.org/chat"], "cannot be reached below /chat"),
        (&["--listen", "8081"], "127.0.0.1:8081"),
        (&["--listen", ":8081"], "0.0.0.0:8081"),
        (&["--trusted-proxies", "proxy"], "10.0.0.0/8"),
        (&["--write-queue", "many"], "a whole number"),
        (&["--event-retention", "30"], "30 of what? Say 30d, 30h, 30m, 30s or 30ms"),
        (&["--anonymous-channels", "maybe"], "[possible values: on, off]"),
        (&["send", "--conversation", "news", "hi"], "number of a conversation"),
        (
            &["key", "add", "bob", "--name", "k", "--scope", "send", "--conversation", "news"],
            "number of a conversation",
        ),
        (&["key", "revoke", "bob", "feed"], "goldcrest key list"),
        (&["health", "--data-dir", "data"], "looks at no data: it asks the server of this machine at --listen"),
        (&["tail", "--data-dir", "data"], "--server says which"),
        (&["tail", "--after", "x"], "number of an event"),
        (&["tail", "--server", "127.0.0.1:8080"], "http://"),
        (&["--database-url", "sqlite://foo.db"], "--data-dir"),
        (&["user", "list", "--database-url", "localhost/goldcrest"], "postgres:// or mysql://"),
    ] {
        let complaint = operator.types(arguments).await.misuses();
        assert!(complaint.contains(said), "{arguments:?}: {complaint}");
        for raw in ["relative URL", "invalid digit", "invalid socket address", "invalid IP address"] {
            assert!(!complaint.contains(raw), "{arguments:?}: {complaint}");
        }
    }
    assert!(!operator.data_dir().exists(), "nothing was begun");
}

#[tokio::test]
async fn what_would_make_a_server_that_serves_nobody_is_refused() {
    let operator = Operator::alone();
    for (options, values, said) in [
        (
            &[
                "--max-connections",
                "--max-streams-per-user",
                "--max-streams-per-address",
                "--stream-queue",
                "--write-queue",
                "--requests-per-minute",
                "--sends-per-minute",
            ][..],
            ["0", "-1"],
            "a whole number, and at least 1",
        ),
        (&["--password-min-length"], ["0", "257"], "a whole number from 1 to 256"),
        (&["--heartbeat"], ["0s", "999us"], "at least 1ms"),
        (&["--stall-timeout", "--read-timeout", "--auth-timeout"], ["0", "99ms"], "at least 100ms"),
        (
            &["--access-token-lifetime", "--session-lifetime", "--compat-session-lifetime", "--event-retention"],
            ["0s", "999ms"],
            "at least 1s",
        ),
        (&["--message-retention"], ["0", "0s"], "Leave it out to keep messages for ever"),
    ] {
        for (option, value) in options.iter().flat_map(|option| values.map(|value| (option, value))) {
            let complaint = operator.types(&[&format!("{option}={value}")]).await.misuses();
            assert!(complaint.contains(said) && complaint.contains(option), "{option} {value}: {complaint}");
        }
    }
    let complaint = Operator::alone().with("GOLDCREST_MAX_CONNECTIONS", "0").types(&[]).await.misuses();
    assert!(complaint.contains("at least 1"), "{complaint}");
    assert_eq!(256 * char::MAX.len_utf8(), goldcrest::domain::users::PASSWORD_LIMIT, "the longest password fits");
    assert!(!operator.data_dir().exists(), "nothing was begun");
}

#[tokio::test]
async fn a_variable_that_means_nothing_is_named_and_so_is_the_option_that_names_a_taken_port() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("chat={}", taken.local_addr().unwrap());
    let operator = Operator::alone().with("GOLDCREST_LISTN", "1").with("GOLDCREST_LISTEN", "127.0.0.1:0");
    let done = operator.types(&["--compat", "chat", "--compat-listen", &own]).await;
    let said = format!("{}{}", done.out, done.errors);
    assert!(said.contains("GOLDCREST_LISTN is set, and is no option of this version"), "{said}");
    assert!(said.contains("Choose another with --compat-listen"), "{said}");
}

#[tokio::test]
async fn what_is_on_or_off_takes_these_words_in_every_place() {
    // A port that cannot be listened on ends a server that has understood its options.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    for option in ["--anonymous-channels", "--rate-limits"] {
        let variable = format!("GOLDCREST_{}", option[2..].replace('-', "_").to_uppercase());
        for arguments in [&[option, "on"][..], &[option, "off"], &[option], &["serve", option, "on"]] {
            let operator = Operator::alone().with("GOLDCREST_LISTEN", &listen);
            let complaint = operator.types(arguments).await.complains();
            assert!(complaint.starts_with("cannot listen"), "{arguments:?}: {complaint}");
        }
        for word in ["on", "off", "true", "false", "1", "0"] {
            let operator = Operator::alone().with("GOLDCREST_LISTEN", &listen).with(&variable, word);
            let complaint = operator.types(&[]).await.complains();
            assert!(complaint.starts_with("cannot listen"), "{variable}={word}: {complaint}");
        }
    }
}

#[tokio::test]
async fn a_database_server_that_is_not_there_is_missed_at_once() {
    let operator = Operator::alone();
    let free = FreeAddress::take();
    let nobody = free.address;
    let url = format!("postgres://goldcrest:hunter22@{nobody}/goldcrest");
    let key = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&key, [b'k'; 32]).unwrap();
    let arguments = ["--database-url", &url, "--jwt-key-file", key.path().to_str().unwrap(), "user", "list"];
    let mut child = operator.command(&arguments).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let started = tokio::time::Instant::now();
    let first = within(PATIENCE, "a first word", lines.next_line()).await.unwrap().unwrap();
    assert!(first.contains(&format!("{nobody} does not answer yet; waiting for it")), "{first}");
    assert!(started.elapsed() < crate::support::seconds(4), "it waited long with that");
    let last = within(PATIENCE, "a last word", lines.next_line()).await.unwrap().unwrap();
    assert!(last.contains(&nobody.to_string()), "{last}");
    assert!(!first.contains("hunter22") && !last.contains("hunter22"), "{first}\n{last}");
}

#[tokio::test]
async fn a_mail_servers_password_does_not_go_over_the_network_in_the_clear() {
    let operator = Operator::alone();
    let with = async |url: &str| {
        let own =
            ["--listen", "127.0.0.1:0", "--mail-from", "chat@example.org", "--public-url", "https://chat.example.org"];
        let arguments = [&own[..], &["--smtp-url", url]].concat();
        operator.types(&arguments).await.complains()
    };
    for url in
        ["smtp://user:secret-9f@mail.example.org", "smtp://user:secret-9f@mail.example.org:587?tls=opportunistic"]
    {
        let complaint = with(url).await;
        assert!(complaint.contains("tls=required") && complaint.contains("smtps://"), "{complaint}");
        assert!(!complaint.contains("secret-9f"), "{complaint}");
    }
}

#[tokio::test]
async fn a_password_that_cuts_its_url_in_pieces_is_not_shown() {
    let operator = Operator::alone();
    let file = operator.data_dir().with_file_name("url");
    for url in
        ["postgres://goldcrest:hunter#22@127.0.0.1:1/goldcrest", "mysql://goldcrest:22/hunter@127.0.0.1:1/goldcrest"]
    {
        std::fs::write(&file, url).unwrap();
        let file = ["--database-url-file", file.to_str().unwrap()];
        for command in [&["user", "list"][..], &["doctor"], &["migrate"]] {
            let complaint = operator.types(&[command, &file].concat()).await.misuses();
            assert!(complaint.contains("write %25 for %") && complaint.contains("%40 for @"), "{complaint}");
            assert!(!complaint.contains("hunter") && !complaint.contains("22"), "{complaint}");
        }
        let complaint = operator.types(&["copy", url]).await.complains();
        assert!(complaint.contains("write %25 for %") && !complaint.contains("hunter"), "{complaint}");
    }
}
