//! x
#![allow(missing_docs)]
pub mod domain;
pub mod live;
pub mod store;
