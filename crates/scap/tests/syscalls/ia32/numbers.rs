//! Every number of a 32-bit call, made once.

use std::collections::BTreeSet;

use eyas_events::param::{GENERIC_X, SYSCALL_LSEEK_X};
use eyas_events::{EventFlags, EventType, SyscallCode, ia32_call};
use eyas_testing::test;

use super::call32;
use crate::call::{Fd, apart, call};
use crate::capture::capture_calls;

/// Excluded numbers: these calls end or stop the caller, create children, block for ever, take much memory,
/// or affect other tests.
const LEFT_OUT: [u16; 22] = [
    1,   // exit
    2,   // fork
    27,  // alarm
    29,  // pause
    36,  // sync
    66,  // setsid
    72,  // sigsuspend
    111, // vhangup
    112, // idle
    119, // sigreturn
    120, // clone
    128, // init_module
    173, // rt_sigreturn
    190, // vfork
    252, // exit_group
    258, // set_tid_address
    279, // mq_timedsend
    283, // kexec_load
    395, // shmget
    399, // msgget
    19,  // lseek, which marks them
    140, // _llseek
];

/// Offset of the lseek before each.
const MARK: i64 = 0x3a52_0000;

/// An event's type, and of a generic one the code of its call.
type Sent = (EventType, Option<u64>);

#[test]
fn every_number_is_sent_as_the_call_that_it_is() {
    let codes: BTreeSet<SyscallCode> =
        (0..512).filter(|n| !LEFT_OUT.contains(n)).filter_map(ia32_call).map(|call| call.code).collect();
    let codes: Vec<SyscallCode> = codes.into_iter().chain([SyscallCode::LSEEK]).collect();
    // In a separate thread, because some calls change the caller.
    apart(|| check(&codes));
}

fn check(codes: &[SyscallCode]) {
    let mut live = capture_calls(codes);
    let numbers: Vec<u16> = (0..512).filter(|number| !LEFT_OUT.contains(number)).collect();
    let apart = i64::from(libc::CLONE_FS | libc::CLONE_SYSVSEM);
    assert_eq!(call(libc::SYS_unshare, [apart]), 0);
    let mut made = Vec::new();
    let events = live.own(|| {
        for number in &numbers {
            call(libc::SYS_lseek, [-1, MARK + i64::from(*number), 0]);
            let result = call32(u32::from(*number), [u32::MAX; 6]);
            let info = ia32_call(*number).and_then(|call| call.exit.info());
            if info.is_some_and(|info| info.flags.contains(EventFlags::CREATES_FD)) {
                made.push(Fd(result.into()));
            }
        }
    });
    drop(made);
    let mut sent: Vec<(u16, Option<Sent>)> = Vec::new();
    for event in &events {
        let raw = event.as_raw();
        let mark = (raw.ty == EventType::SYSCALL_LSEEK_X)
            .then(|| raw.int(SYSCALL_LSEEK_X::offset).unwrap() - MARK)
            .and_then(|number| u16::try_from(number).ok());
        match mark {
            Some(number) => sent.push((number, None)),
            None => {
                let id = (raw.ty == EventType::GENERIC_X).then(|| raw.uint(GENERIC_X::ID)).flatten();
                let slot = &mut sent.last_mut().unwrap().1;
                assert!(slot.is_none(), "{slot:?} and {:?}", raw.ty);
                *slot = Some((raw.ty, id));
            }
        }
    }
    let expected: Vec<_> = numbers
        .iter()
        .map(|number| {
            let of = |exit: EventType, code: SyscallCode| {
                (exit, (exit == EventType::GENERIC_X).then(|| u64::from(code.0)))
            };
            (*number, ia32_call(*number).map(|call| of(call.exit, call.code)))
        })
        .collect();
    let differ: Vec<_> = sent.iter().zip(&expected).filter(|(sent, expected)| sent != expected).collect();
    assert!(differ.is_empty(), "sent, expected: {differ:#?}");
    assert_eq!(sent.len(), expected.len());
}
