//! A client of the program's web server.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::SOON;

/// A server's complete reply to `request`: head and body.
pub fn say(mut stream: impl Read + Write, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    // A server without a reply may close or reset the connection.
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match text.split_once("\r\n\r\n") {
        Some((head, body)) => (head.to_lowercase(), body.to_owned()),
        None => (text, String::new()),
    }
}

pub fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream
}

/// A page of the program's web server.
pub fn get(port: u16, path: &str) -> (String, String) {
    say(connect(port), &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}
