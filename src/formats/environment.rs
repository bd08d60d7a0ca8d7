//! `palisade.yaml` and `environments/<name>/environment.yaml`.

use serde_json::{Value, json};

use super::shape::{
    boolean, duration, file, form, guid, insert, int, line, list, map, name, names, object, one_or_many,
    owner_id, rule_glob, words,
};
use crate::model::rule::Strength;
use crate::model::vocabulary::AUTOMATED_ACTIONS;

pub(super) fn project() -> Value {
    file(
        [
            ("owner", owner_id()),
            (
                "allowlist",
                object(
                    [
                        ("max_ttl", duration()),
                        ("warn", duration()),
                        ("require", names(&Strength::NAMES)),
                        ("require_ticket", boolean()),
                    ],
                    &[],
                ),
            ),
            ("lint", object([("allow", list(line())), ("strict", boolean())], &[])),
        ],
        &["owner"],
    )
}

pub(super) fn schema() -> Value {
    let mut environment = file(
        [
            ("owner", owner_id()),
            ("tenant_id", guid()),
            ("cloud", cloud()),
            ("defender", object([("api_version", name(".-", 40)), ("preview_fields", boolean())], &[])),
            ("sentinel", workspaces()),
            ("sentinel_api_version", name(".-", 40)),
            (
                "select",
                object(
                    [("rules", list(rule_glob())), ("tags", list(line())), ("exclude", list(rule_glob()))],
                    &[],
                ),
            ),
            ("parameters", map(map(literal()))),
            ("overrides", map(super::rule::partial())),
            ("allowlists", list(line())),
            ("watchlists", list(line())),
            ("lifecycle", lifecycle()),
            ("prune", words(&["owned", "never"])),
            (
                "guards",
                object(
                    [
                        ("max_deletes", int(0, 100_000)),
                        ("max_coverage_reducing", int(0, 100_000)),
                        ("max_change_percent", int(0, 100)),
                    ],
                    &[],
                ),
            ),
            ("response_actions", response_actions()),
            ("shares", list(line())),
            ("ring", words(&["canary", "early", "broad"])),
            ("extends", form("^_", "_base")),
        ],
        &[],
    );
    // What a file extends may hold any of it.
    let whole = json!({
        "required": ["owner", "tenant_id", "prune"],
        "anyOf": [{"required": ["defender"]}, {"required": ["sentinel"]}],
    });
    insert(&mut environment, "if", json!({"not": {"required": ["extends"]}}));
    insert(&mut environment, "then", whole);
    environment
}

fn cloud() -> Value {
    let endpoint = || form("^https://", "https://localhost:8443");
    let custom = object(
        [("authority", endpoint()), ("arm", endpoint()), ("graph", endpoint()), ("ca_file", line())],
        &["authority", "arm", "graph"],
    );
    json!({"anyOf": [words(&["public", "us-gov", "us-gov-dod", "china", "sandbox"]), custom]})
}

fn workspaces() -> Value {
    let workspace = object(
        [
            ("subscription", guid()),
            ("resource_group", form(r"^[\w.()-]{1,90}$", "rg-soc")),
            ("workspace", name("-", 63)),
        ],
        &["subscription", "resource_group", "workspace"],
    );
    let mut either = one_or_many(workspace);
    if let Some(many) = either.pointer_mut("/anyOf/1") {
        insert(many, "minItems", json!(1));
    }
    either
}

/// What replaces the literal of a `let`.
fn literal() -> Value {
    let scalar = json!({"type": ["string", "number", "boolean"]});
    json!({"anyOf": [scalar, {"type": "array", "items": scalar}]})
}

fn lifecycle() -> Value {
    let presence = || words(&["enabled", "disabled", "absent"]);
    object(
        [
            ("experimental", presence()),
            ("test", presence()),
            ("production", presence()),
            ("deprecated", presence()),
        ],
        &[],
    )
}

fn response_actions() -> Value {
    json!({"anyOf": [words(&["forbid"]), object([("allow", list(names(AUTOMATED_ACTIONS)))], &["allow"])]})
}
