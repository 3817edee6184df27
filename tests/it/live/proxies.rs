//! Behind real proxies as they are by default: streams on which nothing is said, and a server that is restarted behind them.

use crate::support::caddy::Caddy;
use crate::support::listener::TRANSPORTS;
use crate::support::nginx::{Nginx, right};
use crate::support::server::http_client;
use crate::support::{
    Caller, Ear, Heard, Listener, Person, Server, SseClient, StreamRequest, eventually, listener::Transport, seconds,
    within,
};

/// Heartbeats that are heard on an idle stream: more than fit into the eight seconds after which nginx gives up on silence here,
/// which stand for the 75 s of the example, as one second does for our 20.
const HEARTBEATS: usize = 10;

async fn server() -> Server {
    Server::options().set("--heartbeat", "1s").set("--trusted-proxies", "127.0.0.1").start().await
}

/// All that it is by default, but for what the example says, and for patience.
async fn nginx(server: &Server) -> Nginx {
    let shown = "proxy_read_timeout 75s;";
    assert!(right().contains(shown), "the example has {shown:?}");
    let directives = right().replace(shown, "proxy_read_timeout 8s; proxy_send_timeout 8s;");
    Nginx::before(server.address, &directives).await
}

/// The same person, who comes by another way.
fn by(address: std::net::SocketAddr, person: &Person) -> Caller {
    let http = http_client().build().unwrap();
    Caller::new(address, http).with_bearer(&person.bearer().expect("a token"))
}

/// Says things, lets streams be idle, restarts the server, and looks at what each listener heard.
async fn all_comes_through(mut server: Server, proxy: std::net::SocketAddr) {
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let group = alice.group("team", &[&bob]).await;
    let bob = by(proxy, &bob);
    let head = bob.head().await;
    let mut ears = Vec::new();
    for transport in TRANSPORTS {
        ears.push((transport, Listener::open(transport, &bob, &bob.stream().after(head)).await.unwrap(), Vec::new()));
    }
    alice.say(group, "one").await;
    for (_, ear, heard) in &mut ears {
        until_said(ear, heard, "one").await;
        let mut beats = 0;
        let idle = ear.until("heartbeats", |heard| {
            beats += usize::from(matches!(heard, Heard::Heartbeat(_)));
            beats == HEARTBEATS
        });
        idle.await;
    }
    by(proxy, &alice)
        .post("/api/v1/messages", &serde_json::json!({"conversation_id": group, "text": "two"}))
        .await
        .expect(201);
    for (_, ear, heard) in &mut ears {
        until_said(ear, heard, "two").await;
    }

    server.ask_to_stop();
    for (transport, ear, heard) in &mut ears {
        let (last, _) = match transport {
            // A poll that waits is answered; the next finds nobody.
            Transport::Polling => continue,
            Transport::Sse | Transport::WebSocket => ear.until_end(seconds(20)).await,
        };
        note(&last, heard);
        let bye = last.iter().find_map(|heard| match heard {
            Heard::Control(control) if control.kind == "bye" => Some(control),
            _ => None,
        });
        let bye = bye.unwrap_or_else(|| panic!("{transport:?} ended without a farewell: {last:?}"));
        assert!((1..=10_000).contains(&bye.number("retry")), "{}", bye.raw);
        if let Listener::Sse(stream) = ear {
            let retry = stream.retry().expect("a browser is told when to come back");
            assert_eq!(u64::try_from(retry.as_millis()).unwrap(), bye.number("retry"));
        }
    }
    assert!(server.wait(seconds(20)).await.success());
    server.restart().await;
    alice.say(group, "three").await;
    for (transport, ear, heard) in &mut ears {
        if *transport != Transport::Polling {
            *ear = again(*transport, &bob, ear.cursor().expect("a cursor")).await;
        }
        until_said(ear, heard, "three").await;
    }
    alice.say(group, "four").await;
    for (transport, ear, heard) in &mut ears {
        until_said(ear, heard, "four").await;
        assert_eq!(*heard, ["one", "two", "three", "four"], "{transport:?}");
    }
}

/// Comes back with its cursor, as often as it takes: the proxy says 502 for as long as it finds nobody.
async fn again(transport: Transport, caller: &Caller, cursor: u64) -> Listener {
    let request: StreamRequest = match transport {
        Transport::Sse => caller.stream().last_event_id(cursor),
        _ => caller.stream().after(cursor),
    };
    eventually(seconds(20), "the way back", async || Listener::open(transport, caller, &request).await.ok()).await
}

async fn until_said(ear: &mut Listener, heard: &mut Vec<String>, text: &str) {
    within(seconds(20), text, async {
        while heard.last().is_none_or(|last| last != text) {
            match ear.next().await {
                // The server was away for a while, and a poll is simply made again.
                Heard::End(_) if matches!(ear, Listener::Polling(_)) => {}
                Heard::End(_) => panic!("the stream ended before {text:?}; {heard:?} was heard"),
                told => note(&[told], heard),
            }
        }
    })
    .await;
}

fn note(told: &[Heard], heard: &mut Vec<String>) {
    for told in told {
        match told {
            Heard::Event(seen) if seen.kind == "message.created" => {
                heard.push(seen.data()["text"].as_str().expect("a text").to_owned());
            }
            Heard::Control(control) => assert!(!matches!(&*control.kind, "reset" | "expired"), "{}", control.raw),
            _ => {}
        }
    }
}

#[tokio::test]
async fn behind_nginx_idle_streams_stay_and_a_restart_loses_nothing() {
    let server = server().await;
    let nginx = nginx(&server).await;
    all_comes_through(server, nginx.address).await;
}

#[tokio::test]
async fn behind_caddy_with_tls_idle_streams_stay_and_a_restart_loses_nothing() {
    let server = server().await;
    let caddy = Caddy::of_the_example(server.address).await;
    all_comes_through(server, caddy.address).await;
}

#[tokio::test]
async fn streams_go_over_http_2_behind_caddy() {
    let server = server().await;
    let caddy = Caddy::of_the_example(server.address).await;
    let alice = by(caddy.address, &Person::register(&server, "alice").await);
    let mut stream = SseClient::open(caddy.address, &alice.stream()).await.unwrap();
    assert_eq!(stream.headers["x-spoken"], "HTTP/2.0");
    stream.until_control("ready").await;
    let answer = alice.get("/api/v1/me").await;
    assert_eq!(answer.header("x-spoken"), Some("HTTP/2.0"));
}
