//! Asynchronous events that plugins send.

use eyas_events::EventType;
use eyas_sinsp::plugin::AsyncEvent;

use crate::events::{self, Header};

/// Reads an event that a plugin sends; `frame` is `None` if its lengths were inconsistent.
///
/// # Errors
/// The event is not a valid asynchronous event. The message has Falco's text.
pub(crate) fn read<'f>(plugin: &str, frame: Option<&'f [u8]>) -> Result<AsyncEvent<'f>, String> {
    let event = frame.and_then(|frame| {
        let header = Header::read(frame)?;
        let raw = events::raw(frame)?;
        if raw.ty != EventType::ASYNCEVENT_E || raw.nparams() != 3 {
            return None;
        }
        let plugin_id = u32::from_le_bytes(raw.param(0)?.try_into().ok()?);
        let [name @ .., 0] = raw.param(1)? else { return None };
        let ts = (header.ts != u64::MAX).then_some(header.ts);
        (!name.contains(&0)).then_some(AsyncEvent {
            ts,
            tid: header.tid,
            plugin_id,
            name,
            data: raw.param(2)?,
        })
    });
    event.ok_or_else(|| format!("malformed async event produced by plugin: {plugin}"))
}

#[cfg(test)]
mod tests {
    use eyas_scap::RawEvent;

    use super::*;

    fn frame(ty: EventType, params: &[&[u8]]) -> Vec<u8> {
        let mut body = Vec::new();
        params.iter().for_each(|param| body.extend_from_slice(&(param.len() as u32).to_le_bytes()));
        params.iter().for_each(|param| body.extend_from_slice(param));
        let event = RawEvent::from_parts(u64::MAX, 7, ty, 0, params.len() as u32, &body).unwrap();
        let mut frame = Vec::new();
        events::write(&event, &mut frame);
        frame
    }

    #[test]
    fn an_event_has_an_id_a_name_and_data() {
        let id = 5u32.to_le_bytes();
        let frame = frame(EventType::ASYNCEVENT_E, &[&id, b"tick\0", b"1"]);
        let event = AsyncEvent { ts: None, tid: 7, plugin_id: 5, name: b"tick", data: b"1" };
        assert_eq!(read("p", Some(&frame)), Ok(event));
    }

    #[test]
    fn malformed_events_are_refused() {
        let id = 5u32.to_le_bytes();
        let malformed = Err("malformed async event produced by plugin: p".to_owned());
        for (ty, params) in [
            (EventType::ASYNCEVENT_E, [&id[..], b"tick", b"1"].as_slice()),
            (EventType::ASYNCEVENT_E, &[&id[..], b"ti\0ck\0", b"1"]),
            (EventType::ASYNCEVENT_E, &[&id[..], b"", b"1"]),
            (EventType::ASYNCEVENT_E, &[&id[..3], b"tick\0", b"1"]),
            (EventType::ASYNCEVENT_E, &[&id[..], b"tick\0"]),
            (EventType::PLUGINEVENT_E, &[&id[..], b"tick\0"]),
        ] {
            assert_eq!(read("p", Some(&frame(ty, params))), malformed, "{params:?}");
        }
        assert_eq!(read("p", None), malformed);
    }
}
