//! Tokens by chance, damaged, forged or signed by us with claims that we would not make: 401, or the right user.

mod forger;

use super::{MARK, Rounds, is_well, refusal};
use crate::api::tokens::parts;
use crate::support::frames::{CLOSE, Frames, PING, TEXT, text};
use crate::support::raw::Connection;
use crate::support::{Chance, Person, Server, seconds, within};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use forger::{Forger, KEY, LIFETIME, Made};
use serde::Deserialize;
use serde_json::{Value, json};

/// More than the head of a request may have.
const HEAD: usize = 16 * 1024;

#[derive(Deserialize)]
struct Named {
    sub: String,
}

/// Whom a token names, by its own words: none if it names nobody who could be.
fn subject(token: &[u8]) -> Option<Value> {
    let token = std::str::from_utf8(token).ok()?.trim();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let Named { sub } = serde_json::from_slice(&claims).ok()?;
    sub.parse::<i64>().ok().map(Value::from)
}

#[tokio::test]
async fn a_token_is_refused_or_names_the_right_user() {
    let home = tempfile::tempdir().unwrap();
    let key_file = home.path().join("jwt.key");
    std::fs::write(&key_file, KEY).unwrap();
    std::fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let options = Server::options().set("--jwt-key-file", key_file.to_str().unwrap());
    let options =
        options.set("--access-token-lifetime", &format!("{LIFETIME}s")).set("--log-level", "warn,goldcrest=debug");
    let server = options.start().await;
    let [ann, bob] = Person::register_all(&server, ["ann", "bob"]).await;
    let sockets = server.sockets();
    let (header, claims) = parts(&bob.access_token);
    let mut chance = Chance::for_test("tokens");
    let mut forger = Forger { chance: &mut chance, genuine: &bob.access_token, header, claims };
    let (mut rounds, mut let_in) = (Rounds::begin(), 0);
    let mut connection = Connection::open(server.address).await.unwrap();
    while rounds.go_on() {
        let Made { token, is_bad } = forger.make();
        let shown =
            || format!("{} bytes, bad {is_bad}: {}", token.len(), token[..token.len().min(2_000)].escape_ascii());
        let by_frame = forger.chance.percent(10);
        let is_in = if by_frame {
            by_frame_alone(&server, &token, &shown).await
        } else {
            by_header(&server, &mut connection, &token, &shown).await
        };
        if let Some(user) = is_in {
            assert!(!is_bad, "{user} got in: {}", shown());
            assert_eq!(Some(&user), subject(&token).as_ref(), "{}", shown());
            // To check a token costs no query: whom we have signed for is there.
            assert!(by_frame || [json!(ann.id), json!(bob.id)].contains(&user), "{user} is nobody: {}", shown());
            let_in += 1;
        }
    }
    println!("{} tokens, {let_in} good, {} MiB", rounds.count, server.memory() >> 20);
    assert!(let_in > 0, "some get in");
    let secret = bob.access_token.rsplit_once('.').unwrap().1;
    is_well(&server, sockets + 1, &[secret, KEY]).await;
}

/// Who is let in by a header, if anybody.
async fn by_header(
    server: &Server,
    connection: &mut Connection,
    token: &[u8],
    shown: &impl Fn() -> String,
) -> Option<Value> {
    // A header holds no line end, and its other control characters are hyper's to refuse.
    let token: Vec<u8> = token.iter().map(|byte| if byte.is_ascii_control() { b'~' } else { *byte }).collect();
    let head = format!("GET /api/v1/me HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer ", server.address);
    let request = [head.as_bytes(), &token, b"\r\n\r\n"].concat();
    let answer = within(seconds(20), &format!("an answer to {}", shown()), async {
        if connection.send(&request).await.is_err() {
            *connection = Connection::open(server.address).await.unwrap();
            connection.send(&request).await.unwrap();
        }
        connection.answer().await.unwrap_or_else(|error| panic!("{error}: {}", shown()))
    })
    .await;
    if answer.header("connection") == Some("close") {
        *connection = Connection::open(server.address).await.unwrap();
    }
    match answer.status {
        200 => Some(answer.json()["id"].clone()),
        401 => {
            let code = refusal(&answer.json(), shown);
            assert!(["unauthorized", "token_expired"].contains(&code), "{code} to {}", shown());
            None
        }
        431 if request.len() > HEAD => {
            *connection = Connection::open(server.address).await.unwrap();
            None
        }
        status => panic!("{status} to {}: {}", shown(), answer.describe()),
    }
}

/// Who is let in by an `auth`, if anybody.
async fn by_frame_alone(server: &Server, token: &[u8], shown: &impl Fn() -> String) -> Option<Value> {
    let token = String::from_utf8_lossy(token);
    let mut socket = Frames::open(server.address, "/ws", "").await.unwrap().expect("a WebSocket");
    drop(socket.send(text(&json!({"op": "auth", "ref": MARK, "token": token}).to_string())).await);
    loop {
        let heard = within(seconds(20), &format!("an answer to {}", shown()), socket.next()).await;
        match heard.unwrap_or(None).unwrap_or_else(|| panic!("it ended without a word: {}", shown())) {
            (PING, _) => {}
            (TEXT, payload) => {
                let reply: Value = serde_json::from_slice(&payload).unwrap();
                if reply["type"] == "expired" {
                    continue;
                }
                assert_eq!((&reply["ref"], &reply["ok"]), (&json!(MARK), &json!(true)), "{reply} to {}", shown());
                return Some(reply["result"]["user_id"].clone());
            }
            (CLOSE, payload) => {
                let code = u16::from_be_bytes([payload[0], payload[1]]);
                // The first frame of a stranger is a small one.
                let is_large = token.len() > 8_000;
                assert!([4401, 4408].contains(&code) || is_large && code == 1009, "{code} to {}", shown());
                return None;
            }
            (opcode, _) => panic!("a frame of opcode {opcode} to {}", shown()),
        }
    }
}
