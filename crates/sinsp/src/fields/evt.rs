//! `evt.*`, `syscall.type` and `util.cnt`.

use eyas_events::{Arch, Category, EventFlags, EventType, ParamType, SyscallCode, param, syscalls};
use eyas_fields::{Field, Value};

use super::row::{fields, index, key, none};
use crate::param_names::param_index;
use crate::path_params;
use crate::render::{self, Text, names, time};
use crate::state::{FdKind, Thread};
use crate::view::{EventView, FdClass, is_meta};

pub(crate) mod open;
mod raw;

pub(crate) use raw::field_type as raw_type;

const NS: u64 = 1_000_000_000;

fields! {
    "evt.num": UINT64 Event Id (POSITIVE); "Number of the event; the first event of the capture is 1."
        => |v, _| Some(Value::Uint(v.num())),
    "evt.time": STR Event Na (EVENT_TIME); "Time of day with nanoseconds, in the local time zone."
        => |v, _| Some(text(v, |out| time::time(v.event().ts, true, out))),
    "evt.time.s": STR Event Na (EVENT_TIME); "Time of day in whole seconds, in the local time zone."
        => |v, _| Some(text(v, |out| time::time(v.event().ts, false, out))),
    "evt.time.iso8601": STR Event Na (EVENT_TIME); "Time in ISO 8601 with nanoseconds, in UTC."
        => |v, _| Some(text(v, |out| time::iso8601(v.event().ts, out))),
    "evt.datetime": STR Event Na (EVENT_TIME); "Date and time of day with nanoseconds, in the local time zone."
        => |v, _| Some(text(v, |out| time::datetime(v.event().ts, true, out))),
    "evt.datetime.s": STR Event Na (EVENT_TIME); "Date and time of day in whole seconds, in the local time zone."
        => |v, _| Some(text(v, |out| time::datetime(v.event().ts, false, out))),
    "evt.rawtime": ABSTIME Event Dec; "Time in nanoseconds since the epoch."
        => |v, _| Some(Value::Uint(v.event().ts)),
    "evt.rawtime.s": ABSTIME Event Dec; "Time in whole seconds since the epoch."
        => |v, _| Some(Value::Uint(v.event().ts / NS)),
    "evt.rawtime.ns": ABSTIME Event PaddedDec; "Nanoseconds within the second of the event's time."
        => |v, _| Some(Value::Uint(v.event().ts % NS)),
    "evt.reltime": RELTIME Event PaddedDec; "Nanoseconds since the first event of the capture."
        => |v, _| Some(Value::Uint(v.since_first())),
    "evt.reltime.s": RELTIME Event Dec; "Whole seconds since the first event of the capture."
        => |v, _| Some(Value::Uint(v.since_first() / NS)),
    "evt.reltime.ns": RELTIME Event PaddedDec; "Nanoseconds within the second of the time since the first event of the capture."
        => |v, _| Some(Value::Uint(v.since_first() % NS)),
    "evt.pluginname": STR Event Na; "Name of the plugin that sent the event."
        => |v, _| Some(Value::from(&*v.plugins()?.sender(&v.event())?.name)),
    "evt.plugininfo": STR Event Na; "Summary of the event by its plugin."
        => plugin_info,
    "evt.source": STR Event Na; "Name of the event's source, such as syscall."
        => |v, _| v.source().map(Value::from),
    "evt.is_async": BOOL Event Na; "Whether the event is asynchronous: sent by user space, not for a call."
        => |v, _| Some(Value::Bool(is_meta(&v.event()))),
    "evt.asynctype": STR Event Na; "Name of an asynchronous event."
        => |v, _| is_meta(&v.event()).then(|| Value::Str(name(v))),
    "evt.hostname": STR Host Na; "Host name of the machine."
        => |v, _| Some(Value::Str(v.hostname())),
    "evt.latency": RELTIME Event Dec (DEPRECATED | HIDDEN); "Duration of the call, ns; 0 if the capture has no enter events, as those of current probes."
        => |v, _| Some(Value::Uint(v.event().latency())),
    "evt.latency.s": RELTIME Event Dec (DEPRECATED | HIDDEN); "Whole seconds of evt.latency."
        => |v, _| Some(Value::Uint(v.event().latency() / NS)),
    "evt.latency.ns": RELTIME Event PaddedDec (DEPRECATED | HIDDEN); "Nanoseconds of evt.latency within the second."
        => |v, _| Some(Value::Uint(v.event().latency() % NS)),
    "evt.latency.quantized": UINT64 Event Dec (HIDDEN); "Column of evt.latency on a logarithmic scale of 80 columns from 1 ns to 100 s; 0 if it is not known."
        => |v, _| Some(Value::Uint(column(v.event().latency()))),
    "evt.latency.human": STR Event Na (DEPRECATED | HIDDEN); "evt.latency with a unit: 250ns, 1.50us, 12ms, 3.05s."
        => |v, _| Some(text(v, |out| time::duration(v.event().latency(), out))),
    "evt.deltatime": RELTIME Event Dec; "Nanoseconds since the previous event; 0 for the first one."
        => |v, _| Some(Value::Uint(v.since_previous())),
    "evt.deltatime.s": RELTIME Event Dec; "Whole seconds since the previous event."
        => |v, _| Some(Value::Uint(v.since_previous() / NS)),
    "evt.deltatime.ns": RELTIME Event PaddedDec; "Nanoseconds within the second of the time since the previous event."
        => |v, _| Some(Value::Uint(v.since_previous() % NS)),
    "evt.outputtime": STR Event Na (HIDDEN | EVENT_TIME); "Time of day with nanoseconds, in the local time zone."
        => |v, _| Some(text(v, |out| time::time(v.event().ts, true, out))),
    "evt.dir": STR Event Na (DEPRECATED | HIDDEN); "> for enter events, < for exit events."
        => |v, _| Some(Value::Str(if v.event().ty.is_exit() { b"<" } else { b">" })),
    "evt.type": STR Event Na; "Name of the event type; for a system call without its own event type, the name of the call."
        => |v, _| Some(Value::Str(name(v))),
    "evt.type.is" [Suffix]: UINT32 Event Na; "1 if the event has the type whose name or number follows the dot, otherwise 0."
        => |v, f| Some(Value::Uint(u64::from(is_type(v, f)))),
    "syscall.type": STR Event Na; "Name of the system call; absent for events that are no system calls."
        => |v, _| is_syscall(v).then(|| Value::Str(name(v))),
    "evt.category": STR Event Na; "Category of the event: file, net, process, …; for reads and writes, the category of their file."
        => |v, _| Some(category(v)),
    "evt.cpu": INT16 Event Id; "Number of the CPU on which the event happened."
        => |v, _| Some(Value::Int(i64::from(v.event().cpu))),
    "evt.args": STR Event Na (BUFFERS); "All parameters as name=value, each with its meaning in parentheses, such as the name of a file."
        => |v, _| Some(args(v)),
    "evt.arg" [Suffix]: STR Event Na (BUFFERS); "One parameter as text, selected by .name or [position]: its meaning, such as the name of a file, or else its value."
        => arg,
    "evt.rawarg" [Suffix]: DYNAMIC Event Na (NO_RHS | NO_TRANSFORMER); "Value of one parameter, selected by .name, with the parameter's type."
        => raw::rawarg,
    "evt.info": STR Event Na (BUFFERS); "The same as evt.args."
        => |v, _| Some(args(v)),
    "evt.buffer": BYTES Event Na; "Bytes that were read or written, up to the captured length (snaplen)."
        => buffer,
    "evt.buflen": UINT64 Event Dec; "Number of bytes that a successful I/O call on a known file transferred."
        => |v, _| buflen(v, None, None),
    "evt.res": STR Event Dec; "SUCCESS, or the name of the error."
        => res,
    "evt.rawres": INT64 Event Dec; "Result of the call."
        => |v, _| v.result().map(Value::Int),
    "evt.failed": BOOL Event Na; "Whether the call failed."
        => |v, _| v.result().map(|n| Value::Bool(n < 0)),
    "evt.is_io": BOOL Event Na; "Whether the event reads from or writes to a file descriptor."
        => |v, _| Some(Value::Bool(v.flags().intersects(IO))),
    "evt.is_io_read": BOOL Event Na; "Whether the event reads from a file descriptor."
        => |v, _| Some(Value::Bool(v.flags().contains(EventFlags::READS_FROM_FD))),
    "evt.is_io_write": BOOL Event Na; "Whether the event writes to a file descriptor."
        => |v, _| Some(Value::Bool(v.flags().contains(EventFlags::WRITES_TO_FD))),
    "evt.io_dir": STR Event Na; "read or write, for events that do."
        => io_dir,
    "evt.is_wait": BOOL Event Na; "Whether the call may block its thread."
        => |v, _| Some(Value::Bool(v.flags().contains(EventFlags::WAITS))),
    "evt.wait_latency": RELTIME Event Dec (DEPRECATED | HIDDEN); "evt.latency of calls that may block their thread; 0 for others."
        => |v, _| Some(Value::Uint(if v.flags().contains(EventFlags::WAITS) { v.event().latency() } else { 0 })),
    "evt.is_syslog": BOOL Event Na; "Whether the event writes to /dev/log."
        => |v, _| Some(Value::Bool(v.flags().contains(EventFlags::WRITES_TO_FD) && v.fd_name().is_some_and(|name| contains(name, b"/dev/log")))),
    "evt.count": UINT32 Event Dec; "Always 1, so that views can sum it."
        => |_, _| Some(Value::Uint(1)),
    "evt.count.error": UINT32 Event Dec; "1 if the call failed, otherwise 0."
        => |v, _| v.result().map(|n| Value::Uint(u64::from(n < 0))),
    "evt.count.error.file": UINT32 Event Dec; "1 if a call on a file failed, otherwise 0."
        => |v, _| error_count(v, ErrorKind::File),
    "evt.count.error.net": UINT32 Event Dec; "1 if a call on a socket failed, otherwise 0."
        => |v, _| error_count(v, ErrorKind::Net),
    "evt.count.error.memory": UINT32 Event Dec; "1 if a call about memory failed, otherwise 0."
        => |v, _| error_count(v, ErrorKind::Memory),
    "evt.count.error.other": UINT32 Event Dec; "1 if a call on anything else failed, otherwise 0."
        => |v, _| error_count(v, ErrorKind::Other),
    "evt.count.exit": UINT32 Event Dec; "1 for exit events, otherwise absent."
        => |v, _| v.event().ty.is_exit().then_some(Value::Uint(1)),
    "evt.count.procinfo": UINT32 Event Dec (HIDDEN); "1 for procinfo events of leaders, otherwise 0."
        => |v, _| Some(Value::Uint(u64::from(is_procinfo(v) && v.thread().is_some_and(|t| v.is_main(t))))),
    "evt.count.threadinfo": UINT32 Event Dec (HIDDEN); "1 for procinfo events, otherwise 0."
        => |v, _| Some(Value::Uint(u64::from(is_procinfo(v)))),
    "evt.around" [Index]: UINT64 Event Dec (EQUALITY | FILTER_ONLY | NO_RHS | NO_TRANSFORMER); "Milliseconds, rounded up, between the event and the time in brackets (ns since the epoch)."
        => |v, f| Some(Value::Uint(v.event().ts.abs_diff(index(f)?).div_ceil(1_000_000))),
    "evt.abspath" [Suffix]: STR Event Na; "Absolute path of a call with the descriptor of a directory; .src and .dst select one of two paths."
        => abspath,
    "evt.buflen.in": UINT64 Event Dec (HIDDEN); "evt.buflen of input."
        => |v, _| buflen(v, Some(Category::IO_READ), None),
    "evt.buflen.out": UINT64 Event Dec (HIDDEN); "evt.buflen of output."
        => |v, _| buflen(v, Some(Category::IO_WRITE), None),
    "evt.buflen.file": UINT64 Event Dec (HIDDEN); "evt.buflen on files."
        => |v, _| buflen(v, None, Some(FdClass::File)),
    "evt.buflen.file.in": UINT64 Event Dec (HIDDEN); "evt.buflen of input from files."
        => |v, _| buflen(v, Some(Category::IO_READ), Some(FdClass::File)),
    "evt.buflen.file.out": UINT64 Event Dec (HIDDEN); "evt.buflen of output to files."
        => |v, _| buflen(v, Some(Category::IO_WRITE), Some(FdClass::File)),
    "evt.buflen.net": UINT64 Event Dec (HIDDEN); "evt.buflen on network sockets."
        => |v, _| buflen(v, None, Some(FdClass::Net)),
    "evt.buflen.net.in": UINT64 Event Dec (HIDDEN); "evt.buflen of input from network sockets."
        => |v, _| buflen(v, Some(Category::IO_READ), Some(FdClass::Net)),
    "evt.buflen.net.out": UINT64 Event Dec (HIDDEN); "evt.buflen of output to network sockets."
        => |v, _| buflen(v, Some(Category::IO_WRITE), Some(FdClass::Net)),
    "evt.is_open_read": BOOL Event Na; "Whether the call opens a file for reading."
        => |v, _| Some(Value::Bool(open::flags(v).is_some_and(|f| f & open::READ != 0))),
    "evt.is_open_write": BOOL Event Na; "Whether the call opens a file for writing."
        => |v, _| Some(Value::Bool(open::flags(v).is_some_and(|f| f & open::WRITE != 0))),
    "evt.infra.docker.name": STR Event Na (HIDDEN | WITHOUT_VALUE); "Kept for old rules; no probe sends infrastructure events any more."
        => none,
    "evt.infra.docker.container.id": STR Event Na (HIDDEN | WITHOUT_VALUE); "Kept for old rules; no probe sends infrastructure events any more."
        => none,
    "evt.infra.docker.container.name": STR Event Na (HIDDEN | WITHOUT_VALUE); "Kept for old rules; no probe sends infrastructure events any more."
        => none,
    "evt.infra.docker.container.image": STR Event Na (HIDDEN | WITHOUT_VALUE); "Kept for old rules; no probe sends infrastructure events any more."
        => none,
    "evt.is_open_exec": BOOL Event Na; "Whether the call creates a file whose mode permits execution."
        => |v, _| Some(Value::Bool(open::is_exec(v))),
    "evt.is_open_create": BOOL Event Na; "Whether the call created the file."
        => |v, _| Some(Value::Bool(open::is_create(v))),
    "evt.is_io_uring": BOOL Event Na; "Whether the event comes from an io_uring request instead of a system call."
        => |v, _| Some(Value::Bool(v.event().io_uring().is_some())),
    "evt.is_doubtful": BOOL Event Na; "Whether lost events make the results of rules for this event doubtful: the state of its thread, its process, their files or its ancestors may be wrong, or events of its type and process were lost at about its time."
        => |v, _| Some(Value::Bool(doubts(v).any(|(_, is_in_doubt)| is_in_doubt))),
    "evt.doubt": STR Event Na; "Reasons for evt.is_doubtful, blank-separated: thread, process, ancestors, events; absent if nothing is in doubt."
        => doubt,
    "util.cnt": UINT64 Event Id (HIDDEN); "Number of the event."
        => |v, _| Some(Value::Uint(v.num())),
}

/// The doubts about the event after a loss: about its thread, its process, its ancestors, and about lost
/// events of the same kind at its time.
fn doubts<'v>(v: &'v EventView<'v>) -> impl Iterator<Item = (&'static str, bool)> + 'v {
    let is_doubted = |thread: &Thread| v.state().is_doubted(thread);
    let remain = v.state().doubts.remain();
    // An unknown thread may have begun unseen.
    let own =
        v.thread().map_or(remain && v.event().tid > 0, |own| is_doubted(own) || (remain && !own.is_valid()));
    let process =
        v.main().is_some_and(|main| v.thread().is_some_and(|own| own.tid != main.tid) && is_doubted(main));
    let above = remain && v.ancestors().any(is_doubted);
    let group = v.thread().map_or(v.event().tid, |own| own.pid);
    let events = v.state().doubts.misses(v.event().ts, v.event().ty, group);
    [("thread", own), ("process", process), ("ancestors", above), ("events", events)].into_iter()
}

fn doubt<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let mut out = Text::new(v.bump());
    for (what, _) in doubts(v).filter(|(_, is_in_doubt)| *is_in_doubt) {
        if !out.is_empty() {
            out.push(b" ");
        }
        out.push(what.as_bytes());
    }
    (!out.is_empty()).then(|| Value::Str(out.finish()))
}

/// Number of columns of [`column`], and of powers of ten that they cover.
const COLUMNS: f64 = 80.0;
const DECADES: f64 = 11.0;

/// Position on a logarithmic scale, from 1; 0 for 0.
fn column(ns: u64) -> u64 {
    if ns == 0 { 0 } else { ((ns as f64).log10().min(DECADES) * COLUMNS / DECADES) as u64 + 1 }
}

const IO: EventFlags = EventFlags::READS_FROM_FD.union(EventFlags::WRITES_TO_FD);

fn text<'v>(v: &'v EventView<'v>, write: impl FnOnce(&mut Text<'v>)) -> Value<'v> {
    let mut out = Text::with_capacity(40, v.bump());
    write(&mut out);
    Value::Str(out.finish())
}

/// Number of shown bytes of an event if its plugin has no text for it.
const SHOWN: usize = 50;

fn plugin_info<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let plugins = v.plugins()?;
    plugins.sender(&v.event())?;
    let mut text = Vec::new();
    plugins.event_text(v.event(), v.num(), &mut text);
    if text.is_empty() {
        let data = v.event().param(param::PLUGINEVENT_E::event_data)?;
        let shown = &data[..data.len().min(SHOWN)];
        text.extend_from_slice(format!("datalen={} data=", data.len()).as_bytes());
        match shown.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
            true => text.extend_from_slice(shown),
            false => text.extend_from_slice(b"<binary>"),
        }
        if data.len() > SHOWN {
            text.extend_from_slice(b"...");
        }
    }
    Some(Value::Str(v.bump().alloc_slice_copy(&text)))
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The name in `evt.type`.
pub(super) fn name<'v>(v: &EventView<'v>) -> &'v [u8] {
    let event = v.event();
    let code = match event.ty {
        EventType::GENERIC_X => match event.uint(param::GENERIC_X::ID) {
            // The capturing program did not know the call; its number may identify it now.
            Some(UNKNOWN_CALL) => event.uint(param::GENERIC_X::nativeID).and_then(by_number),
            code => code,
        },
        EventType::GENERIC_E => event.uint(param::GENERIC_E::ID),
        EventType::ASYNCEVENT_E => return event.text(param::ASYNCEVENT_E::name).unwrap_or(b"asyncevent"),
        ty => return ty.name().as_bytes(),
    };
    SyscallCode(code.unwrap_or(u64::MAX) as u16).name().as_bytes()
}

/// A call without a code.
const UNKNOWN_CALL: u64 = 0;

/// Code of the call with this number on x86-64; captures do not contain the machine's architecture.
fn by_number(number: u64) -> Option<u64> {
    let number = u16::try_from(number).ok()?;
    Some(syscalls().find(|call| call.number(Arch::X86_64) == Some(number))?.code.0.into())
}

fn is_type(v: &EventView<'_>, field: &Field) -> bool {
    let ty = v.event().ty;
    match (index(field), key(field)) {
        (Some(code), _) => u64::from(ty.0) == code,
        (_, Some(name)) => ty.name() == name,
        _ => false,
    }
}

fn is_syscall(v: &EventView<'_>) -> bool {
    v.event().info().is_some_and(|info| info.category.is_from(Category::SYSCALL))
}

fn is_procinfo(v: &EventView<'_>) -> bool {
    v.event().ty == EventType::PROCINFO_E
}

fn category(v: &EventView<'_>) -> Value<'static> {
    let class = v.event().info().map_or("unknown", |info| info.category.class());
    Value::from(match class {
        "IO" => match v.fd_class() {
            Some(FdClass::File) => "file",
            Some(FdClass::Net) => "net",
            Some(FdClass::Ipc) => "ipc",
            Some(FdClass::Other) | None => "unknown",
        },
        class => class,
    })
}

fn args<'v>(v: &'v EventView<'v>) -> Value<'v> {
    let event = v.event();
    let Some(info) = event.info().filter(|_| !render::is_generic(event.ty)) else { return Value::Str(b"") };
    let mut out = Text::with_capacity(128, v.bump());
    let mut resolved = Text::new(v.bump());
    for (index, param) in info.params.iter().enumerate().take(event.nparams()) {
        if index > 0 {
            out.push(b" ");
        }
        out.push(param.name.as_bytes());
        out.push(b"=");
        render::param(v, index, &mut out, &mut resolved);
        if !resolved.is_empty() {
            out.push(b"(");
            out.push(resolved.as_bytes());
            out.push(b")");
            resolved.clear();
        }
    }
    Value::Str(out.finish())
}

fn arg<'v>(v: &'v EventView<'v>, field: &Field) -> Option<Value<'v>> {
    let at = match index(field) {
        Some(n) => usize::try_from(n).ok()?,
        None => param_index(field.hint, v.event().ty)?,
    };
    arg_text(v, at).map(Value::Str)
}

fn arg_text<'v>(v: &'v EventView<'v>, at: usize) -> Option<&'v [u8]> {
    let mut value = Text::new(v.bump());
    let mut resolved = Text::new(v.bump());
    render::param(v, at, &mut value, &mut resolved)?;
    Some(if resolved.is_empty() { value.finish() } else { resolved.finish() })
}

fn buffer<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let event = v.event();
    let at = event.info()?.params.iter().position(|p| p.name == "data" && p.ty == ParamType::BYTEBUF)?;
    event.param(at).filter(|data| !data.is_empty()).map(Value::Bytes)
}

/// The result of I/O on a known file; with a direction and a kind of file, only for these.
fn buflen(v: &EventView<'_>, direction: Option<Category>, class: Option<FdClass>) -> Option<Value<'static>> {
    let activity = v.event().info()?.category.activity();
    if activity.class() != "IO" || direction.is_some_and(|direction| direction != activity) {
        return None;
    }
    let kind = v.fd()?.kind;
    let of_class = match class {
        Some(FdClass::File) => matches!(kind, FdKind::File | FdKind::OldFile),
        Some(FdClass::Net) => kind.is_inet(),
        _ => true,
    };
    if !of_class || !v.event().ty.is_exit() {
        return None;
    }
    let moved = u64::try_from(v.result()?).ok()?;
    Some(Value::Uint(moved))
}

fn res<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let result = v.result()?;
    Some(match names::errno(result) {
        _ if result >= 0 => Value::Str(b"SUCCESS"),
        Some(name) => Value::from(name),
        None => text(v, |out| out.int(result)),
    })
}

fn io_dir<'v>(v: &'v EventView<'v>, _: &Field) -> Option<Value<'v>> {
    let flags = v.flags();
    if flags.contains(EventFlags::WRITES_TO_FD) {
        Some(Value::Str(b"write"))
    } else if flags.contains(EventFlags::READS_FROM_FD) {
        Some(Value::Str(b"read"))
    } else {
        None
    }
}

#[derive(Clone, Copy, PartialEq)]
enum ErrorKind {
    File,
    Net,
    Memory,
    Other,
}

/// 1 if the call failed, for calls that concern such an object.
fn error_count(v: &EventView<'_>, wanted: ErrorKind) -> Option<Value<'static>> {
    let result = v.result()?;
    let ty = v.event().ty;
    let about_memory = || v.event().info().is_some_and(|info| info.category.activity() == Category::MEMORY);
    let is = match (v.fd().map(|fd| fd.kind), wanted) {
        (_, ErrorKind::Memory) => about_memory(),
        (Some(kind), ErrorKind::File) => kind.is_file(),
        (Some(kind), ErrorKind::Net) => kind.is_inet() || kind == FdKind::Unix,
        (Some(kind), ErrorKind::Other) => !kind.is_file() && !kind.is_inet() && kind != FdKind::Unix,
        (None, ErrorKind::File) => open::is_open(ty),
        (None, ErrorKind::Net) => is_connection(ty),
        (None, ErrorKind::Other) => !open::is_open(ty) && !is_connection(ty) && !about_memory(),
    };
    is.then(|| Value::Uint(u64::from(result < 0)))
}

fn is_connection(ty: EventType) -> bool {
    use EventType as E;
    matches!(ty, E::SOCKET_ACCEPT_5_X | E::SOCKET_ACCEPT4_6_X | E::SOCKET_CONNECT_X)
}

fn abspath<'v>(v: &'v EventView<'v>, field: &Field) -> Option<Value<'v>> {
    use EventType as E;
    let dst = key(field) == Some("dst");
    let either = |old, new| if dst { new } else { old };
    let at = match v.event().ty {
        E::SYSCALL_OPENAT_2_X => param::SYSCALL_OPENAT_2_X::name,
        E::SYSCALL_OPENAT2_X => param::SYSCALL_OPENAT2_X::name,
        E::SYSCALL_OPEN_BY_HANDLE_AT_X if v.result()? > 0 => param::SYSCALL_OPEN_BY_HANDLE_AT_X::path,
        E::SYSCALL_RENAMEAT_X => {
            either(param::SYSCALL_RENAMEAT_X::oldpath, param::SYSCALL_RENAMEAT_X::newpath)
        }
        E::SYSCALL_RENAMEAT2_X => {
            either(param::SYSCALL_RENAMEAT2_X::oldpath, param::SYSCALL_RENAMEAT2_X::newpath)
        }
        E::SYSCALL_LINKAT_2_X => {
            either(param::SYSCALL_LINKAT_2_X::oldpath, param::SYSCALL_LINKAT_2_X::newpath)
        }
        E::SYSCALL_SYMLINKAT_X => param::SYSCALL_SYMLINKAT_X::linkpath,
        E::SYSCALL_UNLINKAT_2_X => param::SYSCALL_UNLINKAT_2_X::name,
        E::SYSCALL_MKDIRAT_X => param::SYSCALL_MKDIRAT_X::path,
        E::SYSCALL_FCHMODAT_X => param::SYSCALL_FCHMODAT_X::filename,
        E::SYSCALL_FCHMODAT2_X => param::SYSCALL_FCHMODAT2_X::filename,
        E::SYSCALL_FCHOWNAT_X => param::SYSCALL_FCHOWNAT_X::pathname,
        _ => return None,
    };
    v.thread()?;
    path_params::absolute(v, at).map(Value::Str)
}
