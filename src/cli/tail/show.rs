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
    let number =
        |path: &str| data.pointer(path).and_then(Value::as_i64).map_or_else(|| "?".to_owned(), |n| n.to_string());
    let user = || text("/user/username").unwrap_or("?");
    let by = || text("/by/username").unwrap_or("?");
    let (who, what) = match kind.as_str() {
        // A message without an author is the system's own.
        "message.created" => (text("/author/username").unwrap_or("*"), text("/text").unwrap_or_default().to_owned()),
        "message.updated" => {
            let author = text("/author/username").unwrap_or("*");
            (author, format!("[edits message {}] {}", number("/id"), text("/text").unwrap_or_default()))
        }
        "message.deleted" => ("*", format!("[message {} is deleted]", number("/id"))),
        "message.hidden" => ("*", format!("[message {} of #{} is hidden]", number("/id"), number("/conversation_id"))),
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
        "receipt.updated" => {
            let message = data.get("message_id").and_then(Value::as_i64).unwrap_or_default();
            (user(), format!("[has read through {message}]"))
        }
        "contact.requested" | "contact.updated" | "contact.deleted" => ("*", contact(&kind, user(), &data)),
        "block.created" => ("*", format!("[you have blocked {}]", user())),
        "block.deleted" => ("*", format!("[you no longer block {}]", user())),
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

/// What one says to another, or he to oneself, as contacts.
fn contact(kind: &str, user: &str, data: &Value) -> String {
    let text = |field: &str| data.get(field).and_then(Value::as_str).unwrap_or("?");
    match (kind, text("direction"), text("state")) {
        ("contact.deleted", "sent", _) => format!("[{user} has no word on you as a contact any more]"),
        ("contact.deleted", ..) => format!("[you have no word on {user} as a contact any more]"),
        (_, "sent", "pending") => format!("[you ask {user} to be a contact]"),
        (_, "sent", state) => format!("[{user} says of you as a contact: {state}]"),
        (_, _, "pending") => format!("[{user} asks to be your contact]"),
        (_, _, state) => format!("[you say of {user} as a contact: {state}]"),
    }
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
        let edited = r#"{"id":3,"author":{"id":1,"username":"alice"},"text":"two\nlines"}"#;
        assert_eq!(line("message.updated", edited), "T #7 alice: [edits message 3] two\\nlines");
        assert_eq!(line("message.deleted", r#"{"id":3}"#), "T #7 *: [message 3 is deleted]");
        let hidden = r#"{"id":3,"conversation_id":7}"#;
        assert_eq!(line("message.hidden", hidden), "T #7 *: [message 3 of #7 is hidden]");
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
    fn what_is_between_people_can_be_read() {
        let line = |kind: &str, data: &str| {
            let envelope =
                format!(r#"{{"seq":9,"type":"{kind}","at":"T","data":{{"user":{{"username":"bob"}}{data}}}}}"#);
            line(&envelope).unwrap()
        };
        assert_eq!(line("receipt.updated", r#","message_id":7"#), "T - bob: [has read through 7]");
        let pending = |direction: &str| format!(r#","direction":"{direction}","state":"pending""#);
        assert_eq!(line("contact.requested", &pending("received")), "T - *: [bob asks to be your contact]");
        assert_eq!(line("contact.requested", &pending("sent")), "T - *: [you ask bob to be a contact]");
        let approved = r#","direction":"received","state":"approved""#;
        assert_eq!(line("contact.updated", approved), "T - *: [you say of bob as a contact: approved]");
        let approved = r#","direction":"sent","state":"approved""#;
        assert_eq!(line("contact.updated", approved), "T - *: [bob says of you as a contact: approved]");
        let gone = r#","direction":"sent""#;
        assert_eq!(line("contact.deleted", gone), "T - *: [bob has no word on you as a contact any more]");
        assert_eq!(line("block.created", ""), "T - *: [you have blocked bob]");
        assert_eq!(line("block.deleted", ""), "T - *: [you no longer block bob]");
    }

    #[test]
    fn what_is_no_event_is_no_line() {
        assert_eq!(line("nonsense"), None);
        assert_eq!(line("{}"), None);
    }
}
