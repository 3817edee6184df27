//! Users: logging in and out, one's own profile, password and address.

use serde_json::json;

use crate::support::{Person, Server};

#[tokio::test]
async fn each_device_logs_in_and_out_by_itself() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let login = json!({"username": "ann", "password": ann.password, "name": "telephone", "cookie": true});
    let answer = server.stranger().post("/api/v1/sessions", &login).await;
    assert_eq!(answer.expect(201)["user"]["id"], ann.id);
    let saved = answer.header("set-cookie").expect("a login that is saved");
    let (cookie, lasts) = saved.split_once(';').unwrap();
    assert!(lasts.contains("Max-Age="), "{saved}");
    let telephone = server.stranger().with_header("cookie", cookie);
    assert_eq!(telephone.get("/api/v1/me").await.expect(200)["username"], "ann");
    telephone.delete("/api/v1/sessions/current").await.expect(204);
    telephone.get("/api/v1/me").await.refused(401, "unauthorized");
    ann.get("/api/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_password_is_changed() {
    let server = Server::start().await;
    let ann = Person::register(&server, "ann").await;
    let log_in = async |password: &str| {
        server.stranger().post("/api/v1/sessions", &json!({"username": "ann", "password": password})).await
    };
    let change = |current: &str| json!({"current_password": current, "new_password": "another horse"});
    ann.put("/api/v1/me/password", &change("wrong password")).await.refused(401, "invalid_credentials");
    ann.put("/api/v1/me/password", &change(&ann.password)).await.expect(204);
    ann.get("/api/v1/me").await.expect(200);
    log_in(&ann.password).await.refused(401, "invalid_credentials");
    log_in("another horse").await.expect(201);
}

#[tokio::test]
async fn ones_own_profile_is_shown_and_changed() {
    let server = Server::start().await;
    let body = json!({"username": "ann", "password": "long enough", "email": "ann@example.org"});
    let made = server.stranger().post("/api/v1/users", &body).await.expect(201);
    let ann = Person::from_login(&server.stranger(), "long enough", &made);
    let text = "this is my boring profile page.";
    assert_eq!(ann.patch("/api/v1/me", &json!({"bio": text})).await.expect(200)["bio"], text);
    let me = ann.get("/api/v1/me").await.expect(200);
    assert_eq!(
        (me["id"].as_u64(), me["username"].as_str(), me["bio"].as_str()),
        (Some(ann.id), Some("ann"), Some(text))
    );
    assert_eq!((me["email"].as_str(), me["created_at"].is_string()), (Some("ann@example.org"), true));
    let ben = Person::register(&server, "ben").await;
    let shown = ben.get("/api/v1/users/ann").await;
    assert_eq!(shown.expect(200)["bio"], text);
    assert!(!String::from_utf8_lossy(&shown.body).contains("example.org"), "an address is seen by nobody else");
}

#[tokio::test]
async fn a_profile_is_shown_to_the_approved_only() {
    let server = Server::start().await;
    let [ann, jr, eve] = Person::register_all(&server, ["ann", "JR", "eve"]).await;
    let profile = json!({"bio": "this is my boring profile page.", "bio_visible": "contacts"});
    ann.patch("/api/v1/me", &profile).await.expect(200);
    jr.ask(&ann).await.expect(201);
    let by_number = format!("/api/v1/users/by-id/{}", ann.id);
    for (person, state, shown) in
        [(&jr, None, false), (&jr, Some("approved"), true), (&jr, Some("rejected"), false), (&eve, None, false)]
    {
        if let Some(state) = state {
            ann.answer(&jr, state).await;
        }
        for path in ["/api/v1/users/ann", &by_number] {
            let seen = person.get(path).await.expect(200);
            assert_eq!((&seen["username"], seen["bio"] == profile["bio"]), (&json!("ann"), shown), "{state:?}: {seen}");
            assert!(shown || seen["bio"].is_null(), "{seen}");
        }
    }
    assert_eq!(ann.get(&by_number).await.expect(200)["bio"], profile["bio"], "one's own");
}
