//! Writing events to a file.

use std::io::ErrorKind;

use eyas::scap::{Error, Frames, Loss, RawEvent, Suspects, Writer};

/// Number of written events.
#[derive(Default)]
pub struct Written {
    pub written: u64,
    /// Number of events that were not written because they are too long for the format.
    pub too_long: u64,
}

/// Whether a capture has reached its limit, in bytes; 0 means no limit.
pub fn is_full(writer: &Writer, limit: u64) -> bool {
    limit > 0 && writer.written() >= limit
}

/// Writes events until the capture has `limit` bytes; 0 means no limit.
///
/// # Errors
/// Writing fails.
pub fn write(frames: &Frames, writer: &mut Writer, limit: u64) -> Result<Written, Error> {
    let mut done = Written::default();
    let mut losses = frames.losses().iter().peekable();
    for (number, event) in frames.iter().enumerate() {
        while let Some((_, loss)) = losses.next_if(|(before, _)| *before <= number) {
            writer.losses(&[*loss]);
        }
        match writer.event(&event) {
            Ok(()) => done.written += 1,
            Err(Error::Write(error)) if error.kind() == ErrorKind::InvalidInput => {
                writer.losses(&[loss(&event)]);
                done.too_long += 1;
            }
            Err(error) => return Err(error),
        }
        if is_full(writer, limit) {
            return Ok(done);
        }
    }
    losses.for_each(|(_, loss)| writer.losses(&[*loss]));
    Ok(done)
}

/// The losses in these frames, and its events as losses, because they were not written: at most one loss for
/// each CPU.
pub fn losses(frames: &Frames) -> Vec<Loss> {
    let mut all: Vec<Loss> = Vec::new();
    let known = frames.losses().iter().map(|(_, loss)| *loss);
    for loss in known.chain(frames.iter().map(|event| loss(&event))) {
        match all.iter_mut().find(|of_cpu| of_cpu.cpu == loss.cpu) {
            Some(of_cpu) => of_cpu.merge(&loss),
            None => all.push(loss),
        }
    }
    all
}

/// An event that was not written. Its thread group is unknown here.
fn loss(event: &RawEvent<'_>) -> Loss {
    let mut of = Suspects::NONE;
    of.note(event.ty, event.tid);
    Loss { cpu: event.cpu, since: event.ts, until: event.ts, events: 1, of: of.of_anybody() }
}

#[cfg(test)]
mod tests {
    use eyas::events::EventType;
    use eyas::scap::EventBuilder;

    use super::*;

    #[test]
    fn events_that_were_not_written_are_losses() {
        let mut frames = Frames::default();
        let event = |ts, cpu| EventBuilder::new(EventType::SYSCALL_CLOSE_X).ts(ts).tid(7).cpu(cpu).build();
        frames.push_losses(&[Loss::unknown(1, 2, 3, 10)]);
        for (ts, cpu) in [(4, 0), (5, 1), (6, 0)] {
            frames.push(&event(ts, cpu).as_raw());
        }
        let losses = losses(&frames);
        let spans: Vec<_> =
            losses.iter().map(|loss| (loss.cpu, loss.since, loss.until, loss.events)).collect();
        assert_eq!(spans, [(1, 2, 5, 11), (0, 4, 6, 2)]);
        let of = losses[1].of;
        assert!(of.may_be(EventType::SYSCALL_CLOSE_X) && !of.may_be(EventType::SYSCALL_WRITE_X));
        assert!(of.may_be_of(7) && of.may_be_of(8), "its thread group is unknown");
    }
}
