//! Checks of container runtime sockets: which exist, and whether a server responds.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::Duration;

use eyas::sinsp::runtimes::{Api, Endpoint};
use eyas_console::ShowPath;

use super::check::Check;
use crate::config::ContainerEngines;
use crate::source;

/// Timeout for a response.
const PATIENCE: Duration = Duration::from_secs(1);

/// Checks of the configured sockets, or of the usual ones.
pub fn checks(engines: &ContainerEngines) -> Vec<Check> {
    let endpoints = source::endpoints(engines);
    if endpoints.is_empty() {
        return vec![Check::warning(
            "runtimes",
            "container_engines disables all of them: containers have ids, but no names and images",
            "enable those that run here",
        )];
    }
    let root = source::host_root();
    let found: Vec<(Api, PathBuf)> = endpoints.iter().flat_map(|endpoint| present(endpoint, &root)).collect();
    if found.is_empty() {
        return vec![Check::ok(
            "runtimes",
            "no container runtime has a socket at the configured paths; containers will have ids, but no names and images",
        )];
    }
    found.into_iter().map(|(api, path)| check(api, path, PATIENCE)).collect()
}

/// The existing sockets of an endpoint. A component `*` matches any name.
fn present(endpoint: &Endpoint, root: &Path) -> Vec<(Api, PathBuf)> {
    let mut paths = vec![root.to_owned()];
    for part in endpoint.socket.components().filter(|part| part.as_os_str() != "/") {
        paths = match part.as_os_str() == "*" {
            false => paths.into_iter().map(|path| path.join(part)).collect(),
            true => paths
                .iter()
                .filter_map(|path| std::fs::read_dir(path).ok())
                .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
                .collect(),
        };
    }
    paths.into_iter().filter(|path| path.exists()).map(|path| (endpoint.api, path)).collect()
}

fn check(api: Api, path: PathBuf, patience: Duration) -> Check {
    let name = path.shown();
    // Connecting may block for ever if the server does not accept, so a detached thread connects.
    let (send, answer) = channel();
    let _ = std::thread::Builder::new()
        .name("ask runtime".into())
        .spawn(move || send.send(query(api, &path, patience)));
    match answer.recv_timeout(patience * 2) {
        Ok(Ok(())) => Check::ok("runtimes", format!("{name} answers")),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::PermissionDenied => Check::warning(
            "runtimes",
            format!("{name}: {error}"),
            "run as root, or as a member of the socket's group",
        ),
        Ok(Err(error)) => Check::warning(
            "runtimes",
            format!("{name} does not respond: {error}"),
            "start the runtime, or disable it in container_engines",
        ),
        Err(_) => Check::warning(
            "runtimes",
            format!("{name} does not respond within {} s", patience.as_secs() * 2),
            "restart the runtime, or disable it in container_engines",
        ),
    }
}

fn query(api: Api, path: &Path, patience: Duration) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(path)?;
    // The other API uses HTTP/2, whose servers respond as soon as they have the preface.
    let request: &[u8] = match api {
        Api::Docker | Api::Podman => b"GET /_ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        _ => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0",
    };
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.write_all(request)?;
    stream.read_exact(&mut [0])
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixListener;

    use eyas_testing::Dir;

    use super::*;
    use crate::doctor::check::Status;

    #[test]
    fn a_runtime_s_socket_is_queried() {
        let dir = Dir::new("doctor");
        std::fs::create_dir_all(dir.join("run/1000")).unwrap();
        let endpoint = Endpoint::new(Api::Docker, "/run/*/docker.sock");
        assert!(present(&endpoint, &dir).is_empty());
        let path = dir.join("run/1000/docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let found = present(&endpoint, &dir);
        assert_eq!(found, [(Api::Docker, path.clone())]);
        let server = std::thread::spawn(move || {
            let mut stream = BufReader::new(listener.accept().unwrap().0);
            // Reads the whole request: closing the socket with unread bytes is an error at the other end.
            let (mut line, mut is_all) = (String::new(), false);
            while !is_all {
                line.clear();
                is_all = stream.read_line(&mut line).unwrap() <= "\r\n".len();
            }
            stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\n\r\n")
        });
        let long = Duration::from_secs(60);
        assert_eq!(check(Api::Docker, path.clone(), long).status, Status::Ok);
        server.join().unwrap().unwrap();
        let check = check(Api::Docker, path, long);
        assert_eq!(check.status, Status::Warning);
        assert!(check.found.contains("refused") && !check.advice.is_empty(), "{check}");
    }
}
