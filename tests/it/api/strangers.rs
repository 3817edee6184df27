//! All routes, walked by somebody without a token, and by one whose token is worth nothing.

use std::collections::BTreeSet;

use goldcrest::api::routes::{Access, LIST};
use goldcrest::compat::ADAPTERS;
use http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Caller, Person, Server};

/// Who may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    /// Anybody.
    Public,
    /// Anybody, but what he brings is checked (a password, a refresh token, the first frame of a WebSocket).
    Checked,
    /// Anybody, who is told whether he is known. A token that is worth nothing is refused all the same.
    Asked,
    /// Only who has shown who he is.
    Closed,
}

use Door::{Asked, Checked, Closed, Public};

const ROUTES: &[(&str, &str, Door)] = &[
    ("GET", "/healthz", Public),
    ("GET", "/readyz", Public),
    ("GET", "/healthz/stream", Public),
    ("GET", "/stream", Closed),
    ("GET", "/ws", Checked),
    ("GET", "/links/{purpose}", Checked),
    ("POST", "/links/{purpose}", Checked),
    ("POST", "/api/v1/links/{purpose}", Checked),
    ("POST", "/api/v1/password-resets", Checked),
    ("GET", "/api/v1/server", Public),
    ("POST", "/api/v1/users", Checked),
    ("GET", "/api/v1/users", Closed),
    ("GET", "/api/v1/users/{name}", Closed),
    ("GET", "/api/v1/users/by-id/{id}", Closed),
    ("POST", "/api/v1/sessions", Checked),
    ("GET", "/api/v1/sessions", Closed),
    ("POST", "/api/v1/sessions/refresh", Checked),
    ("GET", "/api/v1/sessions/current", Asked),
    ("DELETE", "/api/v1/sessions/current", Closed),
    ("DELETE", "/api/v1/sessions/{id}", Closed),
    ("GET", "/api/v1/me", Closed),
    ("PATCH", "/api/v1/me", Closed),
    ("DELETE", "/api/v1/me", Closed),
    ("POST", "/api/v1/me/export", Closed),
    ("PUT", "/api/v1/me/email", Closed),
    ("DELETE", "/api/v1/me/email", Closed),
    ("POST", "/api/v1/invitations", Closed),
    ("GET", "/api/v1/invitations", Closed),
    ("DELETE", "/api/v1/invitations/{id}", Closed),
    ("GET", "/api/v1/admin/users", Closed),
    ("POST", "/api/v1/admin/users/{name}/suspend", Closed),
    ("POST", "/api/v1/admin/users/{name}/unsuspend", Closed),
    ("PUT", "/api/v1/me/password", Closed),
    ("POST", "/api/v1/stream-tickets", Closed),
    ("POST", "/api/v1/keys", Closed),
    ("GET", "/api/v1/keys", Closed),
    ("DELETE", "/api/v1/keys/{id}", Closed),
    ("POST", "/api/v1/conversations", Closed),
    ("GET", "/api/v1/conversations", Closed),
    ("GET", "/api/v1/conversations/{id}", Closed),
    ("PATCH", "/api/v1/conversations/{id}", Closed),
    ("POST", "/api/v1/conversations/{id}/members", Closed),
    ("PATCH", "/api/v1/conversations/{id}/members/{name}", Closed),
    ("DELETE", "/api/v1/conversations/{id}/members/{name}", Closed),
    ("GET", "/api/v1/conversations/{id}/messages", Closed),
    ("POST", "/api/v1/conversations/{id}/messages", Closed),
    ("GET", "/api/v1/channels", Closed),
    ("POST", "/api/v1/messages", Closed),
    ("GET", "/api/v1/messages", Closed),
    ("POST", "/api/v1/messages/delete", Closed),
    ("GET", "/api/v1/messages/{id}", Closed),
    ("PATCH", "/api/v1/messages/{id}", Closed),
    ("DELETE", "/api/v1/messages/{id}", Closed),
    ("GET", "/api/v1/messages/{id}/replies", Closed),
    ("GET", "/api/v1/mentions", Closed),
    ("GET", "/api/v1/threads", Closed),
    ("POST", "/api/v1/messages/take", Closed),
    ("POST", "/api/v1/conversations/{id}/typing", Closed),
    ("GET", "/api/v1/presence", Closed),
    ("PUT", "/api/v1/conversations/{id}/read", Closed),
    ("GET", "/api/v1/conversations/{id}/receipts", Closed),
    ("POST", "/api/v1/contacts", Closed),
    ("GET", "/api/v1/contacts", Closed),
    ("PUT", "/api/v1/contacts/{name}", Closed),
    ("DELETE", "/api/v1/contacts/{name}", Closed),
    ("GET", "/api/v1/blocks", Closed),
    ("PUT", "/api/v1/blocks/{name}", Closed),
    ("DELETE", "/api/v1/blocks/{name}", Closed),
    ("GET", "/api/v1/events", Closed),
    ("GET", "/openapi.json", Public),
    ("GET", "/docs", Public),
    ("GET", "/asyncapi.json", Public),
    ("GET", "/docs/{page}", Public),
    ("GET", "/docs/compat/{page}", Public),
];

async fn knock(caller: &Caller, method: &str, path: &str) -> Answer {
    let method: Method = method.parse().unwrap();
    let path = path.replace("{id}", "1").replace("{name}", "host");
    let path = path
        .replace("compat/{page}", &format!("compat/{}", ADAPTERS[0].name))
        .replace("{page}", "streams")
        .replace("{purpose}", "activate");
    let body = (method != Method::GET && method != Method::DELETE).then(|| json!({}));
    caller.call(method, &path, body.as_ref()).await
}

#[tokio::test]
async fn every_route_that_is_not_public_wants_to_know_who_it_is() {
    let server = Server::start().await;
    let host = Person::register(&server, "host").await;
    host.say(host.direct(&[&host]).await, "a note that is nobody's business").await;
    let gone = host.login(&server).await;
    gone.logout().await;
    let stranger = server.stranger();
    let callers = [
        ("no token", stranger.clone()),
        ("rubbish", stranger.with_bearer("rubbish")),
        ("an empty token", stranger.with_header("authorization", "Bearer ")),
        ("another scheme", stranger.with_header("authorization", "Basic aG9zdDpwYXNzd29yZA==")),
        ("a session that is over", (*gone).clone()),
        ("a cookie of nobody", stranger.with_header("cookie", "goldcrest_session=rubbish")),
        ("a key of nobody", stranger.with_bearer("gck_rubbish")),
    ];
    for (method, path, door) in ROUTES {
        for (what, caller) in &callers {
            let answer = knock(caller, method, path).await;
            let context = format!("{method} {path} with {what}: {}", answer.describe());
            match door {
                Public => assert_eq!(answer.status, 200, "{context}"),
                Asked if ["no token", "a cookie of nobody"].contains(what) => {
                    assert_eq!(answer.expect(200)["user"], Value::Null, "{context}");
                }
                Asked => assert_eq!(answer.status, 401, "{context}"),
                Checked => assert!((400..500).contains(&answer.status), "{context}"),
                Closed => {
                    assert_eq!(answer.status, 401, "{context}");
                    answer.refused(401, "unauthorized");
                    assert!(
                        answer.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")),
                        "{context}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn a_path_or_method_that_is_not_there_says_so() {
    let server = Server::start().await;
    let host = Person::register(&server, "host").await;
    for caller in [server.stranger(), (*host).clone()] {
        caller.get("/api/v1/no-such-thing").await.refused(404, "not_found");
        caller.get("/nothing").await.refused(404, "not_found");
        caller.delete("/api/v1/users").await.refused(405, "method_not_allowed");
        caller.get("/api/v1/sessions/refresh").await.refused(405, "method_not_allowed");
    }
}

#[test]
fn the_table_has_every_route_of_the_server() {
    let known: BTreeSet<(String, &str, bool)> =
        ROUTES.iter().map(|(method, path, door)| ((*method).to_owned(), *path, *door == Closed)).collect();
    assert_eq!(known.len(), ROUTES.len(), "no route is there twice");
    let served: BTreeSet<(String, &str, bool)> = LIST
        .iter()
        .map(|(method, path, access)| (method.to_uppercase(), *path, *access == Access::Credentials))
        .collect();
    assert_eq!(served, known, "a new route needs its line here, and a stranger at its door");
}
