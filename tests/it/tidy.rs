//! Order in the sources: codes of diagnostics, sizes of files, and this folder's own snapshots. `layers` holds who may use whom.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Longer than anybody reads in one sitting; tables may be.
const MOST_LINES: usize = 600;
/// Tables.
const TABLES: &[&str] = &[];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for child in std::fs::read_dir(folder).unwrap() {
        let path = child.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Path below `src` and text of every source file.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files
        .iter()
        .map(|path| {
            (path.strip_prefix(&root).unwrap().display().to_string(), std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// Everything that `palisade explain` knows.
fn tables() -> impl Iterator<Item = palisade::cli::reference::Entry> {
    palisade::cli::reference::entries().into_iter()
}

/// `"ALW-06"` and the like: letters, a dash, perhaps a letter, two digits, in quotes.
fn codes(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').skip(1).step_by(2);
    let is_code = |word: &&str| {
        word.split_once('-').is_some_and(|(family, number)| {
            let digits = number.trim_start_matches(|c: char| c.is_ascii_uppercase());
            (2..=5).contains(&family.len())
                && family.bytes().all(|byte| byte.is_ascii_uppercase())
                && number.len() - digits.len() <= 1
                && digits.len() == 2
                && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
    };
    // Escaped quotes shift the pairs: look at both halves.
    let other = text.split('"').step_by(2);
    quoted.chain(other).filter(is_code).map(str::to_owned).collect()
}

#[test]
fn every_code_stands_in_a_table_and_every_table_s_code_is_used() {
    let explained: BTreeSet<String> =
        palisade::cli::reference::entries().iter().map(|entry| entry.code.to_owned()).collect();
    let mut used = BTreeSet::new();
    for (path, text) in sources() {
        // Codes of the query language have a table of their own, which is printed with its findings.
        if path.starts_with("kql") || path.contains("tests") {
            continue;
        }
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        used.extend(codes(code));
    }
    let unexplained: Vec<&String> = used.difference(&explained).collect();
    assert!(unexplained.is_empty(), "`palisade explain` does not know {unexplained:?}");

    // A code of a table is used by its name where a macro makes constants of it, and by its text elsewhere.
    let all = sources();
    for code in palisade::compile::CODES {
        let uses =
            all.iter().map(|(_, text)| text.matches(&format!("\"{}\"", code.code)).count()).sum::<usize>();
        assert!(uses >= 2, "{} is in the table and nowhere else", code.code);
    }
    for (table, path) in [("diagnostic/codes.rs", "codes::"), ("compile/check/codes.rs", "codes::")] {
        let (_, text) = all.iter().find(|(path, _)| path == table).unwrap();
        let constants = text.lines().filter_map(|line| {
            let (name, rest) = line.trim().split_once(" = \"")?;
            let is_name = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            (is_name && rest.contains("\", \"")).then(|| name.to_owned())
        });
        let constants: Vec<String> = constants.collect();
        assert!(constants.len() > 10, "{table}: {constants:?}");
        for name in constants {
            let used = all.iter().any(|(path, text)| path != table && text.contains(&name));
            assert!(used, "{name} of {table} is never reported as {path}{name}");
        }
    }
}

#[test]
fn codes_are_unique_over_all_tables() {
    let mut seen = BTreeSet::new();
    for code in tables().filter(|code| code.lint.is_none()) {
        assert!(seen.insert(code.code), "{} stands in two tables", code.code);
        // A sentence, or the address of its source.
        let last = code.explanation.rsplit(' ').next().unwrap_or_default();
        let ended = last.ends_with('.') || last.starts_with("https://");
        assert!(code.explanation.len() > 40 && ended, "{}: {}", code.code, code.explanation);
    }
}

#[test]
fn no_source_file_is_longer_than_a_sitting() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(path, text)| text.lines().count() > MOST_LINES && !TABLES.contains(&path.as_str()))
        .map(|(path, text)| format!("{path}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_source_file_says_what_it_is_for() {
    for (path, text) in sources().into_iter().filter(|(path, _)| !path.contains("tests")) {
        let doc = text.lines().next().unwrap_or_default();
        assert!(doc.starts_with("//! ") && doc.len() > 8, "{path} begins with `{doc}`");
    }
}

#[test]
fn every_snapshot_is_compared_somewhere() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    rust_files(&project.join("tests/it"), &mut files);
    let tests: String = files.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect();
    for file in std::fs::read_dir(project.join("tests/data/snapshots")).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        // What a failed run left behind ends in `.snap.new`.
        let Some(stem) = name.strip_suffix(".snap") else { continue };
        let compared = stem.starts_with("help_") || tests.contains(&format!("\"{stem}\""));
        assert!(compared, "nothing compares {name}");
    }
}
