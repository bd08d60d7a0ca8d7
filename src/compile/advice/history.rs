//! A rule's changelog.

use crate::diagnostic::Diagnostics;
use crate::model::rule::{Rule, Status};

use super::codes;

pub(super) fn check(rule: &Rule, found: &mut Diagnostics) {
    for entry in rule.changelog.iter().filter(|entry| number(&entry.version.value).is_none()) {
        found.push(
            codes::CHANGELOG
                .error("a version is no number")
                .labelled(entry.version.span, "not of the form 1.2")
                .with_help("write the version as \"major.minor\", in quotes"),
        );
    }
    for pair in rule.changelog.windows(2) {
        let [newer, older] = pair else { continue };
        let (high, low) = (number(&newer.version.value), number(&older.version.value));
        if high.zip(low).is_some_and(|(high, low)| high <= low) {
            found.push(
                codes::CHANGELOG
                    .error("versions do not fall from entry to entry")
                    .labelled(older.version.span, format!("not below {}", newer.version.value))
                    .with_related(newer.version.span, "the entry above")
                    .with_help(
                        "put the newest entry first and give each a higher version than the one below",
                    ),
            );
        }
        if newer.date.value < older.date.value {
            found.push(
                codes::CHANGELOG
                    .error("an entry is dated after the one above it")
                    .labelled(older.date.span, format!("later than {}", newer.date.value))
                    .with_related(newer.date.span, "the entry above")
                    .with_help("put the newest entry first"),
            );
        }
    }
    if rule.status.value == Status::Deprecated {
        let says = rule.changelog.first().is_some_and(|newest| {
            let message = newest.message.value.to_lowercase();
            ["deprecat", "replace", "supersede", "retire", "obsolete"]
                .iter()
                .any(|word| message.contains(word))
        });
        if !says {
            found.push(
                codes::DEPRECATION
                    .warning("a deprecated rule does not say why")
                    .labelled(rule.status.span, "the newest changelog entry says nothing of it")
                    .with_help("add an entry: deprecated since when, why, and what replaces it"),
            );
        }
    }
}

/// `1.2` or `1.2.3` as numbers that compare.
pub(super) fn number(version: &str) -> Option<Vec<u32>> {
    let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    parts.filter(|parts| (2..=3).contains(&parts.len()))
}
