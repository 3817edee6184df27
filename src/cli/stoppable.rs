//! Work of a command that may take long: whoever asks it to end is heard, and told what is left.

use super::failed::Failed;
use crate::lifecycle::StopSignals;

/// The signals that end a command before it is done.
///
/// Not left to their defaults: the first process of a container has none, and would be killed in the end, without a word.
pub(super) struct Stoppable(StopSignals);

impl Stoppable {
    /// Takes the signals from here on; they count where something is waited for by [`Self::or_stop`], and only there.
    pub(super) fn listen() -> Result<Self, Failed> {
        StopSignals::listen().map(Self).map_err(Failed::Signals)
    }

    /// Does a work, unless somebody asks to end first: then it is given up where it is, and that leaves things so.
    pub(super) async fn or_stop<T>(
        &mut self,
        left: &str,
        work: impl Future<Output = Result<T, Failed>>,
    ) -> Result<T, Failed> {
        tokio::select! {
            biased;
            done = work => done,
            signal = self.0.next() => Err(Failed::Stopped { signal, left: left.to_owned() }),
        }
    }
}
