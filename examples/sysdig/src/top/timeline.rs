//! Events and alerts over the time of a capture, and the selected span.

/// Maximum number of slots of a histogram. If there are more, pairs of slots are merged.
const MAX: usize = 4096;

/// Number of events and alerts over time.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    /// Time of the first event, ns since the epoch; 0 before the first event.
    first: u64,
    last: u64,
    /// Length of a slot, ns.
    slot: u64,
    events: Vec<u64>,
    alerts: Vec<u64>,
}

impl Histogram {
    /// Adds an event with this time; `alerts` is set if a rule matched it.
    pub fn add(&mut self, ts: u64, alerts: bool) {
        if self.first == 0 {
            (self.first, self.slot) = (ts, 1_000_000);
        }
        self.last = self.last.max(ts);
        let mut place = self.place(ts);
        while place >= MAX {
            for list in [&mut self.events, &mut self.alerts] {
                *list = list.chunks(2).map(|two| two.iter().sum()).collect();
            }
            self.slot *= 2;
            place = self.place(ts);
        }
        if self.events.len() <= place {
            self.events.resize(place + 1, 0);
            self.alerts.resize(place + 1, 0);
        }
        self.events[place] += 1;
        self.alerts[place] += u64::from(alerts);
    }

    fn place(&self, ts: u64) -> usize {
        usize::try_from(ts.saturating_sub(self.first) / self.slot.max(1)).unwrap_or(usize::MAX)
    }

    /// Times of the first and last event.
    pub fn span(&self) -> (u64, u64) {
        (self.first, self.last)
    }

    /// Events and alerts, divided into `count` columns.
    pub fn columns(&self, count: usize) -> Vec<(u64, u64)> {
        let mut columns = vec![(0, 0); count];
        if count == 0 {
            return columns;
        }
        for (at, (events, alerts)) in self.events.iter().zip(&self.alerts).enumerate() {
            let ts = self.first + at as u64 * self.slot + self.slot / 2;
            let column = &mut columns[self.column(ts, count)];
            *column = (column.0 + events, column.1 + alerts);
        }
        columns
    }

    /// The column of a time.
    pub fn column(&self, ts: u64, count: usize) -> usize {
        let length = u128::from((self.last - self.first).max(1));
        let passed = u128::from(ts.clamp(self.first, self.last.max(self.first)) - self.first);
        ((passed * count as u128 / length) as usize).min(count.saturating_sub(1))
    }

    /// Beginning and end of a column.
    pub fn time(&self, column: usize, count: usize) -> (u64, u64) {
        let length = u128::from((self.last - self.first).max(1));
        let at = |column: usize| self.first + (length * column as u128 / count.max(1) as u128) as u64;
        (at(column), at(column + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::Histogram;

    #[test]
    fn slots_grow_with_the_capture() {
        let mut histogram = Histogram::default();
        for second in 0..100_000_u64 {
            histogram.add(1_000_000_000 * (second + 1), second == 55_000);
        }
        let columns = histogram.columns(10);
        assert_eq!(columns.iter().map(|(events, _)| events).sum::<u64>(), 100_000);
        assert_eq!(columns.iter().position(|(_, alerts)| *alerts > 0), Some(5));
        let (from, to) = histogram.time(5, 10);
        assert!(histogram.column(from + 1, 10) == 5 && histogram.column(to - 1, 10) == 5);
    }
}
