//! From a rule to the API's properties, one function per platform. Facts: CONTRACT A.2–A.4 and B.3.
//!
//! The bodies are complete (every property that the rule determines is there, defaults spelled out), so that a plan shows
//! what will be, and so that a service's changing default cannot change a rule.

mod defender;
mod sentinel;

pub(crate) use defender::lower as defender;
pub(crate) use sentinel::lower as sentinel;

use serde_json::Value;

use crate::address::Platform;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::attack::split_technique;
use crate::model::rule::{Attack, Rule};
use crate::resource::{Kind, defender_rule_id, sentinel_rule_id};
use crate::source::Spanned;

use super::query::Compiled;

/// The id under which the service keeps the one Fusion rule; there is no second one.
const FUSION_ID: &str = "BuiltInFusion";

/// The platform's id of a rule: the one that its file fixes, or the one that the owner's and its own name make.
pub(crate) fn remote_id(rule: &Rule, platform: Platform, kind: &Kind, owner: &str) -> String {
    let pinned = match platform {
        Platform::Sentinel => rule.sentinel.as_ref().and_then(|section| section.rule_id.as_ref()),
        Platform::Defender => rule.defender.as_ref().and_then(|section| section.rule_id.as_ref()),
    };
    let identity = rule.previous_ids.first().unwrap_or(&rule.id).as_str();
    match (pinned, platform) {
        (Some(pinned), _) => pinned.value.clone(),
        (None, _) if *kind == Kind::Fusion => FUSION_ID.to_owned(),
        (None, Platform::Sentinel) => sentinel_rule_id(owner, identity),
        (None, Platform::Defender) => defender_rule_id(owner, identity),
    }
}

/// The longest query that either service takes, in characters (CONTRACT B.3; peers §4 for Defender).
pub const MAX_QUERY: usize = 10_000;

/// Reports a query that is empty or, together with `marker_length` further characters, too long.
fn check_length(compiled: &Compiled<'_>, marker_length: usize, diagnostics: &mut Diagnostics) {
    let length = compiled.text.chars().count() + marker_length;
    if compiled.text.trim().is_empty() {
        diagnostics.push(Diagnostic::error("SEN-01", "the query is empty").at(compiled.span));
    } else if length > MAX_QUERY {
        let label = format!(
            "{length} characters with {} allowlist entries and the ownership marker; the service takes {MAX_QUERY}",
            compiled.entries.len()
        );
        let mut finding = Diagnostic::error("SEN-01", "the compiled query is too long")
            .labelled(compiled.span, label)
            .with_help("shorten the query, or keep the longest lists in a watchlist: `COLUMN: {watchlist: ALIAS}` (Sentinel)");
        let largest = largest_entries(compiled);
        if !largest.is_empty() {
            finding = finding.with_detail(format!("the longest entries: {}", largest.join(", ")));
        }
        diagnostics.push(finding);
    } else if length > MAX_QUERY * 8 / 10 {
        diagnostics.push(
            Diagnostic::warning("SEN-01", "the compiled query is close to the limit")
                .labelled(compiled.span, format!("{length} of {MAX_QUERY} characters are used")),
        );
    }
}

/// The three longest entries with their characters, longest first.
fn largest_entries(compiled: &Compiled<'_>) -> Vec<String> {
    let mut entries: Vec<(usize, String)> = compiled
        .entries
        .iter()
        .map(|used| (used.predicate.chars().count(), format!("{}#{}", used.path, used.entry)))
        .collect();
    entries.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    entries.into_iter().take(3).map(|(length, name)| format!("{name} ({length} characters)")).collect()
}

/// The parents of all techniques, in order, without repetitions.
fn parents(attack: &[Attack]) -> Vec<String> {
    unique(attack.iter().flat_map(|attack| &attack.techniques).map(|technique| {
        split_technique(&technique.value).map_or(technique.value.as_str(), |(parent, _)| parent)
    }))
}

/// All sub-techniques, in order, without repetitions.
fn sub_techniques(attack: &[Attack]) -> Vec<String> {
    unique(
        attack
            .iter()
            .flat_map(|attack| &attack.techniques)
            .filter_map(|technique| split_technique(&technique.value).and_then(|(_, sub)| sub)),
    )
}

fn unique<'a>(items: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for item in items {
        if !seen.iter().any(|known| known == item) {
            seen.push(item.to_owned());
        }
    }
    seen
}

/// Key and column pairs as an object.
fn object(pairs: &[(Spanned<String>, Spanned<String>)]) -> Value {
    Value::Object(pairs.iter().map(|(key, value)| (key.value.clone(), value.value.clone().into())).collect())
}

/// The values of a list.
fn strings(items: &[Spanned<String>]) -> Value {
    items.iter().map(|item| Value::from(item.value.as_str())).collect()
}
