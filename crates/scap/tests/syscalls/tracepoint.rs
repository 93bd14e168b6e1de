//! Events that are no system calls and happen all the time: they come when they are asked for.

use std::process::Command;
use std::time::Duration;

use eyas_events::{EventType, FlagTable};

use crate::call::Low;
use crate::capture::{capture, tid};
use crate::memory::sizes;
use crate::want::{flags, int, is};

#[test]
fn a_thread_that_sleeps_is_switched_away() {
    let Some(mut live) = capture(&[EventType::SCHEDSWITCH_6_E]) else { return };
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
    let Some(mut live) = capture(&[EventType::SIGNALDELIVER_E]) else { return };
    // One that ends the process would be delivered as a SIGKILL of nobody.
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
    let Some(mut live) = capture(&[EventType::PAGE_FAULT_E]) else { return };
    let page = Low::new();
    let address = page.put(0, b"first touch");
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
