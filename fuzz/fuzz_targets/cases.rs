//! Any text as a file of cases, and as events in JSON and CSV: reading it never panics, and a second reading finds the same.
//!
//! `cargo +nightly fuzz run cases`

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade::diagnostic::Diagnostics;
use palisade::fixture::{redact, shapes};
use palisade::source::SourceMap;
use palisade::yaml::{csv, decode, json, read};

fuzz_target!(|text: &str| {
    let file = SourceMap::default().add("e", text);
    if let Ok(node) = read::read(text, file) {
        let (mut first, mut second) = (Diagnostics::default(), Diagnostics::default());
        let cases = decode::case::of_file(&node, &mut first);
        assert_eq!(cases.len(), decode::case::of_file(&node, &mut second).len());
        assert_eq!(first, second);
    }
    let _ = json::read(text, 0, text.len(), file);
    let _ = csv::read(text, file, 1_000);
    if let Ok(mut rows) = shapes::rows(text) {
        redact::redact(&mut rows);
    }
});
