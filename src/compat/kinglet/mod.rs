//! The interface of Kinglet: private messages of 300 characters to named recipients, with approval lists and flat threads.

mod answer;
mod dates;
mod lists;
mod messages;
mod posting;
mod said;
mod text;
mod users;

use super::{Adapter, Front, Mode, Refused};
use answer::{Done, Wrong};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use http::{StatusCode, Uri};
use serde::Serialize;

pub(super) static ADAPTER: Adapter = Adapter {
    name: "kinglet",
    modes: &[Mode {
        word: DEBUG,
        trusts_callers: false,
        loopback_only: true,
        warning: "passwords and activation links are answered to whoever asks for them, and not mailed. Whoever reaches this \
                  address can take over any account whose name and e-mail address he knows. For trying things out only",
    }],
    schemes: &[],
    router,
    refuse,
};

/// The mode in which what would be mailed is answered.
const DEBUG: &str = "debug";
/// Where all paths begin, behind which the function is named.
const BASE: &str = "/api/v1";

fn router(front: Front) -> Router {
    let routes = [
        ("/users", post(users::register).put(users::update_profile)),
        ("/users/activate", get(users::activate_nothing)),
        ("/users/activate/{digest}", act(get(users::activate))),
        ("/users/login", post(users::log_in)),
        ("/users/password", post(users::replace_password).put(users::change_password)),
        ("/users/{name}", get(users::profile)),
        ("/users/{name}/logout", act(get(users::log_out))),
        ("/lists/request/{name}", act(get(lists::request))),
        ("/lists/approve/{name}", act(get(lists::approve))),
        ("/lists/reject/{name}", act(get(lists::reject))),
        ("/lists/requests", get(lists::requests)),
        ("/messages", get(messages::stream).post(posting::post)),
        ("/messages/page/{page}", get(messages::stream_page)),
        ("/messages/since/{moment}", get(messages::since)),
        ("/messages/threads", get(messages::threads)),
        ("/messages/threads/{page}", get(messages::threads_page)),
        ("/messages/{id}", get(messages::one)),
        ("/messages/{id}/replies", get(messages::replies).post(posting::reply)),
        ("/time", get(time)),
    ];
    routes
        .into_iter()
        .fold(Router::new(), with_and_without_slash)
        .fallback(no_function)
        .method_not_allowed_fallback(no_method)
        .with_state(front)
}

/// A `GET` that changes something. A `HEAD` of it changes nothing: whoever looks whether a link is good has not used it.
fn act(methods: MethodRouter<Front>) -> MethodRouter<Front> {
    methods.head(no_method)
}

/// Kinglet's clients end their paths with a slash where a query follows, since the original took no other.
fn with_and_without_slash(router: Router<Front>, (path, methods): (&str, MethodRouter<Front>)) -> Router<Front> {
    router.route(&format!("{BASE}{path}"), methods.clone()).route(&format!("{BASE}{path}/"), methods)
}

/// A function that Kinglet does not have, which is the first part of the path.
async fn no_function(uri: Uri) -> Wrong {
    match uri.path().split_once(BASE).map(|(_, rest)| rest.trim_start_matches('/')) {
        Some(rest) if rest.is_empty() || uri.path().contains("/api/v1/") => {
            let function = rest.split('/').next().unwrap_or_default();
            Wrong::new(StatusCode::NOT_FOUND, format!("Invalid function: {function}."), "It's not supported.")
        }
        _ => Refused::NoRoute.into(),
    }
}

async fn no_method() -> Wrong {
    Refused::NoMethod.into()
}

#[derive(Serialize)]
struct Time {
    server_epoch_seconds: i64,
}

/// `GET /time`
async fn time(State(front): State<Front>) -> Result<Done<Time>, Wrong> {
    Ok(Done(Time { server_epoch_seconds: front.services.settled_at().await?.seconds() }))
}

fn refuse(refused: &Refused) -> Response {
    Wrong::of(refused).into_response()
}
