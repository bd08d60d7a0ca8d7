//! What changed between two states of a repository that a reviewer would ask about: rules without a new version, and
//! rules in service whose file is simply gone. Pure: where the earlier state comes from (a revision) is the caller's.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::model::Repository;
use crate::model::rule::{Query, Rule, Status};
use crate::source::SourceMap;
use crate::yaml::{Node, NodeKind};

use super::super::check::apply_policy;
use super::{codes, history};

/// Keys whose change is no new version: the history itself, and what does not reach a service.
const NOT_CONTENT: [&str; 3] = ["changelog", "silence", "tests"];

/// Compares `now` with `then`, an earlier state that was read without errors.
#[must_use]
pub fn since(now: &Repository, then: &Repository) -> Diagnostics {
    let mut advice = Diagnostics::default();
    // A renamed rule is found by its earlier id.
    let mut present: BTreeMap<&str, &Rule> = BTreeMap::new();
    for rule in &now.rules {
        let earlier = rule.previous_ids.iter().map(|id| id.as_str());
        present.extend(earlier.chain([rule.id.as_str()]).map(|id| (id, rule.as_ref())));
    }
    for before in &then.rules {
        let mut found = Diagnostics::default();
        match present.get(before.id.as_str()) {
            Some(after) => {
                found.extend(version(before, &then.sources, after, &now.sources).into_iter().collect());
                advice.extend(apply_policy(&now.project.lint, &after.silence, found));
            }
            None if before.status.value == Status::Production => {
                found.push(gone(before, &then.sources));
                advice.extend(apply_policy(&now.project.lint, &[], found));
            }
            None => {}
        }
    }
    advice
}

fn gone(rule: &Rule, sources: &SourceMap) -> Diagnostic {
    codes::REMOVED
        .warning(format!("the rule `{}` was in production and its file is gone", rule.id.value))
        .with_detail(format!("{} is no longer there", sources.path(rule.id.span.file)))
        .with_help("set `status: deprecated` with a changelog entry first, or name it in `previous_ids` of its successor")
}

/// What is wrong with the version of a rule, if it keeps a changelog.
fn version(before: &Rule, then: &SourceMap, after: &Rule, now: &SourceMap) -> Option<Diagnostic> {
    let place = after.changelog.first().map_or(after.id.span, |entry| entry.version.span);
    let finding = |label: String, help: &'static str| {
        Some(
            codes::VERSION
                .warning("the version does not go with the change")
                .labelled(place, label)
                .with_help(help),
        )
    };
    let Some(newest) = after.changelog.first() else {
        return match before.changelog.is_empty() {
            true => None,
            false => {
                finding("its changelog is gone".to_owned(), "keep the entries and add one for this change")
            }
        };
    };
    let was = before.changelog.first().and_then(|entry| history::number(&entry.version.value));
    let is = history::number(&newest.version.value)?;
    match was {
        Some(was) if is < was => finding(
            "lower than it was".to_owned(),
            "versions only rise; add an entry above the ones that were there",
        ),
        Some(was) if is == was && content(before, then) != content(after, now) => finding(
            format!("the rule changed, but its version is still {}", newest.version.value),
            "add a changelog entry with the next version that says what changed",
        ),
        Some(was) if !follows(&was, &is) => finding(
            format!("versions are skipped: it was {}", spelled(&was)),
            "raise the last number by one, or the first and begin again at 0",
        ),
        _ => None,
    }
}

/// Equal, one step in the last number that changed, or a new major version.
fn follows(was: &[u32], is: &[u32]) -> bool {
    let place = (0..was.len().max(is.len())).find(|at| part(was, *at) != part(is, *at));
    place.is_none_or(|at| {
        part(is, at) == part(was, at).saturating_add(1) && is.iter().skip(at + 1).all(|rest| *rest == 0)
    })
}

fn part(version: &[u32], at: usize) -> u32 {
    version.get(at).copied().unwrap_or(0)
}

fn spelled(version: &[u32]) -> String {
    version.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

/// What a rule says, without places, comments and its history.
fn content(rule: &Rule, sources: &SourceMap) -> String {
    let mut text = String::new();
    if let Some(file) = sources.file(rule.id.span.file)
        && let Ok(document) = crate::yaml::read::read(&file.text, rule.id.span.file)
    {
        spell(&document, true, &mut text);
    }
    // The query may stand in a file of its own.
    text.push_str(rule.query.as_ref().map_or("", |Query { text, .. }| text.value.as_str()));
    text
}

fn spell(node: &Node, top: bool, out: &mut String) {
    match &node.kind {
        NodeKind::Map(entries) => {
            let mut entries: Vec<_> =
                entries.iter().filter(|(key, _)| !top || !NOT_CONTENT.contains(&key.name.as_str())).collect();
            entries.sort_by(|a, b| a.0.name.cmp(&b.0.name));
            for (key, value) in entries {
                out.push_str(&format!("{{{:?}:", key.name));
                spell(value, false, out);
                out.push('}');
            }
        }
        NodeKind::Seq(items) => {
            for item in items {
                out.push('[');
                spell(item, false, out);
                out.push(']');
            }
        }
        NodeKind::Str(text) => out.push_str(&format!("{:?}", text.value)),
        scalar => out.push_str(&format!("{scalar:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_follow_one_by_one() {
        for (was, is, good) in [
            (vec![1, 2], vec![1, 2], true),
            (vec![1, 2], vec![1, 3], true),
            (vec![1, 2], vec![2, 0], true),
            (vec![1, 2], vec![1, 2, 1], true),
            (vec![1, 2], vec![1, 4], false),
            (vec![1, 2], vec![2, 1], false),
            (vec![1, 2], vec![3, 0], false),
        ] {
            assert_eq!(follows(&was, &is), good, "{was:?} to {is:?}");
        }
    }
}
