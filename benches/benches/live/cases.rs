//! The measured calls.

use std::fs::File;
use std::process::Command;

use rustix::fd::AsFd;
use rustix::net::{AddressFamily, SocketAddrV4, SocketType};
use rustix::time::{ClockId, clock_gettime};

use crate::Failure;

/// A call: its name, its kind of measurement, and the call itself.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Number of calls per measurement.
    times: u32,
    alone: bool,
    call: Box<dyn FnMut()>,
}

impl Case {
    /// Duration of one call in nanoseconds.
    pub(crate) fn measure(&mut self) -> u64 {
        if self.alone {
            // The fastest call was not interrupted.
            return (0..self.times).map(|_| self.spend(1, ClockId::Monotonic)).min().unwrap_or(0);
        }
        self.spend(self.times / 10, ClockId::ThreadCPUTime);
        // The calling thread's own time, as it does all the work.
        self.spend(self.times, ClockId::ThreadCPUTime) / u64::from(self.times)
    }

    fn spend(&mut self, times: u32, clock: ClockId) -> u64 {
        let start = now(clock);
        for _ in 0..times {
            (self.call)();
        }
        now(clock) - start
    }
}

fn now(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

pub(crate) fn case(name: &'static str, times: u32, call: impl FnMut() + 'static) -> Case {
    Case { name, times, alone: false, call: Box::new(call) }
}

/// All of them.
pub(crate) fn all() -> Result<Vec<Case>, Failure> {
    let zero = File::open("/dev/zero")?;
    let null = File::options().write(true).open("/dev/null")?;
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    let address = SocketAddrV4::new([127, 0, 0, 1].into(), 9);
    let mut buffer = [0_u8; 64];
    Ok(vec![
        case("getppid", 100_000, || _ = rustix::process::getppid()),
        case("read 64 B", 100_000, move || _ = rustix::io::read(zero.as_fd(), &mut buffer)),
        case("write 64 B", 100_000, move || _ = rustix::io::write(null.as_fd(), &[7; 64])),
        case("open + close", 25_000, || _ = File::open("/etc/passwd")),
        case("open missing", 25_000, || drop(File::open("/etc/none"))),
        case("stat", 25_000, || _ = rustix::fs::stat("/etc/passwd")),
        case("connect (UDP)", 25_000, move || _ = rustix::net::connect(&socket, &address)),
        Case { alone: true, ..case("fork + exec", 20, || _ = Command::new("/bin/true").status()) },
    ])
}
