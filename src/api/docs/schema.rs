//! Schemas as people read them: a table of fields, each with its type in words.

use super::markdown::{escape, inline};
use serde_json::Value;
use std::fmt::Write as _;

/// What a schema refers to, if it does.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> (&'a Value, Option<&'a str>) {
    // Older schemas say nothing beside a reference, and so put it into a list of one.
    let alone = schema["allOf"].as_array().filter(|parts| parts.len() == 1).and_then(|parts| parts[0]["$ref"].as_str());
    let Some(reference) = schema["$ref"].as_str().or(alone) else { return (schema, None) };
    let place = reference.trim_start_matches('#');
    let name = reference.rsplit('/').next();
    (document.pointer(place).unwrap_or(schema), name)
}

/// The type in a few words, with links to shapes that have a name. This is HTML.
pub(super) fn type_of(document: &Value, schema: &Value) -> String {
    if let (target, Some(name)) = resolve(document, schema) {
        // A number or a text with a name is what it is; the name helps only where there is more to see.
        return if is_shape(target) {
            format!("<a href=\"#shape-{0}\">{0}</a>", escape(name))
        } else {
            type_of(document, target)
        };
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[choice].as_array()
            && schema["properties"].is_null()
        {
            let words: Vec<String> = choices.iter().map(|choice| type_of(document, choice)).collect();
            return words.join(" or ");
        }
    }
    if let Some(value) = schema.get("const") {
        return format!("<code>{}</code>", escape(&value.to_string()));
    }
    if let Some(values) = schema["enum"].as_array() {
        let words: Vec<String> =
            values.iter().map(|value| format!("<code>{}</code>", escape(&value.to_string()))).collect();
        return words.join(" or ");
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", type_of(document, &schema["items"])),
        Value::String(kind) => word(kind, schema),
        Value::Array(kinds) => {
            let words: Vec<String> = kinds
                .iter()
                .filter_map(Value::as_str)
                .map(|kind| {
                    if kind == "array" {
                        format!("list of {}", type_of(document, &schema["items"]))
                    } else {
                        word(kind, schema)
                    }
                })
                .collect();
            words.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn word(kind: &str, schema: &Value) -> String {
    match (kind, schema["format"].as_str()) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("string", _) => "text".to_owned(),
        ("integer", _) => "number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        (other, _) => other.to_owned(),
    }
}

/// Whether there is more to a schema than a line can say.
pub(super) fn is_shape(schema: &Value) -> bool {
    !schema["properties"].is_null() || has_described_choices(schema)
}

fn has_described_choices(schema: &Value) -> bool {
    schema["oneOf"].as_array().is_some_and(|choices| choices.iter().any(|choice| choice.get("const").is_some()))
}

/// The limits in words.
fn limits(document: &Value, schema: &Value) -> String {
    let (schema, _) = resolve(document, schema);
    let number = |name: &str| schema[name].as_i64().filter(|number| *number < i64::MAX);
    let range = |least: Option<i64>, most: Option<i64>, of: &str| match (least, most) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{of}")),
        (Some(least), None) if least > 0 => Some(format!("at least {least}{of}")),
        (None, Some(most)) => Some(format!("at most {most}{of}")),
        _ => None,
    };
    let words = [
        range(number("minLength"), number("maxLength"), " characters"),
        range(number("minItems"), number("maxItems"), " of them"),
        range(number("minimum"), number("maximum"), ""),
        schema
            .get("default")
            .filter(|value| !value.is_null())
            .map(|value| format!("<code>{}</code> unless said", escape(&value.to_string()))),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// A row of a table of fields or parameters.
pub(super) fn row(document: &Value, name: &str, note: &str, says: &str, schema: &Value) -> String {
    let (target, named) = resolve(document, schema);
    let says = [says, schema["description"].as_str().unwrap_or_default()].into_iter().find(|says| !says.is_empty());
    let says = says.or(target["description"].as_str()).map(inline).unwrap_or_default();
    let limits = match limits(document, schema) {
        limits if limits.is_empty() => limits,
        limits => format!(" <span class=\"limits\">{limits}</span>"),
    };
    let choices = if has_described_choices(target) && named.is_none() { choices(target) } else { String::new() };
    format!(
        "<tr><th scope=\"row\"><code>{}</code>{note}</th><td class=\"type\">{}</td><td>{says}{limits}{choices}</td></tr>\n",
        escape(name),
        type_of(document, schema),
    )
}

/// The fields of an object, as a table; or what a value may be.
pub(super) fn table(document: &Value, schema: &Value) -> String {
    let (schema, _) = resolve(document, schema);
    if has_described_choices(schema) {
        return choices(schema);
    }
    let Some(fields) = schema["properties"].as_object() else {
        return format!("<p>{}</p>", type_of(document, schema));
    };
    let required = |name: &str| schema["required"].as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let mut rows = String::new();
    for (name, field) in fields {
        let note = if required(name) { "" } else { "<small>optional</small>" };
        rows.push_str(&row(document, name, note, "", field));
    }
    format!("<table class=\"fields\">{rows}</table>")
}

fn choices(schema: &Value) -> String {
    let mut items = String::new();
    for choice in schema["oneOf"].as_array().into_iter().flatten() {
        let says = choice["description"].as_str().map(inline).unwrap_or_default();
        let value = escape(choice["const"].as_str().unwrap_or_default());
        let _ = write!(items, "<li><code>{value}</code> {says}</li>");
    }
    format!("<ul class=\"choices\">{items}</ul>")
}
