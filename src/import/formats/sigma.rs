//! Sigma rules that carry their KQL already; the others need a converter first.

use serde_json::{Map, Value};

use super::falconforge::add;
use super::{Foreign, Format, Reading, keep_rest, section, words};
use crate::import::Fate;
use crate::import::draft::Draft;
use crate::model::rule::{Severity, Status};

type Object = Map<String, Value>;

/// Where people put the converted query.
const QUERIES: &[&str] = &["kql", "kusto", "query"];

/// The rule of a document.
pub(super) fn read(mut document: Object, reading: &mut Reading) {
    let Some(query) = query(&mut document) else {
        return reading.helpless(
            "it is a Sigma rule without KQL",
            "convert it with pySigma's Kusto backend: `sigma convert -t kusto -p microsoft_xdr FILE` (or `-p sentinel_asim`), and put the \
             result into the file as `kql: |`",
        );
    };
    let mut take = |name: &str| document.shift_remove(name);
    let text = |value: Option<Value>| {
        value.map(|value| value.as_str().map_or_else(|| value.to_string(), words::tidy))
    };
    let Some(name) = text(take("title")) else { return reading.broken(None, "the rule has no title") };
    let mut draft = Draft { name, query: Some(words::tidy(&query)), ..Draft::default() };
    draft.description = text(take("description"));
    severity(take("level"), &mut draft);
    status(take("status").as_ref(), &mut draft);
    lines(take("references"), &mut draft, "references", |draft| &mut draft.references);
    lines(take("falsepositives"), &mut draft, "falsepositives", |draft| &mut draft.false_positives);
    tags(take("tags"), &mut draft);
    draft.keep("original-id", take("id").unwrap_or_default(), "ids are made from names here");
    if section::is_defender(&query) {
        section::defender(&mut draft, "PT1H");
    } else {
        section::sentinel(&mut draft, "PT1H");
    }
    draft.remark(Fate::Changed, "schedule", "Sigma has none: once an hour was chosen, look at it");
    keep_rest(&mut draft, document, "a rule file has no key for it");
    reading.rules.push(Foreign::new(Format::Sigma, draft));
}

fn query(document: &mut Object) -> Option<String> {
    for name in QUERIES {
        if let Some(text) = document.get(*name).and_then(Value::as_str).map(str::to_owned) {
            document.shift_remove(*name);
            return Some(text).filter(|text| !text.trim().is_empty());
        }
    }
    for holder in ["custom", "custom_attributes", "x-kql", "backend", "queries"] {
        let Some(Value::Object(inside)) = document.get_mut(holder) else { continue };
        for name in QUERIES {
            if let Some(text) = inside.get(*name).and_then(Value::as_str).map(str::to_owned) {
                inside.shift_remove(*name);
                return Some(text).filter(|text| !text.trim().is_empty());
            }
        }
    }
    None
}

fn severity(level: Option<Value>, draft: &mut Draft) {
    let word = level.as_ref().and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    let known = Severity::NAMES.iter().find(|(name, _)| *name == word).map(|(_, severity)| *severity);
    draft.severity = match word.as_str() {
        "critical" => {
            draft.remark(Fate::Changed, "level", "there is nothing above high here; it was critical");
            Some(Severity::High)
        }
        _ if known.is_some() => known,
        _ => {
            draft.keep("level", level.unwrap_or_default(), "there is no such severity; medium was chosen");
            Some(Severity::Medium)
        }
    };
}

fn status(status: Option<&Value>, draft: &mut Draft) {
    let word = status.and_then(Value::as_str).unwrap_or_default();
    draft.status = match word {
        "stable" => Status::Production,
        "test" => Status::Test,
        "experimental" => Status::Experimental,
        "deprecated" | "unsupported" => Status::Deprecated,
        _ => Status::Experimental,
    };
    if !Status::NAMES.iter().any(|(name, _)| *name == word) && !word.is_empty() {
        draft.keep("status", word.into(), "a rule file has another word for it");
    }
}

fn lines(value: Option<Value>, draft: &mut Draft, name: &str, into: fn(&mut Draft) -> &mut Vec<String>) {
    let Some(value) = value else { return };
    let items = match &value {
        Value::Array(items) => items.iter().map(|item| item.as_str().map(words::tidy)).collect(),
        Value::String(text) => Some(vec![words::tidy(text)]),
        _ => None,
    };
    match items
        .filter(|items: &Vec<String>| items.iter().all(|item| !item.is_empty() && !item.contains('\n')))
    {
        Some(items) => *into(draft) = items,
        None => draft.keep(name, value, "it is not a list of lines"),
    }
}

/// `attack.t1053.005` and `attack.persistence` are ATT&CK's; others are words.
fn tags(value: Option<Value>, draft: &mut Draft) {
    let Some(Value::Array(tags)) = value else {
        return draft.keep("tags", value.unwrap_or_default(), "it is not a list");
    };
    let (mut tactics, mut techniques) = (Vec::new(), Vec::new());
    for tag in &tags {
        let Some(text) = tag.as_str() else { continue };
        match text.strip_prefix("attack.") {
            Some(word) => match (words::technique(word), words::tactic(word)) {
                (Some(id), _) => techniques.push(id),
                (None, Some(tactic)) => tactics.push(tactic),
                (None, None) => draft.tags.push(text.to_owned()),
            },
            None => draft.tags.push(text.to_owned()),
        }
    }
    if tactics.is_empty() {
        let ids: Vec<Value> = techniques.iter().map(|id| id.as_str().into()).collect();
        draft.keep(
            "techniques",
            ids.into(),
            "techniques stand under a tactic in a rule file, and it has none",
        );
        return;
    }
    for tactic in &tactics {
        add(draft, tactic, None);
    }
    if let Some(main) = tactics.first() {
        for id in techniques {
            add(draft, main, Some(id));
        }
    }
}
