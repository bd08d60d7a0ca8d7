//! The cases of `tests/data/decode/<format>-<name>/`: what each file's mistakes look like to its author.
//!
//! A new case is a new folder with `input.yaml` and `expected.txt`, no code. An empty `expected.txt` says that the file is
//! good. With `UPDATE_EXPECTED=1` the files are written anew: read the difference before committing it.

use std::path::PathBuf;

use super::{allowlist, environment, project, rule, schema};
use crate::diagnostic::Diagnostics;
use crate::model::allowlist::Scope;
use crate::render;
use crate::source::SourceMap;
use crate::yaml::read::read;

fn rendered(format: &str, text: &str) -> String {
    let mut sources = SourceMap::default();
    let file = sources.add("input.yaml", text);
    let mut out = Diagnostics::default();
    match read(text, file) {
        Err(problems) => out.extend(problems),
        Ok(document) => match format {
            "rule" => {
                let (decoded, problems) = rule::decode_rule(&document, None, None);
                assert!(decoded.is_some() || problems.has_errors(), "nothing decoded and nothing said");
                out.extend(problems);
            }
            "environment" => drop(environment::environment(&document, "prod", &mut out)),
            "allowlist" => drop(allowlist::allowlist(&document, "list", Scope::Shared, &mut out)),
            "project" => drop(project::project(&document, &mut out)),
            "schema" => drop(schema::schema(&document, "prod", &mut out)),
            other => panic!("no format {other}"),
        },
    }
    out.settle(&sources);
    render::diagnostics::text(&out, &sources, false, 100)
}

#[test]
fn every_case_reads_as_expected() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/decode");
    let mut failures = Vec::new();
    let mut cases: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() > 20, "{} cases", cases.len());
    for case in cases {
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(case.join("input.yaml")).unwrap();
        let got = rendered(name.split('-').next().unwrap(), &text);
        let expected = case.join("expected.txt");
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            std::fs::write(&expected, &got).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != got {
            failures.push(format!("== {name}\n{got}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
