//! The part of the capture that is embedded in a page.

use std::path::Path;

use anyhow::{Context, Result};
use eyas::scap::{Advance, EventSource, Reader, Snapshot, Writer};
use eyas::sinsp::{EventView, Inspector};
use eyas_console::ShowPath;

use crate::slice::{FirstPass, Places};

/// An item while reading the capture.
enum Item<'a, 'e> {
    Snapshot(&'a Snapshot),
    /// An event, and whether it is shown.
    Event(&'a EventView<'e>, bool),
}

/// Creates a compressed capture of the selected events and the state that they need.
///
/// # Errors
/// The capture cannot be opened, or a part does not fit the format. A truncated capture is no error:
/// everything up to its end is written.
pub fn embed(
    path: &Path,
    inspector: &dyn Fn() -> Inspector,
    wanted: &dyn Fn(&EventView<'_>) -> bool,
) -> Result<Vec<u8>> {
    let mut first_pass = FirstPass::default();
    each(path, inspector(), |item| {
        match item {
            Item::Event(event, true) if wanted(event) => first_pass.keep(event),
            Item::Event(event, _) => first_pass.pass(event),
            Item::Snapshot(_) => {}
        }
        Ok(())
    })?;
    let mut slice = first_pass.plan();
    let mut places = Places::default();
    let mut outcome = Ok(());
    let bytes = Writer::compress(|writer| {
        outcome = each(path, inspector(), |item| {
            match item {
                Item::Snapshot(snapshot) => {
                    let mut kept = snapshot.clone();
                    slice.reduce(&mut kept);
                    writer.snapshot(&kept)?;
                }
                Item::Event(event, true) if wanted(event) => {
                    let mut raw = event.event();
                    raw.place = places.place(event);
                    slice.keep(event);
                    writer.event(&raw)?;
                }
                Item::Event(event, shown) if slice.needs(event) => {
                    let mut raw = event.event();
                    raw.state_only |= shown;
                    places.pass(event.event().ts);
                    writer.event(&raw)?;
                }
                Item::Event(..) => {}
            }
            Ok(())
        });
        Ok(())
    });
    outcome?;
    bytes.context("the part of the capture that the page has")
}

fn each(
    path: &Path,
    mut inspector: Inspector,
    mut take: impl FnMut(Item<'_, '_>) -> Result<()>,
) -> Result<()> {
    let mut source = Reader::open(path).with_context(|| format!("can't open {}", path.shown()))?;
    loop {
        match source.advance() {
            Ok(Advance::Snapshot(snapshot)) => {
                take(Item::Snapshot(&snapshot))?;
                inspector.load(*snapshot);
            }
            Ok(Advance::Event) => {
                let Some(event) = source.current() else { continue };
                let hidden = inspector.is_hidden(&event);
                take(Item::Event(&inspector.process(event), !hidden))?;
            }
            Ok(Advance::Idle) => {}
            // The page reports that the file is truncated.
            Ok(Advance::End) | Err(_) => return Ok(()),
        }
    }
}
