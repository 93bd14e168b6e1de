extern crate alloc;
extern crate std;

use alloc::vec::Vec;

use super::*;

#[test]
fn every_code_has_a_row() {
    let (schema, own) = (EventType::SCHEMA_COUNT, usize::from(EventType::FIRST_OWN));
    // Own events are exit events.
    let codes = (0..schema).chain((own + 1..EventType::COUNT).step_by(2));
    assert!(events().map(|info| usize::from(info.ty.0)).eq(codes));
    let params = |info: &EventInfo| info.params.len() + info.ty.kernel_paths().len();
    assert!(events().all(|info| params(info) <= crate::MAX_PARAMS));
    assert!((schema..=own).all(|code| EventType(code as u16).info().is_none()));
    assert!(EventType(EventType::COUNT as u16).info().is_none());
}

#[test]
fn an_event_like_an_older_one_has_its_parameters() {
    for (newer, older) in events().filter_map(|info| Some((info, info.like?))) {
        let older: Vec<_> = events().filter(|info| info.name == older && info.ty.is_exit()).collect();
        let older = older.last().unwrap_or_else(|| panic!("{} is like nothing", newer.ident));
        let missing = older.params.iter().find(|param| newer.param(param.name).is_none());
        assert!(missing.is_none(), "{} lacks {}", newer.ident, missing.unwrap().name);
    }
}

#[test]
fn a_path_refers_to_a_descriptor_parameter() {
    for info in events() {
        for param in info.params {
            if let ParamDetail::At(at) = param.detail {
                let dirfd = &info.params[usize::from(at)];
                assert!(
                    matches!(dirfd.ty, ParamType::FD | ParamType::INT64),
                    "{}: {}",
                    info.ident,
                    dirfd.name
                );
            }
        }
    }
}

#[test]
fn parameter_positions_follow_the_row() {
    assert_eq!(param::SYSCALL_EXECVE_19_X::filename, 30);
    let socket = EventType::SOCKET_SOCKET_X.info().unwrap();
    assert_eq!(socket.param("type"), Some(param::SOCKET_SOCKET_X::r#type));
}

#[test]
fn a_kernel_s_path_is_of_a_path_of_the_row() {
    for info in events() {
        for path in info.ty.kernel_paths() {
            if let KernelPath::Param(at) = path {
                let ty = info.params[*at].ty;
                assert!(
                    matches!(ty, ParamType::FSPATH | ParamType::FSRELPATH | ParamType::CHARBUF),
                    "{}",
                    info.ident
                );
            }
            if let KernelPath::File(at) = path {
                assert_eq!(info.params[*at].ty, ParamType::FD, "{}", info.ident);
            }
        }
    }
}
