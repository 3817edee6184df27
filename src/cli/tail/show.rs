//! An event as a line for people: when, where, who, what.

use super::super::printable::Printable;
use serde::Deserialize;
use serde_json::Value;

/// As much of an envelope as is shown.
#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "type")]
    kind: String,
    at: String,
    conversation_id: Option<i64>,
    #[serde(default)]
    data: Value,
}

/// The line, or none if this is no event.
pub(super) fn line(envelope: &str) -> Option<String> {
    let Envelope { kind, at, conversation_id, data } = serde_json::from_str(envelope).ok()?;
    let place = conversation_id.map_or_else(|| "-".to_owned(), |id| format!("#{id}"));
    let text = |path: &str| data.pointer(path).and_then(Value::as_str);
    let user = || text("/user/username").unwrap_or("?");
    let by = || text("/by/username").unwrap_or("?");
    let (who, what) = match kind.as_str() {
        // A message without an author is the system's own.
        "message.created" => (text("/author/username").unwrap_or("*"), text("/text").unwrap_or_default().to_owned()),
        "member.added" => (by(), format!("[added {}]", user())),
        "member.removed" if by() == user() => (by(), "[left]".to_owned()),
        "member.removed" => (by(), format!("[removed {}]", user())),
        "member.updated" => (by(), format!("[made {} {}]", user(), text("/role").unwrap_or("?"))),
        "conversation.created" | "conversation.updated" => {
            let name = text("/name").map(|name| format!(" {name}")).unwrap_or_default();
            let members = data.pointer("/members").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let members = members.iter().filter_map(|member| member.pointer("/user/username")?.as_str());
            let members = members.collect::<Vec<_>>().join(", ");
            let with = if members.is_empty() { String::new() } else { format!(" with {members}") };
            ("*", format!("[{kind}: {}{name}{with}]", text("/kind").unwrap_or("?")))
        }
        "session.created" | "key.created" => ("*", session(&kind, "begins", &data)),
        "session.updated" => ("*", session(&kind, "lasts on", &data)),
        "session.revoked" | "key.revoked" => ("*", session(&kind, "ends", &data)),
        "user.updated" => {
            let now =
                text("/bio").map_or_else(|| "[is named so now]".to_owned(), |bio| format!("[new profile: {bio}]"));
            (text("/username").unwrap_or("?"), now)
        }
        // What is new to this program is shown as it came.
        _ => ("*", format!("[{kind}] {data}")),
    };
    Some(format!("{} {} {}: {}", Printable(&at), place, Printable(who), Printable(&what)))
}

/// What became of a session or key: which one, and all that is said of it.
fn session(kind: &str, verb: &str, data: &Value) -> String {
    let (noun, _) = kind.split_once('.').unwrap_or((kind, ""));
    let text = |field: &str| data.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = |field: &str| data.get(field).and_then(Value::as_i64);
    let id = number("id").map_or_else(|| "?".to_owned(), |id| id.to_string());
    let name = text("name").map(|name| format!(" \"{name}\"")).unwrap_or_default();
    let scopes = data.get("scopes").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut said: Vec<String> = scopes.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    said.extend(text("kind").map(str::to_owned));
    said.extend(text("expires_at").map(|end| format!("until {end}")));
    said.extend(number("conversation_id").map(|id| format!("only in #{id}")));
    let said = if said.is_empty() { String::new() } else { format!(": {}", said.join(", ")) };
    format!("[{noun} {id}{name} {verb}{said}]")
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn a_message_is_time_place_author_and_text() {
        let envelope = r#"{"seq":9,"type":"message.created","at":"2026-11-21T10:00:00.123Z","conversation_id":7,
            "data":{"id":3,"author":{"id":1,"username":"alice"},"text":"two\nlines \u001b[31m"}}"#;
        assert_eq!(line(envelope).unwrap(), "2026-11-21T10:00:00.123Z #7 alice: two\\nlines \\u{1b}[31m");
    }

    #[test]
    fn other_events_are_one_line_too() {
        let line = |kind: &str, data: &str| {
            let envelope = format!(r#"{{"seq":9,"type":"{kind}","at":"T","conversation_id":7,"data":{data}}}"#);
            line(&envelope).unwrap()
        };
        let bob = r#"{"user":{"id":2,"username":"bob"},"by":{"id":2,"username":"bob"}}"#;
        assert_eq!(line("member.removed", bob), "T #7 bob: [left]");
        assert_eq!(
            line("conversation.created", r#"{"kind":"group","name":"a\tb","members":[{"user":{"username":"bob"}}]}"#),
            "T #7 *: [conversation.created: group a\\tb with bob]"
        );
        assert_eq!(line("thing.happened", r#"{"n":1}"#), r#"T #7 *: [thing.happened] {"n":1}"#);
    }

    #[test]
    fn what_is_about_oneself_can_be_read() {
        let line =
            |kind: &str, data: &str| line(&format!(r#"{{"seq":9,"type":"{kind}","at":"T","data":{data}}}"#)).unwrap();
        let session = r#"{"id":4,"name":"tele\tphone","kind":"token","expires_at":"2026-12-21T05:52:50.476Z"}"#;
        assert_eq!(
            line("session.created", session),
            "T - *: [session 4 \"tele\\tphone\" begins: token, until 2026-12-21T05:52:50.476Z]"
        );
        assert_eq!(
            line("session.updated", r#"{"id":5,"name":"","kind":"cookie","expires_at":"E"}"#),
            "T - *: [session 5 lasts on: cookie, until E]"
        );
        assert_eq!(line("session.revoked", r#"{"id":4}"#), "T - *: [session 4 ends]");
        let key = r#"{"id":6,"name":"feed","scopes":["read","send"],"conversation_id":7,"created_at":"C"}"#;
        assert_eq!(line("key.created", key), "T - *: [key 6 \"feed\" begins: read, send, only in #7]");
        let key = r#"{"id":6,"name":"","scopes":["read"],"conversation_id":null,"created_at":"C"}"#;
        assert_eq!(line("key.created", key), "T - *: [key 6 begins: read]");
        assert_eq!(line("key.revoked", r#"{"id":6}"#), "T - *: [key 6 ends]");
        assert_eq!(
            line("user.updated", r#"{"id":1,"username":"alice","bio":"I\nam"}"#),
            "T - alice: [new profile: I\\nam]"
        );
        let gone = r#"{"id":1,"username":"deleted-user-1"}"#;
        assert_eq!(line("user.updated", gone), "T - deleted-user-1: [is named so now]");
        // A server may be older or newer than this program.
        assert_eq!(line("session.created", r#"{"id":4}"#), "T - *: [session 4 begins]");
        assert_eq!(line("session.updated", "{}"), "T - *: [session ? lasts on]");
    }

    #[test]
    fn what_is_no_event_is_no_line() {
        assert_eq!(line("nonsense"), None);
        assert_eq!(line("{}"), None);
    }
}
