//! What a change of the files changes in the compiled rules: two states of one environment in, the rules that differ and the
//! allowlist entries behind them out. File names decide nothing: a comment changes no rule, a shared list may change many.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::resource::{EntryUse, LineOrigin, Resource};

use super::change::{Action, Change};

/// What differs between two states of an environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    /// Addresses of rules whose compiled content, entries, id or protection differ, those that came and those that went.
    pub addresses: BTreeSet<String>,
    /// Allowlist entries that came, went or changed, each with the rules that it is in.
    pub entries: Vec<ChangedEntry>,
}

/// An allowlist entry that changes rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedEntry {
    /// `file#entry`.
    pub entry: String,
    /// What happened to it.
    pub change: EntryChange,
    /// Addresses of the rules whose compiled query it changes, in order.
    pub rules: Vec<String>,
}

/// What happened to an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntryChange {
    /// It was not there, or not in these rules.
    Added,
    /// It matches something else, or until another day.
    Changed,
    /// It is gone from these rules.
    Removed,
    /// Its line is written; whether it is new or changed, the live rule alone does not say.
    Written,
}

impl EntryChange {
    /// The word that outputs use.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Written => "written",
        }
    }
}

/// Compares two compiled states of one environment.
#[must_use]
pub fn between(now: &[Resource], then: &[Resource]) -> Affected {
    let by_address = |resources: &'_ [Resource]| -> BTreeMap<String, usize> {
        resources.iter().enumerate().map(|(at, resource)| (resource.address.to_string(), at)).collect()
    };
    let (new, old) = (by_address(now), by_address(then));
    let mut affected = Affected::default();
    let mut entries: BTreeMap<(String, EntryChange), Vec<String>> = BTreeMap::new();
    for address in new.keys().chain(old.keys()).collect::<BTreeSet<_>>() {
        let new = new.get(address).and_then(|at| now.get(*at));
        let old = old.get(address).and_then(|at| then.get(*at));
        let changed = entries_between(new, old);
        let same = match (new, old) {
            (Some(new), Some(old)) => same_rule(new, old) && changed.is_empty(),
            _ => false,
        };
        if !same {
            affected.addresses.insert(address.clone());
        }
        for one in changed {
            entries.entry(one).or_default().push(address.clone());
        }
    }
    affected.entries =
        entries.into_iter().map(|((entry, change), rules)| ChangedEntry { entry, change, rules }).collect();
    affected
}

/// The entries whose lines a plan writes into rules that are there already, each with those rules.
pub(super) fn written(changes: &[Change]) -> Vec<ChangedEntry> {
    let mut entries: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for change in changes.iter().filter(|change| change.actions == [Action::Update]) {
        for one in &change.provenance {
            if let LineOrigin::Allowlist { entries: named } = &one.origin {
                for entry in named {
                    entries.entry(entry.clone()).or_default().insert(change.address.clone());
                }
            }
        }
    }
    let written = |(entry, rules): (String, BTreeSet<String>)| ChangedEntry {
        entry,
        change: EntryChange::Written,
        rules: rules.into_iter().collect(),
    };
    entries.into_iter().map(written).collect()
}

fn same_rule(new: &Resource, old: &Resource) -> bool {
    new.body == old.body
        && new.kind == old.kind
        && new.remote_id == old.remote_id
        && new.protect == old.protect
        && new.pinned == old.pinned
}

/// The entries of one rule that differ, by `file#entry`.
fn entries_between(new: Option<&Resource>, old: Option<&Resource>) -> Vec<(String, EntryChange)> {
    fn by_name(resource: Option<&Resource>) -> BTreeMap<String, &EntryUse> {
        let entries = resource.into_iter().flat_map(|resource| &resource.entries);
        entries.map(|used| (format!("{}#{}", used.path, used.entry), used)).collect()
    }
    let (new, old) = (by_name(new), by_name(old));
    let came = new.iter().filter_map(|(name, used)| match old.get(name) {
        None => Some((name.clone(), EntryChange::Added)),
        Some(before) => (!same_entry(used, before)).then(|| (name.clone(), EntryChange::Changed)),
    });
    let went = old.keys().filter(|name| !new.contains_key(*name));
    came.chain(went.map(|name| (name.clone(), EntryChange::Removed))).collect()
}

/// Where it stands in its file does not count.
fn same_entry(new: &EntryUse, old: &EntryUse) -> bool {
    new.predicate == old.predicate
        && new.expires == old.expires
        && new.sensitive == old.sensitive
        && new.exception == old.exception
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::address::{Address, Target};
    use crate::resource::Kind;

    fn resource(rule: &str, query: &str, entries: &[(&str, &str, u32)]) -> Resource {
        Resource {
            address: Address { target: Target::Defender, rule: rule.to_owned() },
            remote_id: rule.to_owned(),
            kind: Kind::CustomDetection,
            pinned: false,
            body: json!({"q": query}).as_object().unwrap().clone().into(),
            protect: false,
            lines: Arc::default(),
            entries: entries
                .iter()
                .map(|(entry, predicate, line)| EntryUse {
                    path: "l.yaml".into(),
                    line: *line,
                    entry: (*entry).to_owned(),
                    expires: "2027-01-01".into(),
                    predicate: (*predicate).to_owned(),
                    sensitive: false,
                    exception: false,
                })
                .collect(),
        }
    }

    #[test]
    fn entries_that_came_went_and_changed_with_their_rules() {
        let then = [
            resource("a", "1", &[("x", "p", 3), ("y", "p", 4)]),
            resource("b", "1", &[("x", "p", 3)]),
            resource("gone", "1", &[]),
            resource("same", "1", &[("z", "p", 9)]),
        ];
        let now = [
            resource("a", "2", &[("x", "q", 3)]),
            resource("b", "2", &[("x", "q", 3), ("new", "p", 5)]),
            resource("came", "1", &[]),
            resource("same", "1", &[("z", "p", 10)]),
        ];
        let found = between(&now, &then);
        let addresses: Vec<&str> = found.addresses.iter().map(String::as_str).collect();
        assert_eq!(addresses, ["defender:a", "defender:b", "defender:came", "defender:gone"]);
        let entries: Vec<(&str, &str, String)> = found
            .entries
            .iter()
            .map(|one| (one.entry.as_str(), one.change.word(), one.rules.join(" ")))
            .collect();
        assert_eq!(
            entries,
            [
                ("l.yaml#new", "added", "defender:b".to_owned()),
                ("l.yaml#x", "changed", "defender:a defender:b".to_owned()),
                ("l.yaml#y", "removed", "defender:a".to_owned()),
            ]
        );
        assert_eq!(between(&now, &now), Affected::default());
    }
}
