//! Owned copies of events and threads, to keep or to pass on. With the feature `serde` they implement `Serialize`.

use crate::render::{self, Text};
use crate::state::{Thread, split_nul};
use crate::view::EventView;

/// A thread at one moment, as plain data. Bytes that are not UTF-8 become replacement characters.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ThreadRecord {
    /// Thread id on the host.
    pub tid: i64,
    /// Process id on the host; below 0 if unknown.
    pub pid: i64,
    /// Parent's id; 0 if there is none, below 0 if unknown.
    pub ppid: i64,
    /// Thread id in its pid namespace.
    pub vtid: i64,
    /// Process id in its pid namespace.
    pub vpid: i64,
    /// Command name.
    pub comm: String,
    /// First argument.
    pub exe: String,
    /// Path of the executable.
    pub exepath: String,
    /// Arguments after the first.
    pub args: Vec<String>,
    /// Id of the container; `None` on the host.
    pub container: Option<String>,
    /// Effective user id; `None` if unknown.
    pub uid: Option<u32>,
    /// Effective group id; `None` if unknown.
    pub gid: Option<u32>,
    /// Login user id; `None` if there is none.
    pub loginuid: Option<u32>,
    /// Creation time, ns since the epoch; `None` if unknown.
    pub started: Option<u64>,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl From<&Thread> for ThreadRecord {
    fn from(thread: &Thread) -> Self {
        let known = |id: u32| (id != u32::MAX).then_some(id);
        Self {
            tid: thread.tid,
            pid: thread.pid,
            ppid: thread.ptid,
            vtid: thread.vtid,
            vpid: thread.vpid,
            comm: text(&thread.comm),
            exe: text(&thread.exe),
            exepath: text(&thread.executable.path),
            args: split_nul(&thread.args).map(text).collect(),
            container: thread.container.as_ref().map(|id| text(id)),
            uid: known(thread.uid),
            gid: known(thread.gid),
            loginuid: known(thread.loginuid),
            started: (thread.clone_ts != 0).then_some(thread.clone_ts),
        }
    }
}

/// An event and the thread that made it, as plain data: see [`EventView::to_record`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct EventRecord {
    /// Number of the event: 1 for the first of the capture.
    pub num: u64,
    /// Time of the event, ns since the epoch.
    pub timestamp: u64,
    /// CPU that the event happened on.
    pub cpu: u16,
    /// Code of the event type.
    pub code: u16,
    /// Name of the event type, as in `evt.type`; empty for an unknown one.
    pub name: &'static str,
    /// Whether it is an exit event.
    pub is_exit: bool,
    /// Parameters in their order.
    pub params: Vec<ParamRecord>,
    /// Thread that made the event; `None` if nothing is known of it.
    pub thread: Option<ThreadRecord>,
}

/// A parameter as text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ParamRecord {
    /// Name of the parameter.
    pub name: &'static str,
    /// Its value, as `evt.args` prints it.
    pub value: String,
    /// The meaning of the value: a file's name, names of flags, an error; `None` if there is none.
    pub resolved: Option<String>,
}

impl EventView<'_> {
    /// Returns a copy that outlives the event. It allocates, so use it only for events that are passed on.
    pub fn to_record(&self) -> EventRecord {
        let event = self.event();
        let info = event.info();
        let params = info.iter().flat_map(|info| info.params.iter().enumerate()).take(event.nparams());
        let params = params.filter_map(|(index, param)| {
            let (mut value, mut resolved) = (Text::new(self.bump()), Text::new(self.bump()));
            render::param(self, index, &mut value, &mut resolved)?;
            let resolved = (!resolved.is_empty()).then(|| text(resolved.as_bytes()));
            Some(ParamRecord { name: param.name, value: text(value.as_bytes()), resolved })
        });
        EventRecord {
            num: self.num(),
            timestamp: event.ts,
            cpu: event.cpu,
            code: event.ty.0,
            name: info.map_or("", |info| info.name),
            is_exit: event.ty.is_exit(),
            params: params.collect(),
            thread: self.thread().map(ThreadRecord::from),
        }
    }
}
