//! Whether the files of an import compile, all together, to exactly what is deployed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::candidate::Candidate;
use super::live::Input;
use super::write::yaml;
use crate::address::Address;
use crate::compile::{Desired, compile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::diff::{canonical, compare};
use crate::model::Repository;
use crate::source::FileId;
use crate::yaml::decode::decode_rule;
use crate::yaml::read::read;

/// For each candidate every reason why its file will not do; none: it will.
pub(super) fn verify(input: &Input<'_>, candidates: &[Candidate<'_>]) -> Vec<Vec<String>> {
    let mut repository = input.repository.clone();
    let mut reasons = vec![Vec::new(); candidates.len()];
    let mut files: BTreeMap<FileId, usize> = BTreeMap::new();
    for (at, (candidate, reasons)) in candidates.iter().zip(&mut reasons).enumerate() {
        if let Some(other) = namesake(input.repository, candidate) {
            reasons.push(other);
            continue;
        }
        let text = yaml(&candidate.draft.document());
        let file = repository.sources.add(format!("rules/{}.yaml", candidate.draft.id), &*text);
        files.insert(file, at);
        let (rule, found) = match read(&text, file) {
            Ok(document) => decode_rule(&document, None, Some(&candidate.draft.id)),
            Err(found) => (None, found),
        };
        reasons.extend(
            found.iter().filter(|finding| finding.severity == Severity::Error).map(|f| shown(f, &repository)),
        );
        if let (Some(rule), true) = (rule, reasons.is_empty()) {
            repository.rules.push(Arc::new(rule));
        }
    }
    repository.rules.sort_by(|a, b| a.id.value.cmp(&b.id.value));
    let environment = input.environment;
    let (desired, diagnostics) = compile(&repository, environment, input.today);
    for finding in diagnostics.iter().filter(|finding| finding.severity == Severity::Error) {
        let at = finding.span.and_then(|span| files.get(&span.file));
        if let Some(reasons) = at.and_then(|at| reasons.get_mut(*at)) {
            reasons.push(shown(finding, &repository));
        }
    }
    for (candidate, reasons) in candidates.iter().zip(&mut reasons) {
        if reasons.is_empty() {
            reasons.extend(deviations(candidate, &desired));
        }
    }
    reasons
}

/// A rule file of the environment that has the name already, and stands for another rule or for none.
fn namesake(repository: &Repository, candidate: &Candidate<'_>) -> Option<String> {
    let draft = &candidate.draft;
    let rule = repository.rules.iter().find(|rule| {
        let on_platform = draft.defender.is_some() && rule.defender.is_some()
            || draft.sentinel.is_some() && rule.sentinel.is_some();
        let here = rule.environments.is_empty()
            || draft.environments.is_empty()
            || rule.environments.iter().any(|name| draft.environments.contains(&name.value));
        on_platform && here && rule.name.value.trim().eq_ignore_ascii_case(draft.name.trim())
    })?;
    Some(format!(
        "{} has this name already; if it is the same rule, pin it there with `rule_id: {}` and adopt it",
        repository.sources.path(rule.id.span.file),
        candidate.live.remote_id
    ))
}

/// What would change at the first apply.
fn deviations(candidate: &Candidate<'_>, desired: &Desired) -> Vec<String> {
    let mut found = Vec::new();
    for target in &candidate.targets {
        let address = Address { target: target.clone(), rule: candidate.draft.id.clone() };
        let Some(resource) = desired.resources.iter().find(|resource| resource.address == address) else {
            let dropped = desired.dropped.iter().find(|dropped| dropped.rule.as_str() == candidate.draft.id);
            let why = dropped.map_or("its file does not compile", |dropped| dropped.reason.as_str());
            found
                .push(format!("the environment would not take it ({why}): look at `select` and `lifecycle`"));
            continue;
        };
        let live = candidate.live;
        let is = canonical(candidate.schema, &live.kind, &live.body);
        let mut becomes = canonical(candidate.schema, &resource.kind, &resource.body);
        if live.auto_disabled.is_some() {
            // As in a plan: the service's switch is left alone.
            for key in ["enabled", "status"] {
                if let Some(value) = is.get(key) {
                    becomes.insert(key.to_owned(), value.clone());
                }
            }
        }
        if resource.kind != live.kind || !resource.remote_id.eq_ignore_ascii_case(&live.remote_id) {
            found.push("its file would stand for another rule".to_owned());
        }
        let fields: Vec<String> = compare(&is, &becomes).into_iter().map(|field| field.path).collect();
        if !fields.is_empty() {
            found.push(format!(
                "a rule file cannot say what is deployed: an apply would change {}",
                fields.join(", ")
            ));
        }
    }
    found.dedup();
    found
}

/// `SEN-01: the compiled query is too long: 20480 characters …; shorten the query`
fn shown(finding: &Diagnostic, repository: &Repository) -> String {
    let mut text = format!("{}: {}", finding.code, finding.summary);
    if let Some(label) = &finding.label {
        text.push_str(": ");
        text.push_str(label);
    }
    if let Some(span) = finding.span {
        let line = repository.sources.position(span).line;
        text.push_str(&format!(" (line {line})"));
    }
    if let Some(help) = &finding.help {
        text.push_str("; ");
        text.push_str(help);
    }
    text
}
