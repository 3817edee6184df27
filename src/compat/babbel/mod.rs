//! The interface of Babbel, a small message box: what is new is given once, what was received is found by an interval of
//! time or a number, and who asks is told by the path alone.

mod actor;
mod failed;
mod listing;
mod messages;
mod moment;
mod pages;

use super::{Adapter, Front, Mode, Refused, Scheme};
use crate::service::Directs;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use failed::Failed;

pub(super) static ADAPTER: Adapter = Adapter {
    name: "babbel",
    modes: &[Mode {
        word: "open",
        trusts_callers: true,
        loopback_only: false,
        warning: "whoever reaches this server reads, sends and deletes for every user marked open, without a password",
    }],
    schemes: &[Scheme::Basic, Scheme::Bearer],
    router,
    refuse,
};

/// What the protocol can say: a message has one sender and one receiver, who may be the same.
const SEEN: Directs = Directs::UpToTwo;

fn router(front: Front) -> Router {
    let list = get(messages::list);
    let routes = [
        // A path of its own, as there: a user of this name has no page.
        ("/dates", get(pages::dates)),
        ("/{user}", get(pages::profile)),
        ("/{user}/messages", list.clone()),
        ("/{user}/message", list.post(messages::send).delete(messages::delete_many)),
        ("/{user}/message/{id}", get(messages::one).delete(messages::delete_one)),
    ];
    routes
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| {
            // The README writes `/username/messages?start=`. There it led on to the path with a slash, which costs a form
            // its body; here both are the same.
            router.route(path, methods.clone()).route(&format!("{path}/"), methods)
        })
        .fallback(async || refuse(&Refused::NoRoute))
        .method_not_allowed_fallback(async || refuse(&Refused::NoMethod))
        .with_state(front)
}

fn refuse(refused: &Refused) -> Response {
    Failed::of(refused).into_response()
}
