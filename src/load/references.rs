//! What only all files together can show: ids and names used twice, and names that lead nowhere.

use std::collections::HashMap;
use std::sync::Arc;

use crate::address::matches_glob;
use crate::diagnostic::{Diagnostic, Diagnostics, codes, did_you_mean};
use crate::fleet::sharing;
use crate::model::Repository;
use crate::model::allowlist::{RulePattern, Scope};
use crate::model::environment::Environment;
use crate::model::rule::Rule;
use crate::source::{Span, Spanned};

/// Suggestions compare with every rule; a repository with more unknown names than this has another problem.
const MOST_SUGGESTIONS: usize = 50;

/// Every check. `rule_files` are the stems of all rule files, those included that could not be decoded, so that a
/// misspelt key in a rule does not make every mention of it an error too. `shared` are all shared allowlists' names.
pub(super) fn check(
    repository: &Repository,
    rule_files: &[(String, Span)],
    shared: &[String],
    out: &mut Diagnostics,
) {
    let mut names = Names::new(repository, rule_files);
    check_ids(&repository.rules, rule_files, out);
    check_names(&repository.rules, out);
    check_environments(repository, out);
    sharing::check(&repository.environments, out);
    for allowlist in &repository.allowlists {
        for pattern in &allowlist.rules {
            if let RulePattern::Glob(text) = &pattern.value {
                let text = Spanned::new(text.as_str(), pattern.span);
                names.expect(
                    &text,
                    codes::ALLOWLIST_TARGET,
                    "the allowlist names a rule that does not exist",
                    out,
                );
            }
        }
    }
    for environment in &repository.environments {
        check_environment(environment, &mut names, shared, out);
        check_watchlists(repository, environment, out);
    }
}

/// Shared watchlists by name, and no two lists of one environment with one alias.
fn check_watchlists(repository: &Repository, environment: &Environment, out: &mut Diagnostics) {
    let shared = || {
        let shared = repository.watchlists.iter().filter(|list| list.scope == Scope::Shared);
        shared.map(|list| list.reference.as_str())
    };
    for wanted in environment.watchlists.iter().flatten() {
        if shared().any(|known| known == wanted.value) {
            continue;
        }
        let full = format!("_shared/{}", wanted.value);
        let near = shared().find(|known| *known == full).or_else(|| did_you_mean(&wanted.value, shared()));
        let finding =
            Diagnostic::error(codes::ENVIRONMENT_REFERENCE, "a shared watchlist that does not exist")
                .labelled(wanted.span, "no such file below environments/_shared/watchlists/");
        out.push(match near {
            Some(near) => finding.with_help(format!("did you mean `{near}`?")),
            None => finding.with_help("an environment's own watchlists need no mention"),
        });
    }
    let mut seen: HashMap<&str, Span> = HashMap::new();
    for list in repository.watchlists.iter().filter(|list| environment.takes_watchlist(list)) {
        if let Some(first) = seen.insert(list.alias.value.as_str(), list.alias.span) {
            out.push(
                Diagnostic::error(codes::DUPLICATE_NAME, "two watchlists have the same alias")
                    .labelled(list.alias.span, format!("`{}` of {}", list.alias.value, environment.name))
                    .with_related(first, "this one has it too")
                    .with_help("rename one of the files"),
            );
        }
    }
}

fn check_environment(
    environment: &Environment,
    names: &mut Names<'_>,
    shared: &[String],
    out: &mut Diagnostics,
) {
    let code = codes::ENVIRONMENT_REFERENCE;
    let ids = environment.overrides.iter().map(|(id, _)| id);
    for id in ids.chain(environment.parameters.iter().map(|parameters| &parameters.rule)) {
        names.expect(&Spanned::new(id.value.as_str(), id.span), code, "a rule that does not exist", out);
    }
    for pattern in environment.select.rules.iter().chain(&environment.select.exclude) {
        names.expect(
            &Spanned::new(pattern.value.as_str(), pattern.span),
            code,
            "a rule that does not exist",
            out,
        );
    }
    for tag in environment.select.tags.iter().filter(|tag| !names.tags.contains(&tag.value.as_str())) {
        let finding =
            Diagnostic::warning(code, "a tag that no rule has").labelled(tag.span, "this selects nothing");
        let near = did_you_mean(&tag.value, names.tags.iter().copied());
        out.push(match near {
            Some(near) => finding.with_guess(near),
            None => finding,
        });
    }
    for list in environment.allowlists.iter().filter(|list| !shared.contains(&list.value)) {
        let full = format!("_shared/{}", list.value);
        let near = if shared.contains(&full) { Some(full.as_str()) } else { None };
        let near = near.or_else(|| did_you_mean(&list.value, shared.iter().map(String::as_str)));
        let help = near.map_or_else(
            || match shared {
                [] => "there are no files below environments/_shared/allowlists/".to_owned(),
                _ => format!(
                    "shared allowlists: {}",
                    shared.iter().take(20).cloned().collect::<Vec<_>>().join(", ")
                ),
            },
            |near| format!("did you mean `{near}`?"),
        );
        out.push(
            Diagnostic::error(code, "a shared allowlist that does not exist")
                .labelled(list.span, "no such file below environments/_shared/allowlists/")
                .with_help(help),
        );
    }
}

/// The names that files may mention.
struct Names<'r> {
    ids: Vec<&'r str>,
    index: std::collections::HashSet<&'r str>,
    /// An earlier id, and what it is now.
    renamed: HashMap<&'r str, &'r str>,
    tags: std::collections::BTreeSet<&'r str>,
    suggestions: usize,
}

impl<'r> Names<'r> {
    fn new(repository: &'r Repository, rule_files: &'r [(String, Span)]) -> Self {
        let decoded = repository.rules.iter().map(|rule| rule.id.value.as_str());
        let ids: Vec<&str> = rule_files.iter().map(|(stem, _)| stem.as_str()).chain(decoded).collect();
        let renamed = repository.rules.iter().flat_map(|rule| {
            rule.previous_ids.iter().map(|old| (old.value.as_str(), rule.id.value.as_str()))
        });
        let tags = repository.rules.iter().flat_map(|rule| rule.tags.iter().map(|tag| tag.value.as_str()));
        Self {
            index: ids.iter().copied().collect(),
            ids,
            renamed: renamed.collect(),
            tags: tags.collect(),
            suggestions: 0,
        }
    }

    /// Reports an id, or a glob, that matches no rule.
    fn expect(&mut self, pattern: &Spanned<&str>, code: &'static str, summary: &str, out: &mut Diagnostics) {
        let text = pattern.value;
        let is_glob = text.contains(['*', '?']);
        let known = if is_glob {
            self.ids.iter().any(|id| matches_glob(text, id))
        } else {
            self.index.contains(text)
        };
        if known {
            return;
        }
        let label = if is_glob { "this matches no rule" } else { "there is no such file below rules/" };
        let finding = Diagnostic::error(code, summary).labelled(pattern.span, label);
        self.suggestions += 1;
        let near = if is_glob || self.suggestions > MOST_SUGGESTIONS {
            None
        } else {
            did_you_mean(text, self.ids.iter().copied())
        };
        out.push(match (self.renamed.get(text), near) {
            (Some(now), _) => finding.with_help(format!("the rule is called `{now}` now")),
            (None, Some(near)) => finding.with_guess(near),
            (None, None) => finding,
        });
    }
}

fn check_ids(rules: &[Arc<Rule>], rule_files: &[(String, Span)], out: &mut Diagnostics) {
    // Where an id differs from its file's name, that was reported, and two files of one name are in two folders.
    let mut seen: HashMap<String, Span> = HashMap::with_capacity(rules.len());
    let mut stems: HashMap<String, &Span> = HashMap::new();
    for (stem, span) in rule_files {
        stems.entry(stem.to_lowercase()).or_insert(span);
    }
    for rule in rules {
        if let Some(first) = seen.get(&rule.id.value.as_str().to_lowercase()) {
            out.push(
                Diagnostic::error(codes::RULE_ID, "two rules have the same id")
                    .labelled(rule.id.span, "used by another rule")
                    .with_related(*first, "the other rule")
                    .with_help("an id is for ever: give the newer rule another one"),
            );
        } else {
            seen.insert(rule.id.value.as_str().to_lowercase(), rule.id.span);
        }
    }
    let mut earlier: HashMap<&str, Span> = HashMap::new();
    for rule in rules {
        for old in &rule.previous_ids {
            let taken = seen.get(old.value.as_str()).or_else(|| earlier.get(old.value.as_str()));
            if let Some(first) = taken {
                let label =
                    if *first == rule.id.span { "this is its id now" } else { "another rule has this id" };
                out.push(
                    Diagnostic::error(codes::RULE_ID, "a previous id is in use")
                        .labelled(old.span, label)
                        .with_related(*first, "used here")
                        .with_help("remove it from `previous_ids` of one of the two"),
                );
            } else {
                earlier.insert(old.value.as_str(), old.span);
            }
        }
    }
}

/// Two rules of one name in one place: Defender refuses the second, and in Sentinel nobody can tell their incidents
/// apart. Where the platform's id is pinned, both are deployed already, and only their owner can decide.
fn check_names(rules: &[Arc<Rule>], out: &mut Diagnostics) {
    let mut defender: HashMap<String, Vec<&Rule>> = HashMap::new();
    let mut sentinel: HashMap<String, Vec<&Rule>> = HashMap::new();
    for rule in rules {
        let name = rule.name.value.trim().to_lowercase();
        let sentinel_pin = rule.sentinel.as_ref().is_some_and(|section| section.rule_id.is_some());
        let platforms = [
            (rule.defender.is_some(), false, &mut defender, "Defender"),
            (rule.sentinel.is_some(), sentinel_pin, &mut sentinel, "Sentinel"),
        ];
        for (deployed, pinned, seen, platform) in platforms {
            if !deployed {
                continue;
            }
            let earlier = seen.entry(name.clone()).or_default();
            let other = earlier.iter().find(|other| meet(rule, other)).copied();
            earlier.push(rule);
            let Some(other) = other else { continue };
            let summary = format!("two rules have the same name in {platform}");
            let finding = if pinned {
                Diagnostic::warning(codes::RULE_NAME, summary)
                    .with_help("incidents of the two cannot be told apart: give one of them another name")
            } else {
                Diagnostic::error(codes::RULE_NAME, summary)
            };
            out.push(
                finding
                    .labelled(rule.name.span, "another rule has this name")
                    .with_related(other.name.span, "the other rule"),
            );
            break;
        }
    }
}

/// Whether some environment, and there some workspace, may take both.
fn meet(a: &Rule, b: &Rule) -> bool {
    let share = |a: &[Spanned<String>], b: &[Spanned<String>]| {
        a.is_empty() || b.is_empty() || a.iter().any(|one| b.iter().any(|other| one.value == other.value))
    };
    let workspaces = match (&a.sentinel, &b.sentinel) {
        (Some(a_section), Some(b_section)) if a.defender.is_none() || b.defender.is_none() => {
            share(&a_section.workspaces, &b_section.workspaces)
        }
        _ => true,
    };
    workspaces && share(&a.environments, &b.environments)
}

fn check_environments(repository: &Repository, out: &mut Diagnostics) {
    let known = || repository.environments.iter().map(|environment| environment.name.as_str());
    let names = repository.rules.iter().flat_map(|rule| &rule.environments);
    for name in names.filter(|name| !known().any(|known| known == name.value)) {
        let finding = Diagnostic::error(
            codes::ENVIRONMENT_REFERENCE,
            "a rule names an environment that does not exist",
        )
        .labelled(name.span, "there is no such folder below environments/");
        out.push(match did_you_mean(&name.value, known()) {
            Some(near) => finding.with_help(format!("did you mean `{near}`?")),
            None => finding,
        });
    }
}
