use super::*;

/// Where the data of a plugin event begins.
const PLUGIN_DATA: usize = 38;

/// A plugin event: id 998, data `hello`.
fn plugin_event() -> Vec<u8> {
    let mut body = Vec::new();
    body.extend_from_slice(&4u32.to_le_bytes());
    body.extend_from_slice(&5u32.to_le_bytes());
    body.extend_from_slice(&998u32.to_le_bytes());
    body.extend_from_slice(b"hello");
    let event = RawEvent::from_parts(7, -1, EventType::PLUGINEVENT_E, 0, 2, &body).unwrap();
    let mut frame = Vec::new();
    write(&event, &mut frame);
    frame
}

#[test]
fn an_event_is_read_as_it_was_written() {
    let frame = plugin_event();
    assert_eq!(frame.len(), PLUGIN_DATA + 5);
    assert_eq!(frame_size(&frame), Ok(frame.len()));
    assert_eq!(&frame[PLUGIN_DATA..], b"hello");
    let event = raw(&frame).unwrap();
    assert_eq!((event.ts, event.tid, event.uint(0), event.param(1)), (7, -1, Some(998), Some(&b"hello"[..])));
}

#[test]
fn the_size_of_an_event_is_found_in_steps() {
    let frame = plugin_event();
    assert_eq!(frame_size(&[]), Ok(HEADER));
    assert_eq!(frame_size(&frame[..HEADER]), Ok(HEADER + 8));
    assert_eq!(frame_size(&frame[..HEADER + 8]), Ok(frame.len()));
}

#[test]
fn lengths_that_do_not_add_up_are_refused() {
    let good = plugin_event();
    for (at, value, what) in [
        (16, 0u32, "length below the header"),
        (16, 30, "length below the lengths"),
        (16, u32::MAX, "length beyond all limits"),
        (16, good.len() as u32 + 1, "length beyond the parameters"),
        (22, 3, "a parameter too many"),
        (22, u32::MAX, "parameters without end"),
        (26, u32::MAX, "a parameter beyond the event"),
        (30, 4, "a parameter that is short"),
    ] {
        let mut frame = good.clone();
        frame[at..at + 4].copy_from_slice(&value.to_le_bytes());
        assert_eq!(frame_size(&frame), Err(Fault), "{what}");
        assert!(EventFrame::new(&frame, 1, None).is_none(), "{what}");
    }
    let mut frame = good.clone();
    frame[20..22].copy_from_slice(&9999u16.to_le_bytes());
    assert_eq!(frame_size(&frame), Err(Fault), "no such type");
    assert!(EventFrame::new(&good[..good.len() - 1], 1, None).is_none(), "cut off");
}

#[test]
fn plugins_see_no_parameter_beyond_those_of_the_type() {
    let info = EventType::SYSCALL_CLOSE_X.info().unwrap();
    let nparams = info.params.len() as u32;
    let mut body = Vec::new();
    for _ in 0..=nparams {
        body.extend_from_slice(&1u16.to_le_bytes());
    }
    body.extend(0..=nparams as u8);
    let event = RawEvent::from_parts(7, 3, EventType::SYSCALL_CLOSE_X, 0, nparams + 1, &body).unwrap();
    let mut frame = Vec::new();
    write(&event, &mut frame);
    assert_eq!(frame_size(&frame), Ok(frame.len()));
    let seen = raw(&frame).unwrap();
    assert_eq!(seen.nparams(), nparams as usize);
    assert!(seen.params().eq(event.params().take(nparams as usize)));
}
