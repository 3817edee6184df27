//! The stream's outlet, which is open while it is live and idle.

use super::Subscription;
use crate::live::outlet::{Outlet, Passage};
use std::sync::Arc;

impl Subscription {
    /// Lets what comes from here on be written to the outlet without the stream's task, if all that comes may go there as it
    /// is, and nothing waits. Returns whether it is open: then [`close`](Self::close) comes before anything else is done
    /// with the stream or what it is written to. The task is woken when it has to be.
    pub fn open(&self, outlet: &Arc<dyn Outlet>) -> bool {
        // What the hub hands out is what the user may see; it knows nothing of streams that hear only a part of that, or
        // whose cursor is ahead of what this node has applied.
        let all_of_it = self.only.is_none() && self.position <= self.hub.applied();
        self.is_live() && all_of_it && self.hub.pump.works() && self.slot.open(outlet)
    }

    /// Closes the outlet, and goes on from what went through it.
    pub fn close(&mut self) -> Passage {
        let passage = self.slot.close();
        self.position = self.position.max(passage.position);
        passage
    }
}
