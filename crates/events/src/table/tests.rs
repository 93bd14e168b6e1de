use super::*;

#[test]
fn every_code_has_a_row() {
    assert_eq!(events().count(), EventType::COUNT);
    for (code, info) in events().enumerate() {
        assert_eq!(usize::from(info.ty.0), code);
        assert!(info.params.len() <= crate::MAX_PARAMS, "{}", info.ident);
    }
    assert!(EventType(454).info().is_none());
}

#[test]
fn a_directory_fd_stands_where_its_path_says() {
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
