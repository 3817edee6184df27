//! What handlers answer.

use super::operation::Operation;
use crate::api::problem::Problem;
use schemars::JsonSchema;
use serde_json::json;

/// What a handler answers, when it does not refuse.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it answers",
    note = "answer with `axum::Json`, `Created`, `Made` or `NoContent` of `api::answer`, or implement `Answers` for a new kind of answer"
)]
pub trait Answers {
    /// Says it.
    fn answers(operation: &mut Operation<'_>);
}

/// Problems are listed by their codes, which a type cannot say.
impl<T: Answers> Answers for Result<T, Problem> {
    fn answers(operation: &mut Operation<'_>) {
        T::answers(operation);
    }
}

impl<T: JsonSchema> Answers for axum::Json<T> {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers_json::<T>(200, "As it is now.");
    }
}

impl Answers for &'static str {
    fn answers(operation: &mut Operation<'_>) {
        operation.answers(200, "Yes.", Some(("text/plain", json!({ "type": "string" }))));
    }
}
