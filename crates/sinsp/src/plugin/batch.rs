//! A batch of a source's events.

use eyas_events::EventType;

/// State of a source after a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// There is more.
    More,
    /// No more events at the moment.
    Idle,
    /// The source has ended.
    End,
}

/// The events of a batch, in one buffer that is reused for the next batch.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    events: Vec<Place>,
}

/// An event, and the position of its parameters in the buffer.
#[derive(Clone, Copy, Debug)]
struct Place {
    ts: Option<u64>,
    tid: i64,
    ty: EventType,
    nparams: u32,
    start: usize,
    end: usize,
}

/// An event of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchedEvent<'a> {
    /// Time in ns since the epoch; `None`: now.
    pub ts: Option<u64>,
    /// Thread; -1 for none.
    pub tid: i64,
    /// Type.
    pub ty: EventType,
    /// Number of parameters.
    pub nparams: u32,
    /// Lengths of the parameters, then the parameters, as in a frame after the header.
    pub body: &'a [u8],
}

/// Size of the parameters before a plugin event's data: two lengths, and the plugin's id.
const HEAD: usize = 12;
const ID_LEN: u32 = 4;

impl Batch {
    /// Appends an event of the plugin's own source. `ts`: ns since the epoch; `None`: now.
    ///
    /// The host sets the plugin's id.
    pub fn push(&mut self, ts: Option<u64>, data: &[u8]) {
        let start = self.bytes.len();
        self.bytes.reserve(HEAD + data.len());
        self.bytes.extend_from_slice(&ID_LEN.to_le_bytes());
        // A length beyond 32 bits cannot be represented; the check of the frame refuses it.
        self.bytes.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.bytes.extend_from_slice(&0u32.to_le_bytes());
        self.bytes.extend_from_slice(data);
        let (end, ty) = (self.bytes.len(), EventType::PLUGINEVENT_E);
        self.events.push(Place { ts, tid: -1, ty, nparams: 2, start, end });
    }

    /// Appends an event of any type, for sources of system calls. The host checks it.
    pub fn push_event(&mut self, event: BatchedEvent<'_>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(event.body);
        let BatchedEvent { ts, tid, ty, nparams, .. } = event;
        self.events.push(Place { ts, tid, ty, nparams, start, end: self.bytes.len() });
    }

    /// Number of events.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Removes all events and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.events.clear();
    }

    /// The event at a position.
    pub fn get(&self, at: usize) -> Option<BatchedEvent<'_>> {
        let Place { ts, tid, ty, nparams, start, end } = *self.events.get(at)?;
        Some(BatchedEvent { ts, tid, ty, nparams, body: self.bytes.get(start..end)? })
    }

    /// Mutable parameters of the event at a position.
    pub fn body_mut(&mut self, at: usize) -> Option<&mut [u8]> {
        let Place { start, end, .. } = *self.events.get(at)?;
        self.bytes.get_mut(start..end)
    }
}
