//! Any text as an allowlist file: reading it never panics, and every entry that is accepted compiles to one condition that
//! closes all it opens, holds no comment, pipe or semicolon, and nothing that a terminal obeys.
//!
//! `cargo +nightly fuzz run allowlist`

#![no_main]

use libfuzzer_sys::fuzz_target;
use palisade::compile::compiled_entry;
use palisade::diagnostic::Diagnostics;
use palisade::kql::{TokenKind, lex, parse};
use palisade::model::allowlist::{Scope, Test};
use palisade::source::SourceMap;
use palisade::yaml::{decode, read};

fuzz_target!(|text: &str| {
    let file = SourceMap::default().add("list.yaml", text);
    let Ok(node) = read::read(text, file) else { return };
    let mut problems = Diagnostics::default();
    let Some(list) = decode::allowlist::allowlist(&node, "list", Scope::Shared, &mut problems) else { return };
    if problems.has_errors() {
        return;
    }
    for entry in &list.entries {
        let condition = compiled_entry(entry, true);
        let tokens = lex(&condition);
        let mut depth = 0;
        for token in &tokens {
            assert!(token.fault.is_none(), "{condition}");
            depth += i32::from(token.kind.is_open()) - i32::from(token.kind.is_close());
            assert!(depth >= 0, "{condition}");
            assert!(!matches!(token.kind, TokenKind::Comment | TokenKind::Semicolon), "{condition}");
        }
        assert_eq!(depth, 0, "{condition}");
        let reads_watchlist = entry.predicates.iter().any(|one| matches!(one.test, Test::Watchlist { .. }));
        assert!(reads_watchlist || !tokens.iter().any(|token| token.kind == TokenKind::Pipe), "{condition}");
        assert!(!condition.chars().any(char::is_control), "{condition:?}");
        assert!(parse(&format!("T\n| where not({condition}\n  )")).errors.is_empty(), "{condition}");
    }
});
