//! HTTP requests and responses in the buffers of events.

use std::collections::HashMap;

/// Maximum number of requests without a response.
const MAX_WAITING: usize = 65_536;

/// Requests without a response yet, by process and file descriptor.
#[derive(Default)]
pub struct Requests(HashMap<(i64, i64), Request>);

struct Request {
    method: Vec<u8>,
    url: Vec<u8>,
    ts: u64,
    is_received: bool,
}

/// A request with its response.
pub struct Exchange {
    pub method: Vec<u8>,
    pub url: Vec<u8>,
    pub is_received: bool,
    pub code: u64,
    pub latency: u64,
    pub size: u64,
}

impl Requests {
    /// Processes data that a process reads or writes. Returns the exchange that it completes.
    pub fn take(&mut self, place: (i64, i64), ts: u64, is_read: bool, buffer: &[u8]) -> Option<Exchange> {
        if self.0.contains_key(&place) {
            let (code, size) = response(buffer)?;
            let Request { method, url, ts: began, is_received } = self.0.remove(&place)?;
            return Some(Exchange {
                method,
                url,
                is_received,
                code,
                latency: ts.saturating_sub(began),
                size,
            });
        }
        if let Some((method, url)) = request(buffer)
            && self.0.len() < MAX_WAITING
        {
            self.0.insert(place, Request { method, url, ts, is_received: is_read });
        }
        None
    }
}

/// Method and URL: `GET` and `host/path`.
fn request(buffer: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (method, rest) = word(buffer)?;
    let is_method = (1..=16).contains(&method.len()) && method.iter().all(u8::is_ascii_uppercase);
    let (path, _) = word(rest)?;
    if !is_method {
        return None;
    }
    let mut url = header(buffer, b"Host: ").unwrap_or_default().to_vec();
    url.extend_from_slice(path);
    Some((method.to_vec(), url))
}

/// Status and content length.
fn response(buffer: &[u8]) -> Option<(u64, u64)> {
    let (_, rest) = word(buffer.strip_prefix(b"HTTP/")?)?;
    let code = number(rest)?;
    Some((code, header(buffer, b"Content-Length: ").and_then(number).unwrap_or(0)))
}

/// Splits a text at the first space. The part before it is not empty.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| !byte.is_ascii_graphic()).unwrap_or(text.len());
    let rest = text.get(end + 1..).unwrap_or_default();
    let is_word = end > 0 && text.get(end).is_none_or(|byte| *byte == b' ');
    is_word.then_some((&text[..end], rest))
}

/// The value of a header, if it is complete.
fn header<'b>(buffer: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    let at = buffer.windows(name.len()).position(|window| window == name)?;
    let value = &buffer[at + name.len()..];
    let end = value.iter().position(|byte| *byte == b'\r')?;
    Some(&value[..end])
}

fn number(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    std::str::from_utf8(&text[..end]).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_the_exchange_of_its_descriptor() {
        let mut requests = Requests::default();
        let get = b"GET /a?b HTTP/1.1\r\nHost: example.org\r\n\r\n";
        assert!(requests.take((1, 3), 100, true, get).is_none());
        assert!(requests.take((1, 4), 110, true, b"HTTP/1.1 200 OK\r\n").is_none());
        let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 12\r\n\r\n";
        let exchange = requests.take((1, 3), 150, false, answer).unwrap();
        assert_eq!((&*exchange.method, &*exchange.url), (&b"GET"[..], &b"example.org/a?b"[..]));
        assert_eq!((exchange.code, exchange.latency, exchange.size), (404, 50, 12));
        assert!(exchange.is_received);
        assert!(requests.take((1, 3), 150, false, answer).is_none());
    }

    #[test]
    fn other_bytes_are_no_requests() {
        for bytes in [&b""[..], b"GET", b"GET ", b"get / HTTP", b"\x16\x03\x01 x", b"A\nb c"] {
            assert!(request(bytes).is_none(), "{bytes:?}");
        }
        assert_eq!(request(b"GET /x").unwrap().1, b"/x");
        assert_eq!(response(b"HTTP/1.0 200"), Some((200, 0)));
        assert_eq!(response(b"HTTP/1.0 x"), None);
    }
}
