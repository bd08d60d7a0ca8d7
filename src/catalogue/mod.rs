//! Everything that is deployed where, as one value: what a catalogue site and coverage reports are made from.
//!
//! Pure: compiled environments come in, and for those that were looked at, the plan and what is there. It decides nothing
//! (plan does) and formats nothing (`render` does). Equal queries are kept once, so three hundred environments with one
//! rule set cost little more than one. Start with [`Catalogue::of`]; [`coverage`] counts techniques over it.

pub mod coverage;
mod entries;
mod health;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::Value;

use crate::compile::Desired;
use crate::model::Repository;
use crate::model::environment::{Environment, Ring};
use crate::model::rule::Rule;
use crate::plan::{Plan, TargetState, redacted_line};
use crate::resource::{LineOrigin, Resource};

pub use entries::EntryReach;
pub use health::{Health, Seen};

/// The whole of it.
#[derive(Debug, Clone)]
pub struct Catalogue {
    /// The project's owner.
    pub owner: String,
    /// The day for which it was compiled.
    pub today: Date,
    /// In the order given; a [`Deployment`] names one by its position.
    pub environments: Vec<EnvironmentEntry>,
    /// Every rule of the repository, by id, deployed somewhere or not.
    pub rules: Vec<RuleEntry>,
    /// Every allowlist entry, the next to expire first.
    pub entries: Vec<EntryReach>,
}

/// One environment.
#[derive(Debug, Clone)]
pub struct EnvironmentEntry {
    /// Its name.
    pub name: String,
    /// Its ring.
    pub ring: Option<Ring>,
    /// Its tenant was asked.
    pub seen: bool,
}

/// One rule with its deployments.
#[derive(Debug, Clone)]
pub struct RuleEntry {
    /// What people wrote.
    pub rule: Arc<Rule>,
    /// Its file.
    pub path: String,
    /// The different queries that it is deployed with.
    pub queries: Vec<QueryText>,
    /// By environment, then by target.
    pub deployments: Vec<Deployment>,
}

/// A compiled query without the values of sensitive allowlists.
#[derive(Debug, Clone, PartialEq)]
pub struct QueryText {
    /// As it is deployed.
    pub text: Arc<str>,
    /// Where each line came from, in the first environment that has this query.
    pub lines: Vec<LineOrigin>,
}

/// A rule at one target of one environment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Position in [`Catalogue::environments`].
    pub environment: usize,
    /// `defender` or `sentinel/law-soc`.
    pub target: String,
    /// Wanted switched on.
    pub enabled: bool,
    /// Position in [`RuleEntry::queries`]; kinds without a query have none.
    pub query: Option<usize>,
    /// Allowlist entries in force.
    pub entries: usize,
    /// How it stands there.
    pub health: Health,
}

impl Deployment {
    /// It can raise an alert: wanted switched on and, where somebody looked, there and running.
    #[must_use]
    pub const fn watches(&self) -> bool {
        self.enabled && self.health.runs()
    }
}

/// One environment to put into a catalogue.
#[derive(Debug)]
pub struct Compiled<'a> {
    /// The environment.
    pub environment: &'a Environment,
    /// What it should hold.
    pub desired: &'a Desired,
    /// What is there, when its tenant was asked: the plan, and the lists that it was made from.
    pub seen: Option<(&'a Plan, &'a [TargetState])>,
}

impl Catalogue {
    /// Puts the environments of a repository together. `repository` is the one that `environments` were compiled from.
    #[must_use]
    pub fn of(repository: &Repository, environments: &[Compiled<'_>], today: Date) -> Self {
        let mut by_rule: BTreeMap<&str, (Vec<QueryText>, Vec<Deployment>)> = BTreeMap::new();
        for (number, compiled) in environments.iter().enumerate() {
            let seen = compiled.seen.map(|(plan, states)| Seen::of(plan, states));
            for resource in &compiled.desired.resources {
                let (queries, deployments) = by_rule.entry(resource.address.rule.as_str()).or_default();
                deployments.push(Deployment {
                    environment: number,
                    target: resource.address.target.to_string(),
                    enabled: is_enabled(resource),
                    query: query(resource).map(|text| kept_once(queries, text, &resource.lines)),
                    entries: resource.entries.len(),
                    health: seen.as_ref().map_or(Health::NotLookedAt, |seen| seen.health(resource)),
                });
            }
        }
        let rules = repository.rules.iter().map(|rule| {
            let (queries, deployments) = by_rule.remove(rule.id.as_str()).unwrap_or_default();
            let path = repository.sources.path(rule.id.span.file).to_string();
            RuleEntry { rule: Arc::clone(rule), path, queries, deployments }
        });
        Self {
            owner: repository.project.owner.as_ref().map_or_else(String::new, |owner| owner.value.clone()),
            today,
            rules: rules.collect(),
            entries: entries::of(repository),
            environments: environments
                .iter()
                .map(|compiled| EnvironmentEntry {
                    name: compiled.environment.name.clone(),
                    ring: compiled.environment.ring.as_ref().map(|ring| ring.value),
                    seen: compiled.seen.is_some(),
                })
                .collect(),
        }
    }
}

/// The query in a body: Sentinel's and Defender's place for it (CONTRACT B.3, A.4).
fn query(resource: &Resource) -> Option<String> {
    let nested = || resource.body.get("queryCondition")?.get("queryText");
    let text = resource.body.get("query").or_else(nested)?.as_str()?;
    Some(text.lines().map(redacted_line).collect::<Vec<_>>().join("\n"))
}

/// Sentinel says `enabled: true`, Defender `status: enabled`.
fn is_enabled(resource: &Resource) -> bool {
    match resource.body.get("enabled") {
        Some(Value::Bool(enabled)) => *enabled,
        _ => resource.body.get("status").and_then(Value::as_str) == Some("enabled"),
    }
}

fn kept_once(queries: &mut Vec<QueryText>, text: String, lines: &[LineOrigin]) -> usize {
    if let Some(known) = queries.iter().position(|one| *one.text == *text) {
        return known;
    }
    queries.push(QueryText { text: text.into(), lines: lines.to_vec() });
    queries.len() - 1
}
