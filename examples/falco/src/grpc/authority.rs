//! Workaround for clients of the gRPC C++ library at a Unix socket.
//!
//! Such a client sends the path of the socket as the `:authority` of a request, with `%2F` for each slash.
//! That is not a valid authority, and the HTTP/2 library here refuses the request. So this module replaces
//! the percent signs in incoming requests by another character. The length of the text does not change, so
//! that the tables of the header compression stay the same at both ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Length of the preface of every connection.
const PREFACE: usize = 24;
/// Length of a frame header.
const HEAD: usize = 9;
/// Type of frames with headers.
const HEADERS: u8 = 1;
/// Maximum length of a frame's body; longer frames are not allowed.
const MAX_FRAME: usize = 16 << 10;
/// Maximum number of bytes per read.
const CHUNK: usize = 16 << 10;

/// A connection that makes the authority of requests valid.
pub struct Repaired<S> {
    stream: S,
    frames: Frames,
}

impl<S> Repaired<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, frames: Frames { passing: PREFACE, ..Frames::default() } }
    }
}

/// Received bytes, split into frames.
#[derive(Default)]
struct Frames {
    /// Received bytes that were not passed on yet.
    bytes: Vec<u8>,
    /// Number of bytes at the front that may be passed on.
    ready: usize,
    /// Number of bytes after those that need no change, including bytes that have not arrived yet.
    passing: usize,
}

impl Frames {
    /// Adds received bytes.
    fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        loop {
            let passing = self.passing.min(self.bytes.len() - self.ready);
            self.ready += passing;
            self.passing -= passing;
            let rest = &mut self.bytes[self.ready..];
            if self.passing > 0 || rest.len() < HEAD {
                return;
            }
            let length = usize::from(rest[0]) << 16 | usize::from(rest[1]) << 8 | usize::from(rest[2]);
            if rest[3] == HEADERS && length <= MAX_FRAME {
                let flags = rest[4];
                // The frame is passed on when it is complete.
                let Some(body) = rest[HEAD..].get_mut(..length) else { return };
                repair(flags, body);
            }
            self.passing = HEAD + length;
        }
    }

    /// Passes on as much as fits.
    fn take(&mut self, out: &mut ReadBuf<'_>) {
        let count = self.ready.min(out.remaining());
        out.put_slice(&self.bytes[..count]);
        self.bytes.drain(..count);
        self.ready -= count;
    }
}

/// Replaces percent signs in the authority, if it is a literal without Huffman coding.
fn repair(flags: u8, body: &mut [u8]) {
    const PADDED: u8 = 0x8;
    const PRIORITY: u8 = 0x20;
    let mut fields = Fields { at: 0 };
    fields.at += if flags & PADDED == 0 { 0 } else { 1 };
    fields.at += if flags & PRIORITY == 0 { 0 } else { 5 };
    while let Some(range) = fields.next(body) {
        for byte in body.get_mut(range).into_iter().flatten().filter(|byte| **byte == b'%') {
            *byte = b'.';
        }
    }
}

/// The compressed header fields of a request, one after the other (RFC 7541, section 6).
struct Fields {
    at: usize,
}

impl Fields {
    /// Range of the next field's literal authority; empty if it is another field. `None` at the end, or at
    /// an error, which the HTTP/2 library then finds, too.
    fn next(&mut self, body: &[u8]) -> Option<std::ops::Range<usize>> {
        /// Index of `:authority` in the static table.
        const AUTHORITY: usize = 1;
        let prefix = match *body.get(self.at)? {
            0x80.. => {
                self.number(body, 7)?;
                return Some(0..0);
            }
            0x40.. => 6,
            0x20.. => {
                self.number(body, 5)?;
                return Some(0..0);
            }
            _ => 4,
        };
        let is_authority = match self.number(body, prefix)? {
            0 => {
                let (name, is_plain) = self.text(body)?;
                is_plain && body.get(name)? == b":authority"
            }
            number => number == AUTHORITY,
        };
        let (value, is_plain) = self.text(body)?;
        Some(if is_authority && is_plain { value } else { 0..0 })
    }

    /// An integer with a prefix of this many bits in its first byte.
    fn number(&mut self, body: &[u8], prefix: u32) -> Option<usize> {
        let max = (1 << prefix) - 1;
        let mut number = usize::from(*body.get(self.at)?) & max;
        self.at += 1;
        if number < max {
            return Some(number);
        }
        for shift in [0, 7, 14, 21] {
            let byte = *body.get(self.at)?;
            self.at += 1;
            number += usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Range of a text, and whether it is a plain literal.
    fn text(&mut self, body: &[u8]) -> Option<(std::ops::Range<usize>, bool)> {
        let is_plain = *body.get(self.at)? < 0x80;
        let length = self.number(body, 7)?;
        let range = self.at..self.at + length;
        self.at = range.end;
        Some((range, is_plain))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Repaired<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, frames } = self.get_mut();
        while frames.ready == 0 {
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut *stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                // An incomplete frame is useless.
                return Poll::Ready(Ok(()));
            }
            frames.add(read.filled());
        }
        frames.take(out);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Repaired<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&length[1..], &[kind, flags, 0, 0, 0, 1], body].concat()
    }

    /// The bytes that are passed on if these bytes arrive in pieces of this size.
    fn passed(bytes: &[u8], size: usize) -> Vec<u8> {
        let mut frames = Frames { passing: PREFACE, ..Frames::default() };
        let mut all = Vec::new();
        for piece in bytes.chunks(size) {
            frames.add(piece);
            while frames.ready > 0 {
                let mut room = [0; 7];
                let mut out = ReadBuf::new(&mut room);
                frames.take(&mut out);
                all.extend_from_slice(out.filled());
            }
        }
        all
    }

    const PATH: &[u8] = b"@\x05:path\x04/%2F";
    const WRITTEN: &[u8] = b"@\x0a:authority\x07a%2Fb%%\x83\x86";
    const NUMBERED: &[u8] = b"\x20\x41\x04%%%%";
    const COMPRESSED: &[u8] = b"@\x0a:authority\x84%%%%\x01\x84%%%%\x0f\x7f\x04%%%%";
    const CUT: &[u8] = b"@\x0a:authority\x7f\xff\xff\xff\xff\xff%%%";

    #[test]
    fn only_percent_signs_of_the_authority_are_replaced() {
        let padding = [&[3][..], &[0; 5], WRITTEN, b"%%%"].concat();
        let long = b"\x41\x7f\x01".iter().copied().chain([b'%'; 128]).collect::<Vec<_>>();
        let headers =
            [&[PATH, WRITTEN].concat()[..], NUMBERED, COMPRESSED, CUT, b"", b"\x41", &long, &[0xff; 9]];
        let mut sent = vec![b'%'; PREFACE];
        sent.extend(frame(4, 0, b"\x41\x01%"));
        sent.extend(headers.iter().flat_map(|body| frame(HEADERS, 4, body)));
        sent.extend(frame(HEADERS, 4 | 8 | 0x20, &padding));
        sent.extend(frame(0, 1, &vec![b'%'; MAX_FRAME + 5]));
        sent.extend(frame(HEADERS, 4, &[b'\x41'; MAX_FRAME + 5]));
        let mut want = sent.clone();
        let mut replace = |text: &[u8], with: &[u8]| {
            for at in 0..=want.len() - text.len() {
                if &want[at..at + text.len()] == text {
                    want[at..at + text.len()].copy_from_slice(with);
                }
            }
        };
        replace(WRITTEN, b"@\x0a:authority\x07a.2Fb..\x83\x86");
        replace(NUMBERED, b"\x20\x41\x04....");
        replace(&long, &b"\x41\x7f\x01".iter().copied().chain([b'.'; 128]).collect::<Vec<_>>());
        for size in [1, 2, 5, 23, 100, 1000, sent.len()] {
            assert!(passed(&sent, size) == want, "in pieces of {size} bytes");
        }
        let cut = &sent[..PREFACE + 100];
        assert_eq!(passed(cut, 3), want[..passed(cut, 3).len()]);
    }
}
