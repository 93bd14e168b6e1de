//! Events from user space about users, groups and containers.

use eyas_events::{EventType, param};
use eyas_scap::{Group, RawEvent, User};

use crate::state::{Current, PendingChange};
use crate::state::{State, Text};

pub(super) fn apply(state: &mut State, raw: &RawEvent<'_>, now: &mut Current) {
    use EventType as E;
    match raw.ty {
        E::USER_ADDED_E => {
            use param::USER_ADDED_E as p;
            state.users.add_user(container(raw, p::container_id), user(raw));
        }
        E::USER_DELETED_E => {
            use param::USER_DELETED_E as p;
            if let Some(uid) = raw.uint(p::uid) {
                state.users.remove_user(container(raw, p::container_id), uid as u32);
            }
        }
        E::GROUP_ADDED_E => {
            use param::GROUP_ADDED_E as p;
            let gid = raw.uint(p::gid).unwrap_or(0) as u32;
            let name = text(raw, p::name);
            state.users.add_group(container(raw, p::container_id), Group { gid, name });
        }
        E::GROUP_DELETED_E => {
            use param::GROUP_DELETED_E as p;
            if let Some(gid) = raw.uint(p::gid) {
                state.users.remove_group(container(raw, p::container_id), gid as u32);
            }
        }
        E::CONTAINER_JSON_E | E::CONTAINER_JSON_2_E => {
            change_container(state, now, raw.param(param::CONTAINER_JSON_2_E::json), false);
        }
        E::ASYNCEVENT_E => {
            use param::ASYNCEVENT_E as p;
            // Events of Falco's container plugin.
            match raw.text(p::name) {
                Some(b"container") => change_container(state, now, raw.param(p::data), false),
                Some(b"container_removed") => change_container(state, now, raw.param(p::data), true),
                _ => {}
            }
        }
        _ => {}
    }
}

impl State {
    /// Applies an event about users, groups or containers from a snapshot.
    pub(in crate::state) fn take_metadata(&mut self, raw: &RawEvent<'_>) {
        apply(self, raw, &mut Current::default());
    }
}

/// Applies an event about a container.
fn change_container(state: &mut State, now: &mut Current, text: Option<&[u8]>, is_gone: bool) {
    if let Some(id) = container_of(text).and_then(|json| state.add_container(json)) {
        now.pending = PendingChange::Container { id, is_gone };
    }
}

fn user(raw: &RawEvent<'_>) -> User {
    use param::USER_ADDED_E as p;
    User {
        uid: raw.uint(p::uid).unwrap_or(0) as u32,
        gid: raw.uint(p::gid).unwrap_or(0) as u32,
        name: text(raw, p::name),
        home: text(raw, p::home),
        shell: text(raw, p::shell),
    }
}

fn text(raw: &RawEvent<'_>, index: usize) -> Vec<u8> {
    raw.text(index).unwrap_or_default().to_vec()
}

fn container(raw: &RawEvent<'_>, index: usize) -> Option<Text> {
    raw.text(index).filter(|id| !id.is_empty()).map(Text::from)
}

/// Metadata in the text of an event, which may end in NUL.
fn container_of(text: Option<&[u8]>) -> Option<serde_json::Value> {
    let text = text?.split(|b| *b == 0).next()?;
    serde_json::from_slice(text).ok()
}
