//! Whether what is counted is what happened, and whether what is given out is told of in `docs/metrics.md`.
#![allow(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "what is counted here is a small whole number, and is given out as it is"
)]

use super::{Metrics, watched};
use crate::readme::page;
use crate::support::deadline::PATIENCE;
use crate::support::server::http_client;
use crate::support::{Ear, Person, Server, SseClient, WsClient, eventually};
use serde_json::json;
use std::fmt::Write as _;

#[tokio::test]
async fn what_happens_is_counted() {
    let server = watched().await;
    let alice = Person::register(&server, "alice").await;
    let notes = alice.direct(&[&alice]).await;
    let before = Metrics::of(&server).await;
    let mut sse = SseClient::open(server.address, &alice.stream()).await.unwrap();
    sse.until_control("ready").await;
    let mut socket = WsClient::open(server.address, &alice.stream().after(1)).await.unwrap();
    socket.until_control("ready").await;
    let first = Metrics::of(&server).await;
    assert_eq!(first.get(r#"goldcrest_streams{transport="sse"}"#), 1.0);
    assert_eq!(first.get(r#"goldcrest_streams{transport="websocket"}"#), 1.0);
    assert_eq!(first.get("goldcrest_users_connected"), 1.0);
    assert_eq!(first.get("goldcrest_resume_depth_events_count"), 1.0, "one had a cursor");
    assert_eq!(first.get("goldcrest_resume_depth_events_sum"), before.get("goldcrest_head_seq") - 1.0);
    for number in 0..10 {
        alice.say(notes, &number.to_string()).await;
    }
    let head = alice.head().await;
    sse.until_seq(head).await;
    socket.until_seq(head).await;
    let wanted = first.get(r#"goldcrest_deliveries_total{transport="sse"}"#) + 10.0;
    let after = eventually(PATIENCE, "what was heard to be counted", async || {
        let now = Metrics::of(&server).await;
        (now.get(r#"goldcrest_deliveries_total{transport="sse"}"#) >= wanted).then_some(now)
    })
    .await;
    let grew = |sample: &str| after.get(sample) - before.value(sample).unwrap_or(0.0);
    assert_eq!(after.get(r#"goldcrest_deliveries_total{transport="sse"}"#), wanted, "each event once");
    assert_eq!(grew(r#"goldcrest_http_requests_total{method="POST",route="/api/v1/messages",status="201"}"#), 10.0);
    assert_eq!(grew(r#"goldcrest_http_request_seconds_count{method="POST",route="/api/v1/messages"}"#), 10.0);
    assert!(grew(r#"goldcrest_changes_total{outcome="done"}"#) >= 10.0);
    let committed = grew(r#"goldcrest_batches_total{outcome="committed"}"#);
    assert!(committed >= 1.0 && grew("goldcrest_commit_seconds_count") == committed, "{committed}");
    assert!(grew("goldcrest_batch_events_sum") >= 10.0 && grew("goldcrest_events_total") >= 10.0);
    assert!((after.get("goldcrest_head_seq") - head as f64).abs() < 0.1);
    assert!((after.get("goldcrest_applied_seq") - head as f64).abs() < 0.1);
    assert!(grew(r#"goldcrest_delivered_bytes_total{transport="sse"}"#) > 1_000.0);
    assert!(after.get("goldcrest_ring_bytes") > 1_000.0 && after.get("goldcrest_write_queue_limit") == 4096.0);
    assert!(after.get("process_resident_memory_bytes") > 1e6 && after.get("process_open_fds") > 5.0);
    assert!((after.get("goldcrest_ready"), after.get("goldcrest_streams_lagging")) == (1.0, 0.0), "{}", after.text);
    drop((sse, socket));
    eventually(PATIENCE, "the end of the streams to be counted", async || {
        let now = Metrics::of(&server).await;
        let left =
            |way: &str| now.value(&format!(r#"goldcrest_streams_ended_total{{transport="{way}",reason="left"}}"#));
        (now.get(r#"goldcrest_streams{transport="sse"}"#) == 0.0
            && now.get("goldcrest_users_connected") == 0.0
            && left("sse") == Some(1.0)
            && left("websocket") == Some(1.0))
        .then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_is_refused_is_counted() {
    let options = Server::options().set("--metrics-listen", "127.0.0.1:0").set("--rate-limits", "on");
    let server = options.set("--max-streams-per-user", "1").start().await;
    let alice = Person::register(&server, "alice").await;
    let wrong = json!({"username": "alice", "password": "not the password"});
    server.stranger().post("/api/v1/sessions", &wrong).await.refused(401, "invalid_credentials");
    let mut first = SseClient::open(server.address, &alice.stream()).await.unwrap();
    first.until_control("ready").await;
    let mut second = SseClient::open(server.address, &alice.stream()).await.unwrap();
    second.until_control("bye").await;
    eventually(PATIENCE, "a login to be refused for their number", async || {
        (server.stranger().post("/api/v1/sessions", &wrong).await.status == 429).then_some(())
    })
    .await;
    server.stranger().get("/api/v1/hidden-place?q=secret").await.refused(404, "not_found");
    let metrics = Metrics::of(&server).await;
    assert_eq!(metrics.get(r#"goldcrest_streams_refused_total{transport="sse",reason="too_many_streams"}"#), 1.0);
    assert!(metrics.get(r#"goldcrest_logins_total{outcome="refused"}"#) >= 1.0);
    assert_eq!(metrics.get(r#"goldcrest_rate_limited_total{bucket="guesses"}"#), 1.0);
    let refused = r#"goldcrest_http_requests_total{method="POST",route="/api/v1/sessions",status="429"}"#;
    assert_eq!(metrics.get(refused), 1.0);
    assert!(metrics.text.contains(r#"route="none",status="404""#), "what matches no route has none");
    for private in ["alice", "secret", "hidden"] {
        assert!(!metrics.text.contains(private), "{private}:\n{}", metrics.text);
    }
}

#[tokio::test]
async fn nothing_but_the_metrics_is_at_their_address_and_they_are_nowhere_else() {
    let server = watched().await;
    server.stranger().get("/metrics").await.refused(404, "not_found");
    let address = server.own_addresses["metrics"];
    let client = http_client().build().unwrap();
    for (path, status) in [("/", 404), ("/api/v1/server", 404), ("/healthz", 404)] {
        let answer = client.get(format!("http://{address}{path}")).send().await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
    }
    assert_eq!(client.post(format!("http://{address}/metrics")).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn docs_metrics_md_lists_every_metric_as_the_server_says() {
    let metrics = Metrics::of(&watched().await).await;
    let mut table = String::from("| metric | type | what it says |\n|---|---|---|\n");
    for line in metrics.text.lines().filter_map(|line| line.strip_prefix("# HELP ")) {
        let (name, says) = line.split_once(' ').unwrap();
        let kind = &metrics.described()[name].0;
        writeln!(table, "| `{name}` | {kind} | {} |", says.trim_end_matches('.')).unwrap();
    }
    assert!(page("docs/metrics.md").contains(&table), "docs/metrics.md should hold this:\n\n{table}");
}

/// The rules of Prometheus for names, and its format: what `promtool check metrics` says no to.
#[tokio::test]
async fn the_metrics_keep_to_the_conventions() {
    let metrics = Metrics::of(&watched().await).await;
    let described = metrics.described();
    assert!(described.len() > 40, "{}", described.len());
    for (name, (kind, says)) in &described {
        assert!(name.starts_with("goldcrest_") || name.starts_with("process_"), "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
        assert!(says.ends_with('.') && says.len() > 5, "{name}: {says}");
    }
    for line in metrics.text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
        let name = sample.split('{').next().unwrap();
        let of = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix));
        assert!(described.contains_key(name) || of.is_some_and(|name| described.contains_key(name)), "{line}");
    }
}
