//! Raw system calls, without libraries.

use std::arch::asm;
use std::ffi::CString;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use eyas_testing::Dir;

pub use crate::ring::call;

/// The address of something as an argument.
pub fn at<T: ?Sized>(pointer: *const T) -> i64 {
    pointer.cast::<()>() as i64
}

/// Numbers of calls that the younger architectures lack; there one that no call has.
pub mod old {
    macro_rules! numbers {
        ($($name:ident)*) => {$(
            #[cfg(target_arch = "x86_64")]
            pub use libc::$name;
            #[cfg(not(target_arch = "x86_64"))]
            #[allow(non_upper_case_globals, reason = "it stands for libc's")]
            pub const $name: i64 = -1;
        )*};
    }

    numbers!(SYS_access SYS_chmod SYS_chown SYS_creat SYS_dup2 SYS_epoll_create SYS_epoll_wait SYS_eventfd);
    numbers!(SYS_fork SYS_getdents SYS_inotify_init SYS_lchown SYS_link SYS_lstat SYS_mkdir SYS_mknod SYS_open);
    numbers!(SYS_pipe SYS_poll SYS_rename SYS_rmdir SYS_select SYS_signalfd SYS_stat SYS_symlink SYS_unlink);
    numbers!(SYS_vfork);
}

/// Makes a call that returns twice, and ends the child at once; the child's id.
#[cfg(target_arch = "x86_64")]
pub fn fork(number: i64, first: i64, second: i64) -> i64 {
    let result: i64;
    // SAFETY: the child runs only these instructions: it touches no memory and ends.
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

/// As above.
#[cfg(target_arch = "aarch64")]
pub fn fork(number: i64, first: i64, second: i64) -> i64 {
    let result: i64;
    // SAFETY: as above.
    unsafe {
        asm!(
            "svc #0",
            "cbnz x0, 2f",
            "mov x0, #7",
            "mov x8, #93",
            "svc #0",
            "2:",
            inlateout("x0") first => result,
            in("x1") second,
            in("x2") 0,
            in("x3") 0,
            in("x4") 0,
            inlateout("x8") number => _,
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

/// Runs in a thread of its own, which may change what belongs to it.
pub fn apart<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    // A test that is ignored ends so, too.
    std::thread::scope(|scope| scope.spawn(run).join().unwrap_or_else(|payload| resume_unwind(payload)))
}

/// A directory that is gone when the test is over.
pub struct Scratch {
    path: PathBuf,
    remover: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Scratch {
    pub fn new(name: &str) -> Self {
        let dir = Dir::new(name);
        let path = dir.to_owned();
        let (over, is_over) = channel::<()>();
        let (ready, is_ready) = channel();
        // Tests change their root directory and mount over the directory. A thread that keeps the root and the mounts of
        // before still sees the directory itself.
        let remover = std::thread::spawn(move || {
            let _ = ready.send(call(libc::SYS_unshare, [libc::CLONE_FS.into()]));
            let _ = is_over.recv();
            drop(dir);
        });
        assert_eq!(is_ready.recv(), Ok(0));
        Self { path, remover: Some((over, remover)) }
    }

    pub fn path(&self, name: &str) -> CString {
        CString::new(self.path.join(name).into_os_string().into_encoded_bytes()).unwrap()
    }

    /// A file with this content.
    pub fn file(&self, name: &str, content: &str) -> CString {
        std::fs::write(self.path.join(name), content).unwrap();
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
        if let Some((over, remover)) = self.remover.take() {
            drop(over);
            let _ = remover.join();
        }
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
