//! Queries before and after, by hand. That the result selects the same events is tested with events: `tests/it/extract.rs`.

use jiff::civil::date;

use super::*;
use crate::kql::schema::Platform;

fn terms() -> Terms {
    Terms {
        owner: "soc@example.com".into(),
        ticket: None,
        created: date(2026, 11, 23),
        expires: date(2027, 5, 1),
        require: Strength::Weak,
    }
}

fn of(text: &str) -> Split {
    split(text, &[&Schema::built_in(Platform::Xdr)], &[], &terms())
}

/// `slot: {conditions}; …` of every list.
fn entries(split: &Split) -> Vec<String> {
    let of_list = |list: &List| {
        let entries = list.entries.iter().enumerate();
        let shown = entries.map(|(index, entry)| entry.document(index + 1, &terms())["match"].to_string());
        format!("{}: {}", list.slot, shown.collect::<Vec<_>>().join("; ").replace('"', ""))
    };
    split.lists.iter().map(of_list).collect()
}

#[test]
fn what_goes_and_what_is_left() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "DeviceProcessEvents\n| where FileName != \"a.exe\"\n| project FileName",
            "DeviceProcessEvents\n// allowlist\n| project FileName",
            &["main: {FileName:{equals:a.exe,case:sensitive}}"],
        ),
        (
            "DeviceProcessEvents\n| where ActionType == \"x\" and FileName !~ \"a.exe\" // why\n| project FileName",
            "DeviceProcessEvents\n| where ActionType == \"x\" // why\n// allowlist\n| project FileName",
            &["main: {FileName:{equals:a.exe}}"],
        ),
        (
            "DeviceProcessEvents\n  | where FileName !in (\"a\", \"b\") // known\n  | where FolderPath !startswith @\"C:\\x\\\"\n  | take 5",
            "DeviceProcessEvents\n  // known\n  // allowlist\n  | take 5",
            &["main: {FileName:{in:[a,b],case:sensitive}}; {FolderPath:{starts_with:C:\\\\x\\\\}}"],
        ),
        (
            "DeviceProcessEvents\n// Begin environment-specific filter.\n| where not(FileName =~ \"a\" and FolderPath has \"b\")\n// End environment-specific filter.\n| where not(SHA1 == \"c\" or MD5 == \"d\")",
            "DeviceProcessEvents\n// Begin environment-specific filter.\n// End environment-specific filter.\n",
            &[
                "main: {FileName:{equals:a},FolderPath:{has:b}}; {SHA1:{equals:c,case:sensitive}}; {MD5:{equals:d,case:sensitive}}",
            ],
        ),
        (
            "DeviceProcessEvents | where FileName != \"a\" | project FileName",
            "DeviceProcessEvents\n// allowlist\n| project FileName",
            &["main: {FileName:{equals:a,case:sensitive}}"],
        ),
        (
            "let known = dynamic([\"a\", \"b\"]); // known\nlet n = 1;\nDeviceProcessEvents\n| where FileName !in~ (known)",
            "// known\nlet n = 1;\nDeviceProcessEvents\n// allowlist\n",
            &["main: {FileName:{in:[a,b]}}"],
        ),
        (
            "DeviceProcessEvents\n| where FileName != \"a\"\n| summarize count() by DeviceName\n| where DeviceName != \"b\"",
            "DeviceProcessEvents\n// allowlist\n| summarize count() by DeviceName\n// allowlist: main-2\n",
            &["main: {FileName:{equals:a,case:sensitive}}", "main-2: {DeviceName:{equals:b,case:sensitive}}"],
        ),
        (
            "DeviceProcessEvents\n| where FileName has \"x\"\n    and FileName != \"a\" // one\n    and ProcessId > 5\n    and FolderPath !has \"b\"\n| take 1",
            "DeviceProcessEvents\n| where FileName has \"x\" // one\n    and ProcessId > 5\n// allowlist\n| take 1",
            &["main: {FileName:{equals:a,case:sensitive}}; {FolderPath:{has:b}}"],
        ),
        (
            "let seen = DeviceProcessEvents\n    | where FileName != \"a\";\nseen",
            "let seen = DeviceProcessEvents\n    // allowlist\n    ;\nseen",
            &["main: {FileName:{equals:a,case:sensitive}}"],
        ),
        (
            "DeviceProcessEvents\r\n| where FileName != \"a\"\r\n| take 1\r\n",
            "DeviceProcessEvents\r\n// allowlist\r\n| take 1\r\n",
            &["main: {FileName:{equals:a,case:sensitive}}"],
        ),
    ];
    for (before, after, expected) in cases {
        let split = of(before);
        assert_eq!(split.query, *after, "{before}");
        assert_eq!(entries(&split), *expected, "{before}");
        assert_eq!(split.kept, [], "{before}");
    }
}

#[test]
fn what_stays_and_why() {
    for (query, why) in [
        ("DeviceProcessEvents | where ActionType != \"x\"", "is the detection"),
        ("DeviceProcessEvents | where not(ipv4_is_private(RemoteIP))", "compares no column"),
        ("DeviceProcessEvents | where tolower(FileName) != \"x\"", "computed"),
        ("DeviceEvents | extend d = parse_json(AdditionalFields) | where d != \"x\"", "dynamic here"),
        ("DeviceProcessEvents | where ProcessId !in (4, 5)", "may be null"),
        ("DeviceProcessEvents | where Nothing != \"x\"", "no column that is known"),
        ("DeviceProcessEvents | where FileName !contains \"*\"", "must not match everything"),
        ("DeviceProcessEvents | where not(FileName has \"a\" and FileName has \"b\")", "asks two"),
        (
            "DeviceProcessEvents | order by Timestamp asc | where FileName != \"a\" | where prev(FileName) == FileName",
            "looks at other rows",
        ),
        (
            "DeviceProcessEvents | join kind=leftanti (DeviceFileEvents | where FileName != \"a\") on DeviceId",
            "subtracted",
        ),
        (
            "let known = DeviceFileEvents | where FileName != \"a\"; DeviceProcessEvents | join kind=leftanti known on DeviceId",
            "subtracted",
        ),
        (
            "let l = dynamic([\"a\"]); DeviceProcessEvents | where FileName !in (l) | extend x = l",
            "no constant",
        ),
    ] {
        let split = of(query);
        assert_eq!(split.query, query);
        assert_eq!(split.lists, [], "{query}");
        let [kept] = split.kept.as_slice() else { panic!("{query}: {:?}", split.kept) };
        assert!(kept.why.contains(why), "{query}: {}", kept.why);
    }
}

#[test]
fn a_query_whose_slots_are_out_of_place_stays_whole() {
    let text = "DeviceProcessEvents // allowlist\n| where FileName != \"a\"";
    let split = of(text);
    assert_eq!((split.query.as_str(), split.lists.len()), (text, 0));
    assert!(split.kept[0].why.contains("must stand on a line of its own"), "{:?}", split.kept);
}

#[test]
fn conditions_that_exclude_no_noise_are_not_mentioned() {
    for query in [
        "DeviceProcessEvents | where FileName != \"\" and isnotempty(SHA1) and not(isempty(MD5))",
        "DeviceProcessEvents | where FileName == \"a\" or FolderPath != \"b\"",
        "DeviceProcessEvents | where FileName != ProcessVersionInfoOriginalFileName",
        "DeviceProcessEvents | where ((",
    ] {
        let split = of(query);
        assert_eq!((split.query.as_str(), split.lists.len(), split.kept.len()), (query, 0, 0), "{query}");
    }
}

#[test]
fn between_the_markers_the_author_has_said_that_it_is_tuning() {
    let split = of(
        "DeviceProcessEvents\n// Begin client-specific filter.\n| where ActionType != \"x\"\n| where ipv4_is_private(DeviceName)\n// End client-specific filter.",
    );
    assert_eq!(entries(&split), ["main: {ActionType:{equals:x,case:sensitive}}"]);
    let whys: Vec<&str> = split.kept.iter().map(|kept| kept.why.as_str()).collect();
    assert_eq!(whys, ["it compares no column with constants"]);
}

#[test]
fn a_slot_that_other_lists_fill_is_not_used() {
    let text = "DeviceProcessEvents\n| where FileName != \"a\"";
    let split = super::split(text, &[&Schema::built_in(Platform::Xdr)], &["main"], &terms());
    assert_eq!(split.query, "DeviceProcessEvents\n// allowlist: main-2\n");
    assert_eq!(split.lists[0].name("r"), "imported/r-main-2");
}

#[test]
fn a_project_s_least_strength_holds() {
    let strict = Terms { require: Strength::Medium, ..terms() };
    let text = "DeviceProcessEvents\n| where FileName != \"a\" and SHA1 != \"b\"";
    let split = super::split(text, &[&Schema::built_in(Platform::Xdr)], &[], &strict);
    assert_eq!(split.query, "DeviceProcessEvents\n| where FileName != \"a\"\n// allowlist");
    assert!(split.kept[0].why.contains("weaker"), "{:?}", split.kept);
}

#[test]
fn a_list_reads_like_one_that_a_person_wrote() {
    let split = of(
        "DeviceProcessEvents\n| where not(FileName =~ \"a\" and FolderPath !in~ (\"b\"))\n| where DeviceName !in (\"007\", \"x: y\")",
    );
    let list = &split.lists[0];
    assert_eq!(list.path("production", "r"), "environments/production/allowlists/imported/r.yaml");
    assert_eq!(
        list.text("r", &terms()),
        "rules: [r]\nentries:\n  - id: imported-1\n    reason: imported\n    owner: soc@example.com\n    created: 2026-11-23\n    \
         expires: 2027-05-01\n    match: {DeviceName: {in: [\"007\", \"x: y\"], case: sensitive}}\n"
    );
}
