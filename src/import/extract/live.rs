//! The same for deployed rules: files whose rules select what is deployed, with the tuning in the environment's allowlists.
//!
//! A rule is split after its file was found to compile to exactly what is deployed. Then it is compiled once more with its lists: when
//! that brings any error, or changes anything but the query's text, the rule stays whole.

use std::sync::Arc;

use super::{Kept, List, Terms};
use crate::address::Address;
use crate::compile::{Analyses, compile, platform_of};
use crate::diagnostic::{Diagnostics, Severity};
use crate::diff::{canonical, compare};
use crate::import::live::{Imported, Input};
use crate::import::write::yaml;
use crate::kql::schema::Schema;
use crate::model::Repository;
use crate::model::allowlist::Scope;
use crate::source::FileId;
use crate::yaml::decode;
use crate::yaml::read::read;

/// What became of a rule's exclusions.
#[derive(Debug, Default)]
pub struct Tuning {
    /// The lists to be written beside the rule's file.
    pub lists: Vec<List>,
    /// Exclusions that stay in the query.
    pub kept: Vec<Kept>,
}

/// Splits every rule that can be; their drafts and texts are changed accordingly. One answer for each rule.
pub fn split(input: &Input<'_>, rules: &mut [Imported], terms: &Terms) -> Vec<Tuning> {
    let analyses = Analyses::default();
    let environment = input.environment;
    let mut found: Vec<Tuning> = Vec::with_capacity(rules.len());
    let mut whole = Vec::with_capacity(rules.len());
    for rule in rules.iter_mut() {
        whole.push((rule.draft.clone(), rule.text.clone()));
        let known: Vec<_> = input
            .states
            .iter()
            .filter(|state| match state.target {
                crate::address::Target::Defender => rule.draft.defender.is_some(),
                crate::address::Target::Sentinel(_) => rule.draft.sentinel.is_some(),
            })
            .map(|state| {
                analyses.schema(input.repository, environment, platform_of(&state.target, environment))
            })
            .collect();
        let schemas: Vec<&Schema> = known.iter().map(|known| &known.schema).collect();
        let taken = super::reached_slots(input.repository, &[environment], &rule.draft.id);
        let tuning = super::of_draft(&mut rule.draft, &schemas, &taken, terms)
            .map_or_else(Tuning::default, |split| Tuning { lists: split.lists, kept: split.kept });
        if !tuning.lists.is_empty() {
            rule.text = yaml(&rule.draft.document());
        }
        found.push(tuning);
    }
    let refused = refused(input, rules, &found, &whole, terms);
    for (((rule, tuning), (draft, text)), why) in rules.iter_mut().zip(&mut found).zip(whole).zip(refused) {
        let Some(why) = why else { continue };
        rule.draft = draft;
        rule.text = text;
        let lists = std::mem::take(&mut tuning.lists);
        let entries: usize = lists.iter().map(|list| list.entries.len()).sum();
        let text = if entries == 1 { "1 exclusion".to_owned() } else { format!("{entries} exclusions") };
        tuning.kept.push(Kept { text, line: 1, why });
    }
    found
}

/// For each rule why it must stay whole, if so.
fn refused(
    input: &Input<'_>,
    rules: &[Imported],
    found: &[Tuning],
    whole: &[(crate::import::Draft, String)],
    terms: &Terms,
) -> Vec<Option<String>> {
    let mut refused: Vec<Option<String>> = vec![None; rules.len()];
    let mut repository = input.repository.clone();
    let mut original = input.repository.clone();
    let mut files: Vec<(FileId, usize)> = Vec::new();
    for (at, ((rule, tuning), (_, text))) in rules.iter().zip(found).zip(whole).enumerate() {
        add_rule(&mut original, &rule.draft.id, text);
        files.extend(add_rule(&mut repository, &rule.draft.id, &rule.text).map(|file| (file, at)));
        for list in &tuning.lists {
            let path = list.path(&input.environment.name, &rule.draft.id);
            let text = list.text(&rule.draft.id, terms);
            let file = repository.sources.add(path, &*text);
            files.push((file, at));
            let mut problems = Diagnostics::default();
            let scope = Scope::Environment(input.environment.name.clone());
            let decoded = read(&text, file).ok().and_then(|node| {
                decode::allowlist::allowlist(&node, &list.name(&rule.draft.id), scope, &mut problems)
            });
            match decoded {
                Some(list) if !problems.has_errors() => repository.allowlists.push(Arc::new(list)),
                _ => refuse(&mut refused, at, "its entries cannot be read back"),
            }
        }
    }
    for repository in [&mut original, &mut repository] {
        repository.rules.sort_by(|a, b| a.id.value.cmp(&b.id.value));
    }
    let (before, _) = compile(&original, input.environment, input.today);
    let (after, diagnostics) = compile(&repository, input.environment, input.today);
    for finding in diagnostics.iter().filter(|finding| finding.severity == Severity::Error) {
        let at = finding.span.and_then(|span| files.iter().find(|(file, _)| *file == span.file));
        if let Some((_, at)) = at {
            refuse(&mut refused, *at, &format!("{}: {}", finding.code, finding.summary));
        }
    }
    for (at, (rule, tuning)) in rules.iter().zip(found).enumerate() {
        if tuning.lists.is_empty() {
            continue;
        }
        for state in input.states {
            let address = Address { target: state.target.clone(), rule: rule.draft.id.clone() };
            let resource = |desired: &crate::compile::Desired| {
                let found = desired.resources.iter().find(|resource| resource.address == address)?;
                Some(canonical(state.schema, &found.kind, &found.body))
            };
            let (was, is) = (resource(&before), resource(&after));
            let (Some(was), Some(is)) = (&was, &is) else {
                if was.is_some() != is.is_some() {
                    refuse(&mut refused, at, "it would not be deployed any more");
                }
                continue;
            };
            let other = compare(was, is).into_iter().find(|field| !is_query(&field.path));
            if let Some(field) = other {
                refuse(&mut refused, at, &format!("it would change {}", field.path));
            }
        }
    }
    refused
}

fn refuse(refused: &mut [Option<String>], at: usize, why: &str) {
    if let Some(known) = refused.get_mut(at) {
        known.get_or_insert_with(|| why.to_owned());
    }
}

fn is_query(path: &str) -> bool {
    matches!(path, "query" | "queryCondition.queryText")
}

fn add_rule(repository: &mut Repository, id: &str, text: &str) -> Option<FileId> {
    let file = repository.sources.add(format!("rules/{id}.yaml"), text);
    let (rule, _) = decode::rule::decode_rule(&read(text, file).ok()?, None, Some(id));
    repository.rules.push(Arc::new(rule?));
    Some(file)
}
