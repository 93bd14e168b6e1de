//! Events that wait a bounded time for the lookup of their container.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use eyas_events::{EventType as E, param};
use eyas_scap::{EventBuilder, Group, User};
use eyas_sinsp::state::Text;
use eyas_sinsp::{AccountLookup, Accounts, Config, ContainerLookup, Inspector};

mod script;

use script::{see, system_with};

const ID: &str = "7951fb549ab9";
/// A test that waits this long fails.
const LONG: Duration = Duration::from_secs(30);

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// The shell executes a program in a container.
fn inside(ts: u64, id: &str) -> EventBuilder {
    let group = format!("cpu=/docker/{id}{}\0", "0".repeat(64 - id.len()));
    script::exec(0, 10, b"cat", b"").ts(ts).bytes(param::SYSCALL_EXECVE_19_X::cgroups, group.as_bytes())
}

/// A runtime that responds to the third lookup, or never.
#[derive(Clone, Default)]
struct Runtime {
    never: bool,
    looks: Arc<Mutex<u32>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl ContainerLookup for Runtime {
    fn request(&mut self, id: &[u8]) -> bool {
        self.asked.lock().unwrap().push(String::from_utf8(id.to_vec()).unwrap());
        true
    }

    fn take_result(&mut self) -> Option<serde_json::Value> {
        None
    }

    fn wait(&mut self, patience: Duration) -> Option<serde_json::Value> {
        let mut looks = self.looks.lock().unwrap();
        *looks += 1;
        std::thread::sleep(patience.min(Duration::from_millis(1)));
        (*looks == 3 && !self.never).then(|| serde_json::json!({"id": ID, "name": "web", "privileged": true}))
    }
}

fn system(runtime: &Runtime, hold: Duration) -> Inspector {
    system_with(Config::default().with_containers(runtime.clone()).with_container_hold(hold))
}

const FIELDS: [&str; 2] = ["container.name", "container.privileged"];

#[test]
fn the_first_event_of_a_container_waits_if_configured() {
    let runtime = Runtime::default();
    let mut inspector = system(&runtime, LONG);
    assert_eq!(see(&mut inspector, inside(now(), ID), &FIELDS), ["web", "true"]);
    assert_eq!(*runtime.looks.lock().unwrap(), 3);
    assert_eq!(see(&mut inspector, inside(now(), ID), &FIELDS), ["web", "true"]);
    assert_eq!(*runtime.looks.lock().unwrap(), 3, "what is known is not waited for");
}

#[test]
fn nothing_waits_by_default_or_outside_containers() {
    let runtime = Runtime::default();
    let mut inspector = system(&runtime, Duration::ZERO);
    assert_eq!(see(&mut inspector, inside(now(), ID), &FIELDS), ["<NA>", "<NA>"]);
    let mut inspector = system(&runtime, LONG);
    see(&mut inspector, script::close(0, 10, 3).ts(now()), &[]);
    assert_eq!(*runtime.looks.lock().unwrap(), 0);
}

#[test]
fn an_unknown_container_delays_events_once_and_within_the_limit() {
    const HOLD: Duration = Duration::from_millis(40);
    let runtime = Runtime { never: true, ..Runtime::default() };
    let mut inspector = system(&runtime, HOLD);
    let looks = || *runtime.looks.lock().unwrap();
    // An event that has waited for a CPU as long already does not wait for its container.
    let (first, id) = (0..100)
        .find_map(|number| {
            let (first, id) = (now(), format!("{number:012x}"));
            assert_eq!(see(&mut inspector, inside(first, &id), &FIELDS), ["<NA>", "<NA>"]);
            assert!(now() >= first + HOLD.as_nanos() as u64);
            (looks() > 0).then_some((first, id))
        })
        .expect("it waits");
    let before = looks();
    // Twenty containers began at the same time: all of their events waited for the same moment.
    for number in 0..20 {
        let id = format!("f{number:011}");
        assert_eq!(see(&mut inspector, inside(first, &id), &FIELDS), ["<NA>", "<NA>"]);
        see(&mut inspector, inside(first + 1, &id), &[]);
    }
    // Later events, and events with older times, do not wait any more.
    see(&mut inspector, inside(now(), &id), &[]);
    see(&mut inspector, inside(1, "777777777777"), &[]);
    assert_eq!(looks(), before);
}

#[test]
fn a_container_is_requested_again_at_every_start() {
    let runtime = Runtime::default();
    let asked = runtime.asked.clone();
    let mut inspector = system(&runtime, Duration::ZERO);
    let start = |ts: u64, pid: i64| {
        use param::SYSCALL_CLONE_20_X as c;
        use param::SYSCALL_EXECVE_19_X as x;
        let group = format!("cpu=/docker/{ID}{}\0", "0".repeat(52));
        let clone = script::clone(0, pid, 0, pid, 10, 0).ts(ts).int(c::vtid, 1).int(c::vpid, 1);
        let exec = script::exec(0, pid, b"init", b"").ts(ts).bytes(x::cgroups, group.as_bytes());
        [clone, exec]
    };
    let mut count = |ts, pid| {
        start(ts, pid).into_iter().for_each(|event| drop(see(&mut inspector, event, &[])));
        std::mem::take(&mut *runtime.asked.lock().unwrap()).len()
    };
    const SECOND: u64 = script::SECOND;
    assert_eq!(count(SECOND, 20), 1);
    // Another first process: the container was started again.
    assert_eq!(count(2 * SECOND, 21), 1);
    // Soon after, another process belongs to the container, unless the first one has ended. The container is unknown, so
    // one of the processes queries the runtime.
    assert_eq!([count(2 * SECOND + 1000, 22), count(2 * SECOND + 1500, 24)], [1, 0]);
    let exit = script::at(0, E::PROCEXIT_1_E, 21).ts(2 * SECOND + 2000);
    see(&mut inspector, exit.int(param::PROCEXIT_1_E::status, 0), &[]);
    see(&mut inspector, script::close(0, 10, 9).ts(2 * SECOND + 3000), &[]);
    asked.lock().unwrap().clear();
    for event in start(2 * SECOND + 4000, 23) {
        see(&mut inspector, event, &[]);
    }
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn a_container_that_has_the_id_of_another_has_users_of_its_own() {
    let files = Files::default();
    let config = Config::default().with_accounts(files.clone()).with_account_wait(LONG);
    let mut inspector = system_with(config);
    let mut start = |pid: i64, uid: u64| {
        use param::SYSCALL_CLONE_20_X as c;
        use param::SYSCALL_EXECVE_19_X as x;
        let clone = script::clone(0, pid, 0, pid, 10, 0).ts(now()).int(c::vtid, 1).int(c::vpid, 1);
        see(&mut inspector, clone, &[]);
        let exec = script::exec(0, pid, b"init", b"").ts(now()).bytes(x::cgroups, b"cpu=/default/tiny\0");
        let found = see(&mut inspector, exec.uint(x::uid, uid).uint(x::gid, 43), &["user.name"]);
        let exit = script::at(0, E::PROCEXIT_1_E, pid).ts(now());
        see(&mut inspector, exit.int(param::PROCEXIT_1_E::status, 0), &[]);
        (found, *files.waits.lock().unwrap())
    };
    assert_eq!(start(20, 42), (vec!["app".to_owned()], 1));
    assert_eq!(start(21, 42), (vec!["app".to_owned()], 2));
}

#[test]
fn a_process_in_a_container_is_no_start_of_the_container() {
    use param::SYSCALL_CLONE_20_X as c;
    let (runtime, files) = (Runtime::default(), Files::default());
    let config = Config::default().with_containers(runtime.clone()).with_accounts(files.clone());
    let mut inspector = system_with(config);
    let group = format!("cpu=/docker/{ID}{}\0", "0".repeat(52));
    let at = |second: u64| second * script::SECOND;
    see(&mut inspector, inside(at(1), ID), &[]);
    runtime.asked.lock().unwrap().clear();
    see(&mut inspector, script::close(0, 10, 3).ts(at(1) + 1), &[]);
    // Processes of the container make pid namespaces, and the first process of each executes a program.
    let asked = || runtime.asked.lock().unwrap().len();
    for pid in 20..40 {
        let ts = at(1) + 2;
        let clone = script::clone(0, pid, 0, pid, 10, 0).ts(ts).int(c::vtid, 1).int(c::vpid, 1);
        see(&mut inspector, clone.bytes(c::cgroups, group.as_bytes()), &[]);
        let x = param::SYSCALL_EXECVE_19_X::cgroups;
        see(&mut inspector, script::exec(0, pid, b"sh", b"").ts(ts).bytes(x, group.as_bytes()), &[]);
    }
    assert_eq!(asked(), 0);
}

/// Returns a user after a delay, and counts the waits.
#[derive(Clone, Default)]
struct Files {
    waits: Arc<Mutex<u32>>,
    asked: Arc<Mutex<Option<Text>>>,
}

impl AccountLookup for Files {
    fn request(&mut self, container: &Text, _: i64) -> bool {
        *self.asked.lock().unwrap() = Some(container.clone());
        true
    }

    fn take_result(&mut self) -> Option<Accounts> {
        if *self.waits.lock().unwrap() == 0 {
            return None;
        }
        let container = self.asked.lock().unwrap().take()?;
        let home = b"/".to_vec();
        let user = User { uid: 42, gid: 43, name: b"app".to_vec(), home, shell: Vec::new() };
        let group = Group { gid: 43, name: b"apps".to_vec() };
        Some(Accounts { container: Some(container), users: vec![user], groups: vec![group] })
    }

    fn wait(&mut self, _: Duration) {
        *self.waits.lock().unwrap() += 1;
    }
}

#[test]
fn users_of_a_container_are_known_at_the_event_that_needs_them() {
    let files = Files::default();
    let config = Config::default().with_accounts(files.clone()).with_account_wait(LONG);
    let mut inspector = system_with(config);
    use param::SYSCALL_EXECVE_19_X as p;
    let exec = |ts, uid: u64| inside(ts, ID).uint(p::uid, uid).uint(p::gid, uid + 1);
    let fields = ["user.name", "group.name"];
    assert_eq!(see(&mut inspector, exec(now(), 42), &fields), ["app", "apps"]);
    assert_eq!(*files.waits.lock().unwrap(), 1);
    // The files have been read, so events do not wait for users that are not in them.
    assert_eq!(see(&mut inspector, exec(now(), 50), &fields), ["<NA>", "<NA>"]);
    assert_eq!(*files.waits.lock().unwrap(), 1);
}

#[test]
fn an_event_of_the_past_does_not_wait_for_users() {
    let files = Files::default();
    let config = Config::default().with_accounts(files.clone()).with_account_wait(LONG);
    let mut inspector = system_with(config);
    see(&mut inspector, inside(1, ID), &[]);
    assert_eq!(*files.waits.lock().unwrap(), 0);
}

#[test]
fn events_before_the_first_exec_of_a_container_request_and_do_not_wait() {
    let files = Files::default();
    let config = Config::default().with_accounts(files.clone()).with_account_wait(LONG);
    let mut inspector = system_with(config);
    let ts = now();
    let group = format!("cpu=/docker/{ID}{}\0", "0".repeat(52));
    let clone = script::clone(0, 20, 0, 20, 10, 0).ts(ts);
    see(&mut inspector, clone.bytes(param::SYSCALL_CLONE_20_X::cgroups, group.as_bytes()), &[]);
    let mut at = ts;
    for ty in [E::SYSCALL_CHROOT_X, E::SYSCALL_CHDIR_X, E::SYSCALL_SETUID_X, E::SYSCALL_SETRESGID_X] {
        files.asked.lock().unwrap().take();
        at += 2_000_000;
        see(&mut inspector, script::at(0, ty, 20).ts(at).int(0, 0), &[]);
        assert!(files.asked.lock().unwrap().is_some(), "{ty:?}");
    }
    assert_eq!(*files.waits.lock().unwrap(), 0);
    use param::SYSCALL_EXECVE_19_X as p;
    let exec = script::exec(0, 20, b"cat", b"").ts(now()).bytes(p::cgroups, group.as_bytes());
    assert_eq!(see(&mut inspector, exec.uint(p::uid, 42).uint(p::gid, 43), &["user.name"]), ["app"]);
    assert_eq!(*files.waits.lock().unwrap(), 1);
}

/// The fields of the events of a capture that are shown.
fn read(capture: &[u8], fields: &[&str]) -> Vec<Vec<String>> {
    let mut reader = eyas_scap::Reader::from_reader(std::io::Cursor::new(capture.to_vec())).unwrap();
    let mut inspector = Inspector::default();
    let mut shown = Vec::new();
    while let eyas_sinsp::Step::Event(view) = inspector.next(&mut reader).unwrap() {
        shown.push(script::texts(&view, fields));
    }
    shown
}

#[test]
fn a_capture_contains_the_results_of_live_lookups() {
    let fields = [
        "evt.num",
        "evt.type",
        "container.id",
        "container.name",
        "container.privileged",
        "user.name",
        "user.homedir",
        "group.name",
    ];
    let config = Config::default().with_containers(Runtime::default()).with_container_hold(LONG);
    let config = config.with_accounts(Files::default()).with_account_wait(LONG).with_reports(true);
    let mut inspector = system_with(config);
    let written = Shared::default();
    let (mut all, mut late) = (written.writer(), None);
    all.snapshot(&script::beginning()).unwrap();
    let mut live = Vec::new();
    for number in 0..4 {
        use param::SYSCALL_EXECVE_19_X as p;
        let event = inside(now(), ID).uint(p::uid, 42).uint(p::gid, 43).build();
        let view = inspector.process(event.as_raw());
        assert_eq!(view.reports().is_empty(), number > 0, "each is reported once");
        live.push(script::texts(&view, &fields));
        for report in view.reports() {
            assert!(report.as_raw().state_only);
            all.event(&report.as_raw()).unwrap();
        }
        all.event(&event.as_raw()).unwrap();
        // Another capture begins later: its snapshot contains the earlier results.
        if number == 2 {
            let shared = Shared::default();
            let mut writer = shared.writer();
            writer.snapshot(&view.snapshot()).unwrap();
            late = Some((shared, writer));
        }
        if let Some((_, writer)) = &mut late {
            writer.event(&event.as_raw()).unwrap();
        }
    }
    assert_eq!(live[0][3..], ["web", "true", "app", "/", "apps"]);
    all.finish().unwrap();
    let (shared, writer) = late.unwrap();
    writer.finish().unwrap();
    // The numbers count hidden events, too.
    let without_numbers = |lines: &[Vec<String>]| lines.iter().map(|l| l[1..].to_vec()).collect::<Vec<_>>();
    assert_eq!(without_numbers(&read(&written.bytes(), &fields)), without_numbers(&live));
    assert_eq!(without_numbers(&read(&shared.bytes(), &fields)), without_numbers(&live[2..]));
}

#[test]
fn users_that_change_are_reported() {
    let host = |names: &[(u32, &str)]| Accounts {
        container: None,
        users: names
            .iter()
            .map(|(uid, name)| User {
                uid: *uid,
                gid: 0,
                name: name.as_bytes().to_vec(),
                home: Vec::new(),
                shell: Vec::new(),
            })
            .collect(),
        groups: vec![Group { gid: 7, name: b"staff".to_vec() }],
    };
    struct Host(Vec<Accounts>);
    impl AccountLookup for Host {
        fn request(&mut self, _: &Text, _: i64) -> bool {
            true
        }
        fn take_result(&mut self) -> Option<Accounts> {
            self.0.pop()
        }
    }
    let found = vec![host(&[(1, "renamed"), (3, "new")]), host(&[(1, "one"), (2, "two")])];
    let mut inspector = system_with(Config::default().with_accounts(Host(found)).with_reports(true));
    let event = script::close(1, 10, 3).build();
    let view = inspector.process(event.as_raw());
    let mut told: Vec<_> =
        view.reports().iter().map(|e| (e.as_raw().ty, e.as_raw().uint(0).unwrap())).collect();
    told.sort_unstable();
    let want = [
        (E::USER_ADDED_E, 1),
        (E::USER_ADDED_E, 1),
        (E::USER_ADDED_E, 2),
        (E::USER_ADDED_E, 3),
        (E::USER_DELETED_E, 2),
        (E::GROUP_ADDED_E, 7),
    ];
    assert_eq!(told, want);
}

/// Memory for a capture, which the test reads after the writer is done.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn writer(&self) -> eyas_scap::Writer {
        eyas_scap::Writer::new(self.clone(), false)
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Counts the requests for users of the host (`None`) and of containers, and responds to none but the given ones.
#[derive(Clone, Default)]
struct Counted {
    requests: Arc<Mutex<Vec<Option<Text>>>>,
    results: Arc<Mutex<Vec<Accounts>>>,
}

impl Counted {
    fn taken(&self) -> Vec<Option<Text>> {
        std::mem::take(&mut *self.requests.lock().unwrap())
    }

    fn note(&self, request: Option<Text>) -> bool {
        self.requests.lock().unwrap().push(request);
        true
    }
}

impl AccountLookup for Counted {
    fn request(&mut self, container: &Text, _: i64) -> bool {
        self.note(Some(container.clone()))
    }
    fn request_host(&mut self) -> bool {
        self.note(None)
    }
    fn take_result(&mut self) -> Option<Accounts> {
        self.results.lock().unwrap().pop()
    }
}

const MS: u64 = script::SECOND / 1000;

#[test]
fn users_that_are_added_soon_after_a_request_are_requested_later() {
    let lookup = Counted::default();
    let mut inspector = system_with(Config::default().with_accounts(lookup.clone()));
    let start = 100 * script::SECOND;
    let mut at = |ms: u64, event: EventBuilder| {
        see(&mut inspector, event.ts(start + ms * MS), &[]);
        lookup.taken()
    };
    let exec = || script::exec(0, 10, b"su", b"");
    let other = || script::close(0, 10, 3);
    // One is of the snapshot.
    assert_eq!(at(0, exec()), [None, None]);
    // Too soon; the program may have changed the files in between.
    assert!(at(50, exec()).is_empty() && at(90, other()).is_empty());
    assert_eq!(at(120, other()), [None]);
    assert!(at(400, other()).is_empty());
}

#[test]
fn users_that_are_added_to_a_container_are_requested_later() {
    let lookup = Counted::default();
    let mut inspector = system_with(Config::default().with_accounts(lookup.clone()));
    let id = Text::from(ID.as_bytes());
    let root = User { uid: 0, gid: 0, name: b"root".to_vec(), home: Vec::new(), shell: Vec::new() };
    let group = Group { gid: 0, name: b"root".to_vec() };
    let known = Accounts { container: Some(id.clone()), users: vec![root], groups: vec![group] };
    lookup.results.lock().unwrap().push(known);
    let start = 100 * script::SECOND;
    let mut at = |ms: u64, event: EventBuilder| {
        see(&mut inspector, event.ts(start + ms * MS), &[]);
        lookup.taken().into_iter().flatten().count()
    };
    let cgroup = format!("cpu=/docker/{ID}{}\0", "0".repeat(52));
    let program = |tid: i64| {
        script::exec(0, tid, b"sh", b"").bytes(param::SYSCALL_EXECVE_19_X::cgroups, cgroup.as_bytes())
    };
    let child = |res: i64, tid: i64, ptid: i64| {
        script::clone(0, tid, res, tid, ptid, 0).bytes(param::SYSCALL_CLONE_20_X::cgroups, cgroup.as_bytes())
    };
    let set_user = |tid: i64, uid: i64| {
        use param::SYSCALL_SETUID_X as p;
        EventBuilder::new(E::SYSCALL_SETUID_X).tid(tid).int(p::res, 0).int(p::uid, uid)
    };
    at(0, program(10));
    at(1, child(20, 10, 1));
    at(1, child(0, 20, 10));
    assert_eq!(at(5_000, set_user(20, 5)), 1);
    // Too soon after that request.
    assert_eq!(at(5_300, set_user(20, 6)), 0);
    assert_eq!(at(6_100, script::close(0, 20, 3)), 1);
    assert_eq!(at(8_000, script::close(0, 20, 3)), 0);
    // Another program may add the user, one whose own user is known.
    assert_eq!(at(9_000, program(10)), 1);
}
