//! Places of the calls of 32-bit programs in the probe's tables: by number, then those of `socketcall` and
//! `ipc`.

use eyas_events::{Ia32Call, ia32_call, ia32_ipc_call, ia32_socketcall};

/// Number of call numbers with a place.
const NUMBERS: usize = 512;
/// Number of calls of `socketcall` and of `ipc` with a place.
const SUBCALLS: usize = 32;

/// Places of the tables: `SYSCALLS + 2 * IA32_SUBCALLS` in `call.h`.
pub(crate) const PLACES: usize = NUMBERS + 2 * SUBCALLS;

/// The call at each place.
pub(crate) fn places() -> impl Iterator<Item = Option<&'static Ia32Call>> {
    let calls = (0..NUMBERS as u16).map(ia32_call);
    let socketcalls = (0..SUBCALLS as u16).map(ia32_socketcall);
    calls.chain(socketcalls).chain((0..SUBCALLS as u16).map(ia32_ipc_call))
}
