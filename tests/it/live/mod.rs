//! Who hears what, over all transports.

mod crowd;
mod cursors;
mod endings;
mod erasing;
mod golden;
mod pipes;
mod promise;
mod slow_reader;
mod unicode;
