//! Format of parameters and names, and data without an event of its own.

use std::sync::Arc;

use eyas_events::{EventType as E, param};
use eyas_fields::{BufferFormat, FieldSource, Schema, Scope, Value};
use eyas_scap::EventBuilder;
use eyas_sinsp::names::Services;
use eyas_sinsp::{Config, EventView, Inspector, Rendering, schema};

mod script;

use script::{at, clone, exec, open, see, system, system_with};

fn system_that(change: impl FnOnce(&mut Rendering)) -> Inspector {
    let mut rendering = Rendering::default();
    change(&mut rendering);
    system_with(Config::default().with_rendering(rendering))
}

fn read(data: &[u8]) -> EventBuilder {
    use param::SYSCALL_READ_X as p;
    at(1, E::SYSCALL_READ_X, 10).int(p::res, data.len() as i64).int(p::fd, 3).bytes(p::data, data)
}

fn data(inspector: &mut Inspector, data: &[u8]) -> String {
    see(inspector, read(data), &["evt.arg[1]"]).remove(0)
}

#[test]
fn buffers_have_the_requested_form() {
    let of = |format| data(&mut system_that(|rendering| rendering.buffers = format), b"a\nb\x01");
    assert_eq!(of(BufferFormat::Dots), "a.b.");
    assert_eq!(of(BufferFormat::Text), "\na\nb");
    assert_eq!(of(BufferFormat::Base64), "YQpiAQ==");
    assert_eq!(of(BufferFormat::Hex), "\n\t0x0000: 610a 6201\n");
    assert!(of(BufferFormat::HexText).ends_with("  a.b.\n"));
}

#[test]
fn long_buffers_and_lists_are_cut() {
    let mut system = system_that(|rendering| rendering.longest = Some(8));
    assert_eq!(data(&mut system, b"12345678"), "12345678");
    assert_eq!(data(&mut system, b"123456789"), "12345...");
    let args = see(&mut system, exec(2, 10, b"cat", b"one\0two\0three\0"), &["evt.arg.args", "proc.args"]);
    assert_eq!(args, ["one.t...", "one two three"]);
}

#[test]
fn the_line_breaks_of_buffers_are_the_only_ones() {
    let path = b"/tmp/a\nb";
    let name = |system: &mut Inspector| see(system, open(1, 10, 4, -100, path), &["evt.arg.name", "fd.name"]);
    assert_eq!(name(&mut system()), ["/tmp/a\nb", "/tmp/a\nb"]);
    let mut system = system_that(|rendering| rendering.buffers = BufferFormat::Text);
    assert_eq!(name(&mut system), ["/tmp/a\\nb", "/tmp/a\nb"]);
}

#[test]
fn ports_have_names() {
    use param::SOCKET_CONNECT_X as p;
    let mut system = system_that(|rendering| {
        rendering.services = Some(Arc::new(Services::parse("http 80/tcp\n")));
    });
    let socket = at(1, E::SOCKET_SOCKET_X, 10).int(param::SOCKET_SOCKET_X::fd, 5);
    let socket = socket.uint(param::SOCKET_SOCKET_X::domain, 2).uint(param::SOCKET_SOCKET_X::r#type, 1);
    see(&mut system, socket, &[]);
    let tuple = [2, 127, 0, 0, 1, 0x39, 0x30, 127, 0, 0, 1, 80, 0];
    let connect = at(2, E::SOCKET_CONNECT_X, 10).int(p::res, 0).int(p::fd, 5).bytes(p::tuple, &tuple);
    let got = see(&mut system, connect, &["evt.arg.tuple", "fd.name", "fd.sport"]);
    assert_eq!(got, ["127.0.0.1:12345->127.0.0.1:http", "127.0.0.1:12345->127.0.0.1:http", "80"]);
}

fn text(view: &EventView<'_>, name: &str) -> String {
    match view.get(&schema().resolve(name, None).unwrap()) {
        Some(Value::Str(text)) => String::from_utf8_lossy(text).into_owned(),
        Some(Value::Int(n)) => n.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn threads_and_files_are_shown_without_their_events() {
    let mut system = system();
    let now = system.overview();
    let shell = now.of_thread(10).unwrap();
    assert_eq!((text(&shell, "proc.name"), text(&shell, "thread.tid")), ("sh".into(), "10".into()));
    assert_eq!(text(&shell, "fd.name"), "None");
    let file = now.of_file(10, 3).unwrap();
    assert_eq!((text(&file, "fd.name"), text(&file, "fd.num")), ("/etc/motd".into(), "3".into()));
    assert_eq!(text(&file, "proc.name"), "sh");
    // No later event has this view, so nothing is kept for one.
    assert_eq!([(); 2].map(|()| file.scope_version(Scope::Fd)), [None; 2]);
    assert!(now.of_file(10, 4).is_none() && now.of_thread(99).is_none());
}

#[test]
fn containers_are_shown_without_processes() {
    let mut system = system();
    let json = br#"{"container":{"id":"0123456789ab","name":"web","image":"nginx","type":0}}"#;
    see(&mut system, at(1, E::CONTAINER_JSON_E, -1).text(0, json), &[]);
    // An event without a container of its own.
    see(&mut system, read(b"x"), &[]);
    let now = system.overview();
    let ids: Vec<_> = now.state().containers.ids().collect();
    assert_eq!(ids.len(), 1);
    let web = now.of_container(ids[0]);
    assert_eq!(
        (text(&web, "container.name"), text(&web, "container.id")),
        ("web".into(), "0123456789ab".into())
    );
}

#[test]
fn generations_are_counted_from_the_login_shell() {
    let mut system = system();
    let depth = |system: &mut Inspector, event| see(system, event, &["proc.shelldepth", "proc.loginshellid"]);
    assert_eq!(depth(&mut system, read(b"x")), ["0", "10"]);
    see(&mut system, clone(2, 20, 0, 20, 10, 0), &[]);
    assert_eq!(depth(&mut system, exec(3, 20, b"make", b"")), ["1", "10"]);
    see(&mut system, clone(4, 21, 0, 21, 20, 0), &[]);
    assert_eq!(depth(&mut system, exec(5, 21, b"cc", b"")), ["2", "10"]);
}

#[test]
fn an_environment_is_completed_if_configured() {
    let long = |len: usize| [b"A=1\0B=".to_vec(), vec![b'x'; len], vec![0]].concat();
    let system = |large_environment| {
        let env = long(5000);
        let proc = move |tid| {
            let entry = eyas_scap::ThreadEntry { tid, pid: tid, env: env.clone(), ..Default::default() };
            Some((entry, Vec::new()))
        };
        system_with(Config::default().with_proc(proc).with_large_environment(large_environment))
    };
    let length = |mut system: Inspector| {
        let event = exec(2, 10, b"env", b"").bytes(param::SYSCALL_EXECVE_19_X::env, &long(4090)[..4096]);
        see(&mut system, event, &["proc.env"])[0].len()
    };
    assert_eq!((length(system(false)), length(system(true))), (4096, 5006));
}
