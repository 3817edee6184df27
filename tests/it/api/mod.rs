//! What a call does and what it is refused for.
