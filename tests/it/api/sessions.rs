//! Sessions over time: how they last, what their list shows, and what ends with a shorter lifetime. Where a day or more
//! would have to pass, the rows are made older in the database file.

use http::Method;
use serde_json::json;

use super::tokens::{parts, sign, signing_key};
use crate::support::{Caller, Person, Server, eventually, seconds};

const DAY: i64 = 24 * 60 * 60;

/// A browser that has logged in, and what its cookie says.
async fn browser(server: &Server, person: &Person) -> (Caller, String) {
    let login = json!({"username": person.name, "password": person.password, "cookie": true});
    let answer = server.stranger().post("/api/v1/sessions", &login).await;
    let set_cookie = answer.header("set-cookie").expect("a cookie").to_owned();
    (server.stranger().with_header("cookie", set_cookie.split(';').next().unwrap()), set_cookie)
}

async fn make_older(server: &Server, kind: &str, seconds: i64) {
    let older = format!(
        "UPDATE sessions SET created_at = created_at - {seconds}000, refreshed_at = refreshed_at - {seconds}000, \
         expires_at = expires_at - {seconds}000 WHERE kind = '{kind}'"
    );
    server.sql(&older).await;
}

#[tokio::test]
async fn what_the_list_showed_and_the_events_since_are_what_it_shows() {
    let server = Server::start().await;
    let alice = Person::register(&server, "alice").await;
    let (browser, _) = browser(&server, &alice).await;
    make_older(&server, "cookie", 2 * DAY).await;
    let list = alice.get("/api/v1/sessions").await.expect(200);
    let mut shown = list["items"].as_array().unwrap().clone();

    let [second, third] = [alice.login(&server).await, alice.login(&server).await];
    let refresh = async |token: &str| {
        server.stranger().post("/api/v1/sessions/refresh", &json!({"refresh_token": token})).await.expect(200)
    };
    refresh(&alice.refresh_token).await;
    let renewed = refresh(&second.refresh_token).await;
    refresh(renewed["refresh_token"].as_str().unwrap()).await;
    browser.get("/api/v1/me").await.expect(200);
    third.logout().await;

    let answer = alice.get(&format!("/api/v1/events?after={}", list["head"])).await.expect(200);
    for event in answer["events"].as_array().unwrap() {
        let data = &event["data"];
        let place = shown.iter().position(|session| session["id"] == data["id"]);
        match event["type"].as_str().unwrap() {
            "session.created" => {
                let mut created = data.clone();
                created["current"] = json!(false);
                shown.push(created);
            }
            "session.updated" => {
                let session = shown[place.expect("a session that there is")].as_object_mut().unwrap();
                session.extend(data.as_object().unwrap().clone());
            }
            "session.revoked" => drop(shown.remove(place.expect("a session that there is"))),
            other => panic!("{other}"),
        }
    }
    let now = alice.get("/api/v1/sessions").await.expect(200);
    assert_eq!(now["head"], answer["head"]);
    assert_eq!(&shown, now["items"].as_array().unwrap());
}

#[tokio::test]
async fn a_shorter_lifetime_counts_for_tokens_that_are_out() {
    let mut server = Server::options().set("--access-token-lifetime", "1h").start().await;
    let alice = Person::register(&server, "alice").await;
    let gone = alice.login(&server).await;
    gone.logout().await;
    server.terminate(seconds(5)).await;
    // Eleven minutes pass: the token was made before the session ended, which is no longer in any memory.
    server.sql("UPDATE sessions SET revoked_at = revoked_at - 660000").await;
    let (header, mut claims) = parts(&gone.access_token);
    for claim in ["iat", "exp"] {
        claims[claim] = json!(claims[claim].as_i64().unwrap() - 660);
    }
    let key = signing_key(&std::fs::read_to_string(server.data_dir().join("jwt.key")).unwrap());
    let kid = header["kid"].as_str();
    let token = sign(jsonwebtoken::Algorithm::HS256, kid, &claims, &key);
    server.restart_with(Server::options().set("--access-token-lifetime", "3s")).await;
    server.stranger().with_bearer(&token).get("/api/v1/me").await.refused(401, "token_expired");
    eventually(seconds(10), "a token of before to end", async || {
        let answer = alice.call(Method::GET, "/api/v1/me", None).await;
        (answer.status != 200).then_some(answer)
    })
    .await
    .refused(401, "token_expired");
    let refreshed = json!({"refresh_token": alice.refresh_token});
    server.stranger().post("/api/v1/sessions/refresh", &refreshed).await.expect(200);
}
