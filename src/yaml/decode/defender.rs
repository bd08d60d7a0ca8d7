//! The `defender:` section of a rule. Collections and their members are those of the contract (see `model::vocabulary`).

use super::object::{Object, list, pairs, unknown_key};
use super::rule::query;
use super::scalar::{boolean, duration, line, made_of, name_of, text};
use crate::diagnostic::Diagnostics;
use crate::model::defender::{Collection, Defender, MemberValue};
use crate::model::vocabulary::{AUTOMATED_ACTIONS, ENTITY_MAPPINGS, EVENT_GROUPING_KINDS, ISOLATION_TYPES};
use crate::source::Spanned;
use crate::yaml::Node;

/// Every key of the section.
pub(crate) const KEYS: &[&str] = &[
    "rule_id",
    "frequency",
    "lookback",
    "title",
    "rule_description",
    "description",
    "recommended_actions",
    "entities",
    "custom_details",
    "event_grouping",
    "actions",
    "device_groups",
    "exclude_from_correlation",
    "query",
];

/// The section.
#[must_use]
pub fn defender(node: &Node, out: &mut Diagnostics) -> Option<Defender> {
    let section = Object::open(node, "the defender section", KEYS, out)?;
    let frequency = section.required("frequency", out, duration);
    Some(Defender {
        rule_id: section.optional("rule_id", out, platform_id),
        lookback: section.optional("lookback", out, duration),
        title: section.optional("title", out, line),
        rule_description: section.optional("rule_description", out, text),
        description: section.optional("description", out, text),
        recommended_actions: section.optional("recommended_actions", out, text),
        entities: collections(&section, "entities", "the entities section", ENTITY_MAPPINGS, out),
        custom_details: section
            .optional("custom_details", out, |node, out| {
                pairs(node, "a mapping from detail to column", out, line)
            })
            .unwrap_or_default(),
        event_grouping: section.optional("event_grouping", out, name_of(EVENT_GROUPING_KINDS)),
        actions: collections(&section, "actions", "the actions section", AUTOMATED_ACTIONS, out),
        device_groups: section.list("device_groups", out, line),
        exclude_from_correlation: section.optional("exclude_from_correlation", out, boolean),
        query: section.optional("query", out, query),
        frequency: frequency?,
        span: section.span(),
    })
}

/// The detection's own id: letters, digits, `-` and `_` (CONTRACT A.2).
fn platform_id(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    made_of(
        |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'),
        100,
        "letters, digits, `-` and `_`, at most 100",
    )(node, out)
}

/// Collections in the order of writing, each with its members.
fn collections(
    section: &Object<'_>,
    key: &str,
    what: &'static str,
    table: &[(&'static str, &'static [&'static str])],
    out: &mut Diagnostics,
) -> Vec<Collection> {
    let read = |node: &Node, out: &mut Diagnostics| {
        let object = Object::open_any(node, what, out)?;
        let mut found = Vec::new();
        for (name, _) in object.entries() {
            let Some((_, members)) = table.iter().find(|(known, _)| *known == name.name) else {
                let known: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
                out.push(unknown_key(name, what, &known));
                continue;
            };
            let items = object.optional(&name.name, out, |node, out| {
                list(node, out, |item, out| member_values(item, members, out))
            });
            found.extend(
                items.map(|items| Collection { name: Spanned::new(name.name.clone(), name.span), items }),
            );
        }
        Some(found)
    };
    section.optional(key, out, read).unwrap_or_default()
}

fn member_values(
    node: &Node,
    members: &[&str],
    out: &mut Diagnostics,
) -> Option<Vec<(Spanned<String>, MemberValue)>> {
    let object = Object::open(node, "this item", members, out)?;
    let mut found = Vec::new();
    for (key, _) in object.entries().iter().filter(|(key, _)| members.contains(&key.name.as_str())) {
        let value = object.optional(&key.name, out, |node, out| match key.name.as_str() {
            "deviceGroupNames" => list(node, out, line).map(MemberValue::Many),
            "isolationType" => name_of(ISOLATION_TYPES)(node, out).map(MemberValue::One),
            _ => line(node, out).map(MemberValue::One),
        });
        found.extend(value.map(|value| (Spanned::new(key.name.clone(), key.span), value)));
    }
    Some(found)
}
