//! Who reaches whom: every route and operation that can reach a person or a conversation, in every situation that the
//! rules of inboxes, contacts, blocks and stays tell apart, as two tables.

mod people;
mod stays;
