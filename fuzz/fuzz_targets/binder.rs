//! Any bytes: binding never panics, and every place it reports is in the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade::kql::bind::bind;
use palisade::kql::parse;
use palisade::kql::schema::{Platform, Schema};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let schema = Schema::built_in(Platform::Unified);
    let bound = bind(&parse(&text), &text, &schema);
    for diagnostic in &bound.diagnostics {
        assert!(text.get(diagnostic.span.start as usize..diagnostic.span.end as usize).is_some());
    }
    let _ = bound.row_schema_at(&schema, u32::try_from(text.len()).unwrap_or(0));
});
