//! Findings as SARIF 2.1.0, which code hosts show beside the lines of a pull request.

use serde_json::{Value, json};

use crate::diagnostic::codes::Code;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{SourceMap, Span};

use super::diagnostics::without_secrets;
use super::safe;

/// One run. `codes` explains the rules; a finding whose code is not among them is reported all the same.
#[must_use]
pub fn sarif(findings: &Diagnostics, sources: &SourceMap, codes: &[Code]) -> Value {
    let findings = without_secrets(findings, sources);
    let mut used: Vec<&str> = findings.iter().map(|finding| finding.code).collect();
    used.sort_unstable();
    used.dedup();
    let rules: Vec<Value> = used
        .iter()
        .map(|used| match codes.iter().find(|code| code.code == *used) {
            Some(code) => json!({
                "id": code.code,
                "shortDescription": {"text": code.title},
                "fullDescription": {"text": code.explanation},
            }),
            None => json!({ "id": used }),
        })
        .collect();
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, sources)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "palisade",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(finding: &Diagnostic, sources: &SourceMap) -> Value {
    let parts =
        [Some(&finding.summary), finding.label.as_ref(), finding.detail.as_ref(), finding.help.as_ref()];
    let text: Vec<String> = parts.into_iter().flatten().map(|part| safe::line(part)).collect();
    let mut result = json!({
        "ruleId": finding.code,
        "level": match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "note",
        },
        "message": {"text": text.join(". ")},
    });
    if let Some(members) = result.as_object_mut() {
        if let Some(span) = finding.span {
            members.insert("locations".into(), json!([location(span, sources, None)]));
        }
        let related = finding.related.iter().map(|(span, text)| location(*span, sources, Some(text)));
        let related: Vec<Value> = related.collect();
        if !related.is_empty() {
            members.insert("relatedLocations".into(), Value::Array(related));
        }
    }
    result
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
}
