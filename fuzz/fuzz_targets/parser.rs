//! Any bytes: the parser does not panic, errors lie inside the text, and the tree can be shown.
//!
//! `cargo +nightly fuzz run parser`

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade::kql::{Span, dump::dump, parse};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let parsed = parse(&text);
    let whole = Span::new(0, u32::try_from(text.len()).unwrap_or(u32::MAX));
    assert!(whole.covers(parsed.query.span));
    for error in &parsed.errors {
        assert!(whole.covers(error.span), "{error:?}");
        assert!(text.get(error.span.range()).is_some(), "{error:?} is not on character boundaries");
    }
    let _ = dump(&parsed.query, &text);
});
