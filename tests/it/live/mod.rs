//! Who hears what, over all transports.

mod crowd;
mod promise;
