//! Links from what makes something to what can be done with it.

use super::operation::parts;
use serde_json::{Map, Value, json};

/// Gives each operation that makes something links to the operations on what it made.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let targets: Vec<(String, String)> = paths
        .iter()
        .flat_map(|(path, item)| item.as_object().into_iter().flatten().map(move |(_, operation)| (path, operation)))
        .filter_map(|(path, operation)| Some((path.clone(), operation["operationId"].as_str()?.to_owned())))
        .collect();
    for (path, item) in paths.iter_mut() {
        let Some(made) = item.pointer_mut("/post/responses/201").and_then(Value::as_object_mut) else { continue };
        let links: Map<String, Value> = targets
            .iter()
            .filter_map(|(target, operation)| {
                let parameters = parameters(path, target)?;
                Some((operation.clone(), json!({ "operationId": operation, "parameters": parameters })))
            })
            .collect();
        if !links.is_empty() {
            made.insert("links".to_owned(), links.into());
        }
    }
}

/// Where the target's parts come from: those that the maker's own path has too, and one more, out of the answer.
fn parameters(maker: &str, target: &str) -> Option<Map<String, Value>> {
    let below = target.strip_prefix(maker)?;
    let (part, rest) = below.strip_prefix("/{")?.split_once('}')?;
    if rest.contains('{') {
        return None;
    }
    let mut parameters: Map<String, Value> =
        parts(maker).into_iter().map(|part| (part.to_owned(), format!("$request.path.{part}").into())).collect();
    let from = match (maker, part) {
        ("/api/v1/sessions", _) => "session_id",
        (_, "name") => "user/username",
        _ => "id",
    };
    parameters.insert(part.to_owned(), format!("$response.body#/{from}").into());
    Some(parameters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_found_under_its_maker() {
        let parameters = |maker, target| parameters(maker, target).map(Value::Object);
        assert_eq!(parameters("/keys", "/keys/{id}"), Some(json!({"id": "$response.body#/id"})));
        assert_eq!(
            parameters("/rooms/{id}/members", "/rooms/{id}/members/{name}"),
            Some(json!({"id": "$request.path.id", "name": "$response.body#/user/username"}))
        );
        assert_eq!(parameters("/keys", "/keysmith/{id}"), None);
        assert_eq!(parameters("/rooms", "/rooms/{id}/members/{name}"), None);
    }
}
