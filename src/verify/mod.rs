//! Cases played: does each rule, as compiled for each environment, do what its cases expect?
//!
//! Pure: a repository, what compilation made of it and a day in; outcomes and diagnostics out. Where to start reading:
//!
//! * [`Verifier::play`]: every case of an environment's rules, or of the bare rules without any allowlist; what
//!   `palisade test` shows. `stage` sets a case up, `judge` compares, `subject` is a compiled query in versions.
//! * [`Verifier::promises`]: the cases that must alert, as diagnostics that stop an environment; [`Verifier::mistakes`]: what is
//!   wrong with the cases themselves.
//! * [`bypass`]: attacks changed in ways that are the attacker's to choose, until an allowlist entry silences them.
//! * [`coverage`]: which conditions of a query the cases exercised.
//!
//! Never here: reading files, and printing.

mod bare;
pub mod bypass;
mod cells;
mod codes;
pub mod coverage;
mod judge;
mod mutate;
mod promise;
mod stage;
mod subject;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::civil::Date;

use crate::address::RuleId;
use crate::compile::{Analyses, Desired, Known};
use crate::diagnostic::Diagnostics;
use crate::kql::eval::{Budget, Evaluated, Evaluator, Fault, Table, World};
use crate::kql::{Parse, parse};
use crate::model::Repository;
use crate::model::case::{Alert, Case, Expect, Suite};
use crate::model::environment::Environment;

pub use bare::Bare;
pub use codes::CODES;
pub use judge::{RowLine, Verdict};
pub use promise::Attacks;

use stage::Stage;
use subject::{Subject, Version, name_of};

/// The most that one query may do: a case has few events, and a query that does more runs away.
const BUDGET: Budget = Budget { rows: 1_000_000, steps: 50_000_000, bytes: 512 << 20 };

/// How a case went.
#[derive(Debug)]
pub struct Outcome<'a> {
    /// The rule.
    pub rule: &'a RuleId,
    /// Where; `None`: without any environment, so without its parameters and allowlists.
    pub environment: Option<&'a str>,
    /// The case.
    pub case: &'a Case,
    /// What was expected here: `alert` or `silent`.
    pub expect: &'static str,
    /// It did what was expected.
    pub passed: bool,
    /// What it did instead, one sentence each; the target in front where there are several.
    pub reasons: Vec<String>,
    /// Rows that should be there and are not, and those that are.
    pub rows: Vec<RowLine>,
    /// The allowlist entries that silenced it, `file#entry`.
    pub silenced_by: Vec<String>,
}

/// Plays cases and remembers what it played: environments that compile a rule to one text cost one evaluation.
#[derive(Debug)]
pub struct Verifier<'a> {
    repository: &'a Repository,
    analyses: &'a Analyses,
    today: Date,
    evaluator: Evaluator,
    memory: RefCell<Memory>,
    attacks: Option<&'a Attacks>,
}

/// A result, shared between the environments that have the same query.
type Played = Arc<Result<Evaluated, Fault>>;

#[derive(Debug, Default)]
struct Memory {
    /// Texts that were parsed, each with its number.
    texts: HashMap<Arc<str>, (usize, Arc<Parse>)>,
    /// By schema and case.
    stages: HashMap<(usize, usize), Arc<Stage>>,
    /// By text, schema, case and watchlists.
    played: HashMap<(usize, usize, usize, usize), Played>,
    /// The watchlists of each environment, by its name; those that have none share them.
    lists: HashMap<String, Arc<BTreeMap<String, Table>>>,
    /// Mistakes of a case.
    mistakes: HashMap<usize, Arc<Diagnostics>>,
}

impl<'a> Verifier<'a> {
    /// For one repository as of `today` (UTC).
    #[must_use]
    pub fn new(repository: &'a Repository, analyses: &'a Analyses, today: Date) -> Self {
        let (evaluator, memory) = (Evaluator::default(), RefCell::default());
        Self { repository, analyses, today, evaluator, memory, attacks: None }
    }

    /// Plays the cases of every rule that `wanted` names against what an environment should hold.
    pub fn play(
        &self,
        environment: &'a Environment,
        desired: &Desired,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Vec<Outcome<'a>> {
        let mut outcomes = Vec::new();
        for suite in self.suites(wanted) {
            let subjects = self.subjects(suite, environment, desired);
            let here = |case: &&'a Case| {
                case.environments.is_empty()
                    || case.environments.iter().any(|name| name.value == environment.name)
            };
            if !subjects.is_empty() {
                let played = suite.cases.iter().filter(here);
                outcomes
                    .extend(played.map(|case| self.outcome(suite, Some(&environment.name), case, &subjects)));
            }
        }
        outcomes
    }

    /// Plays cases against the rules as they are written, without parameters and allowlists. Left out are cases of certain
    /// environments, and cases that expect silence where it is an allowlist that brings it.
    pub fn play_bare(&self, bare: &Bare, wanted: &dyn Fn(&str) -> bool) -> Vec<Outcome<'a>> {
        let mut outcomes = Vec::new();
        for suite in self.suites(wanted) {
            let subjects = self.subjects(suite, &bare.environment, &bare.desired);
            if subjects.is_empty() {
                continue;
            }
            let listed = self.has_allowlist(&suite.rule);
            for case in suite.cases.iter().filter(|case| case.environments.is_empty()) {
                let outcome = self.outcome(suite, None, case, &subjects);
                let allowlisted = listed && outcome.expect == "silent" && !outcome.rows.is_empty();
                if outcome.passed || !allowlisted {
                    outcomes.push(outcome);
                }
            }
        }
        outcomes
    }

    fn suites<'w>(&self, wanted: &'w dyn Fn(&str) -> bool) -> impl Iterator<Item = &'a Suite> + use<'a, 'w> {
        self.repository.suites.iter().map(AsRef::as_ref).filter(move |suite| wanted(suite.rule.as_str()))
    }

    fn has_allowlist(&self, rule: &RuleId) -> bool {
        self.repository.allowlists.iter().any(|list| crate::allowlist::uses::names_rule(list, rule.as_str()))
    }

    /// The compiled queries of a rule in an environment; targets with the same query count once.
    fn subjects<'d>(
        &self,
        suite: &Suite,
        environment: &Environment,
        desired: &'d Desired,
    ) -> Vec<Subject<'d>> {
        let mut subjects: Vec<Subject<'d>> = Vec::new();
        let lists = self.lists(environment);
        for resource in &desired.resources {
            if resource.address.rule != suite.rule.as_str() {
                continue;
            }
            let platform = crate::compile::platform_of(&resource.address.target, environment);
            let known = self.analyses.schema(self.repository, environment, platform);
            let Some(subject) = Subject::of(resource, known, Arc::clone(&lists)) else { continue };
            let is_known = subjects.iter().any(|other| {
                other.whole.text == subject.whole.text && Arc::ptr_eq(&other.known, &subject.known)
            });
            if !is_known {
                subjects.push(subject);
            }
        }
        subjects
    }

    fn lists(&self, environment: &Environment) -> Arc<BTreeMap<String, Table>> {
        let mut memory = self.memory.borrow_mut();
        if let Some(known) = memory.lists.get(&environment.name) {
            return Arc::clone(known);
        }
        let found = stage::watchlists(self.repository, environment);
        let none = memory.lists.values().find(|lists| lists.is_empty() && found.is_empty());
        let found = none.map_or_else(|| Arc::new(found), Arc::clone);
        memory.lists.insert(environment.name.clone(), Arc::clone(&found));
        found
    }

    fn outcome(
        &self,
        suite: &'a Suite,
        environment: Option<&'a str>,
        case: &'a Case,
        subjects: &[Subject<'_>],
    ) -> Outcome<'a> {
        let expect = self.expected(case, subjects);
        let mut outcome = Outcome {
            rule: &suite.rule,
            environment,
            case,
            expect: expect.word(),
            passed: false,
            reasons: Vec::new(),
            rows: Vec::new(),
            silenced_by: Vec::new(),
        };
        if let Some(mistake) = self.mistakes_of(suite, case).iter().next() {
            let place = mistake
                .span
                .map_or_else(String::new, |span| format!(" at {}", self.repository.sources.display(span)));
            outcome.reasons.push(format!("the case has mistakes: {}{place}", mistake.summary));
            return outcome;
        }
        for subject in subjects {
            let (verdict, silenced_by) = self.verdict(subject, case, &expect);
            let target = match subjects.len() {
                1 => String::new(),
                _ => format!("{}: ", subject.resource.address.target),
            };
            outcome.reasons.extend(verdict.reasons.into_iter().map(|reason| format!("{target}{reason}")));
            outcome.rows.extend(verdict.rows);
            outcome.silenced_by.extend(silenced_by);
        }
        outcome.silenced_by.sort();
        outcome.silenced_by.dedup();
        outcome.passed = outcome.reasons.is_empty();
        outcome
    }

    /// What a case expects of these compiled queries: one that names an allowlist entry alerts wherever that entry is not.
    fn expected(&self, case: &'a Case, subjects: &[Subject<'_>]) -> Expect {
        let Some(name) = &case.silenced_by else { return case.expect.clone() };
        let holds =
            |subject: &Subject<'_>| subject.resource.entries.iter().any(|entry| entry.entry == name.value);
        if subjects.iter().any(holds) { Expect::Silent } else { Expect::Alert(Alert::default()) }
    }

    fn verdict(&self, subject: &Subject<'_>, case: &Case, expect: &Expect) -> (Verdict, Vec<String>) {
        let played = self.run(subject, &subject.whole, case);
        let table = match &*played {
            Ok(evaluated) => &evaluated.table,
            Err(fault) => {
                let reason = self.fault(fault, &subject.whole);
                return (Verdict { reasons: vec![reason], rows: Vec::new() }, Vec::new());
            }
        };
        match expect {
            Expect::Alert(wanted) => {
                let now = self.stage(&subject.known, case).now;
                let mut verdict = judge::alert(subject, table, wanted, now);
                let mut silencing = Vec::new();
                if !subject.fires(table.rows.len()) {
                    silencing = self.silencing(subject, case);
                    if !silencing.is_empty()
                        && let Some(first) = verdict.reasons.first_mut()
                    {
                        *first = format!("{first}: silenced by {}", silencing.join(" and "));
                    }
                }
                (verdict, silencing)
            }
            Expect::Silent => {
                let mut verdict = judge::silence(subject, table);
                let silencing =
                    if verdict.reasons.is_empty() { self.silencing(subject, case) } else { Vec::new() };
                if let Some(wanted) = &case.silenced_by
                    && verdict.reasons.is_empty()
                {
                    let is_meant =
                        |name: &String| name.rsplit_once('#').is_some_and(|(_, id)| id == wanted.value);
                    match silencing.as_slice() {
                        [] => verdict.reasons.push(format!(
                            "is silent without an allowlist too: `{}` does not silence it",
                            wanted.value
                        )),
                        names if !names.iter().any(is_meant) => verdict.reasons.push(format!(
                            "is silenced by {}, not by `{}`",
                            names.join(" and "),
                            wanted.value
                        )),
                        _ => {}
                    }
                }
                (verdict, silencing)
            }
        }
    }

    /// The entries that keep a case silent which would alert without an allowlist; none when it would not.
    fn silencing(&self, subject: &Subject<'_>, case: &Case) -> Vec<String> {
        let entries = &subject.resource.entries;
        let fires = |version: &Version| matches!(&*self.run(subject, version, case), Ok(evaluated) if subject.fires(evaluated.table.rows.len()));
        if entries.is_empty() || !fires(&subject.without_allowlist()) {
            return Vec::new();
        }
        let alone: Vec<String> = entries
            .iter()
            .filter(|entry| {
                let version = subject.with_only(entry);
                matches!(&*self.run(subject, &version, case), Ok(evaluated) if !subject.fires(evaluated.table.rows.len()))
            })
            .map(name_of)
            .collect();
        // Several rows, each silenced by another entry.
        if alone.is_empty() { entries.iter().map(name_of).collect() } else { alone }
    }

    /// Evaluates a version of a query on a case, or remembers what came out.
    fn run(&self, subject: &Subject<'_>, version: &Version, case: &Case) -> Played {
        let (number, parsed) = self.parsed(version);
        let key = (number, address_of(&*subject.known), address_of(case), address_of(&*subject.lists));
        if let Some(known) = self.memory.borrow().played.get(&key) {
            return Arc::clone(known);
        }
        let stage = self.stage(&subject.known, case);
        let played: Played = Arc::new(self.on_stage(&parsed, &version.text, subject, &stage));
        self.memory.borrow_mut().played.insert(key, Arc::clone(&played));
        played
    }

    fn parsed(&self, version: &Version) -> (usize, Arc<Parse>) {
        let mut memory = self.memory.borrow_mut();
        if let Some((number, parsed)) = memory.texts.get(&version.text) {
            return (*number, Arc::clone(parsed));
        }
        let entry = (memory.texts.len(), Arc::new(parse(&version.text)));
        memory.texts.insert(Arc::clone(&version.text), entry.clone());
        entry
    }

    fn stage(&self, known: &Arc<Known>, case: &Case) -> Arc<Stage> {
        let key = (address_of(&**known), address_of(case));
        if let Some(stage) = self.memory.borrow().stages.get(&key) {
            return Arc::clone(stage);
        }
        let stage = Arc::new(stage::set_up(case, &known.schema, self.today));
        self.memory.borrow_mut().stages.insert(key, Arc::clone(&stage));
        stage
    }

    fn on_stage(
        &self,
        parsed: &Parse,
        text: &str,
        subject: &Subject<'_>,
        stage: &Stage,
    ) -> Result<Evaluated, Fault> {
        // A case's own watchlists stand in for those of the repository.
        let lists = match (stage.watchlists.is_empty(), subject.lists.is_empty()) {
            (true, _) => Cow::Borrowed(&*subject.lists),
            (false, true) => Cow::Borrowed(&stage.watchlists),
            (false, false) => {
                let mut lists = (*subject.lists).clone();
                lists.extend(stage.watchlists.clone());
                Cow::Owned(lists)
            }
        };
        let world = World {
            schema: &subject.known.schema,
            tables: &stage.tables,
            watchlists: &lists,
            external: &stage.external,
            file_profiles: &stage.file_profiles,
            now: stage.now,
        };
        self.evaluator.evaluate(parsed, text, &world, BUDGET)
    }

    /// Why a query gave no answer, and where that is written.
    fn fault(&self, fault: &Fault, version: &Version) -> String {
        format!("{fault} at {}", version.place(fault.span(), &self.repository.sources))
    }

    fn rule(&self, id: &RuleId) -> Option<&'a crate::model::rule::Rule> {
        self.repository.rules.iter().find(|rule| rule.id.value == *id).map(AsRef::as_ref)
    }
}

/// A number that tells values apart which live as long as the verifier.
fn address_of<T>(value: &T) -> usize {
    std::ptr::from_ref(value).addr()
}
