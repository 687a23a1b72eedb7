//! What is fuzzed, each target as a function of any bytes that panics if
//! something does not hold.
//!
//! libFuzzer runs them through `fuzz_targets/`, and `drive` on stable Rust.

#![forbid(unsafe_code)]

pub mod blocks;
pub mod config;
pub mod date;
pub mod feed;
pub mod ini;
pub mod jail;
pub mod samples;
mod shown;
pub mod translator;
mod tree;
pub mod values;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("ini", ini::run),
    ("config", config::run),
    ("translator", translator::run),
    ("date", date::run),
    ("feed", feed::run),
    ("blocks", blocks::run),
    ("samples", samples::run),
    ("values", values::run),
    ("jail", jail::run),
];
