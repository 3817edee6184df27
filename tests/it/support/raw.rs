//! HTTP/1.1 by hand, for streams and for requests that no decent client would send.

use std::io;
use std::net::SocketAddr;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::Answer;

pub struct Connection {
    pub socket: TcpStream,
    pub unread: Vec<u8>,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        Self::over(TcpStream::connect(address).await?)
    }

    /// With a receive buffer so small that not reading is felt on the other side at once.
    pub async fn open_narrow(address: SocketAddr) -> io::Result<Self> {
        Self::over(narrow(address).await?)
    }

    fn over(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { socket, unread: Vec::new() })
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.socket.write_all(bytes.as_ref()).await
    }

    /// Reads some bytes more; `false` at the end. Dropped half-way it loses nothing.
    pub async fn read_more(&mut self) -> io::Result<bool> {
        Ok(self.socket.read_buf(&mut self.unread).await? > 0)
    }

    /// The status and the headers of the answer; the body stays unread.
    pub async fn head(&mut self) -> io::Result<(u16, HeaderMap)> {
        let length = loop {
            if let Some(at) = self.unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.read_more().await? {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "no whole response head"));
            }
        };
        let head: Vec<u8> = self.unread.drain(..length).collect();
        let head = String::from_utf8(head).expect("a response head is ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap();
        let status = status
            .strip_prefix("HTTP/1.1 ")
            .or(status.strip_prefix("HTTP/1.0 "))
            .unwrap_or_else(|| panic!("an HTTP status line: {status}"));
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("a header line: {line}"));
            headers.append(HeaderName::try_from(name).unwrap(), HeaderValue::from_str(value.trim()).unwrap());
        }
        Ok((status[..3].parse().expect("a status is a number"), headers))
    }

    /// A whole answer, its body read to its end.
    pub async fn answer(&mut self) -> io::Result<Answer> {
        let (status, headers) = self.head().await?;
        let body = self.rest(status, &headers).await?;
        Ok(Answer { status, headers, body })
    }

    pub async fn rest(&mut self, status: u16, headers: &HeaderMap) -> io::Result<Vec<u8>> {
        let mut decoder = Framing::of(status, headers);
        let mut body = Vec::new();
        loop {
            decoder.decode(&mut self.unread, &mut body);
            if decoder.is_over() {
                return Ok(body);
            }
            if !self.read_more().await? {
                return if decoder.ends_with_connection() {
                    Ok(body)
                } else {
                    Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the body is cut off"))
                };
            }
        }
    }
}

/// A connection whose receive buffer is as small as the kernel allows.
pub async fn narrow(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    socket.connect(address).await
}

/// Sends these bytes over a connection of their own and reads one answer.
pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> io::Result<Answer> {
    let mut connection = Connection::open(address).await?;
    // A server may answer and close before it has taken everything.
    drop(connection.send(request).await);
    connection.answer().await
}

/// How the end of a body is told.
pub enum Framing {
    Length(usize),
    Chunked(Chunk),
    Connection,
}

pub enum Chunk {
    Size,
    Bytes(usize),
    LineEnd,
    Trailer,
    Over,
}

impl Framing {
    pub fn of(status: u16, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap());
        if matches!(status, 100..200 | 204 | 304) {
            Framing::Length(0)
        } else if text("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            Framing::Chunked(Chunk::Size)
        } else if let Some(length) = text("content-length") {
            Framing::Length(length.parse().expect("a length is a number"))
        } else {
            Framing::Connection
        }
    }

    pub fn is_over(&self) -> bool {
        matches!(self, Framing::Length(0) | Framing::Chunked(Chunk::Over))
    }

    pub fn ends_with_connection(&self) -> bool {
        matches!(self, Framing::Connection)
    }

    /// Moves what is body from the bytes of the connection.
    pub fn decode(&mut self, from: &mut Vec<u8>, into: &mut Vec<u8>) {
        match self {
            Framing::Connection => into.append(from),
            Framing::Length(left) => {
                let count = from.len().min(*left);
                into.extend(from.drain(..count));
                *left -= count;
            }
            Framing::Chunked(chunk) => while chunk.step(from, into) {},
        }
    }
}

impl Chunk {
    fn step(&mut self, from: &mut Vec<u8>, into: &mut Vec<u8>) -> bool {
        match self {
            Chunk::Size => {
                let Some(line) = take_line(from) else { return false };
                let digits = line.split(';').next().unwrap().trim();
                let size = usize::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("a chunk size: {line:?}"));
                *self = if size == 0 { Chunk::Trailer } else { Chunk::Bytes(size) };
                true
            }
            Chunk::Bytes(left) => {
                let count = from.len().min(*left);
                into.extend(from.drain(..count));
                *left -= count;
                if *left == 0 {
                    *self = Chunk::LineEnd;
                    return true;
                }
                false
            }
            Chunk::LineEnd => {
                let Some(line) = take_line(from) else { return false };
                assert_eq!(line, "", "a chunk ends with a line end");
                *self = Chunk::Size;
                true
            }
            Chunk::Trailer => {
                let Some(line) = take_line(from) else { return false };
                if line.is_empty() {
                    *self = Chunk::Over;
                }
                true
            }
            Chunk::Over => false,
        }
    }
}

fn take_line(from: &mut Vec<u8>) -> Option<String> {
    let length = from.windows(2).position(|window| window == b"\r\n")?;
    let line = String::from_utf8(from.drain(..length + 2).collect()).expect("a line of the framing is ASCII");
    Some(line.trim_end_matches("\r\n").to_owned())
}
