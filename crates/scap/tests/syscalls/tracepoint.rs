//! Frequent events that are not system calls: they are sent only on request.

use eyas_testing::test;
use std::process::Command;
use std::time::Duration;

use eyas_events::param::SYSCALL_OPENAT_2_X;
use eyas_events::{EventType, FlagTable};

use crate::call::{at, call};
use crate::capture::{capture, tid};
use crate::memory::sizes;
use crate::want::{flags, int, is};

#[test]
fn a_thread_that_sleeps_is_switched_away() {
    let mut live = capture(&[EventType::SCHEDSWITCH_6_E]);
    std::thread::sleep(Duration::from_millis(2));
    let count = || is("a count", |got| (0..1 << 32).contains(&got));
    let [a, b, c] = sizes();
    let own = tid();
    let next = is("another thread", move |got| got != own && (0..1 << 22).contains(&got));
    live.saw(
        EventType::SCHEDSWITCH_6_E,
        &[("next", next), ("pgft_maj", count()), ("pgft_min", count()), a, b, c],
    );
}

#[test]
fn a_signal_says_who_sent_it() {
    let mut live = capture(&[EventType::SIGNALDELIVER_E]);
    // A signal that ends the process would be delivered as a SIGKILL without a sender.
    let mut child = Command::new("/bin/sh").args(["-c", "trap : TERM; kill -TERM $$; :"]).spawn().unwrap();
    child.wait().unwrap();
    let id = i64::from(child.id());
    live.saw_of(
        id,
        EventType::SIGNALDELIVER_E,
        &[("spid", int(id)), ("dpid", int(id)), ("sig", int(libc::SIGTERM))],
    );
}

#[test]
fn a_page_that_is_not_there_yet_faults() {
    let mut live = capture(&[EventType::PAGE_FAULT_E]);
    // So large that it is mapped afresh.
    let mut fresh = vec![0_u8; 64 << 20];
    let touched = &mut fresh[1 << 25];
    let address = at(touched);
    *touched = std::hint::black_box(1);
    let names = ["PAGE_NOT_PRESENT", "WRITE_ACCESS", "USER_FAULT"];
    live.saw(
        EventType::PAGE_FAULT_E,
        &[
            ("addr", int(address)),
            ("ip", is("code", |got| got > 0x1000)),
            ("error", flags(&FlagTable::PF_FLAGS, &names)),
        ],
    );
}

#[test]
fn sampling_says_what_it_leaves_out() {
    let types =
        [EventType::DROP_E, EventType::DROP_X, EventType::SYSCALL_OPENAT_2_X, EventType::SYSCALL_FSTAT_X];
    let mut live = capture(&types);
    live.sample(2);
    let stat = [0_u8; 256];
    let began = std::time::Instant::now();
    let (mut opens, mut reads) = (0_usize, 0_usize);
    // Each is sent with the first call of a period, which may be another program's on a busy machine.
    let mut ratios = [Vec::new(), Vec::new()];
    let mut kept = Vec::new();
    while began.elapsed().as_millis() < 2200
        || ((ratios.iter().any(Vec::is_empty) || span(&kept) < SECOND / 4) && began.elapsed().as_secs() < 60)
    {
        reads += usize::from(call(libc::SYS_read, [99_999, 0, 0]) == -i64::from(libc::EBADF));
        call(libc::SYS_fstat, [0, at(&stat)]);
        opens += usize::from(call(libc::SYS_openat, [-100, at(c"/none".as_ptr()), 0]) < 0);
        std::thread::sleep(std::time::Duration::from_millis(1));
        // Reading takes longer while nothing is captured.
        if began.elapsed().as_millis() >= 2200 {
            ratios = [EventType::DROP_E, EventType::DROP_X].map(|ty| live.only_of_all(ty));
            kept = live.times(EventType::SYSCALL_READ_X);
        }
    }
    live.sample(1);
    for ratios in ratios {
        assert!(!ratios.is_empty() && ratios.iter().all(|ratio| *ratio == Some(2)), "{ratios:?}");
    }
    // On a slow machine the last ones are still on their way.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while live.count(EventType::SYSCALL_OPENAT_2_X) < opens && std::time::Instant::now() < until {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let [sampled, dropped] = [EventType::SYSCALL_READ_X, EventType::SYSCALL_FSTAT_X].map(|ty| live.count(ty));
    let kept_times = live.times(EventType::SYSCALL_READ_X);
    let mut kept = live.texts(EventType::SYSCALL_OPENAT_2_X, SYSCALL_OPENAT_2_X::name);
    let of_test = kept.iter().filter(|name| *name == "/none").count();
    kept.retain(|name| name != "/none");
    assert_eq!((of_test, dropped), (opens, 0), "other opens: {kept:?}");
    // Half of each second, however many of the calls were made in it.
    assert!(sampled > 0 && sampled < reads, "{sampled} of {reads}");
    let span = span(&kept_times);
    assert!((SECOND / 4..=SECOND / 2 + SECOND / 50).contains(&span), "{span} ns of each second");
}

const SECOND: u64 = 1_000_000_000;

/// The shortest part of each second, ns, that contains all of these times.
fn span(times: &[u64]) -> u64 {
    let mut places: Vec<u64> = times.iter().map(|time| time % SECOND).collect();
    places.sort_unstable();
    let (Some(first), Some(last)) = (places.first(), places.last()) else { return 0 };
    let gaps = places.windows(2).map(|two| two[1] - two[0]);
    SECOND - gaps.chain([first + SECOND - last]).max().unwrap_or(0)
}
