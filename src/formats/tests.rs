//! The schemas against the decoder, which decides, and against the page, which describes.

use std::collections::BTreeSet;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::{Format, PAGE, prose, schema};
use crate::diagnostic::{Diagnostics, codes};
use crate::model::allowlist::Scope;
use crate::source::SourceMap;
use crate::yaml::decode::{allowlist, case, environment, project, rule, watchlist};
use crate::yaml::read::read;

/// Everything that the decoder says about a text.
fn decoded(format: Format, text: &str) -> Diagnostics {
    let mut sources = SourceMap::default();
    let mut out = Diagnostics::default();
    match read(text, sources.add("input.yaml", text)) {
        Err(problems) => out.extend(problems),
        Ok(document) => match format {
            Format::Project => drop(project::project(&document, &mut out)),
            Format::Rule => {
                out.extend(rule::decode_rule(&document, None, None).1);
                let tests = match &document.kind {
                    crate::yaml::NodeKind::Map(entries) => {
                        entries.iter().find(|(key, _)| key.name == "tests")
                    }
                    _ => None,
                };
                tests.map(|(_, tests)| case::of_rule(tests, &mut out));
            }
            Format::Environment => drop(environment::environment(&document, "prod", &mut out)),
            Format::Allowlist => drop(allowlist::allowlist(&document, "list", Scope::Shared, &mut out)),
            Format::Watchlist => drop(watchlist::watchlist(&document, "list", Scope::Shared, &mut out)),
            Format::Cases => drop(case::of_file(&document, &mut out)),
        },
    }
    out
}

fn validator(format: Format) -> Validator {
    jsonschema::draft7::new(&schema(format)).unwrap()
}

/// A value that has every key that a schema knows; `branch` chooses among alternatives.
fn filled(schema: &Value, branch: usize) -> Value {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words[branch % words.len()].clone();
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        let all: Map<String, Value> =
            properties.iter().map(|(key, value)| (key.clone(), filled(value, branch))).collect();
        return Value::Object(all);
    }
    if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
        return filled(&branches[branch % branches.len()], branch);
    }
    if let Some(example) = schema.pointer("/examples/0") {
        return example.clone();
    }
    let ty = schema.get("type").map(|ty| ty.get(0).unwrap_or(ty));
    match ty.and_then(Value::as_str) {
        Some("string") => json!("word"),
        Some("boolean") => json!(true),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("array") => json!([filled(&schema["items"], branch)]),
        Some("null") => Value::Null,
        Some("object") => match schema.get("additionalProperties") {
            Some(value) if value.is_object() => {
                let key = schema
                    .pointer("/propertyNames/examples/0")
                    .or_else(|| schema.pointer("/propertyNames/enum/0"));
                json!({ key.and_then(Value::as_str).unwrap_or("name"): filled(value, branch) })
            }
            _ => json!({"Column": "value"}),
        },
        other => panic!("no value for {other:?}: {schema}"),
    }
}

#[test]
fn the_decoder_knows_every_key_and_every_form_that_a_schema_offers() {
    for (word, format, _) in Format::ALL {
        for branch in 0..2 {
            let text = filled(&schema(format), branch).to_string();
            let out = decoded(format, &text);
            for finding in out.iter() {
                // A document with every key contradicts itself; it must not say anything that the decoder cannot read.
                assert!(
                    ![codes::UNKNOWN_KEY, codes::WRONG_TYPE].contains(&finding.code),
                    "{word}: {finding:?}\n{text}"
                );
            }
        }
    }
}

/// Every property of a schema by its path, without what stands below lists and mappings of the author's.
fn keys(schema: &Value) -> BTreeSet<String> {
    let properties = schema["properties"].as_object();
    properties.into_iter().flatten().map(|(key, _)| key.clone()).collect()
}

#[test]
fn schemas_have_exactly_the_decoders_keys() {
    let same = |found: BTreeSet<String>, known: &[&str], what: &str| {
        assert_eq!(found, known.iter().map(|key| (*key).to_owned()).collect(), "{what}");
    };
    let rule = schema(Format::Rule);
    same(keys(&rule), rule::KEYS, "rule");
    same(keys(&rule["properties"]["defender"]), crate::yaml::decode::defender::KEYS, "defender");
    same(keys(&rule["properties"]["sentinel"]), &crate::yaml::decode::sentinel::keys(), "sentinel");
    same(keys(&schema(Format::Environment)), environment::KEYS, "environment");
    let allowlist = schema(Format::Allowlist);
    same(keys(&allowlist), allowlist::KEYS, "allowlist");
    same(keys(&allowlist["properties"]["entries"]["items"]), allowlist::ENTRY_KEYS, "entry");
    same(keys(&schema(Format::Watchlist)), watchlist::KEYS, "watchlist");
    let cases = schema(Format::Cases);
    same(keys(&cases["anyOf"][0]), case::SUITE_KEYS, "cases");
    same(keys(&cases["anyOf"][1]["items"]), case::CASE_KEYS, "case");
}

/// The paths that a schema describes, as the page names them.
fn described(schema: &Value, found: &mut BTreeSet<String>, texts: &mut Vec<String>) {
    match schema {
        Value::Object(members) => {
            if let (Some(Value::String(text)), true) = (members.get("description"), members.len() > 1) {
                texts.push(text.clone());
            }
            for (key, value) in members {
                if key == "properties" {
                    found.extend(value.as_object().into_iter().flatten().map(|(key, _)| key.clone()));
                }
                described(value, found, texts);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| described(item, found, texts)),
        _ => {}
    }
}

#[test]
fn the_page_describes_every_key_and_only_keys_that_exist() {
    let sections: [(Format, &[&str], &str); 8] = [
        (Format::Project, &["Project"], ""),
        (Format::Rule, &["Rule"], ""),
        (Format::Rule, &["Defender"], "/properties/defender"),
        (Format::Rule, &["Sentinel"], "/properties/sentinel"),
        (Format::Environment, &["Environment"], ""),
        (Format::Allowlist, &["Allowlist"], ""),
        (Format::Watchlist, &["Watchlist"], ""),
        (Format::Cases, &["Cases"], "/anyOf/0/properties/cases/items"),
    ];
    for (format, headings, at) in sections {
        let schema = schema(format);
        let part = schema.pointer(at).unwrap();
        let (mut names, mut texts) = (BTreeSet::new(), Vec::new());
        described(part, &mut names, &mut texts);
        let rows = prose::of(PAGE, headings[0]);
        assert!(!rows.is_empty(), "{headings:?}");
        for path in rows.keys() {
            let last = path.rsplit('.').next().unwrap();
            assert!(names.contains(last), "docs/formats.md, {headings:?}: nothing has the key `{path}`");
        }
        for key in keys(part) {
            let known = rows.keys().any(|path| path.split(['.', '[']).next() == Some(key.as_str()));
            assert!(known, "docs/formats.md, {headings:?}: `{key}` is not described");
        }
        assert!(!texts.is_empty(), "{headings:?}: no description reached the schema");
    }
    let reason = &schema(Format::Allowlist)["properties"]["entries"]["items"]["properties"]["reason"];
    assert_eq!(reason["description"], "why the noise is known and harmless");
    let ttl = &schema(Format::Project)["properties"]["allowlist"]["properties"]["max_ttl"]["description"];
    assert_eq!(ttl, "furthest that an entry's `expires` may lie ahead (`ALW-01`). Default: `P365D`.");
}

/// A file as a schema sees it: words are words (YAML 1.2), dates are texts.
fn as_json(text: &str) -> Option<Value> {
    let mut sources = SourceMap::default();
    read(text, sources.add("input.yaml", text)).ok().map(|node| node.to_json())
}

#[test]
fn every_file_of_this_repository_fits() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut seen = 0;
    let mut folders: Vec<_> = ["rules", "environments", "tests"].map(|name| root.join(name)).into();
    let mut check = |path: &std::path::Path, format: Format| {
        let value = as_json(&std::fs::read_to_string(path).unwrap()).unwrap();
        let errors: Vec<String> = validator(format)
            .iter_errors(&value)
            .map(|error| format!("{} at {}", error, error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        seen += 1;
    };
    check(&root.join("palisade.yaml"), Format::Project);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let below = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
            let format = match &*below {
                _ if path.is_dir() && !below.starts_with("tests/") => {
                    folders.push(path);
                    continue;
                }
                below if !below.ends_with(".yaml") => continue,
                below if below.starts_with("rules/") => Format::Rule,
                below if below.contains("/allowlists/") => Format::Allowlist,
                below if below.contains("/watchlists/") => Format::Watchlist,
                below if below.ends_with("/environment.yaml") => Format::Environment,
                _ => Format::Cases,
            };
            check(&path, format);
        }
    }
    assert!(seen > 15, "{seen} files");
}

#[test]
fn the_decoders_cases_are_judged_alike() {
    // Mistakes that a schema can see: a key, a type, a value that is missing. Forms are only partly its business.
    let visible =
        [codes::UNKNOWN_KEY, codes::MISSING_KEY, codes::WRONG_TYPE, codes::EMPTY_VALUE, codes::MISPLACED_KEY];
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/decode");
    let (mut good, mut bad) = (0, 0);
    for folder in std::fs::read_dir(root).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let Some((word, _)) = name.split_once('-') else { continue };
        let Some((_, format, _)) = Format::ALL.into_iter().find(|(known, ..)| *known == word) else {
            continue;
        };
        let text = std::fs::read_to_string(folder.join("input.yaml")).unwrap();
        let Some(value) = as_json(&text) else { continue };
        let out = decoded(format, &text);
        let problems: Vec<String> = validator(format)
            .iter_errors(&value)
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        let fits = problems.is_empty();
        if !out.has_errors() {
            assert!(fits, "{name} is good, and its schema refuses it: {problems:#?}");
            good += 1;
        } else if out.iter().any(|finding| visible.contains(&finding.code)) {
            assert!(!fits, "{name} has a mistake that its schema does not see");
            bad += 1;
        }
    }
    assert!(good >= 5 && bad >= 8, "{good} good, {bad} bad");
}
