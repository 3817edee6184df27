//! Whether anybody is left on the other side of a socket: a peer that vanished without a word sends no reset, and the
//! kernel goes on trying for minutes.

use std::time::Duration;
use tokio::net::TcpStream;

/// How long the peer has sent nothing though it owes an answer; none if it owes none that is overdue.
///
/// It owes one for what was sent and, being without an answer, sent again; and for the question whether its window is
/// open again. Whoever reads slowly, or not at all, answers both: only his program is asleep, not his machine.
#[cfg(target_os = "linux")]
pub(super) fn silence(socket: &TcpStream) -> Option<Duration> {
    use nix::sys::socket::GetSockOpt;
    let info = linux::TcpInformation.get(socket).ok()?;
    let unanswered = info.unacknowledged > 0 && info.retransmissions > 0;
    // One probe may have been sent just now.
    let unheard = info.probes > 1;
    (unanswered || unheard).then(|| Duration::from_millis(info.since_acknowledgement.into()))
}

/// Elsewhere the kernel does not tell in one way, and its own patience has to do.
#[cfg(not(target_os = "linux"))]
pub(super) fn silence(_: &TcpStream) -> Option<Duration> {
    None
}

#[cfg(target_os = "linux")]
mod linux {
    use nix::sys::socket::sockopt::GetStruct;

    /// The beginning of the kernel's `struct tcp_info` (`linux/tcp.h`), which it only ever adds to. It gives as much of
    /// it as it is asked for.
    #[derive(Debug, Clone, Copy)]
    #[repr(C)]
    pub(super) struct Information {
        states: [u8; 2],
        /// How often what is unacknowledged was sent again.
        pub(super) retransmissions: u8,
        /// How many probes of the window were not answered.
        pub(super) probes: u8,
        backoff_and_options: [u8; 4],
        /// Time-outs and sizes of segments.
        sizes: [u32; 4],
        /// Segments that were sent and not acknowledged.
        pub(super) unacknowledged: u32,
        losses: [u32; 4],
        /// Milliseconds since data or an acknowledgement was sent, and since data was received.
        times: [u32; 3],
        /// Milliseconds since an acknowledgement was received.
        pub(super) since_acknowledgement: u32,
    }

    /// The option by which the kernel tells what it knows of a connection.
    #[derive(Debug, Clone, Copy)]
    pub(super) struct TcpInformation;

    nix::getsockopt_impl!(TcpInformation, libc::IPPROTO_TCP, libc::TCP_INFO, Information, GetStruct<Information>);

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::mem::offset_of;

        #[test]
        fn the_beginning_of_the_structure_is_laid_out_as_the_kernel_has_it() {
            for (ours, kernels) in [
                (offset_of!(Information, retransmissions), offset_of!(libc::tcp_info, tcpi_retransmits)),
                (offset_of!(Information, probes), offset_of!(libc::tcp_info, tcpi_probes)),
                (offset_of!(Information, unacknowledged), offset_of!(libc::tcp_info, tcpi_unacked)),
                (offset_of!(Information, since_acknowledgement), offset_of!(libc::tcp_info, tcpi_last_ack_recv)),
            ] {
                assert_eq!(ours, kernels);
            }
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn whoever_only_does_not_read_owes_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (near, far) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let (mut near, _far) = (near.unwrap(), far.unwrap());
        assert_eq!(silence(&near), None);
        let full = async { while near.write_all(&[0; 16_384]).await.is_ok() {} };
        assert!(tokio::time::timeout(Duration::from_millis(300), full).await.is_err(), "the window is closed");
        assert_eq!(silence(&near), None);
    }
}
