//! Hand-written scripts of events, and the state after them.

use eyas_events::{EventType as E, FlagTable, param};
use eyas_fields::{FieldSource, Schema, Value};
use eyas_scap::{FdDetail, FdEntry, Snapshot, ThreadEntry};
use eyas_sinsp::{Inspector, schema};

mod script;

use script::{at, clone, close, exec, open, see, system};

#[test]
fn a_child_has_its_makers_files_and_directory() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 10, 11, 10, 1, 0), &[]);
    let got = see(&mut inspector, close(2, 11, 3), &["proc.name", "proc.pname", "proc.cwd", "fd.name"]);
    assert_eq!(got, ["sh", "sh", "/home/", "/etc/motd"]);
}

#[test]
fn caller_and_child_may_come_in_either_order() {
    for child_first in [true, false] {
        let mut inspector = system();
        let mut events = [clone(1, 10, 11, 10, 1, 0), clone(1, 11, 0, 11, 10, 0)];
        if child_first {
            events.reverse();
        }
        for event in events {
            see(&mut inspector, event, &[]);
        }
        assert_eq!(inspector.state().threads.len(), 3, "child first: {child_first}");
        let got = see(&mut inspector, close(2, 11, 3), &["proc.ppid", "fd.name", "proc.aname[2]"]);
        assert_eq!(got, ["10", "/etc/motd", "init"]);
    }
}

#[test]
fn an_id_that_is_used_again_is_another_thread() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 11, 0, 11, 10, 0), &[]);
    see(&mut inspector, exec(2, 11, b"old", b""), &[]);
    // The exit of the old process was lost.
    let got = see(&mut inspector, clone(10, 11, 0, 11, 1, 0), &["proc.name", "proc.pname"]);
    assert_eq!(got, ["sh", "init"]);
}

#[test]
fn executing_renames_and_closes_what_is_not_inherited() {
    let mut inspector = system();
    use param::SYSCALL_FCNTL_X as p;
    const SETFD: u64 = FlagTable::FCNTL_COMMANDS.value("F_SETFD") as u64;
    let fcntl =
        at(1, E::SYSCALL_FCNTL_X, 10).int(p::res, 0).int(p::fd, 3).uint(p::cmd, SETFD).uint(p::arg, 1);
    see(&mut inspector, fcntl, &[]);
    let fields = ["proc.name", "proc.cmdline", "proc.exepath", "proc.fdopencount"];
    let got = see(&mut inspector, exec(2, 10, b"cat", b"-n\0/etc/motd\0"), &fields);
    assert_eq!(got, ["cat", "cat -n /etc/motd", "/bin/cat", "0"]);
}

#[test]
fn threads_share_the_files_of_their_leader() {
    let mut inspector = system();
    const THREAD: u32 = FlagTable::CLONE_FLAGS.value("CLONE_THREAD")
        | FlagTable::CLONE_FLAGS.value("CLONE_FS")
        | FlagTable::CLONE_FLAGS.value("CLONE_FILES");
    see(&mut inspector, clone(1, 10, 12, 10, 1, THREAD), &[]);
    see(&mut inspector, open(2, 12, 5, -100, b"notes"), &[]);
    let got = see(&mut inspector, close(3, 10, 5), &["fd.name", "proc.nthreads"]);
    assert_eq!(got, ["/home/notes", "2"]);
}

#[test]
fn rules_still_see_what_an_event_removes() {
    let mut inspector = system();
    assert_eq!(see(&mut inspector, close(1, 10, 3), &["fd.name"]), ["/etc/motd"]);
    assert_eq!(see(&mut inspector, close(2, 10, 3), &["fd.name"]), [""]);
    assert_eq!(see(&mut inspector, at(3, E::PROCEXIT_1_E, 10), &["proc.name"]), ["sh"]);
    see(&mut inspector, at(4, E::PROCEXIT_1_E, 1), &[]);
    assert!(inspector.state().threads.get(10).is_none());
}

#[test]
fn orphans_get_another_parent() {
    let mut inspector = system();
    see(&mut inspector, clone(1, 11, 0, 11, 10, 0), &[]);
    see(&mut inspector, at(2, E::PROCEXIT_1_E, 10), &[]);
    assert_eq!(see(&mut inspector, close(3, 11, 3), &["proc.pname", "proc.ppid"]), ["init", "1"]);
}

#[test]
fn relative_paths_begin_where_they_should() {
    let mut inspector = system();
    see(&mut inspector, open(1, 10, 4, -100, b"../var//log/./x"), &[]);
    assert_eq!(see(&mut inspector, close(2, 10, 4), &["fd.name"]), ["/var/log/x"]);
    see(&mut inspector, open(3, 10, 5, 3, b"x"), &[]);
    assert_eq!(see(&mut inspector, close(4, 10, 5), &["fd.name"]), ["/etc/motd/x"]);
    see(&mut inspector, open(5, 10, 6, 77, b"x"), &[]);
    assert_eq!(see(&mut inspector, close(6, 10, 6), &["fd.name"]), ["<UNKNOWN>x"]);
    use param::SYSCALL_CHDIR_X as p;
    see(&mut inspector, at(7, E::SYSCALL_CHDIR_X, 10).int(p::res, 0).text(p::path, b"/tmp"), &[]);
    assert_eq!(see(&mut inspector, open(8, 10, 7, -100, b"y"), &["fd.name"]), ["/tmp/y"]);
}

#[test]
fn copies_of_a_descriptor_live_on() {
    let mut inspector = system();
    use param::SYSCALL_DUP2_X as p;
    let dup = at(1, E::SYSCALL_DUP2_X, 10).int(p::res, 9).int(p::oldfd, 3).int(p::newfd, 9);
    assert_eq!(see(&mut inspector, dup, &["fd.num", "fd.name"]), ["9", "/etc/motd"]);
    see(&mut inspector, close(2, 10, 3), &[]);
    assert_eq!(see(&mut inspector, close(3, 10, 9), &["fd.name"]), ["/etc/motd"]);
}

#[test]
fn a_connection_names_both_ends() {
    let mut inspector = system();
    use param::{SOCKET_CONNECT_X as c, SOCKET_SOCKET_X as s};
    let socket = at(1, E::SOCKET_SOCKET_X, 10).int(s::fd, 4).uint(s::domain, 2).uint(s::r#type, 1);
    assert_eq!(see(&mut inspector, socket, &["fd.typechar"]), ["4"]);
    let tuple = [&[2, 127, 0, 0, 1, 0x39, 0x30][..], &[10, 0, 0, 9, 80, 0]].concat();
    let connect = at(2, E::SOCKET_CONNECT_X, 10).int(c::res, 0).int(c::fd, 4).bytes(c::tuple, &tuple);
    let fields = ["fd.name", "fd.sport", "fd.cport", "fd.is_server", "fd.l4proto"];
    assert_eq!(
        see(&mut inspector, connect, &fields),
        ["127.0.0.1:12345->10.0.0.9:80", "80", "12345", "false", "tcp"]
    );
}

#[test]
fn a_bomb_of_processes_leaves_the_table_as_it_was() {
    let mut inspector = system();
    for n in 0..50_000_i64 {
        let tid = 100 + n;
        let second = 1 + n as u64 / 1000;
        see(&mut inspector, clone(second, tid, 0, tid, 10, 0), &[]);
        see(&mut inspector, at(second, E::PROCEXIT_1_E, tid), &[]);
    }
    see(&mut inspector, close(100, 10, 3), &[]);
    assert_eq!(inspector.state().threads.len(), 2);
}

/// A runtime that reports a container from the second query on.
#[derive(Default)]
struct Runtime {
    asked: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
    answers: Vec<serde_json::Value>,
}

impl eyas_sinsp::ContainerLookup for Runtime {
    fn request(&mut self, id: &[u8]) -> bool {
        let id = String::from_utf8(id.to_vec()).unwrap();
        let mut asked = self.asked.lock().unwrap();
        asked.push(id.clone());
        if asked.len() > 1 {
            self.answers.push(serde_json::json!({
                "id": id, "name": "web", "type": 7, "privileged": true,
                "labels": {"io.kubernetes.pod.name": "web-1"},
            }));
        }
        true
    }

    fn take_result(&mut self) -> Option<serde_json::Value> {
        self.answers.pop()
    }
}

#[test]
fn metadata_from_runtimes_become_fields() {
    let runtime = Runtime::default();
    let asked = runtime.asked.clone();
    let config = eyas_sinsp::Config::default().with_containers(runtime);
    let mut inspector = Inspector::new(config);
    inspector.load(Snapshot {
        threads: vec![ThreadEntry {
            tid: 10,
            pid: 10,
            ptid: 1,
            vtid: 10,
            vpid: 10,
            ..ThreadEntry::default()
        }],
        ..Snapshot::default()
    });
    let id = "7951fb549ab9";
    let execute = |second| {
        use param::SYSCALL_EXECVE_19_X as p;
        let group = format!("cpu=/docker/{id}{}\0", "0".repeat(52));
        at(second, E::SYSCALL_EXECVE_19_X, 10)
            .int(p::res, 0)
            .text(p::exe, b"sh")
            .bytes(p::cgroups, group.as_bytes())
    };
    let fields = ["container.id", "container.name", "container.type", "container.privileged", "k8s.pod.name"];
    let nothing = [id, "<NA>", "<NA>", "<NA>", "<NA>"];
    assert_eq!(see(&mut inspector, execute(1), &fields), nothing);
    // The inspector does not query again at once.
    assert_eq!(see(&mut inspector, execute(1), &fields), nothing);
    assert_eq!(see(&mut inspector, execute(2), &fields), nothing);
    assert_eq!(*asked.lock().unwrap(), [id, id]);
    let idle = at(33, E::SYSCALL_SETSID_X, 10);
    assert_eq!(see(&mut inspector, idle, &fields), [id, "web", "containerd", "true", "web-1"]);
    assert_eq!(see(&mut inspector, execute(99), &fields)[1], "web");
    assert_eq!(asked.lock().unwrap().len(), 2);
}

/// Returns one user and one group, and counts the queries.
#[derive(Default)]
struct Files {
    asked: std::sync::Arc<std::sync::Mutex<Vec<i64>>>,
    answers: Vec<eyas_sinsp::Accounts>,
}

impl eyas_sinsp::AccountLookup for Files {
    fn request(&mut self, container: &eyas_sinsp::state::Text, pid: i64) -> bool {
        self.asked.lock().unwrap().push(pid);
        let user = eyas_scap::User {
            uid: 33,
            gid: 34,
            name: b"web".to_vec(),
            home: b"/srv".to_vec(),
            shell: b"/bin/sh".to_vec(),
        };
        let groups = vec![eyas_scap::Group { gid: 34, name: b"www".to_vec() }];
        self.answers.push(eyas_sinsp::Accounts {
            container: Some(container.clone()),
            users: vec![user],
            groups,
        });
        true
    }

    fn take_result(&mut self) -> Option<eyas_sinsp::Accounts> {
        self.answers.pop()
    }
}

#[test]
fn users_in_containers_have_the_names_they_have_there() {
    let files = Files::default();
    let asked = files.asked.clone();
    let config = eyas_sinsp::Config::default().with_accounts(files);
    let mut inspector = Inspector::new(config);
    let thread = |tid, cgroups: &str| ThreadEntry {
        tid,
        pid: tid,
        ptid: 1,
        uid: 33,
        gid: 34,
        cgroups: cgroups.into(),
        ..ThreadEntry::default()
    };
    let inside = format!("cpu=/docker/{}\0", "a".repeat(64));
    inspector
        .load(Snapshot { threads: vec![thread(10, &inside), thread(11, "cpu=/\0")], ..Snapshot::default() });
    assert_eq!(*asked.lock().unwrap(), [10]);
    let fields = ["user.name", "user.homedir", "user.shell", "group.name"];
    let event = |tid| at(1, E::SYSCALL_SETSID_X, tid);
    assert_eq!(see(&mut inspector, event(10), &fields), ["web", "/srv", "/bin/sh", "www"]);
    assert_eq!(see(&mut inspector, event(11), &fields), ["<NA>", "<NA>", "<NA>", "<NA>"]);
    assert_eq!(asked.lock().unwrap().len(), 1);
}

#[test]
fn files_that_come_over_a_socket_are_looked_up() {
    let file = |fd, name: &str| {
        FdEntry::new(fd, 9, FdDetail::File { open_flags: 1, path: name.into(), dev: 1, mount_id: 0 })
    };
    let lookup = move |tid| {
        let thread = ThreadEntry { tid, pid: tid, ptid: 1, ..ThreadEntry::default() };
        Some((thread, vec![file(4, "/other"), file(6, "/received")]))
    };
    let config = eyas_sinsp::Config::default().with_proc(lookup);
    let mut inspector = Inspector::new(config);
    inspector.load(Snapshot {
        threads: vec![ThreadEntry { tid: 10, pid: 10, ptid: 1, ..ThreadEntry::default() }],
        ..Snapshot::default()
    });
    let read = |fd| at(2, E::SYSCALL_CLOSE_X, 10).int(param::SYSCALL_CLOSE_X::fd, fd);
    let control =
        [&20_u64.to_le_bytes()[..], &1_u32.to_le_bytes(), &1_u32.to_le_bytes(), &6_u32.to_le_bytes()];
    use param::SOCKET_RECVMSG_X as p;
    let receive = at(1, E::SOCKET_RECVMSG_X, 10).int(p::res, 1).int(p::fd, 3);
    see(&mut inspector, receive.bytes(p::msgcontrol, &control.concat()), &[]);
    assert_eq!(see(&mut inspector, read(6), &["fd.name"]), ["/received"]);
    assert_ne!(see(&mut inspector, read(4), &["fd.name"]), ["/other"]);
    assert_eq!(inspector.stats().proc_lookups, 1);
}

/// Records its calls.
#[derive(Clone, Default)]
struct Log(std::sync::Arc<std::sync::Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: &str, event: &eyas_sinsp::EventView<'_>) {
        let field = schema().resolve("fd.name", None).unwrap();
        let name = match event.get(&field) {
            Some(Value::Str(name)) => String::from_utf8_lossy(name).into_owned(),
            _ => String::new(),
        };
        self.0.lock().unwrap().push(format!("{what} {name}").trim_end().to_owned());
    }
}

impl eyas_sinsp::Observer for Log {
    fn on_event(&mut self, event: &eyas_sinsp::EventView<'_>) {
        self.note("event", event);
    }

    fn on_open(&mut self, event: &eyas_sinsp::EventView<'_>) {
        self.note("open", event);
    }

    fn on_close(&mut self, event: &eyas_sinsp::EventView<'_>) {
        self.note("close", event);
    }

    fn on_exit(&mut self, event: &eyas_sinsp::EventView<'_>) {
        self.note("exit", event);
    }
}

#[test]
fn observers_get_successful_calls_and_closes_before_they_take_effect() {
    let mut inspector = system();
    let log = Log::default();
    inspector.observe(Box::new(log.clone()));
    let open = |fd| {
        use param::SYSCALL_OPEN_X as p;
        at(1, E::SYSCALL_OPEN_X, 10).int(p::fd, fd).text(p::name, b"/etc/hosts")
    };
    let close = at(2, E::SYSCALL_CLOSE_X, 10).int(param::SYSCALL_CLOSE_X::res, 0);
    for event in [open(4), open(-2), close.int(param::SYSCALL_CLOSE_X::fd, 3), at(3, E::PROCEXIT_1_E, 10)] {
        see(&mut inspector, event, &[]);
    }
    assert_eq!(
        *log.0.lock().unwrap(),
        [
            "event /etc/hosts",
            "open /etc/hosts",
            "event /etc/hosts",
            "event /etc/motd",
            "close /etc/motd",
            "event",
            "exit",
        ]
    );
}

/// Lists of users, the next one last.
type Lists = Vec<Vec<(u32, &'static str)>>;

/// Returns one list after the other for the host.
#[derive(Default)]
struct HostFiles {
    lists: std::sync::Arc<std::sync::Mutex<Lists>>,
    answers: Vec<eyas_sinsp::Accounts>,
}

impl eyas_sinsp::AccountLookup for HostFiles {
    fn request(&mut self, _: &eyas_sinsp::state::Text, _: i64) -> bool {
        true
    }

    fn request_host(&mut self) -> bool {
        if let Some(list) = self.lists.lock().unwrap().pop() {
            let user = |(uid, name): &(u32, &str)| eyas_scap::User {
                uid: *uid,
                gid: 1,
                name: name.as_bytes().to_vec(),
                home: b"/home".to_vec(),
                shell: Vec::new(),
            };
            let groups = vec![eyas_scap::Group { gid: 7, name: b"group".to_vec() }];
            let users = list.iter().map(user).collect();
            self.answers.push(eyas_sinsp::Accounts { container: None, users, groups });
        }
        true
    }

    fn take_result(&mut self) -> Option<eyas_sinsp::Accounts> {
        self.answers.pop()
    }
}

#[test]
fn users_of_the_host_come_change_and_go() {
    let files = HostFiles::default();
    let lists = files.lists.clone();
    let config = eyas_sinsp::Config::default().with_accounts(files);
    let mut inspector = Inspector::new(config);
    inspector.load(script::beginning());
    let setuid = |second| {
        use param::SYSCALL_SETUID_X as p;
        at(second, E::SYSCALL_SETUID_X, 10).int(p::res, 0).uint(p::uid, 500)
    };
    let fields = ["user.name", "user.homedir", "group.name"];
    let setgid = at(1, E::SYSCALL_SETGID_X, 10).int(0, 0).uint(param::SYSCALL_SETGID_X::gid, 7);
    see(&mut inspector, setgid, &[]);
    assert_eq!(see(&mut inspector, setuid(1), &fields), ["<NA>", "<NA>", "<NA>"]);
    lists.lock().unwrap().extend([vec![], vec![(500, "renamed")], vec![(500, "added"), (501, "other")]]);
    // The event starts a query, the next event has the result, and no query repeats within a second.
    see(&mut inspector, setuid(2), &fields);
    assert_eq!(see(&mut inspector, setuid(2), &fields), ["added", "/home", "group"]);
    assert_eq!(see(&mut inspector, setuid(2), &fields)[0], "added");
    see(&mut inspector, setuid(3), &fields);
    assert_eq!(see(&mut inspector, setuid(3), &fields)[0], "renamed");
    see(&mut inspector, setuid(4), &fields);
    assert_eq!(see(&mut inspector, setuid(4), &fields)[0], "<NA>");
}
