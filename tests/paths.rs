//! Calls whose kernel paths differ from the given paths: rules are tested with both.

use std::sync::Arc;

use eyas::events::{EventType as E, param as p};
use eyas::rules::{AlertOptions, RuleSet, RuleSource};
use eyas::scap::{EventBuilder, OwnedEvent, Snapshot, ThreadEntry};
use eyas::sinsp::{Inspector, schema};

const CWD: i64 = -100;

/// An event of the thread, with its result first.
fn event(ty: E) -> EventBuilder {
    EventBuilder::new(ty).tid(7).int(0, 0)
}

/// The n-th path from the kernel.
fn kernel(n: usize, ty: E) -> usize {
    ty.info().unwrap().params.len() + n
}

fn mkdir(asked: &str, real: &str) -> OwnedEvent {
    let ty = E::SYSCALL_MKDIR_2_X;
    event(ty).text(p::SYSCALL_MKDIR_2_X::path, asked.as_bytes()).text(kernel(0, ty), real.as_bytes()).build()
}

fn rename(asked: [&str; 2], real: [&str; 2]) -> OwnedEvent {
    use p::SYSCALL_RENAMEAT2_X as r;
    let ty = E::SYSCALL_RENAMEAT2_X;
    event(ty)
        .int(r::olddirfd, CWD)
        .text(r::oldpath, asked[0].as_bytes())
        .int(r::newdirfd, CWD)
        .text(r::newpath, asked[1].as_bytes())
        .int(r::flags, 0)
        .text(kernel(0, ty), real[0].as_bytes())
        .text(kernel(1, ty), real[1].as_bytes())
        .build()
}

fn symlink(target: &str, asked: &str, real: &str) -> OwnedEvent {
    use p::SYSCALL_SYMLINK_X as s;
    let ty = E::SYSCALL_SYMLINK_X;
    event(ty)
        .text(s::target, target.as_bytes())
        .text(s::linkpath, asked.as_bytes())
        .text(kernel(0, ty), real.as_bytes())
        .build()
}

fn chdir(asked: &str, real: &str) -> OwnedEvent {
    let ty = E::SYSCALL_CHDIR_X;
    event(ty).text(p::SYSCALL_CHDIR_X::path, asked.as_bytes()).text(kernel(0, ty), real.as_bytes()).build()
}

struct Machine(Inspector);

impl Machine {
    /// A process that works in `/work`.
    fn new() -> Self {
        let thread =
            ThreadEntry { tid: 7, pid: 7, ptid: 1, cwd: b"/work/".to_vec(), ..ThreadEntry::default() };
        let mut inspector = Inspector::default();
        inspector.load(Snapshot { threads: vec![thread], ..Snapshot::default() });
        Self(inspector)
    }

    /// The output for the event, if it satisfies the condition.
    fn alert(&mut self, event: &OwnedEvent, condition: &str, output: &str) -> Option<String> {
        let rule = format!(
            "- rule: r\n  desc: d\n  priority: ERROR\n  condition: evt.num > 0 and {condition}\n  output: \"{output}\"\n"
        );
        let source = RuleSource::new("rules.yaml", rule);
        let engine = RuleSet::new(Arc::new(schema()), [source]).unwrap().compile().unwrap();
        let view = self.0.process(event.as_raw());
        let mut found = Vec::new();
        engine.matches(&view, &mut found).unwrap();
        assert!(found.len() <= 1);
        let text = engine.alert(found.pop()?, &view, &AlertOptions::default()).to_text();
        Some(text.split("Error ").last().unwrap().to_owned())
    }
}

#[track_caller]
fn check(event: &OwnedEvent, condition: &str, output: &str, wanted: &str) {
    let alert = Machine::new().alert(event, condition, output);
    assert_eq!(alert.as_deref(), Some(wanted), "{condition}");
}

#[track_caller]
fn check_not(event: &OwnedEvent, condition: &str) {
    assert_eq!(Machine::new().alert(event, condition, "x"), None, "{condition}");
}

#[test]
fn a_rule_matches_the_requested_path_and_the_kernel_s() {
    let made = mkdir("link/x", "/etc/x");
    let both = "%fs.path.name %fs.path.nameraw %fs.path.namereal";
    check(&made, "fs.path.name = /work/link/x", both, "/work/link/x link/x /etc/x");
    check(&made, "fs.path.name = /etc/x", both, "/etc/x link/x /etc/x");
    check(&made, "evt.arg.path = /etc/x", "%evt.arg.path %evt.arg[1]", "/etc/x /etc/x");
    check(&made, "evt.arg.path = /work/link/x", "%evt.rawarg.path", "link/x");
    check(
        &made,
        "fs.path.namereal startswith /etc",
        "%evt.args",
        "res=0 path=link/x(/work/link/x) mode=<NA>",
    );
    // An exception applies only to the given name; a rule never mixes the names.
    check(&made, "not fs.path.name startswith /work", "%fs.path.name", "/etc/x");
    check_not(&made, "not fs.path.name in (/work/link/x, /etc/x)");
    check_not(&mkdir("/etc/x", "/etc/x"), "not fs.path.name = /etc/x");
    // A file with one name has one alert.
    check(&mkdir("x", "/work/x"), "fs.path.name exists", both, "/work/x x /work/x");
    check(&mkdir("/etc//./x/", "/etc/x"), "evt.arg.path = /etc/x", "%evt.arg.path", "/etc/x");
}

#[test]
fn calls_with_two_paths_report_both_kernel_paths_or_neither() {
    let event = rename(["link/a", "/tmp/b"], ["/etc/a", "/tmp/b"]);
    let both = "%fs.path.source %fs.path.target";
    check(&event, "fs.path.source = /etc/a and fs.path.target = /tmp/b", both, "/etc/a /tmp/b");
    check(&event, "evt.abspath.src = /etc/a", "%evt.abspath.src %evt.abspath.dst", "/etc/a /tmp/b");
    check(&event, "fs.path.sourcereal = /etc/a", "%fs.path.source", "/work/link/a");
    let event = rename(["link/a", "link/b"], ["/etc/a", "/etc/b"]);
    check_not(&event, "fs.path.source = /etc/a and fs.path.target = /work/link/b");
}

#[test]
fn a_link_s_target_begins_where_the_link_is() {
    let output = "%fs.path.source %fs.path.target %fs.path.targetraw";
    let event = symlink("../etc/shadow", "sub/link", "/work/sub/link");
    check(
        &event,
        "fs.path.target = /work/etc/shadow",
        output,
        "/work/sub/link /work/etc/shadow ../etc/shadow",
    );
    // A directory that is reached through a symlink has its real path.
    let event = symlink("../etc/shadow", "sub/link", "/tmp/link");
    check(&event, "evt.arg.target = /etc/shadow", output, "/tmp/link /etc/shadow ../etc/shadow");
    check(
        &event,
        "fs.path.targetreal = /etc/shadow",
        output,
        "/work/sub/link /work/etc/shadow ../etc/shadow",
    );
    check(
        &symlink("/etc//shadow", "/a", "/a"),
        "evt.arg.target = /etc/shadow",
        "%evt.arg.target",
        "/etc/shadow",
    );
    check(&symlink("x", "/a/b", "/a/b"), "evt.arg.target = x", "%evt.arg.target", "x");
}

#[test]
fn the_source_of_a_mount_is_a_path_only_where_it_is_one() {
    use p::SYSCALL_MOUNT_X as m;
    let mount = |dev: &str, flags: i64| {
        let ty = E::SYSCALL_MOUNT_X;
        event(ty).text(m::dev, dev.as_bytes()).text(m::dir, b"link").int(m::flags, flags)
    };
    let output = "%fs.path.source %fs.path.target";
    check(&mount("none", 0).build(), "fs.path.source = none", output, "none /work/link");
    check(&mount("tmpfs", 0).build(), "fs.path.target exists", output, "tmpfs /work/link");
    check(&mount("/dev/sda", 0).build(), "fs.path.target exists", output, "/dev/sda /work/link");
    let bind = mount("sub", 0x1000);
    let ty = E::SYSCALL_MOUNT_X;
    let bind = bind.text(kernel(0, ty), b"/etc/sub").text(kernel(1, ty), b"/srv/dir").build();
    check(&bind, "fs.path.source = /work/sub", output, "/work/sub /work/link");
    check(&bind, "fs.path.source = /etc/sub", output, "/etc/sub /srv/dir");
}

#[test]
fn a_call_that_fails_is_tested_by_its_path_without_detours() {
    use p::SYSCALL_LINK_2_X as l;
    let ty = E::SYSCALL_LINK_2_X;
    let failed = EventBuilder::new(ty)
        .tid(7)
        .int(l::res, -1)
        .text(l::oldpath, b"/etc/./shadow")
        .text(l::newpath, b"x");
    check(&failed.build(), "evt.arg.oldpath = /etc/shadow", "%evt.arg.newpath", "/work/x");
}

#[test]
fn a_path_outside_the_mounts_is_not_below_the_root() {
    let event = mkdir("x", "(unreachable)/etc/x");
    check(&event, "fs.path.name endswith /etc/x", "%fs.path.name", "(unreachable)/etc/x");
    check_not(&event, "fs.path.name startswith /etc");
}

#[test]
fn directories_are_where_the_kernel_says() {
    let mut machine = Machine::new();
    let cwd =
        |machine: &mut Machine, event: &OwnedEvent| machine.alert(event, "evt.num > 0", "%proc.cwd").unwrap();
    assert_eq!(cwd(&mut machine, &chdir("link", "/tmp/a/b")), "/tmp/a/b/");
    assert_eq!(cwd(&mut machine, &chdir("..", "/tmp/a")), "/tmp/a/");
    // Renaming a file changes no working directory; renaming a directory does.
    assert_eq!(cwd(&mut machine, &rename(["x", "y"], ["/tmp/a", "/tmp/c"])), "/tmp/a/");
    assert_eq!(cwd(&mut machine, &rename(["x", "y"], ["/tmp/aa", "/tmp/c/"])), "/tmp/a/");
    assert_eq!(cwd(&mut machine, &rename(["/tmp", "y"], ["/tmp", "/var/d/"])), "/var/d/a/");
    let made = event(E::SYSCALL_MKDIR_2_X).text(p::SYSCALL_MKDIR_2_X::path, b"x").build();
    assert_eq!(machine.alert(&made, "evt.num > 0", "%fs.path.name").unwrap(), "/var/d/a/x");
    let ty = E::SYSCALL_FCHDIR_X;
    let there = event(ty).int(p::SYSCALL_FCHDIR_X::fd, 3).text(kernel(0, ty), b"/srv").build();
    assert_eq!(cwd(&mut machine, &there), "/srv/");
    let ty = E::SYSCALL_GETCWD_X;
    // The process has another root directory.
    let told = event(ty).text(p::SYSCALL_GETCWD_X::path, b"/").text(kernel(0, ty), b"/srv/jail").build();
    assert_eq!(cwd(&mut machine, &told), "/srv/jail/");
    let ty = E::SYSCALL_SETNS_X;
    let entered = event(ty).int(p::SYSCALL_SETNS_X::fd, 3).int(p::SYSCALL_SETNS_X::nstype, 0);
    assert_eq!(cwd(&mut machine, &entered.text(kernel(0, ty), b"/").text(kernel(1, ty), b"/").build()), "/");
    // After unseen changes, the start of a program reports its working directory.
    let ty = E::SYSCALL_EXECVE_19_X;
    let started = event(ty).int(p::SYSCALL_EXECVE_19_X::pid, 7).text(kernel(0, ty), b"/opt").build();
    assert_eq!(cwd(&mut machine, &started), "/opt/");
}

#[test]
fn a_directory_that_two_processes_work_in_is_renamed_for_both() {
    let thread = |tid: i64, cwd: &[u8]| ThreadEntry {
        tid,
        pid: tid,
        ptid: 1,
        cwd: cwd.to_vec(),
        ..ThreadEntry::default()
    };
    let mut inspector = Inspector::default();
    let threads = vec![thread(7, b"/tmp/a/"), thread(8, b"/tmp/a/b/"), thread(9, b"/tmp/ab/")];
    inspector.load(Snapshot { threads, ..Snapshot::default() });
    let event = rename(["/tmp/a", "/tmp/c"], ["/tmp/a", "/tmp/c/"]);
    inspector.process(event.as_raw());
    let state = inspector.state();
    let cwd = |tid| state.threads.cwd(state.threads.get(tid).unwrap());
    assert_eq!([7, 8, 9].map(cwd), [&b"/tmp/c/"[..], b"/tmp/c/b/", b"/tmp/ab/"]);
}
