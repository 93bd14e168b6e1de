//! `io_uring.*`.

use eyas_fields::Value;

use super::row::fields;

fields! {
    "io_uring.opcode": STR Event Na; "Kind of the request, such as openat, of an event that a request of io_uring made."
        => |v, _| v.event().io_uring()?.name().map(Value::from),
    "io_uring.sqpoll": BOOL Event Na; "Whether a thread of the kernel's took the request from the ring, so that the process made no call."
        => |v, _| Some(Value::Bool(v.event().io_uring()?.is_polled)),
    "io_uring.presumed": BOOL Event Na; "Whether the result is not known, as the program asked for no report of a success."
        => |v, _| Some(Value::Bool(v.event().io_uring()?.is_presumed)),
}
