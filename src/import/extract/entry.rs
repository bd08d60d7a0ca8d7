//! One alternative of an exclusion as an entry: only when the entry, compiled, says exactly that.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Terms;
use crate::compile::{compiled_entry, strength};
use crate::diagnostic::{Diagnostics, Severity};
use crate::import::draft::Properties;
use crate::import::write::yaml;
use crate::kql::exclusion::{Alternative, Comparison, Constant, Lets, Operator, excluded};
use crate::kql::parse;
use crate::kql::syntax::{ExprKind, OperatorKind};
use crate::model::allowlist::{self, Scope};
use crate::model::rule::Strength;
use crate::source::SourceMap;
use crate::yaml::decode;
use crate::yaml::read::read;

/// An entry to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `match:` of the file.
    conditions: Properties,
    /// How an attacker walks through it, unless it is strong.
    pub way_in: Option<String>,
    /// How strong it is.
    pub strength: Strength,
}

impl Entry {
    /// The entry of one alternative.
    ///
    /// # Errors
    /// Why it cannot be one, as the end of a sentence.
    pub(super) fn of(alternative: &Alternative, terms: &Terms) -> Result<Self, String> {
        let mut conditions = Properties::new();
        for comparison in alternative {
            conditions.insert(comparison.column.to_string(), predicate(comparison));
        }
        let mut made = Self { conditions, way_in: None, strength: Strength::Weak };
        let entry = decoded(&made, terms)?;
        if let Some(everything) = entry.predicates.iter().find_map(strength::matches_everything) {
            return Err(format!("an entry must not match everything: {everything}"));
        }
        (made.strength, made.way_in) = strength::of_entry(&entry);
        if made.strength < terms.require {
            return Err("its entry would be weaker than `allowlist.require` in palisade.yaml".to_owned());
        }
        if !says(&entry, alternative) {
            return Err("its entry would not compile to the same condition".to_owned());
        }
        Ok(made)
    }

    /// The entry as the file has it.
    pub(super) fn document(&self, number: usize, terms: &Terms) -> Value {
        let mut entry = Properties::new();
        entry.insert("id".into(), format!("imported-{number}").into());
        entry.insert("reason".into(), "imported".into());
        entry.insert("owner".into(), terms.owner.as_str().into());
        if let Some(ticket) = &terms.ticket {
            entry.insert("ticket".into(), ticket.as_str().into());
        }
        entry.insert("created".into(), terms.created.to_string().into());
        entry.insert("expires".into(), terms.expires.to_string().into());
        entry.insert("match".into(), self.conditions.clone().into());
        entry.into()
    }
}

fn predicate(comparison: &Comparison) -> Value {
    let values: Vec<Value> = comparison
        .constants
        .iter()
        .map(|constant| match constant {
            Constant::Text(text) => json!(text),
            Constant::Whole(number) => json!(number),
            Constant::Truth(truth) => json!(truth),
        })
        .collect();
    let (name, several) = match comparison.operator {
        Operator::Equals if values.len() > 1 => ("in", true),
        Operator::Equals => ("equals", false),
        Operator::StartsWith => ("starts_with", values.len() > 1),
        Operator::EndsWith => ("ends_with", values.len() > 1),
        Operator::Contains => ("contains", values.len() > 1),
        Operator::Has => ("has", values.len() > 1),
        Operator::MatchesRegex => ("regex", false),
        Operator::InNetwork => ("cidr", true),
    };
    let value = if several { json!(values) } else { values.into_iter().next().unwrap_or(Value::Null) };
    let mut predicate = Properties::new();
    predicate.insert(name.into(), value);
    if comparison.cased && comparison.text_only() && comparison.operator != Operator::InNetwork {
        predicate.insert("case".into(), "sensitive".into());
    }
    predicate.into()
}

/// The entry as every reader of the file will have it.
fn decoded(made: &Entry, terms: &Terms) -> Result<allowlist::Entry, String> {
    let mut document = Properties::new();
    document.insert("rules".into(), json!(["rule"]));
    document.insert("entries".into(), json!([made.document(1, terms)]));
    let text = yaml(&document);
    let file = SourceMap::default().add("entry", &*text);
    let mut found = Diagnostics::default();
    let list = match read(&text, file) {
        Ok(node) => decode::allowlist::allowlist(&node, "entry", Scope::Shared, &mut found),
        Err(diagnostics) => {
            found = diagnostics;
            None
        }
    };
    if let Some(error) = found.iter().find(|finding| finding.severity == Severity::Error) {
        let label = error.label.as_ref().map_or(String::new(), |label| format!(" ({label})"));
        return Err(format!("no entry can hold it: {}{label}", error.summary));
    }
    list.and_then(|list| list.entries.into_iter().next()).ok_or_else(|| "no entry can hold it".to_owned())
}

/// Whether the KQL of `entry` leaves out exactly `alternative`: it is read as the query was.
fn says(entry: &allowlist::Entry, alternative: &Alternative) -> bool {
    let text = format!("T | where not({})", compiled_entry(entry, false));
    let parsed = parse(&text);
    let Some(ExprKind::Pipeline(pipeline)) = parsed.query.body().map(|body| &body.kind) else { return false };
    let [operator] = pipeline.operators.as_slice() else { return false };
    let OperatorKind::Where(rows) = &operator.kind else { return false };
    let Ok(read) = excluded(&text, &rows.value, &Lets::new()) else { return false };
    let [back] = read.as_slice() else { return false };
    parsed.errors.is_empty()
        && back.len() == alternative.len()
        && back.iter().zip(alternative).all(|(back, original)| same(back, original))
}

fn same(one: &Comparison, other: &Comparison) -> bool {
    let set = |comparison: &Comparison| comparison.constants.iter().cloned().collect::<BTreeSet<_>>();
    let cased = one.cased == other.cased || !one.text_only();
    (&one.column, one.operator) == (&other.column, other.operator) && cased && set(one) == set(other)
}
