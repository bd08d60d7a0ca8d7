//! Every allowlist entry with what it reaches, for a calendar of when each must be looked at again. Values of entries are
//! left out on purpose: a catalogue is read by more people than the repository, and an allowlist is a map of blind spots.

use std::collections::BTreeSet;

use jiff::civil::Date;

use crate::allowlist::uses::Reach;
use crate::allowlist::{strength, word};
use crate::model::Repository;

/// One entry of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryReach {
    /// The list's file.
    pub path: String,
    /// Line of the entry in it, from 1.
    pub line: u32,
    /// Its id.
    pub entry: String,
    /// Why it is there.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// Where it was decided.
    pub ticket: Option<String>,
    /// The first day on which it no longer holds.
    pub expires: Date,
    /// `weak`, `medium` or `strong`.
    pub strength: &'static str,
    /// Environments that it reaches, by name.
    pub environments: Vec<String>,
    /// Rules that it reaches in any of them, by id.
    pub rules: Vec<String>,
}

/// Every entry, the next to expire first.
pub(super) fn of(repository: &Repository) -> Vec<EntryReach> {
    let reach = Reach::of(repository);
    let mut entries = Vec::new();
    for (number, list) in repository.allowlists.iter().enumerate() {
        let reached = reach.of_list(repository, number);
        let environments: Vec<String> = reached.iter().map(|(name, _)| (*name).to_owned()).collect();
        let rules: BTreeSet<&str> = reached.iter().flat_map(|(_, rules)| rules.iter().copied()).collect();
        let rules: Vec<String> = rules.into_iter().map(str::to_owned).collect();
        entries.extend(list.entries.iter().map(|entry| EntryReach {
            path: repository.sources.path(entry.span.file).to_owned(),
            line: repository.sources.position(entry.id.span).line,
            entry: entry.id.value.clone(),
            reason: entry.reason.value.clone(),
            owner: entry.owner.value.clone(),
            ticket: entry.ticket.as_ref().map(|ticket| ticket.value.clone()),
            expires: entry.expires.value,
            strength: word(strength(entry)),
            environments: environments.clone(),
            rules: rules.clone(),
        }));
    }
    entries.sort_by(|a, b| (a.expires, &a.path, a.line).cmp(&(b.expires, &b.path, b.line)));
    entries
}
