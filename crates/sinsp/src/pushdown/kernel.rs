//! Rows for the probe: see [`eyas_events::filter`].

use eyas_events::filter::{
    self, Check, Filter, How as KernelHow, Input as KernelInput, NO_PARAM, Range, Row as KernelRow, TypeRow,
    UnusedFiles, flags,
};
use eyas_events::{EventType, FlagTable, KernelPath, ParamInfo, ParamType, param};
use eyas_scap::RawEvent;

use super::results::{self, Results};
use super::rows::{How, Input, PASS, REJECT, Row, Rows};
use super::texts::TextBits;
use crate::path_params;

const O_TMPFILE: u32 = FlagTable::FILE_FLAGS.value("O_TMPFILE");
const IN_ROOT: u32 = FlagTable::OPENAT2_FLAGS.value("RESOLVE_IN_ROOT");

/// Maximum number of parameters whose texts rows of one type compare.
const MAX_TEXTS_READ: usize = 8;
/// Maximum number of ranges in one row of the probe.
const MAX_RANGES: usize = 64;

/// Rejected events of a type that the probe may filter out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Free {
    /// None, because all change something that is used.
    None,
    /// Failed calls, and those that open, copy or close a file of these kinds.
    FailedAndFiles(UnusedFiles),
    /// All.
    All,
}

/// The probe's tables for these rows. `free` says what may be left out by type.
///
/// `groups_of` has the groups of a type's rules, by code, if each rule is in one.
pub(super) fn filter(rows: &Rows, groups_of: &[Option<u64>], free: impl Fn(EventType) -> Free) -> Filter {
    let all = Compiler::new(rows, groups_of, true).compile(&free);
    all.or_else(|| Compiler::new(rows, groups_of, false).compile(&free)).unwrap_or_else(|| Filter {
        types: vec![TypeRow::SENT; filter::TYPES],
        rows: Vec::new(),
        ranges: Vec::new(),
        classes: vec![0; 256],
        next: Vec::new(),
        lists_of: Vec::new(),
        lists: Vec::new(),
    })
}

struct Compiler<'r> {
    rows: &'r Rows,
    groups_of: &'r [Option<u64>],
    /// By row: the results with which events may pass from there on.
    results: Vec<Results>,
    texts: TextBits,
    /// Whether rows compare texts.
    has_texts: bool,
    out: Vec<KernelRow>,
    ranges: Vec<Range>,
}

impl<'r> Compiler<'r> {
    fn new(rows: &'r Rows, groups_of: &'r [Option<u64>], has_texts: bool) -> Self {
        let (results, texts) = (results::of_rows(rows), TextBits::new());
        Self { rows, groups_of, results, texts, has_texts, out: Vec::new(), ranges: Vec::new() }
    }

    /// `None` if the state machine of the texts would be too large.
    fn compile(mut self, free: impl Fn(EventType) -> Free) -> Option<Filter> {
        let mut types = vec![TypeRow::SENT; filter::TYPES];
        for (code, out) in types.iter_mut().enumerate().take(EventType::COUNT) {
            let ty = EventType(code as u16);
            let free = free(ty);
            // Generic events stand for other calls, which have their own rows.
            if free != Free::None && ty != EventType::GENERIC_X && RawEvent::has_result(ty) {
                self.add_type(ty, free, out);
            }
        }
        let machine = self.texts.finish()?;
        let filter = Filter {
            types,
            rows: self.out,
            ranges: self.ranges,
            classes: machine.classes,
            next: machine.next,
            lists_of: machine.lists_of,
            lists: machine.lists,
        };
        filter.fits().then_some(filter)
    }

    fn add_type(&mut self, ty: EventType, free: Free, out: &mut TypeRow) {
        let entry = self.rows.entries.get(usize::from(ty.0)).copied().unwrap_or(REJECT);
        let mut flags = match free {
            Free::None => 0,
            Free::FailedAndFiles(unused) => flags::ON | flags::FREE_FAILED | unused.flags(),
            Free::All => flags::ON | flags::FREE,
        };
        let groups = self.groups_of.get(usize::from(ty.0)).copied().flatten().unwrap_or(0);
        if groups != 0 && entry != REJECT {
            flags |= flags::BY_PROCESS;
        }
        let found = results::of_type(ty, results::at_entry(&self.results, entry));
        let first = match free {
            // Its rows are never used.
            Free::FailedAndFiles(UnusedFiles::NONE) if results::is_empty(found[1]) => filter::PASS,
            _ => self.copy(ty, entry),
        };
        let asks = |at: u16| self.out.get(usize::from(at)..).unwrap_or_default();
        if asks(first).iter().any(|row| row.input == KernelInput::Group as u8) {
            flags |= flags::GROUPED;
        }
        if first == filter::PASS && found == results::ALL && flags & flags::BY_PROCESS == 0 {
            return;
        }
        let (name, path) = opened_name(ty).unwrap_or((NO_PARAM, NO_PARAM));
        if first < filter::REJECT && self.is_by_path(ty, first) {
            flags |= flags::BY_PATH;
        }
        let (name, path) = (name.into(), path.into());
        *out = TypeRow { first, flags, name, path, checks: checks(ty), groups, results: found };
    }

    /// Whether the type's rows, which begin at `first`, test only the path, the flags and the result, and not the number of a
    /// descriptor. If so, the decision about an event is valid for every event with the same path, flags and result.
    fn is_by_path(&self, ty: EventType, first: u16) -> bool {
        let (name, flags) = match ty {
            EventType::SYSCALL_OPEN_X => (param::SYSCALL_OPEN_X::name, param::SYSCALL_OPEN_X::flags),
            EventType::SYSCALL_OPENAT_2_X => {
                (param::SYSCALL_OPENAT_2_X::name, param::SYSCALL_OPENAT_2_X::flags)
            }
            _ => return false,
        };
        const NUMBERS: [u8; 3] =
            [KernelInput::Int as u8, KernelInput::Error as u8, KernelInput::Descriptor as u8];
        self.out[usize::from(first)..].iter().all(|row| {
            let at = usize::from(row.param);
            if KernelInput::PATHS.iter().any(|path| *path as u8 == row.input) {
                at == name
            } else if NUMBERS.contains(&row.input) {
                Some(at) == RawEvent::result_index(ty) && self.is_same_of_success(row)
            } else if row.input == KernelInput::Uint as u8 {
                at == flags
            } else {
                // The probe remembers decisions by the groups of the process, too. Any other input may differ between such events.
                row.input == KernelInput::Nothing as u8 || row.input == KernelInput::Group as u8
            }
        })
    }

    /// Whether the row has the same outcome for every result that is not an error.
    fn is_same_of_success(&self, row: &KernelRow) -> bool {
        let (first, count) = (usize::from(row.first), usize::from(row.count));
        let ranges = &self.ranges[first..first + count];
        row.how == KernelHow::Ranges as u8
            && (ranges.iter().any(|range| range.least <= 0 && range.most == i64::MAX)
                || ranges.iter().all(|range| range.most < 0))
    }

    /// Copies the rows that can be reached from `entry`, in their order, and returns the number of the first copy. If there are too
    /// many, every event passes.
    fn copy(&mut self, ty: EventType, entry: u16) -> u16 {
        if entry >= REJECT {
            return if entry == REJECT { filter::REJECT } else { filter::PASS };
        }
        // Rows lead to later rows, so one pass in order finds all reachable rows, and the longest way to
        // each. Most tests of texts share a step.
        const STEP: usize = filter::BITS_OF_STEP + 1;
        let cost = |row: &Row| if matches!(row.how, How::Texts(_)) { 1 } else { STEP };
        let first = usize::from(entry);
        let mut steps: Vec<usize> = vec![0; self.rows.len()];
        steps[first] = STEP;
        let mut reached = Vec::new();
        for at in first..self.rows.len() {
            let (row, count) = (self.rows.rows[at], steps[at]);
            if count == 0 {
                continue;
            }
            reached.push(at);
            for to in [row.yes, row.no].into_iter().filter(|to| *to < REJECT) {
                let to = &mut steps[usize::from(to)];
                *to = (*to).max(count + cost(&row));
            }
        }
        let longest = reached.iter().map(|at| steps[*at]).max().unwrap_or(0);
        let begin = self.out.len();
        // Reading a text takes one more step.
        if longest / STEP + MAX_TEXTS_READ >= filter::STEPS || begin + reached.len() > filter::ROWS {
            return filter::PASS;
        }
        let mut new: Vec<u16> = vec![0; self.rows.len()];
        for (index, at) in reached.iter().enumerate() {
            new[*at] = (begin + index) as u16;
        }
        let place = |to: u16| match to {
            PASS => filter::PASS,
            REJECT => filter::REJECT,
            to => new[usize::from(to)],
        };
        for at in reached {
            let row = self.rows.rows[at];
            let made = self.row(ty, &row);
            self.out.push(KernelRow { yes: place(row.yes), no: place(row.no), ..made });
        }
        begin as u16
    }

    /// The row without its successors. A row that the probe cannot express is always true.
    fn row(&mut self, ty: EventType, row: &Row) -> KernelRow {
        let nothing = KernelRow {
            how: KernelHow::Ranges as u8,
            input: KernelInput::Nothing as u8,
            param: 0,
            negated: 0,
            first: 0,
            count: 0,
            yes: 0,
            no: 0,
        };
        let result = RawEvent::result_index(ty).unwrap_or(NO_PARAM.into());
        // The probe reads a parameter once for all rows: a path always with the kernel's path.
        let is_text_of_path = row.input == Input::Text && is_path(ty, row.param.into());
        if is_text_of_path && row.negated {
            return nothing;
        }
        let (input, param) = match row.input {
            Input::Text if is_text_of_path => (KernelInput::GivenPath, row.param.into()),
            Input::Result => (KernelInput::Int, result),
            Input::Error => (KernelInput::Error, result),
            Input::Descriptor => (KernelInput::Descriptor, result),
            Input::Int => (KernelInput::Int, row.param.into()),
            Input::Uint => (KernelInput::Uint, row.param.into()),
            Input::Text => (KernelInput::Text, row.param.into()),
            Input::Path | Input::Directory | Input::Name => (KernelInput::Path, row.param.into()),
            Input::RawPath => (KernelInput::RawPath, row.param.into()),
            Input::Given => (KernelInput::GivenPath, row.param.into()),
            Input::Group => (KernelInput::Group, row.param.into()),
        };
        let Ok(param) = u8::try_from(param) else { return nothing };
        let made = KernelRow { input: input as u8, param, negated: row.negated.into(), ..nothing };
        let numbers = |how, first| KernelRow { how: how as u8, first, ..made };
        if row.input == Input::Group {
            return made;
        }
        match row.how {
            How::Ranges => {
                let ranges = self.rows.ranges_of(row);
                let Some(first) = self.keep(ranges).filter(|_| ranges.len() < MAX_RANGES) else {
                    return nothing;
                };
                KernelRow { count: ranges.len() as u16, ..numbers(KernelHow::Ranges, first) }
            }
            How::Bits | How::BitsOrZero => {
                let how = if row.how == How::Bits { KernelHow::Bits } else { KernelHow::BitsOrZero };
                self.keep(self.rows.ranges_of(row)).map_or(nothing, |first| numbers(how, first))
            }
            How::Texts(place) => {
                let other =
                    if KernelInput::PATHS.contains(&input) { kernel_path(ty, param) } else { NO_PARAM };
                let bit = self.has_texts.then(|| self.texts.of_row(self.rows, row, place)).flatten();
                bit.map_or(nothing, |first| KernelRow {
                    count: other.into(),
                    ..numbers(KernelHow::Texts, first)
                })
            }
        }
    }

    fn keep(&mut self, ranges: &[(i64, i64)]) -> Option<u16> {
        let first = self.ranges.len();
        if first + ranges.len() > filter::RANGES {
            return None;
        }
        self.ranges.extend(ranges.iter().map(|(least, most)| Range { least: *least, most: *most }));
        u16::try_from(first).ok()
    }
}

/// Whether rows may compare the parameter as a path.
fn is_path(ty: EventType, param: usize) -> bool {
    let info = ty.info().and_then(|info| info.params.get(param));
    let is_of_type = info.is_some_and(|info| matches!(info.ty, ParamType::FSPATH | ParamType::FSRELPATH));
    is_of_type || path_params::of(ty).any(|path| path == param)
}

/// Position of the kernel's path of a parameter in events of the type.
fn kernel_path(ty: EventType, param: u8) -> u8 {
    let Some(info) = ty.info() else { return NO_PARAM };
    let at = ty.kernel_paths().iter().position(|path| *path == KernelPath::Param(param.into()));
    // In calls that open, it comes first.
    let at = at.or_else(|| RawEvent::opened_path_index(ty).map(|at| at - info.params.len()));
    at.and_then(|at| u8::try_from(info.params.len() + at).ok()).unwrap_or(NO_PARAM)
}

/// Positions of the requested path and of the kernel's path in events of a call that opens.
fn opened_name(ty: EventType) -> Option<(u8, u8)> {
    RawEvent::opened_path_index(ty)?;
    let is_path = |info: &ParamInfo| matches!(info.ty, ParamType::FSPATH | ParamType::FSRELPATH);
    let at = u8::try_from(ty.info()?.params.iter().position(is_path)?).ok()?;
    Some((at, kernel_path(ty, at)))
}

/// Checks whether the requested path of a call is the shown one.
fn checks(ty: EventType) -> [Check; 2] {
    let check = |param: usize, mask: u32| Check { param: param as u16, pad: 0, mask };
    let none = TypeRow::SENT.checks[0];
    let unnamed = O_TMPFILE;
    match ty {
        EventType::SYSCALL_OPEN_X => [check(param::SYSCALL_OPEN_X::flags, unnamed), none],
        EventType::SYSCALL_OPENAT_2_X => [check(param::SYSCALL_OPENAT_2_X::flags, unnamed), none],
        EventType::SYSCALL_OPENAT2_X => [
            check(param::SYSCALL_OPENAT2_X::flags, unnamed),
            check(param::SYSCALL_OPENAT2_X::resolve, IN_ROOT),
        ],
        EventType::SYSCALL_OPEN_BY_HANDLE_AT_X => {
            [check(param::SYSCALL_OPEN_BY_HANDLE_AT_X::flags, unnamed), none]
        }
        _ => [none; 2],
    }
}

#[cfg(test)]
mod tests {
    use eyas_fields::{Formula, TextPlace};

    use super::super::build::Builder;
    use super::super::rows::{Test, With};
    use super::*;

    /// The inputs of the probe's rows for a formula about opens.
    fn inputs(formula: Formula<Test>) -> Vec<u8> {
        const TY: EventType = EventType::SYSCALL_OPENAT_2_X;
        let mut builder = Builder::default();
        (0..TY.0).for_each(|_| builder.add(Formula::Const(false)));
        builder.add(formula);
        let (rows, _) = builder.finish();
        let failed = Free::FailedAndFiles(UnusedFiles::NONE);
        let filter = filter(&rows, &[], |ty| if ty == TY { failed } else { Free::None });
        filter.rows.iter().map(|row| row.input).collect()
    }

    #[test]
    fn a_path_is_never_read_without_the_kernels_path() {
        let test = |input, negated| {
            let (param, texts) = (param::SYSCALL_OPENAT_2_X::name as u8, vec![b"/etc/passwd"[..].into()]);
            Formula::Test(Test { input, param, negated, with: With::Texts(TextPlace::Whole, texts) })
        };
        for negated in [false, true] {
            let found = inputs(Formula::any([test(Input::Text, negated), test(Input::Path, false)]));
            let text = if negated { KernelInput::Nothing } else { KernelInput::GivenPath };
            assert_eq!(found, [text as u8, KernelInput::Path as u8]);
        }
    }
}
