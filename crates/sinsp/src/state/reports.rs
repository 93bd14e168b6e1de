//! What is known of containers, users and groups, as the events that report it in captures.
//!
//! They concern the state only: who reads the capture is not shown them, so that its events are those that were shown live.

use eyas_events::{EventType, param};
use eyas_scap::{EventBuilder, Group, OwnedEvent, User};
use serde_json::Value as Json;

use super::Text;

/// Metadata was looked up with success, as captures report it.
const SUCCESSFUL: u8 = 1;
/// Longest text of a user or group in an event, bytes: an event of the format has 64 KiB at most.
const MAX_TEXT: usize = 4096;

/// What look-ups found since the event before, if somebody wants to know.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    pub(crate) is_on: bool,
    /// Time of the event that has come meanwhile, ns since the epoch.
    pub(crate) ts: u64,
    pub(crate) events: Vec<OwnedEvent>,
}

impl Reports {
    /// The container has this metadata.
    pub(super) fn container(&mut self, json: &Json) {
        if self.is_on {
            self.events.push(container(self.ts, json));
        }
    }

    /// A user was added or changed, or deleted.
    pub(super) fn user(&mut self, id: Option<&Text>, user: &User, is_deleted: bool) {
        let ty = if is_deleted { EventType::USER_DELETED_E } else { EventType::USER_ADDED_E };
        self.events.push(self::user(self.ts, ty, id, user));
    }

    /// A group was added or changed, or deleted.
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

/// Reports a user. Events that add and those that delete have the same parameters.
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
