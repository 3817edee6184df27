//! Simple HTTP Chat: users, chats of any number of them, and messages, by five calls. A chat is a group in a namespace of
//! its own, and the protocol sees nothing else.

mod actor;
mod body;
mod chats;
mod messages;
mod rows;
mod said;
mod users;

use super::{Adapter, Front, Mode, Refused, Scheme};
use axum::Json;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::StatusCode;
use said::Said;

pub(super) static ADAPTER: Adapter = Adapter {
    name: "chat",
    modes: &[Mode {
        word: "open",
        trusts_callers: true,
        loopback_only: false,
        warning: "this protocol has no passwords: whoever reaches it acts as any user who was made without one",
    }],
    schemes: &[Scheme::Basic, Scheme::Bearer],
    router,
    refuse,
};

/// Among which groups a chat's name is unique.
const NAMESPACE: &str = "chat";

fn router(front: Front) -> Router {
    Router::new()
        .route("/users/add", post(users::add))
        .route("/chats/add", post(chats::add))
        .route("/chats/get", post(chats::get))
        .route("/messages/add", post(messages::add))
        .route("/messages/get", post(messages::get))
        .fallback(async || Said::from(Refused::NoRoute))
        .method_not_allowed_fallback(async || Said::from(Refused::NoMethod))
        .with_state(front)
}

fn refuse(refused: &Refused) -> Response {
    Said::of(refused).into_response()
}

/// What the three calls answer that add something: its bare number.
struct Added(i64);

impl IntoResponse for Added {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, Json(self.0)).into_response()
    }
}
