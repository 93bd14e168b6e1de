//! A program that uses only `io_uring` raises the same alerts as with system calls.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::path::Path;
use std::sync::Arc;

use eyas_testing::{Dir, test};

use eyas::events::SyscallCode as S;
use eyas::rules::{AlertOptions, RuleSet, RuleSource};
use eyas::scap::live::{Features, ProbeOptions, Source};
use eyas::sinsp::{Inspector, Step, schema};

#[path = "../../crates/scap/tests/syscalls/ring.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod ring;

use super::calls::{Changes, Place, Way as To, assert_told, race_evades_no_rule, try_all};
use ring::{ASYNC, Entry, POLLED, Ring};

const CWD: i64 = libc::AT_FDCWD as i64;

/// A rule for actions that the official rules detect only in containers.
const OWN: &str = "- rule: connection\n  desc: d\n  priority: NOTICE\n  condition: >\n    evt.type = connect and \
                   fd.sport = 9 and fd.sip = 127.0.0.9\n  output: Connected | proc_exepath=%proc.exepath\n\
                   - rule: removal\n  desc: d\n  priority: NOTICE\n  condition: >\n    evt.type in (unlinkat, renameat, \
                   renameat2, mkdirat) and fs.path.name contains eyas-by-ring\n  output: Changed %evt.type | \
                   proc_exepath=%proc.exepath\n- rule: read\n  desc: d\n  priority: NOTICE\n  condition: >\n    evt.type = \
                   read and fd.name = /etc/shadow and fd.num >= 0\n  output: Read | proc_exepath=%proc.exepath\n";

/// Actions with one interface: requests of a ring, or system calls.
trait Way {
    fn open(&mut self, path: &CStr, flags: i32) -> i64;
    fn read(&mut self, fd: i64);
    fn link(&mut self, soft: bool, old: &CStr, new: &CStr);
    fn rename(&mut self, old: &CStr, new: &CStr);
    fn mkdir(&mut self, path: &CStr);
    fn unlink(&mut self, path: &CStr, flags: i32);
    fn connect(&mut self, address: &[u8; 16]);
}

fn call<const N: usize>(number: i64, args: [i64; N]) -> i64 {
    let mut all = [0; 6];
    all[..N].copy_from_slice(&args);
    let [a, b, c, d, e, f] = all;
    // SAFETY: pointers are to memory of the right size that outlives the call.
    unsafe { libc::syscall(number, a, b, c, d, e, f) }
}

fn at(path: &CStr) -> i64 {
    path.as_ptr() as i64
}

/// By system calls.
struct Calls;

impl Way for Calls {
    fn open(&mut self, path: &CStr, flags: i32) -> i64 {
        call(libc::SYS_openat, [CWD, at(path), flags.into(), 0o600])
    }
    fn read(&mut self, fd: i64) {
        let mut buffer = [0_u8; 16];
        call(libc::SYS_read, [fd, buffer.as_mut_ptr() as i64, 16]);
    }
    fn link(&mut self, soft: bool, old: &CStr, new: &CStr) {
        match soft {
            true => call(libc::SYS_symlinkat, [at(old), CWD, at(new)]),
            false => call(libc::SYS_linkat, [CWD, at(old), CWD, at(new), 0]),
        };
    }
    fn rename(&mut self, old: &CStr, new: &CStr) {
        call(libc::SYS_renameat2, [CWD, at(old), CWD, at(new), 0]);
    }
    fn mkdir(&mut self, path: &CStr) {
        call(libc::SYS_mkdirat, [CWD, at(path), 0o700]);
    }
    fn unlink(&mut self, path: &CStr, flags: i32) {
        call(libc::SYS_unlinkat, [CWD, at(path), flags.into()]);
    }
    fn connect(&mut self, address: &[u8; 16]) {
        let fd = call(libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_DGRAM.into(), 0]);
        assert_eq!(call(libc::SYS_connect, [fd, address.as_ptr() as i64, 16]), 0);
    }
}

/// By requests, with flags of their entries.
struct Requests(Ring, u8);

impl Requests {
    fn one(&mut self, entry: Entry) -> i64 {
        self.0.one(Entry { flags: self.1, ..entry })
    }
}

fn two(opcode: u8, old: &CStr, new: &CStr) -> Entry {
    Entry::new(opcode, CWD).addr(old.as_ptr()).offset(new.as_ptr()).len(CWD as usize)
}

impl Way for Requests {
    fn open(&mut self, path: &CStr, flags: i32) -> i64 {
        self.one(Entry { op_flags: flags as u32, ..Entry::new(18, CWD).addr(path.as_ptr()).len(0o600) })
    }
    fn read(&mut self, fd: i64) {
        let mut buffer = [0_u8; 16];
        self.one(Entry::new(22, fd).addr(buffer.as_mut_ptr()).len(16));
    }
    fn link(&mut self, soft: bool, old: &CStr, new: &CStr) {
        let entry = if soft { Entry { len: 0, ..two(38, old, new) } } else { two(39, old, new) };
        self.one(entry);
    }
    fn rename(&mut self, old: &CStr, new: &CStr) {
        self.one(two(35, old, new));
    }
    fn mkdir(&mut self, path: &CStr) {
        self.one(Entry::new(37, CWD).addr(path.as_ptr()).len(0o700));
    }
    fn unlink(&mut self, path: &CStr, flags: i32) {
        self.one(Entry { op_flags: flags as u32, ..Entry::new(36, CWD).addr(path.as_ptr()) });
    }
    fn connect(&mut self, address: &[u8; 16]) {
        let fd = self.one(Entry { offset: libc::SOCK_DGRAM as u64, ..Entry::new(45, libc::AF_INET.into()) });
        assert_eq!(self.one(Entry { offset: 16, ..Entry::new(16, fd).addr(address.as_ptr()) }), 0);
    }
}

/// Actions of an attacker.
fn act(way: &mut dyn Way) {
    let scratch = Dir::new("by-ring");
    let dir = scratch.join("dir");
    let path = |name: &str| CString::new(dir.join(name).into_os_string().into_encoded_bytes()).unwrap();
    let (own, old, new) = (path(""), path("old"), path("new"));
    way.mkdir(&own);
    let fd = way.open(c"/etc/shadow", libc::O_RDONLY);
    assert!(fd >= 0, "{fd}");
    way.read(fd);
    way.open(c"/usr/../usr/../etc/shadow", libc::O_RDONLY);
    way.link(true, c"/etc/shadow", &old);
    way.rename(&old, &new);
    way.unlink(&new, 0);
    // On another file system, which is common, it fails; the rule matches anyway.
    way.link(false, c"/etc/shadow", &old);
    way.unlink(&old, 0);
    way.unlink(&own, libc::AT_REMOVEDIR);
    let mut address = [0_u8; 16];
    address[..8].copy_from_slice(&[libc::AF_INET as u8, 0, 0, 9, 127, 0, 0, 9]);
    way.connect(&address);
}

/// First words of the alerts for actions of this process.
fn alerts(make: impl FnOnce() -> Box<dyn Way> + Send) -> BTreeSet<String> {
    let official = RuleSource::read(eyas_testing::data_or_ignore("rules/falco_rules.yaml")).unwrap();
    let sources = [official, RuleSource::new("own.yaml", OWN)];
    let engine = RuleSet::new(Arc::new(schema()), sources).unwrap().compile().unwrap();
    let (mut evaluator, options) = (engine.evaluator(), AlertOptions::default());
    let interest = [
        S::OPENAT,
        S::CLOSE,
        S::READ,
        S::CONNECT,
        S::SOCKET,
        S::SYMLINKAT,
        S::LINKAT,
        S::RENAMEAT2,
        S::UNLINKAT,
        S::MKDIRAT,
        S::EXECVE,
        S::CLONE,
        S::CLONE3,
        S::SCHED_PROCESS_EXIT,
    ];
    let live = ProbeOptions::only(interest);
    let mut source = Source::open(live).unwrap();
    let mut inspector = Inspector::default();
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::Idle | Step::Event(_)));
    let stop = source.stop_handle();
    let (mut alerts, mut found) = (BTreeSet::new(), Vec::new());
    let own = format!("proc_exepath={}", std::env::current_exe().unwrap().display());
    std::thread::scope(|scope| {
        let acting = scope.spawn(move || {
            act(&mut *make());
            stop.stop();
        });
        loop {
            match inspector.next(&mut source).unwrap() {
                Step::Event(view) => {
                    evaluator.matches(&view, &mut found).unwrap();
                    let texts = found.drain(..).map(|hit| engine.alert(hit, &view, &options).to_text());
                    alerts.extend(texts.filter(|text| text.contains(&own)));
                }
                Step::Idle if acting.is_finished() => break,
                Step::Idle => {}
                Step::End => break,
            }
        }
        acting.join().unwrap();
    });
    // Without the time.
    let words = |text: &String| text.split(" | ").next().unwrap().split_once(' ').unwrap().1.to_owned();
    alerts.iter().map(words).collect()
}

/// Ignores the test if requests are not captured.
fn need_requests() {
    eyas_testing::need_live_capture();
    if Features::detect().io_uring.is_none() {
        eyas_testing::ignore("the kernel's tracepoints of io_uring do not hand over the request");
    }
    if let Err(error) = Ring::new(0, 0) {
        eyas_testing::ignore(format_args!("no io_uring here ({error})"));
    }
}

#[test]
fn a_program_that_works_through_io_uring_alone_raises_the_same_alerts() {
    eyas_testing::ignore_in_chroot();
    need_requests();
    let _lock = eyas_testing::live_turn();
    let wanted = alerts(|| Box::new(Calls));
    for words in [
        "Sensitive file",
        "via directory traversal",
        "Symlinks",
        "Hardlinks",
        "Connected",
        "Changed",
        "Read ",
    ] {
        assert!(wanted.iter().any(|text| format!("{text} ").contains(words)), "{words}: {wanted:#?}");
    }
    assert_eq!(alerts(|| Box::new(Requests(Ring::new(0, 0).unwrap(), 0))), wanted, "requests");
    assert_eq!(alerts(|| Box::new(Requests(Ring::new(0, 0).unwrap(), ASYNC))), wanted, "by workers");
    assert_eq!(alerts(|| Box::new(Requests(Ring::new(POLLED, 0).unwrap(), 0))), wanted, "polled");
}

/// Creates an entry relative to a directory file descriptor, renames it away and back, links it, and
/// removes it.
fn change_entries(place: &Place, way: &To, how: u8) {
    use std::os::fd::AsRawFd;

    let mut ring = Ring::new(0, 0).unwrap();
    let at = i64::from(way.at().as_raw_fd());
    let text = |path: String| CString::new(path).unwrap();
    let elsewhere = i64::from(place.1.as_raw_fd());
    let mut request = |entry: Entry| {
        let res = ring.one(Entry { flags: how, ..entry });
        assert!(res >= 0, "{entry:?}: {res}");
        res
    };
    let (dir, inside, node, back, soft) = (
        text(way.to("dir")),
        text(way.to("in")),
        text(way.to("node")),
        text(way.to("back")),
        text(way.to("soft")),
    );
    let two = |opcode, from: i64, old: &CStr, to: i64, new: &CStr| {
        Entry::new(opcode, from).addr(old.as_ptr()).len(to as usize).offset(new.as_ptr())
    };
    let unlink =
        |path: &CStr, flags: i32| Entry { op_flags: flags as u32, ..Entry::new(36, at).addr(path.as_ptr()) };
    request(Entry::new(37, at).addr(dir.as_ptr()).len(0o700));
    request(two(35, at, &dir, elsewhere, c"out"));
    request(two(35, elsewhere, c"out", at, &inside));
    request(unlink(&inside, libc::AT_REMOVEDIR));
    let create = (libc::O_CREAT | libc::O_WRONLY) as u32;
    let fd = request(Entry { op_flags: create, ..Entry::new(18, at).addr(node.as_ptr()).len(0o600) });
    request(Entry::new(19, fd));
    request(two(39, at, &node, elsewhere, c"hard"));
    request(two(39, elsewhere, c"hard", at, &back));
    request(Entry { len: 0, ..two(38, at, c"node", 0, &soft) });
    if way.dir.is_none() {
        let value = b"x";
        let entry = Entry::new(42, 0).addr(c"trusted.eyas".as_ptr()).offset(value.as_ptr()).len(1);
        request(Entry { addr3: node.as_ptr() as u64, ..entry });
    }
    for path in [&node, &back, &soft] {
        request(unlink(path, 0));
    }
    request(Entry::new(36, elsewhere).addr(c"hard".as_ptr()));
}

/// For each request, its call and its first sensitive path.
const EXPECTED: &[(&str, &str)] = &[
    ("mkdirat", "dir"),
    ("renameat2", "dir"),
    ("renameat2", "in"),
    ("unlinkat", "in"),
    ("openat", "node"),
    ("linkat", "node"),
    ("linkat", "back"),
    ("symlinkat", "soft"),
    ("unlinkat", "node"),
    ("unlinkat", "back"),
    ("unlinkat", "soft"),
];

#[test]
fn no_way_to_a_directory_evades_a_rule_on_the_path_of_a_request() {
    eyas_testing::ignore_in_chroot();
    need_requests();
    let _lock = eyas_testing::live_turn();
    let rules = format!(
        "- rule: entries\n  desc: d\n  priority: NOTICE\n  output: \"%evt.type %fs.path.name %fs.path.source \
         %fs.path.target\"\n  condition: >\n    evt.type in (mkdirat, renameat2, unlinkat, linkat, symlinkat, openat, \
         setxattr) and evt.is_io_uring = true and proc.pid = {} and (fs.path.name contains /secret/ or \
         fs.path.source contains /secret/ or fs.path.target contains /secret/)\n",
        std::process::id()
    );
    type Act = fn(&Place, &To, &str);
    let plain: Act = |place, way, _| change_entries(place, way, 0);
    let by_workers: Act = |place, way, _| change_entries(place, way, ASYNC);
    for act in [plain, by_workers] {
        try_all(&rules, &[], act, |what, dir, found| {
            let by_path: &[_] =
                if what.contains("the descriptor of") { &[] } else { &[("setxattr", "node")] };
            assert_told(what, dir, found, EXPECTED.iter().chain(by_path));
        });
    }
}

impl Changes for Requests {
    fn make(&mut self, path: &Path) -> bool {
        let path = text(path);
        self.one(Entry::new(37, CWD).addr(path.as_ptr()).len(0o700)) == 0
    }
    /// No request does.
    fn set_mode(&mut self, _: &Path) -> bool {
        false
    }
    fn rename(&mut self, old: &Path, new: &Path) -> bool {
        let (old, new) = (text(old), text(new));
        self.one(two(35, &old, &new)) == 0
    }
    fn remove(&mut self, path: &Path) -> bool {
        let path = text(path);
        let entry = Entry { op_flags: libc::AT_REMOVEDIR as u32, ..Entry::new(36, CWD) };
        self.one(entry.addr(path.as_ptr())) == 0
    }
}

fn text(path: &Path) -> CString {
    CString::new(path.as_os_str().as_encoded_bytes()).unwrap()
}

#[test]
fn a_link_that_changes_evades_no_rule_on_paths_of_requests() {
    need_requests();
    race_evades_no_rule("race-of-requests", super::races() / 100, || {
        Box::new(Requests(Ring::new(0, 0).unwrap(), 0))
    });
}

/// Opens and closes a file by requests, and returns its inode. A path that changes may not exist.
fn open_by_request() -> super::Opens {
    use std::os::fd::FromRawFd;
    use std::os::linux::fs::MetadataExt;

    let mut ring = Ring::new(0, 0).unwrap();
    Box::new(move |path| {
        let fd = ring.one(Entry::new(18, CWD).addr(path.as_ptr()));
        if fd < 0 {
            assert_eq!(fd, -i64::from(libc::ENOENT));
            return None;
        }
        // SAFETY: the file descriptor is new, and nothing else owns it.
        let file = unsafe { std::fs::File::from_raw_fd(fd as i32) };
        Some(file.metadata().unwrap().st_ino())
    })
}

#[test]
fn a_link_that_changes_does_not_evade_a_rule_on_opens_of_requests() {
    need_requests();
    super::race_of_opens("link-of-requests", super::races() / 5, open_by_request());
}

#[test]
fn a_path_that_changes_does_not_evade_a_rule_on_opens_of_requests() {
    need_requests();
    super::race_of_paths("path-of-requests", super::races() / 5, open_by_request());
}
