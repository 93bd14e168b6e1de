//! Loads the programs. The kernel verifies each of them separately, which takes most of the time of a start. So parts of the
//! probe are loaded at the same time, each as an object that shares the maps of the first.

use std::ffi::OsString;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::panic::resume_unwind;
use std::thread;

use libbpf_rs::{MapCore, Object, ObjectBuilder, OpenObject, Result};

use crate::programs::{Extra, Form, PAGE_IN, Program, SLEEPABLE};

/// The maps of a loaded object.
pub(super) struct Maps<'a> {
    /// Name of the object, by which those of settings are named.
    object: String,
    maps: Vec<(OsString, BorrowedFd<'a>)>,
}

impl<'a> Maps<'a> {
    pub(super) fn of(object: &'a Object) -> Self {
        // SAFETY: the object has the descriptor for as long as it is borrowed.
        let fd = |map: libbpf_rs::Map<'_>| unsafe { BorrowedFd::borrow_raw(map.as_fd().as_raw_fd()) };
        Self {
            object: object.name().unwrap_or_default().to_string_lossy().into_owned(),
            // Those that were not created have the descriptor of something else.
            maps: object
                .maps()
                .filter(|map| map.info().is_ok())
                .map(|map| (map.name().to_owned(), fd(map)))
                .collect(),
        }
    }

    /// An object of the probe's programs with these maps. Nothing is chosen for loading.
    ///
    /// It is no skeleton, because a skeleton searches maps by the names that they had before they were shared.
    pub(super) fn open(&self) -> Result<OpenObject> {
        let mut open = ObjectBuilder::default().name(&self.object)?.open_memory(&crate::skel::DATA)?;
        for mut map in open.maps_mut() {
            match self.maps.iter().find(|(name, _)| *name == map.name()) {
                Some((_, own)) => map.reuse_fd(*own)?,
                None => map.set_autocreate(false)?,
            }
        }
        open.progs_mut().for_each(|mut program| program.set_autoload(false));
        Ok(open)
    }

    fn load<'p>(&self, names: impl Iterator<Item = &'p str>) -> Result<Object> {
        let names: Vec<&str> = names.collect();
        let mut open = self.open()?;
        for mut program in open.progs_mut().filter(|program| names.iter().any(|name| program.name() == *name))
        {
            if program.name() == PAGE_IN.name {
                program.set_flags(SLEEPABLE);
            }
            program.set_autoload(true);
        }
        open.load()
    }

    /// Loads a part. If the kernel refuses it, the result lacks one or more of the extras.
    fn load_part(&self, rows: &[&'static Program], form: Form) -> Result<Object> {
        const FEWER: [&[Extra]; 4] = [
            &[Extra::Reads],
            &[Extra::Peers],
            &[Extra::Ia32],
            &[Extra::Reads, Extra::Peers, Extra::Ia32, Extra::Requests],
        ];
        let load = |left_out: &[Extra]| {
            let kept = rows.iter().filter(|row| row.extra.is_none_or(|extra| !left_out.contains(&extra)));
            self.load(kept.map(|row| row.form(form).0))
        };
        let has = |extra: &Extra| rows.iter().any(|row| row.extra == Some(*extra));
        let fewer = FEWER.iter().filter(|left_out| left_out.iter().any(has));
        fewer.fold(load(&[]), |loaded, left_out| loaded.or_else(|error| load(left_out).map_err(|_| error)))
    }

    /// Loads the programs, by part, all parts at the same time.
    pub(super) fn load_parts(&self, parts: &[Vec<&'static Program>], form: Form) -> Result<Vec<Object>> {
        let Some((last, others)) = parts.split_last() else { return Ok(Vec::new()) };
        let load = |rows| self.load_part(rows, form);
        thread::scope(|scope| {
            let start =
                |rows| thread::Builder::new().name("load".into()).spawn_scoped(scope, move || load(rows));
            let threads: Vec<_> = others.iter().map(|rows| (rows, start(rows))).collect();
            let last = load(last);
            let others = threads.into_iter().map(|(rows, thread)| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                // The system cannot start a thread.
                Err(_) => load(rows),
            });
            others.chain([last]).collect()
        })
    }
}
