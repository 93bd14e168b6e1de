//! The state of the system at the beginning of a capture.

use std::net::IpAddr;

use eyas_events::FlagTable;

use crate::OwnedEvent;

/// Threads, open files, users, interfaces and the machine at the start of a capture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The machine, where known.
    pub machine: Option<MachineInfo>,
    /// Network interfaces.
    pub interfaces: Vec<Interface>,
    /// Users.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Threads in the order found.
    pub threads: Vec<ThreadEntry>,
    /// Open files per process: the leader's tid, then its entries.
    pub fds: Vec<(i64, Vec<FdEntry>)>,
    /// Data without a block in the format, as events: containers, and users and groups in containers. A
    /// capture has them among its first events.
    pub metadata: Vec<OwnedEvent>,
}

impl Snapshot {
    /// Approximate size in memory, bytes.
    pub fn size(&self) -> usize {
        let thread = |thread: &ThreadEntry| {
            let ThreadEntry { comm, exe, exepath, args, env, cwd, root, cgroups, .. } = thread;
            let texts = [comm, exe, exepath, args, env, cwd, root, cgroups];
            size_of::<ThreadEntry>() + texts.map(Vec::capacity).iter().sum::<usize>()
        };
        let fd = |entry: &FdEntry| {
            let text = match &entry.detail {
                FdDetail::Unix { path, .. } | FdDetail::File { path, .. } => path.capacity(),
                FdDetail::Other { name, .. } => name.capacity(),
                FdDetail::Socket { .. } | FdDetail::ServerSocket { .. } => 0,
            };
            size_of::<FdEntry>() + text
        };
        let user = |user: &User| {
            size_of::<User>() + user.name.capacity() + user.home.capacity() + user.shell.capacity()
        };
        self.threads.iter().map(thread).sum::<usize>()
            + self.fds.iter().flat_map(|(_, fds)| fds).map(fd).sum::<usize>()
            + self.users.iter().map(user).sum::<usize>()
            + self.groups.iter().map(|group| size_of::<Group>() + group.name.capacity()).sum::<usize>()
            + self
                .metadata
                .iter()
                .map(|event| size_of::<OwnedEvent>() + event.as_raw().body().len())
                .sum::<usize>()
    }
}

/// The machine that a capture was made on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MachineInfo {
    /// Online CPUs.
    pub cpus: u32,
    /// Physical memory in bytes.
    pub memory: u64,
    /// Largest process id; 0 if not known.
    pub max_pid: u64,
    /// Host name from the kernel.
    pub hostname: Vec<u8>,
    /// Boot time in ns since the epoch; 0 in old captures.
    pub boot_ts: u64,
    /// Reserved.
    pub flags: u64,
}

/// A network interface's address.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Name, such as `eth0`.
    pub name: Vec<u8>,
    /// Address.
    pub addr: IpAddr,
    /// Mask, of the address's family.
    pub netmask: IpAddr,
    /// Broadcast address, of the address's family.
    pub broadcast: IpAddr,
    /// Speed in Mbit/s, as the kernel reports it; 0 if unknown.
    pub link_speed: u64,
}

/// A user.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// User id.
    pub uid: u32,
    /// Primary group id.
    pub gid: u32,
    /// Name.
    pub name: Vec<u8>,
    /// Home directory.
    pub home: Vec<u8>,
    /// Login shell.
    pub shell: Vec<u8>,
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Group id.
    pub gid: u32,
    /// Name.
    pub name: Vec<u8>,
}

/// A thread.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreadEntry {
    /// Thread id.
    pub tid: i64,
    /// Process id: the leader's thread id.
    pub pid: i64,
    /// Parent's thread id.
    pub ptid: i64,
    /// Session: the id of its leader in the leader's own pid namespace, -1 if unknown.
    pub sid: i64,
    /// Process group in its own pid namespace, -1 if unknown.
    pub vpgid: i64,
    /// Process group, -1 if unknown.
    pub pgid: i64,
    /// Command name, at most 15 bytes from the kernel.
    pub comm: Vec<u8>,
    /// First argument (`argv[0]`).
    pub exe: Vec<u8>,
    /// Path of the executable.
    pub exepath: Vec<u8>,
    /// Arguments after the first, each ended by NUL.
    pub args: Vec<u8>,
    /// Environment, each entry ended by NUL.
    pub env: Vec<u8>,
    /// Working directory.
    pub cwd: Vec<u8>,
    /// Root directory.
    pub root: Vec<u8>,
    /// `subsystem=path` of each cgroup, each ended by NUL.
    pub cgroups: Vec<u8>,
    /// Limit of open files, -1 as u64 if unlimited.
    pub fdlimit: u64,
    /// `PPM_CL_*` flags.
    pub flags: u32,
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Login user id, `u32::MAX` if none.
    pub loginuid: u32,
    /// Virtual memory, KiB.
    pub vmsize_kb: u32,
    /// Resident memory, KiB.
    pub vmrss_kb: u32,
    /// Swapped memory, KiB.
    pub vmswap_kb: u32,
    /// Major page faults.
    pub pfmajor: u64,
    /// Minor page faults.
    pub pfminor: u64,
    /// Thread id in its own pid namespace, -1 if unknown.
    pub vtid: i64,
    /// Process id in its own pid namespace, -1 if unknown.
    pub vpid: i64,
    /// Start of its pid namespace, ns since the epoch; 0 if unknown.
    pub pidns_init_start_ts: u64,
    /// Start of the process, ns since the epoch; 0 if unknown. Not stored in captures.
    pub clone_ts: u64,
    /// Device number of its terminal, 0 for none.
    pub tty: u32,
    /// Whether the process may write the executable.
    pub exe_writable: bool,
    /// Whether the executable is in the upper layer of an overlay.
    pub exe_upper_layer: bool,
    /// Whether the executable is in the lower layer of an overlay.
    pub exe_lower_layer: bool,
    /// Whether the executable is a memfd.
    pub exe_from_memfd: bool,
    /// Inheritable, permitted and effective capabilities.
    pub caps: [u64; 3],
    /// Inode of the executable.
    pub exe_ino: u64,
    /// Change time of the executable, ns since the epoch.
    pub exe_ino_ctime: u64,
    /// Modification time of the executable, ns since the epoch.
    pub exe_ino_mtime: u64,
}

impl Default for ThreadEntry {
    fn default() -> Self {
        Self {
            tid: -1,
            pid: -1,
            ptid: -1,
            sid: -1,
            vpgid: -1,
            pgid: -1,
            comm: Vec::new(),
            exe: Vec::new(),
            exepath: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            cwd: Vec::new(),
            root: Vec::new(),
            cgroups: Vec::new(),
            fdlimit: u64::MAX,
            flags: 0,
            uid: 0,
            gid: 0,
            loginuid: u32::MAX,
            vmsize_kb: 0,
            vmrss_kb: 0,
            vmswap_kb: 0,
            pfmajor: 0,
            pfminor: 0,
            vtid: -1,
            vpid: -1,
            pidns_init_start_ts: 0,
            clone_ts: 0,
            tty: 0,
            exe_writable: false,
            exe_upper_layer: false,
            exe_lower_layer: false,
            exe_from_memfd: false,
            caps: [0; 3],
            exe_ino: 0,
            exe_ino_ctime: 0,
            exe_ino_mtime: 0,
        }
    }
}

/// An open file of a process.
#[derive(Clone, Debug, PartialEq)]
pub struct FdEntry {
    /// File descriptor.
    pub fd: i64,
    /// Inode; 0 if unknown.
    pub ino: u64,
    /// Whether an exec closes it; captures contain this only for files.
    pub close_on_exec: bool,
    /// Type-specific data.
    pub detail: FdDetail,
}

/// After the entry of a descriptor in a capture, if an exec closes it. Readers that do not know it skip it, because
/// the entry has a length.
pub(crate) const CLOSED_BY_EXEC: &[u8] = b"eyas\x01";

impl FdEntry {
    /// An open file with only its detail.
    pub fn new(fd: i64, ino: u64, detail: FdDetail) -> Self {
        const CLOSES: u32 = FlagTable::FILE_FLAGS.value("O_CLOEXEC");
        let close_on_exec = matches!(detail, FdDetail::File { open_flags, .. } if open_flags & CLOSES != 0);
        Self { fd, ino, close_on_exec, detail }
    }
}

/// Kind and details of an open file. Ports are in host order.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum FdDetail {
    /// A socket with both ends, of either family. `l4`: 0 unknown, 1 none, 2 TCP, 3 UDP, 4 ICMP, 5 raw.
    Socket { local: (IpAddr, u16), remote: (IpAddr, u16), l4: u8 },
    /// A socket that listens or is bound.
    ServerSocket { addr: (IpAddr, u16), l4: u8 },
    /// A Unix socket: kernel addresses of both ends and the path.
    Unix { source: u64, destination: u64, path: Vec<u8> },
    /// A regular file; `open_flags` are `PPM_O_*`, `mount_id` is 0 where `dev` is known.
    File { open_flags: u32, path: Vec<u8>, dev: u32, mount_id: u32 },
    /// Anything else: the type's code in captures (2 directory, 7 pipe, 9 event, 10 unsupported,
    /// 11 signalfd, 12 eventpoll, 13 inotify, 14 timerfd, 15 netlink, 17 bpf, 18 userfaultfd,
    /// 19 io_uring, 20 memfd, 21 pidfd, 1 file of old captures) and its name.
    Other { type_code: u8, name: Vec<u8> },
}
