//! How events become alerts and alerts become incidents.

use crate::compile::check::codes;
use crate::compile::check::facts;
use crate::compile::check::sentinel::schedule::within;
use crate::compile::check::words::{one_of, repeated};
use crate::diagnostic::{Diagnostics, did_you_mean};
use crate::model::sentinel::{Alerting, Grouping};
use crate::source::Spanned;

pub(super) fn check(alerting: &Alerting, diagnostics: &mut Diagnostics) {
    if let Some(kind) = &alerting.event_grouping {
        let kinds = facts::AGGREGATION_KINDS.iter().copied();
        if let Some(finding) = one_of(codes::INCIDENTS, "event grouping", "Sentinel", kind, kinds) {
            diagnostics.push(finding);
        }
    }
    let Some(grouping) = &alerting.grouping else { return };
    within(codes::INCIDENTS, "grouping look-back", &grouping.lookback, facts::SENTINEL_GROUPING, diagnostics);
    let methods = facts::MATCHING_METHODS.iter().copied();
    if let Some(finding) =
        one_of(codes::INCIDENTS, "matching method", "Sentinel", &grouping.matching, methods)
    {
        diagnostics.push(finding);
    } else {
        selection(grouping, diagnostics);
    }
    references(alerting, grouping, diagnostics);
    if grouping.enabled.value && alerting.create_incident.as_ref().is_some_and(|create| !create.value) {
        diagnostics.push(
            codes::INCIDENTS
                .warning("grouping without incidents")
                .labelled(grouping.enabled.span, "nothing to group")
                .with_detail("The rule creates no incidents, so grouping them has no effect.")
                .with_help("switch grouping off, or let the rule create incidents"),
        );
    }
}

fn selection(grouping: &Grouping, diagnostics: &mut Diagnostics) {
    let groups = [&grouping.by_entities, &grouping.by_alert_details, &grouping.by_custom_details];
    let first = groups.into_iter().flatten().next();
    match (grouping.matching.value.as_str(), first) {
        ("Selected", None) => diagnostics.push(
            codes::INCIDENTS
                .error("nothing selected to group by")
                .labelled(grouping.matching.span, "needs at least one `by_...`")
                .with_detail("Sentinel refuses the matching method Selected without something to match.")
                .with_help(
                    "add `by_entities`, `by_alert_details` or `by_custom_details`, or use `AllEntities`",
                ),
        ),
        ("AllEntities" | "AnyAlert", Some(first)) => diagnostics.push(
            codes::INCIDENTS
                .warning("selection without effect")
                .labelled(first.span, "not used")
                .with_related(grouping.matching.span, "because of this")
                .with_detail("Sentinel looks at `by_...` only under the matching method Selected.")
                .with_help("use `matching: Selected`, or remove the selection"),
        ),
        _ => {}
    }
}

/// What it groups by must exist in the rule.
fn references(alerting: &Alerting, grouping: &Grouping, diagnostics: &mut Diagnostics) {
    for entity in &grouping.by_entities {
        let types = facts::ENTITY_TYPES.iter().map(|entity| entity.name);
        if let Some(finding) = one_of(codes::INCIDENTS, "entity type", "Sentinel", entity, types) {
            diagnostics.push(finding);
        } else {
            let mapped = alerting.entities.iter().map(|mapping| mapping.entity.value.as_str());
            exists("entity", entity, mapped, diagnostics);
        }
    }
    for detail in &grouping.by_alert_details {
        let details = facts::ALERT_DETAILS.iter().copied();
        if let Some(finding) = one_of(codes::INCIDENTS, "alert detail", "Sentinel", detail, details) {
            diagnostics.push(finding);
        }
    }
    for key in &grouping.by_custom_details {
        let keys = alerting.custom_details.iter().map(|(key, _)| key.value.as_str());
        exists("custom detail", key, keys, diagnostics);
    }
    for group in [&grouping.by_entities, &grouping.by_alert_details, &grouping.by_custom_details] {
        for (earlier, later) in repeated(group, |item| &item.value) {
            diagnostics.push(
                codes::INCIDENTS
                    .warning("grouped by the same twice")
                    .labelled(later.span, "again")
                    .with_related(earlier.span, "first here")
                    .with_detail("It changes nothing.")
                    .with_help("remove one of them"),
            );
        }
    }
}

fn exists<'a>(
    what: &str,
    wanted: &Spanned<String>,
    present: impl Iterator<Item = &'a str> + Clone,
    diagnostics: &mut Diagnostics,
) {
    if present.clone().any(|candidate| candidate == wanted.value) {
        return;
    }
    let help = match did_you_mean(&wanted.value, present) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => format!("add the {what} to the rule, or group by another one"),
    };
    diagnostics.push(
        codes::INCIDENTS
            .error("grouped by something that the rule does not have")
            .labelled(wanted.span, format!("no such {what} in this rule"))
            .with_detail("Sentinel refuses to group by what the rule itself does not define.")
            .with_help(help),
    );
}

#[cfg(test)]
mod tests {
    use crate::compile::check::testing::{
        Case, alerting_of, grouping_of, hours, mark, minutes, plain, run, scheduled,
    };
    use crate::diagnostic::Severity::{Error, Warning};

    #[test]
    #[rustfmt::skip]
    fn incidents() {
        run(&scheduled(), None, &[
            Case("unknown event grouping", |r| alerting_of(r).event_grouping = Some(mark("AlertPerEvent".into())), &[("SEN-16", Error, "unknown event grouping", "AlertPerResult")]),
            Case("alert per result", |r| alerting_of(r).event_grouping = Some(mark("AlertPerResult".into())), &[]),
            Case("five minutes", |r| grouping_of(r).lookback = mark(minutes(5)), &[]),
            Case("four minutes", |r| grouping_of(r).lookback = mark(minutes(4)), &[("SEN-16", Error, "look-back outside", "PT5M")]),
            Case("seven days", |r| grouping_of(r).lookback = mark(hours(168)), &[]),
            Case("longer than seven days", |r| grouping_of(r).lookback = mark(minutes(7 * 24 * 60 + 1)), &[("SEN-16", Error, "look-back outside", "P7D")]),
            Case("unknown method", |r| grouping_of(r).matching = mark("AllEntity".into()), &[("SEN-16", Error, "unknown matching method", "did you mean `AllEntities`?")]),
            Case("selected nothing", |r| grouping_of(r).matching = mark("Selected".into()), &[("SEN-16", Error, "nothing selected", "by_entities")]),
            Case("selected host", |r| { grouping_of(r).matching = plain("Selected".into()); grouping_of(r).by_entities = vec![mark("Host".into())]; }, &[]),
            Case("selected unknown type", |r| { grouping_of(r).matching = plain("Selected".into()); grouping_of(r).by_entities = vec![mark("Device".into())]; }, &[("SEN-16", Error, "unknown entity type", "")]),
            Case("selected unmapped type", |r| { grouping_of(r).matching = plain("Selected".into()); grouping_of(r).by_entities = vec![mark("IP".into())]; }, &[("SEN-16", Error, "grouped by something that", "add the entity")]),
            Case("selected detail", |r| { grouping_of(r).matching = plain("Selected".into()); grouping_of(r).by_custom_details = vec![mark("Task".into())]; }, &[]),
            Case("selected misspelt detail", |r| { grouping_of(r).matching = plain("Selected".into()); grouping_of(r).by_custom_details = vec![mark("task".into())]; }, &[("SEN-16", Error, "grouped by something that", "did you mean `Task`?")]),
            Case("selected alert detail", |r| { grouping_of(r).matching = plain("Selected".into()); grouping_of(r).by_alert_details = vec![mark("Severity".into())]; }, &[]),
            Case("unknown alert detail", |r| { grouping_of(r).matching = plain("Selected".into()); grouping_of(r).by_alert_details = vec![mark("Name".into())]; }, &[("SEN-16", Error, "unknown alert detail", "`DisplayName` or `Severity`")]),
            Case("twice", |r| { grouping_of(r).matching = plain("Selected".into()); grouping_of(r).by_entities = vec![plain("Host".into()), mark("Host".into())]; }, &[("SEN-16", Warning, "same twice", "remove")]),
            Case("selection not used", |r| { grouping_of(r).matching = plain("AnyAlert".into()); grouping_of(r).by_entities = vec![mark("Host".into())]; }, &[("SEN-16", Warning, "without effect", "Selected")]),
            Case("no incidents", |r| { grouping_of(r).enabled = mark(true); alerting_of(r).create_incident = Some(plain(false)); }, &[("SEN-16", Warning, "without incidents", "switch grouping off")]),
        ]);
    }
}
