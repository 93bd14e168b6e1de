//! The schema of falco.yaml: every key and the type of its value.

use crate::config::{self, Shape};
use crate::outputs::OUTPUTS;

/// The whole file.
pub const CONFIG: Shape = Shape::Section(&KEYS);

/// All keys, including one section per output.
const KEYS: [(&str, Shape); config::KEYS.len() + OUTPUTS.len()] = {
    let mut keys = [("", Shape::Anything); config::KEYS.len() + OUTPUTS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = match at < OUTPUTS.len() {
            true => (OUTPUTS[at].name, OUTPUTS[at].shape),
            false => config::KEYS[at - OUTPUTS.len()],
        };
        at += 1;
    }
    keys
};
