//! Calls of 32-bit programs, which x86-64 kernels accept from any program if they are built for that.

use std::path::Path;

/// Environment variable of a process that makes one such call, and ends.
const ATTEMPT: &str = "EYAS_IA32_ATTEMPT";

/// `AT_FDCWD` as an argument.
const AT_FDCWD: u32 = -100_i32 as u32;

/// Call this first in `main`: if it returns true, the process has made its call.
pub fn is_attempt() -> bool {
    let is_attempt = std::env::var_os(ATTEMPT).is_some();
    if is_attempt {
        Caller::new().unwrap().call(20, []);
    }
    is_attempt
}

/// Whether the kernel accepts such calls. Other kernels kill the process.
pub fn is_there() -> bool {
    let mut attempt = std::process::Command::new(std::env::current_exe().unwrap());
    cfg!(target_arch = "x86_64") && attempt.env(ATTEMPT, "1").status().is_ok_and(|status| status.success())
}

/// Makes calls like a 32-bit program, with paths in memory that such a program can address.
pub struct Caller {
    page: usize,
}

/// Size of the memory for each of two paths.
const PATH: usize = 2048;

impl Caller {
    /// `None` if there is no such memory, and on other processors.
    pub fn new() -> Option<Self> {
        #[cfg(target_arch = "x86_64")]
        {
            let (read, how) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            // SAFETY: new memory, which only this value uses.
            let page =
                unsafe { libc::mmap(std::ptr::null_mut(), 2 * PATH, read, how | libc::MAP_32BIT, -1, 0) };
            (page != libc::MAP_FAILED).then_some(Self { page: page as usize })
        }
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    /// Puts a text, which is at most 2,047 bytes long, into one of the two places; its address.
    fn put(&self, place: usize, text: &[u8]) -> u32 {
        assert!(text.len() < PATH && place < 2);
        let to = self.page + place * PATH;
        // SAFETY: within the memory of this value.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), to as *mut u8, text.len());
            *((to + text.len()) as *mut u8) = 0;
        }
        to as u32
    }

    fn path(&self, place: usize, path: &Path) -> u32 {
        self.put(place, path.as_os_str().as_encoded_bytes())
    }

    #[cfg(target_arch = "x86_64")]
    fn call<const N: usize>(&self, number: u32, args: [u32; N]) -> i32 {
        let mut all = [0; 4];
        all[..N].copy_from_slice(&args);
        let result: i32;
        // SAFETY: addresses among the arguments are those of this value's memory.
        unsafe {
            std::arch::asm!(
                // The compiler reserves this register.
                "xchg rbx, {first}",
                "int 0x80",
                "xchg rbx, {first}",
                first = inout(reg) u64::from(all[0]) => _,
                inlateout("eax") number => result,
                in("ecx") all[1],
                in("edx") all[2],
                in("esi") all[3],
                lateout("r8") _,
                lateout("r9") _,
                lateout("r10") _,
                lateout("r11") _,
            );
        }
        result
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn call<const N: usize>(&self, _: u32, _: [u32; N]) -> i32 {
        unreachable!("there is no such caller")
    }

    /// Opens a file, and closes it if that succeeded.
    pub fn open(&self, path: &Path) {
        const CLOEXEC: u32 = 0x8_0000;
        let file = self.call(295, [AT_FDCWD, self.path(0, path), CLOEXEC, 0]);
        if file >= 0 {
            self.call(6, [file as u32]);
        }
    }

    pub fn access(&self, path: &Path) {
        self.call(33, [self.path(0, path), 4]);
    }

    pub fn chmod(&self, path: &Path, mode: u32) {
        self.call(306, [AT_FDCWD, self.path(0, path), mode]);
    }

    pub fn unlink(&self, path: &Path, flags: u32) {
        self.call(301, [AT_FDCWD, self.path(0, path), flags]);
    }

    pub fn symlink(&self, target: &Path, path: &Path) {
        self.call(304, [self.path(0, target), AT_FDCWD, self.path(1, path)]);
    }

    pub fn rename(&self, old: &Path, new: &Path) {
        self.call(302, [AT_FDCWD, self.path(0, old), AT_FDCWD, self.path(1, new)]);
    }

    pub fn mkdir(&self, path: &Path) {
        self.call(296, [AT_FDCWD, self.path(0, path), 0o700]);
    }

    pub fn kill(&self, signal: u32) {
        self.call(37, [std::process::id(), signal]);
    }

    /// Sets the name of the thread.
    pub fn set_name(&self, name: &str) {
        const PR_SET_NAME: u32 = 15;
        self.call(172, [PR_SET_NAME, self.put(0, name.as_bytes())]);
    }

    /// Sets the effective user of the thread; the real one is 0.
    pub fn set_user(&self, effective: u32) {
        self.call(208, [0, effective, 0]);
    }
}
