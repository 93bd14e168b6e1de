//! `proc.*`

use eyas_fields::{Arg, Field, Value};

use super::row::{fields, index, key};
use crate::state::{Thread, split_nul};
use crate::view::EventView;

fields! {
    "proc.exe": STR Process Na; "First argument of the program (argv[0])."
        => |v, _| Some(Value::Str(&v.thread()?.exe)),
    "proc.pexe": STR Ancestors Na; "First argument of the parent."
        => |v, _| Some(Value::Str(&v.parent()?.exe)),
    "proc.aexe" [OptionalIndex]: STR Ancestors Na (ANY | NO_RHS | NO_TRANSFORMER); "First argument of an ancestor: [1] is the parent; without an index, of all ancestors."
        => |v, f| ancestor(v, f, |t| Value::Str(&t.exe)),
    "proc.exepath": STR Process Na; "Path of the executable."
        => |v, _| Some(Value::Str(&v.thread()?.executable.path)),
    "proc.pexepath": STR Ancestors Na; "Path of the parent's executable."
        => |v, _| Some(Value::Str(&v.parent()?.executable.path)),
    "proc.aexepath" [OptionalIndex]: STR Ancestors Na (ANY | NO_RHS | NO_TRANSFORMER); "Path of an ancestor's executable: [1] is the parent; without an index, of all ancestors."
        => |v, f| ancestor(v, f, |t| Value::Str(&t.executable.path)),
    "proc.name": STR Process Na; "Command name of the thread, at most 15 bytes."
        => |v, _| Some(Value::Str(&v.thread()?.comm)),
    "proc.pname": STR Ancestors Na; "Command name of the parent."
        => |v, _| Some(Value::Str(&v.parent()?.comm)),
    "proc.aname" [OptionalIndex]: STR Ancestors Na (ANY | NO_RHS | NO_TRANSFORMER); "Command name of an ancestor: [1] is the parent; without an index, of all ancestors."
        => |v, f| ancestor(v, f, |t| Value::Str(&t.comm)),
    "proc.args" [OptionalIndex]: STR Process Na; "Arguments after the first, blank-separated; with an index, one of them."
        => |v, f| Some(Value::Str(item_or_all(v, &v.thread()?.args, f))),
    "proc.aargs" [OptionalIndex]: STR Ancestors Na; "Arguments of an ancestor, blank-separated: [1] is the parent; without an index, of all ancestors."
        => aargs,
    "proc.cmdline": STR Process Na; "Command name and arguments."
        => |v, _| Some(Value::Str(&v.thread()?.cmdline)),
    "proc.pcmdline": STR Ancestors Na; "Command name and arguments of the parent."
        => |v, _| Some(Value::Str(&v.parent()?.cmdline)),
    "proc.acmdline" [OptionalIndex]: STR Ancestors Na (ANY | NO_RHS | NO_TRANSFORMER); "Command name and arguments of an ancestor: [1] is the parent; without an index, of all ancestors."
        => |v, f| ancestor(v, f, |t| Value::Str(&t.cmdline)),
    "proc.cmdnargs": UINT64 Process Dec; "Number of arguments after the first."
        => |v, _| Some(Value::Uint(split_nul(&v.thread()?.args).count() as u64)),
    "proc.cmdlenargs": UINT64 Process Dec; "Length of the arguments after the first, bytes."
        => |v, _| Some(Value::Uint(split_nul(&v.thread()?.args).map(|arg| arg.len() as u64).sum())),
    "proc.exeline": STR Process Na; "All arguments, including the first, blank-separated."
        => exeline,
    "proc.env" [OptionalKey]: STR Process Na; "Environment, blank-separated; [NAME] selects the value of one variable."
        => env,
    "proc.aenv" [OptionalKey]: STR Ancestors Na (ANY | NO_RHS | NO_TRANSFORMER); "Environments of the ancestors; [n] selects one ancestor, [NAME] the value of the variable in the nearest ancestor that has it."
        => aenv,
    "proc.cwd": STR Process Na; "Working directory, ending in a slash."
        => |v, _| v.cwd().map(Value::Str),
    "proc.loginshellid": INT64 Ancestors Id; "Process id of the outermost shell among the process and its ancestors (the login shell)."
        => loginshellid,
    "proc.shelldepth": UINT64 Ancestors Dec; "Number of generations between the process and its login shell; 0 for the shell itself, absent without a shell."
        => |v, _| {
            let is_shell = |t: &Thread| t.comm.ends_with(b"sh");
            let generations = v.ancestors().enumerate().filter(|(_, t)| is_shell(t)).last();
            let own = || v.main().filter(|t| is_shell(t)).map(|_| 0);
            generations.map(|(at, _)| at as u64 + 1).or_else(own).map(Value::Uint)
        },
    "proc.tty": UINT32 Process Id; "Controlling terminal, 0 for none."
        => |v, _| Some(Value::Uint(u64::from(v.session()?.tty))),
    "proc.pid": INT64 Process Id; "Process id."
        => |v, _| Some(Value::Int(v.thread()?.pid)),
    "proc.ppid": INT64 Ancestors Id; "Process id of the parent."
        => |v, _| Some(Value::Int(v.parent()?.pid)),
    "proc.apid" [OptionalIndex]: INT64 Ancestors Id (ANY | NO_RHS | NO_TRANSFORMER); "Process id of an ancestor: [1] is the parent; without an index, of all ancestors."
        => |v, f| ancestor(v, f, |t| Value::Int(t.pid)),
    "proc.vpid": INT64 Process Id; "Process id in its own pid namespace."
        => |v, _| known(v.thread()?.vpid),
    "proc.pvpid": INT64 Ancestors Id; "Process id of the parent in its own pid namespace."
        => |v, _| known(v.thread_by_tid(v.thread()?.ptid)?.vpid),
    "proc.sid": INT64 Process Id; "Session id."
        => |v, _| Some(Value::Int(v.session()?.sid)),
    "proc.sname": STR Event Na; "Command name of the session's leader."
        => |v, _| leader(v, Leader::Session, |t| &t.comm),
    "proc.sid.exe": STR Event Na; "First argument of the session's leader."
        => |v, _| leader(v, Leader::Session, |t| &t.exe),
    "proc.sid.exepath": STR Event Na; "Path of the session leader's executable."
        => |v, _| leader(v, Leader::Session, |t| &t.executable.path),
    "proc.vpgid": INT64 Process Id; "Process group in its own pid namespace."
        => |v, _| Some(Value::Int(v.session()?.vpgid)),
    "proc.vpgid.name": STR Event Na; "Command name of the process group's leader, found by proc.vpgid."
        => |v, _| leader(v, Leader::NamespaceGroup, |t| &t.comm),
    "proc.vpgid.exe": STR Event Na; "First argument of the process group's leader, found by proc.vpgid."
        => |v, _| leader(v, Leader::NamespaceGroup, |t| &t.exe),
    "proc.vpgid.exepath": STR Event Na; "Path of the process group leader's executable, found by proc.vpgid."
        => |v, _| leader(v, Leader::NamespaceGroup, |t| &t.executable.path),
    "proc.pgid": INT64 Process Id; "Process group on the host."
        => |v, _| Some(Value::Int(v.session()?.pgid)),
    "proc.pgid.name": STR Event Na; "Command name of the process group's leader."
        => |v, _| leader(v, Leader::Group, |t| &t.comm),
    "proc.pgid.exe": STR Event Na; "First argument of the process group's leader."
        => |v, _| leader(v, Leader::Group, |t| &t.exe),
    "proc.pgid.exepath": STR Event Na; "Path of the process group leader's executable."
        => |v, _| leader(v, Leader::Group, |t| &t.executable.path),
    "proc.duration": RELTIME Event Dec; "Nanoseconds since the process started."
        => |v, _| since(v, v.thread()?.clone_ts),
    "proc.ppid.duration": RELTIME Event Dec; "Nanoseconds since the parent started."
        => |v, _| since(v, v.parent()?.clone_ts),
    "proc.pid.ts": RELTIME Process Dec; "Start time of the process, nanoseconds since the epoch."
        => |v, _| nonzero(v.thread()?.clone_ts),
    "proc.ppid.ts": RELTIME Ancestors Dec; "Start time of the parent, nanoseconds since the epoch."
        => |v, _| Some(Value::Uint(v.thread_by_tid(v.thread()?.ptid)?.clone_ts)),
    "proc.is_exe_writable": BOOL Process Na; "Whether the user who executed the file may write it."
        => |v, _| Some(Value::Bool(v.thread()?.executable.is_writable)),
    "proc.is_exe_upper_layer": BOOL Process Na; "Whether the executable is in the upper layer of an overlay file system."
        => |v, _| Some(Value::Bool(v.thread()?.executable.in_upper_layer)),
    "proc.is_exe_lower_layer": BOOL Process Na; "Whether the executable is in a lower layer of an overlay file system."
        => |v, _| Some(Value::Bool(v.thread()?.executable.in_lower_layer)),
    "proc.is_exe_from_memfd": BOOL Process Na; "Whether the executable is a file in memory (memfd)."
        => |v, _| Some(Value::Bool(v.thread()?.executable.from_memfd)),
    "proc.is_sid_leader": BOOL Process Na; "Whether the process leads its session."
        => |v, _| leads_session(v).map(Value::Bool),
    "proc.is_vpgid_leader": BOOL Process Na; "Whether the process leads its group, by the ids of its pid namespace."
        => |v, _| Some(Value::Bool(v.session()?.vpgid == v.thread()?.vpid)),
    "proc.is_pgid_leader": BOOL Process Na; "Whether the process leads its group."
        => |v, _| Some(Value::Bool(v.session()?.pgid == v.thread()?.pid)),
    "proc.exe_hash.sha256": STR Event Na; "SHA-256 of the executable, in hexadecimal digits; absent until it is computed, and in replays."
        => exe_hash,
    "proc.exe_ino": INT64 Process Dec; "Inode of the executable."
        => |v, _| { let ino = v.thread()?.executable.ino; (ino != 0).then_some(Value::Int(ino as i64)) },
    "proc.exe_ino.ctime": ABSTIME Process Dec; "Time of the last change of the executable's inode (ctime), nanoseconds since the epoch."
        => |v, _| nonzero(v.thread()?.executable.ctime),
    "proc.exe_ino.mtime": ABSTIME Process Dec; "Time of the last modification of the executable (mtime), nanoseconds since the epoch."
        => |v, _| nonzero(v.thread()?.executable.mtime),
    "proc.exe_ino.ctime_duration_proc_start": ABSTIME Process Dec; "Nanoseconds from the last change of the executable's inode to the start of the process."
        => |v, _| nonzero(v.thread()?.executable.ctime_to_clone as u64),
    "proc.exe_ino.ctime_duration_pidns_start": ABSTIME Process Dec; "Nanoseconds from the start of the pid namespace to the last change of the executable's inode."
        => |v, _| nonzero(v.thread()?.executable.pidns_start_to_ctime as u64),
    "proc.pidns_init_start_ts": UINT64 Process Dec; "Start time of the pid namespace, nanoseconds since the epoch."
        => |v, _| nonzero(v.thread()?.pidns_start),
    "proc.fdopencount": UINT64 Event Dec; "Number of open files of the process."
        => |v, _| v.thread().map(|_| Value::Uint(open_files(v))),
    "proc.fdlimit": INT64 Process Dec; "Maximum number of files that the process may open."
        => |v, _| v.thread().map(|_| Value::Int(v.main().map_or(0, |t| t.fdlimit))),
    "proc.fdusage": DOUBLE Event Na; "Number of open files in percent of proc.fdlimit."
        => fdusage,
    "proc.vmsize": UINT64 Event Dec; "Virtual memory in KiB."
        => |v, _| v.thread().map(|t| Value::Uint(u64::from(t.activity.vm_size))),
    "proc.vmrss": UINT64 Event Dec; "Resident memory in KiB."
        => |v, _| v.thread().map(|t| Value::Uint(u64::from(t.activity.vm_rss))),
    "proc.vmswap": UINT64 Event Dec; "Swapped memory in KiB."
        => |v, _| v.thread().map(|t| Value::Uint(u64::from(t.activity.vm_swap))),
    "proc.nthreads": UINT64 Event Dec; "Number of threads of the process that have not exited."
        => |v, _| Some(Value::Uint(v.thread_count()?)),
    "proc.nchilds": UINT64 Event Dec; "Number of threads of the process that have not exited, without its leader."
        => |v, _| { let n = v.thread_count()?; Some(Value::Uint(n.saturating_sub(u64::from(v.main().is_some_and(|t| !t.is_dead()))))) },
    "proc.stdin.type": STR Event Na; "Kind of the standard input, as in fd.type."
        => |v, _| v.fd_entry(0).map(|fd| Value::from(fd.kind.name())),
    "proc.stdout.type": STR Event Na; "Kind of the standard output, as in fd.type."
        => |v, _| v.fd_entry(1).map(|fd| Value::from(fd.kind.name())),
    "proc.stderr.type": STR Event Na; "Kind of the standard error, as in fd.type."
        => |v, _| v.fd_entry(2).map(|fd| Value::from(fd.kind.name())),
    "proc.stdin.name": STR Event Na; "Name of the standard input, as in fd.name."
        => |v, _| v.fd_entry(0).map(|fd| Value::Str(&fd.name)),
    "proc.stdout.name": STR Event Na; "Name of the standard output, as in fd.name."
        => |v, _| v.fd_entry(1).map(|fd| Value::Str(&fd.name)),
    "proc.stderr.name": STR Event Na; "Name of the standard error, as in fd.name."
        => |v, _| v.fd_entry(2).map(|fd| Value::Str(&fd.name)),
}

fn exe_hash<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let hash = v.exe_hashes()?.of(v.thread()?)?;
    Some(Value::Str(v.bump().alloc_slice_copy(&hash)))
}

fn nonzero(n: u64) -> Option<Value<'static>> {
    (n != 0).then_some(Value::Uint(n))
}

fn known(id: i64) -> Option<Value<'static>> {
    (id != -1).then_some(Value::Int(id))
}

fn since(v: &EventView<'_>, start: u64) -> Option<Value<'static>> {
    (start != 0).then(|| Value::Uint(v.event().ts.wrapping_sub(start)))
}

/// Field of an ancestor, or of all of them.
fn ancestor<'v>(
    v: &'v EventView<'v>,
    field: &Field,
    get: impl Fn(&'v Thread) -> Value<'v>,
) -> Option<Value<'v>> {
    v.thread()?;
    match index(field) {
        Some(n) => v.ancestor(n).map(get),
        None => list(v, v.ancestors().map(get)),
    }
}

/// The texts and numbers of ancestors; absent if no ancestor has a value.
fn list<'v>(v: &'v EventView<'v>, values: impl Iterator<Item = Value<'v>>) -> Option<Value<'v>> {
    let list = v.list(values);
    let is_something = |value: &Value<'_>| !matches!(value, Value::Str(b""));
    matches!(list, Value::List(values) if values.iter().any(is_something)).then_some(list)
}

fn exeline<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let t = v.thread()?;
    let line = if t.args.is_empty() { [&t.exe[..], b""] } else { [&t.exe[..], &t.args] };
    let mut out = bumpalo::collections::Vec::with_capacity_in(line[0].len() + line[1].len() + 1, v.bump());
    out.extend_from_slice_copy(line[0]);
    out.push(b' ');
    out.extend_from_slice_copy(v.join(&[], line[1]));
    Some(Value::Str(out.into_bump_slice()))
}

/// Number of open files of the process; 0 if its leader is unknown.
fn open_files(v: &EventView<'_>) -> u64 {
    // A thread may have files of its own.
    let thread = v.thread().filter(|_| v.main().is_some());
    thread.and_then(|thread| v.state().threads.fds(thread)).map_or(0, |fds| fds.len() as u64)
}

fn leads_session(v: &EventView<'_>) -> Option<bool> {
    Some(v.session()?.is_led_by(v.thread()?.pid, v.thread()?.vpid))
}

/// Item `[n]` of a NUL-separated list, empty if there is none; without an index, all items,
/// blank-separated.
fn item_or_all<'v>(v: &'v EventView<'v>, list: &'v [u8], field: &Field) -> &'v [u8] {
    match index(field) {
        Some(n) => usize::try_from(n).ok().and_then(|n| split_nul(list).nth(n)).unwrap_or_default(),
        None => v.join(&[], list),
    }
}

fn aargs<'v>(v: &'v EventView<'v>, field: &Field) -> Option<Value<'v>> {
    v.thread()?;
    match index(field) {
        Some(n) => v.ancestor(n).map(|t| Value::Str(v.join(&[], &t.args))),
        None => {
            let mut all = bumpalo::collections::Vec::new_in(v.bump());
            for ancestor in v.ancestors() {
                if !all.is_empty() {
                    all.push(b' ');
                }
                all.extend_from_slice_copy(v.join(&[], &ancestor.args));
            }
            (!all.is_empty()).then(|| Value::Str(all.into_bump_slice()))
        }
    }
}

/// Value of the variable `name`, without surrounding blanks; empty if it is not set.
fn variable<'v>(env: &'v [u8], name: &str) -> &'v [u8] {
    split_nul(env)
        .find_map(|entry| entry.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        .map_or(b"", |value| value.trim_ascii())
}

fn env<'v>(v: &'v EventView<'v>, field: &Field) -> Option<Value<'v>> {
    let env = v.env()?;
    Some(Value::Str(match key(field) {
        Some(name) => variable(env, name),
        None => v.join(&[], env),
    }))
}

fn aenv<'v>(v: &'v EventView<'v>, field: &Field) -> Option<Value<'v>> {
    /// Number of ancestors in which a variable is searched.
    const GENERATIONS: usize = 20;
    v.thread()?;
    match &field.arg {
        Some(Arg::Index(0)) => Some(Value::Str(v.join(&[], v.env()?))),
        // An unknown process has no known ancestors.
        Some(Arg::Index(_)) if v.main().is_none() => Some(Value::Str(b"")),
        Some(Arg::Index(n)) => v.ancestor(*n).map(|t| Value::Str(v.join(&[], &t.env))),
        Some(Arg::Key(name)) => {
            let found = v
                .ancestors()
                .take(GENERATIONS)
                .map(|t| variable(&t.env, name))
                .find(|value| !value.is_empty());
            Some(Value::Str(found.unwrap_or_default()))
        }
        None => list(v, v.ancestors().map(|t| Value::Str(v.join(&[], &t.env)))),
    }
}

fn loginshellid<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let own = v.main()?;
    let is_shell = |t: &&Thread| t.comm.ends_with(b"sh");
    let outermost = v.ancestors().filter(is_shell).last().or_else(|| Some(own).filter(is_shell));
    outermost.map(|t| Value::Int(t.pid))
}

#[derive(Clone, Copy)]
enum Leader {
    Session,
    Group,
    NamespaceGroup,
}

/// Text of the leader of a session or process group; empty if the leader is unknown.
fn leader<'v>(
    v: &'v EventView<'v>,
    which: Leader,
    get: impl Fn(&'v Thread) -> &'v [u8],
) -> Option<Value<'v>> {
    let own = v.thread()?;
    let id_of = |t: &Thread| {
        let session = v.state().threads.session(t);
        match which {
            Leader::Session => session.sid,
            Leader::Group => session.pgid,
            Leader::NamespaceGroup => session.vpgid,
        }
    };
    let id = id_of(own);
    if id == -1 {
        return Some(Value::Str(b""));
    }
    let direct = match which {
        _ if !own.in_pid_namespace() => v.thread_by_tid(id),
        Leader::Session => None,
        // By its id on the host: a group from outside has none in the namespace.
        Leader::Group | Leader::NamespaceGroup => v.thread_by_tid(v.state().threads.session(own).pgid),
    };
    // The leader has ended, or its id belongs to another namespace: take the highest ancestor in the
    // unbroken line.
    let found = direct.or_else(|| v.ancestors().take_while(|t| id_of(t) == id).last());
    Some(Value::Str(found.map_or(b"", get)))
}

fn fdusage<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    v.thread()?;
    let (limit, open) = (v.main().map_or(0, |main| main.fdlimit), open_files(v));
    let usage = if limit > 0 { (open as f64 * 100.0 / limit as f64).min(100.0) } else { 0.0 };
    Some(Value::Double(usage))
}
