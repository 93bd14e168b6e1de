//! `io_uring.*`.

use eyas_fields::Value;

use super::row::fields;

fields! {
    "io_uring.opcode": STR Event Na; "Kind of the io_uring request, such as openat; absent for events of calls."
        => |v, _| v.event().io_uring()?.name().map(Value::from),
    "io_uring.sqpoll": BOOL Event Na; "Whether a kernel thread took the io_uring request from the ring (SQPOLL), so that the process made no call."
        => |v, _| Some(Value::Bool(v.event().io_uring()?.is_polled)),
    "io_uring.presumed": BOOL Event Na; "Whether the result of the io_uring request is unknown, because the program disabled the report of a success."
        => |v, _| Some(Value::Bool(v.event().io_uring()?.is_presumed)),
}
