//! Times as text.

use std::cell::Cell;
use std::sync::OnceLock;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Text;

const NS: u64 = 1_000_000_000;

/// Parts of a time stamp.
struct Civil {
    year: i64,
    month: u8,
    day: u8,
    secs: u32,
    ns: u32,
}

impl Civil {
    /// `offset`: seconds east of UTC.
    fn new(ts: u64, offset: i32) -> Self {
        let secs = (ts / NS) as i64 + i64::from(offset);
        let days = secs.div_euclid(86_400);
        // Converts days to a date with eras of 400 years that begin in March.
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 } as u8;
        Self {
            year: yoe + era * 400 + i64::from(month <= 2),
            month,
            day: (doy - (153 * mp + 2) / 5 + 1) as u8,
            secs: secs.rem_euclid(86_400) as u32,
            ns: (ts % NS) as u32,
        }
    }

    fn date(&self, out: &mut Text<'_>, separator: &[u8]) {
        out.digits::<4>(self.year as u32);
        out.push(b"-");
        out.digits::<2>(self.month.into());
        out.push(b"-");
        out.digits::<2>(self.day.into());
        out.push(separator);
    }

    fn time(&self, out: &mut Text<'_>) {
        out.digits::<2>(self.secs / 3600);
        out.push(b":");
        out.digits::<2>(self.secs / 60 % 60);
        out.push(b":");
        out.digits::<2>(self.secs % 60);
    }

    fn nanos(&self, out: &mut Text<'_>) {
        out.push(b".");
        out.digits::<9>(self.ns);
    }
}

/// Offset of the machine's time zone at `ts`, seconds east of UTC.
fn local_offset(ts: u64) -> i32 {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    thread_local! {
        /// The last result, with its second.
        static LAST: Cell<(u64, i32)> = const { Cell::new((u64::MAX, 0)) };
    }
    let second = ts / NS;
    if let (last, offset) = LAST.get()
        && last == second
    {
        return offset;
    }
    let zone = ZONE.get_or_init(TimeZone::system);
    let offset = Timestamp::from_second(second as i64).map_or(0, |at| zone.to_offset(at).seconds());
    LAST.set((second, offset));
    offset
}

/// `2026-11-23T19:15:35.167327487+0000`, in UTC.
pub(crate) fn iso8601(ts: u64, out: &mut Text<'_>) {
    let civil = Civil::new(ts, 0);
    civil.date(out, b"T");
    civil.time(out);
    civil.nanos(out);
    out.push(b"+0000");
}

/// `19:15:35.167327487` in the machine's time zone.
pub(crate) fn time(ts: u64, nanos: bool, out: &mut Text<'_>) {
    let civil = Civil::new(ts, local_offset(ts));
    civil.time(out);
    if nanos {
        civil.nanos(out);
    }
}

/// `2026-11-23 19:15:35.167327487` in the machine's time zone.
pub(crate) fn datetime(ts: u64, nanos: bool, out: &mut Text<'_>) {
    let civil = Civil::new(ts, local_offset(ts));
    civil.date(out, b" ");
    civil.time(out);
    if nanos {
        civil.nanos(out);
    }
}

/// `250ns`, `1.50us`, `12ms`, `3.05s`: three digits, or two decimals.
pub(crate) fn duration(ns: u64, out: &mut Text<'_>) {
    for (unit, name) in [(NS, "s"), (1_000_000, "ms"), (1_000, "us")] {
        let (whole, hundredths) = (ns / unit, ns % unit * 100 / unit);
        // Seconds always show hundredths.
        match whole {
            0 => continue,
            1..10 => return out.print(format_args!("{whole}.{hundredths:02}{name}")),
            _ if unit == NS => return out.print(format_args!("{whole}.{hundredths:02}{name}")),
            _ => return out.print(format_args!("{whole}{name}")),
        }
    }
    out.print(format_args!("{ns}ns"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use bumpalo::Bump;

    #[test]
    fn durations_have_the_unit_that_fits() {
        let bump = Bump::new();
        for (ns, want) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_500, "1.50us"),
            (15_999, "15us"),
            (12_345_678, "12ms"),
            (1_999_999, "1.99ms"),
            (22_039_999_999, "22.03s"),
        ] {
            let mut out = Text::new(&bump);
            duration(ns, &mut out);
            assert_eq!(std::str::from_utf8(out.as_bytes()), Ok(want));
        }
    }

    #[test]
    fn dates_are_right_around_leap_days_and_far_away() {
        let bump = Bump::new();
        let text = |ts| {
            let mut out = Text::new(&bump);
            iso8601(ts, &mut out);
            String::from_utf8(out.finish().to_vec()).unwrap()
        };
        assert_eq!(text(0), "1970-01-01T00:00:00.000000000+0000");
        assert_eq!(text(951_782_400 * NS + 5), "2000-02-29T00:00:00.000000005+0000");
        assert_eq!(text(1_795_461_335_167_327_487), "2026-11-23T19:15:35.167327487+0000");
        assert!(text(u64::MAX).starts_with("2554-07-21T23:34:33.7095"));
    }
}
