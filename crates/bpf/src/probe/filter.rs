//! The filter: the BPF programs do not send events that no rule needs.

use std::os::fd::{AsFd, AsRawFd};
use std::sync::atomic::{Ordering, fence};

use eyas_events::EventType;
use eyas_events::filter::{Filter, TypeRow, flags};
use eyas_events::verdicts::KIND_KEYS;
use libbpf_rs::{MapCore, MapFlags};
use rustix::mm::ProtFlags;

use super::Probe;
use super::filters::Filters;
use super::verdicts::Verdicts;
use crate::error::{Error, kernel};
use crate::programs::ENTER_CLOSE;
use crate::ring::Mapping;
use crate::skel::types;

const _: () = assert!(
    size_of::<types::filter_type>() == size_of::<TypeRow>()
        && size_of::<types::filter_row>() == size_of::<eyas_events::filter::Row>()
        && size_of::<types::filter_range>() == size_of::<eyas_events::filter::Range>()
);

impl Probe {
    /// Sets the filter: events that it rejects are not sent; `None` for no filter. One in `sample`
    /// such events is still made, and marked; 0 means none.
    ///
    /// One filter decides about each event. Events that the previous filter passed may still be in the
    /// rings.
    ///
    /// # Errors
    /// The kernel does not map the programs' tables, or does not wait for programs that use them. Then no
    /// event is filtered.
    pub fn set_filter(&mut self, filter: Option<&Filter>, sample: u32) -> Result<(), Error> {
        self.use_filter(0, sample);
        self.filters.in_use = None;
        let done = filter.filter(|filter| filter.fits()).map_or(Ok(()), |filter| {
            // A running program may still use the half that is written now.
            self.wait_for_programs()?;
            let half = 3 - self.filters.half.clamp(1, 2);
            self.fill(half, filter)?;
            // The existing verdicts are about the groups of the previous filter.
            self.verdicts.iter_mut().for_each(Verdicts::clear);
            self.filters.half = half;
            self.filters.in_use = Some(filter.clone());
            if filter.unused_files().directories {
                self.report_bases()?;
            }
            self.use_filter(half, sample);
            // From then on, every BPF program counts the changes that it reports.
            if filter.depends_on_processes() { self.wait_for_programs() } else { Ok(()) }
        });
        // Without this program, every close is sent.
        let leaves_out = done.is_ok() && filter.is_some_and(|filter| filter.unused_files().plain);
        let _ = self.attach(&ENTER_CLOSE, leaves_out && super::has_each(self.enter));
        self.seal();
        done
    }

    /// The verdicts on processes that the filter needs.
    ///
    /// # Errors
    /// The kernel does not map them.
    pub fn verdicts(&mut self) -> Result<Verdicts, Error> {
        if let Some(verdicts) = &self.verdicts {
            return Ok(verdicts.clone());
        }
        let maps = &self.skel.maps;
        // Without the programs' numbers, no key is that of a process.
        let secret = maps.rodata_data.map_or([0; KIND_KEYS], |rodata| rodata.kind_keys);
        let verdicts = Verdicts::map(maps.verdicts.as_fd(), secret, self.counters.clone(), self.cpus)?;
        self.verdicts = Some(verdicts.clone());
        Ok(verdicts)
    }

    /// Stops filtering events of the type.
    pub fn send_all(&mut self, ty: EventType) {
        let Filters { mapping: Some(mapping), half, in_use: Some(filter) } = &mut self.filters else {
            return;
        };
        if let Some(row) = filter.types.get_mut(usize::from(ty.0)) {
            row.flags &= !flags::ON;
            let at = std::mem::offset_of!(types::filter, types) + usize::from(ty.0) * size_of::<TypeRow>();
            mapping.write((*half as usize - 1) * stride() + at, std::slice::from_ref(row));
        }
    }

    /// Numbers of filtered events by type, without zeros.
    pub fn filtered_by_type(&self) -> Vec<(EventType, u64)> {
        if self.filters.half == 0 {
            return Vec::new();
        }
        let of = |code: u16| {
            let key = u32::from(code).to_ne_bytes();
            let counts = self.skel.maps.filtered_by_type.lookup_percpu(&key, MapFlags::ANY).ok()??;
            let counts = counts.iter().filter_map(|count| count.first_chunk().copied());
            Some((EventType(code), counts.map(u64::from_ne_bytes).sum()))
        };
        (0..EventType::COUNT as u16).filter_map(of).filter(|(_, count)| *count > 0).collect()
    }

    /// Size of the current filter, if there is one, bytes.
    pub fn filter_bytes(&self) -> Option<usize> {
        self.filters.in_use.as_ref().map(Filter::bytes)
    }

    /// Whether another process has changed the current tables; restores them.
    pub(super) fn repair_filter(&mut self) -> bool {
        let Filters { mapping: Some(mapping), half, in_use: Some(filter) } = &self.filters else {
            return false;
        };
        let base = (*half as usize - 1) * stride();
        let mut differs = false;
        each(filter, &mut |at, bytes| {
            if mapping.bytes(base + at, bytes.len()) != bytes {
                mapping.write(base + at, bytes);
                differs = true;
            }
        });
        if differs {
            // Decisions by the changed tables are not valid.
            self.begin_epoch();
        }
        differs
    }

    fn fill(&mut self, half: u32, filter: &Filter) -> Result<(), Error> {
        let mapping = match self.filters.mapping.take() {
            Some(mapping) => mapping,
            None => {
                let (map, rights) = (self.skel.maps.filters.as_fd(), ProtFlags::READ | ProtFlags::WRITE);
                Mapping::new(map, 0, 2 * stride(), rights)?
            }
        };
        let base = (half as usize - 1) * stride();
        each(filter, &mut |at, bytes| mapping.write(base + at, bytes));
        self.filters.mapping = Some(mapping);
        Ok(())
    }

    fn use_filter(&mut self, half: u32, sample: u32) {
        // The tables must be visible before the switch.
        fence(Ordering::SeqCst);
        self.begin_epoch();
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            bss.filter_sample = sample;
            // SAFETY: a number that this process has mapped; programs read it.
            unsafe { std::ptr::write_volatile(&raw mut bss.filter_in_use, half) };
        }
    }

    /// From then on, events contain the directories that their paths begin at, also while there is no filter: their opens may have
    /// been filtered out.
    fn report_bases(&mut self) -> Result<(), Error> {
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            if bss.reports_bases != 0 {
                return Ok(());
            }
            // SAFETY: a number that this process has mapped; programs read it.
            unsafe { std::ptr::write_volatile(&raw mut bss.reports_bases, 1) };
        }
        // A running program filters out no directory, but does not report them either.
        self.wait_for_programs()
    }

    /// Invalidates everything that programs noted before.
    fn begin_epoch(&mut self) {
        if let Some(bss) = self.skel.maps.bss_data.as_deref_mut() {
            let epoch = bss.filter_epoch.wrapping_add(1);
            // SAFETY: a number that this process has mapped; programs read it.
            unsafe { std::ptr::write_volatile(&raw mut bss.filter_epoch, epoch) };
        }
    }

    /// Returns when no program is at work that was at work before.
    pub(super) fn wait_for_programs(&self) -> Result<(), Error> {
        let maps = &self.skel.maps;
        let fence = maps.fence.as_fd().as_raw_fd().to_ne_bytes();
        let update = maps.fences.update(&0_u32.to_ne_bytes(), &fence, MapFlags::ANY);
        update.map_err(kernel("wait for its programs"))
    }
}

/// From one half to the other.
const fn stride() -> usize {
    size_of::<types::filter>().next_multiple_of(8)
}

/// Calls `with` with the bytes of each table and their offset.
fn each(filter: &Filter, with: &mut dyn FnMut(usize, &[u8])) {
    use std::mem::offset_of;

    use crate::ring::bytes_of;
    with(offset_of!(types::filter, types), bytes_of(&filter.types));
    with(offset_of!(types::filter, rows), bytes_of(&filter.rows));
    with(offset_of!(types::filter, ranges), bytes_of(&filter.ranges));
    with(offset_of!(types::filter, classes), &filter.classes);
    with(offset_of!(types::filter, next), bytes_of(&filter.next));
    with(offset_of!(types::filter, lists_of), bytes_of(&filter.lists_of));
    with(offset_of!(types::filter, lists), bytes_of(&filter.lists));
}
