//! Explores every order of the steps of the probe and of user space for verdicts on kinds of processes, as the other tests do for
//! those on processes. Threads also move to other control groups, which no event shows, get names, and events are lost.

use super::*;

/// The part of the protocol that is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lacks {
    Nothing,
    /// The key in a slot is valid for any process with the slot.
    Id,
    /// A new thread does not remove the key of a process whose other threads have another one.
    Threads,
    /// Keys stay valid after a loss.
    Salt,
    /// A new name does not remove the key.
    Name,
}

/// Threads: the two of a process, and a process with the same slot.
const LEADER: usize = 0;
const SECOND: usize = 1;
const SINGLE: usize = 2;

const fn id_of(thread: usize) -> u32 {
    if thread == SINGLE { OTHER } else { CHILD }
}

/// Two kinds, as on the host and in a container, and the rules that match processes of these.
const HOST: u8 = b'h';
const CONTAINER: u8 = b'c';

const fn rules_of(kind: u8) -> u64 {
    if kind == CONTAINER { 1 } else { 2 }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A thread starts, or executes a program, which ends the others of its process.
    Report(usize),
    /// The same, and the event is lost.
    Lose(usize),
    /// The thread becomes of another kind, which no event shows.
    Move(usize, u8),
    /// The same, and an event shows it.
    Rename(usize, u8),
    Call(usize),
}

impl Step {
    const fn thread(self) -> usize {
        match self {
            Self::Report(thread) | Self::Lose(thread) | Self::Call(thread) => thread,
            Self::Move(thread, _) | Self::Rename(thread, _) => thread,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Event {
    Report(usize, u8),
    Rename(usize, u8),
    /// The groups that the probe found the process in, and how often user space had read `/proc`.
    Call(usize, u64, u8),
    Loss,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// The control groups, and their key, which is made with the event.
    Built(u8, u64),
    Published(u64),
    /// The key that a call read.
    Key(u64),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Memory {
    /// The key in the slot, with the process that it is for.
    key: (u32, u64),
    words: BTreeMap<usize, [u64; WORDS]>,
    salt: u8,
    published: VecDeque<Event>,
    taken: usize,
    lost: u64,
    is_pending: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    memory: Memory,
    now: [u8; 3],
    processors: Vec<(usize, Option<Part>)>,
    known: [Option<u8>; 3],
    is_doubted: bool,
    heals: u8,
    /// What user space waits for after a loss.
    after_loss: Option<Option<usize>>,
    lost: u64,
}

struct Shown<'w>(&'w mut Memory, Lacks);

fn key(kind: u8, salt: u8) -> u64 {
    u64::from(kind) << 56 | u64::from(salt) << 24 | u64::from(kind) << 16
}

impl VerdictTable for Shown<'_> {
    type Mark = usize;

    fn settled(&self, _: usize) -> Option<u32> {
        Some(0)
    }

    fn begun(&self, _: usize) -> u32 {
        0
    }

    fn word(&self, slot: usize, word: usize) -> u64 {
        self.0.words.get(&slot).map_or(0, |words| words[word])
    }

    fn set_word(&mut self, slot: usize, word: usize, value: u64) {
        if value != 0 || self.0.words.contains_key(&slot) {
            self.0.words.entry(slot).or_default()[word] = value;
        }
    }

    fn mark(&self) -> usize {
        self.0.taken + self.0.published.len()
    }

    fn is_past(&self, mark: &usize) -> bool {
        self.0.taken >= *mark
    }

    fn lost(&self) -> (u64, bool) {
        (self.0.lost, self.0.is_pending)
    }

    fn key(&self, kind: &[u8]) -> u64 {
        key(kind[0], self.0.salt)
    }

    fn renew_kinds(&mut self) {
        self.0.salt += u8::from(self.1 != Lacks::Salt);
    }
}

/// A call that is left out in some order although a rule matches it.
#[derive(Debug)]
struct Wrong;

struct Search<'s> {
    scripts: &'s [&'s [Step]],
    lacks: Lacks,
    seen: HashSet<World>,
    left_out: usize,
}

impl Search<'_> {
    fn explore(&mut self, world: World) -> Result<(), Wrong> {
        let mut open = vec![world];
        while let Some(world) = open.pop() {
            if !self.seen.insert(world.clone()) {
                continue;
            }
            for at in 0..world.processors.len() {
                open.extend(self.processor(&world, at));
            }
            open.extend(self.next_event(&world)?);
            open.extend(self.heal(&world));
            let mut told = world.clone();
            if std::mem::take(&mut told.memory.is_pending) {
                told.memory.published.push_back(Event::Loss);
                open.push(told);
            }
        }
        Ok(())
    }

    fn processor(&mut self, world: &World, at: usize) -> Option<World> {
        let mut next = world.clone();
        let (step, part) = next.processors[at].clone();
        let memory = &mut next.memory;
        let what = *self.scripts[at].get(step)?;
        // A process starts before its second thread does.
        if what.thread() == SECOND && world.processors[0].0 == 0 {
            return None;
        }
        let part = match (what, part) {
            (Step::Move(thread, kind), _) => {
                next.now[thread] = kind;
                None
            }
            (Step::Rename(thread, kind), None) => {
                if memory.key.0 == id_of(thread) && self.lacks != Lacks::Name {
                    memory.key.1 = 0;
                }
                Some(Part::Built(kind, 0))
            }
            (Step::Rename(thread, kind), _) => {
                memory.published.push_back(Event::Rename(thread, kind));
                next.now[thread] = kind;
                None
            }
            (Step::Report(thread) | Step::Lose(thread), None) => {
                Some(Part::Built(next.now[thread], key(next.now[thread], memory.salt)))
            }
            (Step::Lose(thread), _) => {
                memory.lost += 1;
                memory.is_pending = true;
                self.note(memory, thread, 0);
                None
            }
            (Step::Report(thread), Some(Part::Built(kind, key))) => {
                memory.published.push_back(Event::Report(thread, kind));
                Some(Part::Published(key))
            }
            (Step::Report(thread), Some(Part::Published(key) | Part::Key(key))) => {
                self.note(memory, thread, key);
                None
            }
            (Step::Call(thread), None) => {
                let (of, key) = memory.key;
                let is_own = of == id_of(thread) || self.lacks == Lacks::Id;
                Some(Part::Key(if is_own { key } else { 0 }))
            }
            (Step::Call(thread), Some(part)) => {
                let words = |key| memory.words.get(&kind_slot(key)).copied().unwrap_or_default();
                let groups = match part {
                    Part::Key(key) if key != 0 => kind_groups(words(key), key),
                    _ => u64::MAX,
                };
                self.left_out += usize::from(groups != u64::MAX);
                memory.published.push_back(Event::Call(thread, groups, next.heals));
                None
            }
        };
        next.processors[at] = (step + usize::from(part.is_none()), part);
        Some(next)
    }

    /// The last step of the probe for an event that reports control groups.
    fn note(&self, memory: &mut Memory, thread: usize, key: u64) {
        let id = id_of(thread);
        if thread != SECOND {
            memory.key = (id, key);
        } else if memory.key.0 == id && memory.key.1 != key && self.lacks != Lacks::Threads {
            memory.key.1 = 0;
        }
    }

    /// User space processes an event.
    fn next_event(&self, world: &World) -> Result<Option<World>, Wrong> {
        let mut next = world.clone();
        let Some(event) = next.memory.published.pop_front() else { return Ok(None) };
        next.memory.taken += 1;
        match event {
            Event::Report(thread, kind) | Event::Rename(thread, kind) => next.known[thread] = Some(kind),
            Event::Loss => next.is_doubted = true,
            Event::Call(thread, groups, heals) => {
                let matched = next.known[thread].map_or(0, rules_of);
                // What is decided before `/proc` is read may be about another state than that.
                if !next.is_doubted && heals == next.heals && matched & !groups != 0 {
                    return Err(Wrong);
                }
            }
        }
        self.step(
            &mut next,
            match event {
                Event::Report(_, kind) => Some(kind),
                _ => None,
            },
        );
        Ok(Some(next))
    }

    /// User space reads `/proc`.
    fn heal(&self, world: &World) -> Option<World> {
        let mut next = world.clone();
        if !std::mem::take(&mut next.is_doubted) {
            return None;
        }
        for (known, now) in next.known.iter_mut().zip(world.now) {
            *known = known.map(|_| now);
        }
        next.heals += 1;
        self.step(&mut next, None);
        Some(next)
    }

    fn step(&self, world: &mut World, reported: Option<u8>) {
        let sure = (!world.is_doubted).then_some(0);
        let mut verdicts = ProcessVerdicts {
            lost: world.lost,
            after_loss: world.after_loss.map(|mark| mark.map_or(AfterLoss::Report, AfterLoss::State)),
            ..ProcessVerdicts::of_slots(0)
        };
        let mut table = Shown(&mut world.memory, self.lacks);
        if let Some(kind) = reported {
            verdicts.learn_kind(&mut table, &[kind], sure, || !3 | rules_of(kind));
        }
        verdicts.step(&mut table, sure, |_| None);
        world.lost = verdicts.lost;
        world.after_loss = verdicts.after_loss.map(|after| match after {
            AfterLoss::Report => None,
            AfterLoss::State(mark) => Some(mark),
        });
    }
}

fn explore_kinds(lacks: Lacks, scripts: &[&[Step]]) -> (bool, usize) {
    let memory = Memory {
        key: (0, 0),
        words: BTreeMap::new(),
        salt: 0,
        published: VecDeque::new(),
        taken: 0,
        lost: 0,
        is_pending: false,
    };
    let world = World {
        memory,
        now: [HOST, HOST, CONTAINER],
        processors: vec![(0, None); scripts.len()],
        known: [Some(HOST), None, Some(CONTAINER)],
        is_doubted: false,
        heals: 0,
        after_loss: None,
        lost: 0,
    };
    let mut search = Search { scripts, lacks, seen: HashSet::new(), left_out: 0 };
    let outcome = search.explore(world);
    (outcome.is_err(), search.left_out)
}

use Step::{Lose, Move, Rename, Report};

const MOVED: &[&[Step]] = &[
    &[Report(LEADER), Step::Call(LEADER), Report(LEADER), Step::Call(LEADER)],
    &[Move(LEADER, CONTAINER), Report(SINGLE)],
];
const TWO_THREADS: &[&[Step]] = &[
    &[Report(LEADER), Step::Call(LEADER), Step::Call(LEADER)],
    &[Move(SECOND, CONTAINER), Report(SECOND), Step::Call(SECOND)],
];
const ONE_SLOT: &[&[Step]] =
    &[&[Report(LEADER), Step::Call(LEADER)], &[Step::Call(SINGLE), Report(SINGLE), Step::Call(SINGLE)]];
const RENAMED: &[&[Step]] = &[
    &[Report(LEADER), Step::Call(LEADER), Rename(LEADER, CONTAINER), Step::Call(LEADER)],
    &[Report(SECOND), Rename(SECOND, CONTAINER), Step::Call(SECOND)],
];
const LOST: &[&[Step]] = &[
    &[Report(LEADER), Move(LEADER, CONTAINER), Step::Call(LEADER)],
    &[Lose(SINGLE), Move(SINGLE, HOST), Report(SECOND), Step::Call(SECOND)],
];

#[test]
fn no_order_leaves_out_what_a_rule_matches_by_kind() {
    for (at, scripts) in [MOVED, TWO_THREADS, ONE_SLOT, RENAMED, LOST].into_iter().enumerate() {
        let (is_wrong, left_out) = explore_kinds(Lacks::Nothing, scripts);
        assert!(!is_wrong, "case {at}");
        assert!(left_out > 0, "nothing is left out in case {at}");
    }
}

#[test]
fn each_part_of_the_protocol_for_kinds_is_needed() {
    for (lacks, scripts) in
        [(Lacks::Id, ONE_SLOT), (Lacks::Threads, TWO_THREADS), (Lacks::Name, RENAMED), (Lacks::Salt, LOST)]
    {
        assert!(explore_kinds(lacks, scripts).0, "without {lacks:?}, no order has a fault");
    }
}
