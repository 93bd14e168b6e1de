//! System calls of 32-bit programs on x86-64, which have other numbers and pass some arguments differently.

use super::code::SyscallCode;
use crate::table::{EventType, SYSCALLS};

/// How a 32-bit call passes the arguments that the 64-bit call of the same name passes in registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ia32Args {
    /// In the same way.
    Same,
    /// The arguments in this mask are ids of 16 bits; the largest means -1.
    Ids(u8),
    /// The arguments in this mask are signed.
    Signed(u8),
    /// The argument is the lower half of a number, and the next one the upper half.
    Halves(u8),
    /// The arguments are in memory, at the address in this argument.
    Block(u8),
    /// Numbers at the addresses in the arguments have half the size.
    HalfPointees,
    /// Times at the addresses in the arguments have their 64-bit form.
    LongTimes,
    /// Arguments of `ipc` from the second on: one, two, three, and the value at the address in the fifth.
    IpcValue,
    /// Arguments of `ipc` from the second on: one, the address in the fifth, two, and the last.
    IpcBuffer,
}

/// A system call of 32-bit programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ia32Call {
    /// Code of the call.
    pub code: SyscallCode,
    /// Exit event that it is sent as.
    pub exit: EventType,
    /// How it passes its arguments.
    pub args: Ia32Args,
}

impl Ia32Call {
    const fn new(code: SyscallCode, own: Option<EventType>, args: Ia32Args) -> Self {
        let exit = match (own, code.info()) {
            (Some(own), _) => own,
            (None, Some(info)) => info.exit,
            (None, None) => EventType::GENERIC_X,
        };
        Self { code, exit, args }
    }
}

macro_rules! own {
    () => {
        None
    };
    ($event:ident) => {
        Some(EventType::$event)
    };
}

macro_rules! args {
    () => {
        Ia32Args::Same
    };
    ($form:ident $($which:literal)?) => {
        Ia32Args::$form$(($which))?
    };
}

/// Writes a table by number: `number CODE => EVENT : Args(which)`, the last two only if they differ from
/// the 64-bit call's.
macro_rules! calls {
    ($name:ident [$len:literal] $($number:literal $code:ident $(=> $event:ident)? $(: $form:ident $(($which:literal))?)?;)*) => {
        /// Calls by number; `None` if there is no call.
        pub(super) const $name: [Option<Ia32Call>; $len] = {
            let mut calls = [None; $len];
            $(
                assert!(calls[$number].is_none(), "two calls of one number");
                calls[$number] = Some(Ia32Call::new(
                    SyscallCode::$code,
                    own!($($event)?),
                    args!($($form $($which)?)?),
                ));
            )*
            calls
        };
    };
}

// Calls of larger numbers are below.
calls! {
    OLDER_CALLS [512]
    0 RESTART_SYSCALL;
    1 EXIT;
    2 FORK;
    3 READ;
    4 WRITE;
    5 OPEN;
    6 CLOSE;
    7 WAITPID;
    8 CREAT;
    9 LINK;
    10 UNLINK;
    11 EXECVE;
    12 CHDIR;
    13 TIME;
    14 MKNOD;
    15 CHMOD;
    16 LCHOWN: Ids(0b110);
    18 OLDSTAT => SYSCALL_STAT_X;
    19 LSEEK: Signed(0b10);
    20 GETPID;
    21 MOUNT;
    22 UMOUNT => SYSCALL_UMOUNT_1_X;
    23 SETUID: Ids(0b1);
    24 GETUID;
    25 STIME;
    26 PTRACE;
    27 ALARM;
    28 OLDFSTAT => SYSCALL_FSTAT_X;
    29 PAUSE;
    30 UTIME;
    33 ACCESS;
    34 NICE;
    36 SYNC;
    37 KILL;
    38 RENAME;
    39 MKDIR;
    40 RMDIR;
    41 DUP;
    42 PIPE;
    43 TIMES;
    45 BRK;
    46 SETGID: Ids(0b1);
    47 GETGID;
    48 SIGNAL;
    49 GETEUID;
    50 GETEGID;
    51 ACCT;
    52 UMOUNT2;
    54 IOCTL;
    55 FCNTL;
    57 SETPGID;
    59 OLDOLDUNAME;
    60 UMASK;
    61 CHROOT;
    62 USTAT;
    63 DUP2;
    64 GETPPID;
    65 GETPGRP;
    66 SETSID;
    67 SIGACTION;
    68 SGETMASK;
    69 SSETMASK;
    70 SETREUID: Ids(0b11);
    71 SETREGID: Ids(0b11);
    72 SIGSUSPEND;
    73 SIGPENDING;
    74 SETHOSTNAME;
    75 SETRLIMIT;
    76 GETRLIMIT;
    77 GETRUSAGE;
    78 GETTIMEOFDAY;
    79 SETTIMEOFDAY;
    80 GETGROUPS;
    81 SETGROUPS;
    82 SELECT;
    83 SYMLINK;
    84 OLDLSTAT => SYSCALL_LSTAT_X;
    85 READLINK;
    86 USELIB;
    87 SWAPON;
    88 REBOOT;
    89 READDIR => SYSCALL_GETDENTS_X;
    90 MMAP: Block(0);
    91 MUNMAP;
    92 TRUNCATE: Signed(0b10);
    93 FTRUNCATE: Signed(0b10);
    94 FCHMOD;
    95 FCHOWN: Ids(0b110);
    96 GETPRIORITY;
    97 SETPRIORITY;
    99 STATFS;
    100 FSTATFS;
    101 IOPERM;
    102 SOCKETCALL;
    103 SYSLOG;
    104 SETITIMER;
    105 GETITIMER;
    106 STAT;
    107 LSTAT;
    108 FSTAT;
    109 OLDUNAME;
    110 IOPL;
    111 VHANGUP;
    112 IDLE;
    113 VM86;
    114 WAIT4;
    115 SWAPOFF;
    116 SYSINFO;
    117 IPC;
    118 FSYNC;
    119 SIGRETURN;
    120 CLONE;
    121 SETDOMAINNAME;
    122 UNAME;
    123 MODIFY_LDT;
    124 ADJTIMEX;
    125 MPROTECT;
    126 SIGPROCMASK;
    127 CREATE_MODULE;
    128 INIT_MODULE;
    129 DELETE_MODULE;
    130 GET_KERNEL_SYMS;
    131 QUOTACTL;
    132 GETPGID;
    133 FCHDIR;
    134 BDFLUSH;
    135 SYSFS;
    136 PERSONALITY;
    138 SETFSUID: Ids(0b1);
    139 SETFSGID: Ids(0b1);
    140 _LLSEEK => SYSCALL_LLSEEK_X;
    141 GETDENTS;
    142 SELECT;
    143 FLOCK;
    144 MSYNC;
    145 READV;
    146 WRITEV;
    147 GETSID;
    148 FDATASYNC;
    149 _SYSCTL;
    150 MLOCK;
    151 MUNLOCK;
    152 MLOCKALL;
    153 MUNLOCKALL;
    154 SCHED_SETPARAM;
    155 SCHED_GETPARAM;
    156 SCHED_SETSCHEDULER;
    157 SCHED_GETSCHEDULER;
    158 SCHED_YIELD;
    159 SCHED_GET_PRIORITY_MAX;
    160 SCHED_GET_PRIORITY_MIN;
    161 SCHED_RR_GET_INTERVAL;
    162 NANOSLEEP;
    163 MREMAP;
    164 SETRESUID: Ids(0b111);
    165 GETRESUID: HalfPointees;
    166 VM86;
    167 QUERY_MODULE;
    168 POLL;
    169 NFSSERVCTL;
    170 SETRESGID: Ids(0b111);
    171 GETRESGID: HalfPointees;
    172 PRCTL;
    173 RT_SIGRETURN;
    174 RT_SIGACTION;
    175 RT_SIGPROCMASK;
    176 RT_SIGPENDING;
    177 RT_SIGTIMEDWAIT;
    178 RT_SIGQUEUEINFO;
    179 RT_SIGSUSPEND;
    180 PREAD64: Halves(3);
    181 PWRITE64: Halves(3);
    182 CHOWN: Ids(0b110);
    183 GETCWD;
    184 CAPGET;
    185 CAPSET;
    186 SIGALTSTACK;
    187 SENDFILE: HalfPointees;
    188 GETPMSG;
    190 VFORK;
    191 GETRLIMIT;
    192 MMAP2 => SYSCALL_MMAP2_X;
    193 TRUNCATE: Halves(1);
    194 FTRUNCATE: Halves(1);
    195 STAT;
    196 LSTAT;
    197 FSTAT;
    198 LCHOWN;
    199 GETUID;
    200 GETGID;
    201 GETEUID;
    202 GETEGID;
    203 SETREUID;
    204 SETREGID;
    205 GETGROUPS;
    206 SETGROUPS;
    207 FCHOWN;
    208 SETRESUID;
    209 GETRESUID;
    210 SETRESGID;
    211 GETRESGID;
    212 CHOWN;
    213 SETUID;
    214 SETGID;
    215 SETFSUID;
    216 SETFSGID;
    217 PIVOT_ROOT;
    218 MINCORE;
    219 MADVISE;
    220 GETDENTS64;
    221 FCNTL;
    224 GETTID;
    225 READAHEAD;
    226 SETXATTR;
    227 LSETXATTR;
    228 FSETXATTR;
    229 GETXATTR;
    230 LGETXATTR;
    231 FGETXATTR;
    232 LISTXATTR;
    233 LLISTXATTR;
    234 FLISTXATTR;
    235 REMOVEXATTR;
    236 LREMOVEXATTR;
    237 FREMOVEXATTR;
    238 TKILL;
    239 SENDFILE;
    240 FUTEX;
    241 SCHED_SETAFFINITY;
    242 SCHED_GETAFFINITY;
    243 SET_THREAD_AREA;
    244 GET_THREAD_AREA;
    245 IO_SETUP;
    246 IO_DESTROY;
    247 IO_GETEVENTS;
    248 IO_SUBMIT;
    249 IO_CANCEL;
    250 FADVISE64;
    252 EXIT_GROUP;
    253 LOOKUP_DCOOKIE;
    254 EPOLL_CREATE;
    255 EPOLL_CTL;
    256 EPOLL_WAIT;
    257 REMAP_FILE_PAGES;
    258 SET_TID_ADDRESS;
    259 TIMER_CREATE;
    260 TIMER_SETTIME;
    261 TIMER_GETTIME;
    262 TIMER_GETOVERRUN;
    263 TIMER_DELETE;
    264 CLOCK_SETTIME;
    265 CLOCK_GETTIME;
    266 CLOCK_GETRES;
    267 CLOCK_NANOSLEEP;
    268 STATFS64;
    269 FSTATFS64;
    270 TGKILL;
    271 UTIMES;
    272 FADVISE64;
    274 MBIND;
    275 GET_MEMPOLICY;
    276 SET_MEMPOLICY;
    277 MQ_OPEN;
    278 MQ_UNLINK;
    279 MQ_TIMEDSEND;
    280 MQ_TIMEDRECEIVE;
    281 MQ_NOTIFY;
    282 MQ_GETSETATTR;
    283 KEXEC_LOAD;
    284 WAITID;
    286 ADD_KEY;
    287 REQUEST_KEY;
    288 KEYCTL;
    289 IOPRIO_SET;
    290 IOPRIO_GET;
    291 INOTIFY_INIT;
    292 INOTIFY_ADD_WATCH;
    293 INOTIFY_RM_WATCH;
    294 MIGRATE_PAGES;
    295 OPENAT;
    296 MKDIRAT;
    297 MKNODAT;
    298 FCHOWNAT;
    299 FUTIMESAT;
    300 NEWFSTATAT;
    301 UNLINKAT;
    302 RENAMEAT;
    303 LINKAT;
    304 SYMLINKAT;
    305 READLINKAT;
    306 FCHMODAT;
    307 FACCESSAT;
    308 PSELECT6;
    309 PPOLL;
    310 UNSHARE;
    311 SET_ROBUST_LIST;
    312 GET_ROBUST_LIST;
    313 SPLICE;
    314 SYNC_FILE_RANGE;
    315 TEE;
    316 VMSPLICE;
    317 MOVE_PAGES;
    318 GETCPU;
    319 EPOLL_PWAIT;
    320 UTIMENSAT;
    321 SIGNALFD;
    322 TIMERFD_CREATE;
    323 EVENTFD;
    324 FALLOCATE;
    325 TIMERFD_SETTIME;
    326 TIMERFD_GETTIME;
    327 SIGNALFD4;
    328 EVENTFD2;
    329 EPOLL_CREATE1;
    330 DUP3;
    331 PIPE2;
    332 INOTIFY_INIT1;
    333 PREADV: Halves(3);
    334 PWRITEV: Halves(3);
    335 RT_TGSIGQUEUEINFO;
    336 PERF_EVENT_OPEN;
    337 RECVMMSG;
    338 FANOTIFY_INIT;
    339 FANOTIFY_MARK;
    340 PRLIMIT64;
    341 NAME_TO_HANDLE_AT;
    342 OPEN_BY_HANDLE_AT;
    343 CLOCK_ADJTIME;
    344 SYNCFS;
    345 SENDMMSG;
    346 SETNS;
    347 PROCESS_VM_READV;
    348 PROCESS_VM_WRITEV;
    349 KCMP;
    350 FINIT_MODULE;
    351 SCHED_SETATTR;
    352 SCHED_GETATTR;
    353 RENAMEAT2;
    354 SECCOMP;
    355 GETRANDOM;
    356 MEMFD_CREATE;
    357 BPF;
    358 EXECVEAT;
    359 SOCKET;
    360 SOCKETPAIR;
    361 BIND;
    362 CONNECT;
    363 LISTEN;
    364 ACCEPT4;
    365 GETSOCKOPT;
    366 SETSOCKOPT;
    367 GETSOCKNAME;
    368 GETPEERNAME;
    369 SENDTO;
    370 SENDMSG;
    371 RECVFROM;
    372 RECVMSG;
    373 SHUTDOWN;
    374 USERFAULTFD;
    375 MEMBARRIER;
    376 MLOCK2;
    377 COPY_FILE_RANGE;
    378 PREADV2: Halves(3);
    379 PWRITEV2: Halves(3);
    380 PKEY_MPROTECT;
    381 PKEY_ALLOC;
    382 PKEY_FREE;
    383 STATX;
    384 ARCH_PRCTL;
    385 IO_PGETEVENTS;
    386 RSEQ;
    393 SEMGET;
    394 SEMCTL;
    395 SHMGET;
    396 SHMCTL;
    397 SHMAT;
    398 SHMDT;
    399 MSGGET;
    400 MSGSND;
    401 MSGRCV;
    402 MSGCTL;
    403 CLOCK_GETTIME: LongTimes;
    404 CLOCK_SETTIME: LongTimes;
    405 CLOCK_ADJTIME: LongTimes;
    406 CLOCK_GETRES: LongTimes;
    407 CLOCK_NANOSLEEP: LongTimes;
    408 TIMER_GETTIME: LongTimes;
    409 TIMER_SETTIME: LongTimes;
    410 TIMERFD_GETTIME: LongTimes;
    411 TIMERFD_SETTIME: LongTimes;
    412 UTIMENSAT: LongTimes;
    413 PSELECT6: LongTimes;
    414 PPOLL: LongTimes;
    416 IO_PGETEVENTS: LongTimes;
    417 RECVMMSG: LongTimes;
    418 MQ_TIMEDSEND: LongTimes;
    419 MQ_TIMEDRECEIVE: LongTimes;
    420 SEMTIMEDOP: LongTimes;
    421 RT_SIGTIMEDWAIT: LongTimes;
    422 FUTEX: LongTimes;
    423 SCHED_RR_GET_INTERVAL: LongTimes;
}

/// From this number on, a call has the same number on every architecture.
const FIRST_SHARED: i16 = 424;

/// Calls by number; `None` if there is no call.
pub(super) static CALLS: [Option<Ia32Call>; 512] = {
    let mut calls = OLDER_CALLS;
    let mut at = 0;
    while at < SYSCALLS.len() {
        let row = &SYSCALLS[at];
        if row.x86_64 >= FIRST_SHARED {
            calls[row.x86_64 as usize] = Some(Ia32Call::new(row.code, None, Ia32Args::Same));
        }
        at += 1;
    }
    calls
};

calls! {
    SOCKETCALLS [32]
    1 SOCKET: Block(1);
    2 BIND: Block(1);
    3 CONNECT: Block(1);
    4 LISTEN: Block(1);
    5 ACCEPT => SOCKET_ACCEPT_5_X: Block(1);
    6 GETSOCKNAME: Block(1);
    7 GETPEERNAME: Block(1);
    8 SOCKETPAIR: Block(1);
    9 SEND => SOCKET_SEND_X: Block(1);
    10 RECV => SOCKET_RECV_X: Block(1);
    11 SENDTO: Block(1);
    12 RECVFROM: Block(1);
    13 SHUTDOWN: Block(1);
    14 SETSOCKOPT: Block(1);
    15 GETSOCKOPT: Block(1);
    16 SENDMSG: Block(1);
    17 RECVMSG: Block(1);
    18 ACCEPT4: Block(1);
    19 RECVMMSG: Block(1);
    20 SENDMMSG: Block(1);
}

calls! {
    IPC_CALLS [32]
    1 SEMOP: IpcBuffer;
    2 SEMGET: IpcValue;
    3 SEMCTL: IpcValue;
    4 SEMTIMEDOP: IpcBuffer;
    11 MSGSND: IpcBuffer;
    12 MSGRCV: IpcBuffer;
    13 MSGGET: IpcValue;
    14 MSGCTL: IpcBuffer;
    21 SHMAT: IpcBuffer;
    22 SHMDT: IpcBuffer;
    23 SHMGET: IpcValue;
    24 SHMCTL: IpcBuffer;
}
