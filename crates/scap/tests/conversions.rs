//! Tests every rule that converts an old event to a current one, with generated captures. Compares the
//! results with an interpreter of the reference's rules, which were extracted to JSON.

use eyas_testing::test;
use std::collections::BTreeMap;
use std::io::Cursor;

use eyas_events::{EventFlags, EventType, ParamType};
use eyas_scap::{EventBuilder, EventSource, Next, OwnedEvent, Reader};
use serde_json::Value;

mod memory;

fn main() -> std::process::ExitCode {
    eyas_testing::main()
}

/// Type and parameters.
type Event = (EventType, Vec<Vec<u8>>);
type Rules = BTreeMap<(u16, usize), Value>;

fn rules() -> Rules {
    let path = eyas_testing::data_or_ignore("spec/conversions.json");
    let text = std::fs::read_to_string(path).unwrap();
    let json: Value = serde_json::from_str(&text).unwrap();
    let key = |row: &Value| (number(&row["type"]) as u16, number(&row["nparams"]));
    json["conversions"].as_array().unwrap().iter().map(|row| (key(row), row.clone())).collect()
}

fn number(value: &Value) -> usize {
    value.as_u64().unwrap() as usize
}

/// Result of the rules for the events of one thread.
fn expected(rules: &Rules, events: &[Event]) -> Result<Vec<Event>, String> {
    let (mut stored, mut out) = (None, Vec::new());
    'events: for event in events {
        let (mut ty, mut params) = event.clone();
        for _ in 0..50 {
            let info = ty.info().unwrap();
            let old = info.flags.contains(EventFlags::OLD_VERSION);
            if info.flags.contains(EventFlags::UNUSED) {
                continue 'events;
            }
            if !info.flags.contains(EventFlags::CONVERTER_MANAGED) {
                assert!(!old || !ty.is_exit(), "{ty:?} is old and nothing is to be done with it");
                if !old {
                    out.push((ty, params));
                }
                continue 'events;
            }
            if ty.is_exit() && !old && params.len() == info.params.len() {
                out.push((ty, params));
                continue 'events;
            }
            let rule = rules.get(&(ty.0, params.len())).ok_or(format!("no rule for {ty:?}"))?;
            let action = rule["action"].as_str().unwrap();
            if action.starts_with("STORE") {
                stored = Some((ty, params.clone()));
            }
            match action {
                "STORE" => continue 'events,
                "PASS" | "STORE_AND_PASS" => {
                    out.push((ty, params));
                    continue 'events;
                }
                _ => (ty, params) = applied(rule, (ty, params), &mut stored)?,
            }
        }
        return Err(format!("{ty:?} stays old"));
    }
    Ok(out)
}

fn applied(rule: &Value, (ty, params): Event, stored: &mut Option<Event>) -> Result<Event, String> {
    let changes = rule["action"] == "CHANGE_TYPE";
    let to = if changes { EventType(number(&rule["to"]) as u16) } else { ty };
    let mut made = if changes { Vec::new() } else { params.clone() };
    let mut used = false;
    for instr in rule["instrs"].as_array().map_or(&[][..], Vec::as_slice) {
        let param_type = to.info().unwrap().params[made.len()].ty;
        let nothing = |how: &str| match how {
            "default" => default_of(param_type),
            "empty" => Vec::new(),
            other => panic!("{other}"),
        };
        let mut value = match instr["from"].as_str().unwrap() {
            "OLD" => params[number(&instr["param"])].clone(),
            "DEFAULT" => nothing("default"),
            "EMPTY" => Vec::new(),
            "CALLBACK" => container_json(&params),
            "ENTER" => match stored {
                None => nothing(instr["fallback"].as_str().unwrap()),
                Some((enter, _)) if enter.0 + 1 != ty.0 => {
                    // The reference gives up here: the exit event of that call was lost.
                    used = true;
                    nothing(instr["fallback"].as_str().unwrap())
                }
                Some((_, params)) => {
                    used = true;
                    params.get(number(&instr["param"])).ok_or("the stored event is too short")?.clone()
                }
            },
            other => panic!("{other}"),
        };
        value.truncate(param_type.size().unwrap_or(usize::MAX));
        made.push(value);
    }
    if used {
        *stored = None;
    }
    Ok((to, made))
}

fn default_of(ty: ParamType) -> Vec<u8> {
    let fill = if matches!(ty, ParamType::UID | ParamType::GID) { 0xff } else { 0 };
    vec![fill; ty.size().unwrap_or(0)]
}

fn container_json(params: &[Vec<u8>]) -> Vec<u8> {
    let text = |n: usize| String::from_utf8(params[n].strip_suffix(b"\0").unwrap().to_vec()).unwrap();
    let kind = u32::from_le_bytes(params[1][..].try_into().unwrap());
    format!("{{\"id\":\"{}\",\"type\":{kind},\"name\":\"{}\",\"image\":\"{}\"}}\0", text(0), text(2), text(3))
        .into_bytes()
}

/// An event with so many parameters, each with a value of its own.
fn event(ty: EventType, count: usize) -> Event {
    let row = ty.info().unwrap().params;
    let param = |index: usize| match row.get(index).and_then(|param| param.ty.size()) {
        // Large, so that in a frame without their number no length is found in them.
        Some(size) => vec![0xa0 + index as u8; size],
        None => format!("parameter {index} of {}\0", ty.0).into_bytes(),
    };
    (ty, (0..count).map(param).collect())
}

const TID: i64 = 7;

/// A capture as it is written today.
fn today(events: &[Event]) -> Vec<u8> {
    let build = |(ty, params): &Event| {
        let builder = EventBuilder::new(*ty).tid(TID).ts(5).truncate(params.len());
        params.iter().enumerate().fold(builder, |builder, (at, param)| builder.bytes(at, param)).build()
    };
    memory::written(&events.iter().map(build).collect::<Vec<_>>(), false)
}

/// A capture of today's form with an event that has more parameters than the writer writes.
fn longer((ty, params): Event) -> Vec<u8> {
    let mut capture = today(&[]);
    let data: usize = params.iter().map(Vec::len).sum();
    let mut block = 0_u16.to_le_bytes().to_vec();
    block.extend(5_u64.to_le_bytes());
    block.extend(TID.to_le_bytes());
    block.extend(((26 + 2 * params.len() + data) as u32).to_le_bytes());
    block.extend(ty.0.to_le_bytes());
    block.extend((params.len() as u32).to_le_bytes());
    params.iter().for_each(|param| block.extend((param.len() as u16).to_le_bytes()));
    params.iter().for_each(|param| block.extend(param));
    block.resize(block.len().next_multiple_of(4), 0);
    let total = (block.len() as u32 + 12).to_le_bytes();
    capture.extend([&0x216_u32.to_le_bytes()[..], &total, &block, &total].concat());
    capture
}

/// A capture of the first version, in which events do not say how many parameters they have.
fn first(events: &[Event]) -> Vec<u8> {
    let mut capture = today(&[]);
    for (ty, params) in events {
        let data: usize = params.iter().map(|param| 2 + param.len()).sum();
        let mut block = Vec::new();
        block.extend(0_u16.to_le_bytes());
        block.extend(5_u64.to_le_bytes());
        block.extend(TID.to_le_bytes());
        block.extend((22 + data as u32).to_le_bytes());
        block.extend(ty.0.to_le_bytes());
        params.iter().for_each(|param| block.extend((param.len() as u16).to_le_bytes()));
        params.iter().for_each(|param| block.extend(param));
        block.resize(block.len().next_multiple_of(4), 0);
        let total = (block.len() as u32 + 12).to_le_bytes();
        capture.extend([&0x204_u32.to_le_bytes()[..], &total, &block, &total].concat());
    }
    capture
}

/// Result of the reader for a capture, up to an error.
fn read(capture: Vec<u8>) -> (Vec<Event>, Option<String>) {
    let mut reader = Reader::from_reader(Cursor::new(capture)).unwrap();
    let mut out = Vec::new();
    loop {
        match reader.next() {
            Ok(Next::Event(event)) => {
                assert_eq!((event.tid, event.ts), (TID, 5));
                out.push((event.ty, event.params().map(<[u8]>::to_vec).collect()));
            }
            Ok(Next::End) => return (out, None),
            Ok(Next::Snapshot(_) | Next::Idle) => {}
            Err(error) => return (out, Some(error.to_string())),
        }
    }
}

/// Compares for these events of one thread, in either form of capture.
fn check(rules: &Rules, events: &[Event]) {
    let expected = expected(rules, events);
    for (form, capture) in [("today's", today(events)), ("the first", first(events))] {
        let (found, error) = read(capture);
        match &expected {
            Ok(expected) => {
                assert_eq!(error, None, "{form}: {events:?}");
                assert_eq!(&found, expected, "{form}: {events:?}");
                for (ty, params) in found {
                    let info = ty.info().unwrap();
                    assert!(params.len() == info.params.len() || !ty.is_exit(), "{form}: {ty:?}");
                }
            }
            Err(why) => assert!(error.is_some(), "{form}: {events:?} reads, but {why}"),
        }
    }
}

/// Types whose exit events are made with what their enter event said.
fn enter_of(rules: &Rules, exit: EventType) -> Option<Event> {
    let enter = EventType(exit.0 - 1);
    let stored = |rule: &&Value| rule["action"].as_str().unwrap().starts_with("STORE");
    let (&(_, count), _) = rules.range((enter.0, 0)..(exit.0, 0)).find(|(_, rule)| stored(rule))?;
    Some(event(enter, count))
}

#[test]
fn every_conversion_is_that_of_the_reference() {
    let rules = rules();
    assert_eq!(rules.len(), 253);
    for &(code, count) in rules.keys() {
        let old = event(EventType(code), count);
        check(&rules, std::slice::from_ref(&old));
        if !old.0.is_exit() {
            continue;
        }
        if let Some(enter) = enter_of(&rules, old.0) {
            // What was stored is used once.
            check(&rules, &[enter.clone(), old.clone(), old.clone()]);
            // Between them a current event, which changes nothing.
            let current = EventType::SYSCALL_CLOSE_X;
            check(&rules, &[enter, event(current, current.info().unwrap().params.len()), old.clone()]);
        }
        // The enter event of a call whose exit was lost.
        check(&rules, &[event(EventType::SYSCALL_CLOSE_E, 1), old]);
    }
}

#[test]
fn an_event_without_a_conversion_is_an_error() {
    let rules = rules();
    let mut wrong = 0;
    for code in (0..EventType::SCHEMA_COUNT as u16).map(EventType) {
        let info = code.info().unwrap();
        if !info.flags.contains(EventFlags::CONVERTER_MANAGED) {
            continue;
        }
        for count in 0..=info.params.len() {
            let known =
                rules.contains_key(&(code.0, count)) || (code.is_exit() && count == info.params.len());
            if !known {
                wrong += 1;
                let (found, error) = read(today(&[event(code, count)]));
                let error = error.unwrap_or_else(|| panic!("{code:?} with {count} reads as {found:?}"));
                assert!(error.contains(&format!("no rule for {count} parameters")), "{error}");
                assert!(error.contains("byte 28 "), "{error}");
            }
        }
    }
    assert!(wrong > 300, "{wrong}");
}

#[test]
fn every_converted_event_is_current() {
    let (mut rules, mut todays) = (0, 0);
    for info in eyas_events::events() {
        if !info.flags.contains(EventFlags::CONVERTER_MANAGED) {
            continue;
        }
        for count in 0..=info.params.len() {
            let is_todays = info.ty.is_exit()
                && !info.flags.contains(EventFlags::OLD_VERSION)
                && count == info.params.len();
            let old = event(info.ty, count);
            let (found, error) = read(today(std::slice::from_ref(&old)));
            if error.is_some() {
                assert!(found.is_empty() && !is_todays, "{} with {count}", info.ident);
                continue;
            }
            *if is_todays { &mut todays } else { &mut rules } += 1;
            for (ty, params) in &found {
                let row = ty.info().unwrap();
                assert!(!row.flags.intersects(EventFlags::UNUSED) && params.len() == row.params.len());
                let old = row.flags.contains(EventFlags::OLD_VERSION);
                assert!(!old || !ty.is_exit(), "{} with {count} becomes {}", info.ident, row.ident);
                for (param, bytes) in row.params.iter().zip(params) {
                    let fits = param.ty.size().is_none_or(|size| bytes.is_empty() || bytes.len() == size);
                    assert!(fits, "{} with {count}: {}", info.ident, param.name);
                }
            }
            assert!(found.len() <= 1 && (!is_todays || found == [old]), "{} with {count}", info.ident);
        }
    }
    // As many as the reference has rules.
    assert_eq!((rules, todays), (253, 88));
}

#[test]
fn parameters_of_a_newer_version_are_ignored() {
    let mut count = 0;
    for info in eyas_events::events() {
        let managed = EventFlags::CONVERTER_MANAGED;
        if !info.ty.is_exit() || info.flags & (managed | EventFlags::OLD_VERSION) != managed {
            continue;
        }
        count += 1;
        let known = info.params.len();
        let (found, error) = read(longer(event(info.ty, known + 2)));
        assert_eq!((found, error), (vec![event(info.ty, known)], None), "{}", info.ident);
    }
    assert!(count > 80, "{count}");
}

#[test]
fn obsolete_events_are_skipped() {
    let mut count = 0;
    for info in eyas_events::events() {
        let out = info.flags.contains(EventFlags::UNUSED)
            || info.flags.contains(EventFlags::OLD_VERSION)
                && !info.flags.contains(EventFlags::CONVERTER_MANAGED)
                && !info.ty.is_exit();
        if out {
            count += 1;
            assert_eq!(
                read(today(&[event(info.ty, info.params.len())])),
                (Vec::new(), None),
                "{}",
                info.ident
            );
        }
    }
    assert_eq!(count, 35 + 92);
}

#[test]
fn a_stored_event_belongs_to_its_thread() {
    let enter = EventBuilder::new(EventType::SYSCALL_CLOSE_E).int(0, 9);
    let exit = EventBuilder::new(EventType::SYSCALL_CLOSE_X).int(0, 0).truncate(1);
    let calls =
        [enter.clone().tid(1), enter.tid(2).int(0, 8), exit.clone().tid(2), exit.clone().tid(3), exit.tid(1)];
    let capture = memory::written(&calls.map(EventBuilder::build), false);
    let fd = |event: &OwnedEvent| event.as_raw().int(eyas_events::param::SYSCALL_CLOSE_X::fd);
    let found: Vec<_> =
        memory::events(capture, false).iter().map(|event| (event.as_raw().tid, fd(event))).collect();
    assert_eq!(found, [(2, Some(8)), (3, Some(0)), (1, Some(9))]);
}
