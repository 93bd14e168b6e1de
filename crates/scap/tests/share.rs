//! Shared readers of one stream get the same events as a single reader.

use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::thread;

use eyas_scap::{Error, EventSource, Next, Reader};

/// Time, thread and type of each event, and what ended the capture before its end.
type Seen = (Vec<(u64, i64, u16)>, Option<Error>);

fn events(mut reader: Reader) -> Seen {
    let mut seen = Vec::new();
    loop {
        match reader.next() {
            Ok(Next::Event(event)) => seen.push((event.ts, event.tid, event.ty.0)),
            Ok(Next::End) => return (seen, None),
            Ok(Next::Snapshot(_) | Next::Idle) => {}
            Err(error) => return (seen, Some(error)),
        }
    }
}

fn sample() -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../demo/demo.scap.gz");
    std::fs::read(path).unwrap()
}

fn shared(bytes: &[u8], count: usize) -> Vec<Seen> {
    let readers = Reader::share(Cursor::new(bytes.to_vec()), count).unwrap();
    let threads: Vec<_> = readers.into_iter().map(|reader| thread::spawn(|| events(reader))).collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

#[test]
fn every_reader_gets_the_whole_stream() {
    let bytes = sample();
    let (alone, _) = events(Reader::from_reader(Cursor::new(bytes.clone())).unwrap());
    assert!(alone.len() > 100);
    for (seen, error) in shared(&bytes, 3) {
        assert!(seen == alone && error.is_none());
    }
}

#[test]
fn every_reader_gets_plain_data_after_compressed_data() {
    let compressed = sample();
    let mut plain = Vec::new();
    flate2::read::MultiGzDecoder::new(&compressed[..]).read_to_end(&mut plain).unwrap();
    let (once, _) = events(Reader::from_reader(Cursor::new(compressed.clone())).unwrap());
    for parts in [[&plain, &compressed, &plain], [&compressed, &plain, &compressed]] {
        for (seen, error) in shared(&parts.map(|part| &part[..]).concat(), 2) {
            assert!(error.is_none() && seen == once.repeat(3), "{} events, {error:?}", seen.len());
        }
    }
}

#[test]
fn every_reader_gets_the_error_at_a_cut() {
    let bytes = sample();
    let cut = &bytes[..bytes.len() / 2];
    let (alone, error) = events(Reader::from_reader(Cursor::new(cut.to_vec())).unwrap());
    let text = error.unwrap().to_string();
    for (seen, error) in shared(cut, 2) {
        assert_eq!(seen, alone);
        assert_eq!(error.unwrap().to_string(), text);
    }
}

#[test]
fn a_dropped_reader_does_not_block_the_others() {
    let bytes = sample();
    let mut readers = Reader::share(Cursor::new(bytes), 2).unwrap();
    drop(readers.pop());
    let (seen, error) = events(readers.pop().unwrap());
    assert!(!seen.is_empty() && error.is_none());
}
