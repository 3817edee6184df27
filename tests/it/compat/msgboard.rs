//! The interface of msgboard.
