//! Signals: calls that send them, file descriptors that receive them.

use eyas_events::{EventType, FlagTable};
use eyas_testing::test;

use crate::call::{Fd, at, call, old};
use crate::capture::{capture, tid};
use crate::want::{flags, int};

#[test]
fn kills() {
    let types = [EventType::SYSCALL_KILL_X, EventType::SYSCALL_TKILL_X, EventType::SYSCALL_TGKILL_X];
    let mut live = capture(&types);
    let (pid, tid) = (i64::from(std::process::id()), tid());
    // A signal about the size of the window is ignored unless the process handles it.
    let sig = libc::SIGWINCH;
    let res = call(libc::SYS_kill, [pid, sig.into()]);
    live.saw(EventType::SYSCALL_KILL_X, &[("res", int(res)), ("pid", int(pid)), ("sig", int(sig))]);
    let res = call(libc::SYS_tkill, [tid, sig.into()]);
    live.saw(EventType::SYSCALL_TKILL_X, &[("res", int(res)), ("tid", int(tid)), ("sig", int(sig))]);
    let res = call(libc::SYS_tgkill, [pid, tid, sig.into()]);
    let wants = [("res", int(res)), ("pid", int(pid)), ("tid", int(tid)), ("sig", int(sig))];
    live.saw(EventType::SYSCALL_TGKILL_X, &wants);
    let res = call(libc::SYS_kill, [-0x7000_0000, 0]);
    let wants = [("res", int(res)), ("pid", int(-0x7000_0000)), ("sig", int(0))];
    live.saw(EventType::SYSCALL_KILL_X, &wants);
}

#[test]
fn signals_with_values_and_by_descriptor() {
    let types = [
        EventType::SYSCALL_RT_SIGQUEUEINFO_X,
        EventType::SYSCALL_RT_TGSIGQUEUEINFO_X,
        EventType::SYSCALL_PIDFD_SEND_SIGNAL_X,
    ];
    let mut live = capture(&types);
    let (pid, tid) = (i64::from(std::process::id()), tid());
    let sig = libc::SIGWINCH;
    // A `siginfo_t` has 128 bytes: the signal, an error number, and the code of a queued signal.
    let mut info = [0_i32; 32];
    (info[0], info[2]) = (sig, libc::SI_QUEUE);
    let res = call(libc::SYS_rt_sigqueueinfo, [pid, sig.into(), at(&info)]);
    let wants = [("res", int(res)), ("pid", int(pid)), ("sig", int(sig))];
    live.saw(EventType::SYSCALL_RT_SIGQUEUEINFO_X, &wants);
    let res = call(libc::SYS_rt_tgsigqueueinfo, [pid, tid, sig.into(), at(&info)]);
    let wants = [("res", int(res)), ("pid", int(pid)), ("tid", int(tid)), ("sig", int(sig))];
    live.saw(EventType::SYSCALL_RT_TGSIGQUEUEINFO_X, &wants);
    let fd = Fd(call(libc::SYS_pidfd_open, [pid, 0]));
    for (flags, is_sent) in [(0, true), (1 << 20, false)] {
        let res = call(libc::SYS_pidfd_send_signal, [fd.0, sig.into(), 0, flags]);
        assert_eq!(res == 0, is_sent, "{res}");
        let wants = [("res", int(res)), ("fd", int(fd.0)), ("sig", int(sig)), ("flags", int(flags))];
        live.saw(EventType::SYSCALL_PIDFD_SEND_SIGNAL_X, &wants);
    }
}

#[test]
fn signalfds() {
    let types = [EventType::SYSCALL_SIGNALFD_X, EventType::SYSCALL_SIGNALFD4_X];
    let mut live = capture(&types);
    let set = 1_u64 << (libc::SIGWINCH - 1);
    let fd = Fd(call(old::SYS_signalfd, [-1, at(&set), 8]));
    let wants = [("res", int(fd.0)), ("fd", int(-1)), ("mask", int(0)), ("flags", int(0))];
    live.saw(EventType::SYSCALL_SIGNALFD_X, &wants);
    let how = libc::SFD_CLOEXEC | libc::SFD_NONBLOCK;
    let fd = Fd(call(libc::SYS_signalfd4, [-1, at(&set), 8, how.into()]));
    live.saw(
        EventType::SYSCALL_SIGNALFD4_X,
        &[
            ("res", int(fd.0)),
            ("flags", flags(&FlagTable::FILE_FLAGS, &["O_CLOEXEC", "O_NONBLOCK"])),
            ("fd", int(-1)),
            ("mask", int(0)),
        ],
    );
}
