//! Entries that describe more than one known thing.

use crate::compile::strength;
use crate::model::allowlist::{Allowlist, Entry, Predicate, RulePattern, Test};
use crate::model::rule::Strength;

/// A part of a text with fewer characters than this is in many texts.
const SHORTEST_PART: usize = 6;
/// Longer prefixes than these are wide networks.
const WIDEST: (u32, u32) = (16, 48);
/// More values than this belong into a watchlist, or show that the rule is wrong.
const MOST_VALUES: usize = 200;

/// Everything that makes an entry broad, one sentence each.
pub(super) fn reasons(list: &Allowlist, entry: &Entry) -> Vec<String> {
    let mut found = Vec::new();
    if list.rules.iter().any(|pattern| pattern.value == RulePattern::Any) {
        found.push("it holds for any rule, those of tomorrow included".to_owned());
    }
    let narrow = entry.predicates.iter().any(is_exact);
    if !narrow {
        found.extend(entry.predicates.iter().filter_map(wide));
    }
    found.extend(entry.predicates.iter().filter_map(many));
    if let ([only], (Strength::Weak, Some(way_in))) = (entry.predicates.as_slice(), strength::of_entry(entry))
    {
        found.push(format!("`{}` alone decides, and {way_in}", only.column.value));
    }
    found
}

/// An exact value bounds what else an entry may say.
fn is_exact(predicate: &Predicate) -> bool {
    matches!(predicate.test, Test::Equals(_) | Test::In(_))
}

fn wide(predicate: &Predicate) -> Option<String> {
    let column = &predicate.column.value;
    match &predicate.test {
        Test::StartsWith(values) | Test::EndsWith(values) | Test::Contains(values) | Test::Has(values) => {
            let short = values.iter().find(|value| value.value.chars().count() < SHORTEST_PART)?;
            Some(format!("`{}` is a short part of `{column}`", short.value))
        }
        Test::Regex(pattern) => {
            let hir = regex_syntax::parse(&pattern.value).ok()?;
            let least = hir.properties().minimum_len().unwrap_or(0);
            (least < SHORTEST_PART)
                .then(|| format!("the expression on `{column}` is satisfied by {least} characters"))
        }
        Test::Cidr(networks) => {
            let network = networks.iter().find(|network| {
                let widest = if network.value.contains(':') { WIDEST.1 } else { WIDEST.0 };
                let length = network.value.split_once('/').and_then(|(_, length)| length.parse().ok());
                length.is_some_and(|length: u32| length < widest)
            })?;
            Some(format!("`{}` is a large network", network.value))
        }
        Test::Range { min: None, .. } | Test::Range { max: None, .. } => {
            Some(format!("`{column}` has one bound only"))
        }
        _ => None,
    }
}

fn many(predicate: &Predicate) -> Option<String> {
    let count = match &predicate.test {
        Test::In(values) => values.len(),
        Test::StartsWith(values) | Test::EndsWith(values) | Test::Contains(values) | Test::Has(values) => {
            values.len()
        }
        Test::Cidr(networks) => networks.len(),
        Test::Equals(_) | Test::Regex(_) | Test::Range { .. } | Test::Watchlist { .. } => 0,
    };
    (count > MOST_VALUES)
        .then(|| format!("{count} values of `{}`: fix the rule, or use a watchlist", predicate.column.value))
}
