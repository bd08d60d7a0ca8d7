//! The format of plans is public: a plan of an earlier version is still read, a later minor version too, and nothing else. The files in
//! tests/data/plans were written once and stay as they are.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::world::{HUNT, TASK, World, entry};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/plans").join(name)
}

fn frozen(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(data(name)).unwrap()).unwrap()
}

fn schema() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/plan-1.0.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Members in the order of their names, at every level, without blanks: what is under the seal.
fn sorted(value: &Value) -> String {
    match value {
        Value::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort();
            let members: Vec<String> =
                keys.iter().map(|key| format!("{}:{}", json!(key), sorted(&members[*key]))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// A plan as another version could have written it.
fn sealed(mut plan: Value) -> String {
    plan.as_object_mut().unwrap().shift_remove("content_digest");
    let digest: String =
        Sha256::digest(sorted(&plan).as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    plan["content_digest"] = json!(format!("sha256:{digest}"));
    plan.to_string()
}

#[test]
fn a_plan_of_the_first_version_is_shown_and_applied() {
    let world = World::new();
    let path = data("1.0-create.json").display().to_string();
    world.run(&format!("show {path}")).exits(0).says(&["Plan: 2 to create", "+ sentinel/law-lab:task"]);
    world.run(&format!("show {path} --format markdown")).exits(0).says(&["sentinel/law-lab:task"]);
    let shown = world.run(&format!("show {path} --format json")).exits(0).json();
    assert_eq!(shown["digest"], frozen("1.0-create.json")["digest"]);
    world.run(&format!("apply {path}")).exits(0).says(&["Applied 2 of 2 changes."]);
    assert_eq!(world.names("sentinel"), ["Task created by a person"]);
    // And again: what is done already is skipped.
    world.run(&format!("apply {path}")).exits(0);
    // Everything that a plan can say is shown.
    let path = data("1.0-mixed.json").display().to_string();
    world.run(&format!("show {path}")).exits(0).says(&[
        "1 to create, 3 to update, 1 to delete",
        "Changed outside of Palisade",
        "allowlist widened",
        "runs less often",
        "max_deletes: 1 planned, 0 allowed",
    ]);
    world.run(&format!("apply {path}")).exits(3).says(&["max_deletes"]);
    // One of its rules is not in this tenant; the others are as it found them, or done already.
    world.run(&format!("apply {path} --max-deletes 1")).exits(5).says(&["defender:other  (stale)"]);
}

#[test]
fn a_later_minor_version_is_read_and_another_major_is_not() {
    let world = World::new();
    let plan = frozen("1.0-create.json");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut plan = plan.clone();
        change(&mut plan);
        world.write("plan.json", sealed(plan));
        world.run("apply plan.json")
    };
    with(&|plan| plan["format_version"] = json!("2.0")).exits(1).says(&[
        "format 2.0",
        "reads format 1.0",
        "make the plan again",
    ]);
    with(&|plan| plan["format_version"] = json!("10.0")).exits(1).says(&["format 10.0"]);
    with(&|plan| drop(plan.as_object_mut().unwrap().shift_remove("format_version")))
        .exits(1)
        .says(&["it has no `format_version`"]);
    with(&|plan| drop(plan.as_object_mut().unwrap().shift_remove("summary")))
        .exits(1)
        .says(&["missing field `summary`"]);
    // Sealed anew, but with other effects than its digest.
    with(&|plan| plan["changes"][0]["write"]["body"]["displayName"] = json!("x"))
        .exits(1)
        .says(&["was changed"]);
    world.write("plan.json", plan.to_string().replace("\"create\":2", "\"create\":1"));
    world.run("show plan.json").exits(1).says(&["was changed"]);
    world.wrote_nothing();
    with(&|plan| {
        plan["format_version"] = json!("1.7");
        plan["later"] = json!({"a": [1]});
        plan["summary"]["later"] = json!(3);
        plan["changes"][0]["later"] = json!("x");
        plan["changes"][0]["precondition"]["later"] = json!(null);
    })
    .exits(0)
    .says(&["Applied 2 of 2 changes."]);
}

/// The schema, with every object closed: nothing may be written that it does not name.
fn closed() -> Value {
    fn close(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.values_mut().for_each(close);
                if members.get("properties").is_some_and(Value::is_object)
                    && members.get("type") == Some(&json!("object"))
                {
                    members.entry("additionalProperties").or_insert(json!(false));
                }
            }
            Value::Array(items) => items.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut schema = schema();
    close(&mut schema["$defs"]);
    schema
}

#[track_caller]
fn fits(schema: &Value, plan: &Value) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let wrong: Vec<String> = validator
        .iter_errors(plan)
        .map(|error| {
            format!(
                "{}: {}",
                error.instance_path(),
                error
                    .to_string()
                    .chars()
                    .rev()
                    .take(300)
                    .collect::<String>()
                    .chars()
                    .rev()
                    .collect::<String>()
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}\n{plan:#}");
}

#[test]
fn every_plan_has_exactly_the_members_that_the_schema_names() {
    // Several shapes are told apart by their members: closed one at a time, so that an error says where.
    let mut closed = closed();
    closed["oneOf"] = json!([{"$ref": "#/$defs/plan"}]);
    let read = |world: &World, options: &str| {
        world.run(&format!("plan -e lab -q --format json {options}")).exits(0).json()
    };
    let mut plans = vec![frozen("1.0-create.json"), frozen("1.0-mixed.json"), read(&World::new(), "")];

    let world = World::deployed();
    plans.push(read(&world, ""));
    world.allowlist(
        "one",
        "hunt",
        &[entry("one", "SHA1: {equals: 3395856ce81f2b7382dee72602f798b642f14140}")],
    );
    world.append("environments/lab/allowlists/one.yaml", "sensitive: true\n");
    world.portal_edit("Task created by a person", &json!({"severity": "Low"}));
    plans.push(read(&world, ""));
    plans.push(read(&world, "--on-drift fail"));
    // In conflict, replaced, an orphan, and somebody else's.
    world.edit("rules/task.yaml", "severity: high", "severity: informational");
    plans.push(read(&world, ""));
    world.write("rules/task.yaml", TASK.replace("  kind: scheduled\n  frequency: PT1H\n  period: PT2H\n  trigger: {operator: GreaterThan, threshold: 0}\n", "  kind: nrt\n"));
    plans.push(read(&world, ""));
    world.remove("rules/hunt.yaml").remove("environments/lab/allowlists/one.yaml");
    plans.push(read(&world, "--max-deletes 0"));
    world.edit("environments/lab/environment.yaml", "owner: acme/lab", "owner: acme/other");
    plans.push(read(&world, ""));
    plans.push(read(&world, "--take-over acme/lab"));

    // Adoption, an exception, a warning, and a watchlist.
    let world = World::deployed();
    let id = world.rules().iter().find(|rule| rule["name"] == "Task created by a person").unwrap()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    world.portal_edit("Task created by a person", &json!({"query": "SecurityEvent\n| where EventID == 4698\n// allowlist\n| project TimeGenerated, Computer, SubjectUserSid, Activity"}));
    world.edit("rules/task.yaml", "sentinel:\n", &format!("sentinel:\n  rule_id: {id}\n"));
    world.write(
        "environments/lab/watchlists/hosts.yaml",
        "name: Hosts\nsearch_key: Host\nitems: [a.example.com]\n",
    );
    plans.push(read(&world, ""));
    plans.push(read(&world, "--adopt"));
    world.append("palisade.yaml", "allowlist: {require: strong}\n");
    let weak = entry("weak", "FileName: {equals: a.exe}")
        .replace("    match:", "    exception: {approver: soc, reason: For now.}\n    match:");
    world.allowlist("weak", "hunt", &[weak]);
    plans.push(read(&world, ""));
    for plan in &plans {
        fits(&schema(), plan);
        fits(&closed, plan);
    }
    let said: BTreeSet<&str> = plans
        .iter()
        .flat_map(|plan| plan["changes"].as_array().unwrap())
        .map(|change| change["class"].as_str().unwrap())
        .collect();
    assert!(said.len() >= 5, "too little of the format was seen: {said:?}");

    // Several environments.
    let world = World::new();
    let second = world.read("environments/lab/environment.yaml");
    world.write(
        "environments/two/environment.yaml",
        second
            .replace("acme/lab", "acme/two")
            .replace("law-lab", "law-two")
            .replace("111111111111", "111111111112"),
    );
    let both = world.run("plan --all-envs -q --format json").exits(0).json();
    assert_eq!(both["plans"].as_array().unwrap().len(), 2);
    fits(&schema(), &both);
    assert_ne!(HUNT, TASK);
}

/// Every member of the schema: where, which, whether it must be there, and its type.
fn members(schema: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, place: &str, found: &mut BTreeSet<String>) {
        let Some(object) = value.as_object() else { return };
        let required: Vec<&str> = object
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        for (name, member) in object.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let kind = ["$ref", "type", "enum", "oneOf"].iter().find_map(|key| member.get(*key));
            let kind = match kind {
                Some(Value::Array(items)) if items.iter().any(Value::is_object) => {
                    "one of several".to_owned()
                }
                Some(kind) => kind.to_string().replace('"', ""),
                None => "anything".to_owned(),
            };
            let must = if required.contains(&name.as_str()) { "always" } else { "sometimes" };
            found.insert(format!("{place}.{name} {must} {kind}"));
            walk(member, &format!("{place}.{name}"), found);
            if let Some(items) = member.get("items") {
                walk(items, &format!("{place}.{name}[]"), found);
            }
            for (number, one) in
                member.get("oneOf").and_then(Value::as_array).into_iter().flatten().enumerate()
            {
                walk(one, &format!("{place}.{name}|{number}"), found);
            }
        }
    }
    let mut found = BTreeSet::new();
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        walk(definition, name, &mut found);
    }
    found
}

/// Programs rely on what stands in members.txt: a line may be added, none may go or change. `UPDATE_EXPECTED=1` adds new ones.
#[test]
fn the_schema_has_lost_and_changed_nothing() {
    let path = data("1.0-members.txt");
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    let known: BTreeSet<String> = known.lines().map(str::to_owned).collect();
    let now = members(&schema());
    let lost: Vec<&String> = known.difference(&now).collect();
    assert!(lost.is_empty(), "members of format 1 went or changed: {lost:#?}");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, now.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    } else {
        let new: Vec<&String> = now.difference(&known).collect();
        assert!(new.is_empty(), "new members, to be added to {}: {new:#?}", path.display());
    }
}

#[test]
fn every_member_is_documented() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/plan-json.md")).unwrap();
    for line in members(&schema()) {
        let place = line.split(' ').next().unwrap();
        let name = place.rsplit('.').next().unwrap();
        assert!(page.contains(&format!("`{name}`")), "docs/plan-json.md does not name `{name}` ({place})");
    }
}
