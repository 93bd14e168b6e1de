//! System calls as they are, past every library.

use std::arch::asm;
use std::ffi::CString;
use std::path::PathBuf;

/// Makes a call; the result as the kernel gives it, errors negative.
///
/// Pointers among the arguments come from [`at`], of memory that outlives the call.
pub fn call<const N: usize>(number: i64, args: [i64; N]) -> i64 {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&args);
    let [a, b, c, d, e, f] = all;
    // SAFETY: the tests pass pointers to memory of the right size that outlives the call.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap()) } else { result }
}

/// The address of something as an argument.
pub fn at<T: ?Sized>(pointer: *const T) -> i64 {
    pointer.cast::<()>() as i64
}

/// Makes a call that returns twice, and ends the child at once; the child's id.
pub fn fork(number: i64, first: i64, second: i64) -> i64 {
    let result: i64;
    // SAFETY: the child runs these instructions alone: it touches no memory and ends.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "mov edi, 7",
            "mov eax, 60",
            "syscall",
            "2:",
            inlateout("rax") number => result,
            in("rdi") first,
            in("rsi") second,
            in("rdx") 0,
            in("r10") 0,
            in("r8") 0,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// Waits for a child.
pub fn wait(pid: i64) -> i32 {
    let mut status = 0_i32;
    assert_eq!(call(libc::SYS_wait4, [pid, at(&raw mut status), libc::__WALL.into(), 0]), pid);
    status
}

/// Makes a call as a 32-bit program does.
pub fn call32<const N: usize>(number: u32, args: [u32; N]) -> i32 {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&args);
    // The compiler keeps these two registers to itself.
    let kept = [all[0], all[5]];
    let result: i32;
    // SAFETY: the tests pass addresses of a `Low` page, which outlives the call.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "mov ebx, [r8]",
            "mov ebp, [r8 + 4]",
            "int 0x80",
            "pop rbp",
            "pop rbx",
            inlateout("eax") number => result,
            in("ecx") all[1],
            in("edx") all[2],
            in("esi") all[3],
            in("edi") all[4],
            inout("r8") kept.as_ptr() => _,
            lateout("r9") _,
            lateout("r10") _,
            lateout("r11") _,
        );
    }
    result
}

/// A page below 4 GiB, where 32-bit calls can point.
pub struct Low(i64);

impl Low {
    pub fn new() -> Self {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let address = call(libc::SYS_mmap, [0, 4096, prot.into(), flags.into(), -1, 0]);
        assert!(address > 0);
        Self(address)
    }

    /// Puts bytes there; their address.
    pub fn put(&self, offset: usize, bytes: &[u8]) -> u32 {
        assert!(offset + bytes.len() <= 4096);
        let to = self.0 as usize + offset;
        // SAFETY: within the page, which belongs to `self` alone.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len()) };
        to as u32
    }

    pub fn put_words(&self, offset: usize, words: &[u32]) -> u32 {
        self.put(offset, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }
}

impl Drop for Low {
    fn drop(&mut self) {
        call(libc::SYS_munmap, [self.0, 4096]);
    }
}

/// A directory that is gone when the test is over.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("eyas-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self, name: &str) -> CString {
        CString::new(self.0.join(name).into_os_string().into_encoded_bytes()).unwrap()
    }

    /// A file with this content.
    pub fn file(&self, name: &str, content: &str) -> CString {
        std::fs::write(self.0.join(name), content).unwrap();
        self.path(name)
    }

    /// A descriptor of the directory.
    pub fn fd(&self) -> Fd {
        let path = self.path("");
        open(&path, libc::O_RDONLY | libc::O_DIRECTORY)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A descriptor that is closed when the test is over.
pub struct Fd(pub i64);

impl Drop for Fd {
    fn drop(&mut self) {
        call(libc::SYS_close, [self.0]);
    }
}

pub fn open(path: &std::ffi::CStr, flags: i32) -> Fd {
    let fd = call(libc::SYS_openat, [libc::AT_FDCWD.into(), at(path.as_ptr()), flags.into(), 0o600]);
    assert!(fd >= 0, "{path:?}: {fd}");
    Fd(fd)
}
