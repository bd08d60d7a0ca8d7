//! What a custom detection's alert says.

use crate::compile::check::words::one_of;
use crate::compile::check::{codes, facts, placeholders};
use crate::diagnostic::Diagnostics;
use crate::model::defender::Defender;
use crate::model::rule::Rule;
use crate::source::Spanned;

pub(super) fn check(rule: &Rule, section: &Defender, diagnostics: &mut Diagnostics) {
    // What is sent: the section's own texts, else the rule's.
    let title = section.title.as_ref().unwrap_or(&rule.name);
    let description = section.description.as_ref().or(rule.description.as_ref());
    check_placeholders(title, description, diagnostics);
    custom_details(&section.custom_details, diagnostics);
    if let Some(kind) = &section.event_grouping {
        let kinds = facts::EVENT_GROUPING_KINDS.iter().copied();
        if let Some(finding) = one_of(codes::EVENT_GROUPING, "event grouping", "Defender", kind, kinds) {
            diagnostics.push(finding);
        }
    }
}

fn check_placeholders(
    title: &Spanned<String>,
    description: Option<&Spanned<String>>,
    diagnostics: &mut Diagnostics,
) {
    let most = facts::PLACEHOLDERS;
    let mut all = Vec::new();
    let mut refused = false;
    for (what, format) in [("title", Some(title)), ("description", description)] {
        let Some(format) = format else { continue };
        let columns = placeholders::columns(format, diagnostics);
        let count = placeholders::distinct(&columns);
        if count > most {
            refused = true;
            diagnostics.push(
                codes::PLACEHOLDERS
                    .error(format!("too many dynamic columns in the alert's {what}"))
                    .labelled(format.span, format!("{count} columns"))
                    .with_detail(format!("Defender accepts {most} dynamic columns in an alert's {what}."))
                    .with_help("keep the most telling ones; the others can be custom details"),
            );
        }
        all.extend(columns);
    }
    let together = placeholders::distinct(&all);
    if !refused && together > most {
        diagnostics.push(
            codes::PLACEHOLDERS
                .warning("too many dynamic columns in the alert")
                .labelled(title.span, format!("{together} columns over title and description"))
                .with_detail(format!(
                    "Documentation allows {most} in each, but the service has been seen to refuse more than {most} over both."
                ))
                .with_help("use the same columns in title and description, or move some to custom details"),
        );
    }
}

fn custom_details(details: &[(Spanned<String>, Spanned<String>)], diagnostics: &mut Diagnostics) {
    if let Some((key, _)) = details.get(facts::CUSTOM_DETAILS) {
        diagnostics.push(
            codes::DEFENDER_DETAILS
                .error("too many custom details")
                .labelled(key.span, format!("one of {}", details.len()))
                .with_detail(format!("Defender accepts {} custom details a rule.", facts::CUSTOM_DETAILS))
                .with_help("keep what an analyst needs first; all of an alert's details together must stay below 4 KB"),
        );
    }
    for (key, column) in details {
        for (what, value) in [("key", key), ("column", column)] {
            if value.value.trim().is_empty() {
                diagnostics.push(
                    codes::DEFENDER_DETAILS
                        .error(format!("custom detail without a {what}"))
                        .labelled(value.span, "empty")
                        .with_detail("Each custom detail is a name and a column of the query's result.")
                        .with_help("write `Name: Column`, or remove it"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{Case, custom, defender_of, details, mark, plain, run};
    use crate::diagnostic::Severity::{Error, Warning};

    #[test]
    #[rustfmt::skip]
    fn texts() {
        run(&custom(), None, &[
            Case("three over both", |r| { defender_of(r).title = Some(mark("{{A}} {{B}}".into())); defender_of(r).description = Some(plain("{{C}} {{A}}".into())); }, &[]),
            Case("four over both", |r| { defender_of(r).title = Some(mark("{{A}} {{B}}".into())); defender_of(r).description = Some(plain("{{C}} {{D}}".into())); }, &[("XDR-15", Warning, "dynamic columns in the alert", "custom details")]),
            Case("four over title and the rule's description", |r| { defender_of(r).title = Some(mark("{{A}} {{B}}".into())); r.description = Some(plain("{{C}} {{D}}".into())); }, &[("XDR-15", Warning, "dynamic columns in the alert", "")]),
            Case("four in the title", |r| defender_of(r).title = Some(mark("{{A}} {{B}} {{C}} {{D}}".into())), &[("XDR-15", Error, "the alert's title", "")]),
            Case("four in the description", |r| defender_of(r).description = Some(mark("{{A}} {{B}} {{C}} {{D}}".into())), &[("XDR-15", Error, "the alert's description", "")]),
            Case("malformed", |r| defender_of(r).title = Some(mark("{{A".into())), &[("META-08", Error, "malformed placeholder", "")]),
            Case("event grouping", |r| defender_of(r).event_grouping = Some(mark("alertPerEvent".into())), &[]),
            Case("Sentinel's event grouping", |r| defender_of(r).event_grouping = Some(mark("SingleAlert".into())), &[("XDR-19", Error, "unknown event grouping", "did you mean `singleAlert`?")]),
            Case("twenty details", |r| defender_of(r).custom_details = details(20), &[]),
            Case("twenty-one details", |r| { defender_of(r).custom_details = details(21); defender_of(r).custom_details[20].0 = mark("Last".into()); }, &[("XDR-16", Error, "too many custom details", "4 KB")]),
            Case("no column", |r| defender_of(r).custom_details = vec![(plain("Task".into()), mark(String::new()))], &[("XDR-16", Error, "without a column", "Name: Column")]),
        ]);
    }
}
