//! Checks the stack usage of programs including their functions. Kernels before about 6.8 refuse a program
//! with more than 512 bytes, where the stack of each function is rounded up to 32. Newer kernels round
//! less, so tests on them would not detect a violation.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Maximum stack size in bytes, and maximum depth of calls.
const STACK: u64 = 512;
const FRAMES: usize = 8;

/// The used fields of an instruction (`struct bpf_insn`).
struct Insn {
    code: u8,
    to: u8,
    from: u8,
    offset: i16,
    imm: i32,
}

const STACK_POINTER: u8 = 10;
const CALL: u8 = 0x85;
/// Loads an address, also that of a function that the kernel calls (`bpf_loop`).
const LOAD: u8 = 0x18;
const MOVE: u8 = 0xbf;
const ADD: u8 = 0x07;
/// Register number of a call to another function of the object.
const OF_OBJECT: u8 = 1;

#[derive(Debug, Default)]
struct Function {
    stack: u64,
    calls: Vec<String>,
}

/// An ELF file of 64 bits.
struct Elf(Vec<u8>);

struct Section {
    kind: u32,
    info: usize,
    link: usize,
    start: usize,
    size: usize,
}

impl Elf {
    fn number(&self, at: usize, size: usize) -> u64 {
        self.0[at..at + size].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
    }

    fn place(&self, at: usize) -> usize {
        self.number(at, 8) as usize
    }

    fn sections(&self) -> Vec<Section> {
        let (first, size, count) = (self.place(0x28), self.number(0x3a, 2) as usize, self.number(0x3c, 2));
        let section = |at: usize| Section {
            kind: self.number(at + 4, 4) as u32,
            start: self.place(at + 0x18),
            size: self.place(at + 0x20),
            link: self.number(at + 0x28, 4) as usize,
            info: self.number(at + 0x2c, 4) as usize,
        };
        (0..count as usize).map(|n| section(first + n * size)).collect()
    }

    fn insn(&self, at: usize) -> Insn {
        let registers = self.0[at + 1];
        Insn {
            code: self.0[at],
            to: registers & 15,
            from: registers >> 4,
            offset: self.number(at + 2, 2) as i16,
            imm: self.number(at + 4, 4) as i32,
        }
    }
}

/// A function's place: section, first byte and size.
type Place = (usize, usize, usize);

/// All functions, by name, with their places.
fn places(elf: &Elf, sections: &[Section]) -> BTreeMap<String, Place> {
    const SYMBOLS: u32 = 2;
    const FUNCTION: u8 = 2;
    let table = sections.iter().find(|section| section.kind == SYMBOLS).unwrap();
    let names = sections[table.link].start;
    let symbol = |at: usize| {
        let name = &elf.0[names + elf.number(at, 4) as usize..];
        let name = name.split(|byte| *byte == 0).next().unwrap();
        let place = (elf.number(at + 6, 2) as usize, elf.place(at + 8), elf.place(at + 16));
        (elf.0[at + 4] & 15 == FUNCTION).then(|| (String::from_utf8(name.to_vec()).unwrap(), place))
    };
    (table.start..table.start + table.size).step_by(24).filter_map(symbol).collect()
}

/// The symbols that instructions refer to, by section and place: their section and value.
fn references(elf: &Elf, sections: &[Section]) -> BTreeMap<(usize, usize), (usize, usize)> {
    const REFERENCES: u32 = 9;
    let symbols = sections.iter().find(|section| section.kind == 2).unwrap().start;
    let mut all = BTreeMap::new();
    for section in sections.iter().filter(|section| section.kind == REFERENCES) {
        for at in (section.start..section.start + section.size).step_by(16) {
            let symbol = symbols + 24 * elf.number(at + 12, 4) as usize;
            let to = (elf.number(symbol + 6, 2) as usize, elf.place(symbol + 8));
            all.insert((section.info, elf.place(at)), to);
        }
    }
    all
}

fn functions(elf: &Elf) -> BTreeMap<String, Function> {
    let sections = elf.sections();
    let places = places(elf, &sections);
    let references = references(elf, &sections);
    let at = |section: usize, byte: usize| {
        let found = places.iter().find(|(_, place)| place.0 == section && place.1 == byte);
        found.map(|(name, _)| name.clone())
    };
    let mut all = BTreeMap::new();
    for (name, (section, first, size)) in &places {
        let mut function = Function::default();
        // Registers that contain the stack pointer.
        let mut pointers = [false; 16];
        for place in (*first..first + size).step_by(8) {
            let insn = elf.insn(sections[*section].start + place);
            let class = insn.code & 7;
            let (loads, stores) = (class == 1, matches!(class, 2 | 3));
            if stores && insn.to == STACK_POINTER || loads && insn.from == STACK_POINTER {
                function.stack = function.stack.max(u64::from(insn.offset.min(0).unsigned_abs()));
            }
            let is_pointer = insn.code == MOVE && insn.from == STACK_POINTER;
            if insn.code == ADD && pointers[usize::from(insn.to)] {
                function.stack = function.stack.max(u64::from(insn.imm.min(0).unsigned_abs()));
            }
            pointers[usize::from(insn.to)] = is_pointer;
            if insn.code == CALL && insn.from == OF_OBJECT {
                let behind = |byte: usize| (byte as i64 + 8 * (i64::from(insn.imm) + 1)) as usize;
                let called = match references.get(&(*section, place)) {
                    // A function of the kernel's.
                    Some((0, _)) => continue,
                    Some(&(section, value)) => at(section, value).or_else(|| at(section, behind(value))),
                    None => at(*section, behind(place)),
                };
                function
                    .calls
                    .push(called.unwrap_or_else(|| panic!("{name}: what is called at {place:#x}?")));
            }
            if insn.code == LOAD
                && let Some(&(section, value)) = references.get(&(*section, place))
            {
                function.calls.extend(at(section, value + insn.imm.max(0) as usize));
            }
        }
        all.insert(name.clone(), function);
    }
    all
}

/// The call path with the largest stack usage, with its functions.
fn deepest(name: &str, all: &BTreeMap<String, Function>) -> (u64, Vec<String>) {
    let function = &all[name];
    let below = function.calls.iter().map(|called| deepest(called, all)).max();
    let (stack, mut names) = below.unwrap_or_default();
    names.insert(0, format!("{name}({})", function.stack));
    (stack + function.stack.max(1).next_multiple_of(32), names)
}

/// Maximum depth of calls.
fn frames(name: &str, all: &BTreeMap<String, Function>) -> usize {
    1 + all[name].calls.iter().map(|called| frames(called, all)).max().unwrap_or(0)
}

#[test]
fn the_programs_fit_on_the_stack_of_every_kernel() {
    for arch in ["x86_64", "aarch64"] {
        let object = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("objects/{arch}.o.gz"));
        let mut bytes = Vec::new();
        flate2::read::GzDecoder::new(File::open(object).unwrap()).read_to_end(&mut bytes).unwrap();
        let all = functions(&Elf(bytes));
        let calls: usize = all.values().map(|function| function.calls.len()).sum();
        assert!(all.len() > 100 && calls > 100, "{} functions, {calls} calls", all.len());
        assert!(all["emit"].stack > 0 && all["put_right"].calls.contains(&"walk".to_owned()));
        assert!(all["freed_events"].calls.contains(&"report_found".to_owned()), "{:?}", all["freed_events"]);
        for name in all.keys() {
            let (stack, names) = deepest(name, &all);
            assert!(stack <= STACK, "{arch}: {stack} bytes: {}", names.join(" > "));
            assert!(frames(name, &all) <= FRAMES, "{arch}: {name}");
        }
    }
}
