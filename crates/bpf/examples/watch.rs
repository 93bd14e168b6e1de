//! Counts the frames of one second: `cargo run -p eyas-bpf --example watch` as root.

use std::time::{Duration, Instant};

fn main() -> Result<(), eyas_bpf::Error> {
    let (mut probe, mut rings) = eyas_bpf::Probe::open(&eyas_bpf::ProbeOptions::default())?;
    let until = Instant::now() + Duration::from_secs(1);
    let mut frames = 0_u64;
    while Instant::now() < until {
        for ring in &mut rings {
            while ring.peek().is_some() {
                frames += 1;
                ring.consume();
            }
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    probe.stop()?;
    println!("{frames} frames, {:?}", probe.drops());
    Ok(())
}
