//! Listeners: ten thousand sockets that hear, and what each has heard.

use crate::answers;
use crate::clock::Clock;
use crate::cursors::Cursors;
use crate::frames::{Frames, pong};
use crate::marks::{Arrival, Scanner, Track};
use crate::said::Said;
use crate::tally::Tally;
use crate::way::{Listening, UPGRADE};
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use socket2::{Domain, Protocol, Socket, Type};
use std::cmp::Ordering;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Listeners that share one source address: each address has ports of its own.
const PER_ADDRESS: usize = 50;
/// Bytes that a narrow socket keeps.
const NARROW: usize = 8_192;
/// The longest answer of a server that is not live yet.
const LONGEST_OPENING: usize = 65_536;

/// How far a listener is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Absent,
    Connecting,
    /// The request is sent, and the answer not there.
    Opening,
    Live,
}

#[derive(Debug)]
struct Ear {
    socket: Option<TcpStream>,
    stage: Stage,
    /// What was received and is not understood yet.
    rest: Vec<u8>,
    track: Track,
    /// Where its frames stand, if it is a WebSocket.
    frames: Frames,
    /// When it last began to connect.
    since: u64,
    /// Whether its socket is left alone, as a slow reader leaves it.
    asleep: bool,
}

/// All listeners of a run. Their tokens are their numbers.
#[derive(Debug)]
pub struct Ears {
    listening: Listening,
    /// Whether they are WebSockets.
    is_framed: bool,
    all: Vec<Ear>,
    /// What each has of its own behind the head of its request.
    more: Vec<String>,
    scanner: Scanner,
    /// One whose socket keeps little for it, so that the server feels that it does not read.
    pub narrow: Option<usize>,
    /// What listeners come back with, if that is of interest.
    pub cursors: Cursors,
    buffer: Vec<u8>,
    /// How many are live.
    pub live: usize,
    /// How many are on their way.
    pub underway: usize,
    /// How many were refused or cut off.
    pub failed: u64,
    /// Why the last one was.
    pub reason: String,
}

impl Ears {
    /// So many listeners, none of whom is connected. They hear messages from this number on.
    pub fn new(listening: Listening, count: usize) -> Self {
        let ear = || Ear {
            socket: None,
            stage: Stage::Absent,
            rest: Vec::new(),
            track: Track::default(),
            frames: Frames::default(),
            since: 0,
            asleep: false,
        };
        let is_framed = listening.heads.iter().any(|head| head.contains(UPGRADE));
        Self {
            listening,
            is_framed,
            all: std::iter::repeat_with(ear).take(count).collect(),
            more: vec![String::new(); count],
            scanner: Scanner::default(),
            narrow: None,
            cursors: Cursors::default(),
            buffer: vec![0; 256 * 1024],
            live: 0,
            underway: 0,
            failed: 0,
            reason: String::new(),
        }
    }

    /// How many listeners there are, connected or not.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Lets a listener come back with the cursor of what it heard last.
    pub fn remember(&mut self, ear: usize) {
        let last = self.all[ear].track.highest().and_then(|number| self.cursors.of(number));
        self.more[ear] = last.map(|cursor| format!("last-event-id: {cursor}\r\n")).unwrap_or_default();
    }

    /// Lets a listener come back as one that has heard nothing before a number, and whose cursor is this.
    pub fn rewind(&mut self, ear: usize, number: u32, cursor: &str) {
        self.all[ear].track = Track::from(number);
        self.more[ear] = format!("last-event-id: {cursor}\r\n");
    }

    /// Lets a listener read nothing more, or go on.
    pub fn set_asleep(&mut self, ear: usize, asleep: bool) {
        self.all[ear].asleep = asleep;
    }

    /// Messages that were said up to a number (not included) and did not come.
    pub fn lost(&self, end: u32) -> u64 {
        self.all.iter().map(|ear| ear.track.lost(end)).sum()
    }

    /// Messages that one listener misses of those up to a number.
    pub fn lost_by(&self, ear: usize, end: u32) -> u64 {
        self.all[ear].track.lost(end)
    }

    /// Begins to connect one, from an address that few others share.
    pub fn connect(&mut self, number: usize, registry: &Registry, clock: Clock) -> io::Result<()> {
        let to = self.listening.addresses[number % self.listening.addresses.len()];
        let room = (self.narrow == Some(number)).then_some(NARROW);
        let mut stream = dial(number / PER_ADDRESS, to, room)?;
        registry.register(&mut stream, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        let ear = &mut self.all[number];
        ear.socket = Some(stream);
        ear.stage = Stage::Connecting;
        ear.since = clock.now();
        self.underway += 1;
        Ok(())
    }

    /// Cuts one off.
    pub fn drop_one(&mut self, number: usize) {
        let ear = &mut self.all[number];
        match ear.stage {
            Stage::Absent => return,
            Stage::Connecting | Stage::Opening => self.underway -= 1,
            Stage::Live => self.live -= 1,
        }
        ear.socket = None;
        ear.rest = Vec::new();
        ear.frames = Frames::default();
        ear.stage = Stage::Absent;
    }

    /// Whether this one is connected, live or on its way.
    pub fn is_there(&self, number: usize) -> bool {
        self.all[number].stage != Stage::Absent
    }

    /// Does what a socket is ready for.
    pub fn ready(&mut self, number: usize, clock: Clock, said: &Said, tally: &mut Tally) {
        if let Err(error) = self.go_on(number, clock, said, tally) {
            self.failed += 1;
            self.reason = format!("listener {number}: {error}");
            self.drop_one(number);
        }
    }

    fn go_on(&mut self, number: usize, clock: Clock, said: &Said, tally: &mut Tally) -> io::Result<()> {
        let ear = &mut self.all[number];
        let Some(socket) = &mut ear.socket else { return Ok(()) };
        if ear.stage == Stage::Connecting {
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
            match socket.peer_addr() {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(()),
                Err(error) => return Err(error),
            }
            let request = self.listening.request(number, &self.more[number]);
            if socket.write(&request)? < request.len() {
                return Err(io::Error::other("the request was not taken in one piece"));
            }
            ear.stage = Stage::Opening;
        }
        if ear.asleep {
            return Ok(());
        }
        loop {
            let read = match socket.read(&mut self.buffer) {
                Ok(0) => return Err(io::Error::other("the server hung up")),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            let now = clock.now();
            let mut piece = &self.buffer[..read];
            let mut framed = piece;
            let opening;
            if ear.stage == Stage::Opening {
                ear.rest.extend_from_slice(piece);
                if !is_live(&ear.rest, &self.listening.live_at)? {
                    continue;
                }
                ear.stage = Stage::Live;
                self.underway -= 1;
                self.live += 1;
                tally.opened(now - ear.since);
                // What came with it may hold messages already.
                opening = std::mem::take(&mut ear.rest);
                piece = &opening;
                framed = &opening[answers::end_of_head(&opening).unwrap_or_default()..];
            }
            if self.is_framed {
                let mut pongs = Vec::new();
                ear.frames.look(framed, |said| pongs.extend_from_slice(&pong(said)));
                // So few bytes are always taken.
                if !pongs.is_empty() {
                    socket.write_all(&pongs)?;
                }
            }
            tally.bytes += piece.len() as u64;
            let track = &mut ear.track;
            let cursors = &mut self.cursors;
            self.scanner.scan(&mut ear.rest, piece, |mark, before| {
                match track.hear(mark.number) {
                    Arrival::InOrder | Arrival::Ahead => tally.hear(mark, now),
                    Arrival::Late => {
                        let order = track.highest().map(|later| said.order(mark, later));
                        tally.disordered += u64::from(order == Some(Ordering::Less));
                        tally.hear(mark, now);
                    }
                    Arrival::Doubled => tally.doubled += 1,
                }
                cursors.learn(mark.number, before);
            });
            if read < self.buffer.len() {
                return Ok(());
            }
        }
    }
}

/// Whether an answer says that its stream is open.
fn is_live(received: &[u8], live_at: &str) -> io::Result<bool> {
    let Some(end) = answers::end_of_head(received) else {
        if received.len() > LONGEST_OPENING {
            return Err(io::Error::other("the head of the answer has no end"));
        }
        return Ok(false);
    };
    let head = String::from_utf8_lossy(&received[..end]);
    match answers::status(&head) {
        Some(101 | 200) => {}
        _ => return Err(io::Error::other(format!("refused: {}", String::from_utf8_lossy(received)))),
    }
    Ok(live_at.is_empty() || memchr::memmem::find(&received[end..], live_at.as_bytes()).is_some())
}

/// Begins to connect, from the address of that number in 127.0.0.0/8, with a receive buffer of so many bytes or, by default, one
/// that grows.
pub fn dial(source: usize, to: SocketAddr, room: Option<usize>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if let IpAddr::V4(address) = to.ip()
        && address.is_loopback()
    {
        socket.bind(&SocketAddr::from((source_address(source), 0)).into())?;
    }
    if let Some(room) = room {
        socket.set_recv_buffer_size(room)?;
    }
    match socket.connect(&to.into()) {
        Ok(()) => {}
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
        Err(error) => return Err(error),
    }
    socket.set_tcp_nodelay(true)?;
    Ok(TcpStream::from_std(socket.into()))
}

/// Addresses from 127.1.0.1 on, 250 under each third part.
fn source_address(number: usize) -> Ipv4Addr {
    let (high, low) = (number / 250, number % 250);
    let part = |value: usize| u8::try_from(value % 250).unwrap_or_default();
    Ipv4Addr::new(127, 1 + part(high / 250), part(high), 1 + part(low))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn source_addresses_are_loopback_and_differ() {
        let all: HashSet<Ipv4Addr> = (0..100_000).map(source_address).collect();
        assert_eq!(all.len(), 100_000);
        assert!(all.iter().all(Ipv4Addr::is_loopback));
    }

    #[test]
    fn a_stream_is_live_when_it_says_so() {
        let head = b"HTTP/1.1 200 OK\r\n\r\n";
        assert!(is_live(head, "").unwrap());
        assert!(!is_live(head, "ready").unwrap());
        assert!(is_live(&[head.as_slice(), b"event: ready\n"].concat(), "ready").unwrap());
        assert!(is_live(b"HTTP/1.1 429 Too Many\r\n\r\n", "").is_err());
    }
}
