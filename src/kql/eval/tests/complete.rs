//! What the language has, and what of it is evaluated: everything that is has a row in a table of this module or of `cases`,
//! taken from the documentation or from an independent engine; everything that is not is in docs/kql-semantics.md.

use std::collections::BTreeSet;

use super::run;
use crate::kql::builtins::{BuiltinKind, names};
use crate::kql::eval::Fault;

/// All tables of expected values. Each row stands under a line that names its page; those of the engine say so at the top.
const TABLES: [&str; 6] = [
    include_str!("../cases/functions.txt"),
    include_str!("../cases/aggregates.txt"),
    include_str!("operators.txt"),
    include_str!("worlds.rs"),
    include_str!("../../../../tests/data/kql-engine/values.txt"),
    include_str!("../../../../tests/data/kql-engine/queries.txt"),
];

const PAGE: &str = include_str!("../../../../docs/kql-semantics.md");

/// Every tabular operator by name, in the shortest query that has it.
const OPERATORS: [(&str, &str); 54] = [
    ("as", "print a = 1 | as T"),
    ("assert-schema", "print a = 1 | assert-schema (a: long)"),
    ("consume", "print a = 1 | consume"),
    ("count", "print a = 1 | count"),
    ("datatable", "datatable(a: long)[1]"),
    ("distinct", "print a = 1 | distinct a"),
    ("evaluate", "print a = 1 | evaluate identity()"),
    ("extend", "print a = 1 | extend b = 2"),
    ("externaldata", "externaldata(a: long)['https://h.example/none.csv']"),
    ("facet", "print a = 1 | facet by a"),
    ("filter", "print a = 1 | filter a == 1"),
    ("find", "find in (DeviceEvents) where DeviceId == 'x' project DeviceId"),
    ("fork", "print a = 1 | fork (count) (take 1)"),
    ("getschema", "print a = 1 | getschema"),
    ("invoke", "let f = (T: (a: long)) { T | count }; print a = 1 | invoke f()"),
    ("join", "print a = 1 | join (print a = 1) on a"),
    ("limit", "print a = 1 | limit 1"),
    ("lookup", "print a = 1 | lookup (print a = 1) on a"),
    ("macro-expand", "macro-expand entity_group [database('a'), database('b')] as X (X.DeviceEvents)"),
    ("make-graph", "print a = 1, b = 2 | make-graph a --> b | graph-to-table nodes"),
    ("make-series", "print a = 1, t = datetime(2026-01-01) | make-series n = count() on t step 1d"),
    ("materialize", "materialize(print a = 1)"),
    ("mv-apply", "print a = dynamic([1]) | mv-apply a on (take 1)"),
    ("mv-expand", "print a = dynamic([1]) | mv-expand a"),
    ("order", "print a = 1 | order by a"),
    ("parse", "print a = 'x' | parse a with 'x' b"),
    ("parse-kv", "print a = 'x=1' | parse-kv a as (x: long) with (pair_delimiter=' ', kv_delimiter='=')"),
    ("parse-where", "print a = 'x' | parse-where a with 'x' b"),
    ("partition", "print a = 1 | partition by a (count)"),
    ("print", "print a = 1"),
    ("project", "print a = 1 | project a"),
    ("project-away", "print a = 1 | project-away a"),
    ("project-by-names", "print a = 1 | project-by-names 'a'"),
    ("project-keep", "print a = 1 | project-keep a"),
    ("project-rename", "print a = 1 | project-rename b = a"),
    ("project-reorder", "print a = 1 | project-reorder a"),
    ("range", "range a from 1 to 2 step 1"),
    ("reduce", "print a = 'x' | reduce by a"),
    ("render", "print a = 1 | render table"),
    ("sample", "print a = 1 | sample 1"),
    ("sample-distinct", "print a = 1 | sample-distinct 1 of a"),
    ("scan", "print a = 1 | scan with (step s: true;)"),
    ("search", "search in (DeviceEvents) 'x'"),
    ("serialize", "print a = 1 | serialize"),
    ("sort", "print a = 1 | sort by a"),
    ("summarize", "print a = 1 | summarize count()"),
    ("take", "print a = 1 | take 1"),
    ("top", "print a = 1 | top 1 by a"),
    ("top-hitters", "print a = 1 | top-hitters 1 of a"),
    ("top-nested", "print a = 1 | top-nested 1 of a by count()"),
    ("toscalar", "print a = toscalar(print b = 1)"),
    ("totable", "totable(print a = 1)"),
    ("union", "union (print a = 1)"),
    ("where", "print a = 1 | where a == 1"),
];

/// Operators between values, as a query writes them.
const BETWEEN_VALUES: [&str; 47] = [
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "and",
    "or",
    "=~",
    "!~",
    "has",
    "!has",
    "has_cs",
    "!has_cs",
    "contains",
    "!contains",
    "contains_cs",
    "!contains_cs",
    "startswith",
    "!startswith",
    "startswith_cs",
    "!startswith_cs",
    "endswith",
    "!endswith",
    "endswith_cs",
    "!endswith_cs",
    "hasprefix",
    "!hasprefix",
    "hasprefix_cs",
    "!hasprefix_cs",
    "hassuffix",
    "!hassuffix",
    "hassuffix_cs",
    "!hassuffix_cs",
    "in",
    "!in",
    "in~",
    "!in~",
    "has_any",
    "has_all",
    "between",
    "!between",
];

/// Whether running this, with these arguments or others, is refused under that name.
fn refused(query: &str, name: &str) -> bool {
    let whole = [name.to_owned(), format!("{name}()"), format!("evaluate {name}()")];
    matches!(run(query), Err(Fault::NotEvaluated { what, .. }) if whole.contains(&what))
}

fn has_row(mark: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    TABLES.iter().any(|table| {
        table.match_indices(mark).any(|(at, _)| !table[..at].ends_with(word) || mark.starts_with([' ', '!']))
    })
}

/// The names in backticks under "Not evaluated"; `*` stands for anything.
fn listed() -> BTreeSet<&'static str> {
    let (_, section) = PAGE.split_once("## Not evaluated").unwrap();
    section.split('`').skip(1).step_by(2).map(|name| name.trim_end_matches("()")).collect()
}

#[test]
fn what_is_evaluated_has_a_row_and_what_is_not_is_on_the_page() {
    let mut wrong = Vec::new();
    let (mut missing, mut evaluated): (BTreeSet<&str>, BTreeSet<&str>) = Default::default();
    let mut check = |name: &'static str, queries: &[String], mark: &str| {
        // Names with two underlines are the service's own; the others here only stand before the name of a table.
        if name.starts_with("__") || matches!(name, "cluster" | "database" | "table") {
        } else if queries.iter().all(|query| refused(query, name)) {
            missing.insert(name);
        } else {
            evaluated.insert(name);
            if !has_row(mark) {
                wrong.push(format!("{name} has no row"));
            }
        }
    };
    for name in names(BuiltinKind::Scalar) {
        let queries =
            ["", "true, 1, 2", "'a', 1", "1, 2", "'a'"].map(|args| format!("print x = {name}({args})"));
        check(name, &queries, &format!("{name}("));
    }
    for name in names(BuiltinKind::Aggregate) {
        let queries =
            ["", "a", "a, 1", "a, 1, 2"].map(|args| format!("print a = 1 | summarize x = {name}({args})"));
        check(name, &queries, &format!("{name}("));
    }
    for name in names(BuiltinKind::Plugin) {
        check(name, &[format!("print a = 1 | evaluate {name}()")], &format!("{name}("));
    }
    for (name, query) in OPERATORS {
        check(name, &[query.to_owned()], name);
    }
    for operator in BETWEEN_VALUES {
        if !has_row(&format!(" {operator} ")) && !has_row(&format!(" {operator}(")) {
            wrong.push(format!("{operator} has no row"));
        }
    }
    // `any` is a function of graphs and an aggregate.
    missing.retain(|name| !evaluated.contains(name));
    let listed = listed();
    let matches =
        |pattern: &str, name: &str| crate::kql::bind::matches_wildcard(pattern.as_bytes(), name.as_bytes());
    for name in &missing {
        if !listed.iter().any(|pattern| matches(pattern, name)) {
            wrong.push(format!("{name} is not evaluated and not on the page"));
        }
    }
    for pattern in &listed {
        if !missing.iter().any(|name| matches(pattern, name)) {
            wrong.push(format!("the page lists {pattern}, which is evaluated or does not exist"));
        }
    }
    assert!(wrong.is_empty(), "{}\nnot evaluated: {missing:?}", wrong.join("\n"));
}

#[test]
fn forms_that_are_not_evaluated_say_so() {
    for query in [
        "print a = decimal(1.5)",
        "find in (DeviceEvents) where DeviceId == 'x'",
        "print a = 1 | partition by a { print b = 1 }",
        "print a = 1 | scan with (step s output=last: true;)",
        "print a = 'x=1' | parse-kv a as (x: long) with (pair_delimiter=' ', kv_delimiter='=', greedy=true)",
        "adx('https://h.example/d').T",
        "arg('').Resources",
        "print a = datetime_utc_to_local(now(), 'US/Pacific')",
        "print a = datetime_local_to_utc(now(), 'Europe/Brussels')",
        "print a = hash_md5(1)",
        "externaldata(a: long)['https://h.example/none.csv']",
    ] {
        let answer = run(query);
        assert!(matches!(answer, Err(Fault::NotEvaluated { .. })), "{query}: {answer:?}");
    }
}

#[test]
fn every_row_stands_under_the_name_of_its_source() {
    for table in &TABLES[..2] {
        assert!(table.starts_with('#'), "the first rows have no source");
    }
    for title in TABLES[2].lines().filter_map(|line| line.strip_prefix("===")) {
        assert!(title.starts_with(' ') && title.len() > 5, "a block without a source: {title}");
    }
}
