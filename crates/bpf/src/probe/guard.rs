//! Detects changes of the probe by other processes.
//!
//! A process that may load BPF programs may also write the maps of other processes, and a process that may
//! trace this one may close its links. No event reports this; events are only missing.

use std::collections::BTreeSet;
use std::fmt;
use std::mem::offset_of;
use std::os::fd::{AsFd, AsRawFd};

use eyas_events::{Arch, SyscallCode};
use libbpf_rs::libbpf_sys::{bpf_link_info, bpf_obj_get_info_by_fd};
use libbpf_rs::{Link, MapCore};

use super::Probe;
use super::maps::{is_frozen, put_right};
use super::sealed::{Call, Sealed};
use super::verdicts::Verdicts;
use crate::skel::types;

/// A difference from the settings of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tampering {
    /// The probe did not report a system call that this process made as a test.
    Silent,
    /// A program is not attached any more.
    Detached {
        /// Name of the program.
        program: &'static str,
    },
    /// Settings in the probe's memory differ: captured calls, sizes of payloads, the filter, and the like.
    Settings,
    /// The names of excluded threads differ.
    ExcludedNames,
    /// The ids of excluded threads differ.
    ExcludedIds,
    /// A map is frozen, so the settings of this process have no effect.
    Frozen {
        /// Name of the map.
        map: &'static str,
    },
}

impl fmt::Display for Tampering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("the probe does not see a call that this process has made"),
            Self::Detached { program } => write!(f, "the program {program} is not attached any more"),
            Self::Settings => f.write_str("another process has changed the probe's settings"),
            Self::ExcludedNames => {
                f.write_str("another process has changed which threads the probe leaves out")
            }
            Self::ExcludedIds => {
                f.write_str("another process has changed which threads the probe leaves out by their ids")
            }
            Self::Frozen { map } => {
                write!(f, "another process has frozen the map {map}: settings can't be changed; start again")
            }
        }
    }
}

/// Number of tries, because the program may be running for another thread of this process.
const ATTEMPTS: usize = 3;

impl Probe {
    /// Returns differences from the settings of this process: other processes wrote to the probe's maps or
    /// detached its programs. It restores changed settings. It makes about twenty system calls, so call it
    /// about once a second.
    ///
    /// Maps that only BPF programs write are frozen for processes when the probe is opened.
    ///
    /// It also makes a call to test whether the probe sees calls at all, if [`exclude_pid`] is this process
    /// and openat, chdir or dup is captured. That is not possible in a container with its own pid
    /// namespace.
    ///
    /// [`exclude_pid`]: crate::ProbeOptions::exclude_pid
    pub fn tampering(&mut self) -> Vec<Tampering> {
        let mut found = Vec::new();
        if self.links.is_empty() {
            return found;
        }
        for ((name, link), (_, program)) in self.links.iter().zip(&self.sealed.programs) {
            if program.is_some() && program_of(link) != *program {
                found.push(Tampering::Detached { program: name });
            }
        }
        if self.settings() != (self.sealed.bss.clone(), self.sealed.data.clone()) {
            self.put_right();
            found.push(Tampering::Settings);
        }
        if self.repair_filter() && !found.contains(&Tampering::Settings) {
            found.push(Tampering::Settings);
        }
        let has_foreign_verdicts = self.verdicts.as_ref().is_some_and(Verdicts::repair);
        if has_foreign_verdicts && !found.contains(&Tampering::Settings) {
            found.push(Tampering::Settings);
        }
        found.extend(self.tampered_maps());
        if self.sealed.is_heard && !self.hears() {
            found.push(Tampering::Silent);
        }
        found
    }

    /// Changes by other processes to other maps; restores them if possible.
    fn tampered_maps(&mut self) -> Vec<Tampering> {
        let mut found = Vec::new();
        let (maps, sealed) = (&self.skel.maps, &mut self.sealed);
        let names: BTreeSet<Vec<u8>> = maps.quiet_comms.keys().collect();
        if names != sealed.names {
            put_right(&maps.quiet_comms, &names, &sealed.names);
            found.push(Tampering::ExcludedNames);
        }
        if sealed.ids.are_changed(&maps.quiet_tids, !sealed.names.is_empty(), sealed.is_heard) {
            found.push(Tampering::ExcludedIds);
        }
        let writable = [
            ("quiet_comms", maps.quiet_comms.as_fd()),
            ("quiet_tids", maps.quiet_tids.as_fd()),
            ("fences", maps.fences.as_fd()),
            ("filters", maps.filters.as_fd()),
            ("verdicts", maps.verdicts.as_fd()),
        ];
        let frozen = writable.into_iter().filter(|(_, fd)| is_frozen(*fd));
        found.extend(frozen.map(|(map, _)| Tampering::Frozen { map }));
        found
    }

    /// Records the present settings as those of this process.
    pub(super) fn seal(&mut self) {
        let (bss, data) = self.settings();
        let number = |code: SyscallCode| {
            let arch = if cfg!(target_arch = "aarch64") { Arch::Aarch64 } else { Arch::X86_64 };
            code.info().and_then(|info| info.number(arch))
        };
        let interest = |code| {
            let bss = self.skel.maps.bss_data.as_deref()?;
            bss.interest.get(usize::from(number(code)?)).copied()
        };
        // If this process is captured, too, its calls would be events.
        let is_excluded = self.skel.maps.data_data.as_deref().is_some_and(|data| data.own_pid != u32::MAX);
        let mut calls = Call::ALL.iter().filter(|_| is_excluded);
        let call = calls.find(|(code, _)| interest(*code).is_some_and(|says| says != 0));
        let ids = std::mem::take(&mut self.sealed.ids);
        self.sealed = Sealed {
            ids,
            bss,
            data,
            names: self.skel.maps.quiet_comms.keys().collect(),
            programs: self.links.iter().map(|(name, link)| (*name, program_of(link))).collect(),
            call: call.map(|(_, call)| *call),
            is_heard: false,
        };
        self.sealed.is_heard = self.sealed.call.is_some() && self.hears();
    }

    /// Makes a call, and returns whether the probe has seen it.
    fn hears(&self) -> bool {
        let Some(call) = self.sealed.call else { return true };
        (0..ATTEMPTS).any(|_| {
            let before = self.own_calls();
            call.make(self.skel.maps.fence.as_fd());
            self.own_calls() != before
        })
    }

    fn own_calls(&self) -> u64 {
        self.skel.maps.bss_guard_data.as_deref().map_or(0, |data| {
            // SAFETY: a number that this process has mapped; programs write it.
            unsafe { std::ptr::read_volatile(&raw const data.own_calls) }
        })
    }

    /// The bytes of the settings, without those that programs write.
    fn settings(&self) -> (Vec<u8>, Vec<u8>) {
        let mut bss = self.skel.maps.bss_data.as_deref().map(bytes).unwrap_or_default();
        if let Some(left_out) = bss.get_mut(offset_of!(types::bss, left_out)) {
            *left_out = 0;
        }
        (bss, self.skel.maps.data_data.as_deref().map(bytes).unwrap_or_default())
    }

    fn put_right(&mut self) {
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            let left_out = bss.left_out;
            put(bss, &self.sealed.bss);
            bss.left_out = left_out;
        }
        if let Some(data) = self.skel.maps.data_data.as_deref_mut() {
            put(data, &self.sealed.data);
        }
    }
}

/// The bytes of a map's memory.
fn bytes<T: Copy>(value: &T) -> Vec<u8> {
    let mut bytes = vec![0; size_of::<T>()];
    // SAFETY: the memory of a map, which the kernel has filled with zeros or numbers, so that what is between the fields has
    // values, too; the vector is as long.
    unsafe {
        std::ptr::copy_nonoverlapping(std::ptr::from_ref(value).cast(), bytes.as_mut_ptr(), bytes.len())
    };
    bytes
}

/// Writes bytes that were read from there.
fn put<T: Copy>(value: &mut T, bytes: &[u8]) {
    if bytes.len() == size_of::<T>() {
        // SAFETY: it is as long, and its fields are numbers and arrays of such: any bytes are values of theirs.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), std::ptr::from_mut(value).cast(), bytes.len())
        };
    }
}

/// Id of the program that a link attaches, if the link is one.
fn program_of(link: &Link) -> Option<u32> {
    // SAFETY: numbers, and unions and arrays of such, which may be 0. Older kernels want what they do not know to be 0.
    let mut info: bpf_link_info = unsafe { std::mem::zeroed() };
    let mut len = size_of::<bpf_link_info>() as u32;
    // SAFETY: the kernel writes no more than `len` bytes, which is how large the structure is.
    let failed =
        unsafe { bpf_obj_get_info_by_fd(link.as_fd().as_raw_fd(), (&raw mut info).cast(), &raw mut len) };
    (failed == 0).then_some(info.prog_id)
}
