//! A disk on which there is no room: nothing is acknowledged or told that is not on it, and writing goes on when there is room.

/// The embedded database is the one whose disk is ours to fill.
mod embedded {
    use std::fs::File;
    use std::io::Write as _;

    use serde_json::{Value, json};

    use crate::support::alone::{Own, is_alone};
    use crate::support::{Answer, Ear, Heard, Person, Server, SseClient, eventually, seconds};

    const TEST: &str = "live::full_disk::embedded::what_is_acknowledged_is_there_and_what_finds_no_room_is_refused";
    /// More than fit.
    const MANY: usize = 20_000;

    #[tokio::test]
    async fn what_is_acknowledged_is_there_and_what_finds_no_room_is_refused() {
        if !is_alone(TEST, Own::Disk(8)) {
            return;
        }
        let mut server = Server::start().await;
        let alice = Person::register(&server, "alice").await;
        let group = alice.group("team", &[]).await;
        let mut ear = SseClient::open(server.address, &alice.stream()).await.unwrap();
        ear.until_control("ready").await;
        let say =
            async |text: &str| alice.post("/api/v1/messages", &json!({"conversation_id": group, "text": text})).await;
        let mut acknowledged = vec![say("before").await.expect(201)["id"].as_u64().unwrap()];
        let filling = server.data_dir().with_file_name("filling");
        fill(&File::create(&filling).unwrap());
        let refused = say_until_refused(say, &mut acknowledged).await;
        assert!(refused.header("retry-after").is_some(), "it passes: {}", refused.describe());
        refused.refused(503, "unavailable");
        say("still no room").await.refused(503, "unavailable");
        let ready = server.stranger().get("/readyz").await;
        assert_eq!(ready.status, 200, "nobody replaced anything: {}", ready.describe());
        std::fs::remove_file(&filling).unwrap();
        eventually(seconds(10), "writing goes on", async || {
            let answer = say("after").await;
            (answer.status == 201).then(|| acknowledged.push(answer.json()["id"].as_u64().unwrap()))
        })
        .await;
        // The stream has heard each of them once, and nothing of what was refused.
        let mut heard = Vec::new();
        while heard.last() != acknowledged.last() {
            if let Heard::Event(event) = ear.next().await {
                heard.push(event.data()["id"].as_u64().expect("a message"));
            }
        }
        assert_eq!(heard, acknowledged);
        server.kill().await;
        server.restart().await;
        assert_eq!(kept(&alice, group).await, acknowledged);
    }

    /// Takes all room that there is.
    fn fill(mut file: &File) {
        let block = [0; 4096];
        while file.write_all(&block).is_ok() {}
    }

    async fn say_until_refused(say: impl AsyncFn(&str) -> Answer, acknowledged: &mut Vec<u64>) -> Answer {
        let text = "x".repeat(1_000);
        for _ in 0..MANY {
            let answer = say(&text).await;
            if answer.status != 201 {
                return answer;
            }
            acknowledged.push(answer.json()["id"].as_u64().unwrap());
        }
        panic!("{MANY} messages found room");
    }

    async fn kept(person: &Person, group: u64) -> Vec<u64> {
        let (mut ids, mut after) = (Vec::new(), 0);
        loop {
            let path = format!("/api/v1/conversations/{group}/messages?limit=200&after={after}");
            let page: Value = person.get(&path).await.expect(200).clone();
            let items = page["items"].as_array().expect("a list");
            let Some(last) = items.last() else { return ids };
            ids.extend(items.iter().map(|message| message["id"].as_u64().unwrap()));
            after = last["id"].as_u64().unwrap();
        }
    }
}
