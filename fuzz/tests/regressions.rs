//! Bytes that once were findings, or that show what is hostile, and a round of small changes to each.

use std::path::Path;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 10] = [
    ("reader", eyas_fuzz::reader),
    ("gunzip", eyas_fuzz::gunzip),
    ("frame", eyas_fuzz::frame),
    ("converter", eyas_fuzz::converter),
    ("inspector", eyas_fuzz::inspector),
    ("condition", eyas_fuzz::condition),
    ("rules", eyas_fuzz::rules),
    ("dns", eyas_fuzz::dns),
    ("audit", eyas_fuzz::audit),
    ("yaml", eyas_fuzz::yaml),
];

#[test]
fn no_input_of_the_corpus_causes_a_panic() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    eyas_testing::on_all_cpus(TARGETS, |(name, target)| {
        let mut count = 0;
        for file in std::fs::read_dir(corpus.join(name)).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            target(&bytes);
            count += 1;
            // Cut, and with one byte changed, at a few places.
            for step in 1..16 {
                let at = bytes.len() * step / 16;
                target(&bytes[..at]);
                let mut changed = bytes.clone();
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1 << (step % 8);
                    target(&changed);
                }
            }
        }
        assert!(count > 0, "no corpus for {name}");
    });
}
