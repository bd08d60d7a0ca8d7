//! The techniques of ATT&CK Enterprise: what a matrix is drawn from.
//!
//! Facts only (`NOTICE-attack`). A rule may name a technique that is not here: the services follow ATT&CK at their own
//! pace, so an unknown id is shown without a name and is never an error.

use std::sync::OnceLock;

/// The version of ATT&CK that the table states.
pub const ATTACK_VERSION: &str = "17";

static TABLE: &str = include_str!("data/techniques.txt");

/// The tactics of the Enterprise matrix in its order: the services' spelling, and the words people read.
pub const ENTERPRISE: [(&str, &str); 14] = [
    ("Reconnaissance", "Reconnaissance"),
    ("ResourceDevelopment", "Resource Development"),
    ("InitialAccess", "Initial Access"),
    ("Execution", "Execution"),
    ("Persistence", "Persistence"),
    ("PrivilegeEscalation", "Privilege Escalation"),
    ("DefenseEvasion", "Defense Evasion"),
    ("CredentialAccess", "Credential Access"),
    ("Discovery", "Discovery"),
    ("LateralMovement", "Lateral Movement"),
    ("Collection", "Collection"),
    ("CommandAndControl", "Command and Control"),
    ("Exfiltration", "Exfiltration"),
    ("Impact", "Impact"),
];

/// One technique or sub-technique.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Technique {
    /// `T1053` or `T1053.005`.
    pub id: &'static str,
    /// Its tactics in the services' spelling, separated by blanks.
    tactics: &'static str,
    /// Its name; of a sub-technique without its parent's.
    pub name: &'static str,
}

impl Technique {
    /// Whether it serves this tactic.
    #[must_use]
    pub fn is_of(&self, tactic: &str) -> bool {
        self.tactics.split(' ').any(|one| one == tactic)
    }

    /// Whether it is a sub-technique.
    #[must_use]
    pub fn is_sub(&self) -> bool {
        self.id.contains('.')
    }
}

/// Every technique, by id.
#[must_use]
pub fn techniques() -> &'static [Technique] {
    static TECHNIQUES: OnceLock<Vec<Technique>> = OnceLock::new();
    TECHNIQUES.get_or_init(|| {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        rows.filter_map(|row| {
            let mut cells = row.split('\t');
            Some(Technique { id: cells.next()?, tactics: cells.next()?, name: cells.next()? })
        })
        .collect()
    })
}

/// The technique of that id.
#[must_use]
pub fn technique(id: &str) -> Option<&'static Technique> {
    let all = techniques();
    all.binary_search_by(|one| one.id.cmp(id)).ok().and_then(|at| all.get(at))
}

#[cfg(test)]
mod tests {
    use super::super::{TACTICS, split_technique};
    use super::*;

    #[test]
    fn the_table_is_whole() {
        let all = techniques();
        assert!(all.is_sorted_by(|a, b| a.id < b.id), "by id, each once");
        for one in all {
            let (parent, sub) = split_technique(one.id).unwrap();
            assert_eq!(sub.is_some(), one.is_sub());
            assert!(technique(parent).is_some(), "{} has its parent", one.id);
            assert!(
                one.tactics.split(' ').all(|tactic| ENTERPRISE.iter().any(|(word, _)| *word == tactic)),
                "{one:?}"
            );
        }
        // The number that MITRE published for version 17.
        assert_eq!(all.iter().filter(|one| !one.is_sub()).count(), 211);
    }

    #[test]
    fn the_one_that_it_began_with() {
        let task = technique("T1053.005").unwrap();
        assert_eq!(task.name, "Scheduled Task");
        assert!(task.is_of("Persistence") && task.is_of("Execution") && !task.is_of("Impact"));
        assert_eq!(technique("T9999"), None);
        assert!(ENTERPRISE.iter().all(|(word, _)| TACTICS.iter().any(|(tactic, _)| tactic == word)));
    }
}
