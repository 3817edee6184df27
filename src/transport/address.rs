//! How many streams each address has open.

use dashmap::DashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Counts streams by address.
#[derive(Debug, Clone)]
pub struct Addresses {
    counts: Arc<DashMap<IpAddr, usize>>,
    most: usize,
}

/// One stream's place in the count; dropping it gives the place back.
#[derive(Debug)]
pub struct AddressPermit {
    counts: Arc<DashMap<IpAddr, usize>>,
    address: IpAddr,
}

impl Addresses {
    /// At most so many streams from one address.
    pub fn new(most: usize) -> Self {
        Self { counts: Arc::default(), most }
    }

    /// Takes a place, if there is one left.
    pub fn admit(&self, address: IpAddr) -> Option<AddressPermit> {
        let mut count = self.counts.entry(address).or_insert(0);
        if *count >= self.most {
            return None;
        }
        *count += 1;
        drop(count);
        Some(AddressPermit { counts: Arc::clone(&self.counts), address })
    }
}

impl Drop for AddressPermit {
    fn drop(&mut self) {
        if let Some(mut count) = self.counts.get_mut(&self.address) {
            *count -= 1;
        }
        self.counts.remove_if(&self.address, |_, count| *count == 0);
    }
}
