//! Addresses at which nobody listens.

use std::net::SocketAddr;
use tokio::net::TcpSocket;

/// An address at which nobody listens, and which nobody else is given as long as this is kept.
///
/// A socket is bound to it that does not listen: whoever connects is refused, and a program that is told to listen there can,
/// again and again, since servers bind theirs so that they may share it with such a one.
pub struct FreeAddress {
    pub address: SocketAddr,
    _held: TcpSocket,
}

impl FreeAddress {
    pub fn take() -> Self {
        let held = TcpSocket::new_v4().expect("a socket");
        held.set_reuseaddr(true).expect("it may be shared");
        held.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
        Self { address: held.local_addr().expect("an address"), _held: held }
    }
}
