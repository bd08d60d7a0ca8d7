//! Which ATT&CK techniques an environment watches, and with which rules.
//!
//! A technique that a rule names is not a technique that is covered; the numbers say how many rules watch for it, and a
//! reader decides. Only rules that can raise an alert count: deployed, switched on and, where the tenant was asked, there
//! and not switched off by the service.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::attack::TACTICS;
use crate::model::attack::matrix::{ENTERPRISE, technique};

use super::Catalogue;

/// What one environment watches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// The environment.
    pub environment: String,
    /// Its tenant was asked.
    pub seen: bool,
    /// Rules that are deployed there in any state.
    pub deployed: usize,
    /// Rules that can raise an alert.
    pub watching: usize,
    /// The tactics that are watched, in the order of the matrix; those outside of it last.
    pub tactics: Vec<TacticCoverage>,
}

/// One tactic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TacticCoverage {
    /// In the services' spelling.
    pub tactic: &'static str,
    /// `TA0003`; empty for the ones that have none.
    pub id: &'static str,
    /// It is part of the Enterprise matrix.
    pub enterprise: bool,
    /// By id.
    pub techniques: Vec<TechniqueCoverage>,
    /// Rules that name the tactic without a technique.
    pub bare: Vec<String>,
}

/// One technique or sub-technique under one tactic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TechniqueCoverage {
    /// `T1053.005`
    pub id: String,
    /// Its name, if this version knows the id.
    pub name: Option<&'static str>,
    /// The rules, by id.
    pub rules: Vec<String>,
}

/// Counts one environment, by its position in the catalogue.
#[must_use]
pub fn of(catalogue: &Catalogue, environment: usize) -> Coverage {
    let mut found: BTreeMap<&str, BTreeMap<Option<&str>, BTreeSet<&str>>> = BTreeMap::new();
    let (mut deployed, mut watching) = (0, 0);
    for entry in &catalogue.rules {
        let here = || entry.deployments.iter().filter(|one| one.environment == environment);
        deployed += usize::from(here().next().is_some());
        if !here().any(super::Deployment::watches) {
            continue;
        }
        watching += 1;
        for attack in &entry.rule.attack {
            let tactic = found.entry(attack.tactic.value.as_str()).or_default();
            let techniques = attack.techniques.iter().map(|technique| Some(technique.value.as_str()));
            let bare = attack.techniques.is_empty().then_some(None);
            for technique in techniques.chain(bare) {
                tactic.entry(technique).or_default().insert(entry.rule.id.as_str());
            }
        }
    }
    let order = ENTERPRISE.iter().map(|(word, _)| *word);
    let others = TACTICS.iter().map(|(word, _)| *word);
    let others = others.filter(|word| !ENTERPRISE.iter().any(|(known, _)| known == word));
    let tactics = order.chain(others).filter_map(|word| Some(tactic(word, found.get(word)?)));
    let known = catalogue.environments.get(environment);
    Coverage {
        environment: known.map_or_else(String::new, |known| known.name.clone()),
        seen: known.is_some_and(|known| known.seen),
        deployed,
        watching,
        tactics: tactics.collect(),
    }
}

fn tactic(word: &'static str, found: &BTreeMap<Option<&str>, BTreeSet<&str>>) -> TacticCoverage {
    let rules = |ids: &BTreeSet<&str>| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    TacticCoverage {
        tactic: word,
        id: TACTICS.iter().find(|(known, _)| *known == word).map_or("", |(_, id)| id),
        enterprise: ENTERPRISE.iter().any(|(known, _)| *known == word),
        techniques: found
            .iter()
            .filter_map(|(id, watched)| {
                let id = (*id)?;
                Some(TechniqueCoverage {
                    id: id.to_owned(),
                    name: technique(id).map(|known| known.name),
                    rules: rules(watched),
                })
            })
            .collect(),
        bare: found.get(&None).map(rules).unwrap_or_default(),
    }
}
