//! A server for alerts.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Number of received items.
pub type Count = Arc<AtomicU64>;

/// Starts an HTTP server that accepts all requests. Returns its address, and the number of requests.
pub fn server() -> (String, Count) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let count = Count::default();
    let all = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let count = Arc::clone(&all);
            std::thread::spawn(move || serve(stream, &count));
        }
    });
    (address, count)
}

/// Replies to the requests of a connection.
fn serve(stream: TcpStream, count: &AtomicU64) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut stream.by_ref().take(length), &mut std::io::sink()).ok()?;
        count.fetch_add(1, Ordering::Relaxed);
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}
