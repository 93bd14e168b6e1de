//! Listening sockets of the server.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use eyas_console::ShowPath;
use rustix::fs::{Mode, fchmod};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with};

/// Maximum number of connections that wait to be accepted.
const BACKLOG: i32 = 128;

/// A Unix socket file, which is removed at the end.
pub struct SocketFile {
    path: PathBuf,
    /// Device and inode, so that another file of the same name is not removed.
    id: (u64, u64),
}

/// Listens at a path. Only the user of this program may connect. Creates the directory if it is missing,
/// and replaces a stale socket.
///
/// # Errors
/// Another program listens there, the file is not a socket, or the system refuses.
pub fn unix(path: &Path) -> Result<(UnixListener, SocketFile)> {
    let failed = || format!("grpc: can't listen at {}", path.shown());
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        fs::create_dir_all(dir).with_context(|| format!("grpc: can't make the directory {}", dir.shown()))?;
    }
    remove_stale(path)?;
    let address = SocketAddrUnix::new(path).map_err(io::Error::from).with_context(failed)?;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let opened = || -> rustix::io::Result<_> {
        let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        // The file is created with this mode, and never has another one.
        fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
        bind(&fd, &address)?;
        listen(&fd, BACKLOG)?;
        Ok(fd)
    };
    let fd = opened().map_err(io::Error::from).with_context(failed)?;
    let meta = fs::symlink_metadata(path).with_context(failed)?;
    let file = SocketFile { path: path.to_owned(), id: (meta.dev(), meta.ino()) };
    Ok((fd.into(), file))
}

fn remove_stale(path: &Path) -> Result<()> {
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        meta => meta.with_context(|| format!("grpc: can't look at {}", path.shown()))?,
    };
    if !meta.file_type().is_socket() {
        bail!(
            "grpc: {} exists and is not a socket: remove it, or set grpc.bind_address to another path",
            path.shown()
        );
    }
    match UnixStream::connect(path) {
        Ok(_) => bail!(
            "grpc: another program listens at {} already: end it, or set grpc.bind_address to another path",
            path.shown()
        ),
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path)
            .with_context(|| format!("grpc: can't remove the old socket {}", path.shown())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("grpc: can't use {}", path.shown())),
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_own = fs::symlink_metadata(&self.path).is_ok_and(|meta| (meta.dev(), meta.ino()) == self.id);
        if is_own {
            // At this point an error cannot be reported.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Listens at a host and a port.
///
/// # Errors
/// The host does not exist, or the port is in use or not permitted.
pub fn tcp(address: &str) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).map_err(|error| {
        let help = match error.kind() {
            ErrorKind::AddrInUse => {
                ": another program listens there already; set grpc.bind_address to another port"
            }
            ErrorKind::AddrNotAvailable => ": set grpc.bind_address to an address of this machine",
            ErrorKind::PermissionDenied => ": set grpc.bind_address to a port from 1024 on",
            _ => "",
        };
        anyhow!("grpc: can't listen at {address}: {error}{help}")
    })?;
    listener.set_nonblocking(true).with_context(|| format!("grpc: can't listen at {address}"))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use eyas_testing::Dir;

    use super::*;

    #[test]
    fn sockets_are_private_replaced_if_stale_and_removed() {
        let dir = Dir::new("grpc-listen");
        let path = dir.join("run/falco.sock");
        let listener = unix(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = format!("{:#}", unix(&path).err().unwrap());
        assert!(
            error.contains("another program listens at") && error.contains("grpc.bind_address"),
            "{error}"
        );
        drop(listener);
        assert!(!path.exists());
        // As if its program had been killed.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let (listener, file) = unix(&path).unwrap();
        UnixStream::connect(&path).unwrap();
        // Another program has replaced the socket.
        fs::remove_file(&path).unwrap();
        fs::write(&path, "").unwrap();
        drop((listener, file));
        let error = format!("{:#}", unix(&path).err().unwrap());
        assert!(error.contains("exists and is not a socket"), "{error}");
        let error = format!("{:#}", unix(&path.join("below")).err().unwrap());
        assert!(error.contains("can't make the directory"), "{error}");
        let long = dir.join("x".repeat(200));
        assert!(format!("{:#}", unix(&long).err().unwrap()).contains("can't listen at"));
    }

    #[test]
    fn a_port_that_is_taken_is_named() {
        let other = tcp("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap().to_string();
        let error = tcp(&address).unwrap_err().to_string();
        assert!(
            error.contains(&address) && error.contains("set grpc.bind_address to another port"),
            "{error}"
        );
    }
}
