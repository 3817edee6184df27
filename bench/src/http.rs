//! Requests that set things up: one at a time, each waited for.

use crate::answers::{Progress, progress};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

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
        socket.set_read_timeout(Some(Duration::from_secs(120)))?;
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
