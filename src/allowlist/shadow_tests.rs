//! The index of `shadow` finds what comparing every entry with every other finds, and nothing else.

use std::sync::Arc;

use proptest::prelude::*;

use super::semantics_tests::{entry, one};
use super::uses::Reach;
use super::{implies, shadow};
use crate::diagnostic::Diagnostics;
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, Entry, RulePattern, Scope};
use crate::yaml::{decode, read};

/// Two rules in two environments.
fn repository() -> Repository {
    let mut repository = Repository::default();
    for id in ["a", "b"] {
        let text = format!(
            "id: {id}\nname: {id}\nstatus: production\nseverity: low\nquery: |\n  T\n  // allowlist\ndefender:\n  frequency: PT1H\n  title: {id}\n  entities: {{hosts: [{{deviceIdColumn: d}}]}}\n"
        );
        let file = repository.sources.add(format!("rules/{id}.yaml"), text.as_str());
        let (rule, problems) = decode::decode_rule(&read::read(&text, file).unwrap(), None, Some(id));
        repository.rules.push(Arc::new(rule.unwrap_or_else(|| panic!("{problems:?}"))));
    }
    for name in ["x", "y"] {
        let text = format!(
            "owner: o/{name}\ntenant_id: 11111111-1111-4111-8111-111111111111\ndefender: {{}}\nprune: owned\nallowlists: [_shared/s]\n"
        );
        let file = repository.sources.add(format!("environments/{name}/environment.yaml"), text.as_str());
        let node = read::read(&text, file).unwrap();
        let mut out = Diagnostics::default();
        repository.environments.extend(decode::environment::environment(&node, name, &mut out));
    }
    repository
}

fn list(scope: Scope, rules: &[&str], entries: Vec<Entry>) -> Arc<Allowlist> {
    let rules = rules.iter().map(|rule| match *rule {
        "any" => one(RulePattern::Any),
        rule => one(RulePattern::Glob(rule.to_owned())),
    });
    Arc::new(Allowlist {
        name: if scope == Scope::Shared { "_shared/s".into() } else { "l".into() },
        scope,
        rules: rules.collect(),
        slot: one("main".to_owned()),
        sensitive: false,
        entries,
        span: one(()).span,
    })
}

fn lists() -> impl Strategy<Value = Vec<Arc<Allowlist>>> {
    let scope = prop::sample::select(vec![
        Scope::Environment("x".into()),
        Scope::Environment("y".into()),
        Scope::Shared,
    ]);
    let rules = prop::sample::select(vec![&["a"][..], &["b"], &["any"], &["a", "b"], &["?"], &["none"]]);
    let one_list = (scope, rules, prop::collection::vec(entry(), 1..6))
        .prop_map(|(scope, rules, entries)| list(scope, rules, entries));
    prop::collection::vec(one_list, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn the_index_misses_nothing(lists in lists()) {
        let mut repository = repository();
        repository.allowlists = lists;
        let reach = Reach::of(&repository);
        let found: Vec<(usize, usize)> =
            shadow::pairs(&repository, &reach).into_iter().map(|pair| pair.narrow).collect();
        let all: Vec<(usize, usize, &Entry)> = repository
            .allowlists
            .iter()
            .enumerate()
            .flat_map(|(list, file)| file.entries.iter().enumerate().map(move |(at, entry)| (list, at, entry)))
            .collect();
        for (number, (list, at, narrow)) in all.iter().enumerate() {
            let covered = |(other, (wide_list, _, wide)): (usize, &(usize, usize, &Entry))| {
                let covers = |a: usize, x: &Entry, b: usize, y: &Entry| {
                    reach.includes(b, a) && y.expires.value >= x.expires.value && implies::entry(x, y)
                };
                other != number
                    && covers(*list, narrow, *wide_list, wide)
                    && (other < number || !covers(*wide_list, wide, *list, narrow))
            };
            let expected = reach.size(*list) > 0 && all.iter().enumerate().any(covered);
            prop_assert_eq!(found.contains(&(*list, *at)), expected, "{:?}", narrow.predicates);
        }
    }
}
