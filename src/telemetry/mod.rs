//! How it is watched: the log, the format of the metrics, and what the system says of the process.

mod exposition;
mod log;
mod process;

pub use exposition::{CONTENT_TYPE, Exposition, Kind, Labels, Metric, Value};
pub use log::{BadFilter, check, start};
pub use process::Process;
