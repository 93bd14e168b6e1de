//! Converts old events: an enter and an exit event become a current exit event.

use eyas_events::{EventFlags, EventType, ParamType};
use rustc_hash::FxHashMap;

use crate::builder::{OwnedEvent, is_wide};
use crate::{Error, RawEvent};

mod action;
mod table;

use action::{Action, Instr};

/// Maximum number of steps of a conversion, against loops.
const MAX_STEPS: usize = 50;
/// Maximum number of kept enter events, one per thread, and their size. Beyond that, exit events are
/// converted as if their enter events were lost.
const MAX_STORED: usize = 1 << 18;
const MAX_STORED_BYTES: usize = 64 << 20;
/// Maximum number of events whose memory is reused, and their maximum size.
const MAX_FREE: usize = 1024;
const MAX_FREE_LEN: usize = 4 << 10;
/// Maximum size of a converted event, bytes.
const MAX_LEN: usize = 64 << 10;

/// Converts events. It reuses memory, so a steady stream needs no allocation.
#[derive(Default)]
pub(crate) struct Converter {
    stored: FxHashMap<i64, OwnedEvent>,
    /// Size of all stored events, bytes.
    bytes: usize,
    /// Whether there is a current event, and the event.
    has_current: bool,
    current: OwnedEvent,
    /// The event after the next step.
    next: OwnedEvent,
    /// Unused events, whose memory is reused.
    free: Vec<OwnedEvent>,
}

impl Converter {
    /// The result of the last conversion.
    pub(crate) fn current(&self) -> Option<RawEvent<'_>> {
        self.has_current.then(|| self.current.as_raw())
    }

    /// Forgets all threads.
    pub(crate) fn clear(&mut self) {
        self.stored.clear();
        self.bytes = 0;
    }

    /// Converts an event whose block is at `offset`; returns whether [`Converter::current`] returns an
    /// event. It does not for obsolete events, and for enter events, which are kept.
    pub(crate) fn convert(&mut self, raw: RawEvent<'_>, offset: u64) -> Result<bool, Error> {
        self.has_current = false;
        let Some(info) = raw.info() else { return Ok(false) };
        if info.flags.contains(EventFlags::UNUSED) {
            return Ok(false);
        }
        self.current.assign(raw);
        let made = self.steps();
        self.has_current = matches!(made, Ok(true));
        made.map_err(|what| {
            let ty = self.current.ty;
            Error::Convert { name: ty.name(), code: ty.0, offset, what }
        })
    }

    fn steps(&mut self) -> Result<bool, String> {
        for _ in 0..MAX_STEPS {
            let raw = self.current.as_raw();
            let info = raw.info().ok_or("its type has no row")?;
            if !info.flags.contains(EventFlags::CONVERTER_MANAGED) {
                let old = info.flags.contains(EventFlags::OLD_VERSION);
                if old && raw.ty.is_exit() {
                    return Err("no rule brings this type up to date".into());
                }
                if old {
                    return Ok(false);
                }
            }
            if is_current(&raw) {
                return Ok(true);
            }
            if raw.ty.is_exit() && raw.nparams() > info.params.len() {
                // An event of a newer version: additional parameters are ignored.
                self.rebuild(self.current.ty, info.params.len(), &[])?;
                continue;
            }
            let what = || format!("no rule for {} parameters", raw.nparams());
            match action(&raw).ok_or_else(what)? {
                Action::Store => {
                    self.store();
                    return Ok(false);
                }
                Action::Pass => return Ok(true),
                Action::StoreAndPass => {
                    self.store();
                    return Ok(true);
                }
                Action::Add(instrs) => self.rebuild(self.current.ty, raw.nparams(), instrs)?,
                Action::Change(ty, instrs) => self.rebuild(*ty, 0, instrs)?,
            }
        }
        Err(format!("still old after {MAX_STEPS} steps"))
    }

    /// Keeps the event for the exit event of its thread.
    fn store(&mut self) {
        if let Some(old) = self.take(self.current.tid) {
            self.release(old);
        }
        if self.stored.len() < MAX_STORED && self.bytes + self.current.body.len() <= MAX_STORED_BYTES {
            let mut event = self.free.pop().unwrap_or_default();
            event.assign(self.current.as_raw());
            self.bytes += event.body.capacity();
            self.stored.insert(event.tid, event);
        }
    }

    fn take(&mut self, tid: i64) -> Option<OwnedEvent> {
        self.stored.remove(&tid).inspect(|event| self.bytes -= event.body.capacity())
    }

    /// Keeps the memory of an event for reuse, unless it is large.
    fn release(&mut self, event: OwnedEvent) {
        if self.free.len() < MAX_FREE && event.body.capacity() <= MAX_FREE_LEN {
            self.free.push(event);
        }
    }

    /// Changes the event to type `ty`; it keeps its first parameters, and gets those of `instrs` after
    /// them.
    fn rebuild(&mut self, ty: EventType, kept: usize, instrs: &[Instr]) -> Result<(), String> {
        let row = ty.info().ok_or("the new type has no row")?;
        let uses_enter = instrs.iter().any(|i| matches!(i, Instr::Enter(_) | Instr::EnterOrDefault(_)));
        let enter = if uses_enter { self.take(self.current.tid) } else { None };
        // An enter event of another call belongs to a lost exit event.
        let of_this = enter.as_ref().filter(|enter| enter.ty.0 + 1 == self.current.ty.0);
        let (raw, entered) = (self.current.as_raw(), of_this.map(OwnedEvent::as_raw));
        let (mut container, nparams) = (Vec::new(), kept + instrs.len());
        let all = (0..kept).map(Instr::Old).chain(instrs.iter().copied());
        let width = if is_wide(ty) { 4 } else { 2 };
        let body = &mut self.next.body;
        body.clear();
        body.resize(width * nparams, 0);
        for (index, instr) in all.enumerate() {
            let param_ty = row.params.get(index).map(|p| p.ty).ok_or("more parameters than its row has")?;
            let bytes: &[u8] = match instr {
                Instr::Old(n) => raw.param(n).ok_or_else(|| format!("parameter {n} is missing"))?,
                Instr::Enter(n) => entered.and_then(|enter| enter.param(n)).unwrap_or_default(),
                Instr::EnterOrDefault(n) => {
                    entered.and_then(|enter| enter.param(n)).unwrap_or(default_value(param_ty))
                }
                Instr::Default => default_value(param_ty),
                Instr::Empty => &[],
                Instr::ContainerJson => {
                    container = container_json(&raw);
                    &container
                }
            };
            let bytes = &bytes[..bytes.len().min(param_ty.size().unwrap_or(usize::MAX))];
            body[width * index..width * (index + 1)]
                .copy_from_slice(&(bytes.len() as u32).to_le_bytes()[..width]);
            body.extend_from_slice(bytes);
        }
        drop(container);
        if body.len() > MAX_LEN {
            return Err(format!("{} bytes, the limit is {MAX_LEN}", body.len()));
        }
        let OwnedEvent { ts, tid, cpu, state_only, began, .. } = self.current;
        (self.next.ts, self.next.tid, self.next.cpu, self.next.state_only) = (ts, tid, cpu, state_only);
        self.next.began = began;
        (self.next.ty, self.next.nparams) = (ty, nparams as u32);
        std::mem::swap(&mut self.current, &mut self.next);
        if let Some(enter) = enter {
            self.release(enter);
        }
        Ok(())
    }
}

/// Whether the event needs no conversion.
#[inline]
pub(crate) fn is_current(raw: &RawEvent<'_>) -> bool {
    let Some(info) = raw.info() else { return false };
    let flags = info.flags;
    if !flags.contains(EventFlags::CONVERTER_MANAGED) {
        return !flags.intersects(EventFlags::UNUSED | EventFlags::OLD_VERSION);
    }
    if !raw.ty.is_exit() {
        return matches!(action(raw), Some(Action::Pass));
    }
    !flags.contains(EventFlags::OLD_VERSION) && raw.nparams() == info.params.len()
}

/// The action for the event in the table.
fn action(raw: &RawEvent<'_>) -> Option<&'static Action> {
    let key = (raw.ty, raw.nparams() as u32);
    table::ROWS.binary_search_by_key(&key, |row| (row.0, row.1)).ok().map(|row| &table::ROWS[row].2)
}

fn default_value(ty: ParamType) -> &'static [u8] {
    match ty {
        ParamType::UID | ParamType::GID => &[0xff; 4],
        _ => &[0; 16][..ty.size().unwrap_or(0)],
    }
}

/// The content of an old container event, in the current form.
fn container_json(raw: &RawEvent<'_>) -> Vec<u8> {
    use eyas_events::param::CONTAINER_E as p;
    let quote = |index| {
        let text = String::from_utf8_lossy(raw.text(index).unwrap_or_default()).into_owned();
        let mut out = String::from("\"");
        for c in text.chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
                c => out.push(c),
            }
        }
        out.push('"');
        out
    };
    let mut json = format!(
        "{{\"id\":{},\"type\":{},\"name\":{},\"image\":{}}}",
        quote(p::id),
        raw.uint(p::r#type).unwrap_or(0),
        quote(p::name),
        quote(p::image),
    )
    .into_bytes();
    json.push(0);
    json
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EventBuilder;
    use eyas_events::param;

    #[test]
    fn the_table_is_sorted_and_names_existing_parameters() {
        assert!(table::ROWS.windows(2).all(|w| (w[0].0, w[0].1) < (w[1].0, w[1].1)));
        for (ty, nparams, action) in table::ROWS {
            if let Action::Change(to, instrs) = action {
                let row = to.info().unwrap();
                assert!(instrs.len() <= row.params.len(), "{ty:?} with {nparams}");
            }
        }
    }

    #[test]
    fn an_old_close_gets_its_fd_from_the_enter_event() {
        let mut converter = Converter::default();
        let enter = EventBuilder::new(EventType::SYSCALL_CLOSE_E).tid(5).int(0, 9).build();
        assert!(matches!(converter.convert(enter.as_raw(), 0), Ok(false)));
        let exit = EventBuilder::new(EventType::SYSCALL_CLOSE_X).tid(5).int(0, 0).truncate(1).build();
        for fd in [9, 0] {
            assert!(matches!(converter.convert(exit.as_raw(), 0), Ok(true)));
            let now = converter.current().unwrap();
            assert_eq!(now.int(param::SYSCALL_CLOSE_X::fd), Some(fd), "the stored event is used once");
        }
    }

    #[test]
    fn a_chain_of_versions_is_followed_to_the_end() {
        let mut converter = Converter::default();
        let old = EventBuilder::new(EventType::SYSCALL_EXECVE_8_X)
            .int(0, 0)
            .text(1, b"/bin/sh")
            .truncate(8)
            .build();
        assert!(matches!(converter.convert(old.as_raw(), 0), Ok(true)));
        let now = converter.current().unwrap();
        assert_eq!(now.ty, EventType::SYSCALL_EXECVE_19_X);
        assert_eq!(now.nparams(), now.info().unwrap().params.len());
        assert_eq!(now.text(1), Some(&b"/bin/sh"[..]));
    }

    #[test]
    fn a_current_event_is_left_alone_and_a_malformed_one_is_an_error() {
        let mut converter = Converter::default();
        let current = EventBuilder::new(EventType::SYSCALL_CLOSE_X).build();
        assert!(is_current(&current.as_raw()));
        let odd = EventBuilder::new(EventType::SYSCALL_CLOSE_X).truncate(0).build();
        let error = converter.convert(odd.as_raw(), 77).err().unwrap().to_string();
        assert!(error.contains("close") && error.contains("byte 77"), "{error}");
    }
}
