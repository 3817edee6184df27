//! The floor: a server that does nothing but write. What is said to it is written to each listener, byte for byte and in turn.

use crate::answers::{Progress, end_of_head, progress};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use std::io::{self, Read, Write};
use std::net::SocketAddr;

const DOOR: Token = Token(usize::MAX);

/// Those who have not said yet what they want, and those who say something, by their tokens.
#[derive(Debug, Default)]
struct Guests(Vec<Option<Guest>>);

#[derive(Debug)]
struct Guest {
    socket: TcpStream,
    received: Vec<u8>,
}

/// Serves until it is ended.
pub fn serve(address: SocketAddr) -> io::Result<()> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(4096)?;
    let mut door = TcpListener::from_std(socket.into());
    let mut poll = Poll::new()?;
    poll.registry().register(&mut door, DOOR, Interest::READABLE)?;
    let mut events = Events::with_capacity(1024);
    let mut guests = Guests::default();
    let mut listeners: Vec<std::net::TcpStream> = Vec::new();
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            polled => polled?,
        }
        for event in &events {
            if event.token() == DOOR {
                guests.welcome(&door, &poll)?;
            } else {
                guests.hear(event.token().0, &poll, &mut listeners);
            }
        }
    }
}

impl Guests {
    fn welcome(&mut self, door: &TcpListener, poll: &Poll) -> io::Result<()> {
        loop {
            match door.accept() {
                Ok((mut socket, _)) => {
                    socket.set_nodelay(true)?;
                    poll.registry().register(&mut socket, Token(self.0.len()), Interest::READABLE)?;
                    self.0.push(Some(Guest { socket, received: Vec::new() }));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    fn hear(&mut self, number: usize, poll: &Poll, listeners: &mut Vec<std::net::TcpStream>) {
        let Some(guest) = &mut self.0[number] else { return };
        let mut buffer = [0; 16_384];
        loop {
            match guest.socket.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => guest.received.extend_from_slice(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => break,
            }
            if guest.received.starts_with(b"GET") {
                if end_of_head(&guest.received).is_none() {
                    continue;
                }
                let Some(mut guest) = self.0[number].take() else { return };
                // From here on it only listens, and a write waits until the socket takes it, as a bare loop does.
                let _ = poll.registry().deregister(&mut guest.socket);
                if let Ok(listener) = listen(guest) {
                    listeners.push(listener);
                }
                return;
            }
            while let Some((end, body)) = whole(&guest.received) {
                for listener in listeners.iter_mut() {
                    // Who is gone is gone.
                    let _ = listener.write_all(&guest.received[body..end]);
                }
                guest.received.drain(..end);
                let _ = guest.socket.write(b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n");
            }
        }
        self.0[number] = None;
    }
}

/// Where a request ends and its body begins, if it is there in full. Its head is read like that of an answer.
fn whole(received: &[u8]) -> Option<(usize, usize)> {
    let line = memchr::memchr(b'\n', received)?;
    let as_answer = [b"HTTP/1.1 200 OK\r\n".as_slice(), &received[line + 1..]].concat();
    let shift = as_answer.len() - received.len();
    match progress(&as_answer) {
        Progress::Whole { body, end, .. } => Some((end - shift, body - shift)),
        _ => None,
    }
}

fn listen(guest: Guest) -> io::Result<std::net::TcpStream> {
    let head = String::from_utf8_lossy(&guest.received).to_ascii_lowercase();
    let mut socket = std::net::TcpStream::from(guest.socket);
    socket.set_nonblocking(false)?;
    socket.write_all(if head.contains("upgrade: websocket") {
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n".as_slice()
    } else {
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".as_slice()
    })?;
    Ok(socket)
}
