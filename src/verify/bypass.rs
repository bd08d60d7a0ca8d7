//! Ways through an allowlist: attacks that must alert, changed until an entry silences them.
//!
//! For each entry in force and each case with `must_alert`, the entry's own predicates say what the attack would have to look
//! like; `mutate` says which of that is the attacker's to choose. What can be chosen is put into the case's events, and the
//! compiled query decides: the changed attack must still alert without the allowlist, and be silent with this entry alone.
//! A finding is therefore never a guess. Silence is not proof of the opposite: only these ways are tried.

use serde_json::{Map, Value as Json};

use super::cells::shown;
use super::judge::cut;
use super::mutate::{Choice, choices, put};
use super::stage::Stage;
use super::subject::{Subject, Version, name_of};
use super::{Verifier, codes};
use crate::allowlist::event::meets;
use crate::compile::Desired;
use crate::diagnostic::Diagnostic;
use crate::kql::eval::{INGESTION_TIME, Table, Value};
use crate::model::allowlist::{Allowlist, Entry, Predicate};
use crate::model::case::Case;
use crate::model::environment::Environment;

/// Combinations of changes that are tried for one entry and one case.
const MOST_TRIES: usize = 64;

/// An attack that walks through an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Bypass {
    /// The rule.
    pub rule: String,
    /// The case that it began as.
    pub case: String,
    /// `file#entry`.
    pub entry: String,
    /// What the attacker does.
    pub mutations: Vec<Mutation>,
    /// The event that is no longer reported: columns that have a value.
    pub event: Map<String, Json>,
    /// The finding, at the entry.
    pub finding: Diagnostic,
}

/// One change of an attack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutation {
    /// The column as the entry names it.
    pub column: String,
    /// Its value in the case.
    pub before: String,
    /// Its value in the changed attack.
    pub after: String,
    /// How, as the end of "the attacker …".
    pub how: &'static str,
}

impl Mutation {
    /// `FileName: `a` becomes `b``; of a text that only grew, what was added.
    fn told(&self) -> String {
        match self.after.strip_prefix(&self.before) {
            Some(added) if !self.before.is_empty() => {
                format!("{} gains `{}` at its end", self.column, cut(added.trim_start()))
            }
            _ => format!("{}: `{}` becomes `{}`", self.column, cut(&self.before), cut(&self.after)),
        }
    }
}

impl<'a> Verifier<'a> {
    /// Every way that was found through the entries of an environment, one for each entry and case.
    pub fn bypasses(&self, environment: &'a Environment, desired: &Desired) -> Vec<Bypass> {
        let mut found: Vec<Bypass> = Vec::new();
        for suite in &self.repository.suites {
            for subject in self.subjects(suite, environment, desired) {
                for case in suite.cases.iter().filter(|case| case.must_alert) {
                    if !self.mistakes_of(suite, case).has_errors() {
                        self.through_entries(&subject, case, &environment.name, &mut found);
                    }
                }
            }
        }
        found
    }

    fn through_entries(
        &self,
        subject: &Subject<'_>,
        case: &Case,
        environment: &str,
        found: &mut Vec<Bypass>,
    ) {
        let plain = subject.without_allowlist();
        let played = self.run(subject, &plain, case);
        let Ok(evaluated) = &*played else { return };
        if !subject.fires(evaluated.table.rows.len()) {
            return;
        }
        for used in &subject.resource.entries {
            let name = name_of(used);
            let known = |bypass: &Bypass| bypass.entry == name && bypass.case == case.name.value;
            let Some((list, entry)) = self.list_and_entry(&name).filter(|_| !found.iter().any(known)) else {
                continue;
            };
            let attack = Attack { case, stage: self.stage(&subject.known, case), result: &evaluated.table };
            let only = subject.with_only(used);
            let Some(way) = self.way_through(subject, &plain, &only, entry, &attack) else { continue };
            found.push(way.told(subject, case, &name, (list, entry), environment));
        }
    }

    fn way_through(
        &self,
        subject: &Subject<'_>,
        plain: &Version,
        only: &Version,
        entry: &Entry,
        attack: &Attack<'_>,
    ) -> Option<Way> {
        let mut options: Vec<(&Predicate, String, Vec<Choice>)> = Vec::new();
        for predicate in &entry.predicates {
            let old = attack.value(&predicate.column.value);
            let event = [(predicate.column.value.clone(), Json::from(old.clone()))].into_iter().collect();
            if meets(predicate, &event) {
                continue;
            }
            let choices = choices(&predicate.column.value, &predicate.test, &old);
            if choices.is_empty() {
                return None;
            }
            options.push((predicate, old, choices));
        }
        // Nothing has to change: the attack itself is silenced, which `promises` reports.
        if options.is_empty() {
            return None;
        }
        let combinations: usize = options.iter().map(|(_, _, choices)| choices.len()).product();
        (0..combinations.min(MOST_TRIES)).find_map(|number| {
            let mut stage = (*attack.stage).clone();
            let mut mutations = Vec::new();
            let mut rest = number;
            for (predicate, old, choices) in &options {
                let choice = choices.get(rest % choices.len())?;
                rest /= choices.len();
                let column = &predicate.column.value;
                if put(&mut stage, column, old, &choice.value) == 0 {
                    return None;
                }
                mutations.push(Mutation {
                    column: column.clone(),
                    before: old.clone(),
                    after: choice.value.clone(),
                    how: choice.how,
                });
            }
            let fires = |version: &Version| {
                let (_, parsed) = self.parsed(version);
                let played = self.on_stage(&parsed, &version.text, subject, &stage).ok()?;
                Some(subject.fires(played.table.rows.len()))
            };
            (fires(plain)? && !fires(only)?)
                .then(|| Way { mutations, event: changed_event(&attack.stage, &stage) })
        })
    }

    fn list_and_entry(&self, name: &str) -> Option<(&'a Allowlist, &'a Entry)> {
        let entry = self.entry(name)?;
        let holds = |list: &&'a Allowlist| list.entries.iter().any(|one| std::ptr::eq(one, entry));
        Some((self.repository.allowlists.iter().map(AsRef::as_ref).find(holds)?, entry))
    }
}

/// A case that alerts, with its events and the rows that it leads to.
struct Attack<'p> {
    case: &'p Case,
    stage: std::sync::Arc<Stage>,
    result: &'p Table,
}

impl Attack<'_> {
    /// The value that the alert has in a column: from the result, or from the events when the query does not return it.
    fn value(&self, column: &str) -> String {
        let first = |table: &Table| {
            let at = table.columns.iter().position(|known| &*known.name == column)?;
            let mut values = table.rows.iter().filter_map(|row| row.get(at));
            values.find(|value| value.as_str() != Some("") && !value.is_null()).map(shown)
        };
        let events = self.case.events.iter().filter_map(|feed| self.stage.tables.get(&feed.name.value));
        first(self.result).or_else(|| events.into_iter().find_map(first)).unwrap_or_default()
    }
}

/// The first event that differs from the case's, with its values.
fn changed_event(before: &Stage, after: &Stage) -> Map<String, Json> {
    let mut event = Map::new();
    for (name, table) in &after.tables {
        let Some(original) = before.tables.get(name) else { continue };
        let changed = table.rows.iter().zip(&original.rows).find(|(row, original)| row != original);
        if let Some((row, _)) = changed {
            for (column, value) in table.columns.iter().zip(row) {
                if !super::cells::is_empty(value) && &*column.name != INGESTION_TIME {
                    event.insert(column.name.to_string(), as_json(value));
                }
            }
            break;
        }
    }
    event
}

fn as_json(value: &Value) -> Json {
    match value {
        Value::Bool(b) => Json::from(*b),
        Value::Int(n) => Json::from(*n),
        Value::Long(n) => Json::from(*n),
        Value::Real(n) => Json::from(*n),
        other => Json::from(shown(other)),
    }
}

struct Way {
    mutations: Vec<Mutation>,
    event: Map<String, Json>,
}

impl Way {
    fn told(
        mut self,
        subject: &Subject<'_>,
        case: &Case,
        name: &str,
        (list, entry): (&Allowlist, &Entry),
        environment: &str,
    ) -> Bypass {
        if list.sensitive {
            for mutation in &mut self.mutations {
                "a value of this entry (sensitive)".clone_into(&mut mutation.after);
            }
            self.event.clear();
        }
        let rule = &subject.resource.address.rule;
        let ways: Vec<String> = self.mutations.iter().map(Mutation::told).collect();
        let mut hows: Vec<&str> = self.mutations.iter().map(|change| change.how).collect();
        hows.dedup();
        let label = format!("the attacker {}", hows.join(", and "));
        let detail = format!(
            "the attack `{}` of {rule}, changed, is no longer reported: {}",
            case.name.value,
            ways.join("; ")
        );
        let summary = "an attack walks through an allowlist entry";
        let finding = match entry.exception {
            Some(_) => codes::BYPASS.warning(summary),
            None => codes::BYPASS.error(summary),
        };
        let finding = finding
            .labelled(entry.id.span, label)
            .with_detail(detail)
            .with_help("add a predicate that the attacker cannot choose: a hash, a valid signer, a device or account id")
            .with_related(case.name.span, "the attack")
            .in_environment(environment);
        Bypass {
            rule: rule.clone(),
            case: case.name.value.clone(),
            entry: name.to_owned(),
            mutations: self.mutations,
            event: self.event,
            finding,
        }
    }
}
