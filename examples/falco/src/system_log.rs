//! Writes this program's log to the system log: `log_syslog`.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Socket of the log daemon.
const PATH: &str = "/dev/log";
/// `LOG_USER` in the facility bits.
const FACILITY: u8 = 1 << 3;

static SOCKET: Mutex<Option<UnixDatagram>> = Mutex::new(None);

/// Sends a line. The line is dropped if the daemon's queue is full or no daemon runs, because the program
/// must not wait.
pub fn send(severity: u8, message: &str) {
    let mut socket = SOCKET.lock().unwrap_or_else(PoisonError::into_inner);
    send_to(Path::new(PATH), &mut socket, severity, message);
}

fn send_to(path: &Path, socket: &mut Option<UnixDatagram>, severity: u8, message: &str) {
    let line = format!("<{}>falco[{}]: {message}", FACILITY | severity, std::process::id());
    // A restarted daemon has a new socket.
    for _ in 0..2 {
        if socket.is_none() {
            *socket = connect(path).ok();
        }
        let Some(connected) = socket else { return };
        match connected.send(line.as_bytes()) {
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => *socket = None,
            _ => return,
        }
    }
}

fn connect(path: &Path) -> std::io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.connect(path)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_reach_a_daemon_that_is_started_again() {
        let dir = eyas_testing::Dir::new("system-log");
        let path = dir.join("log");
        let mut socket = None;
        send_to(&path, &mut socket, 4, "nobody listens");
        let mut bytes = [0; 100];
        for turn in ["one", "two"] {
            let daemon = UnixDatagram::bind(&path).unwrap();
            send_to(&path, &mut socket, 4, turn);
            let len = daemon.recv(&mut bytes).unwrap();
            let want = format!("<12>falco[{}]: {turn}", std::process::id());
            assert_eq!(std::str::from_utf8(&bytes[..len]).unwrap(), want);
            drop(daemon);
            std::fs::remove_file(&path).unwrap();
        }
    }
}
