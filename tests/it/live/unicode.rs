//! Texts of every script and plane come back as they were sent, from every call and over every transport.

use http::Method;
use serde_json::{Value, json};

use crate::support::listener::TRANSPORTS;
use crate::support::{Ear, Listener, Person, Server, WsClient};

/// Every plane, both directions, sequences that only together are one sign, and as much as fits.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = (0..=16u32)
        .map(|plane| {
            let in_plane = (0..0x1_0000u32).step_by(0x101).map(|low| (plane << 16) | low);
            in_plane.filter_map(char::from_u32).filter(|c| *c != '\0').collect()
        })
        .collect();
    texts.extend([
        "שלום עולם, مرحبا بالعالم! \u{202b}ימין\u{202c} left \u{2067}\u{2069}\u{200f}.".to_owned(),
        "👩‍👩‍👧‍👦👨🏿‍🚀🏳️‍🌈🇸🇪🏴󠁧󠁢󠁥󠁮󠁧󠁿1️⃣❤️‍🔥".to_owned(),
        "e\u{301} é \u{1100}\u{1161}\u{11a8} 각 \u{fb01} ﬁ Å \u{212b} क्षि ก็".to_owned(),
        "  spaces, \u{a0}\u{3000}\ttabs and lines \r\n\u{85}\u{2028}\u{2029} \u{feff} ".to_owned(),
        "\u{fdd0}\u{ffff}\u{10ffff}\u{e000}\u{fffd}\u{7f}\u{1}".to_owned(),
        "👨‍👩‍👧‍👦".repeat(1_428),
        "𠜎".repeat(10_000),
        "\u{1}".repeat(10_000),
    ]);
    assert!(texts.iter().all(|text| text.chars().count() <= 10_000));
    texts
}

fn text_of(message: &Value) -> &str {
    message["text"].as_str().unwrap()
}

#[tokio::test]
async fn any_text_comes_back_unchanged_from_every_call_and_stream() {
    let texts = texts();
    let server = Server::start().await;
    let [alice, bob] = Person::register_all(&server, ["alice", "bob"]).await;
    let direct = alice.direct(&[&bob]).await;
    let root = alice.say(direct, "root").await;
    let start = bob.head().await;
    let mut live = Vec::new();
    for transport in TRANSPORTS {
        live.push(Listener::open(transport, &bob, &bob.stream().after(start)).await.unwrap());
    }
    let mut websocket = WsClient::open(server.address, &alice.stream()).await.unwrap();
    for (number, text) in texts.iter().enumerate() {
        let body = json!({"conversation_id": direct, "text": text, "thread_id": root["id"]});
        let sent = match number % 3 {
            0 => alice.post("/api/v1/messages", &body).await.expect(201),
            1 => {
                let mut body = body.clone();
                body["op"] = json!("send");
                body["ref"] = json!(number);
                websocket.ask(&body, &mut Vec::new()).await["result"].clone()
            }
            _ => {
                let path = format!("/api/v1/conversations/{direct}/messages");
                alice.send_body(Method::POST, &path, "text/plain; charset=utf-8", text.as_str()).await.expect(201)
            }
        };
        assert_eq!(text_of(&sent), text, "as answered to the sender");
        let path = format!("/api/v1/messages/{}", sent["id"]);
        assert_eq!(text_of(&bob.get(&path).await.expect(200)), text);
        // Changed to another and back: an edit keeps it too.
        alice.patch(&path, &json!({"text": "another"})).await.expect(200);
        let edited = if number % 2 == 0 {
            alice.patch(&path, &json!({"text": text})).await.expect(200)
        } else {
            let edit = json!({"op": "edit", "ref": "e", "id": sent["id"], "text": text});
            websocket.ask(&edit, &mut Vec::new()).await["result"].clone()
        };
        assert_eq!(text_of(&edited), text);
    }
    let newest = bob.get("/api/v1/conversations").await.expect(200);
    assert_eq!(text_of(&newest["items"][0]["last_message"]), texts.last().unwrap());
    let in_conversation = format!("/api/v1/conversations/{direct}/messages?limit=200&after={}", root["id"]);
    let replies: Vec<&String> =
        texts.iter().enumerate().filter(|(number, _)| number % 3 != 2).map(|(_, text)| text).collect();
    let lists = [
        (in_conversation, texts.iter().collect()),
        (format!("/api/v1/messages?limit=200&sender=alice&after={}", root["id"]), texts.iter().collect()),
        (format!("/api/v1/messages?limit=200&recipient=bob&unread=true&after={}", root["id"]), texts.iter().collect()),
        (format!("/api/v1/messages/{}/replies?limit=200", root["id"]), replies.clone()),
    ];
    for (path, expected) in &lists {
        let list = bob.get(path).await.expect(200);
        let listed: Vec<&str> = list["items"].as_array().unwrap().iter().map(text_of).collect();
        assert!(listed.iter().eq(expected), "{path}");
    }
    let thread = &alice.get("/api/v1/threads").await.expect(200)["items"][0];
    assert_eq!(text_of(&thread["last_reply"]), *replies.last().unwrap());

    let head = bob.head().await;
    for transport in TRANSPORTS {
        live.push(Listener::open(transport, &bob, &bob.stream().after(start)).await.unwrap());
    }
    for mut listener in live {
        let heard = listener.until_seq(head).await;
        for kind in ["message.created", "message.updated"] {
            let told = heard.iter().filter(|seen| seen.kind == kind).map(crate::support::Seen::data);
            let told: Vec<String> =
                told.map(|data| text_of(&data).to_owned()).filter(|text| text != "another").collect();
            assert!(told == texts, "{kind}");
        }
    }
}
