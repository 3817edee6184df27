//! The interface of msgboard.

use super::{Adapter, Front, Refused};
use axum::Router;
use axum::response::{IntoResponse, Response};

pub(super) static ADAPTER: Adapter = Adapter { name: "msgboard", modes: &[], schemes: &[], router, refuse };

fn router(front: Front) -> Router {
    Router::new().with_state(front)
}

fn refuse(refused: &Refused) -> Response {
    (refused.status(), refused.to_string()).into_response()
}
