//! Our KQL parser against Microsoft's own, run here and now: the same texts, the same accept or reject.
//!
//! Needs node, `npm ci` in `tests/oracle`, and the shared corpus; says what is missing and passes without them. The
//! recorded verdicts of the whole corpus are compared by `cargo run --release --example agreement`; this test is
//! there so that a change of the grammar meets the real parser, with texts whose verdict nobody wrote down.

#![allow(clippy::expect_used, clippy::print_stdout)] // helpers of a test: failing loudly is their way

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use palisade::kql::parse;
use serde_json::{Value, json};

/// Every how many-th query of the corpus is used; the official parser takes a few milliseconds for each.
const STEP: usize = 40;

#[test]
fn accepts_and_rejects_what_the_official_parser_does() {
    let oracle = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle");
    let corpus = corpus_dir().join("queries.jsonl");
    if !oracle.join("node_modules").exists() {
        println!("skipped: run `npm ci` in {}", oracle.display());
        return;
    }
    let Ok(corpus) = std::fs::read_to_string(&corpus) else {
        println!("skipped: no corpus at {}", corpus.display());
        return;
    };
    let queries: Vec<String> = corpus.lines().step_by(STEP).map(query).collect();
    let texts: Vec<String> = queries.iter().flat_map(|query| variants(query)).collect();
    let Some(verdicts) = ask(&oracle, &texts) else {
        println!("skipped: node is not installed");
        return;
    };
    assert_eq!(verdicts.len(), texts.len(), "one verdict for each text");
    let different: Vec<&String> = texts
        .iter()
        .zip(&verdicts)
        .filter(|(text, verdict)| verdict["syntax_ok"].as_bool() != Some(parse(text).errors.is_empty()))
        .filter(|(_, verdict)| verdict["crash"].is_null())
        // A command such as `.show tables` is none of ours: we reject it on purpose.
        .filter(|(text, _)| !text.trim_start().starts_with('.'))
        .map(|(text, _)| text)
        .collect();
    assert!(different.is_empty(), "{} of {} differ, such as: {}", different.len(), texts.len(), different[0]);
}

/// The query, and the query broken in ways that do not depend on our parser: a word left out, doubled or moved.
fn variants(query: &str) -> Vec<String> {
    let words: Vec<&str> = query.split_inclusive([' ', '\n', '(', ')', ',']).collect();
    let pick = |part: usize| words.len() * part / 7;
    let mut without = words.clone();
    without.remove(pick(2));
    let mut doubled = words.clone();
    doubled.insert(pick(3), words[pick(3)]);
    let mut moved = words.clone();
    moved.swap(pick(4), pick(5));
    let cut = &words[..pick(6)];
    vec![query.to_owned(), without.concat(), doubled.concat(), moved.concat(), cut.concat()]
}

/// The official parser's verdicts; `None` if node cannot be started.
fn ask(oracle: &Path, texts: &[String]) -> Option<Vec<Value>> {
    let mut node = Command::new("node")
        .arg("oracle.mjs")
        .current_dir(oracle)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let input: String =
        texts.iter().map(|text| format!("{}\n", json!({ "id": "", "query": text }))).collect();
    // The script reads everything before it writes, so this cannot block.
    node.stdin.take()?.write_all(input.as_bytes()).expect("the oracle reads its input");
    let output = node.wait_with_output().expect("the oracle ends");
    assert!(output.status.success(), "the oracle failed");
    let lines = String::from_utf8(output.stdout).expect("the oracle writes UTF-8");
    Some(lines.lines().map(|line| serde_json::from_str(line).expect("a verdict is JSON")).collect())
}

fn query(line: &str) -> String {
    let line: Value = serde_json::from_str(line).expect("the corpus is JSON lines");
    line["query"].as_str().expect("a corpus line has a query").to_owned()
}

fn corpus_dir() -> PathBuf {
    std::env::var_os("PALISADE_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
}
