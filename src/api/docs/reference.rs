//! The reference: every operation of the document, by chapters, on one page.

use super::curl::{Example, examples};
use super::markdown::{Side, anchor, escape, inline, render, shell};
use super::schema::{is_shape, row, table};
use serde_json::Value;
use std::fmt::Write as _;

/// An operation where it stands.
struct Place<'a> {
    path: &'a str,
    method: &'a str,
    operation: &'a Value,
}

impl Place<'_> {
    fn id(&self) -> &str {
        self.operation["operationId"].as_str().unwrap_or_default()
    }

    fn summary(&self) -> String {
        self.operation["summary"].as_str().map(inline).unwrap_or_default()
    }
}

/// The page.
pub(super) fn page(pages: &Side, document: &Value) -> String {
    let mut side = String::new();
    let mut main = format!(
        "<h1>Goldcrest</h1><p class=\"lead\">{}</p>{}",
        inline(document["info"]["summary"].as_str().unwrap_or_default()),
        render(document["info"]["description"].as_str().unwrap_or_default())
    );
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or_default();
        let places: Vec<Place<'_>> = places(document).filter(|place| place.operation["tags"][0] == name).collect();
        chapter(document, name, tag["description"].as_str().unwrap_or_default(), &places, &mut side, &mut main);
    }
    shapes(document, &mut side, &mut main);
    shell("API", &format!("{}<main>{main}</main>", pages.with(&side)))
}

fn places(document: &Value) -> impl Iterator<Item = Place<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let operations = item.as_object().into_iter().flatten();
        operations.map(move |(method, operation)| Place { path, method, operation })
    })
}

fn chapter(document: &Value, name: &str, says: &str, places: &[Place<'_>], side: &mut String, main: &mut String) {
    let id = anchor(name);
    let _ = write!(side, "<h2><a href=\"#{id}\">{}</a></h2><ul>", escape(name));
    let _ = write!(main, "<section class=\"chapter\"><h2 id=\"{id}\">{}</h2><p>{}</p>", escape(name), inline(says));
    for place in places {
        let _ = write!(
            side,
            "<li><a href=\"#{}\"><span class=\"method {1}\">{1}</span><span>{2}</span></a></li>",
            place.id(),
            place.method,
            place.summary()
        );
        operation(document, place, main);
    }
    side.push_str("</ul>");
    main.push_str("</section>");
}

fn operation(document: &Value, place: &Place<'_>, out: &mut String) {
    let Place { path, method, operation } = place;
    let id = place.id();
    let _ = write!(
        out,
        "<article id=\"{id}\"><h3><a class=\"anchor\" href=\"#{id}\">{}</a></h3>\
         <p class=\"route\"><span class=\"method {method}\">{method}</span> <code>{}</code></p>\
         <div class=\"columns\"><div class=\"what\">",
        place.summary(),
        route(path),
    );
    if let Some(says) = operation["description"].as_str() {
        out.push_str(&render(says));
    }
    credentials(operation, out);
    parameters(document, operation, out);
    body(document, operation, out);
    answers(document, operation, out);
    out.push_str("</div><div class=\"examples\">");
    for one in examples(path, method, operation) {
        example(&one, out);
    }
    out.push_str("</div></div></article>\n");
}

/// The path, which may be broken into lines behind each slash.
fn route(path: &str) -> String {
    escape(path).replace('/', "/<wbr>")
}

fn credentials(operation: &Value, out: &mut String) {
    let kinds: Vec<&str> = operation["security"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|kind| kind.as_object().and_then(|kind| kind.keys().next()).map_or("none", String::as_str))
        .collect();
    let says = match kinds.as_slice() {
        [] => "For anybody, without credentials.".to_owned(),
        kinds => format!("Credentials: {}.", kinds.join(", ")),
    };
    let _ = write!(out, "<p class=\"credentials\">{says}</p>");
}

fn parameters(document: &Value, operation: &Value, out: &mut String) {
    let Some(parameters) = operation["parameters"].as_array() else { return };
    out.push_str("<h4>Parameters</h4><table class=\"fields\">");
    for parameter in parameters {
        let place = parameter["in"].as_str().unwrap_or_default();
        let optional = if parameter["required"] == true { "" } else { ", optional" };
        let note = format!("<small>{place}{optional}</small>");
        let name = parameter["name"].as_str().unwrap_or_default();
        let says = parameter["description"].as_str().unwrap_or_default();
        out.push_str(&row(document, name, &note, says, &parameter["schema"]));
    }
    out.push_str("</table>");
}

fn body(document: &Value, operation: &Value, out: &mut String) {
    for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
        let _ = write!(out, "<h4>Body <small>{}</small></h4>", escape(media));
        out.push_str(&table(document, &content["schema"]));
    }
}

fn answers(document: &Value, operation: &Value, out: &mut String) {
    let responses = operation["responses"].as_object().into_iter().flatten();
    let (good, bad): (Vec<_>, Vec<_>) = responses.partition(|(status, _)| status.as_str() < "400");
    for (status, answer) in good {
        let says = answer["description"].as_str().map(inline).unwrap_or_default();
        let _ = write!(out, "<h4>Answer <span class=\"status\">{status}</span></h4><p>{says}</p>");
        for (media, content) in answer["content"].as_object().into_iter().flatten() {
            if media == "application/json" && content["schema"]["type"] != "object" {
                out.push_str(&table(document, &content["schema"]));
            } else {
                let _ = write!(out, "<p><small>{}</small></p>", escape(media));
            }
        }
    }
    out.push_str("<details class=\"refusals\"><summary>Refusals</summary><dl>");
    for (status, answer) in bad {
        let says = answer["description"].as_str().map(render).unwrap_or_default();
        let _ = write!(out, "<dt class=\"status\">{status}</dt><dd>{says}</dd>");
    }
    out.push_str("</dl></details>");
}

fn example(example: &Example, out: &mut String) {
    let Example { title, command, status, answer } = example;
    let _ = write!(
        out,
        "<figure><figcaption>{}</figcaption><div class=\"code\"><button type=\"button\" class=\"copy\" hidden>Copy</button>\
         <pre><code>{}</code></pre></div>",
        escape(title),
        escape(command)
    );
    let _ = write!(out, "<p class=\"answer\"><span class=\"status\">{status}</span></p>");
    if !answer.is_empty() {
        let _ = write!(out, "<pre class=\"answer\"><code>{}</code></pre>", escape(answer));
    }
    out.push_str("</figure>");
}

pub(super) fn shapes(document: &Value, side: &mut String, main: &mut String) {
    side.push_str("<h2><a href=\"#shapes\">Shapes</a></h2><ul>");
    main.push_str(
        "<section class=\"chapter\"><h2 id=\"shapes\">Shapes</h2><p>What bodies and answers are made of.</p>",
    );
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        if !is_shape(schema) {
            continue;
        }
        let name = escape(name);
        let says = schema["description"].as_str().map(render).unwrap_or_default();
        let _ = write!(side, "<li><a href=\"#shape-{name}\">{name}</a></li>");
        let _ = write!(
            main,
            "<article id=\"shape-{name}\"><h3><a class=\"anchor\" href=\"#shape-{name}\">{name}</a></h3>{says}"
        );
        main.push_str(&table(document, schema));
        main.push_str("</article>\n");
    }
    side.push_str("</ul>");
    main.push_str("</section>");
}
