//! What becomes of findings under the repository's lint policy and a rule's own silences.
//!
//! An error is what a service would refuse: it can be neither silenced nor allowed. Everything else can be, by code.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, Suppression};
use crate::model::project::LintPolicy;
use crate::model::rule::Silence;

/// The findings that remain of `found`, with warnings turned into errors under `lint: {strict: true}`.
///
/// The result remembers which silences took something away, so that useless ones can be reported (SUP-01).
#[must_use]
pub fn apply(policy: &LintPolicy, silences: &[Silence], mut found: Diagnostics) -> Diagnostics {
    for silence in silences {
        let silenced =
            |finding: &Diagnostic| finding.severity != Severity::Error && silence.lint.value == finding.code;
        if found.iter().any(silenced) {
            found.silenced_by(silence.lint.span);
            found.suppress(Suppression::InSource, &silence.reason.value, silenced);
        }
    }
    found.retain(|finding| {
        finding.severity == Severity::Error || !policy.allow.iter().any(|code| code.value == finding.code)
    });
    for finding in found.iter_mut() {
        if policy.strict && finding.severity == Severity::Warning {
            finding.severity = Severity::Error;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::check::testing::plain;

    fn codes(found: &Diagnostics) -> Vec<(&'static str, Severity)> {
        found.iter().map(|finding| (finding.code, finding.severity)).collect()
    }

    fn found() -> Diagnostics {
        [
            Diagnostic::error("A-01", "e"),
            Diagnostic::warning("A-01", "w"),
            Diagnostic::warning("B-01", "w"),
            Diagnostic::new("C-01", Severity::Info, "i"),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn errors_cannot_be_silenced() {
        let policy = LintPolicy { allow: vec![plain("A-01".into())], strict: false };
        let silence = Silence { lint: plain("C-01".into()), reason: plain("known".into()) };
        assert_eq!(
            codes(&apply(&policy, &[silence], found())),
            [("A-01", Severity::Error), ("B-01", Severity::Warning)]
        );
    }

    #[test]
    fn strict_turns_warnings_into_errors() {
        let policy = LintPolicy { allow: Vec::new(), strict: true };
        assert_eq!(
            codes(&apply(&policy, &[], found())),
            [
                ("A-01", Severity::Error),
                ("A-01", Severity::Error),
                ("B-01", Severity::Error),
                ("C-01", Severity::Info)
            ]
        );
    }
}
