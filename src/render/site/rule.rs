//! A rule's page: what it is for, where it is deployed and how it stands there, its query in every environment, and what
//! differs between them.

use maud::{Markup, html};

use crate::catalogue::{Catalogue, Deployment, RuleEntry};
use crate::model::attack::matrix::technique;

use super::super::coverage::words;
use super::super::safe;
use super::index::counted;
use super::{badge, query, shell};

/// From so many environments on, the names in a heading are counted instead of listed.
const MANY: usize = 6;

pub(super) fn page(catalogue: &Catalogue, entry: &RuleEntry) -> String {
    let rule = &entry.rule;
    let main = html! {
        p.id { (rule.id.as_str()) }
        h1 { (safe::line(&rule.name.value)) }
        p { (badge::severity(rule.severity.value)) " " (badge::status(rule.status.value)) }
        @if let Some(description) = &rule.description { (text(&description.value)) }
        (attack(entry))
        (section("Response", rule.response.as_ref().map(|response| response.value.as_str())))
        (list("False positives", rule.false_positives.iter().map(|one| one.value.as_str())))
        (list("Blind spots", rule.blind_spots.iter().map(|one| one.value.as_str())))
        (deployments(catalogue, entry))
        (queries(catalogue, entry))
        (facts(entry))
    };
    shell::page(catalogue, &rule.name.value, 1, &main)
}

fn attack(entry: &RuleEntry) -> Markup {
    html! {
        @if !entry.rule.attack.is_empty() {
            h2 { "ATT&CK" }
            ul.attack {
                @for attack in &entry.rule.attack {
                    @let tactic = crate::model::attack::TACTICS.iter().find(|(word, _)| *word == attack.tactic.value);
                    li {
                        strong { (tactic.map_or_else(|| safe::line(&attack.tactic.value), |(word, _)| words(word).to_owned())) }
                        @for one in &attack.techniques {
                            " "
                            a.technique href={ "../index.html#" (one.value) } {
                                (one.value) @if let Some(known) = technique(&one.value) { " " (known.name) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn deployments(catalogue: &Catalogue, entry: &RuleEntry) -> Markup {
    html! {
        h2 #deployments { "Where it is deployed" }
        @if entry.deployments.is_empty() { p { "Nowhere." } }
        @else {
            div.scroll tabindex="0" role="group" aria-labelledby="deployments" {
                table {
                    thead { tr { th scope="col" { "Environment" } th scope="col" { "Target" } th.number scope="col" { "Allowlist entries" } th scope="col" { "State" } } }
                    tbody {
                        @for one in &entry.deployments {
                            tr {
                                th scope="row" { (environment(catalogue, one)) }
                                td { (safe::line(&one.target)) }
                                td.number { (one.entries) }
                                td { (badge::health(one)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Each different query once, with those it is compared to.
fn queries(catalogue: &Catalogue, entry: &RuleEntry) -> Markup {
    html! {
        @if !entry.queries.is_empty() { h2 { "The query as it is deployed" } }
        @for (number, one) in entry.queries.iter().enumerate() {
            @let uses = uses(entry, number);
            @let whose = whose(catalogue, &uses);
            @match base(entry, number) {
                Some((earlier, base)) => {
                    @let label = format!("What differs in {whose} from {}", self::whose(catalogue, &self::uses(entry, earlier)));
                    h3 { (label) }
                    (query::difference(base, &one.text, &label))
                    details { summary { "The whole query in " (whose) } (query::query(one, &whose)) }
                }
                None => {
                    h3 { "In " (whose) }
                    (query::query(one, &whose))
                }
            }
        }
    }
}

fn uses(entry: &RuleEntry, query: usize) -> Vec<&Deployment> {
    entry.deployments.iter().filter(|one| one.query == Some(query)).collect()
}

/// The first earlier query for the same product: what a later one is compared with.
fn base(entry: &RuleEntry, query: usize) -> Option<(usize, &str)> {
    let product = |one: &Deployment| one.target.split('/').next().map(str::to_owned);
    let mine = product(uses(entry, query).first()?);
    let first = (0..query).find(|earlier| uses(entry, *earlier).iter().any(|one| product(one) == mine))?;
    Some((first, &entry.queries.get(first)?.text))
}

/// `production and sandbox (defender)`, `12 environments (sentinel/law-soc and 11 more)`.
fn whose(catalogue: &Catalogue, uses: &[&Deployment]) -> String {
    let mut environments: Vec<String> = uses.iter().map(|one| environment(catalogue, one)).collect();
    environments.dedup();
    let mut targets: Vec<String> = uses.iter().map(|one| safe::line(&one.target)).collect();
    targets.sort();
    targets.dedup();
    let environments = match environments.len() {
        count if count > MANY => counted(count, "environment"),
        _ => environments.join(", "),
    };
    let targets = match targets.as_slice() {
        [first, rest @ ..] if rest.len() > 2 => format!("{first} and {} more", rest.len()),
        all => all.join(", "),
    };
    format!("{environments} ({targets})")
}

fn environment(catalogue: &Catalogue, deployment: &Deployment) -> String {
    catalogue
        .environments
        .get(deployment.environment)
        .map_or_else(String::new, |known| safe::line(&known.name))
}

fn facts(entry: &RuleEntry) -> Markup {
    let rule = &entry.rule;
    let joined = |words: &[crate::source::Spanned<String>]| {
        words.iter().map(|word| safe::line(&word.value)).collect::<Vec<_>>().join(", ")
    };
    html! {
        h2 { "About the rule" }
        dl {
            dt { "File" } dd { code { (safe::line(&entry.path)) } }
            @if let Some(owner) = &rule.owner { dt { "Owner" } dd { (safe::line(&owner.value)) } }
            @if !rule.tags.is_empty() { dt { "Tags" } dd { (joined(&rule.tags)) } }
            @if !rule.data_sources.is_empty() { dt { "Tables" } dd { (joined(&rule.data_sources)) } }
            @if rule.protect { dt { "Protected" } dd { "It is not deleted, even when its file is gone." } }
        }
        @if !rule.references.is_empty() {
            h3 { "References" }
            ul {
                @for one in &rule.references {
                    @let shown = safe::line(&one.value);
                    // Only addresses of the web become links: another scheme would run something.
                    li { @if one.value.starts_with("https://") || one.value.starts_with("http://") { a rel="noreferrer noopener" href=(one.value) { (shown) } } @else { (shown) } }
                }
            }
        }
        @if !rule.changelog.is_empty() {
            h3 { "History" }
            ul { @for one in &rule.changelog { li { strong { (safe::line(&one.version.value)) } " " time { (one.date.value) } " " (safe::line(&one.message.value)) } } }
        }
    }
}

fn section(title: &str, body: Option<&str>) -> Markup {
    html! { @if let Some(body) = body { h2 { (title) } (text(body)) } }
}

fn list<'a>(title: &str, items: impl Iterator<Item = &'a str>) -> Markup {
    let items: Vec<&str> = items.collect();
    html! { @if !items.is_empty() { h2 { (title) } ul { @for item in items { li { (safe::line(item)) } } } } }
}

/// Paragraphs as they were written.
fn text(body: &str) -> Markup {
    html! { @for paragraph in body.trim_end().split("\n\n") { p.text { (safe::lines(paragraph)) } } }
}
