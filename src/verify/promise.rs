//! What cases say about a deployment: attacks that must alert, mistakes in cases, and rules that have too few of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::subject::{Subject, Version};
use super::{Verifier, address_of, codes, stage};
use crate::address::Target;
use crate::compile::{Desired, Known, platform_of};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kql::bind::bind;
use crate::model::allowlist::Entry;
use crate::model::case::{Case, Expect, Suite};
use crate::model::environment::Environment;
use crate::model::rule::{Query, Rule, Status};

/// How many rows attacks made of queries, for all verifiers of a run: three hundred tenants with one query cost one evaluation.
#[derive(Debug, Default)]
pub struct Attacks(Mutex<HashMap<Attack, usize>>);

/// A query's text, and the addresses of its schema and of the case; both live as long as the run.
type Attack = (Arc<str>, usize, usize);

impl Attacks {
    fn rows(&self, attack: &Attack) -> Option<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(attack).copied()
    }

    fn keep(&self, attack: Attack, rows: usize) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(attack, rows);
    }
}

impl<'a> Verifier<'a> {
    /// As one of several verifiers of a run, of the same repository and the same day.
    #[must_use]
    pub fn among(self, attacks: &'a Attacks) -> Self {
        Self { attacks: Some(attacks), ..self }
    }

    /// Plays every case that must alert against what an environment should hold. With any error among the findings,
    /// nothing may be deployed there: an attack would pass unseen, or nobody knows whether it would.
    pub fn promises(&self, environment: &'a Environment, desired: &Desired) -> Diagnostics {
        let mut out = Diagnostics::default();
        for suite in &self.repository.suites {
            if !suite.cases.iter().any(|case| case.must_alert) {
                continue;
            }
            let subjects = self.subjects(suite, environment, desired);
            for case in suite.cases.iter().filter(|case| case.must_alert) {
                if subjects.is_empty() {
                    continue;
                }
                if let Some(mistake) = self.mistakes_of(suite, case).iter().next() {
                    out.push(unproven(case, format!("it has mistakes: {}", mistake.summary)));
                    continue;
                }
                for subject in &subjects {
                    self.promise(subject, case, &mut out);
                }
            }
        }
        for finding in out.iter_mut() {
            finding.environments = vec![environment.name.clone()];
        }
        out
    }

    fn promise(&self, subject: &Subject<'_>, case: &Case, out: &mut Diagnostics) {
        // Watchlists are an environment's own, and a query may look into them.
        let known = self.attacks.filter(|_| subject.lists.is_empty());
        let key = (Arc::clone(&subject.whole.text), address_of(&*subject.known), address_of(case));
        if known.and_then(|attacks| attacks.rows(&key)).is_some_and(|rows| subject.fires(rows)) {
            return;
        }
        let played = self.run(subject, &subject.whole, case);
        if let (Some(attacks), Ok(evaluated)) = (known, &*played) {
            attacks.keep(key, evaluated.table.rows.len());
        }
        match &*played {
            Err(fault) => out.push(unproven(case, self.fault(fault, &subject.whole))),
            Ok(evaluated) if subject.fires(evaluated.table.rows.len()) => {}
            Ok(_) => {
                let silencing = self.silencing(subject, case);
                out.push(if silencing.is_empty() {
                    self.no_alert(subject, case)
                } else {
                    self.silenced(subject, case, &silencing)
                });
            }
        }
    }

    fn silenced(&self, subject: &Subject<'_>, case: &Case, silencing: &[String]) -> Diagnostic {
        let rule = &subject.resource.address.rule;
        let mut finding = codes::SILENCED
            .error("an allowlist silences an attack that must alert")
            .labelled(case.name.span, format!("`{rule}` stays silent on this"))
            .with_help("narrow the entry by a hash, a signer, or a device or account id; or remove it");
        for name in silencing {
            if let Some(entry) = self.entry(name) {
                finding = finding.with_related(entry.id.span, "silenced by this entry");
            }
        }
        finding
    }

    fn no_alert(&self, subject: &Subject<'_>, case: &Case) -> Diagnostic {
        let rule = &subject.resource.address.rule;
        codes::NO_ALERT
            .error("an attack that must alert does not")
            .labelled(case.name.span, format!("`{rule}` stays silent on this, allowlist or not"))
            .with_detail(format!(
                "at {}, with the parameters of this environment",
                subject.resource.address.target
            ))
            .with_help(format!("`palisade test {rule} --coverage` shows which condition drops the events"))
    }

    /// An entry by `file#entry`.
    pub(super) fn entry(&self, name: &str) -> Option<&'a Entry> {
        let (path, id) = name.rsplit_once('#')?;
        let lists = self.repository.allowlists.iter();
        let mut lists = lists.filter(|list| self.repository.sources.path(list.span.file) == path);
        lists.find_map(|list| list.entries.iter().find(|entry| entry.id.value == id))
    }

    /// Everything that is wrong with the cases themselves, as far as files alone did not show it.
    pub fn mistakes(&self, wanted: &dyn Fn(&str) -> bool) -> Diagnostics {
        let mut out = Diagnostics::default();
        for suite in self.suites(wanted) {
            for case in &suite.cases {
                out.extend((*self.mistakes_of(suite, case)).clone());
            }
            self.unread(suite, &mut out);
        }
        out
    }

    /// Mistakes of one case, found once.
    pub(super) fn mistakes_of(&self, suite: &Suite, case: &Case) -> Arc<Diagnostics> {
        let key = address_of(case);
        if let Some(known) = self.memory.borrow().mistakes.get(&key) {
            return Arc::clone(known);
        }
        let mut found = Diagnostics::default();
        if let Some(rule) = self.rule(&suite.rule) {
            let named: Vec<String> = case.events.iter().map(|feed| feed.name.value.clone()).collect();
            let read = |table: &String| queries(rule).any(|query| names_word(&query.text.value, table));
            // In the order of the case, then whatever else the query may name.
            let mut tables: Vec<String> = named.into_iter().filter(read).collect();
            tables.extend(rule.data_sources.iter().map(|source| source.value.clone()));
            stage::check(case, &self.schemas_of(rule), &tables, self.today, &mut found);
        }
        let found = Arc::new(found);
        self.memory.borrow_mut().mistakes.insert(key, Arc::clone(&found));
        found
    }

    /// Every schema that a rule's queries may be evaluated under.
    fn schemas_of(&self, rule: &Rule) -> Vec<Arc<Known>> {
        let mut schemas: Vec<Arc<Known>> = Vec::new();
        for environment in &self.repository.environments {
            let defender =
                rule.defender.as_ref().and(environment.defender.as_ref()).map(|_| Target::Defender);
            let first = environment.sentinel.first().filter(|_| rule.sentinel.is_some());
            let sentinel = first.map(|workspace| Target::Sentinel(Arc::clone(&workspace.value)));
            for target in defender.into_iter().chain(sentinel) {
                let platform = platform_of(&target, environment);
                let known = self.analyses.schema(self.repository, environment, platform);
                if !schemas.iter().any(|other| Arc::ptr_eq(other, &known)) {
                    schemas.push(known);
                }
            }
        }
        schemas
    }

    /// Cases with events in a table that no query of the rule reads.
    fn unread(&self, suite: &Suite, out: &mut Diagnostics) {
        let Some(rule) = self.rule(&suite.rule) else { return };
        let schemas = self.schemas_of(rule);
        let mut read: Vec<String> = Vec::new();
        for query in queries(rule) {
            let text: Arc<str> = query.text.value.as_str().into();
            let (_, parsed) = self.parsed(&Version { text, lines: Arc::from([]) });
            for known in &schemas {
                let bound = bind(&parsed, &query.text.value, &known.schema);
                let stored = bound.functions.iter().any(|name| known.schema.function(name).is_some());
                // Wildcards and stored functions read what nobody wrote down.
                if stored
                    || ["union", "search", "find"].iter().any(|word| names_word(&query.text.value, word))
                {
                    return;
                }
                read.extend(bound.tables);
            }
        }
        let feeds = suite.cases.iter().flat_map(|case| &case.events).filter(|feed| !feed.rows.is_empty());
        for feed in feeds.filter(|feed| !read.contains(&feed.name.value)) {
            // An unknown table was reported already.
            if schemas.iter().any(|known| known.schema.table_columns(&feed.name.value).is_some()) {
                out.push(
                    codes::UNREAD
                        .warning("events that the rule never reads")
                        .labelled(feed.name.span, format!("`{}` does not read this table", suite.rule))
                        .with_help("remove them, or move them into the table that the query reads"),
                );
            }
        }
    }

    /// Rules in production without a case of each kind.
    pub fn untested(&self) -> Diagnostics {
        let mut out = Diagnostics::default();
        let policy = &self.repository.project.lint;
        for rule in &self.repository.rules {
            if rule.status.value != Status::Production || queries(rule).next().is_none() {
                continue;
            }
            let suite = self.repository.suites.iter().find(|suite| suite.rule == rule.id.value);
            let cases = suite.map(|suite| suite.cases.as_slice()).unwrap_or_default();
            let silent = cases.iter().any(|case| matches!(case.expect, Expect::Silent));
            let alert = cases.iter().any(|case| matches!(case.expect, Expect::Alert(_)));
            let missing = match (alert, silent) {
                (true, true) => continue,
                (false, false) => "no case at all",
                (false, true) => "no case that expects an alert",
                (true, false) => "no case that expects silence",
            };
            let mut found = Diagnostics::default();
            found.push(
                codes::UNTESTED
                    .warning("a rule in production is not tested")
                    .labelled(rule.status.span, format!("in production with {missing}"))
                    .with_help(format!("write one into tests/{}.yaml", rule.id.value)),
            );
            out.extend(crate::compile::apply_policy(policy, &rule.silence, found));
        }
        out
    }
}

fn unproven(case: &Case, why: String) -> Diagnostic {
    codes::UNPROVEN
        .error("a case that must alert cannot be played")
        .labelled(case.name.span, "nobody knows whether this attack still raises an alert")
        .with_detail(why)
        .with_help("repair the case; or, for what is not evaluated, write the query differently or drop `must_alert`")
}

/// Every query of a rule.
pub(super) fn queries(rule: &Rule) -> impl Iterator<Item = &Query> {
    let sentinel = rule.sentinel.as_ref();
    let own = [
        sentinel.and_then(|section| section.query.as_ref()),
        rule.defender.as_ref().and_then(|section| section.query.as_ref()),
    ];
    let takes_shared =
        rule.defender.is_some() || sentinel.is_some_and(|section| section.kind.value.has_query());
    own.into_iter().flatten().chain(rule.query.as_ref().filter(|_| takes_shared))
}

/// Whether a text contains a word as a whole.
fn names_word(text: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, found)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}
