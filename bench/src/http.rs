//! Requests that set things up: one at a time, each waited for.

use crate::answers::{Progress, end_of_head, progress, status};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server that listens may take until it serves.
const READY: Duration = Duration::from_mins(1);

/// Waits until a page, or a stream, is answered with 200.
pub fn until_ready(address: SocketAddr, path: &str) -> io::Result<()> {
    let begun = Instant::now();
    while Client::connect(address)?.status(path)? != 200 {
        if begun.elapsed() > READY {
            return Err(io::Error::other(format!("{address}{path} does not become ready")));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A connection that is kept.
#[derive(Debug)]
pub struct Client {
    socket: TcpStream,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_mins(2)))?;
        Ok(Self { socket })
    }

    /// Asks with a body of JSON, and expects JSON.
    pub fn ask(&mut self, method: &str, path: &str, token: Option<&str>, body: &Value) -> io::Result<Value> {
        let body = body.to_string();
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n{bearer}content-length: {length}\r\n\r\n"
        );
        let (status, text) = self.exchange(&format!("{head}{body}"))?;
        if !(200..300).contains(&status) {
            return Err(io::Error::other(format!("{method} {path}: {status} {text}")));
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Reads a page.
    pub fn read(&mut self, path: &str) -> io::Result<String> {
        Ok(self.exchange(&format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n"))?.1)
    }

    /// Asks for a page, or a stream, only to see what its status is.
    pub fn status(mut self, path: &str) -> io::Result<u16> {
        self.socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n").as_bytes())?;
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while end_of_head(&received).is_none() {
            match self.socket.read(&mut buffer)? {
                0 => return Err(io::Error::other(format!("{path}: no answer"))),
                read => received.extend_from_slice(&buffer[..read]),
            }
        }
        let status = status(&String::from_utf8_lossy(&received));
        status.ok_or_else(|| io::Error::other(format!("{path}: an answer that is no HTTP")))
    }

    fn exchange(&mut self, request: &str) -> io::Result<(u16, String)> {
        self.socket.write_all(request.as_bytes())?;
        let mut received = Vec::new();
        let mut buffer = [0; 16_384];
        loop {
            let read = self.socket.read(&mut buffer)?;
            received.extend_from_slice(&buffer[..read]);
            match progress(&received) {
                Progress::Whole { status, body, end } => {
                    return Ok((status, String::from_utf8_lossy(&received[body..end]).into_owned()));
                }
                Progress::Partly if read > 0 => {}
                _ => return Err(io::Error::other("no answer")),
            }
        }
    }
}
