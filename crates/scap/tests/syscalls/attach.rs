//! How the tests attach the probe.

use eyas_scap::live::Attach;

/// The way that `EYAS_ATTACH` names, otherwise the usual one.
pub fn attach() -> Attach {
    match std::env::var("EYAS_ATTACH").as_deref() {
        Ok("btf") => Attach::Btf,
        Ok("perf") => Attach::Perf,
        _ => Attach::Auto,
    }
}
