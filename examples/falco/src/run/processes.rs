//! Verdicts on processes for the probe's filter, while events are captured.

use std::sync::Arc;

use eyas::events::verdicts::{LINEAGE, VerdictTable};
use eyas::sinsp::EventView;
use eyas::sinsp::pushdown::{Groups, ProcessVerdicts};

use crate::source::ProcessTable;

/// Number of events between two steps of the verdicts.
const STRIDE: u8 = 16;

/// Writes verdicts while events are captured.
#[derive(Debug)]
pub(super) struct Processes {
    groups: Arc<Groups>,
    table: ProcessTable,
    verdicts: ProcessVerdicts<<ProcessTable as VerdictTable>::Mark>,
    since_step: u8,
}

impl Processes {
    /// Creates it for rules with these groups.
    pub(super) fn new(groups: &Arc<Groups>, table: ProcessTable) -> Self {
        let (groups, verdicts) = (Arc::clone(groups), ProcessVerdicts::default());
        Self { groups, table, verdicts, since_step: 0 }
    }

    /// Notes an event that the rules have tested.
    #[inline]
    pub(super) fn note(&mut self, event: &EventView<'_>) {
        self.verdicts.learn(&mut self.table, &self.groups, event);
        if let Some(id) = event.thread().and_then(|thread| u32::try_from(thread.pid).ok()) {
            self.verdicts.note(&self.table, id);
        }
        self.since_step += 1;
        if self.since_step >= STRIDE {
            self.since_step = 0;
            self.step(event);
        }
    }

    fn step(&mut self, event: &EventView<'_>) {
        let judge = |id: u32| self.groups.of_process(event, id.into());
        self.verdicts.step(&mut self.table, event.sure_of_processes(), judge);
    }

    /// Number of verdicts written, and of events that the probe filtered out because of verdicts.
    pub(super) fn counts(&self) -> [u64; 2] {
        [self.verdicts.written(), self.table.left_out()]
    }

    /// Number of changes of processes that may have descendants.
    pub(super) fn changes_above(&self) -> u32 {
        self.table.begun(LINEAGE)
    }
}
