//! Any bytes: the lexer does not panic, and its tokens put together are the text.
//!
//! `cargo +nightly fuzz run lexer`

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade::kql::{lex, string_value};

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let tokens = lex(&text);
    let mut end = 0;
    for token in &tokens {
        assert_eq!(token.span.start, end, "tokens leave no gap and do not overlap");
        assert!(!token.span.is_empty(), "every token covers something");
        end = token.span.end;
        let _ = string_value(token.text(&text));
    }
    assert_eq!(end as usize, text.len(), "the tokens reach the end");
});
