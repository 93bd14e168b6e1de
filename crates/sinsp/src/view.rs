//! An event whose fields can be read.

use std::cell::RefCell;
use std::ops::Range;

use bumpalo::Bump;
use eyas_events::{Category, EventFlags, EventType};
use eyas_fields::{Field, Scope, ScopeVersion, Value};
use eyas_scap::{Loss, OwnedEvent, RawEvent, SlicePlace, Snapshot, User};

use crate::exe_hashes::ExeHashes;
use crate::path::{self, Base};
use crate::plugin::Plugins;
use crate::recent_files::RecentFiles;
use crate::rendering::Rendering;
use crate::state::{
    Current, Fd, FdKind, FdTable, PendingChange, Reports, Session, State, Text, Thread, changes_state,
    is_kept, is_transfer, split_nul,
};

/// The schema's `AT_FDCWD`.
const AT_FDCWD: i64 = -100;
/// The descriptor of events without one.
const NO_FD: i64 = -1;

/// Number, time and subject of an event.
#[derive(Debug, Default)]
pub(crate) struct Moment {
    /// The event's number: 1 for the first event of the capture.
    pub(crate) num: u64,
    /// Its time, ns since the epoch.
    pub(crate) ts: u64,
    /// Time of the first event from the kernel; 0 before.
    first_ts: u64,
    /// Times of the last shown event, and of the one before it.
    shown: [u64; 2],
    /// Whether it is an unneeded event that is shown as a sample: see [`EventView::is_sample`].
    pub(crate) is_sample: bool,
    /// Its thread and descriptor, and the changes after rules saw it.
    pub(crate) current: Current,
    /// The plugins that provide its fields.
    pub(crate) plugins: Option<Box<Plugins>>,
    /// Hashes of executed files, if they are available.
    pub(crate) exe_hashes: Option<ExeHashes>,
    /// Results of lookups since the previous event.
    pub(crate) reports: Reports,
    /// Numbers of open files; `None` for views of the present state, which have no later event.
    files: Option<RefCell<RecentFiles>>,
}

impl Moment {
    /// Begins to number open files anew. What the fields of [`Scope::Host`] show may have changed.
    pub(crate) fn number_files(&mut self) {
        self.files = Some(RefCell::default());
    }

    /// Advances to the next event.
    #[inline]
    pub(crate) fn advance(&mut self, event: &RawEvent<'_>) {
        self.num = self.num.saturating_add(1);
        self.ts = event.ts;
        if event.place.num != 0 {
            (self.num, self.shown[0]) = (event.place.num, event.place.previous);
        }
        if self.first_ts == 0 && !is_meta(event) {
            self.first_ts = event.ts;
        }
        if !is_kept(event.ty) {
            let [last, _] = self.shown;
            self.shown = [event.ts, if last == 0 { event.ts } else { last }];
        }
    }
}

/// An event that has only a type, a thread and a time.
pub(crate) fn synthetic<'a>(ts: u64, tid: i64, ty: EventType) -> RawEvent<'a> {
    RawEvent::from_parts(ts, tid, ty, 0, 0, &[])
        .unwrap_or_else(|| unreachable!("no parameters exceed no body"))
}

/// Whether the event comes from user space: an asynchronous event, or one about the capture.
pub(crate) fn is_meta(event: &RawEvent<'_>) -> bool {
    event.info().is_some_and(|info| info.category.is_from(Category::METAEVENT))
}

/// An event with its state, for conditions and outputs.
#[derive(Clone, Copy, Debug)]
pub struct EventView<'a> {
    event: RawEvent<'a>,
    thread: Option<&'a Thread>,
    /// The open file that the event works on.
    fd: Option<&'a Fd>,
    state: &'a State,
    moment: &'a Moment,
    bump: &'a Bump,
    /// Whether files and paths have the kernel's names.
    is_alternate: bool,
    /// The container for fields, instead of the thread's.
    container: Option<&'a Text>,
}

/// What determines the fields about an event's open file: see [`EventView::described`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Described<'a> {
    /// Nothing: the event works on no file, so the fields have no values.
    Nothing,
    /// Only this file. Fields about domain names are an exception: see [`Fd::shows_same`].
    File(&'a Fd),
    /// The file and the event.
    Event,
}

/// Coarse kind of the file that an event works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FdClass {
    File,
    Net,
    Ipc,
    Other,
}

impl<'a> EventView<'a> {
    #[inline]
    pub(crate) fn new(event: RawEvent<'a>, state: &'a State, moment: &'a Moment, bump: &'a Bump) -> Self {
        let thread = moment.current.thread.and_then(|key| state.threads.at(key));
        let fd = thread.zip(moment.current.fd).and_then(|(thread, num)| state.threads.fds(thread)?.get(num));
        Self { event, thread, fd, state, moment, bump, is_alternate: false, container: None }
    }

    /// The event.
    #[inline]
    pub fn event(&self) -> RawEvent<'a> {
        self.event
    }

    /// The raw event, without a copy.
    #[inline]
    pub fn as_raw(&self) -> &RawEvent<'a> {
        &self.event
    }

    /// Its number: 1 for the first event of the capture.
    #[inline]
    pub fn num(&self) -> u64 {
        self.moment.num
    }

    /// Hashes of executed files, if they are available.
    pub(crate) fn exe_hashes(&self) -> Option<&'a ExeHashes> {
        self.moment.exe_hashes.as_ref()
    }

    /// Its place in its capture, or in the capture from which it was taken. Use it for a capture that
    /// contains this event but not all earlier ones.
    pub fn place(&self) -> SlicePlace {
        SlicePlace { num: self.moment.num, previous: self.moment.shown[1] }
    }

    /// Whether the event changes the state of threads, files, users, containers or CPUs.
    pub fn changes_state(&self) -> bool {
        // Only those on sockets matter, because they show the side of the process.
        changes_state(self.event.ty)
            && (!is_transfer(self.event.ty)
                || self.event.has_more_params()
                || self.fd().is_some_and(|fd| fd.kind.is_socket()))
    }

    /// Whether the program does not need the event ([`crate::Inspector::set_needs`]), and it is shown as a
    /// sample. If a rule matches it, the needs were derived wrongly.
    #[inline]
    pub fn is_sample(&self) -> bool {
        self.moment.is_sample
    }

    /// A number that rises when processes change in a way that their own events do not show. `None` if the state of some processes
    /// is not certain: they are in doubt because events were lost, or the table of threads is full.
    pub fn sure_of_processes(&self) -> Option<u64> {
        let is_sure = !self.state.doubts.remain() && !self.state.threads.is_full();
        is_sure.then_some(self.state.unshown_changes)
    }

    /// The whole state of threads, files, users and containers.
    #[inline]
    pub fn state(&self) -> &'a State {
        self.state
    }

    /// A snapshot for a capture whose first event is this one. After a reader has read the event, its state
    /// equals this state.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = self.state.snapshot_before(&self.event);
        if let Some(plugins) = self.plugins() {
            snapshot.metadata.extend(plugins.state_events());
        }
        snapshot
    }

    /// Losses that [`EventView::snapshot`] does not correct: events were lost, and the state of some threads has
    /// been in doubt since, or the loss continues after this event. Pass them to
    /// [`Writer::losses`](eyas_scap::Writer::losses), so that a replay of the capture reports the same doubt.
    pub fn losses(&self) -> Vec<Loss> {
        self.state.losses_at(self.event.ts)
    }

    /// Results of lookups since the previous event, if [`Config::reports`](crate::Config::reports) is set:
    /// containers, users and groups, as events for the state only. Write them before this event, so that a
    /// replay of the capture has the same state.
    pub fn reports(&self) -> &'a [OwnedEvent] {
        &self.moment.reports.events
    }

    /// Thread that made the event; `None` if the state does not contain it.
    #[inline]
    pub fn thread(&self) -> Option<&'a Thread> {
        self.thread
    }

    /// The plugins of the inspector; `None` if it has none.
    #[inline]
    pub fn plugins(&self) -> Option<&'a Plugins> {
        self.moment.plugins.as_deref()
    }

    /// The value of a plugin's field.
    #[cold]
    pub(crate) fn plugin_field(&self, field: &Field) -> Option<Value<'a>> {
        self.plugins()?.get(field, self.event, self.moment.num, self.state, self.bump)
    }

    /// The offsets of the values of a plugin's field in the event: one range per value, in bytes from the
    /// start of the event with its header. Empty for other fields, and if the plugin does not set them.
    pub fn offsets(&self, field: &Field) -> Vec<Range<u32>> {
        self.plugins()
            .map(|plugins| plugins.offsets(field, self.event, self.moment.num, self.state))
            .unwrap_or_default()
    }

    /// Name of the event's source; `None` if its plugin is not loaded.
    pub fn source(&self) -> Option<&'a str> {
        match self.plugins() {
            Some(plugins) => plugins.source(&self.event),
            None => crate::plugin::known_source(&self.event),
        }
    }

    /// The open file that the event works on.
    #[inline]
    pub fn fd(&self) -> Option<&'a Fd> {
        self.fd
    }

    /// Whether files and paths have the kernel's names in this view.
    pub(crate) fn is_alternate(&self) -> bool {
        self.is_alternate
    }

    /// The same event with the kernel's names.
    pub(crate) fn of_kernel(&self) -> Self {
        Self { is_alternate: true, fd: self.fd.map(|fd| fd.opened().unwrap_or(fd)), ..*self }
    }

    /// Descriptor that the event works on; below 0 if there is none.
    #[inline]
    pub(crate) fn fd_num(&self) -> i64 {
        self.moment.current.fd.unwrap_or(NO_FD)
    }

    /// The call's result.
    #[inline]
    pub(crate) fn result(&self) -> Option<i64> {
        self.event.result()
    }

    /// Id of the container that the event itself reports.
    pub(crate) fn reported_container(&self) -> Option<&'a Text> {
        match &self.moment.current.pending {
            PendingChange::Container { id, .. } => Some(id),
            _ => self.container,
        }
    }

    /// A view of a thread in its present state, with the fields of processes, threads, users and
    /// containers. Fields of events have no meaning. `None` if the thread is unknown.
    pub fn of_thread(&self, tid: i64) -> Option<Self> {
        self.of(tid, None)
    }

    /// A view of an open file of a thread in its present state, with the fields of the thread, too. `None`
    /// if either is unknown.
    pub fn of_file(&self, tid: i64, fd: i64) -> Option<Self> {
        self.of(tid, Some(fd)).filter(|view| view.fd_entry(fd).is_some())
    }

    /// A view of a container in its present state, with only the fields of containers. It is one of
    /// [`Containers::ids`](crate::state::Containers::ids).
    pub fn of_container(&self, id: &'a Text) -> Self {
        let event = synthetic(self.event.ts, -1, EventType::GENERIC_X);
        Self { event, thread: None, fd: None, is_alternate: false, container: Some(id), ..*self }
    }

    fn of(&self, tid: i64, fd: Option<i64>) -> Option<Self> {
        let ty = if fd.is_some() { EventType::SYSCALL_FSTAT_X } else { EventType::GENERIC_X };
        let thread = Some(self.state.threads.key(tid)?);
        let current = Current { thread, fd, ..Current::default() };
        let moment = self.bump.alloc(Moment { num: self.moment.num, current, ..Moment::default() });
        Some(Self::new(synthetic(self.event.ts, tid, ty), self.state, moment, self.bump))
    }

    pub(crate) fn rendering(&self) -> &'a Rendering {
        &self.state.rendering
    }

    pub(crate) fn bump(&self) -> &'a Bump {
        self.bump
    }

    #[inline]
    pub(crate) fn flags(&self) -> EventFlags {
        self.event().info().map_or(EventFlags::NONE, |info| info.flags)
    }

    /// The leader of the thread's process.
    pub(crate) fn main(&self) -> Option<&'a Thread> {
        self.state().threads.main_of(self.thread()?)
    }

    pub(crate) fn is_main(&self, thread: &Thread) -> bool {
        thread.is_main()
    }

    pub(crate) fn parent(&self) -> Option<&'a Thread> {
        self.state().threads.parent_of(self.thread()?)
    }

    /// Ancestor number `n`: 0 is the thread's own leader, 1 the parent.
    pub(crate) fn ancestor(&self, n: u64) -> Option<&'a Thread> {
        match n.checked_sub(1) {
            None => self.main(),
            Some(n) => self.ancestors().nth(usize::try_from(n).ok()?),
        }
    }

    pub(crate) fn ancestors(&self) -> impl Iterator<Item = &'a Thread> + use<'a> {
        let state = self.state();
        self.thread().into_iter().flat_map(|thread| state.threads.ancestors(thread))
    }

    pub(crate) fn thread_by_tid(&self, tid: i64) -> Option<&'a Thread> {
        self.state().threads.get(tid)
    }

    /// Living threads of the process.
    pub(crate) fn thread_count(&self) -> Option<u64> {
        Some(u64::from(self.state().threads.alive_in_group(self.thread()?)))
    }

    /// Session of the thread's process.
    pub(crate) fn session(&self) -> Option<Session> {
        Some(self.state().threads.session(self.thread()?))
    }

    pub(crate) fn cwd(&self) -> Option<&'a [u8]> {
        Some(self.state().threads.cwd(self.thread()?))
    }

    pub(crate) fn env(&self) -> Option<&'a [u8]> {
        Some(self.state().threads.env(self.thread()?))
    }

    /// For a context switch, how long the thread ran, ns; 0 for other events.
    pub(crate) fn ran(&self) -> u64 {
        if self.event().ty == EventType::SCHEDSWITCH_6_E { self.moment.current.ran } else { 0 }
    }

    /// For an event about CPU time, ticks of the thread since the last one, in user mode and in the kernel.
    pub(crate) fn ticks(&self) -> Option<[u64; 2]> {
        self.thread()?;
        (self.event().ty == EventType::PROCINFO_E).then_some(self.moment.current.ticks)
    }

    #[inline]
    pub(crate) fn fds(&self) -> Option<&'a FdTable> {
        self.state().threads.fds(self.thread()?)
    }

    #[inline]
    pub(crate) fn fd_entry(&self, num: i64) -> Option<&'a Fd> {
        self.fds()?.get(num)
    }

    pub(crate) fn fd_name(&self) -> Option<&'a [u8]> {
        self.fd().map(|fd| &*fd.name)
    }

    pub(crate) fn fd_class(&self) -> Option<FdClass> {
        Some(match self.fd()?.kind {
            kind if kind.is_file() => FdClass::File,
            kind if kind.is_inet() => FdClass::Net,
            FdKind::Pipe
            | FdKind::Unix
            | FdKind::Event
            | FdKind::Signal
            | FdKind::Inotify
            | FdKind::Userfault => FdClass::Ipc,
            _ => FdClass::Other,
        })
    }

    pub(crate) fn user(&self, uid: u32) -> Option<&'a User> {
        let container = self.thread().and_then(|t| t.container.as_ref());
        self.state().users.user(container, uid)
    }

    /// A user's name; user 0 is `root` on every machine.
    pub(crate) fn user_name(&self, uid: u32) -> Option<&'a [u8]> {
        self.user(uid).map(|u| u.name.as_slice()).or((uid == 0).then_some(b"root"))
    }

    pub(crate) fn group_name(&self, gid: u32) -> Option<&'a [u8]> {
        let container = self.thread().and_then(|t| t.container.as_ref());
        let group = self.state().users.group(container, gid);
        group.map(|g| g.name.as_slice()).or((gid == 0).then_some(b"root"))
    }

    pub(crate) fn hostname(&self) -> &'a [u8] {
        &self.state().machine.hostname
    }

    /// Time since the first event from the kernel, ns; 0 before.
    pub(crate) fn since_first(&self) -> u64 {
        match self.moment.first_ts {
            0 => 0,
            first => self.event().ts.saturating_sub(first),
        }
    }

    /// Time since the previous event, ns.
    pub(crate) fn since_previous(&self) -> u64 {
        self.event().ts.saturating_sub(self.moment.shown[1])
    }

    /// The absolute path; a relative path begins at the directory of `dirfd`.
    pub(crate) fn resolve_at(&self, dirfd: i64, name: &[u8]) -> &'a [u8] {
        self.resolve(self.base(dirfd), name)
    }

    /// The directory of `dirfd`.
    pub(crate) fn base(&self, dirfd: i64) -> Base<'a> {
        match dirfd {
            AT_FDCWD => Base::Path(self.cwd().unwrap_or(b"")),
            num => self.fd_entry(num).map_or(Base::Path(path::UNKNOWN), |fd| Base::File(&fd.name)),
        }
    }

    /// The absolute path; a relative path begins at `base`.
    pub(crate) fn resolve(&self, base: Base<'_>, name: &[u8]) -> &'a [u8] {
        let mut out = bumpalo::collections::Vec::with_capacity_in(name.len() + 64, self.bump);
        path::resolve(base, name, &mut out);
        out.into_bump_slice()
    }

    /// The resolved path without its unknown directory.
    pub(crate) fn resolve_alone(&self, name: &[u8]) -> &'a [u8] {
        let mut out = bumpalo::collections::Vec::with_capacity_in(name.len(), self.bump);
        path::resolve(Base::Path(b""), name, &mut out);
        out.into_bump_slice()
    }

    /// The texts, then those of a NUL-separated list, separated by blanks.
    pub(crate) fn join(&self, first: &[&[u8]], list: &[u8]) -> &'a [u8] {
        let mut out = bumpalo::collections::Vec::with_capacity_in(list.len() + 32, self.bump);
        for (i, part) in first.iter().copied().chain(split_nul(list)).enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            out.extend_from_slice_copy(part);
        }
        out.into_bump_slice()
    }

    /// A list value of these.
    pub(crate) fn list(&self, values: impl Iterator<Item = Value<'a>>) -> Value<'a> {
        let mut out = bumpalo::collections::Vec::new_in(self.bump);
        out.extend(values);
        Value::List(out.into_bump_slice())
    }

    fn file_version(&self) -> Option<ScopeVersion> {
        match self.described() {
            Described::File(fd) => self.moment.files.as_ref()?.try_borrow_mut().ok()?.version(fd),
            Described::Nothing | Described::Event => None,
        }
    }

    /// The version of a scope's data; `None` if results must not be cached.
    #[inline]
    pub(crate) fn version(&self, scope: Scope) -> Option<ScopeVersion> {
        let lineage = match scope {
            Scope::Host | Scope::Process => false,
            Scope::Ancestors => true,
            Scope::Fd => return self.file_version(),
            _ => return None,
        };
        let state = self.state();
        let (slot, changed) = state.threads.version(self.moment.current.thread?, self.thread()?, lineage);
        Some(ScopeVersion { slot, versions: [changed, state.names_changed()] })
    }
}
