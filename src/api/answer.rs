//! What handlers answer beside `axum::Json`: each says its status in the document too.

use super::openapi::{Answers, Operation};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

/// 204: it is done, and there is nothing to say.
pub(super) struct NoContent;

impl IntoResponse for NoContent {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

impl Answers for NoContent {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers(204, "Done.", None);
    }
}

/// 201: it was made.
pub(super) struct Created<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        (StatusCode::CREATED, axum::Json(self.0)).into_response()
    }
}

impl<T: JsonSchema> Answers for Created<T> {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers_json::<T>(201, "It was made.");
    }
}

/// 201 if it was made, 200 if it was there before.
pub(super) struct Made<T> {
    pub(super) it: T,
    pub(super) new: bool,
}

impl<T: Serialize> IntoResponse for Made<T> {
    fn into_response(self) -> Response {
        let status = if self.new { StatusCode::CREATED } else { StatusCode::OK };
        (status, axum::Json(self.it)).into_response()
    }
}

impl<T: JsonSchema> Answers for Made<T> {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers_json::<T>(200, "It was there before.");
        operation.answers_json::<T>(201, "It was made.");
    }
}

/// 202: it is under way, and the answer is the same whatever comes of it.
pub(super) struct Accepted;

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        StatusCode::ACCEPTED.into_response()
    }
}

impl Answers for Accepted {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers(202, "A mail is under way, if there is anybody to get it.", None);
    }
}
