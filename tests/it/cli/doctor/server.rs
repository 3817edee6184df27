//! Servers that are well, that are others, and that do not answer; and options that no server takes.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::TcpListener;
use std::path::Path;

use super::super::operator::Operator;
use super::Diagnosis;
use crate::support::{FreeAddress, Person, Server, seconds};

/// The files of a directory, but for the index of the write-ahead log, in which whoever reads leaves a mark.
fn files(place: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = std::fs::read_dir(place).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let content = |name: String| {
        let bytes =
            if name.ends_with("-shm") { Vec::new() } else { std::fs::read(place.join(&name)).unwrap_or_default() };
        (name, bytes)
    };
    names.map(content).collect()
}

#[tokio::test]
async fn nothing_is_made_where_nothing_is() {
    let operator = Operator::alone();
    let diagnosis = Diagnosis::of(&operator, &["--listen", "127.0.0.1:0"]).await;
    diagnosis.ails_only(&[]);
    diagnosis.says("directory", "skipped", "is not there", "").says("signing_key", "skipped", "makes one", "");
    assert!(!operator.data_dir().exists());
}

#[tokio::test]
async fn people_get_lines_that_fit() {
    let server = Server::start().await;
    let operator = Operator::beside(&server).with("GOLDCREST_PUBLIC_ULR", "https://chat.example.org");
    let done = operator.types(&["doctor", "--registration", "closed", "--rate-limits", "off"]).await;
    assert_eq!((done.code, done.errors.as_str()), (Some(0), ""), "{done:?}");
    assert!(done.out.lines().all(|line| line.chars().count() <= 100 || line.contains('/')), "{}", done.out);
    assert!(
        done.out.contains("\n  warning  GOLDCREST_PUBLIC_ULR is set, and is no option of this version\n"),
        "{}",
        done.out
    );
    assert!(done.out.contains("\n  warning  --rate-limits off: "), "{}", done.out);
    assert!(done.out.ends_with(" ok, 2 warnings, 0 wrong\n"), "{}", done.out);
}

#[tokio::test]
async fn what_serve_refuses_is_wrong() {
    let operator = Operator::alone();
    for (options, said) in [
        (&["--compat", "nonsense"][..], "there is no interface called nonsense"),
        (&["--smtp-url", "smtp://127.0.0.1:1"], "--mail-from must be given"),
        (&["--log-level", "goldcrest=loud"], "--log-level"),
        (&["--compat", "kinglet=debug", "--listen", "0.0.0.0:0"], "for this machine alone"),
    ] {
        let diagnosis = Diagnosis::of(
            &operator,
            &[&["--listen", "127.0.0.1:0"][..2 * usize::from(!options.contains(&"--listen"))], options].concat(),
        )
        .await;
        diagnosis.says("options", "wrong", said, "correct");
        let complaint = operator.types(&[&["serve"], options].concat()).await.complains();
        assert!(complaint.contains(said) || said == "--log-level", "serve says the same: {complaint}");
    }
    assert!(operator.types(&["doctor", "--listen", "8080"]).await.misuses().contains("127.0.0.1:8080"));
}

#[tokio::test]
async fn what_a_public_server_should_not_have_is_said() {
    let operator = Operator::alone();
    let public = ["--listen", "0.0.0.0:0", "--rate-limits", "off", "--anonymous-channels", "on", "--heartbeat", "2m"];
    let diagnosis = Diagnosis::of(&operator, &public).await;
    diagnosis.ails_only(&["public_url", "registration", "rate_limits", "anonymous_channels", "heartbeat"]);
    diagnosis.says("public_url", "warning", "lets others in", "https://");
    let diagnosis = Diagnosis::of(&operator, &["--listen", "127.0.0.1:0", "--heartbeat", "1ms"]).await;
    diagnosis.says("heartbeat", "warning", "--heartbeat 1ms: every client is woken", "20s");
    let url = ["--listen", "127.0.0.1:0", "--public-url", "http://chat.invalid", "--compat", "chat=open"];
    let diagnosis = Diagnosis::of(&operator, &url).await;
    diagnosis.ails_only(&["public_url", "registration", "options", "options"]);
    diagnosis.says("public_url", "warning", "in the clear", "proxy with TLS");
    let closed = ["--listen", "127.0.0.1:0", "--public-url", "https://chat.invalid", "--registration", "closed"];
    let diagnosis = Diagnosis::of(&operator, &closed).await;
    diagnosis.ails_only(&["trusted_proxies"]).says("trusted_proxies", "wrong", "one address", "--trusted-proxies");
    let proxied = [&closed[..], &["--trusted-proxies", "127.0.0.1"]].concat();
    Diagnosis::of(&operator, &proxied).await.ails_only(&[]);
    let all = [&closed[..], &["--trusted-proxies", "0.0.0.0/0"]].concat();
    Diagnosis::of(&operator, &all).await.says("trusted_proxies", "wrong", "any address", "");
}

#[tokio::test]
async fn a_holder_that_does_not_answer_is_named() {
    let operator = Operator::alone();
    operator.adds("bob").await;
    let lock = File::open(operator.file("lock")).unwrap();
    lock.lock().unwrap();
    let diagnosis = Diagnosis::of(&operator, &["--listen", "127.0.0.1:0"]).await;
    diagnosis.ails_only(&["running"]).says(
        "running",
        "wrong",
        "holds the data directory and does not answer",
        "try again",
    );
    drop(lock);
    Diagnosis::of(&operator, &["--listen", "127.0.0.1:0"]).await.ails_only(&[]);
}

#[tokio::test]
async fn few_open_files_are_found_at_the_server_that_has_them() {
    let server = Server::options().set("--rate-limits", "on").descriptors(256).start().await;
    let diagnosis = Diagnosis::of(&Operator::beside(&server), &[]).await;
    diagnosis.says("open_files", "warning", "the running server may open 256 files", "LimitNOFILE");
}

mod embedded {
    use super::*;

    #[tokio::test]
    async fn a_good_server_is_well_and_nothing_is_changed_there() {
        let mut server = Server::options().set("--rate-limits", "on").start().await;
        let url = format!("http://{}", server.address);
        let operator = Operator::beside(&server).with("GOLDCREST_PUBLIC_URL", &url);
        Person::register(&server, "alice").await;
        let before = files(&server.data_dir());
        let diagnosis = Diagnosis::of(&operator, &[]).await;
        diagnosis.ails_only(&[]);
        diagnosis.says("running", "fine", "a server of this version", "");
        diagnosis.says("listening", "fine", "is ready", "").says("reaches", "fine", "this very server", "");
        diagnosis.says("streams", "fine", "as they are sent", "").says("websocket", "fine", "opens", "");
        diagnosis.says("durability", "fine", "synchronous=FULL", "").says("pages", "fine", "fit together", "");
        diagnosis.says("numbers", "fine", "agree", "").says("clock", "fine", "", "");
        assert_eq!(files(&server.data_dir()), before, "beside a server");
        server.terminate(seconds(10)).await;
        let before = files(&server.data_dir());
        assert!(before.keys().all(|name| !name.ends_with("-wal")), "{:?}", before.keys());
        let diagnosis = Diagnosis::of(&operator, &[]).await;
        diagnosis.ails_only(&[]);
        diagnosis.says("running", "skipped", "no server runs", "").says("reaches", "skipped", "no server runs", "");
        assert_eq!(files(&server.data_dir()), before, "without a server");
        server.restart().await;
        server.kill().await;
        let before = files(&server.data_dir());
        assert!(before.contains_key("goldcrest.db-wal"), "{:?}", before.keys());
        Diagnosis::of(&operator, &[]).await.ails_only(&[]).says("numbers", "fine", "agree", "");
        assert_eq!(files(&server.data_dir()), before, "after a server that died");
    }

    #[tokio::test]
    async fn another_server_is_told_from_this_one() {
        let (server, other) = (Server::start().await, Server::start().await);
        let elsewhere = other.address.to_string();
        let operator = Operator::beside(&server);
        let diagnosis = Diagnosis::of(&operator, &["--listen", &elsewhere]).await;
        diagnosis.says("listening", "wrong", "another server listens", "--data-dir");
        let diagnosis = Diagnosis::of(&operator, &["--public-url", &format!("http://{elsewhere}")]).await;
        diagnosis.ails_only(&["reaches"]).says("reaches", "wrong", "another goldcrest", "--public-url");
        let alone = Operator::alone();
        let diagnosis = Diagnosis::of(&alone, &["--listen", &elsewhere]).await;
        diagnosis.ails_only(&["listening"]).says("listening", "wrong", "a goldcrest on other data", "--data-dir");
        let nobody = FreeAddress::take();
        let diagnosis = Diagnosis::of(&operator, &["--listen", &nobody.address.to_string()]).await;
        diagnosis.ails_only(&["listening"]).says(
            "listening",
            "wrong",
            "no answer",
            "the options that the server was started",
        );
    }
}

#[tokio::test]
async fn who_reaches_the_metrics_and_whether_traces_arrive_is_looked_at() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", collector.local_addr().unwrap());
    let server = Server::options().set("--metrics-listen", "127.0.0.1:0").start().await;
    let operator = Operator::beside(&server);
    let (listen, metrics) = (server.address.to_string(), server.own_addresses["metrics"].to_string());
    let diagnosis =
        Diagnosis::of(&operator, &["--listen", &listen, "--metrics-listen", &metrics, "--otlp-url", &url]).await;
    diagnosis.says("metrics", "fine", "for this machine alone", "").says("traces", "fine", "somebody listens", "");
    drop(collector);
    let diagnosis = Diagnosis::of(&operator, &["--listen", &listen, "--otlp-url", &url]).await;
    diagnosis.says("traces", "warning", "nobody is to be reached", "start the collector");
    let diagnosis = Diagnosis::of(&operator, &["--listen", &listen, "--metrics-listen", &listen]).await;
    diagnosis.says("metrics", "wrong", "does not give out its metrics", "restart the server");
    let open = Operator::alone();
    let diagnosis = Diagnosis::of(&open, &["--listen", "127.0.0.1:0", "--metrics-listen", "0.0.0.0:9090"]).await;
    diagnosis.says("metrics", "warning", "lets others in", "--metrics-listen 127.0.0.1:9090");
}
