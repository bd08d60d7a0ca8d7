//! The limits of both services, checked before anything is sent.
//!
//! [`rule`] says about one effective rule (an environment's overrides already laid over it) everything that Microsoft
//! Graph or Azure Resource Manager would refuse, and what they would accept but quietly degrade. Severity follows that
//! line: *error* is refused, *warning* is degraded, *info* is worth knowing. Facts are data in [`facts`]; what each code
//! means is in [`codes`]; one family of checks a file.
//!
//! It never reads a query's meaning (columns and tables are checked where the query is analysed), never compares rules
//! with each other (uniqueness is `compile`'s), and knows no clock and no network.

mod attack;
mod codes;
mod defender;
mod facts;
mod placeholders;
mod policy;
mod query;
mod sentinel;
#[cfg(test)]
mod testing;
mod words;

pub use codes::{CODES, Code};
pub use policy::apply as apply_policy;
pub use query::query_text;

use crate::diagnostic::Diagnostics;
use crate::model::environment::Environment;
use crate::model::project::Project;
use crate::model::rule::Rule;

/// What a rule is checked against.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The environment that would take the rule; `None` checks only what holds everywhere.
    pub environment: Option<&'a Environment>,
    /// The lint policy.
    pub project: &'a Project,
}

/// Checks one rule and adds what it finds, after the project's lint policy and the rule's own silences.
///
/// Findings that depend on the environment carry its name; the others hold wherever the rule goes, so checking a rule
/// for several environments and settling the diagnostics shows them once.
pub fn rule(rule: &Rule, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    let mut found = Diagnostics::default();
    attack::check(rule, &mut found);
    if let Some(section) = &rule.sentinel {
        sentinel::check(rule, section, context, &mut found);
    }
    if let Some(section) = &rule.defender {
        defender::check(rule, section, context, &mut found);
    }
    diagnostics.extend(policy::apply(&context.project.lint, &rule.silence, found));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::check::testing::{environment, everywhere, findings_of};
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_unique_and_explained() {
        let names: BTreeSet<&str> = CODES.iter().map(|code| code.code).collect();
        assert_eq!(names.len(), CODES.len());
        for code in CODES {
            assert!(code.title.len() > 10 && code.explanation.len() > 60, "{}", code.code);
            assert!(!code.explanation.contains("  "), "{}: {}", code.code, code.explanation);
        }
    }

    #[test]
    fn a_good_rule_has_no_findings() {
        assert_eq!(findings_of(&everywhere(), None), Diagnostics::default());
        assert_eq!(findings_of(&everywhere(), Some(&environment())), Diagnostics::default());
    }
}
