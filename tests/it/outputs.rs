//! The same values in every format: markdown of a limited size, annotations, SARIF, JSON with its schema, NDJSON.

use serde_json::{Value, json};

use crate::world::{HUNT, World, entry, snapshot};

const SHA1: &str = "SHA1: {equals: 3395856ce81f2b7382dee72602f798b642f14140}";

/// A deployed world with a new allowlist entry and a portal edit.
fn changed() -> World {
    let world = World::deployed();
    world.allowlist("one", "hunt", &[entry("one", SHA1)]);
    world.portal_edit("Task created by a person", &json!({"severity": "Low"}));
    world
}

#[test]
fn plans_as_markdown() {
    let world = changed();
    let plan = world.run("plan -e lab --format markdown -q --markdown-into plan.md").exits(0);
    assert_eq!(world.read("plan.md"), plan.stdout, "the file is what is printed");
    let saved = world.beside("saved.plan").display().to_string();
    world.run(&format!("plan -e lab -q --out {saved}")).exits(0);
    assert_eq!(world.run(&format!("show {saved} --format markdown")).exits(0).stdout, plan.stdout);
    snapshot!("plan_markdown", plan);
}

#[test]
fn findings_in_every_format() {
    let world = World::new();
    world.edit("rules/hunt.yaml", "severity: medium", "severty: medium");
    world.edit("rules/task.yaml", "severity: high", "severity: hihg");
    snapshot!("validate_markdown", world.run("validate --format markdown").exits(1));
    snapshot!("validate_github", world.run("validate --format github -q").exits(1));
    snapshot!("validate_azdo", world.run("validate --format azdo -q").exits(1));
    snapshot!("validate_sarif", world.run("validate --format sarif -q").exits(1));
    world.run("validate -q --sarif-into a.sarif --json-into a.json --markdown-into a.md").exits(1);
    assert_eq!(world.read("a.sarif"), world.run("validate --format sarif -q").stdout);
    assert_eq!(world.read("a.json"), world.run("validate --format json -q").stdout);
    assert_eq!(world.read("a.md"), world.run("validate --format markdown -q").stdout);
}

#[test]
fn a_coverage_reducing_entry_is_a_result_at_its_line() {
    let world = changed();
    world.run("plan -e lab -q --sarif-into plan.sarif").exits(0);
    let sarif: Value = serde_json::from_str(&world.read("plan.sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    let result = results.iter().find(|result| result["ruleId"] == "PLAN-01").expect("a result");
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "environments/lab/allowlists/one.yaml");
    assert_eq!(place["region"]["startLine"], 3);
    assert_eq!(result["properties"]["environments"], json!(["lab"]));
}

#[test]
fn drift_as_markdown() {
    let world = changed();
    snapshot!("drift_markdown", world.run("drift -e lab --format markdown -q").exits(0));
}

#[test]
fn an_apply_as_a_stream() {
    let world = World::new();
    let ran = world.run("apply -e lab --auto-approve --parallelism 1 --format ndjson -q").exits(0);
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        types,
        [
            "version",
            "plan",
            "planned_change",
            "planned_change",
            "change_started",
            "change_finished",
            "change_started",
            "change_finished",
            "reading_back",
            "report",
            "end"
        ]
    );
    assert_eq!(events[5]["result"], "applied");
    assert_eq!(events[9]["report"]["applied"].as_array().unwrap().len(), 2);
    assert_eq!(events[10]["exit_code"], 0);
    // A failure is in the stream too.
    let ran = World::new().run("apply -e lab --format ndjson --no-input").exits(1);
    assert!(
        ran.stdout.contains(r#""type":"error""#)
            && ran.stdout.ends_with("{\"type\":\"end\",\"exit_code\":1}\n"),
        "{ran}"
    );
}

#[test]
fn an_apply_as_json_and_as_markdown() {
    let world = World::new();
    world.faults(&json!([{"match": {"service": "arm", "method": "PUT"}, "fault": {"kind": "forbidden"}}]));
    let ran = world.run("apply -e lab --auto-approve --format json -q --markdown-into apply.md").exits(5);
    let json = ran.json();
    assert_eq!(json["plan"]["summary"]["create"], 2);
    assert_eq!(json["report"]["failed"][0]["address"], "sentinel/law-lab:task");
    let page = world.read("apply.md");
    assert!(
        page.starts_with(
            "## Applied to `lab`: 1 of 2 changes\n\n### Failed\n\n- `sentinel/law-lab:task` failed"
        ),
        "{page}"
    );
    assert!(page.contains("<!-- palisade plan -->"), "{page}");
}

#[test]
fn the_digest_may_come_in_the_reviewed_file() {
    let world = World::new();
    world.run("plan -e lab -q --json-into plan.json").exits(0);
    world.edit("rules/task.yaml", "severity: high", "severity: low");
    world.run("apply -e lab --expect-digest plan.json").exits(4).says(&["not the expected sha256:"]);
    world.edit("rules/task.yaml", "severity: low", "severity: high");
    world.write("other.json", r#"{"plans": [{"environment": "prod", "digest": "sha256:1"}]}"#);
    world.run("apply -e lab --expect-digest other.json").exits(1).says(&["`other.json` has no plan of lab"]);
    world.run("apply -e lab --expect-digest palisade.yaml").exits(1).says(&["no digest can be read"]);
    world.wrote_nothing();
    world.run("apply -e lab --expect-digest plan.json").exits(0).says(&["Applied 2 of 2 changes."]);
}

#[test]
fn a_file_that_cannot_be_written_is_found_out_first() {
    let world = World::new();
    for arguments in [
        "validate --markdown-into no/where/x.md",
        "validate --sarif-into no/where/x.sarif",
        "plan -e lab --markdown-into no/where/x.md",
        "plan -e lab --json-into no/where/x.json",
        "apply -e lab --auto-approve --markdown-into no/where/x.md",
        "apply -e lab --auto-approve --report no/where/x.json",
        "drift -e lab --markdown-into no/where/x.md",
    ] {
        world.run(arguments).exits(1).says(&["cannot be written", "nothing was done"]);
    }
    assert!(world.requests().is_empty(), "{:?}", world.requests());
    // A command that ends early leaves no empty file that looks like an answer.
    world.run("plan -e nowhere --markdown-into plan.md").exits(1);
    assert!(!world.root().join("plan.md").exists());
    world.run("plan -e lab --max-bytes 5").exits(1).says(&["at least 2048"]);
}

#[test]
fn a_plan_too_large_for_a_comment_counts_what_it_leaves_out() {
    let world = World::empty();
    for number in 0..60 {
        let rule = HUNT
            .replace("id: hunt", &format!("id: hunt-{number:03}"))
            .replace("Unsigned", &format!("Unsigned {number}"));
        world.write(&format!("rules/hunt-{number:03}.yaml"), rule);
    }
    for (limit, all) in [(1_048_576, true), (65_536, true), (20_000, false), (2_048, false)] {
        let ran = world.run(&format!("plan -e lab --markdown-into plan.md --max-bytes {limit}")).exits(0);
        let page = world.read("plan.md");
        assert!(page.len() <= limit, "{} of {limit}", page.len());
        assert_eq!(page.matches("<details").count(), page.matches("</details>").count());
        assert_eq!(page.matches("```").count() % 2, 0);
        let says = ran.stderr.contains("of 60 changes whole");
        assert_eq!(says, !all, "{ran}");
        if limit == 2_048 {
            assert!(page.contains("more\n"), "{page}");
        }
    }
}

#[test]
fn plans_fit_their_schema_and_the_schema_is_printed() {
    let schema: Value = serde_json::from_str(&World::empty().run("schema plan").exits(0).stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let fits = |plan: &Value| {
        let errors: Vec<String> =
            validator.iter_errors(plan).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    };
    fits(&World::new().run("plan -e lab --format json -q").json());
    let world = changed();
    fits(&world.run("plan -e lab --format json -q").json());
    world.remove("rules/hunt.yaml").remove("environments/lab/allowlists/one.yaml");
    fits(&world.run("plan -e lab --format json -q --max-deletes 0").json());
    // Member by member, so that nothing is written that the schema does not name.
    let plan = changed().run("plan -e lab --format json -q").json();
    let named = |at: &str| {
        schema.pointer(at).and_then(|v| v.as_object()).unwrap().keys().cloned().collect::<Vec<_>>()
    };
    for (value, at) in [
        (&plan, "/$defs/plan/properties"),
        (&plan["summary"], "/$defs/summary/properties"),
        (&plan["changes"][0], "/$defs/change/properties"),
    ] {
        for key in value.as_object().unwrap().keys() {
            assert!(named(at).contains(key), "the schema does not name `{key}` in {at}");
        }
    }
}

/// What SARIF 2.1.0 asks for and code scanning relies on, by section of the standard. At development time every output was also held
/// against the standard's own JSON schema, which is not copied here.
#[track_caller]
fn is_sarif(text: &str) -> Value {
    let log: Value = serde_json::from_str(text).unwrap();
    assert_eq!(log["version"], "2.1.0"); // 3.13.2
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-2.1.0.json"));
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"]; // 3.18, 3.19
    assert_eq!(driver["name"], "palisade");
    let rules = driver["rules"].as_array().unwrap();
    for rule in rules {
        // 3.49; a rule without help is a riddle in the list of alerts.
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
    }
    let region = |region: &Value| {
        let number = |name: &str| region[name].as_u64().unwrap_or(1); // 3.30
        assert!(number("startLine") >= 1 && number("startColumn") >= 1, "{region}");
        let (start, end) = (number("startLine"), region["endLine"].as_u64().unwrap_or(number("startLine")));
        assert!(end > start || (end == start && number("endColumn") >= number("startColumn")), "{region}");
    };
    let artifact = |location: &Value| {
        // 3.4.3: a relative reference, below the repository's root, encoded.
        let uri = location["uri"].as_str().unwrap();
        assert!(
            !uri.starts_with('/') && !uri.contains("..") && !uri.contains([' ', '\\', '"', '<']),
            "{uri}"
        );
    };
    for result in run["results"].as_array().unwrap() {
        assert!(!result["message"]["text"].as_str().unwrap().is_empty(), "{result}"); // 3.27.11
        assert!(
            ["error", "warning", "note", "none"].contains(&result["level"].as_str().unwrap()),
            "{result}"
        ); // 3.27.10
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"], "3.27.6");
        assert!(result["partialFingerprints"].is_object(), "{result}"); // 3.27.17
        for location in result["locations"].as_array().into_iter().flatten() {
            artifact(&location["physicalLocation"]["artifactLocation"]);
            region(&location["physicalLocation"]["region"]);
        }
        for suppression in result["suppressions"].as_array().into_iter().flatten() {
            assert!(["inSource", "external"].contains(&suppression["kind"].as_str().unwrap()), "3.35.2");
            assert!(!suppression["justification"].as_str().unwrap().is_empty(), "{result}");
        }
        for change in result["fixes"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|fix| fix["artifactChanges"].as_array().unwrap())
        {
            artifact(&change["artifactLocation"]); // 3.56
            for replacement in change["replacements"].as_array().unwrap() {
                region(&replacement["deletedRegion"]); // 3.57.3
                assert!(replacement["insertedContent"]["text"].is_string(), "{result}");
            }
        }
    }
    log
}

#[test]
fn sarif_is_what_the_standard_asks_for() {
    let world = changed();
    world.write("rules/a b \u{e4}.yaml", "id: [\n");
    let broken = is_sarif(&world.run("validate -q --format sarif").exits(1).stdout);
    assert!(broken.to_string().contains("rules/a%20b%20%C3%A4.yaml"), "{broken:#}");
    world.remove("rules/a b \u{e4}.yaml");
    world.edit("rules/task.yaml", "severity: high", "severity: hihg");
    let fixed = is_sarif(&world.run("validate -q --format sarif").exits(1).stdout);
    assert!(fixed.to_string().contains("\"fixes\""), "{fixed:#}");
    world.edit("rules/task.yaml", "severity: hihg", "severity: high");
    world.append("rules/task.yaml", "silence:\n  - {lint: META-03, reason: On purpose.}\n");
    let silenced = is_sarif(&world.run("validate -q --format sarif").exits(0).stdout);
    assert!(silenced.to_string().contains("On purpose."), "{silenced:#}");
    world.run("plan -e lab -q --sarif-into plan.sarif").exits(0);
    is_sarif(&world.read("plan.sarif"));
    is_sarif(&world.run("allowlist audit --bypass --format sarif -q").exits(0).stdout);
    is_sarif(&World::new().run("validate -q --format sarif").exits(0).stdout);
}
