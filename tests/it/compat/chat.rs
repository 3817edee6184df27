//! The interface of chat.
