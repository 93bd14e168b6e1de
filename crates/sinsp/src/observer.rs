//! Callbacks for programs that follow the state instead of testing events.

use eyas_events::EventType;

use crate::view::EventView;

/// Callbacks for actions of processes, after the state was updated. They are called for every event of the
/// capture, including those that are not shown.
///
/// Failed calls are reported only to [`Observer::on_event`]. A connection in progress is reported as made.
/// The default implementations do nothing.
pub trait Observer: Send {
    /// Any event; called before the specific callback.
    fn on_event(&mut self, _event: &EventView<'_>) {}
    /// A thread or process was created: called for the event of its creator (the result is its id), and for
    /// its own (the result is 0).
    fn on_clone(&mut self, _event: &EventView<'_>) {}
    /// A process executes another program.
    fn on_exec(&mut self, _event: &EventView<'_>) {}
    /// A thread exits; the state still contains it and its files.
    fn on_exit(&mut self, _event: &EventView<'_>) {}
    /// A process changed its users or groups.
    fn on_identity(&mut self, _event: &EventView<'_>) {}
    /// A file was opened.
    fn on_open(&mut self, _event: &EventView<'_>) {}
    /// A descriptor is closed; the state still contains it.
    fn on_close(&mut self, _event: &EventView<'_>) {}
    /// A socket got an address.
    fn on_bind(&mut self, _event: &EventView<'_>) {}
    /// A socket waits for connections.
    fn on_listen(&mut self, _event: &EventView<'_>) {}
    /// A connection was made.
    fn on_connect(&mut self, _event: &EventView<'_>) {}
    /// A connection was accepted.
    fn on_accept(&mut self, _event: &EventView<'_>) {}
}

type Method = fn(&mut dyn Observer, &EventView<'_>);

/// The callback for successful events of this type.
fn method(ty: EventType) -> Option<Method> {
    use EventType as E;
    Some(match ty {
        ty if ty.creates_thread() => |o, event| o.on_clone(event),
        E::SYSCALL_EXECVE_19_X | E::SYSCALL_EXECVEAT_X => |o, event| o.on_exec(event),
        E::PROCEXIT_1_E => |o, event| o.on_exit(event),
        E::SYSCALL_SETUID_X
        | E::SYSCALL_SETREUID_X
        | E::SYSCALL_SETRESUID_X
        | E::SYSCALL_SETGID_X
        | E::SYSCALL_SETREGID_X
        | E::SYSCALL_SETRESGID_X => |o, event| o.on_identity(event),
        E::SYSCALL_OPEN_X
        | E::SYSCALL_OPENAT_2_X
        | E::SYSCALL_OPENAT2_X
        | E::SYSCALL_CREAT_X
        | E::SYSCALL_OPEN_BY_HANDLE_AT_X => |o, event| o.on_open(event),
        E::SYSCALL_CLOSE_X => |o, event| o.on_close(event),
        E::SOCKET_BIND_X => |o, event| o.on_bind(event),
        E::SOCKET_LISTEN_X => |o, event| o.on_listen(event),
        E::SOCKET_CONNECT_X => |o, event| o.on_connect(event),
        E::SOCKET_ACCEPT_5_X | E::SOCKET_ACCEPT4_6_X => |o, event| o.on_accept(event),
        _ => return None,
    })
}

const EINPROGRESS: i64 = -115;

fn succeeded(event: &EventView<'_>) -> bool {
    let raw = event.event();
    match raw.ty {
        // The first parameter is no result.
        EventType::PROCEXIT_1_E => true,
        ty => {
            let result = raw.int(0).unwrap_or(-1);
            result >= 0 || (ty == EventType::SOCKET_CONNECT_X && result == EINPROGRESS)
        }
    }
}

/// The observers of an inspector.
#[derive(Default)]
pub(crate) struct Observers(Vec<Box<dyn Observer>>);

impl Observers {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, observer: Box<dyn Observer>) {
        self.0.push(observer);
    }

    pub(crate) fn call(&mut self, event: &EventView<'_>) {
        let particular = method(event.event().ty).filter(|_| succeeded(event));
        for observer in &mut self.0 {
            observer.on_event(event);
            if let Some(method) = particular {
                method(&mut **observer, event);
            }
        }
    }
}

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Observers").field(&self.0.len()).finish()
    }
}
