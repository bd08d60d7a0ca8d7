//! Plans as files and as JSON: what a pipeline keeps between review and apply.

use serde_json::{Value, json};

use crate::world::{HUNT, NOW, TENANT, World, entry, snapshot};

const APPLY: &str = "apply -e lab --auto-approve";

/// Saves a plan beside the repository and gives back its path.
fn saved(world: &World) -> String {
    let path = world.beside("reviewed.plan").display().to_string();
    world.run(&format!("plan -e lab --out {path}")).exits(0);
    path
}

fn tampered(path: &str, pointer: &str, value: Value) {
    let mut plan: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    *plan.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    std::fs::write(path, plan.to_string()).unwrap();
}

#[test]
fn a_saved_plan_is_shown_and_carried_out_without_asking() {
    let world = World::new();
    let path = saved(&world);
    let shown = world.run(&format!("show {path}")).exits(0);
    assert_eq!(shown.stdout, world.run("plan -e lab").stdout);
    world.wrote_nothing();
    snapshot!("apply_saved", world.run(&format!("apply {path} --parallelism 1")).exits(0));
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();

    // Once more: everything is as the plan makes it, nothing is written.
    world.forget_requests();
    snapshot!("apply_saved_again", world.run(&format!("apply {path} --parallelism 1")).exits(0));
    world.wrote_nothing();
}

#[cfg(unix)]
#[test]
fn files_that_may_hold_allowlist_values_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let json = world.beside("plan.json");
    // One that is there already, and open to everybody, is closed first.
    std::fs::write(&json, "").unwrap();
    std::fs::set_permissions(&json, std::fs::Permissions::from_mode(0o666)).unwrap();
    let path = saved(&world);
    world.run(&format!("plan -e lab --json-into {}", json.display())).exits(0);
    for file in [path.as_ref(), json.as_path()] {
        let mode = std::fs::metadata(file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}

#[test]
fn a_changed_plan_file_is_refused() {
    let world = World::deployed();
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.allowlist(
        "one",
        "hunt",
        &[entry("one", "SHA1: {equals: 3395856ce81f2b7382dee72602f798b642f14140}")],
    );
    let path = saved(&world);
    let whole = std::fs::read_to_string(&path).unwrap();
    let plan: Value = serde_json::from_str(&whole).unwrap();
    let at = |name: &str| {
        let position = plan["changes"].as_array().unwrap().iter().position(|change| change["rule"] == name);
        format!("/changes/{}", position.unwrap())
    };
    let (hunt, task) = (at("hunt"), at("task"));
    world.forget_requests();
    for (pointer, value) in [
        (format!("{hunt}/write/body/queryCondition/queryText"), json!("DeviceEvents | take 0")),
        (format!("{task}/write/body/severity"), json!("Informational")),
        (format!("{task}/write/protect"), json!(true)),
        (format!("{task}/precondition/live_digest"), json!("0")),
        (format!("{task}/after_digest"), json!("0")),
        (format!("{task}/actions"), json!(["delete"])),
        (format!("{task}/address"), json!("defender:task")),
        ("/digest".to_owned(), json!("sha256:0")),
        ("/changes".to_owned(), json!([])),
        // What a person is shown, and what a guard counts.
        (format!("{hunt}/coverage_reducing"), json!([])),
        (format!("{task}/fields"), json!([])),
        ("/valid_until".to_owned(), json!("2036-01-01T00:00:00Z")),
        ("/guards".to_owned(), json!([{"guard": "x", "planned": 1, "allowed": 0, "option": "-"}])),
        ("/summary/coverage_reducing".to_owned(), json!(0)),
        ("/owner".to_owned(), json!("acme/evil")),
    ] {
        std::fs::write(&path, &whole).unwrap();
        tampered(&path, &pointer, value);
        let ran = world.run(&format!("apply {path}"));
        assert!(matches!(ran.code, 1 | 4), "{pointer}\n{ran}");
        world.wrote_nothing();
    }
    std::fs::write(&path, &whole).unwrap();
    world.run(&format!("apply {path}")).exits(0);
}

#[test]
fn files_that_are_no_plan_are_refused_with_a_next_step() {
    let world = World::new();
    let path = saved(&world);
    tampered(&path, "/format_version", json!("2.0"));
    snapshot!("apply_other_format", world.run(&format!("apply {path}")).exits(1));
    std::fs::write(&path, "{\"changes\": ").unwrap();
    snapshot!("apply_no_plan", world.run(&format!("apply {path}")).exits(1));
    snapshot!("show_missing", world.run("show missing.plan").exits(1));
    world.run("apply rules/hunt.yaml").exits(1).says(&["not a plan file"]);
    // What was printed for several environments.
    std::fs::write(&path, "{\"plans\": [{}, {}]}").unwrap();
    world
        .run(&format!("apply {path}"))
        .exits(1)
        .says(&["the plans of 2 environments", "plan -e NAME --out FILE"]);
    for nonsense in [b"".as_slice(), b"[]", b"{}", b"null", b"\xff\xfe\x00", b"{\"format_version\": \"1.0\"}"]
    {
        std::fs::write(&path, nonsense).unwrap();
        for command in ["apply", "show"] {
            world.run(&format!("{command} {path}")).exits(1).says(&["plan -e NAME --out FILE"]);
        }
    }
    world.wrote_nothing();
}

/// Not only what the cases above name: every single value, changed or taken out, however deep.
#[test]
fn no_member_of_a_plan_file_can_be_changed() {
    fn places(value: &Value, at: &str, found: &mut Vec<String>) {
        let mut below = |name: &str, value: &Value| {
            let place = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
            places(value, &place, found);
            found.push(place);
        };
        match value {
            Value::Object(members) => members.iter().for_each(|(name, value)| below(name, value)),
            Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| below(&n.to_string(), item)),
            _ => {}
        }
    }
    let world = World::deployed();
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.remove("rules/hunt.yaml");
    let whole: Value = serde_json::from_str(&std::fs::read_to_string(saved(&world)).unwrap()).unwrap();
    assert!(palisade::plan::file::read(&whole.to_string()).is_ok());
    let mut all = Vec::new();
    places(&whole, "", &mut all);
    assert!(all.len() > 100, "{}", all.len());
    for place in all {
        let value = match whole.pointer(&place).unwrap() {
            Value::Bool(is) => json!(!is),
            Value::Number(number) => json!(number.as_i64().unwrap() + 1),
            Value::String(text) => json!(format!("{text}x")),
            Value::Null => json!("x"),
            Value::Array(items) => items.iter().chain([&json!(1)]).cloned().collect(),
            Value::Object(_) => json!({}),
        };
        let mut changed = whole.clone();
        *changed.pointer_mut(&place).unwrap() = value;
        if changed != whole {
            assert!(palisade::plan::file::read(&changed.to_string()).is_err(), "{place}");
        }
        let (above, name) = place.rsplit_once('/').unwrap();
        let mut without = whole.clone();
        match without.pointer_mut(above).unwrap() {
            Value::Object(members) => drop(members.remove(&name.replace("~1", "/").replace("~0", "~"))),
            Value::Array(items) => drop(items.remove(name.parse().unwrap())),
            _ => unreachable!("a place is in something"),
        }
        assert!(palisade::plan::file::read(&without.to_string()).is_err(), "without {place}");
    }
}

/// Whoever carries out a saved plan may approve its numbers as well as whoever made it.
#[test]
fn a_saved_plan_is_held_by_its_guards_until_the_number_is_approved() {
    let world = World::deployed();
    world.append("environments/lab/environment.yaml", "guards: {max_deletes: 0, max_coverage_reducing: 0}\n");
    world.remove("rules/task.yaml");
    let path = saved(&world);
    world.forget_requests();
    for too_few in
        ["", "--max-deletes 1", "--max-coverage-reducing 1", "--max-deletes 0 --max-coverage-reducing 9"]
    {
        world.run(&format!("apply {path} {too_few}")).exits(3).says(&["approve their number"]);
    }
    // What belongs to the making of a plan cannot be said any more.
    for late in
        ["--allow-empty", "--on-drift keep", "--target task", "--reenable-auto-disabled", "--all-envs"]
    {
        world.run(&format!("apply {path} {late}")).exits(1).says(&["cannot be used with"]);
    }
    let approved = format!("apply {path} --max-deletes 1 --max-coverage-reducing 1");
    // A pipeline may name its environment for all its commands; a plan for another one is a mistake.
    world.run_with(&approved, &[("PALISADE_ENV", "field")]).exits(1).says(&["is for `lab`, not for field"]);
    world.wrote_nothing();
    world.run_with(&approved, &[("PALISADE_ENV", "lab")]).exits(0);
    assert!(world.names("sentinel").is_empty());
}

#[test]
fn a_plan_goes_stale() {
    let world = World::deployed();
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    let path = saved(&world);

    // It is too old.
    world.forget_requests();
    let later = world.run_with(&format!("apply {path}"), &[("PALISADE_NOW", "2026-11-24T08:00:00Z")]);
    snapshot!("apply_expired", later.exits(4));
    world.wrote_nothing();

    // Somebody edited the rule meanwhile.
    world.portal_edit("Task created by a person", &json!({"description": "Mine."}));
    world.forget_requests();
    snapshot!("apply_stale", world.run(&format!("apply {path}")).exits(4));
    world.wrote_nothing();

    // The environment is another one now.
    world.edit("environments/lab/environment.yaml", TENANT, "33333333-3333-4333-8333-333333333333");
    world
        .run(&format!("apply {path}"))
        .exits(4)
        .says(&["is for another tenant (", "33333333-3333-4333-8333-333333333333"]);
    world.edit("environments/lab/environment.yaml", "33333333-3333-4333-8333-333333333333", TENANT);
    for (from, to, says) in [
        ("acme/lab", "acme/other", "another owner (acme/lab)"),
        ("law-lab", "law-new", "another workspace ("),
    ] {
        world.edit("environments/lab/environment.yaml", from, to);
        world.run(&format!("apply {path}")).exits(4).says(&[says, to, "plan -e lab --out FILE"]);
        world.edit("environments/lab/environment.yaml", to, from);
    }
    world.wrote_nothing();
}

#[test]
fn a_plan_is_valid_no_longer_than_its_entries() {
    let world = World::new();
    let soon = entry("soon", "SHA1: {equals: 3395856ce81f2b7382dee72602f798b642f14140}")
        .replace("2027-05-01", "2026-11-24");
    world.allowlist("soon", "hunt", &[soon]);
    let plan = world.run("plan -e lab --format json -q").json();
    assert_eq!(plan["valid_until"], "2026-11-24T00:00:00Z");
}

#[test]
fn only_the_reviewed_digest_is_applied() {
    let world = World::new();
    let digest = world.run("plan -e lab --format json -q").json()["digest"].as_str().unwrap().to_owned();
    assert!(digest.starts_with("sha256:"));
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    let changed = world.run(&format!("apply -e lab --expect-digest {digest}")).exits(4);
    changed.says(&["not the expected"]);
    world.wrote_nothing();
    world.edit("rules/task.yaml", "severity: low", "severity: high");
    // The same plan has the same digest, on another day too.
    let day = [("PALISADE_NOW", "2026-11-25T11:00:00Z")];
    world.run_with(&format!("apply -e lab --expect-digest {digest}"), &day).exits(0);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
}

#[test]
fn nobody_to_ask_means_nothing_is_done() {
    let world = World::new();
    snapshot!("apply_not_approved", world.run("apply -e lab").exits(1));
    world.run("apply -e lab --no-input").exits(1);
    world.wrote_nothing();
    assert!(world.names("defender").is_empty());
}

/// The names of product.md, "Names in machine output".
#[test]
fn the_json_has_the_documented_names() {
    let world = World::deployed();
    world.portal_edit("Task created by a person", &json!({"severity": "Low"}));
    world.allowlist(
        "one",
        "hunt",
        &[entry("one", "SHA1: {equals: 3395856ce81f2b7382dee72602f798b642f14140}")],
    );
    let file = world.beside("plan.json");
    world.run(&format!("plan -e lab --json-into {}", file.display())).exits(0);
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(plan, world.run("plan -e lab --format json -q").json());
    assert_eq!(plan["format_version"], "1.0");
    assert_eq!(plan["tool_version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(plan["environment"], "lab");
    assert_eq!(plan["evaluated_at"], NOW);
    assert_eq!(plan["valid_until"], "2026-11-24T08:00:00Z");
    let counts = [
        ("create", 0),
        ("update", 2),
        ("delete", 0),
        ("replace", 0),
        ("adopt", 0),
        ("no_op", 0),
        ("drift", 1),
        ("conflict", 0),
        ("orphan", 0),
        ("foreign", 0),
        ("unmanaged", 1),
        ("coverage_reducing", 1),
        ("blocked", 0),
    ];
    let summary = plan["summary"].as_object().unwrap();
    assert_eq!(summary.len(), counts.len());
    for (name, count) in counts {
        assert_eq!(summary[name], count, "{name}");
    }
    let changes = plan["changes"].as_array().unwrap();
    for change in changes {
        for name in [
            "address",
            "platform",
            "rule",
            "actions",
            "class",
            "coverage_reducing",
            "fields",
            "before_digest",
            "after_digest",
            "provenance",
        ] {
            assert!(change.get(name).is_some(), "{name} is missing in {change}");
        }
        for field in change["fields"].as_array().unwrap() {
            let names: Vec<&String> = field.as_object().unwrap().keys().collect();
            assert_eq!(names, ["path", "before", "after"]);
        }
    }
    assert_eq!(changes[0]["address"], "defender:hunt", "coverage-reducing changes come first");
    assert_eq!((&changes[0]["platform"], &changes[0]["actions"]), (&json!("defender"), &json!(["update"])));
    assert_eq!(
        changes[0]["provenance"][0]["origin"]["entries"],
        json!(["environments/lab/allowlists/one.yaml#one"])
    );
    assert_eq!(
        (&changes[1]["address"], &changes[1]["class"]),
        (&json!("sentinel/law-lab:task"), &json!("drift"))
    );
    assert_eq!(changes[1]["fields"], json!([{"path": "severity", "before": "Low", "after": "High"}]));
    assert_eq!(plan["drift"][0]["address"], "sentinel/law-lab:task");
    assert!(plan["diagnostics"].is_array());
}

/// Two environments, one sandbox tenant each.
fn two() -> World {
    let world = World::new();
    let lab = world.read("environments/lab/environment.yaml");
    let other = lab
        .replace("acme/lab", "acme/field")
        .replace("1111-4111", "1111-4112")
        .replace("law-lab", "law-field");
    world.write("environments/field/environment.yaml", other);
    world
}

#[test]
fn several_environments_are_planned_and_applied_together() {
    let world = two();
    world.run("plan").exits(1).says(&["which environment?", "field, lab"]);
    world.run("plan -e lba").exits(1).says(&["there is no environment `lba`", "did you mean `lab`?"]);
    let file = world.beside("plans.json");
    let ran = world
        .run(&format!("plan -e lab -e field --detailed-exitcode --json-into {}", file.display()))
        .exits(2);
    assert_eq!(ran.stdout.matches("Plan: 2 to create").count(), 2);
    let plans: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let names: Vec<&Value> =
        plans["plans"].as_array().unwrap().iter().map(|plan| &plan["environment"]).collect();
    assert_eq!(names, ["lab", "field"]);
    world.run("plan -e lab,field --out x.plan").exits(1).says(&["a saved plan is for one environment"]);
    world.run("apply -e lab -e field --auto-approve").exits(0);
    world.run("plan --all-envs --detailed-exitcode").has_nothing_to_do();
    assert_eq!(world.names("sentinel").len(), 2);

    // One environment's trouble does not stop the other, and the worst code counts.
    world.append("environments/field/environment.yaml", "parameters: {hunt: {nothing: 1}}\n");
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.run("plan -e field -e lab --detailed-exitcode").exits(1).says(&["1 to update", "nothing"]);
}

#[test]
fn usage_errors_are_code_1() {
    let world = World::new();
    for arguments in [
        "",
        "plan --nonsense",
        "nonsense",
        "plan -e",
        "apply x.plan -e lab",
        "plan --on-drift maybe",
        "show",
        "apply -e lab --parallelism 0",
        "plan -e lab --max-deletes many",
        "plan -C nowhere",
        "render",
        "-C .. plan",
    ] {
        let ran = world.run(arguments);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(!ran.stderr.is_empty(), "{ran}");
    }
    world.wrote_nothing();
}

#[test]
fn an_apply_that_fails_in_part_says_so_and_can_be_repeated() {
    let world = World::new();
    world.faults(&json!([{"match": {"service": "arm", "method": "PUT"}, "fault": {"kind": "forbidden"}}]));
    snapshot!("apply_partly", world.run(&format!("{APPLY} --parallelism 1")).exits(5));
    assert_eq!((world.names("defender").len(), world.names("sentinel").len()), (1, 0));
    world.no_faults().forget_requests();
    world.run(APPLY).exits(0).says(&["Applied 1 of 1 change"]);
    world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
}

/// Every way in which a write can go wrong: nothing is created twice, and a second run ends well.
#[test]
fn faults_of_the_network_never_create_twice() {
    for (kind, fault) in [
        ("reset_before", json!({"kind": "reset_before"})),
        ("reset_after_accept", json!({"kind": "reset_after_accept"})),
        ("create_then_400", json!({"kind": "create_then_400"})),
        ("create_then_409", json!({"kind": "create_then_409"})),
        ("truncated_body", json!({"kind": "truncated_body"})),
        ("invalid_json", json!({"kind": "invalid_json"})),
        ("500", json!({"kind": "status", "status": 500})),
        ("503", json!({"kind": "status", "status": 503, "retry_after": 0})),
        ("unauthorized_once", json!({"kind": "unauthorized_once"})),
    ] {
        let world = World::new();
        world.faults(&json!([{"match": {"writes": true, "service": "graph", "count": 1}, "fault": fault}]));
        let first = world.run(APPLY);
        assert!(matches!(first.code, 0 | 1 | 5), "{kind}\n{first}");
        world.no_faults();
        let second = world.run(APPLY);
        assert_eq!(second.code, 0, "{kind}\n{first}\n{second}");
        assert_eq!(world.names("defender").len(), 1, "{kind}\n{first}\n{second}");
        world.run("plan -e lab --detailed-exitcode").has_nothing_to_do();
    }
}

#[test]
fn an_edit_just_before_the_write_is_not_overwritten_in_sentinel() {
    let world = World::deployed();
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.faults(&json!([{"match": {"service": "arm", "method": "PUT"},
        "fault": {"kind": "edit_between", "set": {"description": "Mine."}}}]));
    let ran = world.run(APPLY);
    assert_ne!(ran.code, 0, "{ran}");
    world.no_faults();
    let properties = &world.document("Task created by a person")["properties"];
    assert_eq!(
        (&properties["description"], &properties["severity"]),
        (&json!("Mine."), &json!("High")),
        "{ran}"
    );
}

/// Three creates at one a minute: the third may be sent two minutes after the first, and a second for what overtakes.
#[test]
fn plans_say_how_long_an_apply_takes_within_the_quotas() {
    let world = World::empty();
    for id in ["one", "two", "three"] {
        world.write(
            &format!("rules/{id}.yaml"),
            HUNT.replace("id: hunt", &format!("id: {id}")).replace("Unsigned", id),
        );
    }
    let slow = [("PALISADE_GRAPH_CREATES_PER_MINUTE", "1")];
    let sentence = "Within the services' quotas an apply takes about 3 min.";
    world.run_with("plan -e lab --out saved.plan", &slow).exits(0).says(&[sentence]);
    world.run_with("plan -e lab --format markdown", &slow).exits(0).says(&[sentence]);
    world.run("show saved.plan").exits(0).says(&[sentence]);
    let timed = world.run_with("plan -e lab --format json -q", &slow).json();
    let free = world.run("plan -e lab --format json -q").exits(0);
    free.never_says(&["quotas"]);
    let free = world.run("plan -e lab --format json -q").json();
    assert_eq!((&timed["estimated_seconds"], &free["estimated_seconds"]), (&json!(122), &json!(0)));
    assert_eq!(timed["digest"], free["digest"], "how long it takes is no effect");
}
