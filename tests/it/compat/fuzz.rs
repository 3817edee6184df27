//! What no decent client sends, to every route of every interface: nothing of it makes the server fail, panic or hang up.

mod nonsense;
mod routes;

use goldcrest::compat::ADAPTERS;
use http::Method;
use serde_json::{Value, json};

use self::nonsense::Nonsense;
use self::routes::{Interface, Route, Shows};
use crate::support::raw::Connection;
use crate::support::{Chance, Options, Person, Server, seconds, within};

/// How often a method is tried on a route that knows it, and on one that does not.
const ROUNDS: [usize; 2] = [25, 2];
/// So many requests are under way at a time.
const AT_ONCE: usize = 8;
/// Those that somebody may think of, and one that nobody does.
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "BREW"];

#[tokio::test]
async fn nothing_that_comes_in_makes_the_server_fail() {
    // Kinglet mails, and answers 503 where nothing says how.
    let usual = Server::options().set("--mail", "log").set("--public-url", "http://127.0.0.1:8080");
    let all = ADAPTERS.iter().map(|adapter| adapter.name.to_owned());
    let (server, ann) = peopled(usual.set("--compat", &all.collect::<Vec<_>>().join(","))).await;
    survives("fuzz", &server, &ann).await;
}

#[tokio::test]
async fn nor_in_any_other_mode() {
    let all = ADAPTERS.iter().map(|adapter| {
        let word = adapter.modes.first().map(|mode| format!("={}", mode.word));
        format!("{}{}", adapter.name, word.unwrap_or_default())
    });
    let (server, ann) = peopled(Server::options().set("--compat", &all.collect::<Vec<_>>().join(","))).await;
    survives("fuzz of modes", &server, &ann).await;
}

#[tokio::test]
#[should_panic(expected = "answered 500")]
async fn a_server_that_fails_is_seen() {
    let (server, ann) = peopled(Server::options().set("--compat", "oms")).await;
    server.sql("ALTER TABLE blocks RENAME TO gone").await;
    survives("fuzz of a broken server", &server, &ann).await;
}

/// A server with somebody who has something to read.
async fn peopled(options: Options) -> (Server, Person) {
    let server = options.start().await;
    let ann = Person::register(&server, "ann").await;
    server.command(&["user", "add", "bob", "--open"]).await;
    for to in ["ann", "bob"] {
        ann.post("/api/v1/messages", &json!({"to": [to], "text": "@ann <b>hi</b>"})).await.expect(201);
    }
    (server, ann)
}

async fn survives(name: &str, server: &Server, ann: &Person) {
    let mut chance = Chance::for_test(name);
    let mut requests = Vec::new();
    for interface in routes::INTERFACES {
        let shown = shown(server, interface, ann).await;
        for route in interface.routes {
            let often = |method: &str| ROUNDS[usize::from(!route.methods.split(' ').any(|known| known == method))];
            for method in METHODS.into_iter().flat_map(|method| std::iter::repeat_n(method, often(method))) {
                requests.push(Nonsense::new(&mut chance, interface, route, method, &shown).bytes());
            }
        }
    }
    let hands = requests.chunks(requests.len().div_ceil(AT_ONCE)).map(async |part| {
        for request in part {
            answered(server, request).await;
        }
    });
    futures_util::future::join_all(hands).await;
    assert_eq!(server.stranger().get("/readyz").await.status, 200);
    let log = server.log();
    let complaint = log.lines().find(|line| line.contains("panicked") || line.contains("ERROR"));
    assert_eq!(complaint, None);
}

/// Sends it over a connection of its own, and has an answer that is no failure of the server's.
async fn answered(server: &Server, request: &[u8]) {
    let shown = || String::from_utf8_lossy(&request[..request.len().min(1_500)]).into_owned();
    let answer = within(seconds(20), "an answer", async {
        let mut connection = Connection::open(server.address).await?;
        // Of what is too long not all is taken.
        drop(connection.send(request).await);
        let (status, headers) = connection.head().await?;
        let streams = headers.get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        // HEAD has the headers of a body, and none.
        if !streams && !request.starts_with(b"HEAD") {
            connection.rest(status, &headers).await?;
        }
        std::io::Result::Ok(status)
    })
    .await;
    let status = answer.unwrap_or_else(|error| panic!("no answer, {error}, to:\n{}", shown()));
    assert!((200..500).contains(&status), "answered {status} to:\n{}", shown());
}

/// What shows who calls, where the interface is there.
async fn shown(server: &Server, interface: &Interface, ann: &Person) -> String {
    let api = format!("/compat/{}{}", interface.name, interface.base);
    let stranger = server.stranger();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match interface.shows {
        Shows::Basic => {
            use base64::Engine as _;
            let pair = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", ann.name, ann.password));
            format!("Authorization: Basic {pair}\r\n")
        }
        Shows::Token => {
            let account = json!({"username": ann.name, "password": ann.password});
            let answer = stranger.post(&format!("{api}/api/auth/login"), &account).await;
            format!("Authorization: Token {}\r\n", text(&answer.expect(200)["token"]))
        }
        Shows::Query => {
            let account = json!({"user_name": "kin", "email": "kin@example.org"});
            let made = stranger.call(Method::POST, &format!("{api}/users"), Some(&account)).await;
            // Only the mode for trying out tells what it takes to go on.
            let Ok(made) = serde_json::from_slice::<Value>(&made.body) else { return String::new() };
            let Some(digest) = made["user_digest"].as_str() else { return String::new() };
            stranger.get(&format!("{api}/users/activate/{digest}")).await;
            let account = json!({"email": "kin@example.org", "password": made["password"]});
            let login = stranger.post(&format!("{api}/users/login"), &account).await;
            let login: Value = serde_json::from_slice(&login.body).unwrap_or_default();
            format!("user_name=kin&user_id={}&session_id={}", text(&login["user_id"]), text(&login["session_id"]))
        }
    }
}

/// How a request without a body is answered: its status, and where there is no such thing, in which words.
async fn told(server: &Server, method: &str, target: &str, header: &str) -> (u16, String) {
    let request = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n{header}\r\n", server.address);
    let mut connection = Connection::open(server.address).await.unwrap();
    connection.send(request).await.unwrap();
    let (status, headers) = connection.head().await.unwrap();
    let body = if status == 404 { connection.rest(status, &headers).await.unwrap() } else { Vec::new() };
    (status, String::from_utf8_lossy(&body).replace(target, "PATH"))
}

#[tokio::test]
async fn what_the_table_says_is_served() {
    let server = Server::options().set("--compat", "babbel,msgboard,chat,oms,kinglet").start().await;
    let ann = Person::register(&server, "ann").await;
    for interface in routes::INTERFACES {
        let shown = shown(&server, interface, &ann).await;
        let header = if shown.starts_with("Authorization") { shown.as_str() } else { "" };
        for Route { path, methods } in interface.routes {
            for method in methods.split(' ') {
                let place = format!("/compat/{}{}", interface.name, interface.base);
                let target = format!("{place}{}", routes::filled(path, |_| "1".to_owned()));
                let answer = told(&server, method, &target, header).await;
                assert_ne!(answer.0, 405, "{method} {target}");
                let nothing = told(&server, method, &format!("{place}/nothing/here"), header).await;
                assert_ne!(answer, nothing, "{method} {target} is not there");
            }
        }
    }
}

#[test]
fn every_route_is_in_the_table() {
    for interface in routes::INTERFACES {
        let mut known: Vec<&str> = interface.routes.iter().map(|route| route.path).collect();
        known.sort_unstable();
        assert_eq!(interface.routes_in_source(), known, "{}", interface.name);
    }
}
