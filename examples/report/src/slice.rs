//! A capture of the events that pass a filter, with the state that they need: their processes and
//! everything that these processes depend on.
//!
//! The input is read twice. The first time, [`FirstPass`] finds the processes of the kept events: their own,
//! their ancestors, session and group leaders, processes in parameters, and all processes from which these
//! got something. The second time, [`Slice`] keeps only the snapshot entries and the changes of these
//! processes. So a reader of the new capture knows the same about every kept event.

use eyas::events::{Category, EventType, FlagTable, ParamType, param};
use eyas::scap::{FdDetail, FdEntry, SlicePlace, Snapshot};
use eyas::sinsp::EventView;
use rustc_hash::{FxHashMap, FxHashSet};

/// Finds the processes that the selected events need.
#[derive(Debug, Default)]
pub struct FirstPass {
    /// Processes, by host process id.
    needed: FxHashSet<i64>,
    /// For each process, the processes from which it got something.
    givers: FxHashMap<i64, FxHashSet<i64>>,
}

impl FirstPass {
    /// Creates the slice that the events so far need.
    pub fn plan(&mut self) -> Slice {
        let mut pids = std::mem::take(&mut self.needed);
        let mut rest: Vec<i64> = pids.iter().copied().collect();
        while let Some(pid) = rest.pop() {
            for giver in self.givers.get(&pid).into_iter().flatten() {
                if pids.insert(*giver) {
                    rest.push(*giver);
                }
            }
        }
        Slice { pids, has_begun: false }
    }

    /// Records an event that is kept.
    pub fn keep(&mut self, event: &EventView<'_>) {
        self.need(event);
        self.record_transfers(event);
    }

    /// Records an event that is not kept.
    pub fn pass(&mut self, event: &EventView<'_>) {
        self.record_transfers(event);
    }

    /// Records the processes that the fields of an event show.
    fn need(&mut self, event: &EventView<'_>) {
        let raw = event.event();
        self.needed.extend([raw.tid, pid_of(event)]);
        if let Some(thread) = event.thread() {
            let threads = &event.state().threads;
            let session = threads.session(thread);
            self.needed.extend([thread.ptid, session.sid, session.pgid, session.vpgid]);
            for above in threads.ancestors(thread) {
                let session = threads.session(above);
                self.needed.extend([above.pid, above.ptid, session.sid, session.pgid]);
            }
        }
        self.needed.extend(named(event));
    }

    fn record_transfer(&mut self, giver: i64, taker: i64) {
        if giver != taker && giver > 0 {
            self.givers.entry(taker).or_default().insert(giver);
        }
    }

    /// Records the data that one process gets from another with an event.
    fn record_transfers(&mut self, event: &EventView<'_>) {
        use EventType as E;
        let raw = event.event();
        let own = pid_of(event);
        let parent = event.thread().map_or(-1, |thread| thread.ptid);
        match raw.ty {
            ty if ty.creates_thread() => match raw.result() {
                Some(0) => {
                    self.record_transfer(parent, own);
                    self.record_transfer(own, raw.tid);
                }
                Some(child) if child > 0 => {
                    self.record_transfer(own, child);
                    let shared = FlagTable::CLONE_FLAGS.value("CLONE_FILES")
                        | FlagTable::CLONE_FLAGS.value("CLONE_FS");
                    let flags = raw.uint(param::SYSCALL_CLONE_20_X::flags).unwrap_or(0);
                    if flags & u64::from(shared) != 0 {
                        self.record_transfer(child, own);
                    }
                }
                _ => {}
            },
            E::SYSCALL_EXECVE_19_X | E::SYSCALL_EXECVEAT_X => self.record_transfer(parent, own),
            // Another process adopts its children.
            E::PROCEXIT_1_E => {
                self.record_transfer(raw.int(param::PROCEXIT_1_E::reaper_tid).unwrap_or(-1), own)
            }
            E::SYSCALL_PIDFD_GETFD_X => {
                let files = event.thread().and_then(|thread| event.state().threads.fds(thread));
                let pidfd = raw.int(param::SYSCALL_PIDFD_GETFD_X::pid_fd);
                if let Some(fd) = files.zip(pidfd).and_then(|(files, pidfd)| files.get(pidfd)) {
                    self.record_transfer(i64::from(fd.pid), own);
                }
            }
            _ if event.changes_state() => named(event).for_each(|other| self.record_transfer(own, other)),
            _ => {}
        }
    }
}

/// The processes in a slice.
#[derive(Clone, Debug)]
pub struct Slice {
    pids: FxHashSet<i64>,
    /// Whether an event of the system, not about the capture, has occurred. Times are relative to it.
    has_begun: bool,
}

impl Slice {
    /// Whether the slice needs this event, which is not shown.
    pub fn needs(&mut self, event: &EventView<'_>) -> bool {
        let raw = event.event();
        let is_meta = is_meta(event);
        if !is_meta && !std::mem::replace(&mut self.has_begun, true) {
            return true;
        }
        let is_of = || self.pids.contains(&raw.tid) || self.pids.contains(&pid_of(event));
        // Events without a thread describe users and containers. Context switches are needed for all
        // threads, for their run time.
        let is_of_all = || raw.tid < 0 || is_meta || raw.ty == EventType::SCHEDSWITCH_6_E;
        let completes_another = !raw.ty.is_exit();
        (event.changes_state() || completes_another) && (is_of_all() || is_of())
    }

    /// Records that a shown event was kept.
    pub fn keep(&mut self, event: &EventView<'_>) {
        self.has_begun |= !is_meta(event);
    }

    /// Reduces a snapshot to the processes of the slice, and to the sockets that determine the side of a
    /// connection.
    pub fn reduce(&mut self, snapshot: &mut Snapshot) {
        self.has_begun = false;
        let Snapshot { threads, fds, .. } = snapshot;
        let leaders: FxHashMap<i64, i64> = threads.iter().map(|thread| (thread.tid, thread.pid)).collect();
        let is_known = |tid: i64| {
            self.pids.contains(&tid) || leaders.get(&tid).is_some_and(|pid| self.pids.contains(pid))
        };
        let ports: FxHashSet<u16> = fds
            .iter()
            .filter(|(tid, _)| is_known(*tid))
            .flat_map(|(_, files)| files.iter().filter_map(local_port))
            .collect();
        let serves = |file: &FdEntry| served_port(file).is_some_and(|port| ports.contains(&port));
        for (_, files) in fds.iter_mut().filter(|(tid, _)| !is_known(*tid)) {
            files.retain(serves);
        }
        fds.retain(|(_, files)| !files.is_empty());
        let servers: FxHashSet<i64> = fds.iter().map(|(tid, _)| *tid).collect();
        threads.retain(|thread| is_known(thread.tid) || servers.contains(&thread.tid));
    }
}

/// Whether the event is about the capture, not of the system.
fn is_meta(event: &EventView<'_>) -> bool {
    event.event().info().is_some_and(|info| info.category.is_from(Category::METAEVENT))
}

/// The process of the event, or its thread if the process is unknown.
fn pid_of(event: &EventView<'_>) -> i64 {
    event.thread().map(|thread| thread.pid).filter(|pid| *pid >= 0).unwrap_or(event.event().tid)
}

/// The processes in the parameters of an event.
fn named<'a>(event: &EventView<'a>) -> impl Iterator<Item = i64> + use<'a> {
    let raw = event.event();
    let params = raw.info().map_or(&[][..], |info| info.params).iter().enumerate();
    let is_id = |ty: ParamType| matches!(ty, ParamType::PID | ParamType::PID32);
    params
        .filter(move |(_, info)| is_id(info.ty))
        .filter_map(move |(at, _)| raw.int(at))
        .filter(|pid| *pid > 0)
}

fn local_port(file: &FdEntry) -> Option<u16> {
    match &file.detail {
        FdDetail::Socket { local, .. } => Some(local.1),
        _ => None,
    }
}

fn served_port(file: &FdEntry) -> Option<u16> {
    match &file.detail {
        FdDetail::ServerSocket { addr, .. } => Some(addr.1),
        _ => None,
    }
}

/// Event numbers that a reader of the new capture counts, with corrections that the capture contains.
#[derive(Debug, Default)]
pub struct Places {
    num: u64,
    /// Time of the last event.
    last: u64,
}

impl Places {
    /// Records that a hidden event with this time is written.
    pub fn pass(&mut self, ts: u64) {
        self.num = self.num.saturating_add(1);
        self.last = ts;
    }

    /// Records that a shown event is written. Returns the correction of its place, if a reader would count
    /// differently.
    pub fn place(&mut self, event: &EventView<'_>) -> SlicePlace {
        let place = event.place();
        // Events about the capture itself are shown because the user requested them.
        let is_counted = !is_internal(event)
            && self.num.saturating_add(1) == place.num
            && (self.last == place.previous || self.num == 0);
        (self.num, self.last) = (place.num, event.event().ts);
        if is_counted { SlicePlace::default() } else { place }
    }
}

/// Whether the event is about the capture itself, such as resource usage or dropped events.
pub fn is_internal(event: &EventView<'_>) -> bool {
    event.event().info().is_some_and(|info| info.category.activity() == Category::INTERNAL)
}
