//! The ATT&CK matrix as a heat map: a column per tactic, a cell per technique, warmer with more rules that watch for it.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};

use crate::catalogue::{Catalogue, Deployment};
use crate::model::attack::matrix::{ENTERPRISE, Technique, technique, techniques};

/// Steps of warmth; the stylesheet has a colour for each.
const STEPS: usize = 5;

/// Rules that watch for a technique under a tactic. A sub-technique's rules count for its technique too.
type Watched<'a> = BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>;

pub(super) fn matrix(catalogue: &Catalogue) -> Markup {
    let watched = watched(catalogue);
    let most = watched.values().map(BTreeSet::len).max().unwrap_or(0);
    html! {
        ol.matrix {
            @for (tactic, words) in ENTERPRISE {
                li.tactic data-tactic=(tactic) {
                    h3 {
                        (words) " "
                        span.share { (share(tactic, &watched)) }
                    }
                    ul {
                        @for one in techniques().iter().filter(|one| !one.is_sub() && one.is_of(tactic)) {
                            (cell(one, tactic, &watched, most))
                        }
                    }
                }
            }
        }
    }
}

fn cell(one: &Technique, tactic: &str, watched: &Watched<'_>, most: usize) -> Markup {
    let Some(rules) = watched.get(&(tactic, one.id)) else {
        return html! { li.none { span.cell { span.id { (one.id) } " " span { (one.name) } } } };
    };
    let below: Vec<(&str, &BTreeSet<&str>)> = watched
        .iter()
        .filter(|((of, id), _)| {
            *of == tactic && id.split_once('.').is_some_and(|(parent, _)| parent == one.id)
        })
        .map(|((_, id), rules)| (*id, rules))
        .collect();
    html! {
        li {
            (link(tactic, one.id, one.name, rules.len(), most))
            @if !below.is_empty() {
                ul.below {
                    @for (id, rules) in below {
                        li { (link(tactic, id, technique(id).map_or("", |known| known.name), rules.len(), most)) }
                    }
                }
            }
        }
    }
}

fn link(tactic: &str, id: &str, name: &str, rules: usize, most: usize) -> Markup {
    html! {
        a.cell.{ "heat" (warmth(rules, most)) } href={ "#" (tactic) "/" (id) } {
            span.id { (id) } " " span { (name) } " " span.count { (rules) }
            span.hidden { @if rules == 1 { " rule" } @else { " rules" } }
        }
    }
}

/// 1 to [`STEPS`].
fn warmth(rules: usize, most: usize) -> usize {
    (rules * STEPS).div_ceil(most.max(1)).clamp(1, STEPS)
}

/// `3 of 23`: techniques of a tactic that at least one rule watches for.
fn share(tactic: &str, watched: &Watched<'_>) -> String {
    let all = techniques().iter().filter(|one| !one.is_sub() && one.is_of(tactic));
    let (mut count, mut of) = (0, 0);
    for one in all {
        of += 1;
        count += usize::from(watched.contains_key(&(tactic, one.id)));
    }
    format!("{count} of {of}")
}

fn watched(catalogue: &Catalogue) -> Watched<'_> {
    let mut watched: Watched<'_> = BTreeMap::new();
    for entry in catalogue.rules.iter().filter(|entry| entry.deployments.iter().any(Deployment::watches)) {
        for attack in &entry.rule.attack {
            for technique in &attack.techniques {
                let id = technique.value.as_str();
                let parent = id.split_once('.').map(|(parent, _)| parent);
                for id in [Some(id), parent].into_iter().flatten() {
                    watched
                        .entry((attack.tactic.value.as_str(), id))
                        .or_default()
                        .insert(entry.rule.id.as_str());
                }
            }
        }
    }
    watched
}
