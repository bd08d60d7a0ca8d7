//! The first page: environments, the matrix, and every rule in a table that search and matrix narrow down.

use maud::{Markup, html};

use crate::catalogue::coverage;
use crate::catalogue::{Catalogue, Deployment, RuleEntry};
use crate::model::environment::Ring;

use super::super::safe;
use super::{badge, matrix, shell};

pub(super) fn page(catalogue: &Catalogue) -> String {
    let watching =
        catalogue.rules.iter().filter(|entry| entry.deployments.iter().any(Deployment::watches)).count();
    let main = html! {
        h1 { "Detections" }
        p.lead {
            (counted(catalogue.rules.len(), "rule")) ", " (watching) " of them watching, in "
            (counted(catalogue.environments.len(), "environment")) ". "
            @let due = catalogue.entries.iter().filter(|entry| entry.expires <= catalogue.today).count();
            a href="allowlists.html" { (counted(catalogue.entries.len(), "allowlist entry")) }
            @if due > 0 { ", " strong { (due) " expired" } }
            "."
        }
        (environments(catalogue))
        section #matrix aria-labelledby="matrix-title" {
            div.head {
                h2 #matrix-title { "ATT&CK" }
                label.switch { input #holes type="checkbox" checked; " Show techniques that no rule watches for" }
            }
            p.note { "A cell counts the rules that name a technique and are switched on. A rule that names a technique does not cover it; it is a start." }
            (matrix::matrix(catalogue))
        }
        (rules(catalogue))
    };
    shell::page(catalogue, "Coverage", 0, &main)
}

fn environments(catalogue: &Catalogue) -> Markup {
    html! {
        section #environments aria-labelledby="environments-title" {
            h2 #environments-title { "Environments" }
            div.scroll tabindex="0" role="group" aria-labelledby="environments-title" {
                table {
                    thead { tr { th scope="col" { "Environment" } th scope="col" { "Ring" } th.number scope="col" { "Deployed" } th.number scope="col" { "Watching" } th.number scope="col" { "Allowlist entries" } th scope="col" { "State" } } }
                    tbody {
                        @for (number, environment) in catalogue.environments.iter().enumerate() {
                            @let coverage = coverage::of(catalogue, number);
                            tr {
                                th scope="row" { a href={ "?env=" (environment.name) "#rules" } { (safe::line(&environment.name)) } }
                                td { (environment.ring.map_or("", ring)) }
                                td.number { (coverage.deployed) }
                                td.number { (coverage.watching) }
                                td.number { (catalogue.entries.iter().filter(|entry| entry.environments.contains(&environment.name)).count()) }
                                td {
                                    @if !environment.seen { span.badge.plain { "not looked at" } }
                                    @else {
                                        @let troubles = badge::troubles(here(catalogue, number));
                                        @if troubles.is_empty() { span.badge.good { "in step" } }
                                        @for (word, count) in troubles { span.badge.warn { (count) " " (word) } " " }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn rules(catalogue: &Catalogue) -> Markup {
    html! {
        section #rules aria-labelledby="rules-title" {
            div.head {
                h2 #rules-title tabindex="-1" { "Rules" }
                label { "Environment "
                    select #environment {
                        option value="" { "all" }
                        @for (number, environment) in catalogue.environments.iter().enumerate() {
                            option value=(number) data-name=(environment.name) { (safe::line(&environment.name)) }
                        }
                    }
                }
                p #shown role="status" { (counted(catalogue.rules.len(), "rule")) }
                a #everything.hide href="#rules" { "Show all" }
            }
            div.scroll tabindex="0" role="group" aria-labelledby="rules-title" {
                table.rules {
                    thead { tr { th scope="col" { "Rule" } th scope="col" { "Severity" } th scope="col" { "Status" } th scope="col" { "ATT&CK" } th scope="col" { "Watching in" } th scope="col" { "State" } } }
                    tbody {
                        @for entry in &catalogue.rules { (row(catalogue, entry)) }
                    }
                }
            }
        }
    }
}

fn row(catalogue: &Catalogue, entry: &RuleEntry) -> Markup {
    let rule = &entry.rule;
    let id = rule.id.as_str();
    let mut watching: Vec<usize> =
        entry.deployments.iter().filter(|one| one.watches()).map(|one| one.environment).collect();
    watching.dedup();
    let techniques: Vec<&str> = techniques(entry);
    let more = rule.tags.iter().chain(&rule.data_sources).chain(&rule.owner);
    let more: Vec<String> = more.map(|word| safe::line(&word.value)).collect();
    html! {
        tr data-environments=(numbers(&watching)) data-attack=(attack(entry)) data-words=(more.join(" ")) {
            th scope="row" { a href={ "rules/" (id) ".html" } { (safe::line(&rule.name.value)) } " " span.id { (id) } }
            td { (badge::severity(rule.severity.value)) }
            td { (badge::status(rule.status.value)) }
            td.techniques { @for id in &techniques { span.id { (id) } " " } }
            td { (watching.len()) " of " (catalogue.environments.len()) }
            td { @for (word, count) in badge::troubles(entry.deployments.iter()) { span.badge.warn { (count) " " (word) } " " } }
        }
    }
}

/// `Execution/T1053.005 Persistence/T1053.005`: what the script counts and finds a rule by.
fn attack(entry: &RuleEntry) -> String {
    let named = entry.rule.attack.iter().flat_map(|attack| {
        attack.techniques.iter().map(|technique| format!("{}/{}", attack.tactic.value, technique.value))
    });
    named.collect::<Vec<_>>().join(" ")
}

/// Every technique of a rule once, in the order of writing.
fn techniques(entry: &RuleEntry) -> Vec<&str> {
    let mut all: Vec<&str> = Vec::new();
    for technique in entry.rule.attack.iter().flat_map(|attack| &attack.techniques) {
        if !all.contains(&technique.value.as_str()) {
            all.push(&technique.value);
        }
    }
    all
}

fn here(catalogue: &Catalogue, environment: usize) -> impl Iterator<Item = &Deployment> {
    let all = catalogue.rules.iter().flat_map(|entry| &entry.deployments);
    all.filter(move |one| one.environment == environment)
}

fn numbers(numbers: &[usize]) -> String {
    numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

const fn ring(ring: Ring) -> &'static str {
    match ring {
        Ring::Canary => "canary",
        Ring::Early => "early",
        Ring::Broad => "broad",
    }
}

/// `1 rule`, `2 rules`, `3 allowlist entries`.
pub(super) fn counted(count: usize, word: &str) -> String {
    match (count, word.strip_suffix('y')) {
        (1, _) => format!("1 {word}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {word}s"),
    }
}
