//! Buffers between a stream and its reader.

/// First size, and size after much was read: it stays in the CPU's cache between filling and reading.
const FIRST: usize = 8 << 10;
const USUAL: usize = 256 << 10;
/// Free bytes before a chunk's content, for the rest of the previous chunk. The rest is smaller than an
/// event's largest block, so a block across two chunks becomes contiguous.
const HEADROOM: usize = 72 << 10;

/// A buffer that is filled at its end and read from its start.
pub(super) struct Buf {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buf {
    /// A buffer with a small first size.
    pub(super) fn small() -> Self {
        Self { bytes: Vec::new(), start: 0, end: 0 }
    }

    /// A buffer that is passed between threads.
    pub(super) fn chunk() -> Self {
        Self { bytes: vec![0; HEADROOM + USUAL], start: HEADROOM, end: HEADROOM }
    }

    /// Empties a used chunk for reuse, unless it has another size.
    pub(super) fn into_chunk(mut self) -> Option<Self> {
        (self.start, self.end) = (HEADROOM, HEADROOM);
        Some(self).filter(|buf| buf.bytes.len() == HEADROOM + USUAL)
    }

    /// The filled and unread bytes.
    #[inline]
    pub(super) fn visible(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Consumes up to `len` bytes.
    #[inline]
    pub(super) fn advance(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
    }

    /// The free bytes at the end.
    pub(super) fn rest(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// Free bytes at the end, at least one. If few are left, the visible bytes move to the front. The
    /// buffer grows with arriving data, and shrinks after it was read.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let size = self.bytes.len();
        let few = size - self.end <= size.min(USUAL) / 4;
        if few || self.is_empty() || size > USUAL {
            self.move_to_front();
        }
        if few && (size < USUAL || self.len() > size / 2) {
            self.bytes.resize((2 * size).max(FIRST), 0);
        } else if size > USUAL && self.len() <= USUAL / 2 {
            self.bytes.truncate(USUAL);
            self.bytes.shrink_to_fit();
        }
        let size = self.bytes.len();
        &mut self.bytes[self.end..size.min(self.end + USUAL)]
    }

    /// Adds `len` bytes that were written to the room.
    pub(super) fn fill(&mut self, len: usize) {
        self.end = (self.end + len).min(self.bytes.len());
    }

    /// Copies bytes after the visible ones.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.move_to_front();
        let needed = self.end + bytes.len();
        if needed > self.bytes.len() {
            self.bytes.resize(needed.max(2 * self.bytes.len()).max(USUAL), 0);
        }
        self.bytes[self.end..needed].copy_from_slice(bytes);
        self.end = needed;
    }

    /// Copies bytes before the visible ones; returns whether there was room.
    pub(super) fn prepend(&mut self, bytes: &[u8]) -> bool {
        let Some(start) = self.start.checked_sub(bytes.len()) else { return false };
        self.bytes[start..self.start].copy_from_slice(bytes);
        self.start = start;
        true
    }

    fn move_to_front(&mut self) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.start, self.end) = (0, self.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fills all room with numbers that go on.
    fn fill(buf: &mut Buf, next: &mut u8) {
        let room = buf.room();
        let len = room.len();
        for byte in room {
            *byte = *next;
            *next = next.wrapping_add(1);
        }
        buf.fill(len);
    }

    fn goes_on(bytes: &[u8]) -> bool {
        bytes.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1))
    }

    #[test]
    fn the_buffer_grows_with_arriving_data_and_shrinks_again() {
        let (mut buf, mut next) = (Buf::small(), 0);
        fill(&mut buf, &mut next);
        assert_eq!(buf.len(), FIRST);
        // Nothing is consumed, as for a block that is larger than the buffer.
        while buf.len() < 4 * USUAL {
            let before = buf.len();
            fill(&mut buf, &mut next);
            assert!(buf.len() > before && buf.bytes.len() <= 4 * before.max(FIRST));
        }
        assert!(goes_on(buf.visible()));
        buf.advance(buf.len() - 100);
        fill(&mut buf, &mut next);
        assert_eq!(buf.bytes.len(), USUAL);
        assert!(goes_on(buf.visible()) && buf.len() == USUAL);
    }

    #[test]
    fn reading_in_small_parts_does_not_grow_the_buffer() {
        let (mut buf, mut next) = (Buf::small(), 0);
        for _ in 0..1000 {
            fill(&mut buf, &mut next);
            assert!(goes_on(buf.visible()));
            buf.advance(buf.len() - 57);
        }
        assert_eq!(buf.bytes.len(), USUAL);
    }

    #[test]
    fn a_chunk_gets_the_rest_of_the_previous_one() {
        let mut chunk = Buf::chunk();
        chunk.rest()[..3].copy_from_slice(b"def");
        chunk.fill(3);
        assert!(chunk.prepend(b"abc"));
        assert_eq!(chunk.visible(), b"abcdef");
        assert!(!chunk.prepend(&[0; HEADROOM]));
        chunk.append(&[b'g'; 3 * USUAL]);
        assert_eq!(chunk.len(), 6 + 3 * USUAL);
        assert!(chunk.visible().starts_with(b"abcdefg"));
        assert!(chunk.into_chunk().is_none());
        assert_eq!(Buf::chunk().into_chunk().unwrap().visible(), b"");
    }
}
