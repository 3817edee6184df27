//! Kinglet: private messages among people who have approved each other, in flat threads.

mod accounts;
mod lists;
mod mail;
mod messages;
