//! eyas
