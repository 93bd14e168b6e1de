//! An `io_uring` ring, implemented only with system calls.

use std::sync::atomic::{AtomicU32, Ordering};

/// An entry of the submission queue.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Entry {
    pub opcode: u8,
    pub flags: u8,
    pub priority: u16,
    pub fd: i32,
    pub offset: u64,
    pub addr: u64,
    pub len: u32,
    pub op_flags: u32,
    pub user_data: u64,
    pub buffer: u16,
    pub personality: u16,
    pub file_index: u32,
    pub addr3: u64,
    pub pad: u64,
}

impl Entry {
    pub fn new(opcode: u8, fd: i64) -> Self {
        Self { opcode, fd: fd as i32, ..Self::default() }
    }

    pub fn addr<T: ?Sized>(self, pointer: *const T) -> Self {
        Self { addr: pointer.cast::<()>() as u64, ..self }
    }

    pub fn offset<T: ?Sized>(self, pointer: *const T) -> Self {
        Self { offset: pointer.cast::<()>() as u64, ..self }
    }

    pub fn len(self, len: usize) -> Self {
        Self { len: len as u32, ..self }
    }
}

/// Completion of a request.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct Answer {
    pub user_data: u64,
    pub res: i32,
    pub flags: u32,
}

#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct Params {
    sq_entries: u32,
    cq_entries: u32,
    flags: u32,
    sq_thread_cpu: u32,
    sq_thread_idle: u32,
    features: u32,
    wq_fd: u32,
    reserved: [u32; 3],
    sq: [u32; 10],
    cq: [u32; 10],
}

pub const POLLED: u32 = 2;
pub const CQ_SIZE: u32 = 8;
/// Flags of an entry.
pub const BY_SLOT: u8 = 1;
pub const LINKED: u8 = 4;
pub const ASYNC: u8 = 16;
pub const SILENT: u8 = 64;
/// Instead of an index in the ring's table: the kernel chooses one.
pub const ANY_SLOT: u32 = u32::MAX;

const ENTRIES: u32 = 8;
const MAPPED: usize = 64 << 10;
const NEED_WAKEUP: u32 = 1;
const ENTER_GETEVENTS: i64 = 1;
const ENTER_SQ_WAKEUP: i64 = 2;

/// Makes a call; the result as the kernel gives it, errors negative.
///
/// Pointers among the arguments are addresses of memory that outlives the call.
pub fn call<const N: usize>(number: i64, args: [i64; N]) -> i64 {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&args);
    let [a, b, c, d, e, f] = all;
    // SAFETY: the callers pass pointers to memory of the right size that outlives the call.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap()) } else { result }
}

/// A ring, which is closed when it is dropped. Its memory stays mapped.
pub struct Ring {
    pub fd: i64,
    params: Params,
    queue: usize,
    entries: usize,
}

impl Ring {
    /// Creates a ring with flags of `io_uring_setup`; an error if the system has none.
    pub fn new(flags: u32, cq_entries: u32) -> Result<Self, i64> {
        let mut params = Params { flags, cq_entries, sq_thread_idle: 2_000, ..Params::default() };
        let fd = call(libc::SYS_io_uring_setup, [ENTRIES.into(), (&raw mut params) as i64]);
        if fd < 0 {
            return Err(fd);
        }
        let map = |offset: i64| {
            let access = i64::from(libc::PROT_READ | libc::PROT_WRITE);
            let size = if offset == 0 { MAPPED.min(4096) } else { 64 * ENTRIES as usize };
            let at = call(libc::SYS_mmap, [0, size as i64, access, libc::MAP_SHARED.into(), fd, offset]);
            assert!(at > 0, "{at}");
            at as usize
        };
        Ok(Self { fd, params, queue: map(0), entries: map(0x1000_0000) })
    }

    fn word(&self, offset: u32) -> &AtomicU32 {
        // SAFETY: the kernel says where its words are in the memory that is mapped for as long as the process runs.
        unsafe { &*((self.queue + offset as usize) as *const AtomicU32) }
    }

    /// Submits requests, and waits for this many completions, which are returned in order of arrival.
    pub fn run(&mut self, requests: &[Entry], answers: usize) -> Vec<Answer> {
        self.submit(requests);
        self.wait(answers)
    }

    /// Hands requests over.
    pub fn submit(&mut self, requests: &[Entry]) {
        let [_, tail, mask, _, flags, _, array, ..] = self.params.sq;
        let (mask, mut at) =
            (self.word(mask).load(Ordering::Relaxed), self.word(tail).load(Ordering::Relaxed));
        for request in requests {
            let slot = at & mask;
            // SAFETY: the slot is in the mapped queue, to which nothing else writes.
            unsafe { *((self.entries as *mut Entry).add(slot as usize)) = *request };
            self.word(array + 4 * slot).store(slot, Ordering::Relaxed);
            at = at.wrapping_add(1);
        }
        self.word(tail).store(at, Ordering::SeqCst);
        let how = match self.params.flags & POLLED {
            0 => 0,
            _ if self.word(flags).load(Ordering::SeqCst) & NEED_WAKEUP != 0 => ENTER_SQ_WAKEUP,
            _ => return,
        };
        let res = call(libc::SYS_io_uring_enter, [self.fd, requests.len() as i64, 0, how, 0, 0]);
        assert!(res >= 0, "io_uring_enter: {res}");
    }

    /// Waits for this many completions.
    pub fn wait(&mut self, answers: usize) -> Vec<Answer> {
        let [head, tail, mask, _, _, entries, ..] = self.params.cq;
        let mask = self.word(mask).load(Ordering::Relaxed);
        let mut got = Vec::new();
        while got.len() < answers {
            let mut at = self.word(head).load(Ordering::Relaxed);
            if at == self.word(tail).load(Ordering::Acquire) {
                let res = call(libc::SYS_io_uring_enter, [self.fd, 0, 1, ENTER_GETEVENTS, 0, 0]);
                // A stop interrupts the wait.
                assert!(res >= 0 || res == -i64::from(libc::EINTR), "io_uring_enter: {res}");
                continue;
            }
            let offset = self.queue + entries as usize + 16 * (at & mask) as usize;
            // SAFETY: the kernel has written the entry before it moved the tail past it.
            got.push(unsafe { *(offset as *const Answer) });
            at = at.wrapping_add(1);
            self.word(head).store(at, Ordering::Release);
        }
        got
    }

    /// Result of one request.
    pub fn one(&mut self, request: Entry) -> i64 {
        self.run(&[request], 1)[0].res.into()
    }

    /// Registers the caller's credentials with the ring; returns their number for an entry, or the error.
    pub fn personality(&self) -> i64 {
        call(libc::SYS_io_uring_register, [self.fd, 9, 0, 0])
    }

    /// Calls `io_uring_register`.
    pub fn register(&self, what: i64, arg: i64, count: i64) -> i64 {
        call(libc::SYS_io_uring_register, [self.fd, what, arg, count])
    }

    /// Whether the kernel has this kind of request.
    pub fn has(&self, opcode: u8) -> bool {
        const PROBE: i64 = 8;
        const KINDS: usize = 128;
        // Two words and then one of each kind, of which the third byte is flags.
        let mut kinds = [0_u8; 16 + 8 * KINDS];
        assert_eq!(self.register(PROBE, kinds.as_mut_ptr() as i64, KINDS as i64), 0);
        kinds[16 + 8 * usize::from(opcode) + 2] & 1 == 1
    }

    /// Registers a table with this many slots.
    pub fn table(&self, places: usize, files: &[i64]) -> i64 {
        let mut fds = vec![-1_i32; places];
        fds.iter_mut().zip(files).for_each(|(place, fd)| *place = *fd as i32);
        call(libc::SYS_io_uring_register, [self.fd, 2, fds.as_ptr() as i64, places as i64])
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        call(libc::SYS_close, [self.fd]);
    }
}
