//! What an operator types, with a server beside it and without one, and what `send` and `tail` do at a running server.

mod accounts;
mod backup;
mod copy;
pub mod doctor;
mod files;
mod first_start;
mod health;
mod keys;
mod misuse;
pub mod operator;
mod place;
mod restore;
mod send;
pub mod stopping;
mod tail;
