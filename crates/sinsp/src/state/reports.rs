//! Containers, users and groups as events for captures.
//!
//! These events are for the state only. Readers of the capture do not show them, so a capture shows the
//! same events as live.

use eyas_events::{EventType, param};
use eyas_scap::{EventBuilder, Group, OwnedEvent, User};
use serde_json::Value as Json;

use super::Text;

/// The code in captures for a successful lookup of metadata.
const SUCCESSFUL: u8 = 1;
/// Maximum length of a text about a user or group in an event, bytes; an event has at most 64 KiB.
const MAX_TEXT: usize = 4096;

/// Results of lookups since the previous event, if they are requested.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    pub(crate) is_on: bool,
    /// Time of the current event, ns since the epoch.
    pub(crate) ts: u64,
    pub(crate) events: Vec<OwnedEvent>,
}

impl Reports {
    /// Adds a container with its metadata.
    pub(super) fn container(&mut self, json: &Json) {
        if self.is_on {
            self.events.push(container(self.ts, json));
        }
    }

    /// Adds a new, changed or deleted user.
    pub(super) fn user(&mut self, id: Option<&Text>, user: &User, is_deleted: bool) {
        let ty = if is_deleted { EventType::USER_DELETED_E } else { EventType::USER_ADDED_E };
        self.events.push(self::user(self.ts, ty, id, user));
    }

    /// Adds a new, changed or deleted group.
    pub(super) fn group(&mut self, id: Option<&Text>, group: &Group, is_deleted: bool) {
        let ty = if is_deleted { EventType::GROUP_DELETED_E } else { EventType::GROUP_ADDED_E };
        self.events.push(self::group(self.ts, ty, id, group));
    }
}

/// Reports a container.
pub(super) fn container(ts: u64, json: &Json) -> OwnedEvent {
    let mut json = json.clone();
    if let Some(members) = json.as_object_mut() {
        members.entry("lookup_state").or_insert_with(|| SUCCESSFUL.into());
    }
    let text = serde_json::json!({ "container": json }).to_string();
    let event = EventBuilder::new(EventType::CONTAINER_JSON_2_E).ts(ts).state_only();
    event.text(param::CONTAINER_JSON_2_E::json, text.as_bytes()).build()
}

/// The event of a user. Events that add and events that delete have the same parameters.
pub(super) fn user(ts: u64, ty: EventType, id: Option<&Text>, user: &User) -> OwnedEvent {
    use param::USER_ADDED_E as p;
    let event = EventBuilder::new(ty).ts(ts).state_only();
    event
        .uint(p::uid, user.uid.into())
        .uint(p::gid, user.gid.into())
        .text(p::name, cut(&user.name))
        .text(p::home, cut(&user.home))
        .text(p::shell, cut(&user.shell))
        .text(p::container_id, id.map_or(&b""[..], |id| id))
        .build()
}

/// Reports a group.
pub(super) fn group(ts: u64, ty: EventType, id: Option<&Text>, group: &Group) -> OwnedEvent {
    use param::GROUP_ADDED_E as p;
    let event = EventBuilder::new(ty).ts(ts).state_only().uint(p::gid, group.gid.into());
    event.text(p::name, cut(&group.name)).text(p::container_id, id.map_or(&b""[..], |id| id)).build()
}

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_TEXT)]
}
