use eyas_events::{EventType, HEADER_LEN};

use super::super::{MAX_CPUS, Mapping, Plan, share_out};
use super::frame::{LENGTH_AT, LOSS};
use super::*;
use crate::skel::types;

/// The other side of a ring.
struct Kernel {
    shared: Arc<Shared>,
    size: usize,
    head: u64,
}

impl Kernel {
    fn new(size: usize) -> (Self, Ring) {
        let plan = Plan::new([size].into_iter());
        let shared = Arc::new(Shared {
            cpus: Mapping::anonymous((MAX_CPUS + 1) * size_of::<types::cpu>()),
            segments: Mapping::anonymous(plan.segments * STRIDE),
        });
        let ring = share_out(&shared, &plan).remove(0);
        (Self { shared, size, head: 0 }, ring)
    }

    fn write(&self, at: u64, bytes: &[u8]) {
        let offset = at as usize & (self.size - 1);
        let place = offset / SEGMENT * STRIDE + offset % SEGMENT;
        // SAFETY: a segment has room for a frame after its last byte, and nothing is lent while this writes.
        unsafe {
            let to = self.shared.segments.start.add(place).as_ptr();
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
    }

    fn publish(&mut self, frame: &[u8]) -> u64 {
        let at = self.head;
        self.write(at, frame);
        self.move_head(at + aligned(frame.len()));
        at
    }

    fn move_head(&mut self, to: u64) {
        self.head = to;
        self.shared.head(0).store(to, Ordering::Release);
    }

    fn tail(&self) -> u64 {
        self.shared.tail(0).load(Ordering::Acquire)
    }
}

fn frame(ty: u16, params: &[&[u8]]) -> Vec<u8> {
    let data = params.concat();
    let len = HEADER_LEN + 2 * params.len() + data.len();
    let mut frame = [&7_u64.to_ne_bytes()[..], &9_u64.to_ne_bytes(), &(len as u32).to_ne_bytes()].concat();
    frame.extend_from_slice(&ty.to_ne_bytes());
    frame.extend_from_slice(&(params.len() as u32).to_ne_bytes());
    params.iter().for_each(|param| frame.extend_from_slice(&(param.len() as u16).to_ne_bytes()));
    frame.extend_from_slice(&data);
    frame
}

fn event(data: &[u8]) -> Vec<u8> {
    frame(EventType::SYSCALL_WRITE_X.0, &[&[1; 8], data])
}

fn read(ring: &mut Ring) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(frame) = ring.peek() {
        all.push(frame.to_vec());
        ring.consume();
    }
    all
}

#[test]
fn frames_come_as_they_were_written() {
    let (mut kernel, mut ring) = Kernel::new(2 << 20);
    let mut written = Vec::new();
    // Some three times round.
    for round in 0..100 {
        let batch: Vec<Vec<u8>> = (0..20).map(|n| event(&vec![round; n * 397 % 6000])).collect();
        batch.iter().for_each(|frame| _ = kernel.publish(frame));
        written.extend(batch);
        let frames = read(&mut ring);
        assert_eq!(frames, written);
        written.clear();
        assert_eq!(kernel.tail(), kernel.head);
    }
    kernel.publish(&frame(LOSS, &[&[1, 0, 0, 0]]));
    assert_eq!(read(&mut ring).len(), 1);
    assert_eq!((ring.events(), ring.skipped()), (2000, Skipped::default()));
}

#[test]
fn malformed_data_is_skipped_up_to_the_next_frame_and_counted() {
    let good = event(b"a payload that is longer than a header is");
    // What becomes of the second frame of five.
    type Damage = fn(&mut [u8]);
    let damage: [(&str, Damage); 6] = [
        ("no length", |frame| frame[LENGTH_AT..LENGTH_AT + 4].fill(0)),
        ("a length beyond all", |frame| frame[LENGTH_AT..LENGTH_AT + 4].fill(0xff)),
        ("a length beyond the end", |frame| frame[LENGTH_AT + 1] = 0x7f),
        ("a length into the next frame", |frame| frame[LENGTH_AT] += 24),
        ("another type", |frame| frame[21] = 0xee),
        ("nothing at all", |frame| frame.fill(0)),
    ];
    for (what, damage) in damage {
        let (mut kernel, mut ring) = Kernel::new(4096);
        let second = {
            let mut bad = good.clone();
            damage(&mut bad);
            bad
        };
        for frame in [&good, &second, &good, &good, &good] {
            kernel.publish(frame);
        }
        assert_eq!(read(&mut ring), vec![good.clone(); 4], "{what}");
        assert_eq!(ring.skipped(), Skipped { times: 1, bytes: aligned(good.len()) }, "{what}");
        assert_eq!((ring.events(), kernel.tail()), (4, kernel.head), "{what}");
    }
}

#[test]
fn payloads_that_look_like_frames_are_not_parsed() {
    let (mut kernel, mut ring) = Kernel::new(4096);
    // Begins where a frame may begin.
    let inner = event(b"one that the payload holds");
    let outer = event(&[&[0; 10][..], &inner].concat());
    kernel.publish(&outer);
    assert_eq!(read(&mut ring), [outer]);
}

#[test]
fn a_head_that_jumps_is_followed_and_counted() {
    let good = event(b"data");
    let (mut kernel, mut ring) = Kernel::new(4096);
    (0..3).for_each(|_| _ = kernel.publish(&good));
    assert_eq!(read(&mut ring).len(), 3);
    // Back by one frame, as where two programs publish at once.
    kernel.move_head(kernel.head - aligned(good.len()));
    assert!(read(&mut ring).is_empty());
    kernel.publish(&good);
    assert_eq!(read(&mut ring), std::slice::from_ref(&good));
    assert_eq!(ring.skipped(), Skipped { times: 1, bytes: aligned(good.len()) });
    // Further than the ring is large.
    kernel.move_head(kernel.head + 8192);
    assert!(read(&mut ring).is_empty());
    kernel.publish(&good);
    assert_eq!(read(&mut ring), std::slice::from_ref(&good));
    assert_eq!(ring.skipped(), Skipped { times: 2, bytes: aligned(good.len()) + 8192 });
    assert_eq!(kernel.tail(), kernel.head);
}
