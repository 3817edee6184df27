//! The interface of kinglet.
