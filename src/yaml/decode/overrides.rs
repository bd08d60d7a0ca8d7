//! `overrides:` of an environment: partial rules, laid over rule files when an environment is compiled.
//!
//! Only the keys are checked here, at the override's own place; the values are checked by reading the merged rule with
//! [`super::rule::decode_rule`], which points at the override for whatever it changed.

use super::object::{Object, unknown_key};
use super::rule::KEYS;
use super::scalar::id;
use crate::address::RuleId;
use crate::diagnostic::{Diagnostic, Diagnostics, codes};
use crate::source::Spanned;
use crate::yaml::{Key, Node, NodeKind};

/// What stays the same everywhere, and where else to say it.
const FIXED: &[(&str, &str)] = &[
    ("id", "the id is the rule's identity in every environment"),
    ("previous_ids", "the rule's history is the same in every environment"),
    ("environments", "which environments take a rule is decided in the rule file, or by `select`"),
    ("query", "vary a query with `parameters`, or with a file under allowlists/"),
    ("allowlist", "what allowlists may do is decided in the rule file"),
    ("tests", "tests stand in the rule file"),
    ("changelog", "the changelog stands in the rule file"),
    ("silence", "lints are silenced in the rule file"),
];

/// The partial rules by id.
pub(super) fn overrides(node: &Node, out: &mut Diagnostics) -> Option<Vec<(Spanned<RuleId>, Node)>> {
    let rules = Object::open_any(node, "a mapping from rule to changes", out)?;
    let mut found = Vec::new();
    for (key, _) in rules.entries() {
        let rule = id(&Spanned::new(key.name.clone(), key.span), out);
        let changes = rules.optional(&key.name, out, partial_rule);
        found.extend(rule.zip(changes));
    }
    Some(found)
}

fn partial_rule(node: &Node, out: &mut Diagnostics) -> Option<Node> {
    let object = Object::open_any(node, "a part of a rule", out)?;
    let allowed: Vec<&str> =
        KEYS.iter().copied().filter(|key| FIXED.iter().all(|(fixed, _)| fixed != key)).collect();
    for (key, value) in object.entries() {
        if let Some((_, reason)) = FIXED.iter().find(|(fixed, _)| *fixed == key.name) {
            out.push(fixed(key, reason));
        } else if !allowed.contains(&key.name.as_str()) {
            out.push(unknown_key(key, "an override", &allowed));
        } else if let ("defender" | "sentinel", NodeKind::Map(section)) = (key.name.as_str(), &value.kind) {
            let queries = section.iter().filter(|(key, _)| key.name == "query");
            queries.for_each(|(key, _)| {
                out.push(fixed(key, "vary a query with `parameters`, or with a file under allowlists/"));
            });
        }
    }
    Some(node.clone())
}

fn fixed(key: &Key, reason: &str) -> Diagnostic {
    Diagnostic::error(codes::OVERRIDE_KEY, format!("`{}` cannot be overridden", key.name))
        .labelled(key.span, "no environment may change this")
        .with_help(reason)
}
