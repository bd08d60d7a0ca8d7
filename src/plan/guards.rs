//! Limits of one run. The user approves a number, never "force".

use serde::{Deserialize, Serialize};

use crate::model::environment::Guards;

use super::change::Summary;

/// From how many deployed rules on the percentage counts; below, one rule would already be a large part.
const PERCENT_FROM: usize = 10;

/// A limit that a plan exceeds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardViolation {
    /// The limit's name in environment files, for example `max_deletes`.
    pub guard: String,
    /// What the plan would do.
    pub planned: u64,
    /// What is allowed.
    pub allowed: u64,
    /// The option that raises it for one run.
    pub option: String,
}

/// Every limit that a plan with these counts exceeds; `managed` is how many deployed rules it looked at.
pub(super) fn check(summary: &Summary, managed: usize, guards: &Guards) -> Vec<GuardViolation> {
    let changed = summary.update + summary.delete + summary.replace;
    let percent = if managed >= PERCENT_FROM { changed * 100 / managed } else { 0 };
    [
        ("max_deletes", summary.delete + summary.replace, guards.max_deletes, "--max-deletes"),
        (
            "max_coverage_reducing",
            summary.coverage_reducing,
            guards.max_coverage_reducing,
            "--max-coverage-reducing",
        ),
        ("max_change_percent", percent, guards.max_change_percent, "--max-change-percent"),
    ]
    .into_iter()
    .filter(|(_, planned, allowed, _)| *planned as u64 > u64::from(*allowed))
    .map(|(guard, planned, allowed, option)| GuardViolation {
        guard: guard.into(),
        planned: planned as u64,
        allowed: allowed.into(),
        option: format!("{option} {planned}"),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_inclusive_and_percent_needs_ten_rules() {
        let guards = Guards { max_deletes: 3, max_coverage_reducing: 3, max_change_percent: 30 };
        let exceeded = |delete, update, managed| {
            let summary = Summary { delete, update, coverage_reducing: delete, ..Summary::default() };
            check(&summary, managed, &guards).into_iter().map(|v| v.guard).collect::<Vec<_>>()
        };
        assert_eq!(exceeded(3, 0, 9), Vec::<String>::new());
        assert_eq!(exceeded(4, 0, 9), ["max_deletes", "max_coverage_reducing"]);
        assert_eq!(exceeded(0, 3, 10), Vec::<String>::new());
        assert_eq!(exceeded(0, 4, 10), ["max_change_percent"]);
    }
}
