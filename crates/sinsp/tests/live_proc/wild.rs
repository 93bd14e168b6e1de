//! A program that makes all calls that change threads and open files, in an order that depends on a seed.

use std::ffi::CString;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use eyas_testing::Numbers;
use rustix::event::{EventfdFlags, epoll, eventfd};
use rustix::fs::inotify;
use rustix::fs::{CWD, MemfdFlags, Mode, OFlags};
use rustix::io::{DupFlags, FdFlags, Result};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use rustix::pipe::PipeFlags;
use rustix::process::{PidfdFlags, PidfdGetfdFlags};

mod identity;
mod sharing;

pub use identity::make_terminals;

/// Environment variable with the writable directory, the seed, and the depth in the process tree:
/// `DIR SEED DEPTH`.
pub const ENV: &str = "EYAS_WILD";

/// Number of file descriptors above which a process prefers to close some.
const MANY: usize = 40;
/// A file that grows by a byte whenever all events were processed.
pub const DRAINED: &str = "drained";

/// A file that exists if threads must share file descriptors and directories. `/proc` is only queried for
/// processes, so separate tables of threads would not heal.
pub const TOGETHER: &str = "together";

/// Levels of processes below the first.
const DEEP: u32 = 3;

struct Wild {
    dir: PathBuf,
    random: Numbers,
    depth: u32,
    held: Vec<OwnedFd>,
    /// Received descriptors that must not be used before they were looked up, each with the number of times
    /// that all events were processed.
    received: Vec<(u64, OwnedFd)>,
    threads: usize,
    /// Whether it belongs to a thread with its own file descriptor table.
    is_apart: bool,
}

/// Makes calls until it is killed, or decides to exit.
pub fn run(spec: &str) -> ! {
    let mut words = spec.split(' ');
    let mut word = || words.next().unwrap_or_else(|| panic!("{ENV} is {spec:?}"));
    let (dir, seed, depth) = (PathBuf::from(word()), word().parse().unwrap(), word().parse().unwrap());
    // SAFETY: no handler is installed, and no child is waited for.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    // Sessions lose their terminals, and process groups become orphans. These signals would then end or wake processes.
    for signal in [libc::SIGHUP, libc::SIGTTIN, libc::SIGTTOU] {
        // SAFETY: no handler is installed.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    let (random, held) = (Numbers::new(seed), inherited());
    let wild = Wild { dir, random, depth, held, received: Vec::new(), threads: 0, is_apart: false };
    act(&Arc::new(Mutex::new(wild)), usize::MAX);
    std::process::exit(0)
}

/// The descriptors that an exec left open.
fn inherited() -> Vec<OwnedFd> {
    let names = std::fs::read_dir(format!("/proc/{}/fd", std::process::id()))
        .unwrap()
        .map(|entry| entry.unwrap().file_name());
    let numbers: Vec<i32> = names.filter_map(|name| name.to_str()?.parse().ok()).collect();
    let open = |fd: &i32| *fd > 2 && std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok();
    // SAFETY: nothing else in this new program owns them; the directory just read is closed.
    numbers.into_iter().filter(open).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) }).collect()
}

/// Makes one call at a time in a process. Of two simultaneous calls, the one that ends last may have taken effect first,
/// but events are in the order of the ends.
fn act(wild: &Arc<Mutex<Wild>>, times: usize) {
    for _ in 0..times {
        let mut locked = lock(wild);
        let pause = 200 + locked.random.below(3000) as u64;
        // Failed calls are as useful as successful ones.
        let goes_on = locked.step(wild).unwrap_or(true);
        drop(locked);
        if !goes_on {
            return;
        }
        std::thread::sleep(Duration::from_micros(pause));
    }
}

fn lock(wild: &Mutex<Wild>) -> MutexGuard<'_, Wild> {
    wild.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wild {
    /// Makes a call; returns `false` if the thread should end.
    fn step(&mut self, all: &Arc<Mutex<Wild>>) -> Result<bool> {
        let drained = self.drained();
        let (known, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.received).into_iter().partition(|(at, _)| *at < drained);
        self.received = waiting;
        self.held.extend(known.into_iter().map(|(_, fd)| fd));
        if self.held.len() > MANY {
            return self.close().map(|()| true);
        }
        match self.random.below(32) {
            0..3 => self.open()?,
            3 => self.pipe()?,
            4 => self.pair()?,
            5..8 => self.duplicate()?,
            8..10 => self.special()?,
            10 => self.tcp(),
            11 => self.udp(),
            12 => self.unix(),
            13..17 => self.close()?,
            // Only by the permanent process, and rarely: received descriptors are looked up in `/proc` a
            // moment later, at most a hundred times per second.
            17 if self.depth == 0 && !self.is_apart && self.received.len() < MANY => self.pass()?,
            17 => self.open()?,
            18 => self.change_directory()?,
            19 => self.mark()?,
            20 => self.thread(all),
            21 | 22 => self.fork(),
            23..29 => self.change()?,
            29 | 30 => self.mark_or_close_many()?,
            _ => match (self.depth, self.random.below(4)) {
                (0, _) => {}
                (_, 0) => std::process::exit(0),
                (_, 1) => self.exec(),
                _ => return Ok(false),
            },
        }
        Ok(true)
    }

    fn drained(&self) -> u64 {
        std::fs::metadata(self.dir.join(DRAINED)).map_or(0, |meta| meta.len())
    }

    fn any(&mut self) -> Option<usize> {
        match self.held.len() {
            0 => None,
            count => Some(self.random.below(count)),
        }
    }

    fn open(&mut self) -> Result<()> {
        let mut flags = OFlags::RDWR | OFlags::CREATE;
        if self.random.flips() {
            flags |= OFlags::CLOEXEC;
        }
        let name = format!("f{}", self.random.below(9));
        let mode = Mode::from_raw_mode(0o666);
        let fd = match self.random.below(6) {
            0 => rustix::fs::open(self.dir.join(name), flags, mode)?,
            1 => rustix::fs::open(format!("./..//sub/../sub/{name}"), flags, mode)?,
            2 => rustix::fs::open(self.dir.join("sub"), OFlags::DIRECTORY | OFlags::RDONLY, mode)?,
            3 => {
                let base = rustix::fs::open(&self.dir, OFlags::DIRECTORY | OFlags::CLOEXEC, mode)?;
                let fd = rustix::fs::openat(&base, format!("sub/{name}"), flags, mode)?;
                self.held.push(base);
                fd
            }
            4 => rustix::fs::open("/dev/null", flags, mode)?,
            _ => {
                rustix::fs::openat2(CWD, self.dir.join(name), flags, mode, rustix::fs::ResolveFlags::empty())?
            }
        };
        self.held.push(fd);
        Ok(())
    }

    fn pipe(&mut self) -> Result<()> {
        let flags = if self.random.flips() { PipeFlags::CLOEXEC } else { PipeFlags::empty() };
        let (a, b) = rustix::pipe::pipe_with(flags)?;
        self.held.extend([a, b]);
        Ok(())
    }

    fn pair(&mut self) -> Result<()> {
        let flags = if self.random.flips() { SocketFlags::CLOEXEC } else { SocketFlags::empty() };
        let (a, b) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        self.held.extend([a, b]);
        Ok(())
    }

    fn duplicate(&mut self) -> Result<()> {
        let (Some(from), Some(to)) = (self.any(), self.any()) else { return Ok(()) };
        let copy = match self.random.below(5) {
            0 => rustix::io::dup(&self.held[from])?,
            1 => rustix::io::fcntl_dupfd_cloexec(&self.held[from], 100)?,
            2 if from != to => {
                let mut target = self.held.swap_remove(to);
                let from = from.min(self.held.len() - 1);
                rustix::io::dup2(&self.held[from], &mut target)?;
                target
            }
            3 if from != to => {
                let mut target = self.held.swap_remove(to);
                let from = from.min(self.held.len() - 1);
                rustix::io::dup3(&self.held[from], &mut target, DupFlags::CLOEXEC)?;
                target
            }
            _ => {
                // Above the numbers that the state finds by index.
                // SAFETY: the source is open, and the copy becomes ours.
                let fd = unsafe { libc::fcntl(self.held[from].as_raw_fd(), libc::F_DUPFD, 1020) };
                if fd < 0 {
                    return Ok(());
                }
                // SAFETY: the file descriptor is new, and nothing else owns it.
                unsafe { OwnedFd::from_raw_fd(fd) }
            }
        };
        self.held.push(copy);
        Ok(())
    }

    fn special(&mut self) -> Result<()> {
        let keep = self.random.flips();
        let fd = match self.random.below(7) {
            0 => eventfd(0, if keep { EventfdFlags::empty() } else { EventfdFlags::CLOEXEC })?,
            1 => epoll::create(if keep { epoll::CreateFlags::empty() } else { epoll::CreateFlags::CLOEXEC })?,
            2 => inotify::init(if keep {
                inotify::CreateFlags::empty()
            } else {
                inotify::CreateFlags::CLOEXEC
            })?,
            3 => rustix::fs::memfd_create(
                "wild",
                if keep { MemfdFlags::empty() } else { MemfdFlags::CLOEXEC },
            )?,
            4 => {
                let own = rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty())?;
                match self.any().map(|index| self.held[index].as_raw_fd()) {
                    Some(of) if keep => rustix::process::pidfd_getfd(&own, of, PidfdGetfdFlags::empty())?,
                    _ => own,
                }
            }
            number => {
                // SAFETY: the set is initialised before it is read, and the descriptors are new.
                let fd = unsafe {
                    let mut set = MaybeUninit::uninit();
                    libc::sigemptyset(set.as_mut_ptr());
                    match (number, keep) {
                        (5, true) => libc::signalfd(-1, set.as_ptr(), 0),
                        (5, false) => libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC),
                        // No event reports whether an exec closes it.
                        _ => libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC),
                    }
                };
                if fd < 0 {
                    return Ok(());
                }
                // SAFETY: the file descriptor is new, and nothing else owns it.
                unsafe { OwnedFd::from_raw_fd(fd) }
            }
        };
        self.held.push(fd);
        Ok(())
    }

    fn tcp(&mut self) {
        let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) else { return };
        let client = if self.random.flips() {
            TcpStream::connect(listener.local_addr().unwrap()).map(OwnedFd::from)
        } else {
            self.connect_copy(&listener)
        };
        let Ok(client) = client else { return };
        if let Ok((server, _)) = listener.accept() {
            self.held.push(server.into());
        }
        self.held.push(client);
        if self.random.flips() {
            self.held.push(listener.into());
        }
    }

    /// Connects a socket through a copy of its descriptor.
    fn connect_copy(&mut self, listener: &TcpListener) -> std::io::Result<OwnedFd> {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        let copy = rustix::io::dup(&socket)?;
        rustix::net::connect(&copy, &listener.local_addr()?)?;
        self.held.push(socket);
        Ok(copy)
    }

    fn udp(&mut self) {
        let (Ok(a), Ok(b)) = (UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)), UdpSocket::bind("127.0.0.1:0"))
        else {
            return;
        };
        if self.random.flips() && b.connect(a.local_addr().unwrap()).is_ok() {
            let _ = b.send(b"x");
        }
        self.held.extend([a.into(), b.into()]);
    }

    fn unix(&mut self) {
        let path = self.dir.join(format!("s{}-{}", std::process::id(), self.random.below(1 << 30)));
        let Ok(listener) = UnixListener::bind(&path) else { return };
        let Ok(client) = UnixStream::connect(&path) else { return };
        if let Ok((server, _)) = listener.accept() {
            self.held.push(server.into());
        }
        self.held.extend([client.into(), listener.into()]);
    }

    fn close(&mut self) -> Result<()> {
        let Some(index) = self.any() else { return Ok(()) };
        let fd = self.held.swap_remove(index);
        if self.random.below(4) == 0 {
            let fd = fd.into_raw_fd() as u32;
            // SAFETY: nothing else owned the descriptor.
            unsafe { libc::syscall(libc::SYS_close_range, fd, fd, 0) };
        }
        Ok(())
    }

    /// Sends a descriptor, and receives the copy.
    fn pass(&mut self) -> Result<()> {
        let Some(index) = self.any() else { return Ok(()) };
        let (a, b) =
            rustix::net::socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        let sent = [self.held[index].as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmRights(&sent));
        rustix::net::sendmsg(&a, &[IoSlice::new(b"x")], &mut control, SendFlags::empty())?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = if self.random.flips() { RecvFlags::CMSG_CLOEXEC } else { RecvFlags::empty() };
        rustix::net::recvmsg(&b, &mut [IoSliceMut::new(&mut [0; 4])], &mut control, flags)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(received) = message {
                let drained = self.drained();
                self.received.extend(received.map(|fd| (drained, fd)));
            }
        }
        Ok(())
    }

    fn change_directory(&mut self) -> Result<()> {
        match self.random.below(4) {
            0 => rustix::process::chdir(&self.dir),
            1 => rustix::process::chdir(self.dir.join("sub")),
            2 => rustix::process::chdir(".././sub"),
            _ => {
                let sub = self.dir.join("sub");
                let fd = rustix::fs::open(sub, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
                rustix::process::fchdir(fd)
            }
        }
    }

    fn mark(&mut self) -> Result<()> {
        let Some(index) = self.any() else { return Ok(()) };
        let flags = if self.random.flips() { FdFlags::CLOEXEC } else { FdFlags::empty() };
        rustix::io::fcntl_setfd(&self.held[index], flags)
    }

    fn thread(&mut self, all: &Arc<Mutex<Wild>>) {
        if self.threads >= 3 {
            return;
        }
        let (all, times) = (Arc::clone(all), 1 + self.random.below(60));
        let apart = self.random.below(3) == 0 && !self.dir.join(TOGETHER).exists();
        let spawned = std::thread::Builder::new().spawn(move || {
            match apart {
                true => Self::act_apart(&all, times),
                false => act(&all, times),
            }
            let mut wild = lock(&all);
            wild.threads = wild.threads.saturating_sub(1);
        });
        self.threads += usize::from(spawned.is_ok());
    }

    /// Forks. Parent and child continue in the same way, the child with one thread.
    fn fork(&mut self) {
        if self.depth >= DEEP || (self.depth > 0 && self.random.flips()) {
            return;
        }
        let seed = self.random.below(usize::MAX) as u64 | 1;
        if self.make_process() != 0 {
            return;
        }
        self.random = Numbers::new(seed);
        self.depth += 1;
        self.threads = 0;
        self.is_apart = false;
        if self.random.below(3) == 0 {
            let id = 1000 + self.random.below(5) as u32;
            // SAFETY: numbers only.
            unsafe { (libc::setresgid(id, id, id), libc::setresuid(id, id, id)) };
        }
        if self.random.flips() {
            self.exec();
        }
    }

    /// Executes this program again, under one of several names.
    fn exec(&mut self) {
        let program = self.dir.join(format!("wild{}", self.random.below(3)));
        let text = |text: &[u8]| CString::new(text).unwrap();
        let spec = format!("{} {} {}", self.dir.display(), self.random.below(1 << 40) + 1, self.depth);
        let path = text(program.as_os_str().as_bytes());
        let environment = text(format!("{ENV}={spec}").as_bytes());
        let argv = [path.as_ptr(), c"argument".as_ptr(), std::ptr::null()];
        let envp = [environment.as_ptr(), std::ptr::null()];
        let (path, argv, envp) = (path.as_ptr(), argv.as_ptr(), envp.as_ptr());
        // SAFETY: texts and lists end with zero, and live until the call returns, which it does only if it fails.
        unsafe {
            match self.random.flips() {
                true => libc::syscall(libc::SYS_execveat, libc::AT_FDCWD, path, argv, envp, 0),
                false => libc::execve(path, argv, envp).into(),
            }
        };
    }
}
