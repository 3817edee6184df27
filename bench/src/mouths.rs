//! Those who say something: connections that are kept alive, with one request at a time on each.

use crate::answers::{Progress, is_last, progress};
use crate::clock::Clock;
use crate::ears::dial;
use crate::marks::Mark;
use crate::said::Said;
use crate::tally::Tally;
use crate::way::Saying;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// Source addresses of these, apart from those of listeners.
const FIRST_SOURCE: usize = 60_000;

#[derive(Debug)]
struct Mouth {
    socket: TcpStream,
    /// Whether the server has ended it, as it may after a while without a request.
    is_closed: bool,
    /// What is still to be written, from a place on.
    request: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    /// The message underway, and when it was sent.
    underway: Option<Mark>,
}

/// All connections that say something.
#[derive(Debug)]
pub struct Mouths {
    all: Vec<Mouth>,
    idle: Vec<usize>,
    to: Vec<SocketAddr>,
    registry: Registry,
    first_token: usize,
    buffer: Vec<u8>,
    /// Why the last refusal was.
    pub reason: String,
}

impl Mouths {
    /// Connects so many, whose tokens go on from `first_token`.
    pub fn connect(to: &[SocketAddr], count: usize, first_token: usize, registry: &Registry) -> io::Result<Self> {
        let mut all = Vec::with_capacity(count);
        for number in 0..count {
            let socket = open(number, to, first_token, registry)?;
            let (request, answer) = (Vec::new(), Vec::new());
            all.push(Mouth { socket, is_closed: false, request, written: 0, answer, underway: None });
        }
        let idle = (0..count).rev().collect();
        Ok(Self {
            all,
            idle,
            to: to.to_vec(),
            registry: registry.try_clone()?,
            first_token,
            buffer: vec![0; 65_536],
            reason: String::new(),
        })
    }

    /// How many have nothing to do.
    pub fn idle(&self) -> usize {
        self.idle.len()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Says the next message of a line, if a connection is free.
    pub fn say(
        &mut self,
        saying: &Saying,
        line: u16,
        length: usize,
        clock: Clock,
        said: &mut Said,
    ) -> io::Result<bool> {
        let Some(number) = self.idle.pop() else { return Ok(false) };
        let mouth = &mut self.all[number];
        if mouth.is_closed {
            mouth.socket = open(number, &self.to, self.first_token, &self.registry)?;
            mouth.is_closed = false;
        }
        let mark = said.say(line, clock.now());
        saying.request(&mark.text(length), &mut mouth.request);
        mouth.written = 0;
        mouth.underway = Some(mark);
        mouth.write()?;
        Ok(true)
    }

    /// Does what a socket is ready for.
    pub fn ready(&mut self, token: usize, clock: Clock, said: &mut Said, tally: &mut Tally) -> io::Result<()> {
        let number = token - self.first_token;
        let mouth = &mut self.all[number];
        mouth.write()?;
        loop {
            match mouth.socket.read(&mut self.buffer) {
                Ok(0) if mouth.underway.is_none() => {
                    mouth.is_closed = true;
                    return Ok(());
                }
                Ok(0) => return Err(io::Error::other("the server closed a connection that was to be kept")),
                Ok(read) => mouth.answer.extend_from_slice(&self.buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            match progress(&mouth.answer) {
                Progress::Partly => {}
                Progress::Nonsense => return Err(io::Error::other("an answer is no HTTP")),
                Progress::Whole { status, body, end } => {
                    mouth.is_closed |= is_last(&mouth.answer[..body]);
                    let now = clock.now();
                    if let Some(mark) = mouth.underway.take() {
                        tally.answers.saturating_record(now - mark.sent);
                        if (200..300).contains(&status) {
                            tally.accepted += 1;
                            said.answered(mark, now);
                        } else {
                            tally.refused += 1;
                            self.reason = String::from_utf8_lossy(&mouth.answer[..end]).into_owned();
                        }
                    }
                    mouth.answer.drain(..end);
                    self.idle.push(number);
                }
            }
        }
    }
}

fn open(number: usize, to: &[SocketAddr], first_token: usize, registry: &Registry) -> io::Result<TcpStream> {
    let mut socket = dial(FIRST_SOURCE + number / 100, to[number % to.len()], None)?;
    registry.register(&mut socket, Token(first_token + number), Interest::READABLE | Interest::WRITABLE)?;
    Ok(socket)
}

impl Mouth {
    fn write(&mut self) -> io::Result<()> {
        while self.written < self.request.len() {
            match self.socket.write(&self.request[self.written..]) {
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
