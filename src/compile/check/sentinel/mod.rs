//! Checks of the `sentinel:` section. Facts: CONTRACT B.3, B.8.

mod alert;
mod entities;
mod incidents;
mod kind;
mod schedule;

use crate::compile::check::words::length;
use crate::compile::check::{Context, codes, facts};
use crate::diagnostic::Diagnostics;
use crate::model::rule::Rule;
use crate::model::sentinel::{Kind, Sentinel};
use crate::source::Spanned;

pub(super) fn check(rule: &Rule, section: &Sentinel, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    text(&rule.name, "name", facts::SENTINEL_NAME, diagnostics);
    if let Some(description) = &rule.description {
        text(description, "description", facts::SENTINEL_DESCRIPTION, diagnostics);
    }
    kind::check(section, context, diagnostics);
    let alerting = match &section.kind.value {
        Kind::Scheduled(both) => {
            schedule::check(&both.0, both.1.suppression.as_ref(), diagnostics);
            &both.1
        }
        Kind::Nrt(alerting) => {
            schedule::nrt_suppression(alerting.suppression.as_ref(), diagnostics);
            alerting
        }
        Kind::MicrosoftSecurity(_)
        | Kind::Fusion(_)
        | Kind::MlBehaviorAnalytics
        | Kind::ThreatIntelligence => return,
    };
    entities::check(alerting, diagnostics);
    alert::check(alerting, diagnostics);
    incidents::check(alerting, diagnostics);
}

fn text(value: &Spanned<String>, what: &str, limit: usize, diagnostics: &mut Diagnostics) {
    let actual = length(&value.value);
    if actual > limit {
        diagnostics.push(
            codes::TEXT_LENGTH
                .error(format!("{what} too long for Sentinel"))
                .labelled(value.span, format!("{actual} characters"))
                .with_detail(format!("Sentinel accepts at most {limit} characters for a rule's {what}."))
                .with_help(format!("shorten it by {}", actual - limit)),
        );
    } else if value.value.trim().is_empty() && what == "name" {
        diagnostics.push(
            codes::TEXT_LENGTH
                .error("empty name")
                .labelled(value.span, "nothing here")
                .with_detail("Sentinel requires a display name.")
                .with_help("say in a few words what the rule detects"),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{Case, mark, run, scheduled};
    use crate::diagnostic::Severity::Error;

    #[test]
    #[rustfmt::skip]
    fn names_and_descriptions() {
        run(
            &scheduled(),
            None,
            &[
                Case("256 characters", |r| r.name = mark("é".repeat(256)), &[]),
                Case("257 characters", |r| r.name = mark("é".repeat(257)), &[("SEN-04", Error, "name too long", "by 1")]),
                Case("no name", |r| r.name = mark(" ".into()), &[("SEN-04", Error, "empty name", "")]),
                Case("5,000 characters", |r| r.description = Some(mark("x".repeat(5_000))), &[]),
                Case("5,001 characters", |r| r.description = Some(mark("x".repeat(5_001))), &[("SEN-04", Error, "description too long", "by 1")]),
            ],
        );
    }
}
