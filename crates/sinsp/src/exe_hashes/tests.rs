use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use eyas_testing::Dir;

use super::*;

/// The hash of `abc`, of FIPS 180-2.
const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

/// A thread that executes a file, as its event describes it.
fn thread(pid: i64, path: &Path) -> Thread {
    let meta = std::fs::metadata(path).unwrap();
    let mut thread = Thread::unknown(pid, &Text::default());
    thread.pid = pid;
    thread.executable.path = Text::from(path.as_os_str().as_bytes());
    thread.executable.ino = meta.ino();
    thread.executable.mtime = meta.mtime() as u64 * 1_000_000_000 + meta.mtime_nsec() as u64;
    thread
}

/// Requests the hash of the executable and waits for the reply.
fn wait(hashes: &ExeHashes, thread: &Thread) -> Option<String> {
    let until = Instant::now() + Duration::from_secs(60);
    hashes.of(thread);
    // Another request would hide that the reply to this one was that the file cannot be read.
    while hashes.known.lock().values().any(|found| matches!(found, Found::Requested)) {
        assert!(Instant::now() < until, "no reply");
        std::thread::sleep(Duration::from_millis(1));
    }
    let known = hashes.known.lock();
    known.values().find_map(|found| match found {
        Found::Hash(hash) => Some(String::from_utf8(hash.to_vec()).unwrap()),
        Found::Requested | Found::NoHash => None,
    })
}

fn running(path: &Path) -> Child {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        // Another thread of the tests may have the copy open for writing at a fork.
        match Command::new(path).arg("60").spawn() {
            Ok(child) => return child,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    }
}

#[test]
fn an_executable_is_hashed_although_its_path_has_changed() {
    let place = Dir::new("hashes-runs");
    let program = place.join("program");
    std::fs::copy("/bin/sleep", &program).unwrap();
    let mut child = running(&program);
    let thread = thread(child.id().into(), &program);
    std::fs::remove_file(&program).unwrap();
    std::fs::write(&program, "something else").unwrap();
    let hashes = ExeHashes::new("/".into(), ExeHashes::LARGEST);
    assert!(hashes.of(&thread).is_none(), "nobody waits for it");
    let found = wait(&hashes, &thread).unwrap();
    let expected = Command::new("sha256sum").arg("/bin/sleep").output().unwrap().stdout;
    assert_eq!(found.as_bytes(), &expected[..64]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(hashes.of(&thread).unwrap(), found.as_bytes(), "known when the process is gone");
}

#[test]
fn a_file_of_a_process_that_has_ended_is_found_by_its_path_if_it_is_the_same() {
    let place = Dir::new("hashes-ended");
    let file = place.join("abc");
    std::fs::write(&file, "abc").unwrap();
    let same = thread(i32::MAX.into(), &file);
    let hashes = ExeHashes::new("/".into(), ExeHashes::LARGEST);
    assert_eq!(wait(&hashes, &same).as_deref(), Some(ABC));
    // What the event does not describe is not treated as it.
    let changes: [fn(&mut Thread); 3] =
        [|t| t.executable.ino += 1, |t| t.executable.mtime += 1, |t| t.executable.ino = 0];
    for change in changes {
        let mut other = thread(i32::MAX.into(), &file);
        change(&mut other);
        let hashes = ExeHashes::new("/".into(), ExeHashes::LARGEST);
        assert_eq!(wait(&hashes, &other), None);
    }
}

#[test]
fn a_container_s_file_is_found_in_its_root_directory() {
    let place = Dir::new("hashes-root");
    let root = place.join("proc/77/root/bin");
    std::fs::create_dir_all(&root).unwrap();
    std::fs::write(root.join("abc"), "abc").unwrap();
    let mut inside = thread(77, &root.join("abc"));
    inside.executable.path = Text::from(&b"/bin/abc"[..]);
    let hashes = ExeHashes::new(place.to_owned(), ExeHashes::LARGEST);
    assert_eq!(wait(&hashes, &inside).as_deref(), Some(ABC));
}

#[test]
fn a_file_that_is_too_large_or_none_is_not_read() {
    let place = Dir::new("hashes-large");
    let file = place.join("abc");
    std::fs::write(&file, "abc").unwrap();
    assert_eq!(wait(&ExeHashes::new("/".into(), 2), &thread(i32::MAX.into(), &file)), None);
    assert_eq!(wait(&ExeHashes::new("/".into(), 3), &thread(i32::MAX.into(), &file)).as_deref(), Some(ABC));
    assert_eq!(wait(&ExeHashes::new("/".into(), 9), &thread(i32::MAX.into(), &place)), None);
    assert!(hash(File::open(&file).unwrap(), 2).is_none(), "one that grows while it is read");
}

#[test]
fn versions_of_a_file_are_distinguished_and_the_cache_is_bounded() {
    let place = Dir::new("hashes-versions");
    let file = place.join("abc");
    std::fs::write(&file, "abc").unwrap();
    let reader = Reader { root: "/".into(), largest: 9 };
    let id = |thread: &Thread| {
        let file = &thread.executable;
        FileId { path: file.path.clone(), ino: file.ino, mtime: file.mtime }
    };
    let mut hashes = HashMap::new();
    reader.hash_of(&id(&thread(1, &file)), -1, &mut hashes).unwrap();
    std::fs::write(&file, "abd").unwrap();
    let Some(Found::Hash(other)) = reader.hash_of(&id(&thread(1, &file)), -1, &mut hashes) else { panic!() };
    assert_ne!(other, ABC.as_bytes());
    assert_eq!(hashes.len(), 2);
    let all = ExeHashes::new("/".into(), 9);
    for n in 0..KEPT as u64 {
        all.known.cache(FileId { path: Text::default(), ino: n, mtime: 0 }, Some(Found::NoHash));
    }
    all.of(&thread(i32::MAX.into(), &file));
    assert!(all.known.lock().len() <= 1);
}

#[test]
fn a_panic_for_one_file_stops_no_other_hash() {
    let (sender, requests) = sync_channel(QUEUE);
    let known = Arc::<Known>::default();
    let before = crate::service::restarts();
    let service = serve(requests, Arc::clone(&known), |id, _| {
        assert!(&*id.path != b"/bad", "as meant");
        Some(Found::Hash([b'0'; 64]))
    })
    .unwrap();
    let ids = ["/bad", "/good"].map(|path| FileId { path: Text::from(path.as_bytes()), ino: 1, mtime: 1 });
    for id in &ids {
        known.cache(id.clone(), Some(Found::Requested));
        sender.send(HashRequest { id: id.clone(), pid: 1 }).unwrap();
    }
    drop(sender);
    assert!(service.wait(Duration::from_secs(60)), "it serves all requests");
    let known = known.lock();
    assert!(matches!(known[&ids[0]], Found::Requested) && matches!(known[&ids[1]], Found::Hash(_)));
    assert!(crate::service::restarts() > before);
}
