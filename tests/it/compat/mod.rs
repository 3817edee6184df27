//! The interfaces of older systems: each call as that system's own document writes it, with what came of it there.

mod babbel;
mod chat;
mod fuzz;
mod kinglet;
mod mounting;
mod msgboard;
mod oms;
mod together;
