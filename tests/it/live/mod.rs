//! Who hears what, over all transports.

mod crowd;
mod cursors;
mod endings;
mod erasing;
mod examples;
mod expiring;
mod forgetting;
mod framing;
mod fuzz;
mod golden;
mod lost;
mod nodes;
mod opening;
mod pipes;
mod polls;
mod presence;
mod promise;
mod proxies;
mod replaced;
mod rest;
mod restored;
mod slow_reader;
mod typing;
mod unicode;
mod vanishing;
mod views;
