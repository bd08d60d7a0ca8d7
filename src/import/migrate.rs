//! Custom detections in files, from the shape that Graph retired on 2026-10-01 to the present one (CONTRACT A.0, A.4):
//! `text -> text`, in the file's own format and with everything else in it as it was.
//!
//! Looked at is every mapping with a `queryCondition` or a `detectionAction`, wherever in the file it stands: a rule by itself, in a list, in `value` of a
//! saved answer, in a resource of a template. `provider::defender` knows the mapping, [`super::rewrite`] edits the text. What has
//! no place in the present shape stays in the file and is a finding, also under `x-defender` of a rule file. Pure. Start with
//! [`migrate`].

use serde_json::{Map, Value};

use super::rewrite::{Notation, parse, rewrite, says};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::provider::defender::{RETIRED, SAID_BY_SERVICE, modernise};
use crate::source::{FileId, Span};
use crate::yaml::{Node, NodeKind};

type Object = Map<String, Value>;

/// Versions of `Microsoft.Security/detectionRules`: of the retired shape, of the present one (CONTRACT A.8).
const VERSIONS: (&str, &str) = ("2026-01-01-preview", "2026-06-01-preview");

/// Which member stands where which was.
const PLACES: &[(&str, &str)] = &[
    ("isEnabled", "status"),
    ("period", "frequency"),
    ("category", "tactics"),
    ("impactedAssets", "entityMappings"),
    ("responseActions", "automatedActions"),
    ("scopeNames", "deviceGroups"),
];

/// A mapping with one of these is a rule, or as much of one as an update sends.
const PARTS: &[&str] = &["queryCondition", "detectionAction"];

/// What became of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Migrated {
    /// Its text afterwards; the same if nothing of the retired shape can be said in the present one.
    pub text: String,
    /// Rules in it.
    pub rules: usize,
    /// Those of them that change.
    pub rewritten: usize,
    /// What the service said about the rules in the retired shape, and that goes: property names.
    pub dropped: Vec<&'static str>,
}

/// Rewrites every rule of a file.
///
/// # Errors
/// What is wrong when the file cannot be read, or not be rewritten by a program.
pub fn migrate(text: &str, file: FileId, notation: Notation) -> Result<Migrated, Diagnostics> {
    let unix = text.replace("\r\n", "\n");
    let root = parse(&unix, file, notation)?;
    let mut after = root.to_json();
    let mut found = Migrated { text: text.to_owned(), rules: 0, rewritten: 0, dropped: Vec::new() };
    modern(&mut after, &mut found);
    if !says(&root, &after) {
        let rewritten = rewrite(&unix, &root, &after, notation, PLACES)?;
        found.text = if text.contains("\r\n") { rewritten.replace('\n', "\r\n") } else { rewritten };
    }
    Ok(found)
}

/// What of the retired shape a file holds that has no place in the present one.
///
/// # Errors
/// What is wrong when the file cannot be read.
pub fn leftovers(text: &str, file: FileId, notation: Notation) -> Result<Diagnostics, Diagnostics> {
    let mut found = Diagnostics::default();
    search(&parse(text, file, notation)?, &mut found);
    Ok(found)
}

fn is_rule(object: &Object) -> bool {
    PARTS.iter().any(|part| object.get(*part).is_some_and(Value::is_object))
}

/// Puts every rule inside a value into the present shape.
fn modern(value: &mut Value, found: &mut Migrated) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| modern(item, found)),
        Value::Object(object) if is_rule(object) => {
            found.rules += 1;
            let before = object.clone();
            modernise(object);
            for path in SAID_BY_SERVICE {
                if take(object, path) && !found.dropped.contains(path) {
                    found.dropped.push(path);
                }
            }
            found.rewritten += usize::from(*object != before);
        }
        Value::Object(object) => {
            let version =
                |object: &Object, name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
            let kind = version(object, "type").unwrap_or_default().to_ascii_lowercase();
            if kind.starts_with("microsoft.security/detectionrules") {
                for name in ["type", "apiVersion"] {
                    if let Some(text) = version(object, name).filter(|text| text.contains(VERSIONS.0)) {
                        object.insert(name.to_owned(), text.replace(VERSIONS.0, VERSIONS.1).into());
                    }
                }
            }
            object.values_mut().for_each(|member| modern(member, found));
        }
        _ => {}
    }
}

/// Takes a member out; whether it was there.
fn take(object: &mut Object, path: &str) -> bool {
    match path.split_once('.') {
        None => object.shift_remove(path).is_some(),
        Some((first, rest)) => {
            object.get_mut(first).and_then(Value::as_object_mut).is_some_and(|inner| take(inner, rest))
        }
    }
}

fn search(node: &Node, found: &mut Diagnostics) {
    match &node.kind {
        NodeKind::Seq(items) => items.iter().for_each(|item| search(item, found)),
        NodeKind::Map(members) => {
            let is_map = |node: &Node| matches!(node.kind, NodeKind::Map(_));
            if PARTS.iter().any(|part| node.get(part).is_some_and(is_map)) {
                return left(node, found);
            }
            for (key, member) in members {
                match key.name.as_str() {
                    "x-defender" => left(member, found),
                    _ => search(member, found),
                }
            }
        }
        _ => {}
    }
}

/// Every part of a rule that stays in the retired shape.
fn left(rule: &Node, found: &mut Diagnostics) {
    let Value::Object(mut after) = rule.to_json() else { return };
    modernise(&mut after);
    for (path, present) in RETIRED {
        let mut place = Some(rule);
        let mut rest = Some(&Value::Null);
        let mut inner = Some(&after);
        for name in path.split('.') {
            place = place.and_then(|node| node.get(name));
            rest = inner.and_then(|object| object.get(name));
            inner = rest.and_then(Value::as_object);
        }
        let (Some(node), Some(rest)) = (place, rest) else { continue };
        if path.ends_with("scopeType") || super::draft::says_nothing(rest) {
            continue;
        }
        match (&node.kind, rest) {
            (NodeKind::Seq(items), Value::Array(rest)) => {
                let stays = items.iter().filter(|item| rest.contains(&item.to_json()));
                for item in stays {
                    // Its kind says which one is meant.
                    let kind = item.get("@odata.type").map_or(item.span, |kind| kind.span);
                    found.push(finding(kind, path, present, &after));
                }
            }
            _ => found.push(finding(node.span, path, present, &after)),
        }
    }
}

fn finding(span: Span, path: &str, present: &str, after: &Object) -> Diagnostic {
    let name = path.rsplit('.').next().unwrap_or(path);
    let new = present.rsplit('.').next().unwrap_or(present);
    let pointer = format!("/{}", present.replace('.', "/"));
    let is_said = Value::Object(after.clone()).pointer(&pointer).is_some_and(|value| !value.is_null());
    let help = match (name, is_said) {
        ("period", _) => {
            "write how often it runs, such as `frequency: PT1H`, in place of the period".to_owned()
        }
        (_, true) => format!("`{new}` is what counts: say it there if it is missing, and take this out"),
        (_, false) => format!("say it in `{new}`, and take this out"),
    };
    Diagnostic::error(codes::RETIRED_SHAPE, "the present shape has no place for this")
        .labelled(span, format!("Graph removed `{name}` on 2026-10-01"))
        .with_help(help)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceMap;

    #[track_caller]
    fn check(notation: Notation, before: &str, after: &str) {
        let file = SourceMap::default().add("rule", before);
        let text = |before: &str| migrate(before, file, notation).map(|found| found.text).unwrap_or_default();
        assert_eq!(text(before), after);
        assert_eq!(text(after), after, "a second time changes nothing");
    }

    #[test]
    fn json_keeps_its_layout() {
        let others = r#"{"value": [{"query": "T", "isEnabled": true, "category": "x"}]}"#;
        let cases = [
            // Dense, as programs write it.
            (
                r#"{"queryCondition":{"queryText":"T"},"isEnabled":false,"schedule":{"period":"0","nextRunDateTime":"x"}}"#,
                r#"{"queryCondition":{"queryText":"T"},"status":"disabled","schedule":{"frequency":"PT0S"}}"#,
            ),
            // Both shapes at once: today's words count.
            (
                r#"{"status": "enabled", "isEnabled": false, "queryCondition": {"queryText": "T"}}"#,
                r#"{"status": "enabled", "queryCondition": {"queryText": "T"}}"#,
            ),
            // Members at the end go with the comma before them; odd blanks stay.
            (
                "[{\"queryCondition\":  {\"queryText\": \"isEnabled\\\"\"} ,\n\t\"detectorId\": \"d\",\n\t\"lastRunDetails\": null}]\n",
                "[{\"queryCondition\":  {\"queryText\": \"isEnabled\\\"\"}}]\n",
            ),
            (
                "{\r\n  \"queryCondition\": {\"queryText\": \"T\"},\r\n  \"isEnabled\": true\r\n}\r\n",
                "{\r\n  \"queryCondition\": {\"queryText\": \"T\"},\r\n  \"status\": \"enabled\"\r\n}\r\n",
            ),
            // What is no custom detection is nobody's business.
            (others, others),
        ];
        for (before, after) in cases {
            check(Notation::Json, before, after);
        }
    }

    #[test]
    fn yaml_keeps_comments_and_dashes() {
        let cases = [
            (
                "- detectorId: d\n  queryCondition: {queryText: T} # q\n  schedule:\n    nextRunDateTime: x # next\n    # often\n    period: 1H\n",
                "- queryCondition: {queryText: T} # q\n  schedule:\n    # next\n    # often\n    frequency: PT1H\n",
            ),
            (
                "- isEnabled: false\n  queryCondition: {queryText: T}\n  lastRunDetails:\n    status: completed\n\n# end\n",
                "- status: disabled\n  queryCondition: {queryText: T}\n\n# end\n",
            ),
            (
                "detectionAction:\n  alertTemplate:\n    'category': Impact\n    mitreTechniques:\n    title: a\n",
                "detectionAction:\n  alertTemplate:\n    tactics:\n      - tactic: Impact\n        techniques: []\n    title: a\n",
            ),
        ];
        for (before, after) in cases {
            check(Notation::Yaml, before, after);
        }
    }

    #[test]
    fn what_cannot_be_proved_is_refused() {
        // The comment inside of brackets would be lost.
        let text = "queryCondition: {queryText: T}\nschedule: {nextRunDateTime: x, # next\n  period: 1H}\n";
        let file = SourceMap::default().add("rule", text);
        assert!(migrate(text, file, Notation::Yaml).is_err());
    }
}
