//! What a service refuses in the build of a query, whatever its tables hold.
//!
//! To be called with the query as it is written: nothing that compilation puts in has any of these constructs.

use crate::compile::check::{codes, facts};
use crate::compile::origin::Locator;
use crate::compile::shape::{Construct, Shape};
use crate::diagnostic::Diagnostics;
use crate::kql::Span;
use crate::model::defender::Defender;
use crate::model::sentinel::{Kind, Sentinel};

/// Reports what Sentinel refuses: `search *` and `union *`, and in NRT rules other workspaces (CONTRACT B.3).
pub(super) fn sentinel(section: &Sentinel, shape: &Shape, locator: &Locator<'_>, found: &mut Diagnostics) {
    for (construct, span) in &shape.wildcards {
        let operator = construct.word();
        let example = match construct {
            Construct::Search => "in (SecurityEvent, Syslog) \"word\"",
            _ => "SecurityEvent, WindowsEvent",
        };
        found.push(
            codes::WILDCARD_QUERY
                .error(format!("`{operator} *` in a Sentinel rule"))
                .labelled(place(locator, *span), "reads every table")
                .with_detail(
                    "Sentinel refuses analytics rules that read all tables: they are slow, and a new table changes what they find.",
                )
                .with_help(format!("name the tables, for example `{operator} {example}`")),
        );
    }
    if !matches!(section.kind.value, Kind::Nrt(_)) {
        return;
    }
    // One finding: the others say the same.
    if let Some(span) = shape.look_backs.first() {
        found.push(
            codes::NRT
                .warning("near-real-time rule looks back")
                .labelled(place(locator, *span), "no effect beyond the last minute")
                .with_detail(
                    "Sentinel runs NRT rules every minute over the events that arrived in the last one, whatever the query says; a condition \
                     on the events' own time can only lose those that arrive late.",
                )
                .with_help("leave the condition out, or use `kind: scheduled` with a `period`"),
        );
    }
    for span in &shape.workspaces {
        found.push(
            codes::NRT
                .error("near-real-time rule reads another workspace")
                .labelled(place(locator, *span), "another workspace")
                .with_detail("Sentinel runs NRT rules inside one workspace only.")
                .with_help("use `kind: scheduled`, or deploy the rule to each workspace"),
        );
    }
}

/// Reports what Defender refuses: other workspaces, and most of the language in continuous rules (CONTRACT A.5).
pub(super) fn defender(section: &Defender, shape: &Shape, locator: &Locator<'_>, found: &mut Diagnostics) {
    for span in &shape.workspaces {
        found.push(
            codes::OTHER_WORKSPACE
                .error("custom detection reads another workspace")
                .labelled(place(locator, *span), "not accepted in custom detections")
                .with_detail("Microsoft Graph refuses custom detections that call workspace().")
                .with_help(
                    "read the table of the connected workspace by its name, or make it a Sentinel rule",
                ),
        );
    }
    if section.frequency.value != facts::CONTINUOUS {
        return;
    }
    for (construct, span) in &shape.constructs {
        let help = match construct {
            Construct::Let => {
                "write the value where it is used; a rule that needs parameters runs hourly (`frequency: PT1H`)"
            }
            _ => "run the rule hourly (`frequency: PT1H`) instead of continuously, or do without",
        };
        found.push(
            codes::CONTINUOUS
                .error(format!("`{}` in a continuous rule", construct.word()))
                .labelled(place(locator, *span), "not accepted in continuous rules")
                .with_related(section.frequency.span, "continuous")
                .with_detail(
                    "Defender runs continuous rules over each event as it arrives: one table, without join, union, lookup, search, \
                     externaldata or let.",
                )
                .with_help(help),
        );
    }
}

fn place(locator: &Locator<'_>, span: Span) -> crate::source::Span {
    locator.span(span.start as usize, span.end as usize)
}
