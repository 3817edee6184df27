//! What older messaging systems do, done in Goldcrest's own language: a file per system, a test per feature. The table of
//! both is `docs/features.md`.

mod babbel;
mod chat;
mod kinglet;
mod msgboard;
mod oms;

use serde_json::Value;

use crate::support::Caller;

/// The entries of a list.
async fn items(caller: &Caller, path: &str) -> Vec<Value> {
    caller.get(path).await.expect(200)["items"].as_array().expect("a list has items").clone()
}

/// What the messages of a list say, in its order.
async fn texts(caller: &Caller, path: &str) -> Vec<String> {
    items(caller, path).await.iter().map(|message| message["text"].as_str().expect("a text").to_owned()).collect()
}
