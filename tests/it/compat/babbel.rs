//! The interface of babbel.
