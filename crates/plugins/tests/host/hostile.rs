//! Plugins that lie.

use eyas_sinsp::plugin::{Batch, Instance};
use eyas_testing::test;

use crate::build::started;

/// What comes of a batch: the error, and how many events.
fn batch(instance: &mut dyn Instance, params: &str) -> (Option<String>, usize) {
    let mut batch = Batch::default();
    let mut stream = instance.sourcing().unwrap().open(params).unwrap();
    let error = stream.next_batch(&mut batch).err().map(|error| error.to_string());
    (error, batch.len())
}

#[test]
fn malformed_events_are_refused_without_reading_beyond_them() {
    let (_library, mut instance) = started(&["SOURCING"]);
    let malformed = "malformed plugin event produced by plugin: 'probe'";
    for params in [
        "null event",
        "short len",
        "wild len",
        "long len",
        "wild param",
        "wild nparams",
        "one param",
        "no such type",
        "other type",
    ] {
        assert_eq!(batch(&mut *instance, params), (Some(malformed.into()), 0), "{params}");
    }
    let other = "unexpected plugin ID in plugin event: plugin='probe', expected_id=7, actual_id=8";
    assert_eq!(batch(&mut *instance, "other id"), (Some(other.into()), 0));
}

#[test]
fn malformed_batches_are_refused() {
    let (_library, mut instance) = started(&["SOURCING"]);
    let empty = "unexpected 0 size event returned by plugin probe";
    for params in ["none", "no array", "wild number", "crooked array"] {
        assert_eq!(batch(&mut *instance, params), (Some(empty.into()), 0), "{params}");
    }
}

#[test]
fn an_unset_event_count_is_not_that_of_the_last_batch() {
    let (_library, mut instance) = started(&["SOURCING"]);
    let mut stream = instance.sourcing().unwrap().open("two").unwrap();
    let mut batch = Batch::default();
    stream.next_batch(&mut batch).unwrap();
    assert_eq!(batch.len(), 2);
    stream.next_batch(&mut batch).unwrap();
    assert_eq!(batch.len(), 2, "nothing was added");
}

#[test]
fn malformed_metrics_are_skipped() {
    for flood in ["METRIC_FLOOD", "METRIC_NULL"] {
        let (_library, mut instance) = started(&["PARSING", flood]);
        assert_eq!(instance.metrics(), []);
    }
    let (_library, mut instance) = started(&["PARSING", "METRIC_NAMELESS"]);
    let metrics = instance.metrics();
    assert!(metrics.iter().all(|metric| metric.name == "named"), "{metrics:?}");
}
