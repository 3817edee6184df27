//! Whether the server lives, and whether it can be given work.

use super::app::App;
use super::problem::Problem;
use axum::extract::State;
use http::StatusCode;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers, and the server is not about to stop.
pub(super) async fn readyz(State(app): State<App>) -> Result<&'static str, Problem> {
    let follower = app.services.follower();
    let reason = if follower.is_replaced() {
        "The database was replaced while the server ran. Restart the server."
    } else if follower.hub().is_closed() {
        "The server is shutting down."
    } else if !follower.database_answers() {
        "The database does not answer."
    } else {
        return Ok("ready\n");
    };
    Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason).retry_after(5))
}
