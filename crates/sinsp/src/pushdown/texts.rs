//! Bits of rows that compare texts: a state machine finds those of all rows at once.

use eyas_fields::TextPlace;
use rustc_hash::FxHashMap;

use super::machine::{Machine, Patterns};
use super::paths::is_printable;
use super::rows::{How, Input, NO_BIT, Row, Rows};

/// Patterns of a test: the place of each, and its bytes.
type PatternKey = Vec<(u8, Box<[u8]>)>;

/// The patterns of rows, under construction.
#[derive(Debug)]
pub(super) struct TextBits {
    patterns: Patterns,
    /// Bits by the patterns that set them; `None` for patterns without room.
    bits: FxHashMap<PatternKey, Option<u16>>,
}

impl TextBits {
    pub(super) fn new() -> Self {
        Self { patterns: Patterns::new(), bits: FxHashMap::default() }
    }

    /// The bit that is set if one of the row's texts is in its place; it may also be set in other cases.
    pub(super) fn of_row(&mut self, rows: &Rows, row: &Row, place: TextPlace) -> Option<u16> {
        let mut patterns: Vec<(TextPlace, Box<[u8]>)> = Vec::new();
        // No tested text contains other bytes.
        for text in rows.texts_of(row).filter(|text| is_printable(text)) {
            add_patterns(row.input, place, text, &mut patterns);
        }
        if patterns.iter().any(|(_, text)| text.is_empty()) {
            return None;
        }
        let key = patterns.iter().map(|(place, text)| (*place as u8, text.clone())).collect();
        if let Some(known) = self.bits.get(&key) {
            return *known;
        }
        let given: Vec<_> = patterns.iter().map(|(place, text)| (*place, &**text)).collect();
        let bit = self.patterns.add(&given);
        self.bits.insert(key, bit);
        bit
    }

    /// The machine; `None` if it would be too large.
    pub(super) fn finish(self) -> Option<Machine> {
        self.patterns.finish()
    }
}

/// Makes the rows' state machine, which compares a text with those of all rows for which it has room.
pub(super) fn add_machine(rows: &mut Rows) {
    let mut bits = TextBits::new();
    for at in 0..rows.len() {
        let row = rows.rows[at];
        if let How::Texts(place) = row.how {
            rows.rows[at].bit = bits.of_row(rows, &row, place).unwrap_or(NO_BIT);
        }
    }
    rows.machine = bits.finish();
}

/// Adds the patterns for the state machine. If it cannot express them exactly, it gets patterns that match
/// more often.
fn add_patterns(input: Input, place: TextPlace, text: &[u8], out: &mut Vec<(TextPlace, Box<[u8]>)>) {
    let with =
        |before: &str, after: &str| [before.as_bytes(), text, after.as_bytes()].concat().into_boxed_slice();
    match (input, place) {
        (Input::Directory, TextPlace::Whole) => {
            out.push((TextPlace::Whole, text.into()));
            // The root's name ends in a slash.
            out.push((TextPlace::Start, with("", if text == b"/" { "" } else { "/" })));
        }
        (Input::Directory, TextPlace::End) => {
            out.push((TextPlace::End, text.into()));
            out.push((TextPlace::Within, if text.ends_with(b"/") { text.into() } else { with("", "/") }));
        }
        // The root is its own name.
        (Input::Name, TextPlace::Whole | TextPlace::Start) if text.contains(&b'/') => {
            out.push((TextPlace::Whole, text.into()));
        }
        (Input::Name, TextPlace::Whole) => out.push((TextPlace::End, with("/", ""))),
        (Input::Name, TextPlace::Start) => out.push((TextPlace::Within, with("/", ""))),
        _ => out.push((place, text.into())),
    }
}
