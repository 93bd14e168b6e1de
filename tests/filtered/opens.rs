//! Repeated opens, about which the probe has decided before, and calls that describe the file of their descriptor.

use eyas_testing::{own_bpf_maps, test};
use libbpf_rs::query::MapInfoIter;
use libbpf_rs::{MapCore, MapFlags, MapHandle};

use super::*;

/// Number of times an open is repeated. The filter's decision about an earlier one applies to the later ones.
const REPEATED: usize = 30;

const RULES_ON_OPENS: [(&str, &str); 8] = [
    ("a secret", "evt.type = openat and fd.num >= 0 and fd.nameopened startswith BASE/secret/"),
    ("for writing", "evt.type = openat and evt.is_open_write = true and fd.name = BASE/one/plain"),
    ("made", "evt.type = openat and evt.arg.flags contains O_F_CREATED and fd.name = BASE/one/made"),
    ("a loop", "evt.type = openat and evt.res = ELOOP and fd.name = BASE/one/loop"),
    ("there at last", "evt.type = openat and evt.res = SUCCESS and fd.name = BASE/one/late"),
    ("of a longer name", "evt.type = openat and fd.name endswith /plain.longer"),
    // The text of the path whose file the other rules compare.
    ("by its text", "evt.type = openat and evt.rawarg.name endswith one/late"),
    ("no directory", "evt.type = openat and fd.name startswith BASE/nowhere"),
];

/// Opens paths repeatedly, and changes something about each once the filter has decided about it.
fn changing_opens(base: &Path) {
    use rustix::fs;
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES).unwrap();
    let path = |name: &str| base.join(name);
    let open = |name: &str, flags: OFlags| {
        let opened = fs::openat(CWD, path(name), flags | OFlags::CLOEXEC, Mode::RWXU);
        drop(opened);
    };
    let often = |name: &str, flags: OFlags| (0..REPEATED).for_each(|_| open(name, flags));
    let (read, write) = (OFlags::RDONLY, OFlags::WRONLY);
    for _ in 0..3 {
        often("one/plain", read);
        // Other flags.
        open("one/plain", write);
        often("one/plain", read);
        // The name leads to another file: through a symlink,
        fs::rename(path("one/plain"), path("one/kept")).unwrap();
        fs::symlink(path("secret/a"), path("one/plain")).unwrap();
        often("one/plain", read);
        fs::unlink(path("one/plain")).unwrap();
        // because its directory is now a symlink,
        fs::rename(path("one"), path("uno")).unwrap();
        fs::symlink(path("secret"), path("one")).unwrap();
        open("one/a", read);
        fs::unlink(path("one")).unwrap();
        fs::rename(path("uno"), path("one")).unwrap();
        // or to no file.
        often("one/plain", read);
        fs::rename(path("one/kept"), path("one/plain")).unwrap();
        often("one/plain", read);
        std::fs::write(path("one/plain.longer"), "text").unwrap();
        often("one/plain.longer", read);
        // The same call has another result.
        open("one/made", write | OFlags::CREATE);
        often("one/made", write | OFlags::CREATE);
        fs::unlink(path("one/made")).unwrap();
        open("one/made", write | OFlags::CREATE);
        fs::unlink(path("one/made")).unwrap();
        often("one/loop", read);
        fs::symlink("loop", path("one/loop")).unwrap();
        often("one/loop", read);
        fs::unlink(path("one/loop")).unwrap();
        often("one/late", read);
        std::fs::write(path("one/late"), "text").unwrap();
        often("one/late", read);
        fs::unlink(path("one/late")).unwrap();
    }
}

fn tree(name: &str) -> Dir {
    let base = Dir::new(name);
    for name in ["secret", "one"] {
        std::fs::create_dir_all(base.join(name)).unwrap();
    }
    std::fs::write(base.join("secret/a"), "text").unwrap();
    std::fs::write(base.join("one/plain"), "text").unwrap();
    base
}

#[test]
fn a_verdict_holds_for_the_same_open_alone() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = tree("opens");
    let engine = engine_of(&RULES_ON_OPENS, "%evt.type %evt.res %fd.name %evt.arg.flags", &base);
    let rows = rows(&engine);
    assert_eq!(file_user(&engine, true), None);
    let by_path = eyas::events::filter::flags::BY_PATH;
    let codes = codes(&["openat", "close", "rename", "renameat", "renameat2", "unshare"]);
    for filter in filters(&engine) {
        assert!(filter.types[usize::from(EventType::SYSCALL_OPENAT_2_X.0)].flags & by_path != 0);
        let (mut plain, mut filtered) = (open(&codes), open(&codes));
        filtered.0.set_filter(Some(&filter), SAMPLE).unwrap();
        let tid = run(|| changing_opens(&base));
        let all = seen(&mut plain, &engine, &rows, tid);
        let some = seen(&mut filtered, &engine, &rows, tid);
        let (missing, _) = missing(&all, &some, &RULES_ON_OPENS);
        assert!(missing.len() > 10 * REPEATED, "{} of {} events are left out", missing.len(), all.len());
    }
}

/// The filters of these rules: one that sends the opens of directories, and one that does not.
fn filters(engine: &Engine) -> [Filter; 2] {
    let fields = engine.fields_by_use().concat();
    [probe_filter(&rows(engine), &fields, PLAIN).unwrap(), directories::filter_of(engine)]
}

/// Number of verdicts that this process's newest probe keeps.
fn kept_verdicts() -> usize {
    let own = own_bpf_maps();
    let probes = MapInfoIter::default().filter(|map| map.name == "judged_opens" && own.contains(&map.id));
    let map = MapHandle::from_map_id(probes.map(|map| map.id).max().unwrap()).unwrap();
    let verdict = |key: u32| map.lookup(&key.to_ne_bytes(), MapFlags::ANY).unwrap().unwrap();
    (0..map.max_entries()).filter(|key| verdict(*key).iter().any(|byte| *byte != 0)).count()
}

/// Number of files, and of missing ones: so many that some decisions need the same place in the probe's table.
const FILES: usize = 300;

const RULES_ON_MANY: [(&str, &str); 3] = [
    ("a file", "evt.type = openat and fd.num >= 0 and fd.name endswith 77.wanted"),
    ("a missing file", "evt.type = openat and fd.num < 0 and fd.name endswith 55.missing"),
    ("no file", "evt.type = openat and fd.name endswith .nothing"),
];

/// Opens many files repeatedly.
fn many_opens(base: &Path) {
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES).unwrap();
    let open = |name: String| drop(rustix::fs::openat(CWD, base.join(name), OFlags::RDONLY, Mode::empty()));
    for _ in 0..3 {
        for number in 0..FILES {
            open(format!("one/{number}.wanted"));
            open(format!("one/{number}.missing"));
        }
    }
}

#[test]
fn verdicts_on_many_opens_are_those_of_each() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = tree("many");
    for number in 0..FILES {
        std::fs::write(base.join(format!("one/{number}.wanted")), "").unwrap();
    }
    let engine = engine_of(&RULES_ON_MANY, "%evt.type %evt.res %fd.name", &base);
    let rows = rows(&engine);
    let codes = codes(&["openat", "close", "unshare"]);
    for filter in filters(&engine) {
        let (mut plain, mut filtered) = (open(&codes), open(&codes));
        filtered.0.set_filter(Some(&filter), 0).unwrap();
        let tid = run(|| many_opens(&base));
        // Some opens need the same place. Both kinds of opens have verdicts.
        let kept = kept_verdicts();
        assert!(kept > 3 * FILES / 2, "{kept} verdicts are kept");
        let all = seen(&mut plain, &engine, &rows, tid);
        let some = seen(&mut filtered, &engine, &rows, tid);
        let (missing, _) = missing(&all, &some, &RULES_ON_MANY);
        let useless = 3 * 2 * FILES - alerts(&all).len();
        let is_open = |seen: &&&Seen| seen.event.as_raw().ty == EventType::SYSCALL_OPENAT_2_X;
        let opens = missing.iter().filter(is_open).count();
        assert!(opens > useless / 10 * 9, "{opens} of {useless} opens that no rule matches are left out");
    }
}

/// The tests in the rows decide whether an open can share the decision about another one.
#[test]
fn opens_with_verdicts_are_those_of_rules_on_paths_flags_and_results() {
    let by_path = |condition: &str| {
        let engine = engine_of(&[("r", condition)], "o", Path::new("/base"));
        let filter = probe_filter(&rows(&engine), &[], PLAIN).unwrap();
        let of = &filter.types[usize::from(EventType::SYSCALL_OPENAT_2_X.0)];
        assert!(of.flags & eyas::events::filter::flags::ON != 0);
        of.flags & eyas::events::filter::flags::BY_PATH != 0
    };
    for condition in [
        "evt.type = openat and fd.name startswith /etc and proc.name = x",
        "evt.type = openat and fd.num >= 0 and fd.name = /etc/shadow",
        "evt.type = openat and evt.is_open_write = true and fd.filename = a",
        "evt.type = openat and evt.res = ENOENT and fd.name endswith b",
    ] {
        assert!(by_path(condition), "{condition}");
    }
    for condition in
        ["evt.type = openat and fd.num = 3 and fd.name = /etc/shadow", "evt.type = openat and fd.num > 100"]
    {
        assert!(!by_path(condition), "{condition}");
    }
}

#[test]
fn a_verdict_ends_with_its_filter() {
    let _turn = eyas_testing::live_turn();
    let base = tree("verdicts");
    let filter = |name: &str| {
        let condition = format!("evt.type = openat and fd.name = BASE/one/{name}");
        let engine = engine_of(&[("r", &condition)], "o", &base);
        probe_filter(&rows(&engine), &[], PLAIN).unwrap()
    };
    let [asks, asks_for_another] = ["plain", "other"].map(filter);
    let options = ProbeOptions { io_uring: false, ..ProbeOptions::only(codes(&["openat"])) };
    let mut source = Source::open(options).unwrap();
    let mut inspector = Inspector::default();
    assert!(matches!(inspector.next(&mut source).unwrap(), Step::Idle | Step::Event(_)));
    let path = base.join("one/plain");
    for filter in [&asks_for_another, &asks, &asks_for_another, &asks] {
        source.set_filter(Some(filter), 0).unwrap();
        for _ in 0..REPEATED {
            drop(rustix::fs::openat(CWD, &path, OFlags::RDONLY, Mode::empty()));
        }
    }
    source.stop_handle().stop();
    let mut opens = 0;
    loop {
        match inspector.next(&mut source).unwrap() {
            Step::Event(view) => {
                let event = view.event();
                let has_path = |param: &[u8]| param.strip_suffix(b"\0") == path.to_str().map(str::as_bytes);
                opens +=
                    usize::from(event.ty == EventType::SYSCALL_OPENAT_2_X && event.params().any(has_path));
            }
            Step::Idle => {}
            Step::End => break,
        }
    }
    assert_eq!(opens, 2 * REPEATED, "only the filter that asks for the file lets its opens pass");
}

const RULES_ON_MODES: [(&str, &str); 9] = [
    ("a mode", "evt.type = fchmod and evt.arg.mode contains S_ISUID"),
    (
        "a mode, with exceptions",
        "evt.type = fchmod and not (fd.name = BASE/one/plain or fd.filename = gone or fd.type = unix)",
    ),
    ("an owner of a directory", "evt.type = fchown and fd.typechar = d"),
    ("an owner of a file", "evt.type = fchown and fd.type = file and not fd.directory = /nowhere"),
    ("no owner of a file", "evt.type = fchown and fd.type = file and not fd.directory = BASE/one"),
    ("an owner", "evt.type = fchown and evt.arg.uid = 12345"),
    (
        "an empty path, with exceptions",
        "evt.type = fchownat and not (fd.name = BASE/one/plain or fd.filename = gone or fd.type = unix)",
    ),
    (
        "a path below a directory",
        "evt.type = fchownat and evt.arg.pathname contains wanted and fd.type = directory",
    ),
    ("no mode", "evt.type = fchmod and evt.arg.mode contains S_ISVTX"),
];

/// Changes the modes and owners of files of all kinds through their descriptors.
fn modes(base: &Path) {
    use rustix::fs;
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES).unwrap();
    let change = |fd: &OwnedFd| {
        let _ = fs::fchmod(fd, Mode::from_raw_mode(0o4755));
        let owner = Some(fs::Uid::from_raw(12345));
        let _ = fs::fchown(fd, owner, None);
        let _ = fs::chownat(fd, "", owner, None, AtFlags::EMPTY_PATH);
        let _ = fs::chownat(fd, "wanted", owner, None, AtFlags::empty());
    };
    for _ in 0..20 {
        let read = |name: &str| fs::openat(CWD, base.join(name), OFlags::RDONLY, Mode::empty()).unwrap();
        let file = read("one/plain");
        change(&file);
        let copy = rustix::io::dup(&file).unwrap();
        drop(file);
        change(&copy);
        // The descriptor number stands for something else.
        let (directory, (reader, writer)) = (read("one"), std::io::pipe().unwrap());
        [&directory, &OwnedFd::from(reader), &OwnedFd::from(writer), &copy].into_iter().for_each(change);
        std::fs::write(base.join("one/gone"), "text").unwrap();
        let gone = read("one/gone");
        fs::unlink(base.join("one/gone")).unwrap();
        change(&gone);
        let (ours, _theirs) = UnixStream::pair().unwrap();
        change(&OwnedFd::from(ours));
    }
}

#[test]
fn a_descriptor_s_file_is_shown_by_the_call_itself() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = tree("modes");
    let output = "%evt.type %evt.res %evt.args %evt.arg.fd %evt.arg.dirfd %fd.name %fd.filename %fd.directory %fd.type %fd.typechar";
    let engine = engine_of(&RULES_ON_MODES, output, &base);
    // Replays also read captures of other programs, whose events lack the path.
    assert_eq!((file_user(&engine, true), file_user(&engine, false)), (None, Some("evt.args")));
    let filter = directories::filter_of(&engine);
    let calls = ["openat", "close", "dup", "pipe2", "fchmod", "fchown", "fchownat", "socketpair", "unshare"];
    let [all, some] = seen_in_both(&engine, (&filter, 0), &calls, || modes(&base));
    let (missing, _) = missing(&all, &some, &RULES_ON_MODES);
    let opens = missing.iter().filter(|seen| seen.event.as_raw().ty == EventType::SYSCALL_OPENAT_2_X).count();
    assert!(opens >= 40, "{opens} opens are left out");
    let named = alerts(&some).iter().filter(|alert| alert.contains("/one/plain")).count();
    assert!(named >= 2 * 40, "{named} alerts have the path");
}

const RULES_ON_TRAVERSALS: [(&str, &str); 5] = [
    (
        "up",
        "evt.type = openat and evt.failed = true and fd.nameraw contains ../ and fd.name startswith BASE/one/secret",
    ),
    (
        "no way up",
        "evt.type = openat and evt.failed = true and fd.nameraw contains ../ and fd.name startswith /nowhere",
    ),
    ("as it was given", "evt.type = openat and evt.failed = true and fd.nameraw startswith ./wanted"),
    (
        "a name as rules see it",
        "evt.type = openat and evt.failed = true and fd.nameraw contains slash/joined",
    ),
    ("a removed name", "evt.type = unlinkat and evt.failed = true and evt.rawarg.name = up/../gone"),
];

/// Calls that fail, by paths that are not those that rules see.
fn traversals(base: &Path) {
    use rustix::{fs, process};
    #[allow(deprecated, reason = "nothing that others have opened is used from here on")]
    rustix::thread::unshare(rustix::thread::UnshareFlags::FILES | rustix::thread::UnshareFlags::FS).unwrap();
    process::chdir(base.join("two")).unwrap();
    let names = [
        "header.h",
        "bits/types.h",
        "./bits/types.h",
        "./wanted/x",
        "../one/secret/x",
        "../one/./secret/x",
        "../two/x",
        "slash//joined",
        "slash///joined/",
        "a\tb",
        "sub/../../one/secret/y",
        "dir/",
    ];
    let mut numbers = Numbers(11);
    for _ in 0..2000 {
        let name = names[numbers.below(names.len())];
        let absolute = base.join("two").join(name);
        let path = if numbers.below(4) == 0 { absolute.as_path() } else { Path::new(name) };
        assert!(fs::openat(CWD, path, OFlags::RDONLY, Mode::empty()).is_err());
        let _ = fs::unlinkat(CWD, ["up/../gone", "up/../other", "gone"][numbers.below(3)], AtFlags::empty());
    }
}

#[test]
fn paths_as_programs_pass_them_decide_about_calls_that_fail() {
    eyas_testing::ignore_in_chroot();
    let _turn = eyas_testing::live_turn();
    let base = Dir::new("traversals");
    ["two", "one/secret"].iter().for_each(|name| std::fs::create_dir_all(base.join(name)).unwrap());
    let engine = engine_of(&RULES_ON_TRAVERSALS, "%evt.type %evt.res %evt.rawarg.name", &base);
    let filter = directories::filter_of(&engine);
    let calls = ["openat", "unlinkat", "chdir", "unshare"];
    let [all, some] = seen_in_both(&engine, (&filter, SAMPLE), &calls, || traversals(&base));
    let (missing, kept) = missing(&all, &some, &RULES_ON_TRAVERSALS);
    let opens = missing.iter().filter(|seen| seen.event.as_raw().ty == EventType::SYSCALL_OPENAT_2_X).count();
    println!("{opens} of {} events are opens that are left out; {kept} of no use are not", all.len());
    // Three of twelve names, whatever they lead to.
    assert!(opens > 2000 / 5, "{opens} opens are left out");
}
