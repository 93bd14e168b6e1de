//! Names of parameters, and their positions in each event type.

use std::sync::LazyLock;

use eyas_events::{EventType, ParamType, events};

/// Positions of the parameters of one name, by event type.
pub(crate) struct ParamName {
    pub(crate) name: &'static str,
    /// Type in the first row with this name.
    pub(crate) ty: ParamType,
    at: [u8; EventType::COUNT],
}

const NOWHERE: u8 = u8::MAX;

/// Every name.
pub(crate) static PARAMS: LazyLock<Vec<ParamName>> = LazyLock::new(|| {
    let mut names: Vec<ParamName> = Vec::new();
    for event in events() {
        for (index, param) in event.params.iter().enumerate() {
            let slot = names.iter().position(|n| n.name == param.name).unwrap_or_else(|| {
                names.push(ParamName { name: param.name, ty: param.ty, at: [NOWHERE; EventType::COUNT] });
                names.len() - 1
            });
            let at = &mut names[slot].at[usize::from(event.ty.0)];
            if *at == NOWHERE {
                *at = index as u8;
            }
        }
    }
    names
});

/// Position of the parameter that a field's hint names, in events of a type.
pub(crate) fn param_index(hint: u32, ty: EventType) -> Option<usize> {
    let at = *PARAMS.get(hint as usize)?.at.get(usize::from(ty.0))?;
    (at != NOWHERE).then_some(usize::from(at))
}
