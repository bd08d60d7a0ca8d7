//! Checks of the `defender:` section. Facts: CONTRACT A.2–A.6.

mod actions;
mod alert;
mod entities;
pub(super) mod result;
mod schedule;

use crate::compile::check::words::is_word;
use crate::compile::check::{Context, codes, facts};
use crate::diagnostic::Diagnostics;
use crate::model::defender::Defender;
use crate::model::environment::{DefenderTarget, Environment};
use crate::model::rule::Rule;
use crate::source::{Span, Spanned};

pub(super) fn check(rule: &Rule, section: &Defender, context: &Context<'_>, diagnostics: &mut Diagnostics) {
    if let Some(id) = &section.rule_id {
        pinned_id(id, diagnostics);
    }
    tactics(rule, diagnostics);
    schedule::check(section, diagnostics);
    alert::check(rule, section, diagnostics);
    entities::check(section, diagnostics);
    actions::check(rule, section, diagnostics);
    if let Some(environment) = context.environment {
        let mut found = Diagnostics::default();
        actions::allowed(section, environment, &mut found);
        if let Some(target) = &environment.defender {
            preview_fields(section, environment, target, &mut found);
        }
        diagnostics
            .extend(found.into_iter().map(|finding| finding.in_environment(&environment.name)).collect());
    }
}

fn pinned_id(id: &Spanned<String>, diagnostics: &mut Diagnostics) {
    let accepted = is_word(&id.value.replace('-', "_"), |c| c.is_ascii_alphabetic());
    if accepted && id.value.len() <= facts::DEFENDER_ID {
        return;
    }
    let help = match id.value.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("put a letter in front, for example `r-{}`", id.value),
        false => "copy the `id` of the deployed rule, or remove the line to have it computed".to_owned(),
    };
    diagnostics.push(
        codes::DEFENDER_ID
            .error("rule id not accepted")
            .labelled(id.span, "not an id for Microsoft Graph")
            .with_detail("Graph accepts 1 to 100 letters, digits, `-` and `_`, starting with a letter.")
            .with_help(help),
    );
}

/// Graph refuses a second tactic; the first one is sent.
fn tactics(rule: &Rule, diagnostics: &mut Diagnostics) {
    let Some((first, rest)) = rule.attack.split_first() else { return };
    if let Some(second) = rest.iter().find(|attack| attack.tactic.value != first.tactic.value) {
        diagnostics.push(
            codes::TACTICS_SENT
                .info("only the first tactic reaches Defender")
                .labelled(second.tactic.span, "not sent to Defender")
                .with_related(first.tactic.span, "this one is sent")
                .with_detail("Microsoft Graph refuses more than one tactic a rule.")
                .with_help("put the main tactic first; nothing else to do"),
        );
    }
}

/// Fields that an environment must switch on, because only the newest beta knows them.
fn preview_fields(
    section: &Defender,
    environment: &Environment,
    target: &DefenderTarget,
    diagnostics: &mut Diagnostics,
) {
    if target.preview_fields {
        return;
    }
    let present: [(&str, Option<Span>); 3] = [
        ("lookback", section.lookback.as_ref().map(|value| value.span)),
        ("event_grouping", section.event_grouping.as_ref().map(|value| value.span)),
        ("exclude_from_correlation", section.exclude_from_correlation.as_ref().map(|value| value.span)),
    ];
    for (field, span) in present {
        let Some(span) = span else { continue };
        diagnostics.push(
            codes::PREVIEW_FIELD
                .error("preview field is not switched on")
                .labelled(span, format!("not sent to {}", environment.name))
                .with_detail(format!(
                    "Only the newest beta of Microsoft Graph knows `{field}`, and a tenant without it refuses the whole rule."
                ))
                .with_help(format!(
                    "set `defender: {{preview_fields: true}}` in environments/{}/environment.yaml, or remove `{field}`",
                    environment.name
                )),
        );
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{Case, attack, custom, defender_of, environment, hours, mark, run};
    use crate::diagnostic::Severity::{Error, Info};

    #[test]
    #[rustfmt::skip]
    fn ids_and_tactics() {
        run(&custom(), None, &[
            Case("slug", |r| defender_of(r).rule_id = Some(mark("acme-prod_Rule-1".into())), &[]),
            Case("100 characters", |r| defender_of(r).rule_id = Some(mark("a".repeat(100))), &[]),
            Case("101 characters", |r| defender_of(r).rule_id = Some(mark("a".repeat(101))), &[("XDR-13", Error, "rule id not accepted", "computed")]),
            Case("guid that starts with a digit", |r| defender_of(r).rule_id = Some(mark("7506c1a0-0000-4000-8000-000000000000".into())), &[("XDR-13", Error, "rule id not accepted", "`r-7506c1a0")]),
            Case("dot", |r| defender_of(r).rule_id = Some(mark("a.b".into())), &[("XDR-13", Error, "rule id not accepted", "")]),
            Case("empty", |r| defender_of(r).rule_id = Some(mark(String::new())), &[("XDR-13", Error, "rule id not accepted", "")]),
            Case("two tactics", |r| { let mut second = attack("Execution", &["T1053.005"]); second.tactic = mark("Execution".into()); r.attack.push(second); }, &[("XDR-14", Info, "only the first tactic", "main tactic first")]),
            Case("no tactic", |r| r.attack.clear(), &[]),
        ]);
    }

    #[test]
    #[rustfmt::skip]
    fn preview_fields() {
        let off = environment();
        let mut on = environment();
        if let Some(target) = &mut on.defender { target.preview_fields = true; }
        let all: [Case; 3] = [
            Case("lookback", |r| defender_of(r).lookback = Some(mark(hours(48))), &[("XDR-17", Error, "preview field", "preview_fields: true")]),
            Case("grouping", |r| defender_of(r).event_grouping = Some(mark("singleAlert".into())), &[("XDR-17", Error, "preview field", "environments/production")]),
            Case("correlation", |r| defender_of(r).exclude_from_correlation = Some(mark(true)), &[("XDR-17", Error, "preview field", "exclude_from_correlation")]),
        ];
        run(&custom(), Some(&off), &all);
        let none: Vec<Case> = all.iter().map(|Case(name, change, _)| Case(name, *change, &[])).collect();
        run(&custom(), Some(&on), &none);
        run(&custom(), None, &none);
    }
}
