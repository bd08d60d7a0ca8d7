//! What binding must give. `cases.txt` holds verdicts of Microsoft's own binder; here are the promises of this module
//! that it knows nothing about.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::kql::parser::parse;
use crate::kql::schema::{Knowledge, Platform, SchemaSource};
use crate::kql::types::ScalarType;

fn sentinel() -> Schema {
    Schema::built_in(Platform::Sentinel)
}

fn bound(query: &str) -> Bound {
    bind(&parse(query), query, &sentinel())
}

fn own(json: &str) -> Schema {
    Schema::only(Platform::Sentinel, SchemaSource::from_json(json).unwrap())
}

fn columns(bound: &Bound) -> String {
    let mut list: Vec<String> = bound.columns.iter().map(|c| format!("{}:{}", c.name, c.ty)).collect();
    if bound.open {
        list.push("*".to_owned());
    }
    list.join(", ")
}

fn errors(bound: &Bound, query: &str) -> Vec<String> {
    let errors = bound.diagnostics.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| format!("{} {}", d.code, d.span.of(query))).collect()
}

#[test]
fn verdicts_of_the_official_binder() {
    let schema = sentinel().with_cross_resource(false);
    let mut lines = include_str!("cases.txt").lines();
    let mut failures = String::new();
    let mut count = 0;
    while let Some(line) = lines.next() {
        let Some(query) = line.strip_prefix("? ") else { continue };
        let expected = lines.next().unwrap();
        let bound = bind(&parse(query), query, &schema);
        let problem = match expected.split_at(1) {
            ("!", place) => {
                let errors = errors(&bound, query);
                let hit =
                    errors.iter().any(|e| e.split_once(' ').is_some_and(|(_, at)| at == place.trim_start()));
                (!hit).then(|| format!("{errors:?}"))
            }
            ("=", wanted) => {
                let all = columns(&bound);
                let short = format!(
                    "{} {} .. {}{}",
                    bound.columns.len(),
                    bound.columns.first().map_or(String::new(), |c| format!("{}:{}", c.name, c.ty)),
                    bound.columns.last().map_or(String::new(), |c| format!("{}:{}", c.name, c.ty)),
                    if bound.open { ", *" } else { "" }
                );
                let same = bound.is_ok() && (all == wanted.trim_start() || short == wanted);
                (!same).then(|| format!("{all} {:?}", errors(&bound, query)))
            }
            other => Some(format!("unreadable expectation {other:?}")),
        };
        count += 1;
        if let Some(problem) = problem {
            writeln!(failures, "{query}\n  expected {expected}\n  found    {problem}").unwrap();
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert!(count > 200, "the cases are read: {count}");
}

#[test]
fn a_typo_says_what_was_meant() {
    let query = "SigninLogs | where UserPrincipalNam == 'x'";
    let bound = bound(query);
    assert_eq!(errors(&bound, query), ["KQL142 UserPrincipalNam"]);
    assert_eq!(bound.diagnostics[0].suggestion.as_deref(), Some("UserPrincipalName"));
    for (query, suggestion) in [
        ("SigninLog | take 1", "SigninLogs"),
        ("SigninLogs | where isnotemty(AppId)", "isnotempty"),
        ("SigninLogs | evaluate bag_unpak(LocationDetails)", "bag_unpack"),
        ("let threshold = 5; SigninLogs | where 1 > treshold", "threshold"),
    ] {
        let bound = super::tests::bound(query);
        assert_eq!(bound.diagnostics[0].suggestion.as_deref(), Some(suggestion), "{query}");
    }
}

#[test]
fn one_mistake_is_one_message() {
    let query = "Nope | where a == 1 | summarize count() by b | join (Nope2 | project c) on c";
    let bound = bound(query);
    assert_eq!(errors(&bound, query), ["KQL204 Nope", "KQL204 Nope2"]);
}

#[test]
fn an_unknown_table_is_a_warning_where_not_all_are_known() {
    let schema = sentinel().with_knowledge(Knowledge::Partial);
    let query = "OurTable | where Anything == 1 | project Anything";
    let bound = bind(&parse(query), query, &schema);
    assert!(bound.is_ok());
    assert_eq!(bound.diagnostics[0].severity, Severity::Warning);
    assert!(bound.open || bound.columns.len() == 1);
}

#[test]
fn a_custom_table_binds_when_its_environment_is_known() {
    let source =
        r#"{"tables": {"App_CL": {"TimeGenerated": "datetime", "User_s": "string"}}, "complete": true}"#;
    let schema = own(source);
    for (query, ok) in [
        ("App_CL | project User_s", true),
        ("App_CL | project Nope_s", false),
        ("Other_CL | take 1", false),
        ("SigninLogs | take 1", false),
    ] {
        assert_eq!(bind(&parse(query), query, &schema).is_ok(), ok, "{query}");
    }
}

#[test]
fn a_listed_watchlist_has_its_columns() {
    let source = SchemaSource::from_json(r#"{"watchlists": {"vips": {"Upn": "string"}}}"#).unwrap();
    let schema = sentinel().with(source);
    let query = "_GetWatchlist('vips') | project Upn, SearchKey, Nope";
    let bound = bind(&parse(query), query, &schema);
    assert_eq!(errors(&bound, query), ["KQL142 Nope"]);
    let query = "_GetWatchlist('others') | project Anything";
    assert!(bind(&parse(query), query, &schema).is_ok());
}

#[test]
fn other_workspaces_are_open_not_wrong() {
    for query in [
        "workspace('w').SigninLogs | project AppId",
        "arg('').resources | where type == 'x' | project id",
        "union SigninLogs, workspace('w').SigninLogs | project AppId",
        "adx('https://x').Table | take 5",
    ] {
        let bound = bound(query);
        assert!(bound.is_ok(), "{query}: {:?}", bound.diagnostics);
    }
}

#[test]
fn a_complete_schema_says_nothing_of_other_workspaces() {
    let schema = Schema::built_in(Platform::Sentinel).with_knowledge(Knowledge::Complete);
    for (query, ok) in [("workspace('w').Badges_CL | take 5", true), ("Badges_CL | take 5", false)] {
        let bound = bind(&parse(query), query, &schema);
        assert_eq!(bound.is_ok(), ok, "{query}: {:?}", bound.diagnostics);
    }
}

#[test]
fn file_profile_takes_a_column_name() {
    let schema = Schema::built_in(Platform::Xdr);
    let query = "DeviceFileEvents | invoke FileProfile(SHA1, 1000) | project SHA1, GlobalPrevalence, Signer";
    let bound = bind(&parse(query), query, &schema);
    assert!(bound.is_ok(), "{:?}", bound.diagnostics);
    assert_eq!(columns(&bound), "SHA1:string, GlobalPrevalence:long, Signer:string");
}

#[test]
fn rows_at_a_place_are_those_after_the_operators_before_it() {
    let query = "let Days = 7;\nSigninLogs\n| project AppId, UserPrincipalName\n// here\n\
                 | join (AuditLogs | project CorrelationId // inner\n | extend X = 1) on $left.AppId == $right.CorrelationId\n\
                 | summarize Count = count() by AppId\n// end";
    let schema = sentinel();
    let bound = bind(&parse(query), query, &schema);
    assert!(bound.is_ok(), "{:?}", bound.diagnostics);
    let at = |mark: &str| {
        let offset = u32::try_from(query.find(mark).unwrap()).unwrap();
        let row = bound.row_schema_at(&schema, offset)?;
        Some(row.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>().join(","))
    };
    assert_eq!(at("// here").as_deref(), Some("AppId,UserPrincipalName"));
    assert_eq!(at("// inner").as_deref(), Some("CorrelationId"));
    assert_eq!(at("// end").as_deref(), Some("AppId,Count"));
    assert_eq!(at("Days"), None);
}

#[test]
fn rows_at_a_place_know_types_and_openness() {
    let query = "App_CL\n// slot\n| where Name_s == 'x'";
    let schema = sentinel();
    let row = bind(&parse(query), query, &schema).row_schema_at(&schema, 8).unwrap();
    assert!(row.open);
    assert_eq!(row.column("TimeGenerated"), Some(ScalarType::DateTime));
}

#[test]
fn top_level_literals_are_parameters() {
    let query = "let Threshold = 5; let Window = 1h; let Names = dynamic(['a']); let T = SigninLogs; T | take Threshold";
    let bound = bound(query);
    let list: Vec<String> =
        bound.parameters.iter().map(|p| format!("{}:{} {}", p.name, p.ty, p.span.of(query))).collect();
    assert_eq!(list, ["Threshold:long 5", "Window:timespan 1h", "Names:dynamic dynamic(['a'])"]);
}

#[test]
fn facts_name_what_the_query_uses() {
    let bound =
        bound("SigninLogs | where isnotempty(AppId) | join (AuditLogs) on CorrelationId | summarize count()");
    assert_eq!(bound.tables, ["SigninLogs", "AuditLogs"]);
    assert_eq!(bound.functions, ["isnotempty", "count"]);
    let schema = sentinel();
    let used: Vec<&str> = bound.column_uses.iter().map(|c| bound.used_name(&schema, c)).collect();
    assert_eq!(used, ["AppId", "CorrelationId"]);
}

#[test]
fn bad_input_is_bounded() {
    // Every function calls the one before it four times: 4^40 bodies.
    let mut bomb = String::from("let f0 = (T:(*)) { T };\n");
    for i in 1..40 {
        let p = i - 1;
        writeln!(
            bomb,
            "let f{i} = (T:(*)) {{ union (T | invoke f{p}()), (T | invoke f{p}()), f{p}(T), f{p}(T) }};"
        )
        .unwrap();
    }
    bomb.push_str("SigninLogs | invoke f39()");
    bound(&bomb);
    assert!(!bound("let x = x; print x").is_ok());
    assert!(!bound("let f = (){ f() }; print f()").is_ok());
    let wide: Vec<String> = (0..5000).map(|i| format!("\"c{i}\": \"string\"")).collect();
    let schema = own(&format!("{{\"tables\": {{\"Wide\": {{{}}}}}}}", wide.join(",")));
    let mut query = String::from("Wide");
    for i in 0..40 {
        write!(query, " | extend c{i} = strcat(c{}, 'x') | join kind=inner (Wide) on c0", i + 1).unwrap();
    }
    let bound = bind(&parse(&query), &query, &schema);
    assert!(bound.diagnostics.len() <= MAX_DIAGNOSTICS);
    let many: String = (0..5000).fold(String::from("SigninLogs"), |mut text, i| {
        write!(text, " | where Nope{i} == {i}").unwrap();
        text
    });
    assert_eq!(super::tests::bound(&many).diagnostics.len(), MAX_DIAGNOSTICS);
}

const WORDS: &[&str] = &[
    "SigninLogs",
    "AppId",
    "|",
    "where",
    "project",
    "extend",
    "summarize",
    "by",
    "join",
    "on",
    "union",
    "(",
    ")",
    "==",
    "'x'",
    "5",
    "1h",
    ",",
    "=",
    "let",
    "x",
    ";",
    "count()",
    "arg_max(",
    "*",
    "mv-expand",
    "parse",
    "with",
    "$left.",
    "$right.",
    "kind=leftanti",
    "dynamic([1])",
    "[0]",
    ".a",
    "evaluate",
    "bag_unpack(",
    "invoke",
    "toscalar(",
    "{",
    "}",
    "make-series",
    "step",
    "from",
    "to",
    "typeof(string)",
    "in",
    "between",
    "..",
    "and",
    "has",
    "print",
    "range",
    "datatable(a:string)['x']",
    "T:(*)",
    "search",
    "find",
    "fork",
    "partition",
    "scan",
    "as",
    "top-nested",
    "of",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_words_bind_without_panic(words in prop::collection::vec(prop::sample::select(WORDS), 0..60)) {
        let query = words.join(" ");
        let bound = bound(&query);
        for d in &bound.diagnostics {
            prop_assert!(d.span.end as usize <= query.len(), "{query}: {d:?}");
            prop_assert!(query.get(d.span.start as usize..d.span.end as usize).is_some());
            prop_assert!(code_title(d.code).is_some(), "{} is not documented", d.code);
        }
    }

    #[test]
    fn any_part_of_a_query_binds_without_panic(line in 0usize..300, cut in 0usize..400, insert in "\\PC{0,6}") {
        let query = include_str!("cases.txt").lines().filter_map(|l| l.strip_prefix("? ")).nth(line).unwrap_or("");
        let at = (0..=cut.min(query.len())).rev().find(|&i| query.is_char_boundary(i)).unwrap_or(0);
        bound(&format!("{}{insert}{}", &query[..at], &query[at..]));
        bound(&query[..at]);
    }
}
