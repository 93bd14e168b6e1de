//! Explores every order of the steps of the probe and of user space: none leaves out an event that a rule matches.
//!
//! The probe's side is a model with single steps; user space's side is the real code. The tests also check that the protocol
//! needs each of its parts: without any one of them, some order leaves out an event that a rule matches.

use std::cell::Cell;
use std::collections::{BTreeMap, HashSet, VecDeque};

use super::*;

mod kinds;

/// The part of the protocol that is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    Nothing,
    /// Words are valid with any counts.
    Stamp,
    /// User space does not check whether changes have ended.
    Ended,
    /// User space does not wait for published events.
    Mark,
    /// The probe counts a change only after it has published the event.
    BeginBefore,
    /// The probe does not count changes of ancestors.
    Lineage,
    /// Words are valid for any process with the slot.
    Id,
    /// The probe does not count the start and end of processes.
    Life,
    /// No part is disabled, but the probe reads the counts before the words.
    WordsFirst,
}

/// The properties of a process: the bits are the rules that match it; or the process has ended.
type Image = Option<u64>;

const PARENT: u32 = 3;
const CHILD: u32 = 5;
/// A process with the slot of the child.
const OTHER: u32 = 5 + (1 << 16);
/// Rules that test only the process.
const OWN: u64 = 1;
/// Rules that also test the parent.
const ABOVE: u64 = 1 << 24;

/// An act of a processor.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The process becomes another one.
    Change(u32, Image),
    /// The process makes a call, which rules match if the process is in their group.
    Call(u32),
}

/// A step of an act.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Stage {
    Begun,
    BegunAbove,
    Cleared,
    Published,
    EndedAbove,
    /// The words and counts read so far, and the groups that the process was in during the whole act.
    Read {
        words: Option<[u64; WORDS]>,
        own: Option<u32>,
        above: Option<u32>,
        matched: u64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Processor {
    act: usize,
    stage: Option<Stage>,
}

/// The memory that the probe and user space share.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Shared {
    begun: BTreeMap<usize, u32>,
    ended: BTreeMap<usize, u32>,
    words: BTreeMap<usize, [u64; WORDS]>,
    /// Published changes that user space has not processed, and the number of processed ones.
    published: VecDeque<(u32, Image)>,
    taken: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    shared: Shared,
    processors: Vec<Processor>,
    /// Properties according to the published events, and according to user space.
    is: BTreeMap<u32, Image>,
    known: BTreeMap<u32, Image>,
    /// User space: processes to be judged, and the current batch.
    asked: Vec<u32>,
    batch: Vec<(u32, u32, u32)>,
    mark: Option<usize>,
    /// How many more verdicts user space requests.
    asks: u8,
}

struct Table<'w>(&'w mut Shared, Without, Cell<usize>, (u64, bool));

impl VerdictTable for Table<'_> {
    type Mark = usize;

    fn settled(&self, slot: usize) -> Option<u32> {
        let (begun, ended) = (self.begun(slot), self.0.ended.get(&slot).copied().unwrap_or(0));
        (begun == ended || self.1 == Without::Ended).then_some(begun)
    }

    fn begun(&self, slot: usize) -> u32 {
        self.0.begun.get(&slot).copied().unwrap_or(0)
    }

    fn word(&self, slot: usize, word: usize) -> u64 {
        self.0.words.get(&slot).map_or(0, |words| words[word])
    }

    fn set_word(&mut self, slot: usize, word: usize, value: u64) {
        self.0.words.entry(slot).or_default()[word] = value;
        self.2.set(self.2.get() + 1);
    }

    fn mark(&self) -> usize {
        self.0.taken + self.0.published.len()
    }

    fn is_past(&self, mark: &usize) -> bool {
        self.0.taken >= *mark || self.1 == Without::Mark
    }

    fn lost(&self) -> (u64, bool) {
        self.3
    }

    fn key(&self, _: &[u8]) -> u64 {
        0
    }

    fn renew_kinds(&mut self) {}
}

/// The groups of a process, by the properties of the processes.
fn groups_of(id: u32, of: &BTreeMap<u32, Image>) -> u64 {
    let image = |id: u32| of.get(&id).copied().flatten();
    let own = image(id).unwrap_or(0);
    let above = if id == CHILD { image(PARENT).unwrap_or(0) } else { 0 };
    own & OWN | above & ABOVE
}

struct Explorer<'s> {
    scripts: &'s [&'s [Act]],
    without: Without,
    seen: HashSet<World>,
    /// Calls that were left out in some order.
    left_out: usize,
}

/// An order that leaves out a call that a rule matches.
#[derive(Debug)]
struct Fault;

impl Explorer<'_> {
    fn explore(&mut self, world: World) -> Result<(), Fault> {
        let mut open = vec![world];
        while let Some(world) = open.pop() {
            if !self.seen.insert(world.clone()) {
                continue;
            }
            for at in 0..world.processors.len() {
                let mut next = world.clone();
                if self.processor(&mut next, at)? {
                    open.push(next);
                }
            }
            open.extend(self.user(&world));
        }
        Ok(())
    }

    /// Makes one step of a processor; returns whether there was one.
    fn processor(&mut self, world: &mut World, at: usize) -> Result<bool, Fault> {
        let Processor { act, stage } = world.processors[at].clone();
        let Some(act) = self.scripts[at].get(act) else { return Ok(false) };
        let next = match *act {
            Act::Change(id, image) => self.change(world, stage, id, image),
            Act::Call(id) => self.call(world, stage, id)?,
        };
        world.processors[at].act += usize::from(next.is_none());
        world.processors[at].stage = next;
        Ok(true)
    }

    fn change(&self, world: &mut World, stage: Option<Stage>, id: u32, image: Image) -> Option<Stage> {
        let (without, at) = (self.without, slot(id));
        let is_life = image.is_none() || world.is.get(&id).copied().flatten().is_none();
        let counts = !(without == Without::Life && is_life);
        let counts_above = id == PARENT && without != Without::Lineage;
        let (begun, ended) = (&mut world.shared.begun, &mut world.shared.ended);
        let late = without == Without::BeginBefore;
        let begin = |begun: &mut BTreeMap<usize, u32>| {
            *begun.entry(at).or_default() += u32::from(counts);
            if counts_above {
                *begun.entry(LINEAGE).or_default() += 1;
            }
        };
        match stage {
            None if late => Some(Stage::Cleared),
            None => {
                *begun.entry(at).or_default() += u32::from(counts);
                Some(Stage::Begun)
            }
            Some(Stage::Begun) => {
                if counts_above {
                    *begun.entry(LINEAGE).or_default() += 1;
                }
                Some(Stage::BegunAbove)
            }
            Some(Stage::BegunAbove) => {
                if counts && without != Without::Stamp {
                    world.shared.words.remove(&at);
                }
                Some(Stage::Cleared)
            }
            Some(Stage::Cleared) => {
                world.shared.published.push_back((id, image));
                world.is.insert(id, image);
                Some(Stage::Published)
            }
            Some(Stage::Published) => {
                if late {
                    begin(begun);
                }
                if counts_above {
                    *ended.entry(LINEAGE).or_default() += 1;
                }
                Some(Stage::EndedAbove)
            }
            _ => {
                *ended.entry(at).or_default() += u32::from(counts);
                None
            }
        }
    }

    fn call(&mut self, world: &World, stage: Option<Stage>, id: u32) -> Result<Option<Stage>, Fault> {
        let now = groups_of(id, &world.is);
        let begun = |slot: usize| world.shared.begun.get(&slot).copied().unwrap_or(0);
        let Some(Stage::Read { mut words, mut own, mut above, matched }) = stage else {
            return Ok(Some(Stage::Read { words: None, own: None, above: None, matched: now }));
        };
        let matched = matched & now;
        let words_last = self.without == Without::WordsFirst;
        if words.is_none() && (!words_last || above.is_some()) {
            words = Some(world.shared.words.get(&slot(id)).copied().unwrap_or_default());
        } else if own.is_none() {
            own = Some(begun(slot(id)));
        } else if above.is_none() {
            above = Some(begun(LINEAGE));
        }
        let (Some(found), Some(own_count), Some(lineage)) = (words, own, above) else {
            return Ok(Some(Stage::Read { words, own, above, matched }));
        };
        let as_if = match self.without {
            Without::Id => id & 0xffff,
            _ => id,
        };
        let counts = Counts { own: own_count, lineage };
        let wanted = match self.without {
            Without::Stamp => unstamped(found),
            Without::Id => groups(found.map(|word| word & !(0x3f << 58)), as_if, counts),
            _ => groups(found, id, counts),
        };
        self.left_out += usize::from(wanted & (OWN | ABOVE) != OWN | ABOVE);
        // Left out, though a rule matches at every possible position of the event.
        if matched & !wanted != 0 { Err(Fault) } else { Ok(None) }
    }

    /// The next steps of user space: it requests a verdict, processes an event, or continues with the requests.
    fn user(&self, world: &World) -> Vec<World> {
        let mut out = Vec::new();
        if world.asks > 0 {
            for id in
                [CHILD, OTHER].into_iter().filter(|id| world.is.contains_key(id) && !world.asked.contains(id))
            {
                let mut next = world.clone();
                next.asks -= 1;
                next.asked.push(id);
                out.push(next);
            }
        }
        let mut next = world.clone();
        if let Some((id, image)) = next.shared.published.pop_front() {
            next.shared.taken += 1;
            next.known.insert(id, image);
            out.push(next);
        }
        let mut next = world.clone();
        let batch = next.batch.drain(..).map(|(id, own, lineage)| (id, Counts { own, lineage }));
        let mut verdicts = ProcessVerdicts {
            asked: take(&mut next.asked),
            batch: batch.collect(),
            mark: next.mark.take(),
            ..ProcessVerdicts::of_slots(0)
        };
        let known = next.known.clone();
        let mut table = Table(&mut next.shared, self.without, Cell::new(0), (0, false));
        verdicts
            .step(&mut table, Some(0), |id| known.get(&id).copied().flatten().map(|_| groups_of(id, &known)));
        next.batch = verdicts.batch.iter().map(|(id, counts)| (*id, counts.own, counts.lineage)).collect();
        (next.asked, next.mark) = (verdicts.asked, verdicts.mark);
        if next != *world {
            out.push(next);
        }
        out
    }
}

/// The groups that words exclude, with any stamps.
fn unstamped(words: [u64; WORDS]) -> u64 {
    !words.into_iter().zip([0, 24, 48]).fold(0, |all, (word, shift)| all | (word & 0xff_ffff) << shift)
}

/// Explores all orders of these acts of processors. Returns whether one has a fault, and how many calls were left out.
fn explore(without: Without, scripts: &[&[Act]], known: &[(u32, Image)]) -> (bool, usize) {
    let known: BTreeMap<u32, Image> = known.iter().copied().collect();
    let shared = Shared {
        begun: BTreeMap::new(),
        ended: BTreeMap::new(),
        words: BTreeMap::new(),
        published: VecDeque::new(),
        taken: 0,
    };
    let processors = vec![Processor { act: 0, stage: None }; scripts.len()];
    let world = World {
        shared,
        processors,
        is: known.clone(),
        known,
        asked: Vec::new(),
        batch: Vec::new(),
        mark: None,
        asks: 2,
    };
    let mut explorer = Explorer { scripts, without, seen: HashSet::new(), left_out: 0 };
    let outcome = explorer.explore(world);
    (outcome.is_err(), explorer.left_out)
}

use Act::{Call, Change};

/// The cases: scripts of processors, and the initial properties of processes.
type Case = (&'static [&'static [Act]], &'static [(u32, Image)]);

/// A process that executes a program that rules match, and then one that they do not match.
const EXEC: Case =
    (&[&[Change(CHILD, Some(OWN)), Call(CHILD), Change(CHILD, Some(0)), Call(CHILD)]], &[(CHILD, Some(0))]);

/// The parent becomes a process that rules match, while its child makes calls.
const ANCESTOR: Case = (
    &[&[Change(PARENT, Some(ABOVE))], &[Call(CHILD), Change(CHILD, Some(0)), Call(CHILD)]],
    &[(PARENT, Some(0)), (CHILD, Some(0))],
);

/// A process ends, and another one gets its id.
const REUSE: Case =
    (&[&[Change(CHILD, None), Change(CHILD, Some(OWN)), Call(CHILD)], &[Call(OTHER)]], &[(CHILD, Some(0))]);

/// Another process has the same slot.
const SHARED: Case =
    (&[&[Call(CHILD), Change(CHILD, Some(0))], &[Call(OTHER)]], &[(CHILD, Some(0)), (OTHER, Some(OWN))]);

/// Threads of a process change it and make calls at the same time.
const THREADS: Case = (
    &[&[Change(CHILD, Some(OWN)), Call(CHILD)], &[Change(CHILD, Some(OWN)), Call(CHILD)]],
    &[(CHILD, Some(0))],
);

/// One thread changes the process, the other makes calls.
const CALLER: Case = (&[&[Change(CHILD, Some(OWN))], &[Call(CHILD), Call(CHILD)]], &[(CHILD, Some(0))]);

/// The process and its parent change while it makes calls.
const BOTH: Case = (
    &[&[Change(PARENT, Some(ABOVE))], &[Change(CHILD, Some(OWN))], &[Call(CHILD)]],
    &[(PARENT, Some(0)), (CHILD, Some(0))],
);

const CASES: [Case; 7] = [EXEC, ANCESTOR, REUSE, SHARED, THREADS, CALLER, BOTH];

#[test]
fn no_order_leaves_out_what_a_rule_matches() {
    for (at, (scripts, known)) in CASES.into_iter().enumerate() {
        // With several processors, the order of the probe's reads matters most.
        let orders = [Without::Nothing, Without::WordsFirst];
        for order in &orders[..if scripts.len() > 2 { 2 } else { 1 }] {
            let (has_fault, left_out) = explore(*order, scripts, known);
            assert!(!has_fault, "case {at}");
            assert!(left_out > 0, "nothing is left out in case {at}");
        }
    }
}

#[test]
fn each_part_of_the_protocol_is_needed() {
    for (without, (scripts, known)) in [
        (Without::Stamp, EXEC),
        (Without::Stamp, THREADS),
        (Without::Ended, EXEC),
        (Without::Mark, EXEC),
        (Without::BeginBefore, CALLER),
        (Without::Lineage, ANCESTOR),
        (Without::Id, SHARED),
        (Without::Life, REUSE),
    ] {
        let (has_fault, _) = explore(without, scripts, known);
        assert!(has_fault, "without {without:?}, no order has a fault");
    }
}

#[test]
fn a_process_gets_a_verdict_after_some_events() {
    let mut shared = Shared {
        begun: BTreeMap::new(),
        ended: BTreeMap::new(),
        words: BTreeMap::new(),
        published: VecDeque::new(),
        taken: 0,
    };
    let mut verdicts = ProcessVerdicts::default();
    let mut table = Table(&mut shared, Without::Nothing, Cell::new(0), (0, false));
    for _ in 0..=SETTLED {
        verdicts.note(&table, CHILD);
        verdicts.step(&mut table, Some(0), |_| Some(0));
    }
    assert_eq!(verdicts.written(), 0);
    verdicts.step(&mut table, Some(0), |_| Some(0));
    assert_eq!((verdicts.written(), table.2.get()), (1, WORDS));
    assert!(has_verdict(&table, CHILD) && !has_verdict(&table, OTHER));
    // The process has a verdict.
    for _ in 0..100 {
        verdicts.note(&table, CHILD);
        verdicts.step(&mut table, Some(0), |_| Some(0));
    }
    assert_eq!(verdicts.written(), 1);
    verdicts.clear(&mut table);
    assert!(!has_verdict(&table, CHILD));
}

#[test]
fn after_a_loss_no_verdict_holds_until_the_state_is_sure() {
    let mut shared = Shared {
        begun: BTreeMap::new(),
        ended: BTreeMap::new(),
        words: BTreeMap::new(),
        published: VecDeque::new(),
        taken: 0,
    };
    let mut verdicts = ProcessVerdicts::default();
    let mut table = Table(&mut shared, Without::Nothing, Cell::new(0), (0, false));
    let run = |verdicts: &mut ProcessVerdicts<usize>, table: &mut Table<'_>, is_sure: bool| {
        for _ in 0..=2 * SETTLED {
            verdicts.note(table, CHILD);
            verdicts.step(table, is_sure.then_some(0), |_| Some(0));
        }
        has_verdict(table, CHILD)
    };
    assert!(run(&mut verdicts, &mut table, true));
    // The event was lost, and the loss is not reported yet.
    table.3 = (1, true);
    assert!(!run(&mut verdicts, &mut table, true));
    // The report is published, but the state has not processed it.
    table.3 = (1, false);
    table.0.published.push_back((OTHER, None));
    assert!(!run(&mut verdicts, &mut table, true));
    // The state has processed it, and requests verdicts.
    (table.0.taken, table.0.published) = (1, VecDeque::new());
    assert!(!run(&mut verdicts, &mut table, false));
    assert!(run(&mut verdicts, &mut table, true));
    // In doubt for another reason.
    assert!(!run(&mut verdicts, &mut table, false));
    // Processes are in containers that were in none.
    assert!(run(&mut verdicts, &mut table, true));
    verdicts.step(&mut table, Some(1), |_| Some(0));
    assert!(!has_verdict(&table, CHILD));
}
