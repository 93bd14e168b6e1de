//! Times of alerts.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;

const SECOND: u64 = 1_000_000_000;

/// A time zone that caches its last result, because many alerts come in one second.
#[derive(Debug)]
pub struct Zone {
    zone: TimeZone,
    /// A second since the epoch in the upper 40 bits, and how far east of UTC it is, in seconds.
    last: AtomicU64,
}

/// Number of bits for the distance from UTC.
const EAST: u32 = 24;
/// Added to the distance, so that the sum is positive.
const BIAS: i64 = 1 << (EAST - 1);

impl From<TimeZone> for Zone {
    fn from(zone: TimeZone) -> Self {
        Self { zone, last: AtomicU64::new(u64::MAX) }
    }
}

impl Clone for Zone {
    fn clone(&self) -> Self {
        self.zone.clone().into()
    }
}

impl Zone {
    /// Seconds that the zone is east of UTC at `second`.
    fn east(&self, second: u64) -> i64 {
        let last = self.last.load(Ordering::Relaxed);
        if last >> EAST == second {
            return (last & ((1 << EAST) - 1)) as i64 - BIAS;
        }
        let at = Timestamp::from_second(second as i64);
        let east = at.map_or(0, |at| i64::from(self.zone.to_offset(at).seconds()));
        self.last.store(second << EAST | (east + BIAS) as u64, Ordering::Relaxed);
        east
    }
}

/// Appends `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn` in UTC; `ts` is in ns since the epoch.
pub(super) fn write_utc(out: &mut Vec<u8>, ts: u64) {
    out.extend_from_slice(&utc(ts / SECOND));
    nanos(out, ts);
}

/// Appends `HH:MM:SS.nnnnnnnnn` in the local time of the zone.
pub(super) fn write_local(out: &mut Vec<u8>, ts: u64, zone: &Zone) {
    let second = ts / SECOND;
    out.extend_from_slice(&clock((second as i64 + zone.east(second)).rem_euclid(86_400) as u64));
    nanos(out, ts);
}

/// `.nnnnnnnnn`
fn nanos(out: &mut Vec<u8>, ts: u64) {
    let mut text = [b'.'; 10];
    digits(&mut text[1..], ts % SECOND);
    out.extend_from_slice(&text);
}

fn utc(second: u64) -> [u8; 19] {
    // Civil date from days since 1970-03-01 in years that begin in March.
    let days = (second / 86_400) as i64 + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let date = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    let mut text = *b"0000-00-00T00:00:00";
    digits(&mut text[..4], year as u64);
    digits(&mut text[5..7], month as u64);
    digits(&mut text[8..10], date as u64);
    text[11..].copy_from_slice(&clock(second % 86_400));
    text
}

/// `HH:MM:SS`
fn clock(second_of_day: u64) -> [u8; 8] {
    let mut text = *b"00:00:00";
    digits(&mut text[..2], second_of_day / 3600);
    digits(&mut text[3..5], second_of_day / 60 % 60);
    digits(&mut text[6..], second_of_day % 60);
    text
}

fn digits(out: &mut [u8], mut n: u64) {
    for slot in out.iter_mut().rev() {
        *slot = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ts, want) in [
            (0, "1970-01-01T00:00:00.000000000"),
            (1_795_461_335_267_018_253, "2026-11-23T19:15:35.267018253"),
            (1_795_461_335_000_000_001, "2026-11-23T19:15:35.000000001"),
            (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001"),
        ] {
            assert_eq!(text(|out| write_utc(out, ts)), want);
        }
    }

    #[test]
    fn the_offset_of_a_zone_is_cached_for_a_second() {
        let utc = Zone::from(TimeZone::UTC);
        let west = Zone::from(TimeZone::fixed(jiff::tz::offset(-1)));
        let ts = 1_795_461_335_267_018_253;
        for _ in 0..2 {
            assert_eq!(text(|out| write_local(out, ts, &utc)), "19:15:35.267018253");
            assert_eq!(text(|out| write_local(out, ts, &west)), "18:15:35.267018253");
            assert_eq!(text(|out| write_local(out, ts + SECOND, &west)), "18:15:36.267018253");
            assert_eq!(text(|out| write_local(out, 1, &west)), "23:00:00.000000001");
        }
    }
}
