//! `environments/<name>/environment.yaml`, after what it extends was laid under it.

use super::object::{Object, list};
use super::overrides::overrides;
use super::scalar::{guid, id, int, invalid, line, name_of, word};
use super::target::{api_version, cloud, defender_target, owner_id, workspaces};
use crate::diagnostic::{Diagnostics, codes};
use crate::model::environment::{
    Cloud, Environment, Guards, Lifecycle, Presence, Prune, ResponseActions, Ring, RuleParameters, Select,
};
use crate::model::vocabulary::AUTOMATED_ACTIONS;
use crate::source::Spanned;
use crate::yaml::{Node, NodeKind};

/// Every key of an environment file.
pub(crate) const KEYS: &[&str] = &[
    "owner",
    "tenant_id",
    "cloud",
    "defender",
    "sentinel",
    "sentinel_api_version",
    "select",
    "parameters",
    "overrides",
    "allowlists",
    "watchlists",
    "lifecycle",
    "prune",
    "guards",
    "response_actions",
    "ring",
    "shares",
    "extends",
];

const PRESENCES: &[(&str, Presence)] =
    &[("enabled", Presence::Enabled), ("disabled", Presence::Disabled), ("absent", Presence::Absent)];
const PRUNES: &[(&str, Prune)] = &[("never", Prune::Never), ("owned", Prune::Owned)];
const RINGS: &[(&str, Ring)] = &[("canary", Ring::Canary), ("early", Ring::Early), ("broad", Ring::Broad)];

/// An environment; `name` is its folder's. Its span is that of its own document, not of what it extends.
#[must_use]
pub fn environment(document: &Node, name: &str, out: &mut Diagnostics) -> Option<Environment> {
    let file = Object::open_file(document, "an environment", KEYS, out)?;
    let owner = file.required("owner", out, owner_id);
    let tenant_id = file.required("tenant_id", out, guid);
    let prune = file.required("prune", out, word(PRUNES));
    if prune.is_none() && !file.has("prune") {
        explain_prune(out);
    }
    if !file.has("defender") && !file.has("sentinel") {
        let mut finding = file.missing("defender").with_help(
            "`defender: {}` deploys custom detections to the tenant; `sentinel:` lists workspaces",
        );
        finding.summary = "neither `defender` nor `sentinel` is there".to_owned();
        finding.label = Some("an environment needs one of them".to_owned());
        out.push(finding);
    }
    let sentinel = file.optional("sentinel", out, workspaces);
    if let (Some([]), Some((key, _))) = (sentinel.as_deref(), file.member("sentinel"))
        && file
            .member("sentinel")
            .is_some_and(|(_, node)| matches!(&node.kind, NodeKind::Seq(items) if items.is_empty()))
    {
        out.push(invalid(key.span, "no workspace is listed", "list at least one, or remove the key"));
    }
    let start = file.entries().first().map_or(file.span(), |(key, _)| key.span);
    Some(Environment {
        name: name.to_owned(),
        cloud: file.optional("cloud", out, cloud).unwrap_or(Spanned::new(Cloud::Public, start)),
        defender: file.optional("defender", out, defender_target),
        sentinel: sentinel.unwrap_or_default(),
        sentinel_api_version: file.optional("sentinel_api_version", out, api_version),
        select: file.optional("select", out, select).unwrap_or_default(),
        parameters: file.optional("parameters", out, parameters).unwrap_or_default(),
        overrides: file.optional("overrides", out, overrides).unwrap_or_default(),
        allowlists: file.list("allowlists", out, line),
        watchlists: file.has("watchlists").then(|| file.list("watchlists", out, line)),
        lifecycle: file.optional("lifecycle", out, lifecycle).unwrap_or_default(),
        guards: file.optional("guards", out, guards).unwrap_or_default(),
        response_actions: file.optional("response_actions", out, response_actions).unwrap_or_default(),
        shares: file.list("shares", out, line),
        ring: file.optional("ring", out, word(RINGS)),
        owner: owner?,
        tenant_id: tenant_id?,
        prune: prune?,
        span: file.span(),
    })
}

/// The one mandatory key that people ask about.
fn explain_prune(out: &mut Diagnostics) {
    let missing = out.iter_mut().filter(|finding| finding.code == codes::MISSING_KEY);
    if let Some(finding) = missing.last() {
        finding.help = Some(
            "`owned` deletes deployed rules of this owner that have no file any more; `never` only lists them"
                .to_owned(),
        );
    }
}

fn select(node: &Node, out: &mut Diagnostics) -> Option<Select> {
    let object = Object::open(node, "the selection", &["rules", "tags", "exclude"], out)?;
    Some(Select {
        rules: object.list("rules", out, rule_glob),
        tags: object.list("tags", out, line),
        exclude: object.list("exclude", out, rule_glob),
    })
}

/// A rule id, or a glob over rule ids with `*` and `?`.
pub(super) fn rule_glob(node: &Node, out: &mut Diagnostics) -> Option<Spanned<String>> {
    let found = line(node, out)?;
    let allowed =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.' | '*' | '?');
    if found.value.chars().all(allowed) {
        return Some(found);
    }
    out.push(
        invalid(node.span, "not a rule id", "neither a rule id nor a glob")
            .with_help("ids are lower case; `*` stands for any characters, `?` for one"),
    );
    None
}

fn parameters(node: &Node, out: &mut Diagnostics) -> Option<Vec<RuleParameters>> {
    let rules = Object::open_any(node, "a mapping from rule to parameters", out)?;
    let mut found = Vec::new();
    for (key, _) in rules.entries() {
        let rule = id(&Spanned::new(key.name.clone(), key.span), out);
        let values = rules.optional(&key.name, out, |node, out| {
            let names = Object::open_any(node, "a mapping from parameter to literal", out)?;
            let mut values = Vec::new();
            for (name, _) in names.entries() {
                let value = names.optional(&name.name, out, literal);
                values.extend(value.map(|value| (Spanned::new(name.name.clone(), name.span), value)));
            }
            Some(values)
        });
        found.extend(rule.zip(values).map(|(rule, values)| RuleParameters { rule, values }));
    }
    Some(found)
}

/// A scalar or a list of scalars; whether it fits the query is checked when the rule is compiled.
fn literal(node: &Node, out: &mut Diagnostics) -> Option<Node> {
    let is_scalar = |node: &Node| !matches!(node.kind, NodeKind::Map(_) | NodeKind::Seq(_) | NodeKind::Null);
    match &node.kind {
        NodeKind::Seq(items) if items.iter().all(is_scalar) => Some(node.clone()),
        NodeKind::Map(_) | NodeKind::Seq(_) => {
            out.push(
                super::object::wrong_type(node, "a literal or a list of literals")
                    .with_help("a parameter replaces the literal of a top-level `let`"),
            );
            None
        }
        _ => Some(node.clone()),
    }
}

fn lifecycle(node: &Node, out: &mut Diagnostics) -> Option<Lifecycle> {
    let keys = ["experimental", "test", "production", "deprecated"];
    let object = Object::open(node, "the lifecycle", &keys, out)?;
    let default = Lifecycle::default();
    let mut presence = |key: &str, default: Presence| {
        object.optional(key, out, word(PRESENCES)).map_or(default, |found| found.value)
    };
    Some(Lifecycle {
        experimental: presence("experimental", default.experimental),
        test: presence("test", default.test),
        production: presence("production", default.production),
        deprecated: presence("deprecated", default.deprecated),
    })
}

fn guards(node: &Node, out: &mut Diagnostics) -> Option<Guards> {
    let keys = ["max_deletes", "max_coverage_reducing", "max_change_percent"];
    let object = Object::open(node, "the guards section", &keys, out)?;
    let default = Guards::default();
    let mut limit = |key: &str, most: u32, default: u32| {
        object.optional(key, out, int(0, most)).map_or(default, |found| found.value)
    };
    Some(Guards {
        max_deletes: limit("max_deletes", 100_000, default.max_deletes),
        max_coverage_reducing: limit("max_coverage_reducing", 100_000, default.max_coverage_reducing),
        max_change_percent: limit("max_change_percent", 100, default.max_change_percent),
    })
}

fn response_actions(node: &Node, out: &mut Diagnostics) -> Option<ResponseActions> {
    if node.as_str().is_some() {
        return name_of(&["forbid"])(node, out).map(|_| ResponseActions::Forbid);
    }
    let object = Object::open(node, "the response_actions section", &["allow"], out)?;
    object.required("allow", out, |node, out| {
        let known = |node: &Node, out: &mut Diagnostics| {
            let found = line(node, out)?;
            let names = AUTOMATED_ACTIONS.iter().map(|(name, _)| *name);
            if names.clone().any(|name| name == found.value) {
                return Some(found);
            }
            out.push(super::scalar::not_one_of(&found, names));
            None
        };
        list(node, out, known).map(ResponseActions::Allow)
    })
}
