#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod detector;
#[cfg(feature = "async")]
mod stream;

pub use detector::{Detection, Detector, Error, load_rules, load_rules_of, load_rules_with};
pub use eyas_audit as audit;
pub use eyas_events as events;
pub use eyas_fields as fields;
pub use eyas_rules as rules;
pub use eyas_scap as scap;
pub use eyas_sinsp as sinsp;
pub use eyas_yaml as yaml;
#[cfg(feature = "async")]
pub use stream::DetectionStream;

#[cfg(doctest)]
#[doc = include_str!("../docs/native-plugins.md")]
struct NativePlugins;

#[cfg(all(doctest, feature = "live"))]
#[doc = include_str!("../docs/embedding.md")]
struct EmbeddingGuide;
