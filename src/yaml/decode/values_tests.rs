//! What good files become: values, defaults, and places of parts.

use super::{allowlist, environment, project, rule};
use crate::diagnostic::Diagnostics;
use crate::model::allowlist::{RulePattern, Scope, Test, Value};
use crate::model::defender::MemberValue;
use crate::model::environment::{Cloud, Guards, Lifecycle, Presence, ResponseActions};
use crate::model::rule::{Rule, Severity, Strength};
use crate::model::sentinel::Kind;
use crate::source::SourceMap;
use crate::yaml::Node;
use crate::yaml::merge::merge;
use crate::yaml::read::read;

fn case(name: &str) -> String {
    let path = format!("{}/tests/data/decode/{name}/input.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

fn parse(sources: &mut SourceMap, text: &str) -> Node {
    read(text, sources.add(format!("{}.yaml", sources.files().len()), text)).unwrap()
}

fn decode(document: &Node) -> (Rule, Diagnostics) {
    let (rule, found) = rule::decode_rule(document, None, None);
    (rule.unwrap(), found)
}

#[test]
fn a_full_rule() {
    let mut sources = SourceMap::default();
    let document = parse(&mut sources, &case("rule-good"));
    let (rule, found) = decode(&document);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(rule.severity.value, Severity::Medium);
    assert_eq!(
        rule.description.unwrap().value,
        "A task starts a binary that is not signed.\n\nSecond paragraph."
    );
    let tactics: Vec<&str> = rule.attack.iter().map(|attack| attack.tactic.as_str()).collect();
    assert_eq!(tactics, ["Persistence", "LateralMovement", "PrivilegeEscalation"]);
    assert_eq!(rule.blind_spots.len(), 1);
    assert_eq!(rule.allowlist[0].require.as_ref().unwrap().value, Strength::Strong);
    let query = rule.query.unwrap();
    let at = query.text.value.find("ago(").unwrap();
    let place = query.text.locate(query.span, at, at + 3);
    assert_eq!((sources.slice(place), sources.position(place).line), ("ago", 31));
    let defender = rule.defender.unwrap();
    assert_eq!(defender.frequency.value.seconds(), 86_400);
    assert_eq!(
        defender.entities.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(),
        ["hosts", "accounts"]
    );
    let (group, value) = &defender.actions[1].items[0][1];
    assert_eq!(group.value, "deviceGroupNames");
    assert!(matches!(value, MemberValue::Many(names) if names[0].value == "Servers"));
    let sentinel = rule.sentinel.unwrap();
    let Kind::Scheduled(kind) = &sentinel.kind.value else { panic!() };
    assert_eq!((kind.0.period.value.seconds(), kind.0.threshold.value), (7_200, 0));
    assert_eq!(
        kind.1.alert.as_ref().unwrap().description_format.as_ref().unwrap().value,
        "On {{DeviceName}}"
    );
    assert_eq!(kind.1.create_incident.as_ref().map(|create| create.value), Some(true));
    assert_eq!(sentinel.query.unwrap().text.value, "SecurityEvent\n");
}

#[test]
fn an_override_is_decoded_with_its_rule() {
    let mut sources = SourceMap::default();
    let base = parse(&mut sources, &case("rule-good"));
    let overlay = parse(&mut sources, "severity: hihg\nsentinel: {frequency: PT30M}\nname: Other\n");
    let (plain, _) = decode(&base);
    // The rule's own query is handed back in, as for a rule with a .kql file: it counts once.
    let (merged, found) = rule::decode_rule(&merge(&base, &overlay), plain.query, None);
    assert!(merged.is_none());
    let places: Vec<String> = found.iter().map(|d| sources.display(d.span.unwrap())).collect();
    assert_eq!(places, ["1.yaml:1:11"]);

    let overlay = parse(&mut sources, "severity: high\nsentinel: {frequency: PT30M}\n");
    let (merged, found) = rule::decode_rule(&merge(&base, &overlay), None, None);
    assert!(found.is_empty(), "{found:?}");
    let merged = merged.unwrap();
    let Kind::Scheduled(kind) = &merged.sentinel.as_ref().unwrap().kind.value else { panic!() };
    assert_eq!((merged.severity.value, kind.0.frequency.value.seconds()), (Severity::High, 1_800));
    assert_eq!(sources.path(kind.0.frequency.span.file), "2.yaml");
    assert_eq!(sources.path(kind.0.period.span.file), "0.yaml");
    // What is missing in the merged rule is missing in the rule's file, or in the override: never at a foreign key.
    let broken = parse(&mut sources, "defender: {entities: {}}\n");
    let (_, found) =
        rule::decode_rule(&merge(&parse(&mut SourceMap::default(), "id: a\n"), &broken), None, None);
    assert!(found.iter().all(|d| d.span.unwrap().file == broken.span.file || d.code == "FMT-02"));
}

#[test]
fn environments_have_defaults() {
    let mut sources = SourceMap::default();
    let mut out = Diagnostics::default();
    let small = parse(&mut sources, &case("environment-good-small"));
    let small = environment::environment(&small, "lab", &mut out).unwrap();
    assert!(matches!(&small.cloud.value, Cloud::Custom { arm, .. } if arm.value == "https://localhost:8443"));
    assert_eq!((small.guards, small.lifecycle), (Guards::default(), Lifecycle::default()));
    assert_eq!(small.response_actions, ResponseActions::Forbid);
    assert_eq!(small.sentinel.len(), 1);
    let full = parse(&mut sources, &case("environment-good"));
    let full = environment::environment(&full, "prod", &mut out).unwrap();
    assert!(out.is_empty(), "{out:?}");
    assert_eq!(full.tenant_id.value, "72f988bf-86f1-41af-91ab-2d7cd011db47");
    assert_eq!(full.lifecycle.production, Presence::Enabled);
    assert!(matches!(&full.response_actions, ResponseActions::Allow(names) if names.len() == 1));
    assert_eq!(full.parameters[0].values.len(), 3);
    assert_eq!(full.overrides[0].1.get("enabled").map(Node::describe), Some("a boolean"));
}

#[test]
fn allowlist_values_keep_their_types() {
    let mut sources = SourceMap::default();
    let mut out = Diagnostics::default();
    let document = parse(&mut sources, &case("allowlist-good"));
    let list = allowlist::allowlist(&document, "l", Scope::Shared, &mut out).unwrap();
    assert!(out.is_empty(), "{out:?}");
    assert_eq!(list.rules[1].value, RulePattern::Glob("linux-*".into()));
    let entry = &list.entries[0];
    assert_eq!(entry.expires.value, jiff::civil::date(2027, 5, 1));
    let test = |column: &str| &entry.predicates.iter().find(|p| p.column.value == column).unwrap().test;
    let Test::In(hashes) = test("SHA1") else { panic!() };
    let hashes: Vec<&Value> = hashes.iter().map(|hash| &hash.value).collect();
    // Hashes that look like numbers are still hashes.
    let text = |text: &str| Value::String(text.into());
    let expected = [
        &text("3395856ce81f2b7382dee72602f798b642f14140"),
        &text("12345678901234567890123456789012"),
        &text("33958560e10"),
    ];
    assert_eq!(hashes, expected);
    let Test::StartsWith(values) = test("ProcessCommandLine") else { panic!() };
    assert_eq!(values[0].value, r#""quoted" \\ // """ 'x'"#);
    assert!(matches!(test("Count"), Test::Equals(value) if value.value == Value::Long(5)));
    assert!(matches!(test("Flag"), Test::Equals(value) if value.value == Value::Bool(true)));
    let at = |text: &str| Value::DateTime(text.into());
    assert!(matches!(test("At"), Test::Equals(value) if value.value == at("2026-11-02T00:00:00Z")));
    let Test::Range { min: Some(min), max: Some(max) } = test("Since") else { panic!() };
    assert_eq!((&min.value, &max.value), (&at("2026-11-02T00:00:00Z"), &at("2026-11-03T00:00:00Z")));
    let cased: Vec<&str> =
        entry.predicates.iter().filter(|p| p.case_sensitive).map(|p| p.column.as_str()).collect();
    assert_eq!(cased, ["FolderPath"]);
}

#[test]
fn ten_thousand_values_and_not_one_more() {
    for (count, accepted) in [(10_000, true), (10_001, false)] {
        let values = "v, ".repeat(count);
        let text = format!(
            "rules: [a]\nentries: [{{id: a, reason: r, owner: o, expires: 2027-01-01, match: {{A: {{in: [{values}]}}}}}}]\n"
        );
        let mut out = Diagnostics::default();
        let document = parse(&mut SourceMap::default(), &text);
        let _ = allowlist::allowlist(&document, "l", Scope::Shared, &mut out);
        assert_eq!(!out.has_errors(), accepted, "{count}");
    }
}

#[test]
fn project_policy() {
    let mut out = Diagnostics::default();
    let document = parse(&mut SourceMap::default(), &case("project-good"));
    let found = project::project(&document, &mut out).unwrap();
    assert_eq!((found.allowlist.max_ttl_days, found.allowlist.warn_days), (180, 14));
    assert!(found.allowlist.require_ticket && found.lint.strict);
    assert_eq!(found.allowlist.require, Strength::Medium);
}
