//! The `sentinel:` section of a rule: its kind, and what only some kinds have.
//!
//! Every key that any kind has is known here, so that `frequency` on a near-real-time rule is reported as what it is, and
//! not as a misspelt key.

use super::object::{Object, pairs};
use super::rule::query;
use super::scalar::{boolean, duration, int, invalid, line, made_of, name_of, word};
use super::sentinel_alerting::{ALERTING_KEYS, alerting};
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::model::rule::Severity;
use crate::model::sentinel::{
    Fusion, FusionSource, FusionSubType, Kind, MicrosoftSecurity, Schedule, Sentinel, Template,
};
use crate::model::vocabulary::{PRODUCTS, TRIGGER_OPERATORS};
use crate::source::Spanned;
use crate::yaml::Node;

const COMMON_KEYS: &[&str] = &["rule_id", "workspaces", "kind", "template", "query"];
const SCHEDULE_KEYS: &[&str] = &["frequency", "period", "trigger"];
const MICROSOFT_SECURITY_KEYS: &[&str] = &["product", "severities", "display_names", "exclude_display_names"];
const FUSION_KEYS: &[&str] = &["sources", "exclusion_patterns"];

/// Sentinel's own severities are capitalised; both spellings are taken where a list of them stands.
const SEVERITIES: &[(&str, Severity)] = &[
    ("informational", Severity::Informational),
    ("low", Severity::Low),
    ("medium", Severity::Medium),
    ("high", Severity::High),
    ("Informational", Severity::Informational),
    ("Low", Severity::Low),
    ("Medium", Severity::Medium),
    ("High", Severity::High),
];

#[derive(Clone, Copy, PartialEq)]
enum KindName {
    Scheduled,
    Nrt,
    MicrosoftSecurity,
    Fusion,
    MlBehaviorAnalytics,
    ThreatIntelligence,
}

const KINDS: &[(&str, KindName)] = &[
    ("scheduled", KindName::Scheduled),
    ("nrt", KindName::Nrt),
    ("microsoft-security", KindName::MicrosoftSecurity),
    ("fusion", KindName::Fusion),
    ("ml-behavior-analytics", KindName::MlBehaviorAnalytics),
    ("threat-intelligence", KindName::ThreatIntelligence),
];

/// The section.
#[must_use]
pub fn sentinel(node: &Node, out: &mut Diagnostics) -> Option<Sentinel> {
    let section = Object::open(node, "the sentinel section", &keys(), out)?;
    let name = section.required("kind", out, word(KINDS));
    let kind = name.as_ref().and_then(|name| {
        check_keys(&section, name.value, out);
        kind(&section, name.value, out)
    });
    Some(Sentinel {
        rule_id: section.optional("rule_id", out, platform_id),
        workspaces: section.list("workspaces", out, line),
        template: section.optional("template", out, template),
        query: section.optional("query", out, query),
        span: section.span(),
        kind: Spanned::new(kind?, name?.span),
    })
}

/// Every key that any kind has.
pub(crate) fn keys() -> Vec<&'static str> {
    [COMMON_KEYS, SCHEDULE_KEYS, ALERTING_KEYS, MICROSOFT_SECURITY_KEYS, FUSION_KEYS].concat()
}

/// Reports keys that only other kinds have.
fn check_keys(section: &Object<'_>, kind: KindName, out: &mut Diagnostics) {
    let has_query = matches!(kind, KindName::Scheduled | KindName::Nrt);
    let name = KINDS.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name);
    for (key, _) in section.entries() {
        let (belongs, owner) = match key.name.as_str() {
            "query" => (has_query, "scheduled and nrt rules"),
            other if SCHEDULE_KEYS.contains(&other) => (kind == KindName::Scheduled, "scheduled rules"),
            other if ALERTING_KEYS.contains(&other) => (has_query, "scheduled and nrt rules"),
            other if MICROSOFT_SECURITY_KEYS.contains(&other) => {
                (kind == KindName::MicrosoftSecurity, "microsoft-security rules")
            }
            other if FUSION_KEYS.contains(&other) => (kind == KindName::Fusion, "fusion rules"),
            _ => continue,
        };
        if !belongs {
            let finding = Diagnostic::error(
                codes::MISPLACED_KEY,
                format!("`{}` does not belong to a rule of kind {name}", key.name),
            )
            .labelled(key.span, format!("only {owner} have this"));
            out.push(if kind == KindName::Nrt && SCHEDULE_KEYS.contains(&key.name.as_str()) {
                finding.with_help("a near-real-time rule runs every minute and alerts on every result: remove the key, or make it `kind: scheduled`")
            } else {
                finding.with_help("remove the key, or change `kind`")
            });
        }
    }
}

fn kind(section: &Object<'_>, kind: KindName, out: &mut Diagnostics) -> Option<Kind> {
    match kind {
        KindName::Scheduled => {
            let schedule = schedule(section, out);
            let alerting = alerting(section, out);
            Some(Kind::Scheduled(Box::new((schedule?, alerting))))
        }
        KindName::Nrt => Some(Kind::Nrt(Box::new(alerting(section, out)))),
        KindName::MicrosoftSecurity => {
            microsoft_security(section, out).map(|kind| Kind::MicrosoftSecurity(Box::new(kind)))
        }
        KindName::Fusion => Some(Kind::Fusion(Box::new(Fusion {
            sources: section.list("sources", out, fusion_source),
            exclusion_patterns: section.list("exclusion_patterns", out, exclusion_pattern),
        }))),
        KindName::MlBehaviorAnalytics => Some(Kind::MlBehaviorAnalytics),
        KindName::ThreatIntelligence => Some(Kind::ThreatIntelligence),
    }
}

/// The last segment of an ARM id (CONTRACT B.1); the compiler checks the rest.
fn platform_id(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    made_of(
        |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'),
        100,
        "letters, digits, `-`, `_` and `.`, at most 100",
    )(node, out)
}

fn schedule(section: &Object<'_>, out: &mut Diagnostics) -> Option<Schedule> {
    let frequency = section.required("frequency", out, duration);
    let period = section.required("period", out, duration);
    let trigger = section.optional("trigger", out, |node, out| {
        let trigger = Object::open(node, "the trigger", &["operator", "threshold"], out)?;
        let operator = trigger.optional("operator", out, name_of(TRIGGER_OPERATORS));
        let threshold = trigger.optional("threshold", out, int(0, 10_000));
        Some((operator, threshold))
    });
    // Defaults stand where the kind was chosen, so that a message about them has a place.
    let place = section.member("kind").map_or(section.span(), |(_, node)| node.span);
    let (operator, threshold) = trigger.unwrap_or((None, None));
    Some(Schedule {
        frequency: frequency?,
        period: period?,
        operator: operator.unwrap_or_else(|| Spanned::new("GreaterThan".to_owned(), place)),
        threshold: threshold.unwrap_or_else(|| Spanned::new(0, place)),
    })
}

fn microsoft_security(section: &Object<'_>, out: &mut Diagnostics) -> Option<MicrosoftSecurity> {
    let product = section.required("product", out, name_of(PRODUCTS));
    Some(MicrosoftSecurity {
        severities: section.list("severities", out, word(SEVERITIES)),
        display_names: section.list("display_names", out, line),
        exclude_display_names: section.list("exclude_display_names", out, line),
        product: product?,
    })
}

fn fusion_source(node: &Node, out: &mut Diagnostics) -> Option<FusionSource> {
    let object = Object::open(node, "a source", &["name", "enabled", "sub_types"], out)?;
    let name = object.required("name", out, line);
    let enabled = object.required("enabled", out, boolean);
    let sub_types = object.list("sub_types", out, fusion_sub_type);
    Some(FusionSource { name: name?, enabled: enabled?, sub_types })
}

fn fusion_sub_type(node: &Node, out: &mut Diagnostics) -> Option<FusionSubType> {
    let object = Object::open(node, "a sub-type", &["name", "enabled", "severities"], out)?;
    let name = object.required("name", out, line);
    let enabled = object.required("enabled", out, boolean);
    let severities = object.optional("severities", out, |node, out| {
        let found = pairs(node, "a mapping from severity to true or false", out, boolean)?;
        let known = |(severity, enabled): (Spanned<String>, Spanned<bool>)| {
            let hit = SEVERITIES.iter().find(|(name, _)| *name == severity.value);
            if hit.is_none() {
                out.push(super::scalar::not_one_of(&severity, SEVERITIES.iter().map(|(name, _)| *name)));
            }
            hit.map(|(_, value)| (Spanned::new(*value, severity.span), enabled))
        };
        Some(found.into_iter().filter_map(known).collect::<Vec<_>>())
    });
    Some(FusionSubType { name: name?, enabled: enabled?, severities: severities.unwrap_or_default() })
}

fn exclusion_pattern(node: &Node, out: &mut Diagnostics) -> Option<(Spanned<String>, Spanned<String>)> {
    let object = Object::open(node, "an exclusion pattern", &["pattern", "added"], out)?;
    let pattern = object.required("pattern", out, line);
    let added = object.required("added", out, |node, out| {
        let found = line(node, out)?;
        if found.value.parse::<jiff::Timestamp>().is_err() {
            out.push(
                invalid(node.span, "not a point in time", "not an ISO-8601 time with a zone")
                    .with_help("write it as 2026-11-02T09:30:00Z"),
            );
            return None;
        }
        Some(found)
    });
    Some((pattern?, added?))
}

fn template(node: &Node, out: &mut Diagnostics) -> Option<Template> {
    let object = Object::open(node, "the template", &["name", "version"], out)?;
    let name = object.required("name", out, line);
    let version = object.optional("version", out, line);
    Some(Template { name: name?, version })
}
