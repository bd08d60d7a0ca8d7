//! Findings as SARIF 2.1.0, which code hosts show beside the lines of a pull request.
//!
//! A result keeps its fingerprint when lines are moved, so that a code host knows it again. What somebody decided to live
//! with is there too, suppressed, with the reason. A `fix` is offered only where one word is exchanged for another.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::diagnostic::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Suppressed, Suppression};
use crate::resource::hex;
use crate::source::{SourceMap, Span};

use super::diagnostics::without_secrets;
use super::safe;

/// One run. `codes` explains the rules; a finding whose code is not among them is reported all the same.
#[must_use]
pub fn sarif(findings: &Diagnostics, sources: &SourceMap, codes: &[Code]) -> Value {
    let findings = without_secrets(findings, sources);
    let mut used: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    used.extend(findings.suppressed().iter().map(|one| one.finding.code));
    used.sort_unstable();
    used.dedup();
    let rules: Vec<Value> = used
        .iter()
        .map(|used| match codes.iter().find(|code| code.code == *used) {
            Some(code) => json!({
                "id": code.code,
                "shortDescription": {"text": code.title},
                "fullDescription": {"text": code.explanation},
                "help": {
                    "text": format!("{}\n\npalisade explain {}", code.explanation, code.code),
                    "markdown": format!("{}\n\n`palisade explain {}`", code.explanation, code.code),
                },
            }),
            None => json!({ "id": used }),
        })
        .collect();
    let mut writer = Writer { sources, rules: &used, seen: BTreeMap::new() };
    let mut results: Vec<Value> = findings.iter().map(|finding| writer.result(finding)).collect();
    results.extend(findings.suppressed().iter().map(|one| writer.suppressed(one)));
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "palisade",
                "version": env!("CARGO_PKG_VERSION"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

struct Writer<'a> {
    sources: &'a SourceMap,
    /// Codes of the run's rules, in their order.
    rules: &'a [&'a str],
    /// How often a fingerprint occurred already.
    seen: BTreeMap<String, usize>,
}

impl Writer<'_> {
    fn suppressed(&mut self, one: &Suppressed) -> Value {
        let mut result = self.result(&one.finding);
        if let Some(members) = result.as_object_mut() {
            let kind = match one.by {
                Suppression::InSource => "inSource",
                Suppression::External => "external",
            };
            let suppression =
                json!({"kind": kind, "status": "accepted", "justification": safe::line(&one.reason)});
            members.insert("suppressions".into(), json!([suppression]));
        }
        result
    }

    fn result(&mut self, finding: &Diagnostic) -> Value {
        let parts =
            [Some(&finding.summary), finding.label.as_ref(), finding.detail.as_ref(), finding.help.as_ref()];
        let parts = parts.into_iter().flatten().map(|part| safe::line(part.trim_end_matches('.')));
        let text: Vec<String> = parts.collect();
        let mut members = Map::new();
        members.insert("ruleId".into(), json!(finding.code));
        if let Some(index) = self.rules.iter().position(|code| *code == finding.code) {
            members.insert("ruleIndex".into(), json!(index));
        }
        let level = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        };
        members.insert("level".into(), json!(level));
        members.insert("message".into(), json!({"text": text.join(". ")}));
        // Code hosts refuse a whole file for one result without a place.
        let place = finding.span.map_or_else(nowhere, |span| location(span, self.sources, None));
        members.insert("locations".into(), json!([place]));
        let related = finding.related.iter().map(|(span, text)| location(*span, self.sources, Some(text)));
        let related: Vec<Value> = related.collect();
        if !related.is_empty() {
            members.insert("relatedLocations".into(), Value::Array(related));
        }
        members.insert("partialFingerprints".into(), self.fingerprints(finding));
        if let Some(fix) = fix(finding, self.sources) {
            members.insert("fixes".into(), json!([fix]));
        }
        if !finding.environments.is_empty() {
            let names: Vec<String> = finding.environments.iter().map(|name| safe::line(name)).collect();
            members.insert("properties".into(), json!({"environments": names}));
        }
        Value::Object(members)
    }

    /// Of what a finding says and in which file, not of its line. Equal ones are told apart by counting, as GitHub does.
    fn fingerprints(&mut self, finding: &Diagnostic) -> Value {
        let path = finding.span.map_or("", |span| self.sources.path(span.file));
        let mut hash = Sha256::new();
        let parts = [Some(finding.code), Some(path), Some(&finding.summary), finding.label.as_deref()];
        for part in parts.into_iter().chain([finding.detail.as_deref()]) {
            hash.update(part.unwrap_or_default());
            hash.update([0]);
        }
        let digest: String = hex(&hash.finalize()).chars().take(32).collect();
        let count = self.seen.entry(digest.clone()).or_default();
        *count += 1;
        let fingerprint = format!("{digest}:{count}");
        // GitHub looks at the first name only.
        json!({"primaryLocationLineHash": fingerprint, "palisade/v1": fingerprint})
    }
}

/// One plain word for another in one place; everything else is for people.
fn fix(finding: &Diagnostic, sources: &SourceMap) -> Option<Value> {
    let (span, meant) = (finding.span?, finding.replacement.as_deref()?);
    let is_word = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'))
    };
    if !is_word(sources.slice(span)) || !is_word(meant) {
        return None;
    }
    let place = location(span, sources, None);
    let region = place.pointer("/physicalLocation/region")?;
    let artifact = place.pointer("/physicalLocation/artifactLocation")?;
    Some(json!({
        "description": {"text": format!("Write {meant}")},
        "artifactChanges": [{
            "artifactLocation": artifact,
            "replacements": [{"deletedRegion": region, "insertedContent": {"text": meant}}],
        }],
    }))
}

/// Where a finding is shown that is in no file: at the top of the project's.
fn nowhere() -> Value {
    json!({"physicalLocation": {"artifactLocation": {"uri": "palisade.yaml"}, "region": {"startLine": 1}}})
}

fn location(span: Span, sources: &SourceMap, text: Option<&str>) -> Value {
    let start = sources.position(span);
    let end = sources.position(Span::new(span.file, span.end, span.end));
    let mut location = json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(sources.path(span.file))},
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    }});
    if let (Some(text), Some(members)) = (text, location.as_object_mut()) {
        members.insert("message".into(), json!({"text": safe::line(text)}));
    }
    location
}

/// A path as a relative reference: everything but the unreserved characters is percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_levels() {
        let mut sources = SourceMap::default();
        let file = sources.add("rules/a b.yaml", "id: a\nname: b\n");
        let finding =
            Diagnostic::warning("X-01", "summary").labelled(Span::new(file, 6, 10), "label \u{1b}[31m");
        let value = sarif(&[finding].into_iter().collect(), &sources, &[]);
        let result = &value["runs"][0]["results"][0];
        assert_eq!(result["level"], "warning");
        assert_eq!(result["message"]["text"], "summary. label \\u{1b}[31m");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "rules/a%20b.yaml");
        assert_eq!(place["region"], json!({"startLine": 2, "startColumn": 1, "endLine": 2, "endColumn": 5}));
    }

    #[test]
    fn fingerprints_survive_moved_lines_and_equal_findings_differ() {
        let of = |text: &str, at: u32| {
            let mut sources = SourceMap::default();
            let file = sources.add("rules/a.yaml", text);
            let finding =
                Diagnostic::warning("X-01", "summary").labelled(Span::new(file, at, at + 4), "label");
            let findings = [finding.clone(), finding].into_iter().collect();
            let value = sarif(&findings, &sources, &[]);
            let print = |index: usize| {
                let value =
                    &value["runs"][0]["results"][index]["partialFingerprints"]["primaryLocationLineHash"];
                value.as_str().unwrap().to_owned()
            };
            (print(0), print(1))
        };
        let (first, second) = of("id: a\nname: b\n", 6);
        assert_ne!(first, second);
        assert_eq!(of("# moved\n\nid: a\nname: b\n", 15), (first, second));
    }

    #[test]
    fn a_fix_exchanges_one_word_for_another() {
        let mut sources = SourceMap::default();
        let file = sources.add("rules/a.yaml", "id: a\nnaem: b\n'sev x': y\n");
        let guess = |start, end, meant: &str| {
            let finding =
                Diagnostic::error("X-01", "unknown key").at(Span::new(file, start, end)).with_guess(meant);
            sarif(&[finding].into_iter().collect(), &sources, &[])["runs"][0]["results"][0]["fixes"].clone()
        };
        let change = &guess(6, 10, "name")[0]["artifactChanges"][0];
        assert_eq!(change["artifactLocation"]["uri"], "rules/a.yaml");
        assert_eq!(change["replacements"][0]["insertedContent"]["text"], "name");
        assert_eq!(change["replacements"][0]["deletedRegion"]["startLine"], 2);
        // Quotes, or anything that YAML would read in another way, are for people.
        assert_eq!(guess(14, 21, "severity"), Value::Null);
        assert_eq!(guess(6, 10, "a: b"), Value::Null);
    }

    #[test]
    fn what_was_silenced_is_there_with_its_reason() {
        let mut findings: Diagnostics =
            [Diagnostic::warning("X-01", "one"), Diagnostic::warning("X-02", "two")].into_iter().collect();
        findings.suppress(Suppression::InSource, "looked at\u{1b}", |finding| finding.code == "X-01");
        let value = sarif(&findings, &SourceMap::default(), &[]);
        let results = value["runs"][0]["results"].as_array().unwrap();
        let facts: Vec<_> =
            results.iter().map(|one| (one["ruleId"].clone(), one["suppressions"].clone())).collect();
        assert_eq!(facts[0], (json!("X-02"), Value::Null));
        let suppression =
            json!([{"kind": "inSource", "status": "accepted", "justification": "looked at\\u{1b}"}]);
        assert_eq!(facts[1], (json!("X-01"), suppression));
    }
}
