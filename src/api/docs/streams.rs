//! The reference of the streams: every channel, operation, event and control frame of the document, on one page.

use super::markdown::{Side, escape, inline, render, shell};
use super::reference::shapes;
use super::schema::{row, table};
use crate::api::asyncapi::wire;
use serde_json::Value;
use std::fmt::Write as _;

/// How each channel is listened to: what a figure is called, and what it shows.
const SNIPPETS: &[(&str, &str, &str)] = &[
    ("sse", "With curl", include_str!("streams/sse.sh")),
    ("sse", "In a browser", include_str!("streams/sse.js")),
    ("websocket", "In a browser, or with Node", include_str!("streams/websocket.js")),
    ("polling", "With curl", include_str!("streams/polling.sh")),
    ("polling", "In a program", include_str!("streams/polling.js")),
];

/// Chapters of messages: the tag of theirs, what the chapter is called, and what it says.
const CHAPTERS: &[(&str, &str, &str)] = &[
    (
        "operation",
        "Operations",
        "What a client asks for on a WebSocket. Each frame is an object with an `op`, its fields, and a `ref` of the \
         client's choice that the reply repeats. What REST refuses is refused here by the same [codes](/docs/errors).",
    ),
    (
        "event",
        "Events",
        "What happened. All three channels tell it by the same envelope; the fields below are those of its `data`. \
         `conversation_id` is missing from what is about oneself alone.",
    ),
    (
        "passing",
        "What passes",
        "What is so for now, told on all three channels and kept nowhere. It has no `seq`. [More of it](/docs/streams#what-passes).",
    ),
    ("control", "Control frames", "What a stream says of itself. They have no `seq`."),
];

/// The page.
pub(super) fn page(pages: &Side, document: &Value) -> String {
    let (mut side, mut main) = (String::new(), String::new());
    let says = document["info"]["description"].as_str().map(render).unwrap_or_default();
    let _ = write!(
        main,
        "<h1>The streams</h1><p class=\"lead\">Every channel, operation, event and control frame. For programs: \
         <a href=\"/asyncapi.json\">asyncapi.json</a> (AsyncAPI 3.0).</p>{says}"
    );
    channels(document, &mut side, &mut main);
    for (tag, title, says) in CHAPTERS {
        begin(tag, title, says, &mut side, &mut main);
        for (name, message) in document["components"]["messages"].as_object().into_iter().flatten() {
            if message["tags"][0]["name"] == *tag && message["payload"].is_object() {
                link(tag, name, name, &mut side);
                match *tag {
                    "operation" => operation(document, name, message, &mut main),
                    _ => frame(document, tag, name, message, &mut main),
                }
            }
        }
        end(&mut side, &mut main);
    }
    ends(document, &mut side, &mut main);
    shapes(document, &mut side, &mut main);
    shell("The streams", &format!("{}<main>{main}</main>", pages.with(&side)))
}

fn id(tag: &str, name: &str) -> String {
    format!("{tag}-{}", name.replace('.', "-"))
}

fn begin(tag: &str, title: &str, says: &str, side: &mut String, main: &mut String) {
    let _ = write!(side, "<h2><a href=\"#{tag}s\">{title}</a></h2><ul>");
    let _ = write!(main, "<section class=\"chapter\"><h2 id=\"{tag}s\">{title}</h2><p>{}</p>", inline(says));
}

fn end(side: &mut String, main: &mut String) {
    side.push_str("</ul>");
    main.push_str("</section>");
}

fn link(tag: &str, name: &str, title: &str, side: &mut String) {
    let _ = write!(side, "<li><a href=\"#{}\">{}</a></li>", id(tag, name), escape(title));
}

fn heading(tag: &str, name: &str, title: &str, route: &str, out: &mut String) {
    let id = id(tag, name);
    let _ = write!(
        out,
        "<article id=\"{id}\"><h3><a class=\"anchor\" href=\"#{id}\">{title}</a></h3><p class=\"route\">{route}</p>\
         <div class=\"columns\"><div class=\"what\">"
    );
}

/// Something that can be copied.
fn figure(title: &str, code: &str, out: &mut String) {
    let _ = write!(
        out,
        "<figure><figcaption>{}</figcaption><div class=\"code\"><button type=\"button\" class=\"copy\" hidden>Copy</button>\
         <pre><code>{}</code></pre></div></figure>",
        escape(title),
        escape(code.trim_end())
    );
}

/// What was seen once.
fn seen(title: &str, text: &str, out: &mut String) {
    let _ = write!(
        out,
        "<figure><figcaption>{}</figcaption><pre class=\"answer\"><code>{}</code></pre></figure>",
        escape(title),
        escape(text.trim_end())
    );
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn channels(document: &Value, side: &mut String, main: &mut String) {
    begin("channel", "Channels", "Three ways to listen. The three tell the same.", side, main);
    for (name, channel) in document["channels"].as_object().into_iter().flatten() {
        let title = channel["title"].as_str().unwrap_or_default();
        link("channel", name, title, side);
        let address = channel["address"].as_str().unwrap_or_default();
        let route = format!("<span class=\"method get\">get</span> <code>{}</code>", escape(address));
        heading("channel", name, &escape(title), &route, main);
        main.push_str(&channel["description"].as_str().map(render).unwrap_or_default());
        let listen = &document["operations"][format!("{name}.listen")];
        let kinds = listen["security"].as_array().into_iter().flatten();
        let kinds: Vec<&str> =
            kinds.filter_map(|kind| kind["$ref"].as_str().and_then(|it| it.rsplit('/').next())).collect();
        let later = if name == "websocket" { ", or `auth` as the first frame" } else { "" };
        let _ = write!(
            main,
            "<p class=\"credentials\">{}</p>",
            inline(&format!("Credentials: {}{later}.", kinds.join(", ")))
        );
        parameters(document, name, channel, main);
        main.push_str("</div><div class=\"examples\">");
        for (_, title, code) in SNIPPETS.iter().filter(|(of, ..)| of == name) {
            figure(title, code, main);
        }
        match name.as_str() {
            "sse" => seen("What comes over the wire", &wire().unwrap_or_default(), main),
            "polling" => {
                for example in all(&document["components"]["messages"]["polled"]) {
                    seen(example["summary"].as_str().unwrap_or_default(), &pretty(&example["payload"]), main);
                }
            }
            _ => {}
        }
        main.push_str("</div></div></article>\n");
    }
    end(side, main);
}

fn parameters(document: &Value, name: &str, channel: &Value, out: &mut String) {
    let socket = &channel["bindings"]["ws"]["query"];
    let http = &document["operations"][format!("{name}.listen")]["bindings"]["http"]["query"];
    let query = if socket.is_object() { socket } else { http };
    out.push_str("<h4>Parameters</h4><table class=\"fields\">");
    for (name, schema) in query["properties"].as_object().into_iter().flatten() {
        out.push_str(&row(document, name, "<small>query, optional</small>", "", schema));
    }
    out.push_str("</table>");
}

fn operation(document: &Value, word: &str, message: &Value, out: &mut String) {
    let messages = &document["components"]["messages"];
    let (reply, refusal) = (&messages[format!("{word}.reply")], &messages[format!("{word}.refusal")]);
    heading("operation", word, &summary(message), &format!("<code>{{\"op\":\"{word}\"}}</code>"), out);
    describe(message, out);
    fields(document, "Fields", &message["payload"], &["op", "ref"], out);
    out.push_str("<h4>Result</h4>");
    out.push_str(&table(document, &reply["payload"]["properties"]["result"]));
    let codes = refusal["payload"]["properties"]["error"]["allOf"][1]["properties"]["code"]["enum"].as_array();
    let codes: Vec<String> = codes
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|code| format!("<li><code>{}</code></li>", escape(code)))
        .collect();
    let _ = write!(
        out,
        "<details class=\"refusals\"><summary>Refusals</summary><ul class=\"codes\">{}</ul></details></div><div class=\"examples\">",
        codes.concat()
    );
    // What was asked, and what was answered in the same step.
    for asked in all(message) {
        figure(asked["summary"].as_str().unwrap_or_default(), &asked["payload"].to_string(), out);
        let answers = all(reply).chain(all(refusal)).filter(|answer| answer["summary"] == asked["summary"]);
        for answer in answers {
            let _ = write!(out, "<pre class=\"answer\"><code>{}</code></pre>", escape(&pretty(&answer["payload"])));
        }
    }
    out.push_str("</div></div></article>\n");
}

fn frame(document: &Value, tag: &str, name: &str, message: &Value, out: &mut String) {
    heading(tag, name, &format!("<code>{}</code>", escape(name)), &summary(message), out);
    describe(message, out);
    let payload = &message["payload"];
    match tag {
        "event" => {
            out.push_str("<h4>Data</h4>");
            out.push_str(&table(document, &payload["properties"]["data"]));
        }
        _ => fields(document, "Fields", payload, &["type"], out),
    }
    out.push_str("</div><div class=\"examples\">");
    for example in all(message) {
        seen(example["summary"].as_str().unwrap_or_default(), &pretty(&example["payload"]), out);
    }
    out.push_str("</div></div></article>\n");
}

fn summary(message: &Value) -> String {
    message["summary"].as_str().map(inline).unwrap_or_default()
}

fn describe(message: &Value, out: &mut String) {
    out.push_str(&message["description"].as_str().map(render).unwrap_or_default());
}

/// The fields of a frame but those that all of its kind have.
fn fields(document: &Value, title: &str, payload: &Value, but: &[&str], out: &mut String) {
    let mut own = payload.clone();
    if let Some(properties) = own["properties"].as_object_mut() {
        properties.retain(|name, _| !but.contains(&name.as_str()));
        if properties.is_empty() {
            let _ = write!(out, "<h4>{title}</h4><p>None.</p>");
            return;
        }
    }
    let _ = write!(out, "<h4>{title}</h4>{}", table(document, &own));
}

/// What was seen of a message.
fn all(message: &Value) -> impl Iterator<Item = &Value> {
    message["examples"].as_array().into_iter().flatten()
}

/// Why streams end.
fn ends(document: &Value, side: &mut String, main: &mut String) {
    begin(
        "end",
        "Why streams end",
        "`bye` means that the same credentials are good again later, `expired` that they are not. On a WebSocket a close \
         frame follows, with the code and with the reason as its text.",
        side,
        main,
    );
    main.push_str(
        "<div class=\"scroll\"><table class=\"ends\"><thead><tr><th>Reason</th><th>What happened</th><th>Last</th><th>Code</th>\
         <th>Come back</th></tr></thead><tbody>",
    );
    for reason in document["channels"]["websocket"]["x-close-reasons"].as_array().into_iter().flatten() {
        let text = |name: &str| reason[name].as_str().map(inline).unwrap_or_default();
        let codes: Vec<String> = reason["codes"].as_array().into_iter().flatten().map(Value::to_string).collect();
        let last = reason["last"].as_str().map_or_else(String::new, |last| format!("<code>{last}</code>"));
        let _ = write!(
            main,
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{last}</td><td>{}</td><td>{}</td></tr>",
            text("reason"),
            text("description"),
            codes.join(", "),
            text("comeBack"),
        );
    }
    main.push_str("</tbody></table></div>");
    end(side, main);
}
