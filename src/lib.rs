//! Goldcrest: a self-hosted real-time messaging server.
//!
//! The floor plan, from the ground up; every room may use those above its own line, and `tests/it/house.rs` holds the
//! law of who may import whom:
//!
//! - [`meter`]: how much of it. Counters that the other rooms keep of their own work.
//! - [`domain`]: what is true. Pure rules: users, conversations, messages, events, who may see what.
//! - [`store`]: what is kept. The database, the event log, and the sequencer, the one task that writes.
//! - [`live`]: who hears it. The hub, the ring of recent events, and each stream's way along the line.
//! - [`mail`]: how mail leaves. Letters from templates, and the task that sends them.
//! - [`service`]: what may be done. One method per verb.
//! - [`transport`]: how bytes travel. The front door, server-sent events, WebSocket, close reasons.
//! - [`config`], [`telemetry`]: options; the log, metrics, traces.
//! - [`gate`]: who gets in. Addresses, origins, limits, what the log says of a request.
//! - [`api`]: our language. Routes, JSON, problem documents.
//! - [`compat`]: their languages. Adapters for the clients of older systems.
//! - [`admin`]: how the operator reaches a running server. What he can do, and the socket that carries it.
//! - [`lifecycle`]: what the operating system has to say, limits and signals, with which all ends in order.
//! - [`app`] puts it all together, and takes it apart.
//! - [`cli`]: what an operator types, and what he is shown. `serve` is one of its commands, so it stands above `app`.

pub mod admin;
pub mod api;
pub mod app;
pub mod cli;
pub mod compat;
pub mod config;
pub mod domain;
pub mod gate;
pub mod lifecycle;
pub mod live;
pub mod mail;
pub mod meter;
pub mod service;
pub mod store;
pub mod telemetry;
pub mod transport;
