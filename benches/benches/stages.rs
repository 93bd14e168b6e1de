//! Decoding and state separately, for whole captures in memory.

use std::hint::black_box;
use std::io::{Cursor, Read};
use std::sync::Arc;

use criterion::{Criterion, Throughput};
use eyas::scap::{Advance, EventSource, Reader};
use eyas::sinsp::{Inspector, Step};
use eyas_benches::{Preloaded, short_capture};

pub fn run(c: &mut Criterion) {
    let path = short_capture();
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&path).expect("the capture was there");
    flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).expect("a whole file");
    let bytes: Arc<[u8]> = bytes.into();
    let capture = Preloaded::read(&path);
    let mut group = c.benchmark_group("stages");
    group.throughput(Throughput::Elements(capture.events().len() as u64)).sample_size(20);
    group.bench_function("decode", |b| b.iter(|| decode(&bytes)));
    group.bench_function("state", |b| {
        b.iter(|| {
            let (mut source, mut inspector) = (capture.play(), Inspector::default());
            while let Step::Event(view) = inspector.next(&mut source).expect("memory has no errors") {
                black_box(&view);
            }
        });
    });
    group.finish();
}

fn decode(bytes: &Arc<[u8]>) {
    let mut reader = Reader::from_reader(Cursor::new(bytes.clone())).expect("memory has no errors");
    while !matches!(reader.advance().expect("it was read before"), Advance::End) {
        black_box(reader.current());
    }
}
