//! A WebSocket frame by frame (RFC 6455, section 5.2), for what no decent client would send.

use super::raw::Connection;
use http::HeaderMap;
use std::io;
use std::net::SocketAddr;

pub const CONTINUATION: u8 = 0;
pub const TEXT: u8 = 1;
pub const BINARY: u8 = 2;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;
/// The bit of a message's last frame.
pub const LAST: u8 = 0x80;

/// A frame as clients send it, with a mask of zeros. The first byte is taken as it is.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..126 => frame.push(0x80 | u8::try_from(short).unwrap()),
        medium @ 126..0x1_0000 => {
            frame.push(0x80 | 0x7e);
            frame.extend(u16::try_from(medium).unwrap().to_be_bytes());
        }
        long => {
            frame.push(0x80 | 0x7f);
            frame.extend((long as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

/// A whole text.
pub fn text(payload: &str) -> Vec<u8> {
    frame(LAST | TEXT, payload.as_bytes())
}

/// An open WebSocket.
pub struct Frames {
    connection: Connection,
}

impl Frames {
    /// Opens one at a path and query, or gives the status of the refusal. Each header ends with a line end.
    pub async fn open(address: SocketAddr, target: &str, headers: &str) -> io::Result<Result<Self, u16>> {
        let mut connection = Connection::open(address).await?;
        let handshake = format!(
            "GET {target} HTTP/1.1\r\nHost: {address}\r\n{headers}Connection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        connection.send(handshake).await?;
        let (status, _): (u16, HeaderMap) = connection.head().await?;
        Ok(if status == 101 { Ok(Self { connection }) } else { Err(status) })
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.connection.send(bytes).await
    }

    /// The next frame, its opcode and payload; none at the end.
    pub async fn next(&mut self) -> io::Result<Option<(u8, Vec<u8>)>> {
        loop {
            if let Some(frame) = take(&mut self.connection.unread) {
                return Ok(Some(frame));
            }
            if !self.connection.read_more().await? {
                assert_eq!(self.connection.unread, b"", "the last frame is whole");
                return Ok(None);
            }
        }
    }
}

/// Takes the first frame, if it is there whole.
fn take(bytes: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let number = |to: usize| Some(bytes.get(2..to)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)));
    let (start, length) = match *bytes.get(1)? {
        127 => (10, number(10)?),
        126 => (4, number(4)?),
        short => (2, usize::from(short)),
    };
    if bytes.len() < start + length {
        return None;
    }
    let frame: Vec<u8> = bytes.drain(..start + length).collect();
    assert_eq!(frame[0] & 0xf0, LAST, "a server's frames are whole and have no bit of an extension");
    Some((frame[0] & 0x0f, frame[start..].to_vec()))
}
