//! The hub, the subscriptions and the follower over a real database, with a model beside them that says who hears what.

pub(crate) mod bench;
mod endings;
mod erasing;
mod joining;
mod model;
pub(crate) mod outlets;
mod shadow;
