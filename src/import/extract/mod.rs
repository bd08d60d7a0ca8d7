//! Tuning out of the query: hand-written exclusions become entries of an allowlist, and a slot stands where they stood.
//!
//! [`split`] moves an exclusion only when the compiled query, entries included, provably selects the same events as the original:
//! same columns, operators and case, the same answer for an empty column, at the same place of the pipeline. What is moved is read
//! back from the KQL that the entry compiles to and compared with what was read from the query (`entry`). Everything else stays in
//! the query, with the reason in [`Kept`]. Until the entries expire, that is: an exclusion in a query never ends, an entry does.
//!
//! Steps: `compile::tuning` finds the runs of `where`s, `kql::exclusion` reads their conditions, `choose` decides, `entry` makes
//! entries, `rewrite` takes the conditions out of the text. [`live`] does the same for rules that are deployed. Pure.

mod choose;
mod entry;
pub mod live;
mod logic;
mod rewrite;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde_json::{Value, json};

use super::draft::{Draft, Properties};
use super::write::yaml;
use crate::address::matches_glob;
use crate::compile::{list_is_in, slot};
use crate::kql::parse;
use crate::kql::schema::Schema;
use crate::model::Repository;
use crate::model::allowlist::{Allowlist, RulePattern};
use crate::model::environment::Environment;
use crate::model::rule::Strength;

pub use entry::Entry;

/// What every imported entry says besides its condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Who answers for the entries.
    pub owner: String,
    /// Where they were decided.
    pub ticket: Option<String>,
    /// Today (UTC).
    pub created: Date,
    /// The first day on which they no longer hold.
    pub expires: Date,
    /// The least strength that the project takes.
    pub require: Strength,
}

/// A query with its tuning beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The query without what was moved, with slots.
    pub query: String,
    /// What was moved, one list a slot; empty when nothing was.
    pub lists: Vec<List>,
    /// Exclusions that stay in the query.
    pub kept: Vec<Kept>,
}

/// The entries of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// The slot's name.
    pub slot: String,
    /// At least one.
    pub entries: Vec<Entry>,
}

/// An exclusion that stays in the query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its text on one line.
    pub text: String,
    /// Its line in the original query, from 1.
    pub line: usize,
    /// Why it stays.
    pub why: String,
}

impl List {
    /// Where the list of a rule belongs, below the folder of an environment or `_shared`: one file a rule and slot, because a file
    /// is for one slot, and so that no other rule takes the entries.
    #[must_use]
    pub fn path(&self, folder: &str, rule: &str) -> String {
        format!("environments/{folder}/allowlists/{}.yaml", self.name(rule))
    }

    /// The list's name, which environments write under `allowlists:` with `_shared/` before it.
    #[must_use]
    pub fn name(&self, rule: &str) -> String {
        if self.slot == "main" {
            format!("imported/{rule}")
        } else {
            format!("imported/{rule}-{}", self.slot)
        }
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self, rule: &str, terms: &Terms) -> String {
        let mut document = Properties::new();
        document.insert("rules".into(), json!([rule]));
        if self.slot != "main" {
            document.insert("slot".into(), self.slot.as_str().into());
        }
        let entries = self.entries.iter().enumerate().map(|(index, entry)| entry.document(index + 1, terms));
        document.insert("entries".into(), entries.collect::<Vec<Value>>().into());
        let mut text = yaml(&document);
        // A date needs no quotes here, and people write none.
        for (key, day) in [("created", terms.created), ("expires", terms.expires)] {
            text = text.replace(&format!("\n    {key}: \"{day}\"\n"), &format!("\n    {key}: {day}\n"));
        }
        text
    }
}

/// Moves the exclusions of a draft's query, for every platform that it goes to. `None` when it has no query of its own to split.
///
/// `schemas` are those of its platforms, in every environment that takes it: a column has to be what it is in all of them. `taken` are
/// names that a new slot must not have, see [`reached_slots`].
pub fn of_draft(draft: &mut Draft, schemas: &[&Schema], taken: &[&str], terms: &Terms) -> Option<Split> {
    let text = draft.query.as_deref()?;
    // A second query would need the same slots at the same places.
    let own = |section: &super::Section| section.settings.contains_key("query");
    if [&draft.defender, &draft.sentinel].into_iter().flatten().any(own) {
        return None;
    }
    let split = split(text, schemas, taken, terms);
    if !split.lists.is_empty() {
        draft.query = Some(split.query.clone());
    }
    Some(split)
}

/// Slots that lists of these environments fill in every rule like this one: a new slot of such a name would take their entries too.
#[must_use]
pub fn reached_slots<'a>(
    repository: &'a Repository,
    environments: &[&Environment],
    rule: &str,
) -> Vec<&'a str> {
    let reaches = |list: &Allowlist| {
        environments.iter().any(|environment| list_is_in(list, environment))
            && list.rules.iter().any(|pattern| match &pattern.value {
                RulePattern::Glob(glob) => glob != rule && matches_glob(glob, rule),
                RulePattern::Any => true,
            })
    };
    let lists = repository.allowlists.iter().filter(|list| reaches(list));
    lists.map(|list| list.slot.value.as_str()).collect()
}

/// Moves what is provable out of a query. A text that is no query, or that has slots in wrong places, stays as it is.
#[must_use]
pub fn split(text: &str, schemas: &[&Schema], taken: &[&str], terms: &Terms) -> Split {
    let unchanged = |kept| Split { query: text.to_owned(), lists: Vec::new(), kept };
    let parsed = parse(text);
    if !parsed.errors.is_empty() {
        return unchanged(Vec::new());
    }
    let faulty = slot::find(text, &parsed).into_iter().filter_map(|slot| {
        let line = text.get(..slot.start)?.matches('\n').count() + 1;
        let why = format!("nothing is moved out of this query: {}", slot.fault?);
        Some(Kept { text: text.get(slot.start..slot.end)?.trim_end().to_owned(), line, why })
    });
    let faulty: Vec<Kept> = faulty.collect();
    if !faulty.is_empty() {
        return unchanged(faulty);
    }
    let choice = choose::choose(text, &parsed, schemas, taken, terms);
    if choice.runs.is_empty() {
        return unchanged(choice.kept);
    }
    match rewrite::rewrite(text, &parsed, &choice) {
        Some(query) => Split { query, lists: choice.lists(), kept: choice.kept },
        // Better a rule as it was than one that nobody has read.
        None => unchanged(choice.kept_whole(text)),
    }
}
