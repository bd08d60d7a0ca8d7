//! What parsing and binding found, shown where somebody wrote it.
//!
//! A finding inside the rule's own text points there; inside a parameter, at the environment's value; inside an allowlist,
//! at the column of the entry. The last kind is `ALW-05`: the entry does not fit the query, whatever Kusto calls it.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::kql::bind::{self, Severity};
use crate::kql::parser::SyntaxError;

use super::super::origin::{Locator, Origin};
use super::super::query::Compiled;
use super::{Analysis, codes};

/// Reports everything that is wrong with a compiled query. `reported` says which of its allowlist predicates have been
/// reported already, in better words.
pub(crate) fn report(
    analysis: &Analysis,
    compiled: &Compiled<'_>,
    locator: &Locator<'_>,
    reported: &[usize],
    diagnostics: &mut Diagnostics,
) {
    for error in &analysis.syntax {
        let place = compiled.map.place(error.span, locator);
        diagnostics.push(syntax_error(error).labelled(place.span, error.message.clone()));
    }
    if !analysis.syntax.is_empty() {
        return;
    }
    for finding in analysis.semantic.iter().filter(|finding| !is_accepted(finding, &compiled.text)) {
        let place = compiled.map.place(finding.span, locator);
        let shown = match place.origin {
            Origin::Predicate { index, .. } if reported.contains(&index) => continue,
            Origin::Predicate { .. } => Diagnostic::error("ALW-05", "allowlist entry does not fit the query")
                .labelled(place.span, finding.message.clone()),
            Origin::Parameter { literal: (start, end), .. } => semantic(finding)
                .labelled(place.span, finding.message.clone())
                .with_related(locator.span(start, end), "used here instead of this value"),
            Origin::Query(_) | Origin::Slot(_) => {
                semantic(finding).labelled(place.span, finding.message.clone())
            }
        };
        diagnostics.push(match &finding.suggestion {
            Some(near) => shown.with_guess(near),
            None => shown,
        });
    }
}

/// A mistake of syntax, without its place.
pub(crate) fn syntax_error(error: &SyntaxError) -> Diagnostic {
    let code = error.code.as_str();
    Diagnostic::error(code, codes::title(code))
}

/// What Microsoft's analyser refuses and its services run: `todynamic()` of a dynamic value. Documentation has it as another
/// name of parse_json(), which takes both; rules that Microsoft publishes rely on it.
fn is_accepted(finding: &bind::Diagnostic, text: &str) -> bool {
    let before = text.get(..finding.span.start as usize).unwrap_or("");
    finding.code == "KQL107"
        && before.trim_end().ends_with("todynamic(")
        && finding.message.contains("dynamic")
}

fn semantic(finding: &bind::Diagnostic) -> Diagnostic {
    let title = codes::title(finding.code);
    match finding.severity {
        Severity::Error => Diagnostic::error(finding.code, title),
        Severity::Warning => Diagnostic::warning(finding.code, title),
    }
}
