//! The page of allowlists: when each entry expires, who answers for it, and what it reaches. Never its values.

use std::collections::BTreeMap;

use jiff::civil::Date;
use maud::{Markup, html};

use crate::catalogue::{Catalogue, EntryReach};

use super::super::safe;
use super::index::counted;
use super::{calendar, shell};

/// From so many rules on they are counted.
const MANY: usize = 4;

pub(super) fn page(catalogue: &Catalogue) -> String {
    let mut due: BTreeMap<Date, Vec<&EntryReach>> = BTreeMap::new();
    for entry in &catalogue.entries {
        due.entry(entry.expires).or_default().push(entry);
    }
    let counts = due.iter().map(|(day, entries)| (*day, entries.len())).collect();
    let main = html! {
        h1 { "Allowlists" }
        p.lead {
            "Every exception ends. " (counted(catalogue.entries.len(), "entry"))
            @if let Some(next) = catalogue.entries.iter().find(|entry| entry.expires > catalogue.today) {
                "; the next one to expire does so on " a href={ "#due-" (next.expires) } { (next.expires) }
            }
            "."
        }
        h2 { "Calendar" }
        @if due.is_empty() { p { "There is no entry." } }
        (calendar::calendar(&counts, catalogue.today))
        h2 #entries { "Due dates" }
        div.scroll tabindex="0" role="group" aria-labelledby="entries" {
            table.entries {
                thead { tr { th scope="col" { "Expires" } th scope="col" { "Entry" } th scope="col" { "Why" } th scope="col" { "Owner" } th scope="col" { "Strength" } th scope="col" { "Touches" } } }
                @for (day, entries) in &due {
                    tbody #{ "due-" (day) } {
                        @for entry in entries { (row(entry, catalogue.today)) }
                    }
                }
            }
        }
    };
    shell::page(catalogue, "Allowlists", 0, &main)
}

fn row(entry: &EntryReach, today: Date) -> Markup {
    let left = today.until(entry.expires).map_or(0, |span| span.get_days());
    let (class, word) = match left {
        ..=0 => ("bad", "expired".to_owned()),
        1 => ("warn", "tomorrow".to_owned()),
        2..=14 => ("warn", format!("in {left} days")),
        _ => ("plain", format!("in {left} days")),
    };
    html! {
        tr {
            td { time { (entry.expires) } " " span.badge.(class) { (word) } }
            th scope="row" { (safe::line(&entry.entry)) " " span.id { (safe::line(&entry.path)) ":" (entry.line) } }
            td { (flowing(&entry.reason)) }
            td { (safe::line(&entry.owner)) @if let Some(ticket) = &entry.ticket { " " span.id { (safe::line(ticket)) } } }
            td { (entry.strength) }
            td {
                @if entry.rules.len() > MANY { (counted(entry.rules.len(), "rule")) }
                @else { @for rule in &entry.rules { a href={ "rules/" (rule) ".html" } { (rule) } " " } }
                @if entry.rules.is_empty() { "nothing" }
                @else { span.id { "in " @if entry.environments.len() > MANY { (counted(entry.environments.len(), "environment")) } @else { (entry.environments.join(", ")) } } }
            }
        }
    }
}

/// A text that was broken into lines for an editor, as one.
fn flowing(text: &str) -> String {
    safe::line(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}
