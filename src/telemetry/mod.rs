//! How it is watched: the log, the format of the metrics, traces, and what the system says of the process.

mod exposition;
mod log;
mod process;
mod traces;

pub use exposition::{CONTENT_TYPE, Exposition, Kind, Labels, Metric, Value};
pub use log::{BadFilter, check, start};
pub use process::Process;
pub use traces::{NoTraces, Traces, take_up};
