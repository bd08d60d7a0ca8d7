//! What the author of a detection repository sees when a query, or something that depends on its meaning, is wrong.
//!
//! Each case is a rule with one mistake; expectations are what a reader looks for: the code, the line of the file with the
//! caret under the right word, the label and the way out.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use palisade::compile::{Analyses, compile_with};
use palisade::diagnostic::{Diagnostics, Severity};
use palisade::load::load;
use palisade::model::Repository;
use palisade::render;

/// Files of a small repository over which a case lays its own.
const PROJECT: &str = "owner: acme\n";
const BOTH: &str = "\
owner: acme/e
tenant_id: 00000000-0000-4000-8000-000000000001
sentinel: [{subscription: 00000000-0000-4000-8000-000000000011, resource_group: rg, workspace: law}]
defender: {}
prune: owned
";

/// A rule's head; sections follow.
fn rule(query: &str, rest: &str) -> String {
    let query: String = query.lines().map(|line| format!("  {line}\n")).collect();
    format!("id: r\nname: R\nstatus: production\nseverity: low\nquery: |\n{query}{rest}")
}

const SCHEDULED: &str = "sentinel: {kind: scheduled, frequency: PT1H, period: PT1H}\n";

fn custom(query: &str) -> String {
    rule(query, "defender: {frequency: PT1H, entities: {hosts: [{deviceIdColumn: DeviceId}]}}\n")
}

fn continuous(query: &str) -> String {
    rule(query, "defender:\n  frequency: PT0S\n  entities: {hosts: [{deviceIdColumn: DeviceId}]}\n")
}

fn compiled(files: &[(&str, &str)]) -> (Repository, Diagnostics) {
    let folder = tempfile::tempdir().unwrap();
    let base = [("palisade.yaml", PROJECT), ("environments/e/environment.yaml", BOTH)];
    for (path, text) in base.iter().chain(files) {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let (repository, mut found) = load(folder.path());
    let analyses = Analyses::default();
    for environment in &repository.environments {
        let day = "2026-11-23".parse().unwrap();
        found.extend(compile_with(&analyses, &repository, environment, day).1);
    }
    found.settle(&repository.sources);
    (repository, found)
}

/// The findings as text, notes left out.
fn shown(files: &[(&str, &str)]) -> String {
    let (repository, found) = compiled(files);
    let found: Diagnostics = found.into_iter().filter(|finding| finding.severity != Severity::Info).collect();
    render::diagnostics::text(&found, &repository.sources, false, 200)
}

fn assert_shows(name: &str, shown: &str, expected: &[&str]) {
    if expected.is_empty() {
        assert_eq!(shown, "", "{name}");
    }
    for part in expected {
        assert!(shown.contains(part), "{name} lacks {part:?}:\n{shown}");
    }
}

/// Name, rule file, and what must be shown; nothing when the rule is good.
type Case<'a> = (&'a str, String, &'a [&'a str]);

fn run(cases: &[Case<'_>]) {
    for (name, rule, expected) in cases {
        assert_shows(name, &shown(&[("rules/r.yaml", rule)]), expected);
    }
}

#[test]
fn a_typo_in_a_column_has_a_caret_under_it() {
    let text = rule("SecurityEvent\n| where EventIDD == 4688\n| project TimeGenerated, Computer", SCHEDULED);
    assert_eq!(
        shown(&[("rules/r.yaml", &text)]),
        "\
error[KQL142]: the name is not known
 --> rules/r.yaml:7:11
  |
7 |   | where EventIDD == 4688
  |           ^^^^^^^^ no column, variable or function is named 'EventIDD'
  |
  = note: in environments: e
  = help: did you mean `EventID`?

"
    );
}

#[test]
fn mistakes_of_language_and_meaning() {
    let sentinel = |query: &str| rule(query, SCHEDULED);
    run(&[
        ("good", sentinel("SecurityEvent\n| where EventID == 1"), &[]),
        (
            "syntax",
            sentinel("SecurityEvent\n| wher EventID == 1"),
            &["error[KQL-S08]", "7 |   | wher EventID", "  |     ^^^^"],
        ),
        (
            "not closed",
            sentinel("SecurityEvent\n| where Computer == \"a"),
            &["error[KQL-C01]", "this string is not closed"],
        ),
        ("types", sentinel("SecurityEvent\n| where EventID has \"x\""), &["error[KQL10", "rules/r.yaml:7:"]),
        (
            "dropped before",
            sentinel("SecurityEvent\n| project Computer\n| where EventID == 1"),
            &["error[KQL142]", "8 |   | where EventID"],
        ),
        (
            "unknown table",
            sentinel("SecurityEvnt\n| where x == 1"),
            &["warning[KQL204]", "may be right", "did you mean `SecurityEvent`?"],
        ),
        (
            "unknown function",
            sentinel("SecurityEvent\n| extend a = strcatt(Computer, 'x')"),
            &["warning[KQL211]", "did you mean `strcat`?"],
        ),
        ("custom table", sentinel("Own_CL\n| where Anything_s == 'x'"), &[]),
        ("dynamic twice", sentinel("SecurityEvent\n| extend a = todynamic(parse_json(EventData))"), &[]),
        ("search *", sentinel("search *\n| take 1"), &["error[SEN-02]", "search in (SecurityEvent"]),
    ]);
}

#[test]
fn a_query_in_a_file_of_its_own() {
    let text = rule("", SCHEDULED).replace("query: |\n", "");
    let query = "SecurityEvent\n| where Compuuter == 'x'\n";
    let shown = shown(&[("rules/r.yaml", &text), ("rules/r.kql", query)]);
    assert_shows("file", &shown, &["--> rules/r.kql:2:9", "did you mean `Computer`?"]);
}

#[test]
fn columns_of_an_alert() {
    let sentinel = |more: &str| {
        let head = "sentinel:\n  kind: scheduled\n  frequency: PT1H\n  period: PT1H\n";
        rule("SecurityEvent\n| project TimeGenerated, Computer, EventID", &format!("{head}{more}"))
    };
    run(&[
        (
            "good",
            sentinel(
                "  entities: [{type: Host, fields: {FullName: Computer}}]\n  custom_details: {Id: EventID}\n",
            ),
            &[],
        ),
        (
            "entity",
            sentinel("  entities: [{type: Host, fields: {FullName: computer}}]\n"),
            &[
                "error[SEN-11]",
                "^^^^^^^^ Host FullName: the query returns no `computer`",
                "did you mean `Computer`?",
            ],
        ),
        (
            "custom detail",
            sentinel("  custom_details: {Who: Account}\n"),
            &["error[SEN-11]", "custom detail Who", "the query returns: TimeGenerated, Computer, EventID"],
        ),
        (
            "placeholder",
            sentinel("  alert: {name_format: \"On {{ Computr }}\"}\n"),
            &["error[SEN-11]", "  |                               ^^^^^^^ the query returns no `Computr`"],
        ),
        (
            "severity",
            sentinel("  alert: {severity_column: EventID}\n"),
            &["warning[SEN-11]", "`EventID` is an int"],
        ),
        (
            "dynamic property",
            sentinel("  alert: {dynamic_properties: {AlertLink: Link}}\n"),
            &["error[SEN-11]", "AlertLink"],
        ),
    ]);
    // Nobody knows what a plugin returns: no finding.
    let open = "sentinel:\n  kind: scheduled\n  frequency: PT1H\n  period: PT1H\n  custom_details: {Who: Whatever}\n";
    run(&[(
        "open",
        rule("SecurityEvent\n| extend Bag = parse_json(EventData)\n| evaluate bag_unpack(Bag)", open),
        &[],
    )]);
}

#[test]
fn what_defender_needs() {
    run(&[
        ("good", custom("DeviceProcessEvents\n| project Timestamp, DeviceId, ReportId"), &[]),
        ("whole table", custom("DeviceProcessEvents\n| where FileName == 'x'"), &[]),
        (
            "projected away",
            custom("DeviceProcessEvents\n| project Timestamp, DeviceId"),
            &["error[XDR-02]", "  |     ^^^^^^^ no `ReportId` after this"],
        ),
        (
            "summarized",
            custom("DeviceProcessEvents\n| summarize count() by DeviceId"),
            &["error[XDR-03]", "no `Timestamp` and `ReportId` after this", "arg_max(Timestamp, *)"],
        ),
        (
            "one event",
            custom("DeviceProcessEvents\n| summarize arg_max(Timestamp, *), count() by DeviceId"),
            &[],
        ),
        (
            "documented form",
            custom(
                "DeviceProcessEvents\n| summarize (Timestamp, ReportId) = arg_max(Timestamp, ReportId), count() by DeviceId",
            ),
            &[],
        ),
        (
            "side by side",
            custom(
                "DeviceProcessEvents\n| summarize Timestamp = max(Timestamp), ReportId = take_any(ReportId) by DeviceId",
            ),
            &["warning[XDR-03]"],
        ),
        (
            "changed",
            custom("DeviceProcessEvents\n| extend Timestamp = now()"),
            &["warning[XDR-02]", "no longer the event's own"],
        ),
        (
            "rounded",
            custom("DeviceProcessEvents\n| summarize count() by bin(Timestamp, 1h), DeviceId, ReportId"),
            &["warning[XDR-02]"],
        ),
        (
            "mail",
            rule(
                "EmailEvents\n| project Timestamp, ReportId, RecipientEmailAddress",
                "defender: {frequency: PT1H, entities: {mailboxes: [{primaryAddressColumn: RecipientEmailAddress}]}}\n",
            ),
            &[],
        ),
        (
            "alerts",
            rule(
                "AlertEvidence\n| project Timestamp, DeviceId",
                "defender: {frequency: PT1H, entities: {hosts: [{deviceIdColumn: DeviceId}]}}\n",
            ),
            &[],
        ),
        (
            "workspace data",
            rule(
                "SecurityEvent\n| project TimeGenerated, Computer",
                "defender: {frequency: PT1H, entities: {hosts: [{nameColumn: Computer}]}}\n",
            ),
            &[],
        ),
        (
            "mapping",
            custom(
                "DeviceProcessEvents\n| project Timestamp, DeviceId, ReportId\n| project-rename Device = DeviceId",
            ),
            &["error[XDR-22]", "the query returns no `DeviceId`", "did you mean `Device`?"],
        ),
        (
            "workspace()",
            custom("workspace('other').DeviceProcessEvents\n| where FileName == 'x'"),
            &["error[XDR-21]", "  |   ^^^^^^^^^"],
        ),
    ]);
}

#[test]
fn what_continuous_rules_may_not_do() {
    run(&[
        (
            "good",
            continuous("// a comment is taken out\nDeviceProcessEvents\n| where FileName == 'x' // here too"),
            &[],
        ),
        (
            "let",
            continuous("let a = 'x';\nDeviceProcessEvents\n| where FileName == a"),
            &["error[XDR-04]: `let`", "6 |   let a", "  |   ^^^"],
        ),
        (
            "join",
            continuous("DeviceProcessEvents\n| join (DeviceEvents) on DeviceId"),
            &["error[XDR-04]: `join`"],
        ),
        (
            "table",
            continuous("DeviceTvmSoftwareInventory\n| where DeviceId == 'x'"),
            &["error[XDR-04]", "not on Defender's list"],
        ),
        (
            "second table",
            continuous("DeviceProcessEvents\n| where DeviceId in ((DeviceInfo | project DeviceId))"),
            &["error[XDR-04]: a continuous rule reads two tables"],
        ),
        (
            "mistake behind a comment",
            continuous("DeviceProcessEvents\n// gone\n| where FileNam == 'x'"),
            &["rules/r.yaml:8:11", "did you mean `FileName`?"],
        ),
    ]);
}

#[test]
fn near_real_time_stays_in_its_workspace() {
    let nrt = |query: &str| rule(query, "sentinel: {kind: nrt}\n");
    run(&[
        ("good", nrt("SecurityEvent\n| where EventID == 1"), &[]),
        (
            "another",
            nrt("workspace('other').SecurityEvent\n| where EventID == 1"),
            &["error[SEN-08]", "  |   ^^^^^^^^^ another workspace"],
        ),
        ("in a string", nrt("SecurityEvent\n| where Computer == \"workspace('x')\" // workspace(1)"), &[]),
        ("scheduled may", rule("workspace('other').SecurityEvent\n| where EventID == 1", SCHEDULED), &[]),
        (
            "looks back",
            nrt("SecurityEvent\n| where TimeGenerated > ago(1h) and EventID == 1"),
            &[
                "warning[SEN-08]: near-real-time rule looks back",
                "  |                           ^^^ no effect",
            ],
        ),
        ("scheduled looks back", rule("SecurityEvent\n| where TimeGenerated > ago(1h)", SCHEDULED), &[]),
    ]);
}

#[test]
fn allowlists_fit_the_query_at_their_slot() {
    let text = rule(
        "SecurityEvent\n| where EventID == 4688\n// allowlist\n| project TimeGenerated, Computer",
        SCHEDULED,
    );
    let list = |matching: &str| {
        format!(
            "rules: [r]\nentries:\n  - id: a\n    reason: The agent does this on every machine.\n    owner: x@example.com\n    \
             created: 2026-11-01\n    expires: 2027-01-01\n    match:\n      Computer: {{equals: known}}\n      {matching}\n"
        )
    };
    for (matching, expected) in [
        ("EventID: {equals: 4688}", vec![]),
        ("NewProcessName: {ends_with: '\\a.exe'}", vec![]),
        (
            "Computr: {equals: x}",
            vec![
                "error[ALW-05]",
                "10 |       Computr:",
                "   |       ^^^^^^^ `Computr` does not exist",
                "did you mean `Computer`?",
            ],
        ),
        (
            "EventID: {starts_with: '46'}",
            vec!["error[ALW-05]", "`starts_with` compares text", "`min` and `max`"],
        ),
        ("EventID: {equals: '4688'}", vec!["error[ALW-05]", "write the number without quotes"]),
        ("TimeGenerated: {has: x}", vec!["error[ALW-05]", "is a datetime here"]),
    ] {
        let list = list(matching);
        let shown = shown(&[("rules/r.yaml", &text), ("environments/e/allowlists/a.yaml", &list)]);
        assert_shows(matching, &shown, &expected);
        assert!(shown.matches("error[").count() <= 1, "one mistake is one message:\n{shown}");
    }
}

#[test]
fn a_value_of_an_environment_is_shown_in_its_file() {
    let text = rule(
        "let ids = dynamic([1]);\nSecurityEvent\n| where EventID in (ids)\n| extend a = toint(ids[0])",
        SCHEDULED,
    );
    let environment = format!("{BOTH}parameters: {{r: {{ids: [2, 3]}}}}\n");
    let shown = shown(&[("rules/r.yaml", &text), ("environments/e/environment.yaml", &environment)]);
    assert_shows("good", &shown, &[]);

    // An entry that the language refuses only with this environment's literal: a list of texts where numbers are compared.
    let text = rule("let limit = 1;\nSecurityEvent\n| take limit", SCHEDULED);
    let environment = format!("{BOTH}parameters: {{r: {{limit: many}}}}\n");
    let shown = self::shown(&[("rules/r.yaml", &text), ("environments/e/environment.yaml", &environment)]);
    assert_shows("another type", &shown, &["error[CMP-04]", "--> environments/e/environment.yaml:6:25"]);
}

#[test]
fn an_environment_describes_its_own_tables() {
    let text = rule("Own_CL\n| where Usr_s == 'x'", SCHEDULED);
    let schema = r#"{"tables": {"Own_CL": {"TimeGenerated": "datetime", "User_s": "string"}}}"#;
    let with = |schema: &str, rule: &str| {
        shown(&[("rules/r.yaml", rule), ("environments/e/schema/own.json", schema)])
    };
    assert_shows("known", &with(schema, &text), &["error[KQL142]", "did you mean `User_s`?"]);

    let unknown = rule("Other_CL\n| where User_s == 'x'", SCHEDULED);
    assert_shows("not complete", &with(schema, &unknown), &[]);
    let complete = schema.replace("{\"tables", "{\"complete\": true, \"tables");
    assert_shows("complete", &with(&complete, &unknown), &["error[KQL204]", "  |   ^^^^^^^^"]);
    assert_shows("built in all the same", &with(&complete, &rule("SecurityEvent", SCHEDULED)), &[]);

    let elsewhere = schema.replace("{\"tables", "{\"platform\": \"xdr\", \"complete\": true, \"tables");
    assert_shows("another platform", &with(&elsewhere, &text), &[]);

    let wrong = schema.replace("\"string\"", "\"strng\"");
    assert_shows(
        "decoded strictly",
        &with(&wrong, &text),
        &["error[FMT-04]", "environments/e/schema/own.json:1:", "did you mean `string`?"],
    );
}

#[test]
fn declared_data_sources() {
    let with = |sources: &str| {
        rule("SecurityEvent\n| where EventID == 1", &format!("{SCHEDULED}data_sources: {sources}\n"))
    };
    run(&[
        ("right", with("[SecurityEvent]"), &[]),
        ("products", with("[Windows Security log]"), &[]),
        ("not read", with("[SecurityEvent, Syslog]"), &["warning[KQL-C12]", "no query of the rule reads it"]),
        ("not declared", with("[Syslog]"), &["warning[KQL-C12]", "`SecurityEvent` is not in `data_sources`"]),
    ]);
}

#[test]
fn findings_can_be_silenced_by_their_code() {
    let text = rule(
        "Unknown\n| where x == 1",
        &format!("{SCHEDULED}silence: [{{lint: KQL204, reason: a function of ours}}]\n"),
    );
    run(&[("silenced", text, &[])]);
}

#[test]
fn one_query_for_both_platforms() {
    run(&[(
        "whole table",
        rule(
            "DeviceProcessEvents",
            &format!(
                "{SCHEDULED}defender: {{frequency: PT1H, entities: {{hosts: [{{deviceIdColumn: DeviceId}}]}}}}\n"
            ),
        ),
        &[],
    )]);
}
