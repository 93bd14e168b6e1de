use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::*;

mod containerd;
mod cri;
mod docker;
mod events;
mod hostile;
mod restarts;
mod server;

use eyas_testing::Dir;
use server::{Reply, Server, socket};

const ID: &str = "7951fb549ab99ac0722a949b7e1a9a8e7e0d9c8b7a6f5e4d3c2b1a0f9e8d7c6b";
const SHORT: &str = "7951fb549ab9";
/// Longer than any step of a test takes.
const LONG: Duration = Duration::from_secs(60);

/// Sockets by name below the directory, whose events are not followed.
fn start(dir: &Dir, endpoints: &[(Api, &str)]) -> Runtimes {
    start_with(dir, endpoints, |options| options.follow = false)
}

fn start_with(dir: &Dir, endpoints: &[(Api, &str)], change: impl FnOnce(&mut Options)) -> Runtimes {
    let endpoints =
        endpoints.iter().map(|(api, socket)| Endpoint { api: *api, socket: Path::new("/").join(socket) });
    let mut options = Options {
        endpoints: endpoints.collect(),
        root: dir.to_path_buf(),
        deadline: LONG,
        patience: LONG,
        retry: Duration::from_millis(5),
        ..Options::default()
    };
    change(&mut options);
    Runtimes::start(options).unwrap()
}

/// Waits for a result, as no event would.
fn wait(runtimes: &mut Runtimes) -> Json {
    let began = Instant::now();
    loop {
        if let Some(answer) = runtimes.take_result() {
            return answer;
        }
        assert!(began.elapsed() < LONG, "no answer");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Requests the container, and waits for the result. A request is part of the one before until that is forgotten.
fn request(runtimes: &mut Runtimes) -> Json {
    let began = Instant::now();
    loop {
        assert!(runtimes.request(SHORT.as_bytes()));
        for _ in 0..1000 {
            if let Some(answer) = runtimes.take_result() {
                return answer;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        assert!(began.elapsed() < LONG, "no answer");
    }
}
