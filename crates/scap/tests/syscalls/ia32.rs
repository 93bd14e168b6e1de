//! Calls of 32-bit programs, which x86-64 kernels accept from any program.

mod arguments;
mod beginnings;
mod numbers;

use std::arch::asm;

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Scratch, at, call, open};
use crate::capture::capture;
use crate::memory::{PAGE, Page, sizes};
use crate::network::{DATAGRAM, INET, address, connected, port, sockaddr, socket, tuple};
use crate::paths::{Ways, marked, told};
use crate::want::{bytes, flags, int, is};

/// Makes a call like a 32-bit program.
fn call32<const N: usize>(number: u32, args: [u32; N]) -> i32 {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&args);
    // The compiler reserves these two registers.
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

/// A page below 4 GiB, which 32-bit calls can address.
struct Low(i64);

impl Low {
    fn new() -> Self {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_32BIT;
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let address = call(libc::SYS_mmap, [0, 4096, prot.into(), flags.into(), -1, 0]);
        assert!(address > 0);
        Self(address)
    }

    /// Puts bytes there; their address.
    fn put(&self, offset: usize, bytes: &[u8]) -> u32 {
        assert!(offset + bytes.len() <= 4096);
        let to = self.0 as usize + offset;
        // SAFETY: within the page, which only `self` owns.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), to as *mut u8, bytes.len()) };
        to as u32
    }

    fn put_words(&self, offset: usize, words: &[u32]) -> u32 {
        self.put(offset, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
    }
}

impl Drop for Low {
    fn drop(&mut self) {
        call(libc::SYS_munmap, [self.0, 4096]);
    }
}

#[test]
fn llseek_of_32_bits() {
    let mut live = capture(&[EventType::SYSCALL_LLSEEK_X]);
    let (dir, low) = (Scratch::new("llseek"), Low::new());
    let fd = open(&dir.file("file", ""), libc::O_RDONLY);
    let result = low.put_words(0, &[0, 0]);
    let res = call32(140, [fd.0 as u32, 3, 17, result, libc::SEEK_SET as u32]);
    assert_eq!(res, 0);
    live.saw(
        EventType::SYSCALL_LLSEEK_X,
        &[("res", int(res)), ("fd", int(fd.0)), ("offset", int((3_i64 << 32) + 17)), ("whence", int(0))],
    );
}

#[test]
fn old_calls_that_look_at_files() {
    let types = [
        EventType::SYSCALL_STAT_X,
        EventType::SYSCALL_LSTAT_X,
        EventType::SYSCALL_FSTAT_X,
        EventType::SYSCALL_GETDENTS_X,
    ];
    let mut live = capture(&types);
    let (dir, low) = (Scratch::new("old-calls"), Low::new());
    let (name, into, fd) = (low.put(0, b"/etc\0"), low.put(500, &[0; 300]), dir.fd());
    for (number, ty) in [(18, EventType::SYSCALL_STAT_X), (84, EventType::SYSCALL_LSTAT_X)] {
        let res = call32(number, [name, into]);
        live.saw(ty, &[("res", int(res)), ("path", bytes(b"/etc\0"))]);
    }
    for (number, ty) in [(28, EventType::SYSCALL_FSTAT_X), (89, EventType::SYSCALL_GETDENTS_X)] {
        let res = call32(number, [fd.0 as u32, into, 1]);
        live.saw(ty, &[("res", int(res)), ("fd", int(fd.0))]);
    }
}

#[test]
fn umount_of_32_bits() {
    let mut live = capture(&[EventType::SYSCALL_UMOUNT_1_X]);
    let low = Low::new();
    let name = low.put(0, b"/nonexistent\0");
    let res = call32(22, [name]);
    live.saw(EventType::SYSCALL_UMOUNT_1_X, &[("res", int(res)), ("name", bytes(b"/nonexistent\0"))]);
}

/// The path of a mount through a symlink is that of its directory.
#[test]
fn mount_of_32_bits_through_a_link() {
    eyas_testing::ignore_in_chroot();
    let mut live = marked(&[EventType::SYSCALL_MOUNT_X]);
    if call(libc::SYS_unshare, [(libc::CLONE_FS | libc::CLONE_NEWNS).into()]) != 0 {
        eyas_testing::ignore("this process may not have mounts of its own");
    }
    let (ways, low) = (Ways::new("mount32"), Low::new());
    let private = (libc::MS_REC | libc::MS_PRIVATE) as u32;
    let root = low.put(0, b"/\0");
    assert_eq!(call32(21, [0, root, 0, private, 0]), 0);
    let (one, two) = (ways.real("one"), ways.real("two"));
    [&one, &two].into_iter().for_each(|dir| std::fs::create_dir(dir).unwrap());
    let [link_one, link_two] = ["link/one", "link/two"].map(|name| ways.dir.path(name));
    let tmpfs = low.put(100, b"tmpfs\0");
    let (one_at, two_at) =
        (low.put(200, link_one.to_bytes_with_nul()), low.put(1200, link_two.to_bytes_with_nul()));
    let made =
        told(&mut live, EventType::SYSCALL_MOUNT_X, || call32(21, [tmpfs, one_at, tmpfs, 0, 0]).into());
    assert_eq!(made[1], ("dir", one.clone()));
    std::fs::create_dir(format!("{one}/inner")).unwrap();
    let inner = std::ffi::CString::new(format!("{one}/inner")).unwrap();
    let fs = at(c"tmpfs".as_ptr());
    assert_eq!(call(libc::SYS_mount, [fs, at(inner.as_ptr()), fs, 0, 0]), 0);
    // A tree of two mounts.
    let bind = (libc::MS_BIND | libc::MS_REC) as u32;
    let both =
        told(&mut live, EventType::SYSCALL_MOUNT_X, || call32(21, [one_at, two_at, 0, bind, 0]).into());
    assert_eq!(both[1], ("dir", two.clone()));
    for path in [&link_two, &link_one] {
        assert_eq!(call(libc::SYS_umount2, [at(path.as_ptr()), libc::MNT_DETACH.into()]), 0);
    }
}

#[test]
fn mmap2_of_32_bits() {
    let mut live = capture(&[EventType::SYSCALL_MMAP2_X]);
    let fd = open(c"/proc/self/exe", libc::O_RDONLY);
    let (prot, how) = (libc::PROT_READ as u32, libc::MAP_SHARED as u32);
    let res = call32(192, [0, 4096, prot, how, fd.0 as u32, 3]);
    let page = Page(i64::from(res as u32));
    let [a, b, c] = sizes();
    live.saw(
        EventType::SYSCALL_MMAP2_X,
        &[
            ("res", is("the address", move |got| got as i32 == res)),
            a,
            b,
            c,
            ("addr", int(0)),
            ("length", int(PAGE)),
            ("prot", flags(&FlagTable::PROT_FLAGS, &["PROT_READ"])),
            ("flags", flags(&FlagTable::MMAP_FLAGS, &["MAP_SHARED"])),
            ("fd", int(fd.0)),
            // In pages.
            ("pgoffset", int(3)),
        ],
    );
    drop((page, Low::new()));
}

/// Makes a `socketcall` with these arguments.
fn socketcall(low: &Low, which: u32, args: &[u32]) -> i32 {
    call32(102, [which, low.put_words(0, args)])
}

#[test]
fn send_and_recv_of_32_bits() {
    let types = [EventType::SOCKET_SEND_X, EventType::SOCKET_RECV_X];
    let mut live = capture(&types);
    let low = Low::new();
    let (a, b) = connected();
    let (from, to) = (port(&a), port(&b));
    let data = low.put(100, b"through socketcall");
    let res = socketcall(&low, 9, &[a.0 as u32, data, 18, 0]);
    assert_eq!(res, 18);
    live.saw(
        EventType::SOCKET_SEND_X,
        &[
            ("res", int(18)),
            ("data", bytes("through socketcall")),
            ("fd", int(a.0)),
            ("size", int(18)),
            ("tuple", tuple(from, to)),
        ],
    );
    let buffer = low.put(200, &[0; 40]);
    let res = socketcall(&low, 10, &[b.0 as u32, buffer, 40, 0]);
    assert_eq!(res, 18);
    live.saw(
        EventType::SOCKET_RECV_X,
        &[
            ("res", int(18)),
            ("data", bytes("through socketcall")),
            ("fd", int(b.0)),
            ("size", int(40)),
            ("tuple", tuple(from, to)),
        ],
    );
}

#[test]
fn socketcall_is_the_call_that_it_makes() {
    let types = [EventType::SOCKET_BIND_X, EventType::SOCKET_SENDMSG_X];
    let mut live = capture(&types);
    let low = Low::new();
    let fd = socket(INET, DATAGRAM);
    let name = low.put(100, &address(0));
    let res = socketcall(&low, 2, &[fd.0 as u32, name, 16]);
    assert_eq!(res, 0);
    let to = port(&fd);
    live.saw(EventType::SOCKET_BIND_X, &[("res", int(0)), ("addr", sockaddr(to)), ("fd", int(fd.0))]);
    let (target, data) = (low.put(100, &address(to)), low.put(200, b"32 bits"));
    let parts = low.put_words(300, &[data, 2, data + 2, 5]);
    let header = low.put_words(400, &[target, 16, parts, 2, 0, 0, 0]);
    let res = socketcall(&low, 16, &[fd.0 as u32, header, 0]);
    assert_eq!(res, 7);
    live.saw(
        EventType::SOCKET_SENDMSG_X,
        &[
            ("res", int(7)),
            ("data", bytes("32 bits")),
            ("fd", int(fd.0)),
            ("size", int(7)),
            ("tuple", tuple(to, to)),
        ],
    );
}

/// Executes a program with `execve` or `execveat` in a separate process.
pub fn execute(by_execveat: bool, file: &std::ffi::CStr) -> i32 {
    const EXECVE: u32 = 11;
    const EXECVEAT: u32 = 358;
    let low = Low::new();
    let file = low.put(64, file.to_bytes_with_nul());
    let (argv, envp) = (low.put_words(0, &[file, 0]), low.put_words(16, &[0]));
    match by_execveat {
        true => call32(EXECVEAT, [-100_i32 as u32, file, argv, envp, 0]),
        false => call32(EXECVE, [file, argv, envp]),
    }
}
