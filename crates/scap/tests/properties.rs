//! Builds, writes and reads events of every row with random parameters.

use eyas_events::{EventType, ParamType, events};
use eyas_scap::{EventBuilder, OwnedEvent};
use proptest::prelude::*;

mod memory;

/// A parameter as the builder takes it.
#[derive(Clone, Debug)]
enum Given {
    Nothing,
    Number(u64),
    Text(Vec<u8>),
    Bytes(Vec<u8>),
}

fn given(ty: ParamType) -> BoxedStrategy<Given> {
    let bytes = proptest::collection::vec(any::<u8>(), 0..200);
    let of_type = match ty.size() {
        Some(1 | 2 | 4 | 8) => any::<u64>().prop_map(Given::Number).boxed(),
        Some(size) => proptest::collection::vec(any::<u8>(), size).prop_map(Given::Bytes).boxed(),
        None if matches!(ty, ParamType::CHARBUF | ParamType::FSPATH | ParamType::FSRELPATH) => {
            bytes.prop_map(Given::Text).boxed()
        }
        None => bytes.prop_map(Given::Bytes).boxed(),
    };
    prop_oneof![1 => Just(Given::Nothing), 4 => of_type].boxed()
}

/// An event of the type: time, thread, CPU, parameters, and how many of them there are.
type Described = (u64, i64, u16, Vec<Given>, usize);

fn described(ty: EventType) -> impl Strategy<Value = Described> {
    let params = ty.info().unwrap().params;
    let each: Vec<_> = params.iter().map(|param| given(param.ty)).collect();
    (any::<u64>(), any::<i64>(), any::<u16>(), each, 0..=params.len())
}

fn build(ty: EventType, (ts, tid, cpu, params, count): &Described) -> OwnedEvent {
    let event = EventBuilder::new(ty).ts(*ts).tid(*tid).cpu(*cpu);
    let set = |event: EventBuilder, (index, given): (usize, &Given)| match given {
        Given::Nothing => event,
        Given::Number(number) => event.uint(index, *number),
        Given::Text(text) => event.text(index, text),
        Given::Bytes(bytes) => event.bytes(index, bytes),
    };
    params.iter().enumerate().fold(event, set).truncate(*count).build()
}

/// What was given is what every access returns.
fn check(event: &OwnedEvent, params: &[Given], count: usize) {
    let raw = event.as_raw();
    assert_eq!(raw.nparams(), count);
    assert_eq!((raw.param(count), raw.int(count), raw.text(count)), (None, None, None), "absent");
    let row = raw.info().unwrap().params;
    for (index, (given, info)) in params.iter().zip(row).enumerate().take(count) {
        let size = info.ty.size().unwrap_or(8).min(8);
        match given {
            Given::Nothing => {
                assert_eq!((raw.param(index), raw.text(index), raw.uint(index)), (Some(&[][..]), None, None));
            }
            Given::Number(number) => {
                let shift = 64 - 8 * size as u32;
                assert_eq!(raw.uint(index), Some(number << shift >> shift));
                assert_eq!(raw.int(index), Some((*number as i64) << shift >> shift));
            }
            Given::Text(text) if text == b"(NULL)" => assert_eq!(raw.text(index), None),
            Given::Text(text) => assert_eq!(raw.text(index), Some(&text[..])),
            Given::Bytes(bytes) => assert_eq!(raw.param(index), Some(&bytes[..])),
        }
    }
    assert!(raw.params().enumerate().all(|(index, bytes)| raw.param(index) == Some(bytes)));
    for (at, (info, bytes)) in raw.named().enumerate() {
        // The first of a name, should a row have one twice.
        let first = row.iter().position(|other| other.name == info.name);
        assert!(first != Some(at) || raw.by_name(info.name) == Some(bytes), "{}", info.name);
    }
    assert_eq!((raw.by_name("no such parameter"), raw.named().count()), (None, count));
}

fn written_and_read(event: &OwnedEvent, compress: bool) -> Vec<OwnedEvent> {
    memory::events(memory::written(std::slice::from_ref(event), compress), true)
}

#[test]
fn every_row_built_written_and_read_is_the_same() {
    let config = ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() };
    let mut rows = 0;
    for info in events() {
        rows += 1;
        let mut runner = proptest::test_runner::TestRunner::new(config.clone());
        let holds = runner.run(&described(info.ty), |described| {
            let event = build(info.ty, &described);
            check(&event, &described.3, described.4);
            let compress = described.0 % 2 == 0;
            assert_eq!(written_and_read(&event, compress), std::slice::from_ref(&event));
            Ok(())
        });
        holds.unwrap_or_else(|error| panic!("{}: {error}", info.ident));
    }
    assert!(rows > EventType::SCHEMA_COUNT);
}
