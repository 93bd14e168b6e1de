//! Translates tests of fields to rows, for an event type.

use std::marker::PhantomData;

use eyas_events::{
    EventFlags, EventType, FlagTable, ParamDetail, ParamInfo, ParamType as T, SyscallCode, param, syscalls,
};
use eyas_fields::{
    Arg, Compare, Field, FieldDef, FieldTest, FieldType, Formula, Scope, Shape, TextPlace, Value,
};
use eyas_scap::RawEvent;
use rustc_hash::FxHashMap;

use super::rows::{Input, Test, With};
use crate::fields::{DEFS, PathOrigin, open, path_origin, raw_type};
use crate::param_names::param_index;
use crate::path_params;
use crate::render::names;
use crate::state::{FromResult, number_sources};

const OF_PROCESS: &str = "it depends on the process, which the event does not report";
const OF_FILE: &str = "it depends on the file of the descriptor";
const OF_STATE: &str = "its value does not follow from the event only";
const NEGATED: &str = "its negation is also true if the field has no value, which the event does not show";
const NOT_PLAIN: &str = "the comparison is of a kind that rows do not have";

/// The beginnings of the names of fields that the events of some types decide.
const OF_EVENT: [&str; 3] = ["evt.", "fd.", "fs.path."];

/// Largest and smallest result that is an error.
const LEAST_ERROR: i64 = -4095;

/// Result of a translation.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Every event of the type satisfies it, or none.
    Const(bool),
    /// Rows decide it. If they are not exact, they may be true although the test is false.
    Kept { rows: Formula<Test>, is_exact: bool },
    /// It may be true; with the reason why it cannot be decided.
    Weak(&'static str),
}

use Outcome::{Const, Weak};

/// Numbers from the first to the last of each.
type Ranges = Vec<(i64, i64)>;

/// Translates tests for one event type after another.
#[derive(Debug)]
pub(super) struct Translator<'t> {
    ty: EventType,
    /// Outcomes for this type, by the address of the test: conditions share tests.
    known: FxHashMap<*const FieldTest, Outcome>,
    /// Results whose names satisfy a test of `evt.res`, by its address.
    results: FxHashMap<*const FieldTest, Ranges>,
    tests: PhantomData<&'t FieldTest>,
}

impl Default for Translator<'_> {
    fn default() -> Self {
        let (known, results) = (FxHashMap::default(), FxHashMap::default());
        Self { ty: EventType(0), known, results, tests: PhantomData }
    }
}

impl<'t> Translator<'t> {
    /// Sets the type of the events.
    pub(super) fn set_type(&mut self, ty: EventType) {
        self.ty = ty;
        self.known.clear();
    }

    /// Translates a test for events of the type.
    pub(super) fn translate(&mut self, test: &'t FieldTest) -> &Outcome {
        let (ty, results) = (self.ty, &mut self.results);
        self.known.entry(test).or_insert_with(|| {
            let (field, compare, def) = match is_of_event(test) {
                Ok(of) => of,
                Err(why) => return Weak(why),
            };
            let of_type = TypedTest { field, compare, negated: test.negated, ty };
            if def.name == "evt.res" && RawEvent::has_result(ty) {
                let ranges = results.entry(test).or_insert_with(|| of_type.results_of_names());
                return of_type.among(Input::Error, ranges.iter().copied());
            }
            of_type.outcome(def)
        })
    }
}

/// What a test compares, if the events of some types decide it. The error is the reason why no event does.
pub(super) fn is_of_event(
    test: &FieldTest,
) -> Result<(&Field, &dyn Compare, &'static FieldDef), &'static str> {
    let (field, compare) = test.of.as_ref().map_err(|why| *why)?;
    // Fields of plugins are not in the table.
    let def = DEFS.get(usize::from(field.id.0)).ok_or(OF_STATE)?;
    match OF_EVENT.iter().any(|class| def.name.starts_with(class)) {
        true => Ok((field, &**compare, def)),
        false => Err(of_scope(def.scope)),
    }
}

/// The reason why the event does not decide a test of a field of this scope.
fn of_scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Process | Scope::Ancestors => OF_PROCESS,
        Scope::Fd => OF_FILE,
        _ => OF_STATE,
    }
}

/// A test of a field in events of a type.
struct TypedTest<'t> {
    field: &'t Field,
    compare: &'t dyn Compare,
    negated: bool,
    ty: EventType,
}

impl TypedTest<'_> {
    fn outcome(&self, def: &FieldDef) -> Outcome {
        let name = def.name;
        let info_flags = self.ty.info().map_or(EventFlags::NONE, |info| info.flags);
        let is_open = open::is_open(self.ty);
        match name {
            "evt.num" => self.positive(),
            "evt.type" if self.ty == EventType::GENERIC_X => self.generic_name(),
            "evt.rawres" | "evt.failed" | "evt.res" if !RawEvent::has_result(self.ty) => self.absent(),
            "evt.rawres" => self.numbers(Input::Result, 0, true),
            "evt.failed" => {
                let [success, failure] = [false, true].map(|failed| self.holds(&Value::Bool(failed)));
                let failure = failure.then_some((i64::MIN, -1));
                self.among(Input::Result, failure.into_iter().chain(success.then_some((0, i64::MAX))))
            }
            "evt.is_io" => {
                let io = EventFlags::READS_FROM_FD.union(EventFlags::WRITES_TO_FD);
                self.always(&Value::Bool(info_flags.intersects(io)))
            }
            "evt.is_io_read" => self.always(&Value::Bool(info_flags.contains(EventFlags::READS_FROM_FD))),
            "evt.is_io_write" => self.always(&Value::Bool(info_flags.contains(EventFlags::WRITES_TO_FD))),
            "evt.is_wait" => self.always(&Value::Bool(info_flags.contains(EventFlags::WAITS))),
            "evt.dir" => self.always(&Value::Str(if self.ty.is_exit() { b"<" } else { b">" })),
            "evt.is_open_read" | "evt.is_open_write" | "evt.is_open_exec" | "evt.is_open_create"
                if !is_open =>
            {
                self.always(&Value::Bool(false))
            }
            "evt.is_open_read" => self.open_flag(open::READ),
            "evt.is_open_write" => self.open_flag(open::WRITE),
            // A file that was made, or that old captures may not show as such.
            "evt.is_open_exec" => self.open_of_flag(open::CREATED | open::CREATE | open::TMPFILE),
            "evt.is_open_create" => self.open_of_flag(open::CREATED | open::TMPFILE),
            "evt.rawarg" => self.raw_parameter(),
            "evt.arg" => self.parameter(),
            // Depends on all descriptors of the process.
            "fd.types" => Weak(OF_STATE),
            name if name.starts_with("fd.") && !is_about_descriptors(info_flags) => self.absent(),
            "fd.num" => self.descriptor(),
            "fd.name" | "fd.nameopened" if is_open => self.opened(Input::Path),
            "fd.nameraw" if is_open => self.opened(Input::Given),
            "fd.directory" if is_open => self.opened(Input::Directory),
            "fd.filename" if is_open => self.opened(Input::Name),
            name if name.starts_with("fs.path.") => self.path_of_call(name),
            _ => Weak(of_scope(def.scope)),
        }
    }

    /// Whether a present value satisfies the test.
    fn holds(&self, value: &Value<'_>) -> bool {
        self.compare.holds(value) != self.negated
    }

    /// The field has this value in every event.
    fn always(&self, value: &Value<'_>) -> Outcome {
        Const(self.holds(value))
    }

    /// The field has no value in any event.
    fn absent(&self) -> Outcome {
        Const(self.negated)
    }

    /// The field has a number, from 1 on.
    fn positive(&self) -> Outcome {
        let Shape::Numbers(ranges) = self.compare.shape() else { return Weak(NOT_PLAIN) };
        if ranges.iter().all(|range| *range.end() < 1) {
            return Const(self.negated);
        }
        match ranges.iter().any(|range| *range.start() <= 1 && *range.end() == i128::MAX) {
            true => Const(!self.negated),
            false => Weak(OF_STATE),
        }
    }

    /// A comparison of numbers. `is_total` is false if the field may have no value although the event has
    /// the number.
    fn numbers(&self, input: Input, param: usize, is_total: bool) -> Outcome {
        match self.ranges() {
            None => Weak(NOT_PLAIN),
            Some(_) if self.negated && !is_total => Weak(NEGATED),
            Some(ranges) => self.kept(input, param, self.negated, With::Ranges(ranges), is_total),
        }
    }

    /// The numbers of the comparison, if it compares numbers.
    fn ranges(&self) -> Option<Ranges> {
        let Shape::Numbers(ranges) = self.compare.shape() else { return None };
        // No event has a number beyond 64 bits.
        let bound = |n: i128| n.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        let possible = |r: &&std::ops::RangeInclusive<i128>| {
            *r.end() >= i64::MIN.into() && *r.start() <= i64::MAX.into()
        };
        let mut ranges: Vec<_> =
            ranges.iter().filter(possible).map(|r| (bound(*r.start()), bound(*r.end()))).collect();
        ranges.sort_unstable();
        ranges.dedup();
        Some(ranges)
    }

    /// `fd.num`: a parameter, the result, or -1. It has no value if the thread is unknown.
    fn descriptor(&self) -> Outcome {
        let Some((param, from_result)) = number_sources(self.ty) else { return Weak(OF_STATE) };
        let Some(ranges) = self.ranges() else { return Weak(NOT_PLAIN) };
        if self.negated {
            return Weak(NEGATED);
        }
        let number = |input, param, ranges| {
            Formula::Test(Test { input, param, negated: false, with: With::Ranges(ranges) })
        };
        let given = |ranges: Ranges| match param {
            Some(at) => number(Input::Int, at, ranges),
            None => Formula::Const(ranges.iter().any(|(least, most)| (*least..=*most).contains(&-1))),
        };
        let rows = match from_result {
            FromResult::Always => number(Input::Descriptor, 0, ranges),
            FromResult::Never => given(ranges),
            FromResult::OfSuccess => {
                let results = ranges.iter().filter(|(_, most)| *most >= 0);
                let results = results.map(|(least, most)| (*least.max(&0), *most)).collect();
                Formula::any([given(ranges), number(Input::Result, 0, results)])
            }
        };
        match rows {
            Formula::Const(false) => Const(false),
            Formula::Const(true) => Weak(OF_PROCESS),
            rows => Outcome::Kept { rows, is_exact: false },
        }
    }

    fn kept(&self, input: Input, param: usize, negated: bool, with: With, is_exact: bool) -> Outcome {
        let Ok(param) = u8::try_from(param) else { return Weak(NOT_PLAIN) };
        Outcome::Kept { rows: Formula::Test(Test { input, param, negated, with }), is_exact }
    }

    /// The test is true if the number is in one of the ranges.
    fn among(&self, input: Input, ranges: impl IntoIterator<Item = (i64, i64)>) -> Outcome {
        self.kept(input, 0, false, With::Ranges(ranges.into_iter().collect()), true)
    }

    /// `evt.res`: the results whose names satisfy it.
    fn results_of_names(&self) -> Ranges {
        // Most numbers are not the name of an error, so the usual comparisons need not test each.
        let numbers: Option<Vec<i64>> = match self.compare.shape() {
            Shape::Texts(TextPlace::Whole, texts) => Some(texts.into_iter().filter_map(number).collect()),
            _ => None,
        };
        let success = self.holds(&Value::Str(b"SUCCESS")).then_some((0, i64::MAX));
        let mut ranges: Ranges = success.into_iter().collect();
        for error in LEAST_ERROR..0 {
            let holds = match names::errno(error) {
                Some(name) => self.holds(&Value::from(name)),
                None => match &numbers {
                    Some(numbers) => numbers.contains(&error) != self.negated,
                    None => self.holds(&Value::from(&*error.to_string())),
                },
            };
            match ranges.last_mut() {
                _ if !holds => {}
                Some(last) if last.1 == error - 1 => last.1 = error,
                _ => ranges.push((error, error)),
            }
        }
        ranges
    }

    /// `evt.type` of generic events.
    fn generic_name(&self) -> Outcome {
        // Code 0 has no name, but the number of the call may have one.
        let mut known: Vec<i64> = syscalls()
            .filter(|call| call.code.0 != 0 && !self.holds(&Value::from(SyscallCode(call.code.0).name())))
            .map(|call| i64::from(call.code.0))
            .collect();
        known.sort_unstable();
        known.dedup();
        let others = known.into_iter().map(|code| (code, code)).collect();
        self.kept(Input::Uint, param::GENERIC_X::ID, true, With::Ranges(others), false)
    }

    /// A test whether a file is opened with a flag.
    fn open_flag(&self, bit: u64) -> Outcome {
        let [unset, set] = [false, true].map(|is_set| self.holds(&Value::Bool(is_set)));
        // `creat` always opens for writing.
        let Some(at) = self.open_flags() else { return Const(if bit == open::WRITE { set } else { unset }) };
        match (unset, set) {
            (false, false) | (true, true) => Const(set),
            _ => self.kept(Input::Uint, at, unset, With::Bits { any: bit, or_zero: false }, true),
        }
    }

    /// A test that is true only of files that are opened with one of the flags.
    fn open_of_flag(&self, any: u64) -> Outcome {
        match [false, true].map(|is_set| self.holds(&Value::Bool(is_set))) {
            [false, false] => Const(false),
            [false, true] => match self.open_flags() {
                Some(at) => self.kept(Input::Uint, at, false, With::Bits { any, or_zero: false }, false),
                None => Weak(OF_STATE),
            },
            _ => Weak(OF_STATE),
        }
    }

    /// The position of the flags of a call that opens.
    fn open_flags(&self) -> Option<usize> {
        Some(match self.ty {
            EventType::SYSCALL_OPEN_X => param::SYSCALL_OPEN_X::flags,
            EventType::SYSCALL_OPENAT_2_X => param::SYSCALL_OPENAT_2_X::flags,
            EventType::SYSCALL_OPENAT2_X => param::SYSCALL_OPENAT2_X::flags,
            EventType::SYSCALL_OPEN_BY_HANDLE_AT_X => param::SYSCALL_OPEN_BY_HANDLE_AT_X::flags,
            _ => return None,
        })
    }

    /// A parameter and its position.
    fn parameter_at(&self) -> Option<(usize, &'static ParamInfo)> {
        let at = match &self.field.arg {
            Some(Arg::Index(at)) => usize::try_from(*at).ok()?,
            _ => param_index(self.field.hint, self.ty)?,
        };
        self.ty.info()?.params.get(at).map(|info| (at, info))
    }

    /// `evt.rawarg`.
    fn raw_parameter(&self) -> Outcome {
        let Some((at, info)) = self.parameter_at() else { return self.absent() };
        // The field has the type of the first event with such a parameter.
        match raw_type(info.ty) {
            FieldType::Int { .. } => self.numbers(Input::Int, at, true),
            FieldType::Uint { .. } => self.numbers(Input::Uint, at, true),
            FieldType::Str => self.text(at),
            _ => Weak(NOT_PLAIN),
        }
    }

    fn text(&self, at: usize) -> Outcome {
        match self.compare.shape() {
            Shape::Texts(place, texts) => {
                self.kept(Input::Text, at, self.negated, With::Texts(place, own(&texts)), true)
            }
            _ => Weak(NOT_PLAIN),
        }
    }

    /// `evt.arg`: a parameter as text.
    fn parameter(&self) -> Outcome {
        let is_by_place = matches!(self.field.arg, Some(Arg::Index(_)));
        let Some((at, info)) = self.parameter_at() else {
            // An event may have more parameters than its row.
            return if is_by_place { Weak(OF_STATE) } else { self.absent() };
        };
        let is_path = path_params::of(self.ty).any(|path| path == at);
        match (info.ty, info.detail) {
            (T::FSPATH | T::FSRELPATH, _) => self.path(Input::RawPath, at),
            (T::CHARBUF, _) if is_path => self.path(Input::RawPath, at),
            (T::CHARBUF, _) => self.text(at),
            (T::FLAGS8 | T::FLAGS16 | T::FLAGS32 | T::MODE, ParamDetail::Flags(table)) => {
                self.flags(at, table)
            }
            (T::ENUMFLAGS8 | T::ENUMFLAGS16 | T::ENUMFLAGS32, ParamDetail::Flags(table)) => {
                self.named(at, table)
            }
            (T::SIGTYPE, _) => self.signal(at),
            (T::UID | T::GID | T::PID | T::PID32, _) => Weak(OF_PROCESS),
            (T::FD | T::FD32, _) => Weak(OF_FILE),
            _ => Weak(NOT_PLAIN),
        }
    }

    /// A path that fields show.
    fn path(&self, input: Input, at: usize) -> Outcome {
        let Shape::Texts(place, texts) = self.compare.bound() else { return Weak(NOT_PLAIN) };
        if self.negated {
            return Weak(NEGATED);
        }
        self.kept(input, at, false, With::Texts(place, own(&texts)), false)
    }

    /// The path of a call that opens.
    fn opened(&self, input: Input) -> Outcome {
        let is_path = |info: &ParamInfo| matches!(info.ty, T::FSPATH | T::FSRELPATH);
        match self.ty.info().and_then(|info| info.params.iter().position(is_path)) {
            Some(at) => self.path(input, at),
            None => Weak(OF_FILE),
        }
    }

    /// `fs.path.*`
    fn path_of_call(&self, name: &str) -> Outcome {
        match path_origin(name, self.ty) {
            PathOrigin::Nothing => self.absent(),
            PathOrigin::File => Weak(OF_FILE),
            PathOrigin::Param { at, is_raw, of_failed } => {
                let shown = if is_raw { self.text(at) } else { self.path(Input::Path, at) };
                if of_failed { shown } else { self.of_success(shown) }
            }
        }
    }

    /// The field has a value only if the call succeeded.
    fn of_success(&self, of_value: Outcome) -> Outcome {
        let Outcome::Kept { rows, is_exact } = of_value else { return of_value };
        let results = if self.negated { (i64::MIN, -1) } else { (0, i64::MAX) };
        let has_value = Formula::Test(Test {
            input: Input::Result,
            param: 0,
            negated: false,
            with: With::Ranges(vec![results]),
        });
        let rows = match self.negated {
            true => Formula::any([has_value, rows]),
            false => Formula::all([has_value, rows]),
        };
        Outcome::Kept { rows, is_exact }
    }

    /// A signal, shown by its name; by its number if it has none.
    fn signal(&self, at: usize) -> Outcome {
        let holds = |number: u8| match names::signal(number.into()) {
            Some(name) => self.holds(&Value::from(name)),
            None => self.holds(&Value::from(&*number.to_string())),
        };
        let mut ranges: Ranges = Vec::new();
        for number in (0..=u8::MAX).filter(|number| holds(*number)).map(i64::from) {
            match ranges.last_mut() {
                Some(last) if last.1 == number - 1 => last.1 = number,
                _ => ranges.push((number, number)),
            }
        }
        // The parameter is a byte, but a damaged capture may have a wider one.
        ranges.push((i64::from(u8::MAX) + 1, i64::MAX));
        self.kept(Input::Uint, at, false, With::Ranges(ranges), true)
    }

    /// Names of bits, joined by a line.
    fn flags(&self, at: usize, table: &FlagTable) -> Outcome {
        let Shape::Texts(TextPlace::Within, texts) = self.compare.shape() else { return Weak(NOT_PLAIN) };
        if self.negated {
            return Weak(NEGATED);
        }
        // A value without names is shown as a number, and names are joined by `|`.
        if texts.iter().any(|text| text.contains(&b'|') || text.iter().all(u8::is_ascii_digit)) {
            return Weak(NOT_PLAIN);
        }
        let has = |name: &str| texts.iter().any(|text| TextPlace::Within.has(name.as_bytes(), text));
        let (mut any, mut or_zero) = (0, false);
        for (_, bits) in table.entries.iter().filter(|(name, _)| has(name)) {
            any |= u64::from(*bits);
            or_zero |= *bits == 0;
        }
        if any == 0 && !or_zero {
            return Const(false);
        }
        self.kept(Input::Uint, at, false, With::Bits { any, or_zero }, false)
    }

    /// Names of values.
    fn named(&self, at: usize, table: &FlagTable) -> Outcome {
        let mut rejected: Vec<i64> = Vec::new();
        for (_, value) in table.entries {
            let names: Vec<&str> =
                table.entries.iter().filter(|(_, other)| other == value).map(|(name, _)| *name).collect();
            if !self.holds(&Value::from(&*names.join("|"))) {
                rejected.push((*value).into());
            }
        }
        rejected.sort_unstable();
        rejected.dedup();
        let rejected = rejected.into_iter().map(|value| (value, value)).collect();
        // Other values are shown as numbers, which may satisfy the test, too.
        self.kept(Input::Uint, at, true, With::Ranges(rejected), false)
    }
}

/// The number that is shown as this text.
fn number(text: &[u8]) -> Option<i64> {
    let number: i64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number.to_string().as_bytes() == text).then_some(number)
}

fn own(texts: &[&[u8]]) -> Vec<Box<[u8]>> {
    let mut own: Vec<Box<[u8]>> = texts.iter().map(|text| (*text).into()).collect();
    own.sort_unstable();
    own.dedup();
    own
}

const fn is_about_descriptors(flags: EventFlags) -> bool {
    flags.intersects(EventFlags::CREATES_FD.union(EventFlags::USES_FD).union(EventFlags::DESTROYS_FD))
}

#[cfg(test)]
mod tests {
    use eyas_fields::Schema;

    use super::*;
    use crate::schema;

    /// A comparison with texts, which rows may know as such or not.
    #[derive(Debug)]
    struct OneOf {
        texts: Vec<&'static [u8]>,
        is_plain: bool,
    }

    impl Compare for OneOf {
        fn holds(&self, value: &Value<'_>) -> bool {
            matches!(value, Value::Str(text) if self.texts.contains(text))
        }

        fn shape(&self) -> Shape<'_> {
            if self.is_plain { Shape::Texts(TextPlace::Whole, self.texts.clone()) } else { Shape::Other }
        }
    }

    #[test]
    fn results_have_names_or_numbers() {
        let field = schema().resolve("evt.res", None).unwrap();
        let texts: [&[u8]; 6] = [b"SUCCESS", b"ENOENT", b"-2", b"-600", b"-0601", b"4"];
        for negated in [false, true] {
            let [plain, other] = [true, false].map(|is_plain| {
                let compare = OneOf { texts: texts.to_vec(), is_plain };
                TypedTest { field: &field, compare: &compare, negated, ty: EventType::SYSCALL_DUP2_X }
                    .results_of_names()
            });
            assert_eq!(plain, other);
            let holds = |result| plain.iter().any(|(least, most)| (*least..=*most).contains(&result));
            for (result, is_named) in [(0, true), (-1, false), (-2, true), (-600, true), (-601, false)] {
                assert_eq!(holds(result), is_named != negated, "{result}");
            }
        }
    }
}
