//! Decompresses gzip: members one after another, and a plain stream after them.

use std::io::{self, Read};

use flate2::{Decompress, FlushDecompress, Status};

/// First bytes of a gzip member.
pub(super) const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// First byte of a plain capture after the members: that of a section.
const PLAIN: u8 = 0x0a;
/// First and maximum number of compressed bytes that are read at once.
const FIRST: usize = 4 << 10;
const MAX: usize = 64 << 10;
/// Base-2 logarithm of the window that any member may use.
const WINDOW_BITS: u8 = 15;

/// A byte source; the bytes may come from any thread.
pub(super) type Input = Box<dyn Read + Send>;

/// The inflated stream.
pub(super) struct Gunzip {
    input: Input,
    /// Compressed bytes: `from..to` are not used yet.
    bytes: Vec<u8>,
    from: usize,
    to: usize,
    state: State,
    inflate: Decompress,
    /// The error after the last returned bytes.
    failed: Option<io::Error>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Member,
    /// After a member.
    Between,
    Plain,
    Ended,
}

impl Gunzip {
    /// Decompresses an input that begins with a member.
    pub(super) fn new(input: Input) -> Self {
        Self {
            input,
            bytes: vec![0; FIRST],
            from: 0,
            to: 0,
            state: State::Member,
            inflate: Decompress::new_gzip(WINDOW_BITS),
            failed: None,
        }
    }

    /// Reads more compressed bytes; returns whether there were any.
    fn more(&mut self) -> io::Result<bool> {
        self.bytes.copy_within(self.from..self.to, 0);
        if self.to == self.bytes.len() {
            self.bytes.resize((2 * self.bytes.len()).min(MAX), 0);
        }
        (self.from, self.to) = (0, self.to - self.from);
        let got = read(&mut *self.input, &mut self.bytes[self.to..])?;
        self.to += got;
        Ok(got > 0)
    }

    /// Decompresses into `out`; returns the number of bytes, 0 at the member's end.
    fn member(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let (used, made) = (self.inflate.total_in(), self.inflate.total_out());
            let result = self.inflate.decompress(&self.bytes[self.from..self.to], out, FlushDecompress::None);
            let (used, made) = (self.inflate.total_in() - used, (self.inflate.total_out() - made) as usize);
            self.from += used as usize;
            let failed = match result {
                Ok(Status::StreamEnd) => {
                    self.state = State::Between;
                    return Ok(made);
                }
                Ok(_) if made > 0 => return Ok(made),
                // Reads only when the available data gives nothing more, because a read may wait for a long
                // time.
                Ok(_) if self.more()? => continue,
                Ok(_) => io::Error::new(io::ErrorKind::UnexpectedEof, "its gzip member ends early"),
                Err(error) => {
                    io::Error::new(io::ErrorKind::InvalidData, format!("its gzip member is damaged: {error}"))
                }
            };
            self.state = State::Ended;
            if made == 0 {
                return Err(failed);
            }
            self.failed = Some(failed);
            return Ok(made);
        }
    }

    /// Determines what follows a member. As in zlib, data that is neither a member nor a capture is
    /// ignored.
    fn between(&mut self) -> io::Result<State> {
        while self.to - self.from < MAGIC.len() && self.more()? {}
        Ok(match self.bytes[self.from..self.to] {
            [a, b, ..] if [a, b] == MAGIC => {
                self.inflate.reset(true);
                State::Member
            }
            [PLAIN, ..] => State::Plain,
            _ => State::Ended,
        })
    }
}

impl Read for Gunzip {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        loop {
            match self.state {
                State::Member => {
                    let made = self.member(out)?;
                    if made > 0 {
                        return Ok(made);
                    }
                }
                State::Between => self.state = self.between()?,
                State::Plain if self.from < self.to => {
                    let len = out.len().min(self.to - self.from);
                    out[..len].copy_from_slice(&self.bytes[self.from..self.from + len]);
                    self.from += len;
                    return Ok(len);
                }
                State::Plain => return read(&mut *self.input, out),
                State::Ended => return Ok(0),
            }
        }
    }
}

/// Like [`Read::read`], repeated after a signal.
pub(super) fn read(input: &mut dyn Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match input.read(out) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn member(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// Returns one byte at a time, and a signal before each.
    struct Slow(Cursor<Vec<u8>>, bool);

    impl Read for Slow {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            match self.1 {
                true => Err(io::ErrorKind::Interrupted.into()),
                false => self.0.read(&mut out[..1]),
            }
        }
    }

    /// The available data, and the error after it.
    fn inflated(bytes: &[u8]) -> (Vec<u8>, Option<String>) {
        let read = |input: Input| {
            let mut out = Vec::new();
            let error = Gunzip::new(input).read_to_end(&mut out).err();
            (out, error.map(|error| error.to_string()))
        };
        let at_once = read(Box::new(Cursor::new(bytes.to_vec())));
        assert_eq!(read(Box::new(Slow(Cursor::new(bytes.to_vec()), false))), at_once);
        at_once
    }

    #[test]
    fn members_and_a_plain_stream_follow_each_other() {
        let long: Vec<u8> = (0..300_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        let all = [member(&long), member(b""), member(b"two"), b"\x0a three".to_vec()].concat();
        assert_eq!(inflated(&all), ([&long[..], b"two\x0a three"].concat(), None));
    }

    #[test]
    fn other_data_after_a_member_is_ignored() {
        for rest in [&b"\0\0\0\0"[..], b"\x1f", b"rest"] {
            assert_eq!(inflated(&[&member(b"one"), rest].concat()), (b"one".to_vec(), None));
        }
    }

    #[test]
    fn everything_before_a_cut_or_damage_is_returned() {
        let text = b"one of many, one of many, one of many more".repeat(50);
        let whole = member(&text);
        for cut in [whole.len() - 1, whole.len() - 8] {
            let (found, error) = inflated(&whole[..cut]);
            assert_eq!((found, error.unwrap()), (text.clone(), "its gzip member ends early".into()));
        }
        for cut in 3..10 {
            assert!(inflated(&whole[..cut]).1.unwrap().contains("ends early"));
        }
        let mut damaged = whole.clone();
        let at = whole.len() - 8;
        damaged[at] ^= 1;
        let (found, error) = inflated(&damaged);
        assert_eq!(found, text);
        assert!(error.unwrap().contains("damaged: "));
    }
}
