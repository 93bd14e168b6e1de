//! A program that makes a descriptor by every call that makes one.

use std::ffi::{CStr, CString};
use std::io::BufRead;

use crate::kinds::{COPY, ELSEWHERE};

mod failing;
pub mod opened;
mod requested;

/// Environment variable that makes the test program this one: an empty directory.
pub const ENV: &str = "EYAS_KINDS";

/// Number of calls that change the paths of directories, one for each order after the descriptors are closed.
pub const MOUNT_STEPS: usize = 5;

/// Makes a call; errors are negative.
pub fn call<const N: usize>(number: i64, args: [i64; N]) -> i64 {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&args);
    let [a, b, c, d, e, f] = all;
    // SAFETY: pointers are to memory of the right size that outlives the call.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap()) } else { result }
}

pub fn at<T: ?Sized>(pointer: *const T) -> i64 {
    pointer.cast::<()>() as i64
}

pub fn ioctl(fd: i64, request: i64, argument: i64) -> i64 {
    call(libc::SYS_ioctl, [fd, request, argument])
}

/// Makes a call by the number of a 32-bit program.
#[cfg(target_arch = "x86_64")]
pub fn call_32(number: i64, args: [i64; 3]) -> i64 {
    let result: i64;
    // SAFETY: pointers are below 4 GiB and outlive the call.
    unsafe {
        std::arch::asm!(
            "xchg rbx, {first}", "int 0x80", "xchg rbx, {first}",
            first = inout(reg) args[0] => _, inout("rax") number => result,
            in("rcx") args[1], in("rdx") args[2],
            out("r8") _, out("r9") _, out("r10") _, out("r11") _,
        );
    }
    i64::from(result as i32)
}

/// A page below 4 GiB, if the kernel has calls of 32-bit programs.
#[cfg(target_arch = "x86_64")]
pub fn low_page() -> Option<i64> {
    // MAP_32BIT
    let low = call(libc::SYS_mmap, [0, 4096, 3, 0x62, -1, 0]);
    (low >= 0 && call_32(20, [0; 3]) == i64::from(std::process::id())).then_some(low)
}

pub fn open(path: &CStr, flags: i32) -> i64 {
    call(libc::SYS_openat, [libc::AT_FDCWD.into(), at(path.as_ptr()), flags.into(), 0])
}

/// The descriptors that were made, with what they are.
pub struct Made(Vec<(i64, String)>);

impl Made {
    /// Notes a descriptor, or reports the error.
    pub fn add(&mut self, what: &str, fd: i64) -> i64 {
        if fd >= 0 {
            self.0.push((fd, what.to_owned()));
        } else {
            println!("- {what}: error {}", -fd);
        }
        fd
    }

    /// Reports that kinds cannot be made, because of this result of a call.
    pub fn lack(&mut self, kinds: &[&str], result: i64) {
        kinds.iter().for_each(|what| _ = self.add(what, result.min(-1)));
    }
}

pub fn run() -> ! {
    let mut lines = std::io::stdin().lock().lines();
    lines.next();
    let mut made = Made(Vec::new());
    plain(&mut made);
    bpf(&mut made);
    by_ioctl(&mut made);
    sockets(&mut made);
    opened::make(&mut made, std::env::var_os(ENV).unwrap().as_ref());
    requested::make(&mut made, std::env::var_os(ENV).unwrap().as_ref());
    failing::make(&mut made, std::env::var_os(ENV).unwrap().as_ref());
    listener(&mut made);
    copies(&mut made);
    for (fd, what) in &made.0 {
        println!("{fd} {what}");
    }
    println!("done");
    lines.next();
    for (fd, _) in made.0 {
        call(libc::SYS_close, [fd]);
    }
    println!("done");
    for step in mounts(std::env::var_os(ENV).unwrap().as_ref()) {
        lines.next();
        step();
        println!("done");
    }
    lines.next();
    std::process::exit(0)
}

/// Calls that change the paths of this process's directories.
fn mounts(dir: &std::path::Path) -> [Box<dyn Fn()>; MOUNT_STEPS] {
    let path = |name: &str| CString::new(dir.join(name).into_os_string().into_encoded_bytes()).unwrap();
    let paths = ["one", "two"].map(path);
    let [one, two] = [0, 1].map(|n| {
        let paths = paths.clone();
        move || at(paths[n].as_ptr())
    });
    let [first, second] = [one.clone(), two.clone()];
    let tmpfs = c"tmpfs";
    [
        Box::new({
            let dirs = paths.clone();
            move || {
                for dir in &dirs {
                    assert_eq!(call(libc::SYS_mkdirat, [-100, at(dir.as_ptr()), 0o700]), 0);
                }
                assert_eq!(call(libc::SYS_unshare, [(libc::CLONE_NEWNS | libc::CLONE_FS).into()]), 0);
                let private = (libc::MS_REC | libc::MS_PRIVATE) as i64;
                assert_eq!(call(libc::SYS_mount, [0, at(c"/".as_ptr()), 0, private, 0]), 0);
                let tmpfs = at(tmpfs.as_ptr());
                assert_eq!(call(libc::SYS_mount, [tmpfs, at(dirs[0].as_ptr()), tmpfs, 0, 0]), 0);
                assert_eq!(call(libc::SYS_chdir, [at(dirs[0].as_ptr())]), 0);
            }
        }),
        Box::new(move || {
            assert_eq!(call(libc::SYS_mount, [one(), two(), 0, libc::MS_MOVE as i64, 0]), 0);
        }),
        Box::new(move || assert_eq!(call(libc::SYS_move_mount, [-100, second(), -100, first(), 0]), 0)),
        Box::new(|| assert_eq!(call(libc::SYS_pivot_root, [at(c".".as_ptr()), at(c".".as_ptr())]), 0)),
        Box::new(|| assert_eq!(call(libc::SYS_umount2, [at(c".".as_ptr()), libc::MNT_DETACH.into()]), 0)),
    ]
}

fn plain(made: &mut Made) {
    const FLAGS_OF_EXEC: i64 = libc::O_CLOEXEC as i64;
    let none = 0_u64;
    for closes in [0, FLAGS_OF_EXEC] {
        made.add("eventfd", call(libc::SYS_eventfd2, [0, closes]));
        made.add("signalfd", call(libc::SYS_signalfd4, [-1, at(&none), 8, closes]));
        made.add("timerfd", call(libc::SYS_timerfd_create, [libc::CLOCK_MONOTONIC.into(), closes]));
        made.add("inotify", call(libc::SYS_inotify_init1, [closes]));
        made.add("epoll", call(libc::SYS_epoll_create1, [closes]));
        made.add("userfaultfd", call(libc::SYS_userfaultfd, [closes | 1]));
        made.add("memfd_secret", call(447, [closes]));
        made.add("mq_open", call(libc::SYS_mq_open, [at(c"eyas-kinds".as_ptr()), 0o102, 0o600, 0]));
    }
    call(libc::SYS_mq_unlink, [at(c"eyas-kinds".as_ptr())]);
    for closes in [0, 1] {
        made.add("memfd", call(libc::SYS_memfd_create, [at(c"name".as_ptr()), closes]));
        // FAN_CLOEXEC, in the classes of notification and of content.
        made.add("fanotify", call(libc::SYS_fanotify_init, [closes, 0]));
        made.add("fsopen", call(libc::SYS_fsopen, [at(c"tmpfs".as_ptr()), closes]));
        made.add("fspick", call(libc::SYS_fspick, [-100, at(c"/".as_ptr()), closes]));
        // A clock of the program, which every kernel can count.
        let attributes: [u32; 32] = std::array::from_fn(|at| match at {
            0 => 1,
            1 => 128,
            _ => 0,
        });
        made.add("perf event", call(libc::SYS_perf_event_open, [at(&attributes), 0, -1, -1, closes * 8]));
    }
    let rules = 1_u64;
    made.add("landlock", call(444, [at(&rules), 8, 0]));
    // Versions are no descriptors.
    call(444, [0, 0, 1]);
    let parameters = [0_u32; 30];
    made.add("io_uring", call(libc::SYS_io_uring_setup, [4, at(&parameters)]));
    made.add("pidfd", call(libc::SYS_pidfd_open, [std::process::id().into(), 0]));
}

fn bpf(made: &mut Made) {
    let (map_create, update, load, enable_stats) = (0, 2, 5, 32);
    let attributes: [u32; 32] = std::array::from_fn(|at| match at {
        0 => 2,
        1..=3 => 4,
        _ => 0,
    });
    let map = made.add("BPF map", call(libc::SYS_bpf, [map_create, at(&attributes), 128]));
    // Returns 0, which is the number of another descriptor.
    let (key, value) = (0_u32, 7_u32);
    let attributes = [map as u64, at(&key) as u64, at(&value) as u64, 0, 0, 0, 0, 0];
    call(libc::SYS_bpf, [update, at(&attributes), 64]);
    // r0 = 0; exit
    let program = [0xb7_u64, 0x95];
    let attributes: [u64; 16] = std::array::from_fn(|n| match n {
        0 => 1 | 2 << 32,
        1 => at(&program) as u64,
        2 => at(c"GPL".as_ptr()) as u64,
        _ => 0,
    });
    made.add("BPF program", call(libc::SYS_bpf, [load, at(&attributes), 128]));
    let attributes = [0_u64; 16];
    made.add("BPF statistics", call(libc::SYS_bpf, [enable_stats, at(&attributes), 128]));
}

fn by_ioctl(made: &mut Made) {
    let master = made.add("terminal", open(c"/dev/ptmx", libc::O_RDWR | libc::O_NOCTTY));
    let unlocked = 0_i32;
    ioctl(master, libc::TIOCSPTLCK as i64, at(&unlocked));
    made.add("other end of a terminal", ioctl(master, 0x5441, (libc::O_RDWR | libc::O_NOCTTY).into()));
    let space = call(libc::SYS_openat, [-100, at(c"/proc/self/ns/net".as_ptr()), libc::O_CLOEXEC.into(), 0]);
    made.add("owner of a namespace", ioctl(space, 0xb701, 0));
    let own = call(libc::SYS_pidfd_open, [std::process::id().into(), 0]);
    made.add("namespace of a pidfd", ioctl(own, 0xff03, 0));
    let socket = call(libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_DGRAM.into(), 0]);
    made.add("namespace of a socket", ioctl(socket, 0x894c, 0));
    let device = open(c"/dev/userfaultfd", libc::O_RDWR);
    made.add("userfaultfd of a device", ioctl(device, 0xaa00, libc::O_CLOEXEC.into()));
    let kvm = open(c"/dev/kvm", libc::O_RDWR);
    if kvm >= 0 {
        let machine = made.add("virtual machine", ioctl(kvm, 0xae01, 0));
        made.add("virtual processor", ioctl(machine, 0xae41, 0));
        made.add("statistics of a machine", ioctl(machine, 0xaece, 0));
        // KVM_DEV_TYPE_VFIO; the descriptor is in the structure.
        let device = [4_u32, 0, 0];
        let result = ioctl(machine, 0xc00c_aee0, at(&device));
        made.add("device of a machine", if result == 0 { i64::from(read(&device[1])) } else { result });
        call(libc::SYS_close, [kvm]);
    } else {
        let kinds =
            ["virtual machine", "virtual processor", "statistics of a machine", "device of a machine"];
        made.lack(&kinds, kvm);
    }
    for fd in [space, own, socket, device] {
        call(libc::SYS_close, [fd]);
    }
}

/// A number that the kernel has written.
fn read(number: &u32) -> u32 {
    // SAFETY: it is a reference.
    unsafe { std::ptr::read_volatile(number) }
}

fn sockets(made: &mut Made) {
    const STREAM: i64 = libc::SOCK_STREAM as i64;
    const SEQUENCE: i64 = libc::SOCK_SEQPACKET as i64;
    const RAW: i64 = libc::SOCK_RAW as i64;
    const DATAGRAM: i64 = libc::SOCK_DGRAM as i64;
    for (what, family, ty, protocol) in [
        ("packet socket", libc::AF_PACKET, RAW | i64::from(libc::SOCK_CLOEXEC), 0x300),
        ("packet socket of an old program", libc::AF_INET, 10, 0x300),
        ("vsock", libc::AF_VSOCK, STREAM, 0),
        ("cryptographic socket", libc::AF_ALG, SEQUENCE, 0),
        ("Bluetooth socket", libc::AF_BLUETOOTH, RAW, 1),
        ("key socket", libc::AF_KEY, RAW, 2),
        ("CAN socket", libc::AF_CAN, RAW, 1),
        ("XDP socket", libc::AF_XDP, RAW, 0),
        ("TIPC socket", libc::AF_TIPC, DATAGRAM, 0),
        ("SMC socket", 43, STREAM, 0),
        ("QRTR socket", 42, DATAGRAM, 0),
    ] {
        made.add(what, call(libc::SYS_socket, [family.into(), ty, protocol]));
    }
    // A packet socket that is bound.
    let packet =
        made.add("bound packet socket", call(libc::SYS_socket, [libc::AF_PACKET.into(), DATAGRAM, 0]));
    let address = [libc::AF_PACKET as u16, 0x300, 1, 0, 0, 0, 0, 0, 0, 0];
    call(libc::SYS_bind, [packet, at(&address), 20]);
    // Accepted sockets of a family without an address.
    let hash = call(libc::SYS_socket, [libc::AF_ALG.into(), SEQUENCE, 0]);
    let mut address = [0_u8; 88];
    address[0] = libc::AF_ALG as u8;
    address[2..6].copy_from_slice(b"hash");
    address[24..28].copy_from_slice(b"sha1");
    call(libc::SYS_bind, [hash, at(&address), 88]);
    let accepted = match hash {
        0.. => call(libc::SYS_accept4, [hash, 0, 0, libc::SOCK_CLOEXEC.into()]),
        error => error,
    };
    made.add("accepted cryptographic socket", accepted);
    // The process at the other end, by an option, and by a message.
    let mut pair = [0_i32; 2];
    call(libc::SYS_socketpair, [libc::AF_UNIX.into(), DATAGRAM, 0, at(&raw mut pair)]);
    let [one, other] = pair.map(i64::from);
    let (mut fd, length) = (-1_i32, 4_u32);
    let result = call(libc::SYS_getsockopt, [one, 1, 77, at(&raw mut fd), at(&length)]);
    made.add("peer of a socket", if result == 0 { fd.into() } else { result });
    let on = 1_i32;
    let result = call(libc::SYS_setsockopt, [other, 1, 76, at(&on), 4]);
    made.add("sender of a message", if result == 0 { received(one, other) } else { result });
    call(libc::SYS_close, [one]);
    call(libc::SYS_close, [other]);
}

/// Sends a byte from one end to the other, and receives its sender's descriptor.
fn received(one: i64, other: i64) -> i64 {
    const PIDFD: i32 = 4;
    call(libc::SYS_write, [one, at(c"x".as_ptr()), 1]);
    let (mut byte, mut control) = ([0_u8; 1], [0_u8; 64]);
    let parts = [at(&raw mut byte), 1];
    let header = [0, 0, at(&parts), 1, at(&raw mut control), 64, 0];
    call(libc::SYS_recvmsg, [other, at(&header), 0]);
    let number = |at: usize| i32::from_le_bytes(*control[at..].first_chunk().unwrap());
    if number(12) == PIDFD { number(16).into() } else { -i64::from(libc::EOPNOTSUPP) }
}

/// A filter that allows everything, and its listener.
fn listener(made: &mut Made) {
    const NEW_LISTENER: i64 = 8;
    // BPF_RET | BPF_K, SECCOMP_RET_ALLOW
    let program = 0x7fff_0000_0000_0006_u64;
    let filter = [1_u64, at(&program) as u64];
    call(libc::SYS_prctl, [libc::PR_SET_NO_NEW_PRIVS.into(), 1, 0, 0, 0]);
    made.add("listener of a filter", call(libc::SYS_seccomp, [1, NEW_LISTENER, at(&filter)]));
}

/// Copies all descriptors; some copies replace another file.
fn copies(made: &mut Made) {
    for (fd, what) in made.0.clone() {
        made.add(&format!("{COPY}{what}"), call(libc::SYS_fcntl, [fd, libc::F_DUPFD_CLOEXEC.into(), 0]));
        let file = open(c"/etc/passwd", libc::O_RDONLY);
        made.add(&format!("{what}{ELSEWHERE}"), call(libc::SYS_dup3, [fd, file, 0]));
    }
}
