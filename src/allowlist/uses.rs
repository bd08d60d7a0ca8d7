//! Which rules of which environments an allowlist reaches: the blast radius of its entries.
//!
//! A list reaches a rule in an environment when the environment takes both and the rule's query has the slot. This follows
//! `compile` exactly (same selection, same patterns), without compiling anything.

use std::collections::{BTreeMap, BTreeSet};

use crate::address::matches_glob;
use crate::compile::{Analyses, list_is_in, selected_rules};
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, Entry, RulePattern};
use crate::model::environment::Environment;
use crate::model::rule::Rule;

/// An entry with the list that it stands in.
#[derive(Debug, Clone, Copy)]
pub struct Use<'a> {
    /// The list.
    pub list: &'a Allowlist,
    /// The entry.
    pub entry: &'a Entry,
}

/// Whether a list is written for a rule, by id, glob or `any`.
#[must_use]
pub fn names_rule(list: &Allowlist, rule: &str) -> bool {
    list.rules.iter().any(|pattern| match &pattern.value {
        RulePattern::Any => true,
        RulePattern::Glob(glob) => matches_glob(glob, rule),
    })
}

/// Every entry that an environment has for a rule, in force or not, whatever its slot, in the order of compilation.
pub fn of_rule<'a>(
    repository: &'a Repository,
    environment: &'a Environment,
    rule: &'a Rule,
) -> impl Iterator<Item = Use<'a>> {
    let lists = repository.allowlists.iter().map(AsRef::as_ref);
    let lists = lists.filter(|list| list_is_in(list, environment) && names_rule(list, rule.id.as_str()));
    lists.flat_map(|list| list.entries.iter().map(move |entry| Use { list, entry }))
}

/// The names of all slots of a rule, of whichever platform's query.
#[must_use]
pub fn slots(rule: &Rule, analyses: &Analyses) -> BTreeSet<String> {
    let own = [
        rule.query.as_ref(),
        rule.defender.as_ref().and_then(|section| section.query.as_ref()),
        rule.sentinel.as_ref().and_then(|section| section.query.as_ref()),
    ];
    own.into_iter().flatten().flat_map(|query| analyses.slots(&query.text.value)).collect()
}

/// What every list of a repository reaches.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// By the list's index in the repository: environment index to rules.
    lists: Vec<BTreeMap<u32, Rules>>,
}

/// A set of rules, by their index in the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Rules {
    words: Vec<u64>,
    count: u32,
}

impl Rules {
    fn insert(&mut self, rule: u32) {
        let (word, bit) = ((rule / 64) as usize, 1_u64 << (rule % 64));
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        if let Some(word) = self.words.get_mut(word)
            && *word & bit == 0
        {
            *word |= bit;
            self.count += 1;
        }
    }

    fn includes(&self, other: &Self) -> bool {
        let mine = self.words.iter().copied().chain(std::iter::repeat(0));
        other.words.iter().zip(mine).all(|(theirs, mine)| theirs & !mine == 0)
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0_u32..).flat_map(|(word, index)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| index * 64 + bit)
        })
    }
}

impl Reach {
    /// Follows every list of the repository into every environment.
    #[must_use]
    pub fn of(repository: &Repository) -> Self {
        let analyses = Analyses::default();
        let slots: Vec<BTreeSet<String>> =
            repository.rules.iter().map(|rule| slots(rule, &analyses)).collect();
        let index: BTreeMap<&str, u32> =
            repository.rules.iter().map(|rule| rule.id.as_str()).zip(0..).collect();
        let mut lists = vec![BTreeMap::new(); repository.allowlists.len()];
        for (environment, number) in repository.environments.iter().zip(0_u32..) {
            let mut taken = vec![false; repository.rules.len()];
            for rule in selected_rules(repository, environment) {
                if let Some(known) = index.get(rule.as_str()).and_then(|rule| taken.get_mut(*rule as usize)) {
                    *known = true;
                }
            }
            for (list, reached) in repository.allowlists.iter().zip(&mut lists) {
                if !list_is_in(list, environment) {
                    continue;
                }
                let mut rules = Rules::default();
                let is_met = |rule: u32| {
                    taken.get(rule as usize) == Some(&true)
                        && slots.get(rule as usize).is_some_and(|slots| slots.contains(&list.slot.value))
                };
                for pattern in &list.rules {
                    match &pattern.value {
                        RulePattern::Glob(id) if !id.contains(['*', '?']) => {
                            index
                                .get(id.as_str())
                                .filter(|rule| is_met(**rule))
                                .into_iter()
                                .for_each(|rule| rules.insert(*rule));
                        }
                        RulePattern::Glob(glob) => {
                            let fitting = index.iter().filter(|(id, _)| matches_glob(glob, id));
                            fitting
                                .filter(|(_, rule)| is_met(**rule))
                                .for_each(|(_, rule)| rules.insert(*rule));
                        }
                        RulePattern::Any => {
                            index.values().filter(|rule| is_met(**rule)).for_each(|rule| rules.insert(*rule));
                        }
                    }
                }
                if rules.count > 0 {
                    reached.insert(number, rules);
                }
            }
        }
        Self { lists }
    }

    /// The environments that a list reaches, each with the rules there.
    #[must_use]
    pub fn of_list<'a>(&self, repository: &'a Repository, list: usize) -> Vec<(&'a str, Vec<&'a str>)> {
        let environments = self.lists.get(list).into_iter().flatten();
        environments
            .filter_map(|(environment, rules)| {
                let name = &repository.environments.get(*environment as usize)?.name;
                let rules = rules.iter().filter_map(|rule| repository.rules.get(rule as usize));
                Some((name.as_str(), rules.map(|rule| rule.id.as_str()).collect()))
            })
            .collect()
    }

    /// How many different rules, and in how many environments.
    #[must_use]
    pub fn counts(&self, list: usize) -> (usize, usize) {
        let Some(reached) = self.lists.get(list) else { return (0, 0) };
        let rules: BTreeSet<u32> = reached.values().flat_map(Rules::iter).collect();
        (rules.len(), reached.len())
    }

    /// Pairs of environment and rule, by index.
    pub(super) fn pairs(&self, list: usize) -> impl Iterator<Item = (u32, u32)> + '_ {
        let environments = self.lists.get(list).into_iter().flatten();
        environments.flat_map(|(environment, rules)| rules.iter().map(move |rule| (*environment, rule)))
    }

    /// How many pairs of environment and rule.
    pub(super) fn size(&self, list: usize) -> u32 {
        self.lists.get(list).into_iter().flatten().map(|(_, rules)| rules.count).sum()
    }

    /// Everything that `narrow` reaches, `wide` reaches too.
    pub(super) fn includes(&self, wide: usize, narrow: usize) -> bool {
        let (Some(wide), Some(narrow)) = (self.lists.get(wide), self.lists.get(narrow)) else { return false };
        narrow
            .iter()
            .all(|(environment, rules)| wide.get(environment).is_some_and(|others| others.includes(rules)))
    }
}
