//! Raw events: header, parameter lengths, bytes.

use eyas_events::{EventFlags, EventInfo, EventType, KernelPath, Op, ParamInfo};

use crate::io_uring::{IoUring, Mark};

/// An event frame, borrowed from its source until the next call.
///
/// Parameters are found by their position in the event's row (`eyas_events::param`). A parameter that the
/// frame does not contain is `None` (*absent*: an older version wrote the frame); a parameter of length
/// zero is `Some(&[])` (*empty*: the kernel had no value, rendered `<NA>` or `NULL`).
#[derive(Clone, Copy, Debug)]
pub struct RawEvent<'a> {
    /// Time in ns since the epoch.
    pub ts: u64,
    /// Thread that made the event; -1 for events without a thread.
    pub tid: i64,
    /// Type.
    pub ty: EventType,
    /// Number of the CPU, or of the ring.
    pub cpu: u16,
    /// Whether the event is only for the state, and must not be shown or tested.
    pub state_only: bool,
    /// Time when the call began, ns since the epoch; 0 if unknown. Captures with enter events contain it.
    pub began: u64,
    /// Its place in the original capture.
    pub place: SlicePlace,
    pub(crate) nparams: u32,
    pub(crate) wide: bool,
    /// Its `io_uring` request.
    pub(crate) mark: Mark,
    /// The decision of a security hook during the call: the body of an event of the hook; empty if there is
    /// none.
    pub(crate) decided: &'a [u8],
    /// Lengths, then data.
    pub(crate) body: &'a [u8],
}

impl<'a> RawEvent<'a> {
    /// Makes a frame from the bytes after its header: `nparams` lengths of 16 bits (32 for types with large
    /// payloads), then the parameters.
    ///
    /// `None` if the lengths exceed the body.
    pub fn from_parts(
        ts: u64,
        tid: i64,
        ty: EventType,
        cpu: u16,
        nparams: u32,
        body: &'a [u8],
    ) -> Option<Self> {
        Some(Self::from_checked(ts, tid, ty, cpu, nparams, body)).filter(Self::adds_up)
    }

    /// Whether the body contains the declared number of parameters with the declared lengths.
    #[inline]
    pub(crate) fn adds_up(&self) -> bool {
        let split = self.lengths_len().and_then(|len| self.body.split_at_checked(len));
        let Some((lengths, data)) = split else { return false };
        let sum: u64 = match self.wide {
            false => lengths.as_chunks().0.iter().map(|len| u64::from(u16::from_le_bytes(*len))).sum(),
            true => lengths.as_chunks().0.iter().map(|len| u64::from(u32::from_le_bytes(*len))).sum(),
        };
        sum <= data.len() as u64
    }

    /// Like [`RawEvent::from_parts`], for valid parts.
    #[inline]
    pub(crate) fn from_checked(
        ts: u64,
        tid: i64,
        ty: EventType,
        cpu: u16,
        nparams: u32,
        body: &'a [u8],
    ) -> Self {
        let wide = ty.info().is_some_and(|info| info.flags.contains(EventFlags::LARGE_PAYLOAD));
        let (place, mark) = (SlicePlace::default(), Mark::default());
        Self { ts, tid, ty, cpu, state_only: false, began: 0, place, nparams, wide, mark, decided: &[], body }
    }

    /// The event's `io_uring` request, if the event is not of a call. It exists in live captures, and in
    /// captures that eyas wrote.
    #[inline]
    pub fn io_uring(&self) -> Option<IoUring> {
        self.mark.request()
    }

    /// Duration of the call, ns; 0 if unknown.
    pub fn latency(&self) -> u64 {
        if self.began == 0 { 0 } else { self.ts.saturating_sub(self.began) }
    }

    fn lengths_len(&self) -> Option<usize> {
        (self.nparams as usize).checked_mul(if self.wide { 4 } else { 2 })
    }

    #[inline]
    fn len_at(&self, index: usize) -> usize {
        if self.wide {
            self.body
                .get(index * 4..index * 4 + 4)
                .map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
        } else {
            self.body
                .get(index * 2..index * 2 + 2)
                .map_or(0, |b| usize::from(u16::from_le_bytes([b[0], b[1]])))
        }
    }

    /// Row of the event's type, or `None` if this version does not know it.
    #[inline]
    pub fn info(&self) -> Option<&'static EventInfo> {
        self.ty.info()
    }

    /// Number of parameters in the frame; the row may have more or fewer.
    #[inline]
    pub fn nparams(&self) -> usize {
        self.nparams as usize
    }

    /// Parameter lengths and data of the frame.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// Bytes of the parameter at `index`; `None` if the frame does not contain it.
    #[inline(always)]
    pub fn param(&self, index: usize) -> Option<&'a [u8]> {
        if self.wide {
            return self.params().nth(index);
        }
        let (lengths, values) = self.body.split_at_checked(2 * self.nparams as usize)?;
        let (before, rest) = lengths.as_chunks().0.split_at_checked(index)?;
        let len = usize::from(u16::from_le_bytes(*rest.first()?));
        let start = before.iter().map(|len| usize::from(u16::from_le_bytes(*len))).sum();
        values.get(start..)?.get(..len)
    }

    /// Bytes of the parameter called `name`; `None` if the row has none, or the frame does not contain it.
    pub fn by_name(&self, name: &str) -> Option<&'a [u8]> {
        self.param(self.info()?.params.iter().position(|param| param.name == name)?)
    }

    /// The parameters in order, each with its description; without those beyond the row.
    pub fn named(&self) -> impl Iterator<Item = (&'static ParamInfo, &'a [u8])> {
        self.info().map_or(&[][..], |info| info.params).iter().zip(self.params())
    }

    /// The parameters in order.
    pub fn params(&self) -> Params<'a> {
        Params { event: *self, index: 0, offset: self.lengths_len().unwrap_or(0) }
    }

    /// Signed number of 1, 2, 4 or 8 bytes; `None` if absent, empty or of another size.
    #[inline(always)]
    pub fn int(&self, index: usize) -> Option<i64> {
        let bytes = self.param(index)?;
        Some(match *bytes {
            [a] => i64::from(a as i8),
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            _ => i64::from_le_bytes(bytes.try_into().ok()?),
        })
    }

    /// Unsigned number of 1, 2, 4 or 8 bytes; `None` if absent, empty or of another size.
    #[inline(always)]
    pub fn uint(&self, index: usize) -> Option<u64> {
        let bytes = self.param(index)?;
        Some(match *bytes {
            [a] => u64::from(a),
            [a, b] => u64::from(u16::from_le_bytes([a, b])),
            [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
            _ => u64::from_le_bytes(bytes.try_into().ok()?),
        })
    }

    /// Text without its final NUL; `None` if absent, empty (no value) or the `(NULL)` of old captures.
    ///
    /// A lone NUL is an existing, empty text.
    #[inline]
    pub fn text(&self, index: usize) -> Option<&'a [u8]> {
        let bytes = self.param(index)?;
        match bytes {
            [] | b"(NULL)\0" | b"(NULL)" => None,
            [text @ .., 0] => Some(text),
            text => Some(text),
        }
    }

    /// The kernel's path for the parameter at `index`: the file that the call really worked on, whatever
    /// symlinks, renamed directories or other threads did to the given path. It begins at the root of the
    /// mount namespace. The new path of a renamed directory ends in `/`.
    ///
    /// `None` for failed calls, for parameters that [`EventType::kernel_paths`] does not list, and if the
    /// capturing program did not know it.
    pub fn kernel_path(&self, index: usize) -> Option<&'a [u8]> {
        self.kernel_text(KernelPath::Param(index))
    }

    /// The kernel's path of the plain file or the directory of the event's descriptor; a directory's ends in `/`. For a pipe, its
    /// name, such as `pipe:[42]`.
    ///
    /// `None` for types and descriptors without [`KernelPath::File`], and in captures.
    pub fn file_path(&self) -> Option<&'a [u8]> {
        let paths = self.ty.kernel_paths().iter();
        let file = paths.copied().find(|path| matches!(path, KernelPath::File(_)))?;
        self.kernel_text(file)
    }

    /// Path of what an open call opened, as the kernel has it; the parameter `name` is the requested path, which
    /// another thread may have changed meanwhile.
    ///
    /// `None` for failed calls and in captures of other programs; in captures of eyas also if it equals the
    /// requested path.
    pub fn opened_path(&self) -> Option<&'a [u8]> {
        self.text(self.after_row_of_open()?)
    }

    /// Whether an open call without `O_DIRECTORY` opened a directory; `false` if that is unknown, as for
    /// [`RawEvent::opened_path`].
    pub fn opened_directory(&self) -> bool {
        self.after_row_of_open()
            .and_then(|index| self.param(index + 1))
            .is_some_and(|bytes| !bytes.is_empty())
    }

    /// Whether an exec leaves the timer of a `timerfd_create` open; `false` if the event does not report
    /// it.
    pub fn timer_is_inherited(&self) -> bool {
        let info = self.info().filter(|_| self.ty == EventType::SYSCALL_TIMERFD_CREATE_X);
        info.and_then(|info| self.param(info.params.len())).is_some_and(|bytes| !bytes.is_empty())
    }

    /// Whether the kernel chose the port of a socket that was bound, because the program requested port 0.
    ///
    /// `false` in captures that other programs wrote, which do not show it.
    pub fn port_is_chosen(&self) -> bool {
        let info = self.info().filter(|_| self.ty == EventType::SOCKET_BIND_X);
        info.and_then(|info| self.param(info.params.len())).is_some_and(|bytes| !bytes.is_empty())
    }

    /// The address of a socket after a `listen` that succeeded: family, address, port in host order, as in events of `bind`.
    /// The kernel chooses a port for a socket that was never bound.
    ///
    /// `None` for other calls, and in captures that other programs wrote.
    pub fn listening_address(&self) -> Option<&'a [u8]> {
        let info = self.info().filter(|_| self.ty == EventType::SOCKET_LISTEN_X)?;
        self.param(info.params.len()).filter(|bytes| !bytes.is_empty())
    }

    /// The inode of the socket that `socket`, `accept` or `accept4` made, of live events and of captures that eyas wrote.
    pub fn socket_inode(&self) -> Option<u64> {
        use EventType as E;
        let makes = matches!(self.ty, E::SOCKET_SOCKET_X | E::SOCKET_ACCEPT_5_X | E::SOCKET_ACCEPT4_6_X);
        let info = self.info().filter(|_| makes)?;
        self.uint(info.params.len() + 1).filter(|ino| *ino != 0)
    }

    /// The inodes of the sockets that `socketpair` made, of live events and of captures that eyas wrote.
    pub fn pair_inodes(&self) -> Option<[u64; 2]> {
        let first = self.info().filter(|_| self.ty == EventType::SOCKET_SOCKETPAIR_X)?.params.len();
        Some([self.uint(first)?, self.uint(first + 1)?]).filter(|inodes| inodes[0] != 0)
    }

    /// The inode of the root directory of a mount that `fsmount` made.
    ///
    /// `None` for other calls, and in captures that other programs wrote.
    pub fn mounted_inode(&self) -> Option<u64> {
        let info = self.info().filter(|_| self.ty == EventType::SYSCALL_FSMOUNT_X)?;
        self.uint(info.params.len())
    }

    /// The caller's controlling terminal, a device number, after a call that may have changed it: an open of a character
    /// device by the leader of a session, `TIOCSCTTY`, `TIOCNOTTY`.
    ///
    /// `None` for other calls, and in captures that other programs wrote.
    pub fn terminal(&self) -> Option<u32> {
        let place = match self.ty {
            EventType::SYSCALL_OPEN_X | EventType::SYSCALL_OPENAT_2_X | EventType::SYSCALL_OPENAT2_X => 1,
            EventType::SYSCALL_OPEN_BY_HANDLE_AT_X | EventType::SYSCALL_IOCTL_3_X => 0,
            _ => return None,
        };
        self.number_after_paths(place)
    }

    /// The previous id of the thread that executed a program, if the thread got its process's id by that.
    /// It keeps its descriptors and directories.
    ///
    /// `None` for other calls, for threads that lead their process, and in captures that other programs wrote.
    pub fn executing_tid(&self) -> Option<i64> {
        let is_exec = matches!(self.ty, EventType::SYSCALL_EXECVE_19_X | EventType::SYSCALL_EXECVEAT_X);
        self.int(self.after_paths().filter(|_| is_exec)?)
    }

    /// The caller's credentials after a call that changes them: one that sets ids or capabilities, or
    /// enters a namespace.
    ///
    /// `None` for other calls, and in captures that other programs wrote.
    pub fn credentials(&self) -> Option<Credentials> {
        if !self.ty.changes_credentials() {
            return None;
        }
        let first = self.after_paths()?;
        let cap = |place| self.uint(first + place);
        Some(Credentials {
            uid: self.number_after_paths(0)?,
            gid: self.number_after_paths(1)?,
            caps: [cap(2)?, cap(3)?, cap(4)?],
        })
    }

    /// The login user of the caller after a call that changes its credentials, or that writes to `/proc/self/loginuid`;
    /// `u32::MAX` if there is none.
    ///
    /// `None` for other calls, and in captures that other programs or older versions wrote.
    pub fn login_user(&self) -> Option<u32> {
        match self.ty {
            ty if ty.is_plain_write() => self.number_after_paths(0),
            ty if ty.changes_credentials() => self.number_after_paths(5),
            _ => None,
        }
    }

    /// Whether the event has parameters after those of its row.
    pub fn has_more_params(&self) -> bool {
        self.info().is_some_and(|info| self.nparams() > info.params.len())
    }

    /// A number of 32 bits in a parameter after the kernel's paths.
    fn number_after_paths(&self, place: usize) -> Option<u32> {
        let at = self.after_paths()? + place;
        self.own_param(at)?;
        u32::try_from(self.uint(at)?).ok()
    }

    /// Position of the first parameter after the kernel's paths, which come after the row's parameters.
    fn after_paths(&self) -> Option<usize> {
        Some(self.info()?.params.len() + self.ty.kernel_paths().len())
    }

    /// Position of the first parameter after the row's parameters, for a call that opens.
    fn after_row_of_open(&self) -> Option<usize> {
        let is_open = matches!(
            self.ty,
            EventType::SYSCALL_OPEN_X
                | EventType::SYSCALL_OPENAT_2_X
                | EventType::SYSCALL_OPENAT2_X
                | EventType::SYSCALL_CREAT_X
                | EventType::SYSCALL_OPEN_TREE_X
                | EventType::SYSCALL_OPEN_TREE_ATTR_X
        );
        if is_open { Some(self.info()?.params.len()) } else { None }
    }

    /// The working directory after the call, for calls that [`EventType::kernel_paths`] lists.
    pub fn kernel_cwd(&self) -> Option<&'a [u8]> {
        self.kernel_text(KernelPath::Cwd)
    }

    /// The root directory after the call, likewise.
    pub fn kernel_root(&self) -> Option<&'a [u8]> {
        self.kernel_text(KernelPath::Root)
    }

    /// Position of the result in events of a type: see [`RawEvent::result`].
    pub fn result_index(ty: EventType) -> Option<usize> {
        let index = *RESULT.get(usize::from(ty.0))?;
        (index != NO_RESULT).then_some(index.into())
    }

    /// Position of the opened file's path in events of a type: see [`RawEvent::opened_path`].
    pub fn opened_path_index(ty: EventType) -> Option<usize> {
        Self::from_checked(0, 0, ty, 0, 0, &[]).after_row_of_open()
    }

    /// Whether the probe's filter rejects the event, which was sent as a sample.
    #[inline]
    pub fn is_sample(&self) -> bool {
        self.mark.is_sample()
    }

    /// Whether the probe may filter out the close of the file that the event opened, because no rule
    /// depends on it.
    #[inline]
    pub fn closes_unseen(&self) -> bool {
        self.mark.closes_unseen()
    }

    /// Whether a seccomp filter, or its supervisor, returned the result of a call, which the kernel did not run. Only live captures,
    /// and their recordings, show it, and only where the kernel's state after the call contradicts the result: a `close` whose
    /// descriptor is still open, a `setsid` of a process that leads no session, and the like.
    #[inline]
    pub fn was_skipped_by_seccomp(&self) -> bool {
        self.mark.was_skipped_by_seccomp()
    }

    /// Whether a `close` request of `io_uring` that failed has closed its descriptor, as when a disk is full. Other failed requests
    /// have not: another request that they depend on failed, for example.
    #[inline]
    pub fn closed_with_error(&self) -> bool {
        self.mark.closed_with_error()
    }

    /// Whether the event has [`RawEvent::bases`].
    #[inline]
    pub fn has_bases(&self) -> bool {
        self.mark.has_bases()
    }

    /// Descriptors of the directories that the event's paths may begin at, with the kernel's paths of the directories. Only events
    /// of a live capture contain them, if its filter covers directories.
    #[inline]
    pub fn bases(&self) -> impl Iterator<Item = (i64, &'a [u8])> + use<'a> {
        let params = match self.mark.has_bases() {
            true => self.info().map_or(&[][..], |info| info.params),
            false => &[],
        };
        let is_base = |param: &ParamInfo| matches!(param.source.op, Op::Dirfd);
        let first = self.nparams().checked_sub(params.iter().filter(|param| is_base(param)).count());
        let event = *self;
        let given = params.iter().enumerate().filter(move |(_, param)| is_base(param));
        given.zip(first.unwrap_or_default()..).filter_map(move |((at, _), place)| {
            Some((event.int(at)?, event.text(place).filter(|path| path.starts_with(b"/"))?))
        })
    }

    fn kernel_text(&self, wanted: KernelPath) -> Option<&'a [u8]> {
        let at = self.ty.kernel_paths().iter().position(|path| *path == wanted)?;
        // They come after the row's parameters.
        self.text(self.info()?.params.len() + at)
    }

    /// Whether events of a type have a result: see [`RawEvent::result`].
    pub fn has_result(ty: EventType) -> bool {
        RESULT.get(usize::from(ty.0)).is_some_and(|index| *index != NO_RESULT)
    }

    /// The call's result: the parameter with the result, or the first parameter of calls that return an id.
    ///
    /// `None` if the row has none.
    #[inline]
    pub fn result(&self) -> Option<i64> {
        let index = *RESULT.get(usize::from(self.ty.0))?;
        if index == NO_RESULT {
            return None;
        }
        self.int(usize::from(index))
    }
}

/// The place of an event in the capture from which a slice took it. All members are 0 if no event before it
/// was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlicePlace {
    /// Its number: 1 for the first event.
    pub num: u64,
    /// Time of the previous shown event, ns since the epoch.
    pub previous: u64,
}

/// Credentials of a thread; ids are those of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
    /// Inheritable, permitted and effective capabilities, a bit each.
    pub caps: [u64; 3],
}

const NO_RESULT: u8 = u8::MAX;

/// Position of the result in each type's row.
static RESULT: [u8; EventType::COUNT] = results();

const fn results() -> [u8; EventType::COUNT] {
    let mut table = [NO_RESULT; EventType::COUNT];
    let mut code = 1;
    while code < EventType::COUNT {
        if let Some(info) = EventType(code as u16).info() {
            let mut index = info.params.len();
            while index > 0 {
                index -= 1;
                if is_result(info.params[index].name.as_bytes()) {
                    table[code] = index as u8;
                }
            }
        }
        // Only exit events have a result, and their codes are odd.
        code += 2;
    }
    table
}

const fn is_result(name: &[u8]) -> bool {
    matches!(name, b"res" | b"fd" | b"res_or_fd" | b"uid" | b"euid" | b"gid" | b"egid")
}

/// Iterator over a frame's parameters.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    event: RawEvent<'a>,
    index: usize,
    offset: usize,
}

impl<'a> Iterator for Params<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.index >= self.event.nparams() {
            return None;
        }
        let end = self.offset + self.event.len_at(self.index);
        let bytes = self.event.body.get(self.offset..end)?;
        self.index += 1;
        self.offset = end;
        Some(bytes)
    }
}
