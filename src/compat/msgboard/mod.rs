//! The interface of msgboard: one public board, which anybody reads and follows and whoever has an account writes to.
//!
//! The board is a public channel of ours. This language knows of nothing else: what is said elsewhere has no number here.

mod asked;
mod messages;
mod news;
mod shapes;
mod sorry;
mod stream;
mod users;

use super::{Adapter, Front, Scheme};
use axum::routing::{get, post};
use axum::{Extension, Router};
use news::News;
use std::sync::Arc;

pub(super) static ADAPTER: Adapter =
    Adapter { name: "msgboard", modes: &[], schemes: &[Scheme::Basic, Scheme::Bearer], router, refuse: sorry::refuse };

/// The public channel that is the board.
const BOARD: &str = "board";

fn router(front: Front) -> Router {
    let news = Arc::new(News::new(front.services.clone()));
    let unnumbered = messages::unnumbered;
    Router::new()
        .route("/user", get(users::nobody).post(users::register))
        .route("/user/{who}", get(users::user))
        .route("/messages", get(messages::range))
        .route("/message", post(messages::post).get(unnumbered).put(unnumbered).delete(unnumbered))
        .route("/message/{id}", get(messages::one).put(messages::edit).delete(messages::delete))
        .route("/stream", get(stream::stream))
        .fallback(sorry::no_route)
        .method_not_allowed_fallback(sorry::no_method)
        .layer(Extension(news))
        .with_state(front)
}
