//! Signals to processes, as an operator, a service manager or a failing machine would send them.

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Sends it, if the process is still there.
pub fn signal(signal: Signal, process: u32) {
    let id = i32::try_from(process).ok().and_then(Pid::from_raw).expect("the id of a process");
    match kill_process(id, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => {}
        Err(error) => panic!("{signal:?} cannot be sent: {error}"),
    }
}
