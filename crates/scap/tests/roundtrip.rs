//! Builds, writes and reads every event, in either byte order.

use eyas_events::{EventType, ParamType, events};
use eyas_scap::{EventBuilder, OwnedEvent};

mod memory;

/// One event of every row, each parameter with a value of its type.
fn one_of_each() -> Vec<OwnedEvent> {
    let filled = |ty: EventType, seed: usize| {
        let info = ty.info().unwrap();
        let mut event =
            EventBuilder::new(ty).ts(1_000_000 + seed as u64).tid(seed as i64).cpu((seed % 7) as u16);
        for (index, param) in info.params.iter().enumerate() {
            event = match param.ty.size() {
                Some(1 | 2 | 4 | 8) => event.uint(index, (seed * 31 + index) as u64),
                Some(size) => event.bytes(index, &vec![seed as u8; size]),
                None if matches!(param.ty, ParamType::CHARBUF | ParamType::FSPATH | ParamType::FSRELPATH) => {
                    event.text(index, format!("text {seed} {index}").as_bytes())
                }
                None => event.bytes(index, &vec![b'x'; seed % 90]),
            };
        }
        event.build()
    };
    events().enumerate().map(|(seed, info)| filled(info.ty, seed)).collect()
}

#[test]
fn every_event_survives_writing_and_reading() {
    let mut events = one_of_each();
    events.push(
        EventBuilder::new(EventType::SYSCALL_CLOSE_X)
            .ts(2_000_000)
            .tid(1)
            .int(0, 0)
            .int(1, 5)
            .skipped_by_seccomp()
            .build(),
    );
    for compress in [false, true] {
        let bytes = memory::written(&events, compress);
        assert_eq!(memory::events(bytes, true), events, "compressed: {compress}");
    }
}

/// A capture as a machine of the other byte order writes it.
fn big_endian(events: &[(EventType, Vec<Vec<u8>>)]) -> Vec<u8> {
    let mut out = vec![];
    let block = |out: &mut Vec<u8>, ty: u32, body: &[u8]| {
        let total = (12 + body.len().next_multiple_of(4)) as u32;
        out.extend(ty.to_be_bytes());
        out.extend(total.to_be_bytes());
        out.extend(body);
        out.resize(out.len().next_multiple_of(4), 0);
        out.extend(total.to_be_bytes());
    };
    let mut section = vec![];
    section.extend(0x1a2b_3c4d_u32.to_be_bytes());
    section.extend(1_u16.to_be_bytes());
    section.extend(2_u16.to_be_bytes());
    section.extend([0xff; 8]);
    block(&mut out, 0x0a0d_0d0a, &section);
    for (ty, params) in events {
        let data: usize = params.iter().map(Vec::len).sum();
        let mut body = 3_u16.to_be_bytes().to_vec();
        body.extend(99_u64.to_be_bytes());
        body.extend(7_u64.to_be_bytes());
        body.extend(((26 + 2 * params.len() + data) as u32).to_be_bytes());
        body.extend(ty.0.to_be_bytes());
        body.extend((params.len() as u32).to_be_bytes());
        params.iter().for_each(|p| body.extend((p.len() as u16).to_be_bytes()));
        params.iter().for_each(|p| body.extend(p));
        block(&mut out, 0x216, &body);
    }
    out
}

#[test]
fn a_capture_of_the_other_byte_order_reads_the_same() {
    use eyas_events::param::{SOCKET_CONNECT_X as c, SYSCALL_CLOSE_X as p};
    let tuple =
        [&[2, 127, 0, 0, 1][..], &80_u16.to_be_bytes(), &[10, 0, 0, 1], &443_u16.to_be_bytes()].concat();
    let close = vec![(-9_i64).to_be_bytes().to_vec(), 5_i64.to_be_bytes().to_vec()];
    let connect = vec![0_i64.to_be_bytes().to_vec(), tuple, 4_i64.to_be_bytes().to_vec(), vec![]];
    let events = memory::events(
        big_endian(&[(EventType::SYSCALL_CLOSE_X, close), (EventType::SOCKET_CONNECT_X, connect)]),
        true,
    );
    let raw = events[0].as_raw();
    assert_eq!((raw.ts, raw.tid, raw.cpu), (99, 7, 3));
    assert_eq!((raw.int(p::res), raw.int(p::fd)), (Some(-9), Some(5)));
    assert_eq!(raw.by_name("fd"), raw.param(p::fd));
    assert_eq!(raw.named().map(|(info, _)| info.name).collect::<Vec<_>>(), ["res", "fd"]);
    let raw = events[1].as_raw();
    let want =
        [&[2, 127, 0, 0, 1][..], &80_u16.to_le_bytes(), &[10, 0, 0, 1], &443_u16.to_le_bytes()].concat();
    assert_eq!(raw.param(c::tuple), Some(&want[..]));
    assert_eq!(raw.int(c::fd), Some(4));
}
