//! OMS, the Offline Messaging API: accounts with tokens, letters from one to another, lists by page, and blocking.
//! `docs/compat/oms.md` says what it serves and sees.

mod accounts;
mod blocks;
mod complaint;
mod form;
mod known;
mod messages;
mod pages;

use super::{Adapter, Front, Refused, Scheme};
use axum::Router;
use axum::routing::{delete, get, post};
use complaint::Complaint;
use http::Method;
use known::Known;

pub(super) static ADAPTER: Adapter =
    Adapter { name: "oms", modes: &[], schemes: &[Scheme::Token], router, refuse: complaint::refuse };

/// No path ends with a slash, as in the original.
fn router(front: Front) -> Router {
    let for_strangers = Router::new()
        .route("/api/auth/register", post(accounts::register))
        .route("/api/auth/login", post(accounts::login))
        .method_not_allowed_fallback(no_method);
    let for_the_known = Router::new()
        .route("/api/auth/logout", post(accounts::logout))
        .route("/api/message", get(messages::all).post(messages::send))
        .route("/api/message/sent", get(messages::sent))
        .route("/api/message/received", get(messages::received))
        .route("/api/block", get(blocks::list).post(blocks::block))
        .route("/api/block/{username}", delete(blocks::unblock))
        .method_not_allowed_fallback(no_method_of_the_known);
    for_strangers.merge(for_the_known).fallback(no_route).with_state(front)
}

async fn no_route() -> Complaint {
    Refused::NoRoute.into()
}

async fn no_method(method: Method) -> Complaint {
    Complaint::no_method(&method)
}

/// Who calls was asked there before what he wants.
async fn no_method_of_the_known(Known(_): Known, method: Method) -> Complaint {
    Complaint::no_method(&method)
}
